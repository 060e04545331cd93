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
import {startClassicNode} from './classic-node.js';
import {type FaultyNode, startFaultyNode} from './faulty-node.js';
import {createFront} from './nginx.js';
import {kindOf, type NodeWay} from './node-ways.js';
import {digestsIn} from './shards-on-disk.js';
import {silentLog} from './silent-log.js';
import {keptPort, temporaryFolder, until} from './processes.js';

/** A real node over a real folder, in this process. */
export type RoleNode = {
	/** What the coordinator calls it. */
	name: string;
	folder: string;
	/** Where things go wrong between the coordinator and this node, where it is reached at an address. */
	front: FaultyNode;
	running: () => RunningNode;
	/** Ends it and starts it again on its folder; resolves once the coordinator has heard of it. */
	restart: () => Promise<void>;
};

/** A node that nobody does more with than to keep files on it; nothing goes wrong with one that is linked. */
export type OtherNode = Pick<RoleNode, 'name' | 'folder' | 'front'>;

export type RoleNetwork = {
	url: string;
	folder: string;
	nodes: () => Promise<NodeView[]>;
	/** Resolves once so many nodes are online. */
	online: (count: number) => Promise<void>;
	addNode: (options?: {zone?: string; allocatedBytes?: number; clock?: Clock}) => Promise<RoleNode>;
	/** Adds one that is reached in this way. */
	addNodeBy: (way: NodeWay, options?: {zone?: string}) => Promise<OtherNode>;
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
		trustProxy: ['loopback'],
	});
	t.teardown(coordinator.close);
	const {url} = coordinator;
	let started = 0;

	const nodes = async () => (await askFor<{nodes: NodeView[]}>(url, 'nodes')).nodes;

	type Added = Parameters<RoleNetwork['addNode']>[0] & {way?: 'direct' | 'link' | 'proxied'};
	/** One for all that are linked through it. */
	let proxy: Promise<string> | undefined;
	const startProxy = async () => {
		const nginx = await createFront(t, url);
		await nginx.start();
		return nginx.url;
	};

	const add = async ({zone, allocatedBytes = GIB, clock = systemClock, way = 'direct'}: Added = {}) => {
		const name = `node-${++started}`;
		const port = await keptPort();
		const front = await startFaultyNode({target: `http://127.0.0.1:${port}`});
		const nodeFolder = path.join(folder, name);
		const coordinatorUrl = way === 'proxied' ? await (proxy ??= startProxy()) : url;
		const reached = way === 'direct' ? {publicUrl: front.url} : {reach: 'links' as const};
		const start = async () => {
			const fromMs = Date.now();
			const running = await startNode({
				...{...surroundings, clock, port, name, allocatedBytes, coordinatorUrl, ...reached},
				storagePath: nodeFolder,
				...(zone !== undefined && {zone}),
			});
			await until(`${name} is registered`, async () =>
				(await nodes()).some(
					view =>
						view.name === name && view.kind === kindOf[way] && view.last_seen >= fromMs && view.status === 'online',
				),
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

	const addClassic = async (): Promise<OtherNode> => {
		const port = await keptPort();
		const front = await startFaultyNode({target: `http://127.0.0.1:${port}`});
		const nodeFolder = path.join(folder, `classic-${++started}`);
		const at = {folder: nodeFolder, port, publicUrl: front.url, clock: systemClock};
		const {nodeId, stop} = await startClassicNode({...at, coordinatorUrl: `${url}/api`});
		t.teardown(async () => {
			await front.close();
			await stop();
		});
		return {name: nodeId, folder: nodeFolder, front};
	};

	const addNode: RoleNetwork['addNode'] = async options => add(options);
	return {
		url,
		folder,
		nodes,
		addNodeBy: async (way, options) => (way === 'classic' ? addClassic() : add({...options, way})),
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

/** The digests of a node's shards. */
export const shardsIn = ({folder}: Pick<RoleNode, 'folder'>): string[] => digestsIn(folder);
