import {formatTable, formatTime} from '../format.js';
import type {scopes} from '../protocol/people.js';
import type {tokenActions} from './commands.js';
import {type CommandContext, isOn, jsonLine, refuseReadOnly, type RunCommand, valueOf} from './context.js';
import {exitCodes} from './failures.js';
import {expiresOf, refuseFlags, tokenRow, tokensHead, wordAfter} from './people-words.js';
import {jsonList} from './show.js';

const list = async (context: CommandContext) => {
	refuseFlags(context, ['scope', 'expires'], 'tokens list');
	const tokens = await context.api.tokens(valueOf(context, 'of'));
	const table = formatTable(tokensHead, tokens.map(tokenRow));
	if (isOn(context, 'json')) await context.stdout.write(jsonList(tokens));
	else await context.stdout.write(tokens.length === 0 ? 'There is no token\n' : `${table}\n`);
};

const create = async (context: CommandContext) => {
	const name = wordAfter(context, 'tokens create NAME');
	const scope = valueOf(context, 'scope') as (typeof scopes)[number] | undefined;
	const expires = expiresOf(context);
	refuseFlags(context, ['of'], 'tokens create');
	refuseReadOnly(context, 'tokens create');
	const {token, secret} = await context.api.createToken({
		name,
		...(scope && {scope}),
		...(expires !== undefined && {expires_in_s: expires}),
	});
	if (isOn(context, 'json')) {
		await context.stdout.write(jsonLine({...token, secret}));
		return;
	}

	const until = token.expires_at === null ? 'until it is revoked' : `until ${formatTime(token.expires_at)} UTC`;
	await context.stdout.write(`${secret}\n`);
	await context.stderr.write(`Token ${token.id} works ${until}, scope ${token.scope}. It is not shown again\n`);
};

const revoke = async (context: CommandContext) => {
	const id = wordAfter(context, 'tokens revoke ID');
	refuseFlags(context, ['scope', 'expires', 'of'], 'tokens revoke');
	refuseReadOnly(context, 'tokens revoke');
	await context.api.revokeToken(id);
	await context.stdout.write(isOn(context, 'json') ? jsonLine({id, revoked: true}) : `Ended ${id}\n`);
};

const actions: Record<(typeof tokenActions)[number], (context: CommandContext) => Promise<void>> = {
	list,
	create,
	revoke,
};

export const tokens: RunCommand = async context => {
	await actions[(context.words[0] ?? 'list') as keyof typeof actions](context);
	return exitCodes.done;
};
