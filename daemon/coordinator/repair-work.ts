import {isPjasError} from '../../source/protocol/errors.js';
import type {NodeId} from '../../source/protocol/ids.js';
import {SEAL_TAG_BYTES} from '../../source/protocol/seal.js';
import {type ChunkRecord, removalOf, type RemovalRecord, type ShardRecord} from '../core/model.js';
import {type Move, withMove} from '../core/moves.js';
import {type CopyPlan, needOf, type RepairView, type TrimPlan, withCopies} from '../core/repair.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {Fleet} from './fleet.js';
import {hashBytes} from './hash-bytes.js';
import type {MemoryBudget} from './memory-budget.js';
import type {Pace} from './pace.js';
import {borrowPolitely} from './polite-memory.js';
import type {Remover} from './remover.js';
import type {ShardHealth} from './shard-health.js';
import type {Yielding} from './yielding.js';

type RepairWorkOptions = {
	catalog: Catalog;
	fleet: Fleet;
	budget: MemoryBudget;
	health: ShardHealth;
	remover: Pick<Remover, 'prepare' | 'settle' | 'discard'>;
	pace: Pace;
	yielding: Pick<Yielding, 'noteCopy'>;
	clock: Clock;
	log: Log;
	/** Told of each chunk that was changed. */
	onChange: (chunk: ChunkRecord) => void;
};

/** `stale`: the chunk is another than the plan was made for. `failed`: no copy could be read, or none written. */
export type Outcome =
	| {kind: 'stale'}
	| {kind: 'failed'}
	| {kind: 'copied'; copies: number; bytes: number}
	| {kind: 'trimmed'; shards: number};

/** A shard that is written to nodes that lack it. */
type Job = {
	plan: Pick<CopyPlan, 'chunk' | 'digest' | 'sources' | 'targets'>;
	/** How the nodes are by now. */
	view: () => RepairView;
	/** Whether the chunk, which is as it was when this was planned, still needs it. */
	isWanted: () => boolean;
	/** The shards that the chunk has with what was made. */
	after: (made: readonly NodeId[]) => {shards: ShardRecord[]; dropped: ShardRecord[]};
};

export type RepairWork = {
	/** Reads a sound copy, verifies it, and writes it to the plan's targets. `view` says how the nodes are by now. */
	copy: (plan: CopyPlan, view: () => RepairView, signal: AbortSignal) => Promise<Outcome>;
	/** The same for a shard that goes from one node to another: the old one is dropped once the new one counts. */
	move: (move: Move, view: () => RepairView, isWanted: () => boolean, signal: AbortSignal) => Promise<Outcome>;
	trim: (plan: TrimPlan, view: () => RepairView) => Promise<Outcome>;
};

/** What a coordinator that ends in the middle leaves on nodes is removed after this. */
const LEFTOVER_AFTER_MS = 3_600_000;
const stale: Outcome = {kind: 'stale'};
const failed: Outcome = {kind: 'failed'};

