import type {LinkView} from '../client/people-contract.js';
import {formatShareUrl, parseShareUrl} from '../client/share-url.js';
import {quoted} from '../command-line.js';
import {formatTable, formatTime} from '../format.js';
import {escapeControls} from '../protocol/escape.js';
import {PjasError} from '../protocol/errors.js';
import {askNewPassword} from './ask-password.js';
import type {linkActions} from './commands.js';
import {type CommandContext, isOn, jsonLine, refuseReadOnly, type RunCommand, valueOf} from './context.js';
import {exitCodes} from './failures.js';
import {findOpened, keyOf} from './find-opened.js';
import {createVaults} from './passphrase.js';
import {expiresOf, refuseFlags, wordAfter} from './people-words.js';
import {jsonList} from './show.js';

const MOST_DOWNLOADS = 1_000_000;

const linksHead = ['ID', 'DOWNLOADS', 'PASSWORD', 'GOOD UNTIL (UTC)', 'FILE'];
const linkRow = (link: LinkView): string[] => [
	link.id,
	link.max_downloads === null ? 'no limit' : `${link.downloads ?? 0} of ${link.max_downloads}`,
	link.has_password ? 'set' : 'none',
	formatTime(link.expires_at),
	link.filename,
];

const list = async (context: CommandContext) => {
	refuseFlags(context, ['expires', 'downloads', 'password'], 'links list');
	const links = await context.api.links();
	const table = formatTable(linksHead, links.map(linkRow));
	if (isOn(context, 'json')) await context.stdout.write(jsonList(links));
	else await context.stdout.write(links.length === 0 ? 'No link is open\n' : `${table}\n`);
};

const downloadsOf = (context: CommandContext): number | undefined => {
	const text = valueOf(context, 'downloads');
	if (text === undefined) return undefined;
	const count = /^\d{1,7}$/.test(text) ? Number(text) : 0;
	if (count >= 1 && count <= MOST_DOWNLOADS) return count;
	const problem = `--downloads is ${quoted(text)}. Allowed: a whole number from 1 to ${MOST_DOWNLOADS}`;
	throw new PjasError('INVALID_CONFIGURATION', problem);
};

const create = async (context: CommandContext) => {
	const word = wordAfter(context, 'links create FILE');
	const expires = expiresOf(context);
	const downloads = downloadsOf(context);
	refuseReadOnly(context, 'links create');
	const vaults = createVaults(context);
	const file = await findOpened(context, word, vaults);
	// It goes behind the #, which no program sends: the coordinator never sees it.
	const key = await keyOf(file, vaults);
	const password = isOn(context, 'password') ? await askNewPassword(context) : undefined;
	const {link, url: plainUrl} = await context.api.createLink(file.file_id, {
		...(expires !== undefined && {expires_in_s: expires}),
		...(downloads !== undefined && {max_downloads: downloads}),
		...(password !== undefined && {password}),
	});
	const shared = key && parseShareUrl(plainUrl);
	const url = shared ? formatShareUrl({...shared, key}) : plainUrl;
	if (isOn(context, 'json')) {
		await context.stdout.write(jsonLine({...link, url}));
		return;
	}

	await context.stdout.write(`${escapeControls(url)}\n`);
	const until = `until ${formatTime(link.expires_at)} UTC`;
	await context.stderr.write(`Link ${link.id} is good ${until}. It is not shown again\n`);
};

const revoke = async (context: CommandContext) => {
	const id = wordAfter(context, 'links revoke ID');
	refuseFlags(context, ['expires', 'downloads', 'password'], 'links revoke');
	refuseReadOnly(context, 'links revoke');
	await context.api.revokeLink(id);
	await context.stdout.write(isOn(context, 'json') ? jsonLine({id, revoked: true}) : `Took ${id} back\n`);
};

const actions: Record<(typeof linkActions)[number], (context: CommandContext) => Promise<void>> = {
	list,
	create,
	revoke,
};

export const links: RunCommand = async context => {
	await actions[(context.words[0] ?? 'list') as keyof typeof actions](context);
	return exitCodes.done;
};
