import {setMaxListeners} from 'node:events';
import {isPjasError, PjasError} from '../../source/protocol/errors.js';
import {SEAL_TAG_BYTES} from '../../source/protocol/seal.js';
import {isLastResort} from '../core/condition.js';
import {expectedMs, hedgeDelayMs} from '../core/latency.js';
import {leastReadMs} from '../core/line-speed.js';
import type {ChunkRecord, ShardRecord} from '../core/model.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {PlainChunk} from './chunk-cache.js';
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
	read: (request: ReadRequest, lease: Lease, signal: AbortSignal) => Promise<PlainChunk>;
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

type Outcome = {attempt: Attempt; plain: Uint8Array | undefined};
type Attempt = {shard: ShardRecord; lease: Lease; outcome: Promise<Uint8Array | undefined>};

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

	/** One try at one node. Resolves to the plain bytes, or to nothing where the next node is to be tried. */
	const fetchPlain = async (
		{chunk, key, isLast}: ReadRequest,
		shard: ShardRecord,
		lease: Lease,
		signal: AbortSignal,
	): Promise<Uint8Array | undefined> => {
		const sizeBytes = chunk.sizeBytes + SEAL_TAG_BYTES;
		try {
			const into = lease.bytes.subarray(0, sizeBytes);
			const opener = createOpener(into, {key, index: chunk.index, isLast});
			const sealed = await fleet.use(shard.node, {readBytes: sizeBytes}, store =>
				store.get(shard.digest, {signal, into, onFilled: opener.advance}),
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

	const read: ShardReader['read'] = async (request, firstLease, signal) => {
		const sizeBytes = request.chunk.sizeBytes + SEAL_TAG_BYTES;
		const waiting = bestFirst(request.chunk, sizeBytes);
		const running = new Set<Attempt>();
		const stop = new AbortController();
		setMaxListeners(0, stop.signal);
		const giveUp = () => stop.abort(signal.reason);
		signal.addEventListener('abort', giveUp, {once: true});

		const start = (shard: ShardRecord, lease: Lease) => {
			running.add({shard, lease, outcome: fetchPlain(request, shard, lease, stop.signal)});
		};

		/** How the next attempt ends, or that the newest is slow and another node may be asked as well. */
		const nextOutcome = async (): Promise<'late' | Outcome> => {
			const newest = [...running].at(-1);
			return new Promise((resolve, reject) => {
				const isPatient = waiting.length === 0 || !newest;
				const cancel = isPatient
					? () => undefined
					: clock.timer(slowAfterMs(newest.shard, sizeBytes), () => resolve('late'));
				for (const attempt of running) {
					attempt.outcome.then(plain => resolve({attempt, plain}), reject).finally(cancel);
				}
			});
		};

		/** Buffers go back only when nothing writes into them any more. */
		const abandonRest = () => {
			signal.removeEventListener('abort', giveUp);
			if (running.size > 0) stop.abort(fasterNode);
			for (const {lease, outcome} of running) void outcome.finally(lease.release);
		};

		const first = waiting.shift();
		if (first) start(first, firstLease);
		else firstLease.release();
		try {
			while (running.size > 0) {
				const end = await nextOutcome();
				if (end === 'late') {
					const lease = budget.tryAcquire(firstLease.bytes.length);
					const shard = lease && waiting.shift();
					// Where memory is short there may be some in a while.
					if (shard) start(shard, lease);
					continue;
				}

				running.delete(end.attempt);
				if (end.plain) return {bytes: end.plain, release: end.attempt.lease.release};
				const next = signal.aborted ? undefined : waiting.shift();
				if (next) start(next, end.attempt.lease);
				else end.attempt.lease.release();
			}
		} finally {
			abandonRest();
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
