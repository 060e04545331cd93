import type {StorageStats} from '../../source/protocol/api.js';
import type {NodeId} from '../../source/protocol/ids.js';
import {type Checker, createChecker} from '../coordinator/checker.js';
import {createChunkCache} from '../coordinator/chunk-cache.js';
import {createDownloader, type Downloader} from '../coordinator/download.js';
import {createFleet, type Fleet, type NodeState} from '../coordinator/fleet.js';
import {createHealing, type Healing, type HealingWorker} from '../coordinator/healing.js';
import type {MasterKey} from '../coordinator/master-key.js';
import {createNodeLinks} from '../coordinator/node-links.js';
import {createMemoryBudget} from '../coordinator/memory-budget.js';
import type {Note} from '../coordinator/note.js';
import type {RepairSettings} from '../coordinator/repairer.js';
import {type Running, runWorker} from '../coordinator/run-worker.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {ShardStore} from '../ports/shard-store.js';
import type {Worker} from '../ports/worker.js';
import type {ScrubPlan} from './node-process.js';

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
	/** The workers that are left out: over years, some take long to simulate. */
	without: readonly HealingWorker[];
	/** How nodes read their shards again; without it they don't. */
	scrub?: ScrubPlan;
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
	/** When the catalogue came out of a backup, where it did. */
	restoredAt: number | undefined;
	/** Told of each node whose state or figures changed. */
	onNode: (state: NodeState) => void;
};

/** A coordinator's process without its servers. */
export type SimulatedCoordinator = Healing & {
	catalog: Catalog;
	fleet: Fleet;
	downloader: Downloader;
	checker: Checker;
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
	const timer: Clock['timer'] = (ms, fire) =>
		clock.timer(Math.max(ms, Math.min(ms * stretch, longestRestMs)), () => {
			stretch *= 2;
			fire();
		});
	const watched: Worker = {
		name: worker.name,
		async step(signal) {
			const state = await worker.step(signal);
			if (state === 'busy') stretch = 1;
			return state;
		},
	};
	const running = runWorker(watched, {clock: {timer}, log, restMs});
	return {
		...running,
		wake() {
			stretch = 1;
			running.wake();
		},
	};
};

/** Nobody here leaves an upload unfinished. */
const UPLOAD_MS = 7 * 24 * 3600 * 1000;

export const createSimulatedCoordinator = (options: Options): SimulatedCoordinator => {
	const {catalog, clock, random, log, note, masterKey, settings} = options;
	const {replicas, minReplicas, chunkSizeBytes, repair, trashMs, longestRestMs} = settings;
	const running = new Map<string, Running>();
	const fleet = createFleet({dial: ({_id}) => options.dial(_id), clock});
	const cache = createChunkCache(0);
	const budget = createMemoryBudget(settings.memoryBytes);
	const healing = createHealing({
		...{catalog, fleet, budget, cache, masterKey, clock, random, log, note},
		...{replicas, minReplicas, chunkSizeBytes, repair, trashMs, uploadMs: UPLOAD_MS, restoredAt: options.restoredAt},
		probe: async ({_id}) => ({storage: await options.probe(_id)}),
		checkAddress: async ({_id}) => ({storage: await options.probe(_id)}),
		links: createNodeLinks(),
		isWelcome: ({bannedAt}) => bannedAt === undefined,
		watched: {all: () => [...options.silent()].flatMap(node => fleet.get(node) ?? [])},
		wake: worker => running.get(worker)?.wake(),
		onFault: () => undefined,
		onChunk: () => undefined,
		onNode: options.onNode,
		onForgotten: () => undefined,
	});
	const {reader} = healing;

	return {
		...healing,
		catalog,
		fleet,
		downloader: createDownloader({catalog, budget, cache, reader, masterKey, chunkSizeBytes}),
		checker: createChecker({catalog, fleet, health: healing.health, clock, log}),
		async start() {
			await healing.recall();
			for (const [name, [worker, restMs]] of Object.entries(healing.workers)) {
				if (settings.without.includes(name as HealingWorker)) continue;
				running.set(name, runLazily(worker, {clock, log, restMs, longestRestMs}));
			}
		},
		wakeAll: () => [...running.values()].forEach(worker => worker.wake()),
	};
};
