import {setMaxListeners} from 'node:events';
import {isPjasError, PjasError} from '../../source/protocol/errors.js';
import {SEAL_TAG_BYTES} from '../../source/protocol/seal.js';
import {isLastResort} from '../core/condition.js';
import {expectedMs, hedgeDelayMs} from '../core/latency.js';
import {leastReadMs} from '../core/line-speed.js';
import type {ChunkRecord, ShardRecord} from '../core/model.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {ReadChunk} from './chunk-cache.js';
import type {Fleet} from './fleet.js';
import type {Lease, MemoryBudget} from './memory-budget.js';
import {createOpener} from './sealer.js';
import type {ShardHealth} from './shard-health.js';

export type ReadRequest = {chunk: ChunkRecord; key: Uint8Array; isLast: boolean};

export type ShardReader = {
	/**
	Reads a chunk from the best of its nodes, and from the next where that one errs, is slow for its kind, or returns
	wrong bytes. Owns `lease`, whatever happens.

	@throws {PjasError} `FILE_UNAVAILABLE` where no copy can be had.
	*/
	read: (request: ReadRequest, lease: Lease, signal: AbortSignal) => Promise<ReadChunk>;
};

type ReaderOptions = {
	fleet: Fleet;
	budget: MemoryBudget;
	health: ShardHealth;
	clock: Clock;
	random: Random;
	log: Log;
};

/** One for all: making an error costs more than reading a small shard. */
const fasterNode = new Error('another node was faster');

/** A node that returns nothing while nobody has memory to ask another one as well. */
const stalledNode = new Error('the node returned nothing, and its buffer is needed for another');

/** One try at one node, into one buffer. */
type Attempt = {
	shard: ShardRecord;
	lease: Lease;
	stop: AbortController;
	/** What has come of the shard. */
	filledBytes: number;
	/** What had come when it was last found late. */
	seenBytes: number;
};
type Plain = Uint8Array | undefined;

