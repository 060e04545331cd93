import type {Api, NodeView, Stats} from '../client/contract.js';
import {type OpenedFile, openedListing} from '../client/opened-files.js';
import type {Vault} from '../client/vault.js';
import {formatRedundancy, formatSize, formatTable, formatTime} from '../format.js';
import {escapeControls} from '../protocol/escape.js';
import {type CommandContext, isOn, jsonLine, type RunCommand, valueOf} from './context.js';
import {exitCodes} from './failures.js';
import {createVaults} from './passphrase.js';

const FILES_PER_PAGE = 1000;

/** Which files are listed, and what opens the names of those that are sealed. */
type Wanted = {search: string | undefined; vault: Vault | undefined};

const json = (value: unknown) => escapeControls(JSON.stringify(value));

/** A JSON array with a line for each value. */
export const jsonList = (values: readonly unknown[]): string =>
	values.length === 0 ? '[]\n' : `[\n${values.map(value => json(value)).join(',\n')}\n]\n`;

const repairText = ({repair: {waiting, active, blocked, paused}}: Stats): string =>
	`${waiting} waiting, ${active} under way, ${blocked} not possible now${paused ? ' (paused)' : ''}`;

const statsText = (stats: Stats): string => {
	const {full, partly, none} = stats.redundancy;
	const rows: [string, string][] = [
		['Nodes online', `${stats.onlineNodes} of ${stats.totalNodes} (${stats.networkHealth}%)`],
		['Chunks in full', `${full} of ${stats.chunks} (${stats.dataHealth}%)`],
		['Chunks with fewer copies', String(partly)],
		['Chunks not readable now', String(none)],
		['Files', `${stats.activeFiles} (${formatSize(stats.fileBytes)})`],
		['Storage used', `${formatSize(stats.usedStorage)} of ${formatSize(stats.totalStorage)}`],
		['Storage free', formatSize(stats.freeStorage)],
		['Received and sent', `${formatSize(stats.bytesIn)} and ${formatSize(stats.bytesOut)} since the start`],
		['In the trash', `${stats.trash.files} (${formatSize(stats.trash.bytes)})`],
		['Chunks to be repaired', repairText(stats)],
		['Shards still to be removed', String(stats.pendingRemovals)],
	];
	return rows.map(([label, value]) => `${label.padEnd(27)} ${value}\n`).join('');
};

const nodesHead = ['NAME', 'STATUS', 'ZONE', 'OWNER', 'USED', 'ALLOCATED', 'SHARDS', 'ADDRESS'];
const drainText = ({leaves, shards_left: shardsLeft}: NonNullable<NodeView['drain']>): string => {
	if (leaves) return 'leaving';
	return shardsLeft === 0 ? 'drained' : 'draining';
};

/** Whether a node is there, and what else there is to know before one counts on it. */
const statusText = (node: NodeView, nowMs: number): string => {
	if (node.banned_at !== undefined) return 'banned';
	const {drain, maintenance, suspended} = node;
	const isAwayOnPurpose = maintenance && maintenance.from <= nowMs && nowMs < maintenance.until;
	return [
		node.status,
		...(drain ? [drainText(drain)] : []),
		...(isAwayOnPurpose ? ['maintenance'] : []),
		...(suspended ? ['suspended'] : []),
		...(node.is_behind ? ['behind'] : []),
	].join(', ');
};

const addressText = ({kind, address, links = 0}: NodeView): string =>
	kind === 'link' ? `over ${links} ${links === 1 ? 'link' : 'links'}` : address;

const nodeRow = (node: NodeView, nowMs: number) => [
	node.name,
	statusText(node, nowMs),
	node.zone,
	node.owner,
	formatSize(node.storage_stats.used_bytes),
	formatSize(node.storage_stats.allocated_bytes),
	String(node.chunks_stored),
	addressText(node),
];

const filesHead = ['FILE', '     SIZE', 'UPLOADED (UTC)', 'REDUNDANCY', 'NAME'];
/** A name as a table shows it. A file that somebody sealed end to end has the name that whoever looks may see. */
export const shownName = ({filename, e2e, seal}: OpenedFile): string => {
	if (seal === 'broken') return `${filename} (sealed end to end, and not as it was sealed)`;
	if (seal === 'opened') return `${filename} (end to end)`;
	return e2e ? `(sealed end to end)` : filename;
};

const fileRow = (file: OpenedFile) => [
	file.file_id,
	formatSize(file.size).padStart(9),
	formatTime(file.uploaded_at),
	file.status === 'completed' ? formatRedundancy(file.redundancy) : file.status,
	shownName(file),
];

/** Every file, a page at a time, so that nobody holds them all; by the names that the keyring knows, where it is there. */
async function* filePages(api: Api, {search, vault}: Wanted): AsyncGenerator<OpenedFile[]> {
	const source = vault ? openedListing(api, vault) : api;
	const searched = search === undefined ? {} : {search};
	let before: string | undefined;
	do {
		const page = await source.files({limit: FILES_PER_PAGE, ...searched, ...(before !== undefined && {before})});
		yield page.files;
		before = page.next_before ?? undefined;
	} while (before !== undefined);
}

export const showStats: RunCommand = async ({api, stdout, flags}) => {
	const stats = await api.stats();
	await stdout.write(isOn({flags}, 'json') ? jsonLine(stats) : statsText(stats));
	return exitCodes.done;
};

export const showNodes: RunCommand = async ({api, stdout, flags, clock}) => {
	const nodes = await api.nodes();
	if (isOn({flags}, 'json')) await stdout.write(jsonList(nodes));
	else if (nodes.length === 0) await stdout.write('No node has joined yet\n');
	else
		await stdout.write(
			`${formatTable(
				nodesHead,
				nodes.map(node => nodeRow(node, clock.now())),
			)}\n`,
		);
	return exitCodes.done;
};

const filesAsJson = async ({api, stdout, signal}: CommandContext, wanted: Wanted) => {
	let count = 0;
	for await (const files of filePages(api, wanted)) {
		signal.throwIfAborted();
		await stdout.write(files.map(file => `${count++ === 0 ? '[' : ','}\n${json(file)}`).join(''));
	}

	await stdout.write(count === 0 ? '[]\n' : '\n]\n');
};

const filesAsTable = async ({api, stdout, signal}: CommandContext, wanted: Wanted) => {
	let count = 0;
	for await (const files of filePages(api, wanted)) {
		signal.throwIfAborted();
		if (files.length === 0) continue;
		const [head = '', ...rows] = formatTable(filesHead, files.map(fileRow)).split('\n');
		await stdout.write(`${[...(count === 0 ? [head] : []), ...rows].join('\n')}\n`);
		count += files.length;
	}

	const nothing = wanted.search === undefined ? 'There are no files yet\n' : 'No file has that in its name\n';
	if (count === 0) await stdout.write(nothing);
};

export const showFiles: RunCommand = async context => {
	const search = valueOf(context, 'search');
	const vaults = createVaults(context);
	const vault = await (isOn(context, 'open') ? vaults.existing() : vaults.given());
	const wanted = {search, vault};
	await (isOn(context, 'json') ? filesAsJson(context, wanted) : filesAsTable(context, wanted));
	return exitCodes.done;
};
