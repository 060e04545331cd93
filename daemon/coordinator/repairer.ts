import type {ChunkId, FileId, NodeId} from '../../source/protocol/ids.js';
import {type ChunkRecord, soundShards} from '../core/model.js';
import {type CopyPlan, needOf, type Obstacle, planRepair, type RepairView} from '../core/repair.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {Worker} from '../ports/worker.js';
import type {Fleet, NodeState} from './fleet.js';
import type {MemoryBudget} from './memory-budget.js';
import {createNodeLookup} from './node-lookup.js';
import type {Note} from './note.js';
import type {Pace} from './pace.js';
import type {Remover} from './remover.js';
import {createRepairDiary, type RepairDiary} from './repair-diary.js';
import {createRepairQueue, type Entry, type QueueCounts} from './repair-queue.js';
import {createRepairScans} from './repair-scans.js';
import {createRepairWork, type Outcome} from './repair-work.js';
import {createRunningJobs} from './running-jobs.js';
import type {ShardHealth} from './shard-health.js';
import type {Yielding} from './yielding.js';

export type RepairSettings = {
	/** How long a lost copy is waited for while more than one is left. */
	graceMs: number;
	/** How many chunks are repaired at once. */
	atOnce: number;
	/** The most bytes that are written to nodes in a second; 0 for any. */
	bytesPerSecond: number;
};

export type RepairerOptions = {
	catalog: Catalog;
	fleet: Fleet;
	budget: MemoryBudget;
	health: ShardHealth;
	remover: Remover;
	clock: Clock;
	random: Random;
	log: Log;
	note: Note;
	settings: RepairSettings;
	/** Holds all that is written to nodes for healing to the rate of the settings. */
	pace: Pace;
	/** Makes way for uploads. */
	yielding: Yielding;
	onChange: (chunk: ChunkRecord) => void;
	wake: () => void;
};

export type ActiveRepair = {
	chunk: ChunkRecord;
	copies: number;
	from: NodeId | undefined;
	to: readonly NodeId[];
	startedAt: number;
};

export type RepairStatus = {
	isPaused: boolean;
	settings: RepairSettings;
	counts: QueueCounts;
	/** Why one of those that are blocked is. */
	obstacle: Obstacle | undefined;
	active: ActiveRepair[];
	/** Some of what is short of copies, those that can't be repaired now first. */
	sample: Entry[];
	totals: ReturnType<RepairDiary['totals']>;
	bytesPerSecond: number;
};

export type Repairer = Worker & {
	/** Takes up what was so before: whether it is paused, and what there is to repair. Nodes must be known. */
	recall: () => Promise<void>;
	/** A node came or went. */
	nodeChanged: (state: NodeState) => void;
	/** A chunk has a sound shard less or more. */
	chunkChanged: (chunk: ChunkRecord) => void;
	/** A file is short of copies. */
	fileChanged: (file: FileId) => void;
	/** Repairs a file without waiting for nodes that are away. Says how many of its chunks need it. */
	repairFile: (file: FileId) => Promise<number>;
	pause: (isPaused: boolean, by: string) => Promise<void>;
	status: (sampled: number) => RepairStatus;
	isPaused: () => boolean;
	/** Whether there is a copy to be made now, or one is being made: what is less urgent waits for it. */
	isUrgent: () => boolean;
};

const CHUNKS_A_LOOK = 200;
const PLANS_A_TURN = 32;
/** After a start: nodes that are there take so long to say so. */
const SETTLE_MS = 60_000;
/** Should it ever have missed something, it finds it then. */
const LOOK_EVERY_MS = 600_000;