export const createShardReader = ({fleet, budget, health, clock, random, log}: ReaderOptions): ShardReader => {
	/**
	The smaller, the sooner it is asked: known faults last, then nodes that are away, not trusted, asked only where nobody else
	can serve, or failed; then by expected time.
	*/
	const rank = (shard: ShardRecord, sizeBytes: number): [number, number] => {
		const state = fleet.get(shard.node);
		const presence = fleet.counts(shard.node) ? 0 : state?.isOnline ? 2 : 4;
		const isLast = presence === 0 && state !== undefined && isLastResort(state.record, clock.now());
		const doubt = (shard.fault ? 8 : 0) + presence + (isLast ? 2 : 0) + (state && !fleet.isCooling(state) ? 0 : 1);
		const readMs = state
			? Math.max(expectedMs(state.latency, sizeBytes), leastReadMs(state.record.line, sizeBytes))
			: 0;
		const waitMs = state ? (readMs + 1) * (1 + state.inFlight) : 0;
		return [doubt, waitMs * (0.9 + 0.2 * random.float())];
	};

	const bestFirst = (chunk: ChunkRecord, sizeBytes: number): ShardRecord[] =>
		chunk.shards
			.map(shard => ({shard, order: rank(shard, sizeBytes)}))
			.sort((a, b) => a.order[0] - b.order[0] || a.order[1] - b.order[1])
			.map(({shard}) => shard);

	const noteFault = async ({_id}: ChunkRecord, {node, digest}: ShardRecord, result: 'missing' | 'corrupt') => {
		try {
			await health.record(_id, [{node, digest, result}]);
		} catch (error) {
			log.error('a fault of a shard could not be written down', {chunk: _id, node, error});
		}
	};

	/** Resolves to the plain bytes, or to nothing where the next node is to be tried. */
	const fetchPlain = async ({chunk, key, isLast}: ReadRequest, attempt: Attempt): Promise<Plain> => {
		const {shard, lease} = attempt;
		const {signal} = attempt.stop;
		const sizeBytes = chunk.sizeBytes + SEAL_TAG_BYTES;
		try {
			const into = lease.bytes.subarray(0, sizeBytes);
			const opener = createOpener(into, {key, index: chunk.index, isLast});
			const onFilled = (filledBytes: number) => {
				attempt.filledBytes = filledBytes;
				opener.advance(filledBytes);
			};
			const sealed = await fleet.use(shard.node, {readBytes: sizeBytes}, store =>
				store.get(shard.digest, {signal, into, onFilled}),
			);
			const plain = sealed.length === sizeBytes ? await opener.finish() : undefined;
			if (!plain) await noteFault(chunk, shard, 'corrupt');
			return plain;
		} catch (error) {
			if (isPjasError(error, 'SHARD_NOT_FOUND')) await noteFault(chunk, shard, 'missing');
			if (!signal.aborted) log.warn('a shard could not be read', {chunk: chunk._id, node: shard.node, error});
			return undefined;
		}
	};

	const slowAfterMs = (shard: ShardRecord, sizeBytes: number): number => {
		const state = fleet.get(shard.node);
		return state ? hedgeDelayMs(state.latency, sizeBytes) : 0;
	};

	/** The attempts at one chunk: several at once where one is slow. */
	const createRace = (request: ReadRequest, bufferBytes: number) => {
		const sizeBytes = request.chunk.sizeBytes + SEAL_TAG_BYTES;
		const waiting = bestFirst(request.chunk, sizeBytes);
		const running = new Map<Attempt, Promise<Plain>>();
		const givenUp = new Set<ShardRecord>();

		const start = (lease: Lease): void => {
			const shard = waiting.shift();
			if (!shard) {
				lease.release();
				return;
			}

			const attempt = {shard, lease, stop: new AbortController(), filledBytes: 0, seenBytes: -1};
			setMaxListeners(0, attempt.stop.signal);
			running.set(attempt, fetchPlain(request, attempt));
		};

		/**
		Asks another node as well. Where memory is short there may be some in a while; but what is short of it may be that reads
		wait for a node that hangs, so one that returned nothing for as long again gives its buffer to the next node, and is
		asked once more after all others.
		*/
		const hedge = (newest: Attempt): void => {
			const lease = budget.tryAcquire(bufferBytes);
			if (lease) {
				start(lease);
				return;
			}

			const isStalled = newest.filledBytes === newest.seenBytes;
			newest.seenBytes = newest.filledBytes;
			// All may be slow: who is asked once more is waited for.
			if (!isStalled || givenUp.has(newest.shard)) return;
			givenUp.add(newest.shard);
			waiting.push(newest.shard);
			newest.stop.abort(stalledNode);
		};

		/** How the next attempt ends, or that the newest is slow and another node may be asked as well. */
		const nextEnd = async () => {
			const newest = [...running.keys()].at(-1);
			return new Promise<{late: Attempt} | {attempt: Attempt; plain: Plain}>((resolve, reject) => {
				const cancel =
					waiting.length === 0 || !newest
						? () => undefined
						: clock.timer(slowAfterMs(newest.shard, sizeBytes), () => resolve({late: newest}));
				for (const [attempt, outcome] of running) {
					outcome.then(plain => resolve({attempt, plain}), reject).finally(cancel);
				}
			});
		};

		return {start, hedge, nextEnd, running};
	};

	const read: ShardReader['read'] = async (request, firstLease, signal) => {
		const {start, hedge, nextEnd, running} = createRace(request, firstLease.bytes.length);
		const stopAll = (reason: unknown) => {
			for (const {stop} of running.keys()) stop.abort(reason);
		};
		const giveUp = () => stopAll(signal.reason);
		signal.addEventListener('abort', giveUp, {once: true});
		try {
			if (signal.aborted) firstLease.release();
			else start(firstLease);
			while (running.size > 0) {
				const end = await nextEnd();
				if ('late' in end) {
					if (!signal.aborted) hedge(end.late);
					continue;
				}

				const {attempt, plain} = end;
				running.delete(attempt);
				if (plain) return {bytes: plain, release: attempt.lease.release, bufferBytes: attempt.lease.bytes.length};
				if (signal.aborted) attempt.lease.release();
				else start(attempt.lease);
			}
		} finally {
			signal.removeEventListener('abort', giveUp);
			stopAll(fasterNode);
			// Buffers go back only when nothing writes into them any more.
			for (const [{lease}, outcome] of running) void outcome.finally(lease.release);
		}

		signal.throwIfAborted();
		const problem = `no node that keeps chunk ${request.chunk.index} returned it`;
		throw new PjasError(
			'FILE_UNAVAILABLE',
			`Failed to retrieve file: ${problem}. Try again when more nodes are online`,
			{
				retryAfterSeconds: 30,
			},
		);
	};

	return {read};
};
