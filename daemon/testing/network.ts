import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import type {ExecutionContext} from 'ava';
import type {StorageStats} from '../../source/protocol/api.js';
import type {NodeId} from '../../source/protocol/ids.js';
import {argon2Passwords} from '../adapters/argon2-passwords.js';
import {memoryCatalog} from '../adapters/memory-catalog.js';
import {MemoryShards} from '../adapters/memory-shards.js';
import {systemClock, systemRandom} from '../adapters/system.js';
import {openAlertBook} from '../coordinator/alerts/alert-book.js';
import {alertFile} from '../coordinator/alerts/alert-file.js';
import {openActivity} from '../coordinator/activity.js';
import {createEvents} from '../coordinator/events.js';
import {openNetworkKeys} from '../coordinator/network-keys.js';
import {createNodeLinks} from '../coordinator/node-links.js';
import {masterKeyOf} from '../coordinator/master-key.js';
import {type Coordinator, type CoordinatorOptions, createCoordinator} from '../coordinator/server.js';
import type {RepairSettings} from '../coordinator/repairer.js';
import {listen} from '../http/listen.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock} from '../ports/clock.js';
import type {ShardStore} from '../ports/shard-store.js';
import {drawKeys, type KeyPairs, openKeys} from '../trust/keys.js';
import {sendAsNode} from './signed-node.js';
import {silentLog} from './silent-log.js';

/** A node whose shards are in memory, behind whatever faults a test gives it. */
export type TestNode = {
	id: NodeId;
	shards: MemoryShards;
	allocatedBytes: number;
	/** What answers in place of the store. */
	faults: Partial<ShardStore>;
	/** The shards that were read, in order. */
	reads: string[];
	keys: KeyPairs;
};

export type TestNetwork = {
	url: string;
	coordinator: Coordinator;
	catalog: Catalog;
	nodes: TestNode[];
	/** Registers a node, again where it did before. */
	join: (node: TestNode, more?: Record<string, unknown>) => Promise<Response>;
	addNode: (options?: {allocatedBytes?: number; zone?: string; owner?: string}) => Promise<TestNode>;
	/** A node says that it is there, and whatever else. */
	beat: (node: TestNode, more?: Record<string, unknown>) => Promise<Response>;
};

export type TestNetworkOptions = {
	nodes?: number;
	replicas?: number;
	minReplicas?: number;
	memoryBytes?: number;
	allocatedBytes?: number;
	catalog?: Catalog;
	/** The nodes of another network, with what they keep, in place of new ones. */
	nodesOf?: TestNetwork;
	clock?: Clock;
	repair?: Partial<RepairSettings>;
	/** 0, which deletes at once, unless it is said. */
	trashMs?: number;
	/** Without accounts, unless it is said. */
	open?: boolean;
	allowClassic?: boolean;
	/** Whether the nodes say now and then that they are there, so that they stay online in a test that may take a while. */
	stays?: boolean;
	/** What else the coordinator is given. */
	more?: Partial<CoordinatorOptions>;
};

const MIB = 1024 * 1024;
const BEAT_MS = 15_000;
const verbs = ['put', 'get', 'stat', 'remove', 'list', 'verify', 'prove'] as const;

/** What a node says of itself. */
export const statsOf = ({shards, allocatedBytes}: TestNode): StorageStats => ({
	used_bytes: shards.usedBytes,
	allocated_bytes: allocatedBytes,
	free_bytes: Math.max(0, allocatedBytes - shards.usedBytes),
	chunk_count: shards.kept.size,
	usage_percent: 0,
});

const createTestNode = (number: number, allocatedBytes: number): TestNode => ({
	id: `pjas-${String(number).padStart(32, '0')}` as NodeId,
	shards: new MemoryShards({allocatedBytes}),
	allocatedBytes,
	faults: {},
	reads: [],
	keys: openKeys(drawKeys(systemRandom.bytes)),
});

const storeOf = (node: TestNode): ShardStore =>
	Object.fromEntries(
		verbs.map(verb => [
			verb,
			(...parameters: unknown[]): unknown => {
				if (verb === 'get') node.reads.push(String(parameters[0]));
				const target = node.faults[verb] ?? node.shards[verb].bind(node.shards);
				return (target as (...all: unknown[]) => unknown)(...parameters);
			},
		]),
	) as ShardStore;

