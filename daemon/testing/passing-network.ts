import type {ExecutionContext} from 'ava';
import type {ChunkId} from '../../source/protocol/ids.js';
import type {ChunkRecord} from '../core/model.js';
import {type ManualClock, manualClock} from './manual-clock.js';
import {startTestNetwork, statsOf, type TestNetwork, type TestNetworkOptions, type TestNode} from './network.js';

const MINUTE_MS = 60_000;
/** As often as real nodes. */
const HEARTBEAT_EVERY_MS = 30_000;

/** A network whose time passes as a test says. */
export type PassingNetwork = TestNetwork & {
	/** The nodes that go on saying that they are there. */
	alive: Set<TestNode>;
	clock: ManualClock;
	/** Lets time pass, in which the living nodes are heard of. */
	pass: (ms: number) => Promise<void>;
	until: (what: string, isSo: () => Promise<boolean> | boolean, withinMs?: number) => Promise<void>;
	get: <T>(path: string) => Promise<T>;
	post: (path: string) => Promise<Response>;
	chunk: (file: string) => Promise<ChunkRecord>;
};

/** Starts one of five nodes, unless it is said. */
export const startPassingNetwork = async (
	t: ExecutionContext,
	options: TestNetworkOptions = {},
	clock = manualClock(),
): Promise<PassingNetwork> => {
	t.timeout(300_000);
	const network = await startTestNetwork(t, {nodes: 5, ...options, clock});
	const {url, nodes, catalog} = network;
	const alive = new Set(nodes);
	const json = {'content-type': 'application/json'};

	/** When each living node last said that it is there. */
	const heardMs = new Map<TestNode, number>();
	const beat = async () => {
		for (const node of heardMs.keys()) if (!alive.has(node)) heardMs.delete(node);
		for (const node of alive) {
			if (clock.now() - (heardMs.get(node) ?? -Infinity) < HEARTBEAT_EVERY_MS) continue;
			heardMs.set(node, clock.now());
			const body = JSON.stringify({node_id: node.id, storage_stats: statsOf(node)});
			await fetch(`${url}/api/nodes/heartbeat`, {method: 'POST', headers: json, body});
		}
	};

	/** What goes on needs turns of the event loop beside the time. */
	const tick = async (ms: number) => {
		await beat();
		await clock.advance(ms);
		for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve));
	};

	return {
		...network,
		alive,
		clock,
		async pass(ms) {
			for (let left = ms; left > 0; left -= HEARTBEAT_EVERY_MS) await tick(Math.min(left, HEARTBEAT_EVERY_MS));
		},
		async until(what, isSo, withinMs = 5 * MINUTE_MS) {
			for (let passedMs = 0; !(await isSo()); passedMs += 1000) {
				if (passedMs > withinMs) throw new Error(`In vain: ${what}`);
				await tick(1000);
			}
		},
		get: async path => (await fetch(`${url}${path}`)).json() as never,
		post: async path => fetch(`${url}${path}`, {method: 'POST'}),
		async chunk(file) {
			const chunk = await catalog.getChunk(`${file}:00000000` as ChunkId);
			if (!chunk) throw new Error('there is no chunk');
			return chunk;
		},
	};
};

/** The nodes that a chunk's record names. */
export const holdersOf = ({nodes}: TestNetwork, chunk: ChunkRecord): TestNode[] =>
	chunk.shards.flatMap(({node}) => nodes.find(({id}) => id === node) ?? []);
