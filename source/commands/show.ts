import type {Api, FileView, LogEntry, NodeView, Stats} from '../client/api.js';
import {formatSize, formatTable, formatTime} from '../format.js';
import {escapeControls} from '../protocol/escape.js';

/** What a command shows: as text for people, or as JSON for programs. */
export type Show = (api: Api, options: {json: boolean; write: (text: string) => void}) => Promise<void>;

const FILES_PER_PAGE = 1000;
const LOG_ENTRIES = 50;

const json = (value: unknown) => escapeControls(JSON.stringify(value));

const list = (values: readonly unknown[]) =>
	values.length === 0 ? '[]\n' : `[\n${values.map(value => json(value)).join(',\n')}\n]\n`;

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
		['Shards still to be removed', String(stats.pendingRemovals)],
	];
	return rows.map(([label, value]) => `${label.padEnd(27)} ${value}\n`).join('');
};

const nodesHead = ['NAME', 'STATUS', 'ZONE', 'OWNER', 'USED', 'ALLOCATED', 'SHARDS', 'ADDRESS'];
const nodeRow = (node: NodeView) => [
	node.name,
	node.status,
	node.zone,
	node.owner,
	formatSize(node.storage_stats.used_bytes),
	formatSize(node.storage_stats.allocated_bytes),
	String(node.chunks_stored),
	node.address,
];

const filesHead = ['FILE', 'SIZE', 'UPLOADED (UTC)', 'STATUS', 'NAME'];
const fileRow = (file: FileView) => [
	file.file_id,
	formatSize(file.size).padStart(9),
	formatTime(file.uploaded_at),
	file.status,
	file.filename,
];

/** Every file, a page at a time, so that nobody holds them all. */
async function* filePages(api: Api): AsyncGenerator<FileView[]> {
	let before: string | undefined;
	do {
		const page = await api.files({limit: FILES_PER_PAGE, ...(before !== undefined && {before})});
		yield page.files;
		before = page.next_before ?? undefined;
	} while (before !== undefined);
}

const logLine = ({timestamp, level, message}: LogEntry) =>
	`${escapeControls(timestamp)}  ${level.padEnd(5)}  ${escapeControls(message)}\n`;

export const shows: Record<'stats' | 'nodes' | 'files' | 'logs', {about: string; show: Show}> = {
	stats: {
		about: 'the figures of the network',
		async show(api, {json: asJson, write}) {
			const stats = await api.stats();
			write(asJson ? `${json(stats)}\n` : statsText(stats));
		},
	},
	nodes: {
		about: 'every node that ever joined',
		async show(api, {json: asJson, write}) {
			const nodes = await api.nodes();
			if (asJson) write(list(nodes));
			else if (nodes.length === 0) write('No node has joined yet\n');
			else write(`${formatTable(nodesHead, nodes.map(nodeRow))}\n`);
		},
	},
	files: {
		about: 'every file, the newest first',
		async show(api, {json: asJson, write}) {
			let count = 0;
			for await (const files of filePages(api)) {
				if (asJson) {
					for (const file of files) write(`${count++ === 0 ? '[' : ','}\n${json(file)}`);
				} else if (files.length > 0) {
					const [head = '', ...rows] = formatTable(filesHead, files.map(fileRow)).split('\n');
					write(`${[...(count === 0 ? [head] : []), ...rows].join('\n')}\n`);
					count += files.length;
				}
			}

			if (asJson) write(count === 0 ? '[]\n' : '\n]\n');
			else if (count === 0) write('There are no files yet\n');
		},
	},
	logs: {
		about: `the newest ${LOG_ENTRIES} entries of the activity log, the oldest of them first`,
		async show(api, {json: asJson, write}) {
			const entries = await api.logs(LOG_ENTRIES);
			write(asJson ? list(entries) : entries.map(logLine).join(''));
		},
	},
};
