import {type ChildProcess, fork} from 'node:child_process';
import {once} from 'node:events';
import {mkdir} from 'node:fs/promises';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {ask, download, type Envelope, upload} from './client.js';
import type {CopyTask} from './floor-copy.js';
import type {Party} from './party.js';

const NODES = 3;
const host = '127.0.0.1';
const raw: Envelope = {headers: {}, before: Buffer.alloc(0), after: Buffer.alloc(0)};

/** Forks one process of the floor and waits for its port. */
const start = async (module: string, args: string[]): Promise<{child: ChildProcess; port: number}> => {
	const child = fork(fileURLToPath(new URL(module, import.meta.url)), args, {execArgv: []});
	const [message] = (await once(child, 'message')) as [{port: number}];
	return {child, port: message.port};
};

const end = async (processes: readonly {child: ChildProcess}[]): Promise<void> => {
	const ending = processes.map(async ({child}) => {
		if (child.exitCode !== null || child.signalCode !== null) return;
		const ended = once(child, 'exit');
		child.disconnect();
		await ended;
	});
	await Promise.all(ending);
};

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
	const nodes = await Promise.all(folders.map(async path => start('floor-node.js', [path])));
	const copier = await start(
		'floor-copy.js',
		nodes.map(({port}) => String(port)),
	);
	const ask = async (task: CopyTask) => {
		copier.child.send(task);
		const [answer] = (await once(copier.child, 'message')) as [{error?: string}];
		if (answer.error !== undefined) throw new Error(answer.error);
	};

	return {
		fill: async blocks => ask({fill: blocks}),
		copy: async atOnce => ask({copy: {atOnce}}),
		stop: async () => end([copier, ...nodes]),
	};
};

/** Starts the floor: three storage processes and the front process before them. */
export const startFloor = async (folder: string): Promise<Party> => {
	const folders = Array.from({length: NODES}, (_, index) => join(folder, `floor-${index + 1}`));
	await Promise.all(folders.map(async path => mkdir(path, {recursive: true})));
	const nodes = await Promise.all(folders.map(async path => start('floor-node.js', [path])));
	const front = await start(
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
		stop: async () => end(processes),
	};
};