export const createRepairer = (options: RepairerOptions): Repairer => {
	const {catalog, fleet, remover, clock, random, log, note, settings, yielding, onChange, wake} = options;
	const queue = createRepairQueue();
	const scans = createRepairScans(catalog);
	const diary = createRepairDiary({clock, note});
	const active = createRunningJobs<ActiveRepair>({
		clock,
		nodesOf: ({from, to}) => (from === undefined ? to : [from, ...to]),
	});
	const work = createRepairWork({...options, remover, onChange});
	const nodeOf = createNodeLookup({fleet, clock});
	let isPaused = false;
	let lookedAt = -Infinity;
	/** By the clock that only goes on: one that is set back must not put all repair off. */
	let settledAtMs = -Infinity;
	let lastObstacle: Obstacle | undefined;

	const wakeUp = () => {
		active.nudge();
		wake();
	};

	const viewFor = (isAsked: boolean): RepairView => ({
		node: nodeOf,
		pool: fleet.pool(),
		graceMs: isAsked ? 0 : settings.graceMs,
	});

	const isAskedFor = (id: ChunkId) => queue.get(id)?.isAsked ?? false;

	const assess = (chunk: ChunkRecord, isAsked = isAskedFor(chunk._id)) => {
		const now = clock.now();
		const need = needOf(chunk, viewFor(isAsked), now);
		queue.note(chunk._id, need, now, isAsked);
		return need;
	};

	const lookAround = async () => {
		if (clock.monotonicMs() >= lookedAt + LOOK_EVERY_MS) {
			lookedAt = clock.monotonicMs();
			scans.request({kind: 'amiss'});
			for (const {record} of fleet.all()) {
				if (record.awaySince !== undefined) scans.request({kind: 'node', node: record._id});
			}
		}

		for (const chunk of await scans.take(CHUNKS_A_LOOK)) assess(chunk);
	};

	const finish = async (id: ChunkId, outcome: Outcome) => {
		diary.add(outcome);
		const isAsked = isAskedFor(id);
		if (outcome.kind === 'failed') queue.postpone(id, clock.now());
		else queue.forget(id);
		const chunk = await catalog.getChunk(id);
		if (chunk) assess(chunk, isAsked);
		else queue.forget(id);
	};

	const start = (running: ActiveRepair, carryOut: () => Promise<Outcome>, signal: AbortSignal) => {
		const {_id: id} = running.chunk;
		const run = async () => {
			try {
				await finish(id, await carryOut());
			} catch (error) {
				if (signal.aborted) return;
				log.error('a chunk could not be repaired; it is tried again', {chunk: id, error});
				queue.postpone(id, clock.now());
			}
		};
		active.start(id, running, run);
	};

	/** How many are copied at once: what has one copy left waits for nobody. */
	const mostFor = ({copies}: {copies: number}): number => (copies <= 1 ? settings.atOnce : yielding.mostAtOnce());

	/** Starts a copy where its nodes have not enough to do yet; from the least busy of those that can give it. */
	const startCopy = (plan: CopyPlan, view: () => RepairView, signal: AbortSignal) => {
		const sources = [...plan.sources].sort((a, b) => Number(active.isFree(b)) - Number(active.isFree(a)));
		const [from] = sources;
		if (!from || ![from, ...plan.targets].every(active.isFree)) return;
		const {chunk, copies, targets: to} = plan;
		const carryOut = async () => work.copy({...plan, sources}, view, signal);
		start({chunk, copies, from, to, startedAt: clock.now()}, carryOut, signal);
	};

	/** The chunks of these entries as they are now. What is no file's yet, or no longer, is not repaired. */
	const read = async (entries: readonly Entry[]): Promise<ChunkRecord[]> => {
		const chunks: ChunkRecord[] = [];
		for (const {id} of entries) {
			const chunk = await catalog.getChunk(id);
			if (!chunk) queue.forget(id);
			else if (catalog.hasRecord(chunk.file)) chunks.push(chunk);
			else queue.postpone(id, clock.now());
		}

		return chunks;
	};

	const startSome = async (entries: readonly Entry[], isAsked: boolean, signal: AbortSignal) => {
		if (entries.length === 0) return;
		const chunks = await read(entries);
		const now = clock.now();
		const view = () => viewFor(isAsked);
		const plan = planRepair({...view(), chunks}, now, random.float);
		const planned = new Set([...plan.copies, ...plan.trims, ...plan.blocked].map(({chunk}) => chunk._id));
		for (const chunk of chunks) if (!planned.has(chunk._id)) assess(chunk);
		for (const {chunk, reason} of plan.blocked) {
			lastObstacle = reason;
			queue.postpone(chunk._id, now, reason);
		}

		for (const copy of plan.copies) if (active.size() < mostFor(copy)) startCopy(copy, view, signal);
		for (const trim of plan.trims) {
			if (active.size() >= settings.atOnce) return;
			const {chunk} = trim;
			const about = {chunk, copies: soundShards(chunk).length, from: undefined, to: [], startedAt: now};
			start(about, async () => work.trim(trim, view), signal);
		}
	};

	const startDue = async (signal: AbortSignal) => {
		if (isPaused || clock.monotonicMs() < settledAtMs || active.size() >= settings.atOnce) return;
		const due = queue
			.next(clock.now(), PLANS_A_TURN, id => active.has(id))
			.filter(entry => active.size() < mostFor(entry));
		for (const isAsked of [true, false]) {
			await startSome(
				due.filter(entry => entry.isAsked === isAsked),
				isAsked,
				signal,
			);
		}
	};

	const waitingChunks = () => Math.max(0, queue.counts().waiting - active.all().filter(({from}) => from).length);

	return {
		name: 'repairer',
		async recall() {
			settledAtMs = clock.monotonicMs() + SETTLE_MS;
			isPaused = (await catalog.getSmall('switch', 'repair'))?.isPaused ?? false;
		},
		nodeChanged({isOnline, record}) {
			scans.request({kind: 'node', node: record._id});
			if (isOnline) queue.retryAll(clock.now());
			wakeUp();
		},
		chunkChanged(chunk) {
			assess(chunk);
			wakeUp();
		},
		fileChanged(file) {
			scans.request({kind: 'file', file});
			wakeUp();
		},
		async repairFile(file) {
			let count = 0;
			for await (const chunk of catalog.chunksOf(file)) if (assess(chunk, true).kind === 'copy') count++;
			wakeUp();
			return count;
		},
		async pause(wanted, by) {
			const stored = await catalog.getSmall('switch', 'repair');
			const record = {_id: 'repair', isPaused: wanted, changedAt: clock.now(), changedBy: by} as const;
			await catalog.putSmall('switch', {...record, revision: stored?.revision ?? 0});
			if (wanted !== isPaused) note('INFO', `Repair was ${wanted ? 'paused' : 'resumed'}${by ? ` by ${by}` : ''}`);
			isPaused = wanted;
			wakeUp();
		},
		status: sampled => ({
			isPaused,
			settings,
			counts: {...queue.counts(), waiting: waitingChunks()},
			obstacle: lastObstacle,
			active: active.all(),
			sample: queue.sample(sampled),
			totals: diary.totals(),
			bytesPerSecond: diary.bytesPerSecond(),
		}),
		isPaused: () => isPaused,
		isUrgent: () =>
			active.all().some(({to}) => to.length > 0) ||
			queue.next(clock.now(), PLANS_A_TURN, id => active.has(id)).some(({isShort}) => isShort),
		async step(signal) {
			try {
				await lookAround();
				await startDue(signal);
				const isBusy = active.size() > 0;
				diary.tell({isBusy, blocked: queue.counts().blocked, obstacle: lastObstacle});
				if (scans.isPending()) return 'busy';
				if (!isBusy) return 'idle';
				await active.waitForNews(signal);
				return 'busy';
			} finally {
				if (signal.aborted) await active.settled();
			}
		},
	};
};
