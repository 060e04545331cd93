import test, {type ExecutionContext} from 'ava';
import type {Digest, FileId, NodeId} from '../../source/protocol/ids.js';
import {memoryCatalog} from '../adapters/memory-catalog.js';
import {createChunkCache} from '../coordinator/chunk-cache.js';
import {createFleet, type Fleet, toCandidate} from '../coordinator/fleet.js';
import {masterKeyOf} from '../coordinator/master-key.js';
import {createMemoryBudget} from '../coordinator/memory-budget.js';
import {createPace} from '../coordinator/pace.js';
import {createReconciler} from '../coordinator/reconciler.js';
import {createRemover} from '../coordinator/remover.js';
import {createRepairWork} from '../coordinator/repair-work.js';
import {createShardHealth} from '../coordinator/shard-health.js';
import {createShardWriter} from '../coordinator/shard-writer.js';
import {createUploader, type Uploader} from '../coordinator/upload.js';
import {type Breach, checkAlways, checkAtRest} from '../core/check.js';
import type {NetworkTruth} from '../core/network-truth.js';
import {MAX_SHARD_BYTES} from '../core/limits.js';
import type {ChunkRecord} from '../core/model.js';
import {mayMove, type MoveView, planMove} from '../core/moves.js';
import {planRepair, type RepairView} from '../core/repair.js';
import {nodeIdOf, nodeOf} from '../ports/catalog-samples.suite.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock} from '../ports/clock.js';
import type {ShardStore} from '../ports/shard-store.js';
import {silentLog} from '../testing/silent-log.js';
import {chanceOf} from './chance.js';
import {createBodies, createDisk, type Disk} from './disk.js';
import {type Crossing, explore, type Scenario} from './exhaustive.js';
import {catalogWith} from './gate.js';

/**
The real steps of upload, repair, removal and deletion, over four nodes and two chunks, in every order of their calls of the
catalogue and of the nodes, and with an end of the process before each of them.
*/
type Part = 'upload' | 'repair' | 'drain' | 'delete' | 'remove';

/** Removals bring so many orders that a minute or more goes by: all of them are gone where that is asked for. */
const MOST_STATES = process.env['PJAS_EVERY_ORDER'] === '1' ? undefined : 400;
const HOUR_MS = 3_600_000;
const NODES = [1, 2, 3, 4];
/** It dies before anything begins, unless all live. */
const DEAD = nodeIdOf(3);
const DRAINED = nodeIdOf(1);
const pass: Crossing = {pass: async (_label, work) => work()};
const noSignal = new AbortController().signal;

type World = {
	catalog: Catalog;
	disks: Map<NodeId, Disk>;
	clock: Clock;
	elapse: (ms: number) => void;
	dead: NodeId | undefined;
	/** Chunks that each acknowledged file has. */
	owed: Map<FileId, number>;
};

const createClock = () => {
	let nowMs = 1_700_000_000_000;
	const clock: Clock = {
		now: () => nowMs,
		monotonicMs: () => nowMs,
		sleep: async () => new Promise(() => undefined),
		timer: () => () => undefined,
	};
	return {clock, elapse: (ms: number) => void (nowMs += ms)};
};

/** The first of several: the order of calls alone decides. */
const steady = {...chanceOf(1), float: () => 0};

