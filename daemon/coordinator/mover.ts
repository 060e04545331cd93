import type {NodeId} from '../../source/protocol/ids.js';
import {onDiskBytes} from '../core/limits.js';
import type {ChunkRecord} from '../core/model.js';
import {type Errand, errandsOf, mayMove, type Move, type MoveView, planMove} from '../core/moves.js';
import {type Obstacle, sizeOfShard} from '../core/repair.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {Worker} from '../ports/worker.js';
import {createDepartures} from './departures.js';
import {createDrains, type DrainProgress} from './drains.js';
import type {Fleet, NodeState} from './fleet.js';
import type {MemoryBudget} from './memory-budget.js';
import {createMoveWalk, isForced, type MoveWalk} from './move-walk.js';
import type {NodeCare} from './node-care.js';
import {createNodeLookup} from './node-lookup.js';
import type {Note} from './note.js';
import type {Pace} from './pace.js';
import {createRate} from './rate.js';
import type {Remover} from './remover.js';
import {createRepairWork} from './repair-work.js';
import type {Repairer, RepairSettings} from './repairer.js';
import {createRunningJobs} from './running-jobs.js';
import type {ShardHealth} from './shard-health.js';
import type {Yielding} from './yielding.js';

export type MoverOptions = {
	catalog: Catalog;
	fleet: Fleet;
	budget: MemoryBudget;
	health: ShardHealth;
	remover: Pick<Remover, 'prepare' | 'settle' | 'discard'>;
	clock: Clock;
	random: Random;
	log: Log;
	note: Note;
	pace: Pace;
	/** Makes way for uploads. */
	yielding: Yielding;
	settings: Pick<RepairSettings, 'graceMs'>;
	/** Lost copies are made first, and both are paused together. */
	repairer: Pick<Repairer, 'isPaused' | 'isUrgent'>;
	care: Pick<NodeCare, 'noteEmpty' | 'noteAwaited' | 'forget'>;
	/** When the oldest upload that is under way began: what it has put on nodes the catalogue may not know yet. */
	oldestUpload: () => number | undefined;
	onChange: (chunk: ChunkRecord) => void;
	wake: () => void;
};

export type ActiveMove = Move & {startedAt: number};

export type MoverStatus = {
	isPaused: boolean;
	/** Shards that are still to be moved because they must; those that only should are not counted ahead. */
	waiting: number;
	blocked: number;
	obstacle: Obstacle | undefined;
	active: ActiveMove[];
	bytesPerSecond: number;
	done: {shards: number; bytes: number};
};

/** Moves shards off nodes that are drained or too full, and, slowly, to where they spread and balance better. */
export type Mover = Worker & {
	/** Gives nodes of before the time to say that they are there. Call it when the coordinator starts. */
	recall: () => void;
	/** A node came or went, or something was decided about it. */
	nodeChanged: (state: NodeState) => void;
	status: () => MoverStatus;
	/** How far a node's drain is; `undefined` where it has none. */
	drainOf: (state: NodeState) => DrainProgress | undefined;
};

const CHUNKS_A_LOOK = 200;
/** Moves at once that nobody waits for. */
const MOST_UNFORCED = 1;
/** After a start: nodes that are there take so long to say so. */
const SETTLE_MS = 60_000;
/**
How often all chunks of nodes that share a zone are looked at; where something changed, sooner. For each node that there is, so
that it costs the same in any time, however many there are.
*/
const SWEEP_EVERY_MS = 3_600_000;
const SWEEP_FOR_A_NODE_MS = 36_000;
const SWEEP_AGAIN_FOR_A_NODE_MS = 1_000;
/**
How long it is believed which nodes are to be relieved: what moves in that time changes little. For each node as well: to know
it, all are looked at.
*/
const ERRANDS_FOR_MS = 1_000;
const ERRANDS_FOR_A_NODE_MS = 50;
const RATE_OVER_MS = 15_000;

const keyOf = ({reason, from}: Errand) => `${reason} ${from}`;