export const createRepairWork = (options: RepairWorkOptions): RepairWork => {
	const {catalog, fleet, budget, health, remover, pace, yielding, clock, log, onChange} = options;

	/** Whether the plan still is what its chunk needs: nobody changed it, its file is there, and no node came back. */
	const isCurrent = async ({plan: {chunk}, isWanted}: Job): Promise<boolean> => {
		const stored = await catalog.getChunk(chunk._id);
		if (stored?.revision !== chunk.revision || !catalog.hasRecord(chunk.file)) return false;
		return isWanted();
	};

	const readFrom = async (node: NodeId, plan: Job['plan'], into: Uint8Array, signal: AbortSignal) => {
		const {chunk, digest} = plan;
		const note = async (result: 'missing' | 'corrupt') => {
			await health.record(chunk._id, [{node, digest, result}]);
			return stale;
		};

		try {
			const bytes = await fleet.use(node, {readBytes: into.length}, store => store.get(digest, {signal, into}));
			if (bytes.length !== into.length || (await hashBytes(bytes)) !== digest) return await note('corrupt');
			return bytes;
		} catch (error) {
			if (signal.aborted) throw error;
			if (isPjasError(error, 'SHARD_NOT_FOUND')) return note('missing');
			if (isPjasError(error, 'SHARD_CORRUPT') || isPjasError(error, 'DIGEST_MISMATCH')) return note('corrupt');
			log.warn('a shard could not be read to be copied; another copy is tried', {chunk: chunk._id, node, error});
			return undefined;
		}
	};

	/** The bytes of the first copy that can be read and is right. A copy that is not is written down, and ends the plan. */
	const readSound = async (plan: Job['plan'], into: Uint8Array, signal: AbortSignal): Promise<Uint8Array | Outcome> => {
		for (const node of plan.sources) {
			const read = await readFrom(node, plan, into, signal);
			if (read) return read;
		}

		return failed;
	};

	/**
	A node may have a copy that went bad under its name, and would take the right one for what it has; also one that the chunk
	no longer counts on, as after it was away.
	*/
	const clearBad = async (node: NodeId, {digest}: Job['plan'], signal: AbortSignal) => {
		try {
			await fleet.use(node, {}, store => store.verify(digest, {signal}));
		} catch (error) {
			if (!isPjasError(error, 'SHARD_NOT_FOUND')) throw error;
		}
	};

	const putOn = async (node: NodeId, plan: Job['plan'], bytes: Uint8Array, signal: AbortSignal): Promise<boolean> => {
		try {
			await clearBad(node, plan, signal);
			await fleet.use(node, {writeBytes: bytes.length}, store => store.put(plan.digest, bytes, {signal}));
			return true;
		} catch (error) {
			if (!signal.aborted) log.warn('a shard could not be copied onto a node', {chunk: plan.chunk._id, node, error});
			return false;
		}
	};

	/** Of shards that no longer count: removals for those that a node may hold. A node that is away tells when it is back. */
	const removalsOf = (dropped: readonly ShardRecord[], view: RepairView): RemovalRecord[] =>
		dropped
			.filter(({node}) => ['online', 'barred'].includes(view.node(node)?.presence ?? 'away'))
			.map(({node, digest}) => removalOf(node, digest, clock.now() + LEFTOVER_AFTER_MS, 'surplus'));

	/**
	Changes the chunk's record, where it is still the plan's. What is `made` counts from then on; where the record is another
	by now, or the file was deleted meanwhile, it goes again.

	@param lost - Shards that don't count from then on.
	*/
	const commit = async (
		chunk: ChunkRecord,
		shards: ShardRecord[],
		prepared: {made: RemovalRecord[]; unmade: RemovalRecord[]; dropped: RemovalRecord[]},
		lost: {shards: readonly ShardRecord[]; view: () => RepairView},
	): Promise<boolean> => {
		const {made, unmade, dropped} = prepared;
		let changed: ChunkRecord | undefined;
		try {
			changed = await catalog.putChunk({...chunk, shards});
		} catch (error) {
			// Whoever changed the record may have given the same shards up, or deleted the file: what still counts is not removed.
			await remover.settle([], [...made, ...unmade, ...dropped]);
			if (isPjasError(error, 'CONFLICT')) return false;
			throw error;
		}

		// A deletion that had read the chunk before this change knows nothing of what is new on it.
		const isThere = catalog.hasRecord(chunk.file);
		if (isThere) await remover.settle(made, [...unmade, ...dropped]);
		else await remover.settle([], [...made, ...unmade, ...dropped]);
		// A node that came back just now may have been compared with the record of before, and has nothing to tell any more.
		const known = new Set(dropped.map(({_id}) => _id));
		await remover.discard(removalsOf(lost.shards, lost.view()).filter(({_id}) => !known.has(_id)));
		onChange(changed);
		return isThere;
	};

	const write = async ({plan, view, after}: Job, bytes: Uint8Array, signal: AbortSignal) => {
		const {chunk, digest, targets} = plan;
		const intents = targets.map(node => removalOf(node, digest, clock.now() + LEFTOVER_AFTER_MS, 'surplus'));
		await remover.prepare(intents);
		const outcomes = await Promise.all(targets.map(async node => putOn(node, plan, bytes, signal)));
		const made = intents.filter((_, at) => outcomes[at]);
		const unmade = intents.filter((_, at) => !outcomes[at]);
		if (made.length === 0) {
			await remover.settle([], unmade);
			return failed;
		}

		const {shards, dropped} = after(made.map(({node}) => node));
		const removals = removalsOf(dropped, view());
		await remover.prepare(removals);
		const isDone = await commit(chunk, shards, {made, unmade, dropped: removals}, {shards: dropped, view});
		return isDone ? ({kind: 'copied', copies: made.length, bytes: made.length * bytes.length} as const) : stale;
	};

	const carryOut = async (job: Job, signal: AbortSignal): Promise<Outcome> => {
		const {plan} = job;
		const sizeBytes = plan.chunk.sizeBytes + SEAL_TAG_BYTES;
		await pace.take(sizeBytes * plan.targets.length, signal);
		const lease = await borrowPolitely({budget, clock}, sizeBytes, signal);
		const startMs = clock.monotonicMs();
		try {
			if (!(await isCurrent(job))) return stale;
			const read = await readSound(plan, lease.bytes.subarray(0, sizeBytes), signal);
			if ('kind' in read) return read;
			if (!(await isCurrent(job))) return stale;
			return await write(job, read, signal);
		} finally {
			lease.release();
			yielding.noteCopy(clock.monotonicMs() - startMs);
		}
	};

	return {
		async copy(plan, view, signal) {
			const {chunk, digest} = plan;
			const isWanted = () => needOf(chunk, view(), clock.now()).kind === 'copy';
			const after: Job['after'] = made => withCopies(chunk, {digest, made}, view(), clock.now());
			return carryOut({plan, view, isWanted, after}, signal);
		},
		async move(move, view, isWanted, signal) {
			const plan = {...move, targets: [move.to]};
			return carryOut({plan, view, isWanted, after: () => withMove(move, clock.now())}, signal);
		},
		async trim({chunk, keep, drop}, view) {
			if (needOf(chunk, view(), clock.now()).kind !== 'trim') return stale;
			const removals = removalsOf(drop, view());
			await remover.prepare(removals);
			const isDone = await commit(chunk, keep, {made: [], unmade: [], dropped: removals}, {shards: drop, view});
			return isDone ? {kind: 'trimmed', shards: drop.length} : stale;
		},
	};
};
