import {mkdir, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {ask, download, type Envelope, upload} from './client.js';
import type {CopyTask} from './floor-copy.js';
import {askForked, endForked, startForked} from './forked.js';
import type {Party} from './party.js';

const NODES = 3;
const host = '127.0.0.1';
const raw: Envelope = {headers: {}, before: Buffer.alloc(0), after: Buffer.alloc(0)};

export type CopyFloor = {
	/** Puts so many blocks on the nodes, each on one. */
	fill: (blocks: number) => Promise<void>;
	/** Copies every block to another node, so many at once. */
	copy: (atOnce: number) => Promise<void>;
	stop: () => Promise<void>;
};

/** Starts the floor of repair: storage processes, and one that copies blocks between them. */
export const startCopyFloor = async (folder: string, nodeCount: number): Promise<CopyFloor> => {
	const folders = Array.from({length: nodeCount}, (_, index) => join(folder, `floor-copy-${index + 1}`));
	await Promise.all(folders.map(async path => mkdir(path, {recursive: true})));
	const nodes = await Promise.all(folders.map(async path => startForked('floor-node.js', [path])));
	const copier = await startForked(
		'floor-copy.js',
		nodes.map(({port}) => String(port)),
	);
	const ask = async (task: CopyTask) => askForked(copier, task);

	return {
		fill: async blocks => ask({fill: blocks}),
		copy: async atOnce => ask({copy: {atOnce}}),
		async stop() {
			await endForked([copier, ...nodes]);
			await Promise.all(folders.map(async path => rm(path, {recursive: true})));
		},
	};
};

/** Starts the floor: three storage processes and the front process before them. */
export const startFloor = async (folder: string): Promise<Party> => {
	const folders = Array.from({length: NODES}, (_, index) => join(folder, `floor-${index + 1}`));
	await Promise.all(folders.map(async path => mkdir(path, {recursive: true})));
	const nodes = await Promise.all(folders.map(async path => startForked('floor-node.js', [path])));
	const front = await startForked(
		'floor-front.js',
		nodes.map(({port}) => String(port)),
	);
	const processes = [front, ...nodes];
	let nextId = 0;

	return {
		name: 'floor',
		members: processes.map(({child}, index) => ({
			label: index === 0 ? 'front' : `node ${index}`,
			pid: child.pid ?? 0,
		})),
		folders,
		upload: async sizeBytes => {
			const id = String(++nextId);
			await upload({host, port: front.port, method: 'PUT', path: `/${id}`}, sizeBytes, raw);
			return id;
		},
		download: async (id, take) => download({host, port: front.port, path: `/${id}`}, take),
		clear: async () => {
			await Promise.all(nodes.map(async ({port}) => ask({host, port, method: 'DELETE', path: '/'})));
		},
		explain: async () => Promise.resolve('The floor says what it has to say on standard error.'),
		stop: async () => endForked(processes),
	};
};
