import type {StorageStats} from '../../source/protocol/api.js';
import type {NodeId} from '../../source/protocol/ids.js';
import {type Checker, createChecker} from '../coordinator/checker.js';
import {createDownloader, type Downloader} from '../coordinator/download.js';
import {createChangeNode} from '../coordinator/change-node.js';
import {createMover, type Mover} from '../coordinator/mover.js';
import {createNodeCare, type NodeCare} from '../coordinator/node-care.js';
import {createFleet, type Fleet, type NodeState} from '../coordinator/fleet.js';
import type {MasterKey} from '../coordinator/master-key.js';
import {createMembership, type Membership} from '../coordinator/membership.js';
import {createMemoryBudget} from '../coordinator/memory-budget.js';
import type {Note} from '../coordinator/note.js';
import {createPace} from '../coordinator/pace.js';
import {createReconciler, type Reconciler} from '../coordinator/reconciler.js';
import {createRemover, type Remover} from '../coordinator/remover.js';
import {createRepairer, type Repairer, type RepairSettings} from '../coordinator/repairer.js';
import {type Running, runWorker} from '../coordinator/run-worker.js';
import {createShardHealth} from '../coordinator/shard-health.js';
import {createShardReader} from '../coordinator/shard-reader.js';
import {createShardWriter, type ShardWriter} from '../coordinator/shard-writer.js';
import {createTrash, type Trash} from '../coordinator/trash.js';
import {createUploader, type Uploader} from '../coordinator/upload.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {ShardStore} from '../ports/shard-store.js';
import type {Worker} from '../ports/worker.js';

export type Settings = {
	replicas: number;
	minReplicas: number;
	chunkSizeBytes: number;
	memoryBytes: number;
	repair: RepairSettings;
	/** How long what is deleted can be brought back. */
	trashMs: number;
	/** The longest that a worker rests where nothing wakes it. */
	longestRestMs: number;
	/** Whether shards are moved to where they spread and balance better: over years that takes too long to simulate. */
	hasMoves: boolean;
};

type Options = {
	catalog: Catalog;
	clock: Clock;
	random: Random;
	log: Log;
	note: Note;
	masterKey: MasterKey;
	settings: Settings;
	dial: (node: NodeId) => ShardStore;
	probe: (node: NodeId) => Promise<StorageStats>;
	/** The nodes that are not heard of now. Those that are need not say so every few seconds: that costs too much here. */
	silent: () => Iterable<NodeId>;
};

/** A coordinator's process without its servers: the real parts, put together as `coordinator/server.ts` does. */
export type SimulatedCoordinator = {
	catalog: Catalog;
	fleet: Fleet;
	membership: Membership;
	uploader: Uploader;
	writer: ShardWriter;
	downloader: Downloader;
	checker: Checker;
	remover: Remover;
	repairer: Repairer;
	reconciler: Reconciler;
	trash: Trash;
	mover: Mover;
	care: NodeCare;
	start: () => Promise<void>;
	/** Lets all workers look at once. */
	wakeAll: () => void;
};

/** A worker that finds nothing to do rests longer each time, until it is woken: time need not pass second by second. */
const runLazily = (
	worker: Worker,
	options: {clock: Clock; log: Log; restMs: number; longestRestMs: number},
): Running => {
	const {clock, log, restMs, longestRestMs} = options;
	let stretch = 1;
	const lazyClock: Clock = {
		...clock,
		async sleep(ms, signal) {
			await clock.sleep(Math.max(ms, Math.min(ms * stretch, longestRestMs)), signal);
			stretch *= 2;
		},
	};
	const watched: Worker = {
		name: worker.name,
		async step(signal) {
			const state = await worker.step(signal);
			if (state === 'busy') stretch = 1;
			return state;
		},
	};
	const running = runWorker(watched, {clock: lazyClock, log, restMs});
	return {
		...running,
		wake() {
			stretch = 1;
			running.wake();
		},
	};
};

export const createSimulatedCoordinator = (options: Options): SimulatedCoordinator => {
	const {catalog, clock, random, log, note, masterKey, settings} = options;
	const {replicas, minReplicas, chunkSizeBytes} = settings;
	const running = new Map<string, Running>();
	const wake = (worker: string) => running.get(worker)?.wake();
	const fleet = createFleet({dial: ({_id}) => options.dial(_id), clock});
	const budget = createMemoryBudget(settings.memoryBytes);
	const health = createShardHealth({
		catalog,
		clock,
		onFault: () => undefined,
		onChange: chunk => repairer.chunkChanged(chunk),
	});
	const remover = createRemover({catalog, fleet, clock, log, note, wake: () => wake('remover')});
	const {discard, forget} = remover;
	const healing = {
		...{catalog, fleet, budget, health, remover, clock, random, log, note},
		settings: settings.repair,
		pace: createPace(clock, settings.repair.bytesPerSecond),
		onChange: () => undefined,
	};
	const repairer = createRepairer({...healing, wake: () => wake('repairer')});
	const nodeChanged = (state: NodeState) => {
		repairer.nodeChanged(state);
		mover.nodeChanged();
	};
	const care = createNodeCare({
		...{catalog, fleet, clock, note},
		changeNode: createChangeNode({catalog, fleet}),
		onChange: nodeChanged,
		onForgotten: () => undefined,
	});
	const writer = createShardWriter({fleet, clock, random, log, replicas, minReplicas, discard});
	const uploader = createUploader({
		...{catalog, budget, writer, masterKey, clock, random, log, replicas, forget, chunkSizeBytes},
	});
	const mover = createMover({...healing, repairer, care, oldestUpload: uploader.oldest, wake: () => wake('mover')});
	const wakeReconciler = () => wake('reconciler');
	const reconciler = createReconciler({
		...{catalog, fleet, health, clock, random, log, note, discard},
		wake: wakeReconciler,
	});
	const quiet: Fleet = {
		...fleet,
		all: () => [...options.silent()].flatMap(node => fleet.get(node) ?? []),
	};
	const membership = createMembership({
		catalog,
		fleet: quiet,
		probe: async ({_id}) => options.probe(_id),
		isWelcome: ({bannedAt}) => bannedAt === undefined,
		clock,
		log,
		note,
		onArrival(state, listingDigest) {
			reconciler.request(state.record._id, listingDigest);
			nodeChanged(state);
			wake('remover');
		},
		onDeparture: nodeChanged,
		onChange: () => undefined,
	});
	const reader = createShardReader({fleet, budget, health, clock, random, log});

	const trash = createTrash({catalog, remover, clock, note, keepMs: settings.trashMs});

	const start = async () => {
		for (const file of await catalog.filesWithoutRecord()) await remover.sweepFile(file);
		await membership.recall();
		await repairer.recall();
		mover.recall();
		const rests = [
			[membership, 1_000],
			[remover, 30_000],
			[reconciler, 60_000],
			[repairer, 1_000],
			[trash, 60_000],
			...(settings.hasMoves ? [[mover, 1_000] as const] : []),
			[care, 30_000],
		] as const;
		for (const [worker, restMs] of rests) {
			running.set(worker.name, runLazily(worker, {clock, log, restMs, longestRestMs: settings.longestRestMs}));
		}
	};

	return {
		catalog,
		fleet,
		membership,
		uploader,
		writer,
		downloader: createDownloader({catalog, budget, reader, masterKey, chunkSizeBytes}),
		checker: createChecker({catalog, fleet, health, clock, log}),
		remover,
		repairer,
		reconciler,
		trash,
		mover,
		care,
		start,
		wakeAll: () => [...running.values()].forEach(worker => worker.wake()),
	};
};
