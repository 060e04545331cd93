import {readdirSync} from 'node:fs';
import path from 'node:path';
import type {ExecutionContext} from 'ava';
import type {ChunkView, NodeView} from '../../source/protocol/api.js';
import {systemClock, systemRandom} from '../adapters/system.js';
import type {RunningNode} from '../node/start.js';
import type {Clock} from '../ports/clock.js';
import {type CoordinatorRole, startCoordinator} from '../roles/coordinator.js';
import {startNode} from '../roles/node.js';
import type {Chance} from './crash-chance.js';
import {askFor, download, sha256, upload} from './crash-client.js';
import {type FaultyNode, startFaultyNode} from './faulty-node.js';
import {silentLog} from './silent-log.js';
import {keptPort, temporaryFolder, until} from './processes.js';

/** A real node over a real folder, in this process. */
export type RoleNode = {
	name: string;
	folder: string;
	/** Where things go wrong between the coordinator and this node, where it has such a front. */
	front: FaultyNode;
	running: () => RunningNode;
	/** Ends it and starts it again on its folder; resolves once the coordinator has heard of it. */
	restart: () => Promise<void>;
};

export type RoleNetwork = {
	url: string;
	folder: string;
	nodes: () => Promise<NodeView[]>;
	/** Resolves once so many nodes are online. */
	online: (count: number) => Promise<void>;
	addNode: (options?: {zone?: string; allocatedBytes?: number; clock?: Clock}) => Promise<RoleNode>;
};

const GIB = 1024 ** 3;
/** Some tests wait for it; and on a slow machine a node may take its time. */
const NODE_TIMEOUT_MS = 6000;

/** A real coordinator over a real folder, in this process. Nodes that are silent for six seconds are given up. */
export const startRoleNetwork = async (
	t: ExecutionContext,
	settings: Partial<Pick<CoordinatorRole, 'replicas' | 'minReplicas' | 'nodeTimeoutMs' | 'open' | 'allowClassic'>> = {},
): Promise<RoleNetwork> => {
	const folder = temporaryFolder(t);
	const surroundings = {log: silentLog, clock: systemClock, random: systemRandom, version: '2.0.0', host: '127.0.0.1'};
	const coordinator = await startCoordinator({
		...{
			...surroundings,
			replicas: 3,
			minReplicas: 2,
			nodeTimeoutMs: NODE_TIMEOUT_MS,
			open: true,
			allowClassic: true,
			...settings,
		},
		dataFolder: path.join(folder, 'coordinator'),
		port: 0,
		memoryBytes: 64 * 1024 ** 2,
		repairGraceMs: 900_000,
		repairAtOnce: 4,
		repairBytesPerSecond: 0,
		trashDays: 0,
		uploadDays: 7,
	});
	t.teardown(coordinator.close);
	const {url} = coordinator;
	let started = 0;

	const nodes = async () => (await askFor<{nodes: NodeView[]}>(url, 'nodes')).nodes;

	const addNode: RoleNetwork['addNode'] = async ({zone, allocatedBytes = GIB, clock = systemClock} = {}) => {
		const name = `node-${++started}`;
		const port = await keptPort();
		const front = await startFaultyNode({target: `http://127.0.0.1:${port}`});
		const nodeFolder = path.join(folder, name);
		const start = async () => {
			const fromMs = Date.now();
			const running = await startNode({
				...{...surroundings, clock, port, name, allocatedBytes},
				storagePath: nodeFolder,
				coordinatorUrl: url,
				publicUrl: front.url,
				...(zone !== undefined && {zone}),
			});
			await until(`${name} is registered`, async () =>
				(await nodes()).some(view => view.name === name && view.last_seen >= fromMs && view.status === 'online'),
			);
			return running;
		};

		let running = await start();
		t.teardown(async () => {
			await front.close();
			await running.close({graceMs: 0});
		});
		return {
			name,
			folder: nodeFolder,
			front,
			running: () => running,
			async restart() {
				await running.close({graceMs: 0});
				running = await start();
			},
		};
	};

	return {
		url,
		folder,
		nodes,
		online: async count => {
			await until(`${count} nodes are online`, async () => {
				return (await nodes()).filter(({status}) => status === 'online').length === count;
			});
		},
		addNode,
	};
};

/** A file that the network has. */
export type Stored = {id: string; name: string; bytes: Buffer};

/** Uploads a file of this size, which must work. */
export const store = async (t: ExecutionContext, url: string, chance: Chance, sizeBytes: number): Promise<Stored> => {
	const bytes = chance.bytes(sizeBytes);
	const name = `file-of-${sizeBytes}.bin`;
	const outcome = await upload(url, name, bytes);
	t.is(outcome.kind, 'stored', JSON.stringify(outcome));
	return {id: outcome.kind === 'stored' ? outcome.id : '', name, bytes};
};

/** Downloads a file, which must be what it was. */
export const comesBack = async (t: ExecutionContext, url: string, {id, name, bytes}: Stored): Promise<void> => {
	t.deepEqual(await download(url, id), {kind: 'whole', sizeBytes: bytes.length, sha256: sha256(bytes)}, name);
};

export const chunksOf = async (url: string, {id}: Stored): Promise<ChunkView[]> =>
	(await askFor<{chunks: ChunkView[]}>(url, 'replication', id)).chunks;

/** The names of the nodes that are said to have a sound shard, for each chunk. */
export const holdersOf = async (url: string, file: Stored): Promise<string[][]> =>
	(await chunksOf(url, file)).map(({shards}) =>
		shards.filter(({state}) => state === 'online').map(shard => shard.node_name),
	);

/** The files of a node's shards. */
export const shardsIn = ({folder}: Pick<RoleNode, 'folder'>): string[] => readdirSync(path.join(folder, 'chunks'));