export const createMover = (options: MoverOptions): Mover => {
	const {catalog, fleet, clock, random, log, settings, yielding, repairer, wake} = options;
	const jobs = createRunningJobs<ActiveMove & {source: NodeId}>({clock, nodesOf: ({source, to}) => [source, to]});
	const work = createRepairWork(options);
	const rate = createRate(clock, RATE_OVER_MS);
	const done = {shards: 0, bytes: 0};
	const walks = new Map<string, MoveWalk>();
	const departures = createDepartures(clock);
	const nodeOf = createNodeLookup({fleet, clock, leavingBytes: departures.bytesOf});
	let errands: readonly Errand[] = [];
	let forcedErrands: readonly Errand[] = [];
	let errandKeys: ReadonlySet<string> = new Set();
	let errandsAt = -Infinity;
	let isBalancing = false;
	let settledAtMs = -Infinity;
	let sweep: NodeId[] = [];
	let sweptAtMs = -Infinity;
	let sweepsAtMs = -Infinity;
	const drains = createDrains({
		...options,
		jobs: () => jobs.all(),
		walkOf: id => walks.get(keyOf({reason: 'drain', from: id})),
	});

	const viewNow = (): MoveView => ({node: nodeOf, pool: fleet.pool(), graceMs: settings.graceMs});

	/** Nodes that share a zone with others, while there are other zones: only their chunks can lie too close together. */
	const crowdedNodes = (): NodeId[] => {
		const zones = new Map<string, NodeId[]>();
		for (const {isOnline, record} of fleet.all()) {
			if (isOnline) zones.set(record.zone, [...(zones.get(record.zone) ?? []), record._id]);
		}

		return zones.size < 2 ? [] : [...zones.values()].filter(({length}) => length > 1).flat();
	};

	/** The next node whose chunks are looked at for their spread. */
	const spreadErrand = (): Errand | undefined => {
		if (sweep.length === 0 && clock.monotonicMs() >= sweepsAtMs) {
			sweptAtMs = clock.monotonicMs();
			sweepsAtMs = sweptAtMs + Math.max(SWEEP_EVERY_MS, SWEEP_FOR_A_NODE_MS * fleet.size());
			sweep = crowdedNodes();
		}

		const [from] = sweep;
		return from && {from, reason: 'spread'};
	};

	const setErrands = (all: readonly Errand[]) => {
		errands = all;
		forcedErrands = all.filter(isForced);
		errandKeys = new Set(all.map(keyOf));
	};

	const refreshErrands = (view: MoveView) => {
		const believedMs = Math.max(ERRANDS_FOR_MS, ERRANDS_FOR_A_NODE_MS * fleet.size());
		if (clock.monotonicMs() < errandsAt + believedMs) return;
		errandsAt = clock.monotonicMs();
		const nodes = fleet.all().flatMap(({record}) => nodeOf(record._id) ?? []);
		const candidates = view.pool.all().flatMap(({id}) => nodeOf(id) ?? []);
		setErrands(errandsOf(nodes, candidates, isBalancing));
		isBalancing = errands.some(({reason}) => reason === 'balance');
	};

	/** A node changed: whether it must be emptied, or is overfull, is known at once, and by itself. */
	const renewErrands = (id: NodeId) => {
		const node = nodeOf(id);
		const own = node ? errandsOf([node], [], false) : [];
		const others = errands.filter(({from, reason}) => from !== id || (node !== undefined && reason === 'balance'));
		if (own.length > 0 || others.length < errands.length) setErrands([...own, ...others]);
	};

	const walkOf = (errand: Errand): MoveWalk => {
		const known = walks.get(keyOf(errand));
		const walk = known ?? createMoveWalk(catalog, errand);
		if (!known) walks.set(keyOf(errand), walk);
		return walk;
	};

	/** Of those that are too full, the fullest that is not at rest: the others take their turn, and need no walk until then. */
	const fullestWalk = (nowMs: number): MoveWalk | undefined => {
		for (const errand of errands) {
			if (errand.reason === 'balance' && !walks.get(keyOf(errand))?.isResting(nowMs)) return walkOf(errand);
		}

		return undefined;
	};

	/** The ways that are to be gone now: those that must be first. */
	const refreshWalks = (view: MoveView): MoveWalk[] => {
		refreshErrands(view);
		const spread = spreadErrand();
		const nowMs = clock.monotonicMs();
		const isMeant = (key: string) => errandKeys.has(key) || (spread !== undefined && key === keyOf(spread));
		for (const key of walks.keys()) if (!isMeant(key)) walks.delete(key);
		const fullest = fullestWalk(nowMs);
		const ready = [...forcedErrands.map(walkOf), ...(fullest ? [fullest] : []), ...(spread ? [walkOf(spread)] : [])];
		return ready.filter(walk => !walk.isResting(nowMs));
	};

	const hasRoomFor = (errand: Errand): boolean => {
		if (jobs.size() >= yielding.mostAtOnce()) return false;
		return isForced(errand) || jobs.all().filter(job => !isForced(job)).length < MOST_UNFORCED;
	};

	const carryOut = async (walk: MoveWalk, move: Move, signal: AbortSignal) => {
		const {chunk, from, to, reason} = move;
		const bytes = sizeOfShard(chunk);
		const departure = departures.begin(from, onDiskBytes(bytes));
		const isWanted = () => {
			const isMeant = reason !== 'drain' || nodeOf(from)?.isDraining === true;
			return isMeant && fleet.isReady(to) && mayMove(chunk, walk.errand, viewNow(), clock.now());
		};

		let isDone = false;
		try {
			const {kind} = await work.move(move, viewNow, isWanted, signal);
			isDone = kind === 'copied';
			if (kind !== 'trimmed') walk.noteEnd(kind);
		} catch (error) {
			if (!signal.aborted) log.error('a shard could not be moved; it is tried again', {chunk: chunk._id, error});
		}

		departure.end(isDone);
		if (!isDone) return;
		rate.add(bytes);
		drains.noteMoved(move, bytes);
		done.shards++;
		done.bytes += bytes;
	};

	/** The sound copy that is the least trouble to read: of a node that has little to do, and answers soon. */
	const sourcesOf = ({chunk, sources}: Move): NodeId[] => {
		const costOf = (id: NodeId) => {
			const state = fleet.get(id);
			return (state?.latency.meanMs ?? 0) * (1 + (state?.inFlight ?? 0)) + (jobs.isFree(id) ? 0 : 1e9);
		};
		const holders = new Set(chunk.shards.map(({node}) => node));
		return sources.filter(id => holders.has(id)).sort((a, b) => costOf(a) - costOf(b));
	};

	/** Looks at the next chunk on the way. Says whether there may be more to look at now. */
	const advance = async (walk: MoveWalk, view: MoveView, signal: AbortSignal): Promise<boolean> => {
		const seen = await walk.look();
		if (!seen) {
			const isRunning = jobs.all().some(({from, reason}) => from === walk.errand.from && reason === walk.errand.reason);
			if (isRunning) return false;
			walk.endPass(clock.monotonicMs());
			if (walk.errand.reason === 'spread') sweep.shift();
			return false;
		}

		const plan = (chunk: ChunkRecord) => planMove(chunk, walk.errand, view, clock.now(), random.float);
		// Most of what nobody needs to be moved stays where it is, and the next pass looks at it again.
		if (jobs.has(seen._id) || (!isForced(walk.errand) && plan(seen) === undefined)) {
			walk.pass();
			return true;
		}

		// It may have been a while since it was listed.
		const chunk = await catalog.getChunk(seen._id);
		const planned = chunk && plan(chunk);
		if (typeof planned === 'object') {
			const sources = sourcesOf(planned);
			const [source] = sources;
			if (!source || !jobs.isFree(source) || !jobs.isFree(planned.to)) return false;
			const move = {...planned, sources};
			jobs.start(move.chunk._id, {...move, source, startedAt: clock.now()}, async () => carryOut(walk, move, signal));
		}

		if (typeof planned === 'string') walk.block(planned);
		else walk.pass();
		return true;
	};

	/** Goes some steps on every way, one after the other. Says whether what must be moved wants another look at once. */
	const goOn = async (signal: AbortSignal): Promise<boolean> => {
		const view = viewNow();
		let ready = refreshWalks(view);
		for (let looks = 0; ready.length > 0;) {
			const going: MoveWalk[] = [];
			for (const walk of ready) {
				if (looks >= CHUNKS_A_LOOK) return isForced(walk.errand);
				if (!hasRoomFor(walk.errand)) continue;
				looks++;
				if (await advance(walk, view, signal)) going.push(walk);
			}

			ready = going;
		}

		return false;
	};

	const mayBegin = () => !repairer.isPaused() && clock.monotonicMs() >= settledAtMs && !repairer.isUrgent();

	const shrinkShards = (id: NodeId): number => {
		const node = walks.has(keyOf({reason: 'shrink', from: id})) ? nodeOf(id) : undefined;
		if (!node) return 0;
		const overBytes = node.usedBytes - node.leavingBytes - node.allocatedBytes;
		const averageBytes = catalog.shardBytes(id) / Math.max(1, catalog.shardCounts(id).sound);
		return overBytes > 0 && averageBytes > 0 ? Math.ceil(overBytes / averageBytes) : 0;
	};

	const blockedNow = () => {
		const all = [...walks.values()].filter(({errand}) => isForced(errand)).map(walk => walk.blocked());
		return {
			blocked: all.reduce((sum, {count}) => sum + count, 0),
			obstacle: all.find(({obstacle}) => obstacle)?.obstacle,
		};
	};

	return {
		name: 'mover',
		recall() {
			settledAtMs = clock.monotonicMs() + SETTLE_MS;
			drains.recall();
		},
		nodeChanged(state) {
			drains.nodeChanged(state);
			sweepsAtMs = Math.min(sweepsAtMs, sweptAtMs + SWEEP_AGAIN_FOR_A_NODE_MS * fleet.size());
			renewErrands(state.record._id);
			for (const walk of walks.values()) walk.retry();
			jobs.nudge();
			wake();
		},
		status() {
			const {blocked, obstacle} = blockedNow();
			const all = fleet
				.all()
				.reduce((sum, state) => sum + (drains.progressOf(state)?.shards ?? shrinkShards(state.record._id)), 0);
			const forced = jobs.all().filter(isForced).length;
			return {
				isPaused: repairer.isPaused(),
				waiting: Math.max(0, all - forced - blocked),
				blocked,
				obstacle,
				active: jobs.all(),
				bytesPerSecond: rate.perSecond(),
				done: {...done},
			};
		},
		drainOf: drains.progressOf,
		async step(signal) {
			try {
				const wantsMore = mayBegin() && (await goOn(signal));
				await drains.finish();
				if (jobs.size() === 0) return wantsMore ? 'busy' : 'idle';
				await jobs.waitForNews(signal);
				return 'busy';
			} finally {
				if (signal.aborted) await jobs.settled();
			}
		},
	};
};