/** The real coordinator behind its real HTTP server, over a catalogue and nodes in memory. Ends with the test. */
export const startTestNetwork = async (t: ExecutionContext, options: TestNetworkOptions = {}): Promise<TestNetwork> => {
	const {replicas = 3, minReplicas = 2, memoryBytes = 64 * MIB, catalog = memoryCatalog()} = options;
	const folder = await mkdtemp(path.join(tmpdir(), 'pjas-network-'));
	const nodes: TestNode[] = [];
	const stores = new Map<NodeId, ShardStore>();
	const {clock = systemClock} = options;
	const shared = {clock, random: systemRandom, log: silentLog};
	const activity = await openActivity({folder, ...shared});
	const networkKeys = await openNetworkKeys({folder, ...shared});
	const events = createEvents({bootId: 'test', clock: systemClock});
	const coordinator = createCoordinator({
		...shared,
		catalog,
		dial(record) {
			const store = stores.get(record._id);
			if (!store) throw new Error(`The test has no node ${record._id}`);
			return store;
		},
		probe: async () => Promise.reject(new Error('nobody is there yet')),
		checkAddress: async ({_id}) => {
			const node = nodes.find(({id}) => id === _id);
			if (!node) throw new Error(`The test has no node ${_id}`);
			return Promise.resolve({storage: statsOf(node)});
		},
		links: createNodeLinks(),
		alerts: {
			...{urls: [], key: Buffer.alloc(32), limits: {awayMs: 900_000, backupMs: 604_800_000}},
			book: await openAlertBook(alertFile({folder, log: silentLog}), silentLog),
			post: async () => Promise.reject(new Error('the test has no webhooks')),
			backupAt: async () => Promise.resolve(undefined),
			disk: async () => Promise.resolve(undefined),
			heap: () => ({liveBytes: 0, limitBytes: 1}),
		},
		networkKeys,
		activity,
		events,
		masterKey: masterKeyOf(systemRandom.bytes(32), systemRandom),
		replicas,
		minReplicas,
		passwords: argon2Passwords({memoryCost: 64, timeCost: 1, parallelism: 1}),
		open: options.open ?? true,
		allowClassic: options.allowClassic ?? false,
		cors: (options.open ?? true) ? ['*'] : [],
		version: '0.0.0',
		uploadMs: 7 * 24 * 3600 * 1000,
		...options.more,
		memoryBytes,
		trashMs: options.trashMs ?? 0,
		repair: {graceMs: 900_000, atOnce: 4, bytesPerSecond: 0, ...options.repair},
	});
	await coordinator.start();
	const server = await listen({handler: coordinator.app.callback(), host: '127.0.0.1', port: 0, log: silentLog});
	t.teardown(async () => {
		coordinator.endStreams();
		await server.close({graceMs: 1000});
		await coordinator.stop();
		await activity.close();
		await rm(folder, {recursive: true});
	});

	/** With a code and signed, as where there are accounts. */
	const joinWithKeys = async (node: TestNode, body: Record<string, unknown>) => {
		const {owner = node.id, zone} = body as {owner?: string; zone?: string};
		const invitation = {owner, zone, uses: 1, lifeMs: 60_000, createdBy: 'test'};
		const {code} = await coordinator.nodeInvitations.create(invitation);
		const identity = {nodeId: node.id, pairs: node.keys, trusts: networkKeys.accepted()};
		return sendAsNode(server.url, identity, 'register', {...body, keys: node.keys.public, join_code: code.text});
	};

	const join: TestNetwork['join'] = async (node, more = {}) => {
		const body = {
			node_id: node.id,
			address: `http://127.0.0.1:1/${node.id}`,
			storage_stats: statsOf(node),
			status: 'online',
			version: '2.0.0',
			name: `node ${nodes.indexOf(node) + 1}`,
			...more,
		};
		if (!(options.open ?? true)) return joinWithKeys(node, body);
		return fetch(`${server.url}/api/nodes/register`, {
			method: 'POST',
			headers: {'content-type': 'application/json'},
			body: JSON.stringify(body),
		});
	};

	const addNode: TestNetwork['addNode'] = async ({
		allocatedBytes = options.allocatedBytes ?? 1024 * MIB,
		...more
	} = {}) => {
		const node = createTestNode(nodes.length + 1, allocatedBytes);
		nodes.push(node);
		stores.set(node.id, storeOf(node));
		await join(node, more);
		return node;
	};

	const beat: TestNetwork['beat'] = async (node, more = {}) => {
		const identity = {nodeId: node.id, pairs: node.keys, trusts: networkKeys.accepted()};
		return sendAsNode(server.url, identity, 'heartbeat', {storage_stats: statsOf(node), ...more});
	};

	if (options.stays) {
		const beatAll = () => {
			for (const node of nodes) {
				beat(node).then(
					async ({body}) => body?.cancel(),
					() => undefined,
				);
			}
		};
		const timer = setInterval(beatAll, BEAT_MS);
		t.teardown(() => clearInterval(timer));
	}

	for (const node of options.nodesOf?.nodes ?? []) {
		nodes.push(node);
		stores.set(node.id, storeOf(node));
		await join(node);
	}

	const newNodes = options.nodesOf ? 0 : (options.nodes ?? 3);
	for (let count = 0; count < newNodes; count++) await addNode();
	return {url: server.url, coordinator, catalog, nodes, join, addNode, beat};
};