/** A coordinator's parts, whose calls go through a crossing. */
const createParts = async ({catalog: durable, disks, clock, dead}: World, {pass: cross}: Crossing) => {
	const catalog = catalogWith(durable, async (verb, parameters, work) =>
		cross(`${verb} ${JSON.stringify(parameters).slice(0, 200)}`, work),
	);
	const lineOf = (id: NodeId): ShardStore => {
		const disk = disks.get(id);
		if (!disk) throw new Error('there is no such node');
		const about = (verb: string, digest: Digest) => `${verb} ${digest.slice(0, 8)} on ${id.slice(-1)}`;
		return {
			...disk,
			put: async (digest, body) => {
				const bytes = Uint8Array.from(body);
				return cross(about('put', digest), async () => disk.put(digest, bytes));
			},
			get: async (digest, options) => cross(about('get', digest), async () => disk.get(digest, options)),
			remove: async digest => cross(about('remove', digest), async () => disk.remove(digest)),
		};
	};
	const fleet: Fleet = createFleet({dial: ({_id}) => lineOf(_id), clock});
	for (const record of await durable.nodes()) fleet.set(record).isOnline = record._id !== dead;
	const note = () => undefined;
	const shared = {catalog, fleet, clock, log: silentLog, note};
	const remover = createRemover({...shared, wake: note});
	const health = createShardHealth({catalog, clock, onFault: note});
	const budget = createMemoryBudget(2 * MAX_SHARD_BYTES);
	const work = createRepairWork({
		...{...shared, health, budget, remover, pace: createPace(clock, 0), onChange: note},
		yielding: {noteCopy: note},
	});
	const writer = createShardWriter({
		...shared,
		random: steady,
		replicas: 3,
		minReplicas: 2,
		discard: async removals => remover.discard(removals),
	});
	const uploader = createUploader({
		...{catalog, budget, cache: createChunkCache(0), writer, clock, log: silentLog, random: chanceOf(7), replicas: 3},
		masterKey: masterKeyOf(chanceOf(3).bytes(32), chanceOf(4)),
		forget: async (chunks, reason) => remover.forget(chunks, reason),
	});
	const reconciler = createReconciler({...shared, health, remover, random: steady, wake: note});
	const view = (): RepairView => ({
		node(id) {
			const state = fleet.get(id);
			if (!state) return undefined;
			return {...toCandidate(state, clock.now()), presence: state.isOnline ? 'online' : 'away', since: 0};
		},
		pool: fleet.pool(),
		graceMs: 0,
	});
	const repair = async (chunk: ChunkRecord) => {
		const plan = planRepair({...view(), chunks: [chunk]}, clock.now(), steady.float);
		for (const copy of plan.copies) await work.copy(copy, view, noSignal);
		for (const trim of plan.trims) await work.trim(trim, view);
	};
	const moveView = (): MoveView => ({
		...view(),
		node(id) {
			const node = view().node(id);
			const figures = {allocatedBytes: 2 ** 20, usedBytes: 8192, leavingBytes: 0, canFree: true};
			return node && {...node, ...figures, isDraining: id === DRAINED};
		},
	});
	const drain = async (chunk: ChunkRecord) => {
		const errand = {from: DRAINED, reason: 'drain'} as const;
		const move = planMove(chunk, errand, moveView(), clock.now(), steady.float);
		if (typeof move !== 'object') return;
		await work.move(move, view, () => mayMove(chunk, errand, moveView(), clock.now()), noSignal);
	};
	return {catalog, fleet, remover, uploader, reconciler, repair, drain};
};

const upload = async (world: World, uploader: Uploader, text: string) => {
	const source = (async function* () {
		yield await Promise.resolve(Buffer.from(text));
	})();
	const signal = new AbortController().signal;
	const {file} = await uploader.receive({name: text, type: 'text/plain', source, atMostBytes: 64, signal});
	world.owed.set(file._id, file.chunkCount);
	return file;
};

const chunksIn = async (catalog: Catalog): Promise<ChunkRecord[]> => {
	const chunks: ChunkRecord[] = [];
	for (const {_id} of await catalog.files({limit: 10})) {
		for await (const chunk of catalog.chunksOf(_id)) chunks.push(chunk);
	}

	for (const id of await catalog.filesWithoutRecord()) {
		for await (const chunk of catalog.chunksOf(id)) chunks.push(chunk);
	}

	return chunks;
};

const truthOf = async ({catalog, disks, clock, owed, dead}: World): Promise<NetworkTruth> => {
	const removals = [];
	for (const id of disks.keys()) removals.push(...(await catalog.removals(id, 100)));
	const nodes = await catalog.nodes();
	return {
		now: clock.now(),
		files: new Map((await catalog.files({limit: 10})).map(file => [file._id, file])),
		chunks: await chunksIn(catalog),
		nodes: new Map(nodes.map(node => [node._id, node._id === dead ? {...node, awaySince: 0} : node])),
		removals,
		disks: new Map(
			[...disks].map(([id, disk]) => [
				id,
				{
					isLost: id === dead,
					state: digest => (disk.kept.has(digest) ? 'right' : undefined),
					digests: () => disk.kept.keys(),
					taken: disk.taken,
					isOld: () => true,
				},
			]),
		),
		acknowledged: owed,
	};
};

const assertNone = (breaches: readonly Breach[]) => {
	if (breaches.length > 0) throw new Error(JSON.stringify(breaches, undefined, '  '));
};

const createWorld = async (): Promise<World> => {
	const bodies = createBodies();
	const disks = new Map(NODES.map(number => [nodeIdOf(number), createDisk({allocatedBytes: 2 ** 20, bodies})]));
	const catalog = memoryCatalog({nextTurn: async () => Promise.resolve()});
	for (const number of NODES) {
		await catalog.putNode(nodeOf(number, {zone: `zone ${number}`, freeBytes: 2 ** 20, allocatedBytes: 2 ** 20}));
	}

	return {catalog, disks, ...createClock(), dead: undefined, owed: new Map()};
};

const uploadFirst = async () => {
	const world = await createWorld();
	const {uploader, fleet} = await createParts(world, pass);
	const fourth = fleet.get(nodeIdOf(4));
	if (fourth) fourth.isOnline = false;
	const {_id} = await upload(world, uploader, 'the first file');
	const file = await world.catalog.getFile(_id);
	const [chunk] = await chunksIn(world.catalog);
	const [shard] = chunk?.shards ?? [];
	const body = shard && (await world.disks.get(shard.node)?.get(shard.digest));
	if (!file || !chunk || !body) throw new Error('there is no chunk');
	return {file, chunk, body};
};

/** Each order begins with the same file: it is uploaded once. */
const first = uploadFirst();

/** One file, whose chunk may have lost a copy with a node that died; beside it come those parts that are wanted. */
const createScenario = async (parts: readonly Part[]): Promise<Scenario> => {
	const dead = parts.includes('repair') ? DEAD : undefined;
	const world = await createWorld();
	const {disks, elapse, owed} = world;
	const {file, chunk, body} = await first;
	await world.catalog.commitUpload({...file, revision: 0}, [{...chunk, revision: 0}]);
	for (const {node, digest} of chunk.shards) await disks.get(node)?.put(digest, body);
	owed.set(file._id, file.chunkCount);
	elapse(HOUR_MS);
	world.dead = dead;

	return {
		async start(crossing) {
			const now = await createParts(world, crossing);
			const {remover, catalog} = now;
			const deeds: Record<Part, () => Promise<unknown>> = {
				upload: async () => upload(world, now.uploader, 'the second file'),
				repair: async () => now.repair(chunk),
				drain: async () => now.drain(chunk),
				async delete() {
					owed.delete(file._id);
					if (await catalog.removeFile(file._id)) await remover.sweepFile(file._id);
				},
				// When it begins decides what it has in hand.
				remove: async () => remover.step(noSignal),
			};
			for (const part of parts) void crossing.pass(`begin to ${part}`, async () => Promise.resolve()).then(deeds[part]);
		},
		async state() {
			const kept = [...disks].map(([id, disk]) => [id, [...disk.kept.keys()].sort()]);
			const {removals, files} = await truthOf(world);
			return JSON.stringify([await chunksIn(world.catalog), [...files.keys()], removals, kept, [...world.owed]]);
		},
		check: async () => assertNone(checkAlways(await truthOf(world))),
		crash: () => undefined,
		async finish(hasCrashed) {
			assertNone(checkAlways(await truthOf(world)));
			const after = await createParts(world, pass);
			for (const file of await after.catalog.filesWithoutRecord()) await after.remover.sweepFile(file);
			for (let round = 0; round < 3; round++) {
				for (const id of disks.keys()) {
					after.reconciler.request(id);
					while ((await after.reconciler.step(noSignal)) === 'busy');
				}

				for (const each of await chunksIn(world.catalog)) await after.repair(each);
				elapse(25 * HOUR_MS);
				while ((await after.remover.step(noSignal)) === 'busy');
			}

			const truth = await truthOf(world);
			assertNone([...checkAlways(truth), ...checkAtRest(truth, 0)]);
			if (!hasCrashed && parts.includes('upload') && world.owed.size === 0) throw new Error('the upload never ended');
		},
	};
};

type Bounds = {
	/** Fewer orders would mean that something is no longer looked at. */
	least: number;
	mostStates?: number | undefined;
};

const exploreParts = async (t: ExecutionContext, parts: readonly Part[], {least, mostStates}: Bounds) => {
	t.timeout(600_000);
	const {orders, states, crashes, ends, longest, isWhole} = await explore(
		async () => createScenario(parts),
		mostStates,
	);
	const words = `${orders} orders, ${states} states, ${crashes} ends of the process, ${ends} of them different`;
	t.log(`${parts.join(', ')}: ${words}; at most ${longest} steps${isWhole ? '' : '; there are more'}`);
	t.true(orders >= least, `only ${orders} orders`);
	t.is(isWhole, mostStates === undefined);
};

test('repair and deletion keep every promise in every order, wherever the process ends', async t => {
	await exploreParts(t, ['repair', 'delete'], {least: 50});
});

test('draining and deletion do', async t => {
	await exploreParts(t, ['drain', 'delete'], {least: 50});
});

test('upload, repair, draining and deletion do', async t => {
	await exploreParts(t, ['upload', 'repair', 'drain', 'delete'], {least: 1000});
});

test('repair, deletion and removal do, in as many orders as there is time for', async t => {
	await exploreParts(t, ['repair', 'delete', 'remove'], {least: 300, mostStates: MOST_STATES});
});

test('draining, deletion and removal do, in as many orders as there is time for', async t => {
	await exploreParts(t, ['drain', 'delete', 'remove'], {least: 300, mostStates: MOST_STATES});
});
