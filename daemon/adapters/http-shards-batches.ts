import {setImmediate as nextTurn} from 'node:timers/promises';
import {isPjasError} from '../../source/protocol/errors.js';
import {Few} from '../core/few.js';
import {type BatchedShard, MOST_BATCH_BYTES, MOST_BATCHED_SHARDS} from '../core/shard-batch.js';
import type {ShardOptions} from '../ports/shard-store.js';
import {tooManyWait} from './http-shards-gate.js';

/** What is asked about one small shard. */
export type Ask = BatchedShard & ShardOptions;

export type BatchSenders<A extends Ask, T> = {
	/** Asks by a request of its own. */
	one: (ask: A) => Promise<T>;
	/**
	Asks several by one request. Gives for each what came of it, or what was wrong; nothing at all where the node knows no such
	requests.
	*/
	several: (asks: readonly A[], signal: AbortSignal) => Promise<(T | Error)[] | undefined>;
	/**
	Whether one that is aborted while it goes with others settles only when they do, for until then its bytes may be read. Without
	it, `several` leaves the aborted ones alone.
	*/
	isHeld?: boolean;
};

type Waiting<A, T> = A & {settle: (outcome: T | Error) => void};

const MOST_WAITING = 1_000;
/** So many turns of the event loop in which nobody came, and a batch is taken; after so many in any case. */
const QUIET_TURNS = 2;
const MOST_TURNS = 32;
/** So many batches are under way to a node: while it writes one, the next is brought. */
const MOST_UNDER_WAY = 2;

/** Those that came first, as many as go together. */
const takeBatch = <W extends Ask>(waiting: Few<W>): W[] => {
	const batch: W[] = [];
	let sumBytes = 0;
	for (const ask of waiting) {
		sumBytes += ask.sizeBytes;
		if (batch.length === MOST_BATCHED_SHARDS || sumBytes > MOST_BATCH_BYTES) break;
		batch.push(ask);
		waiting.delete(ask);
	}

	return batch;
};

/** Aborts `end` once nobody wants what is under way any more. Gives what takes the listeners away again. */
const endWhenUnwanted = (batch: readonly Ask[], end: AbortController): (() => void) => {
	const signals = batch.map(({signal}) => signal);
	const look = () => {
		if (signals.every(signal => signal?.aborted)) end.abort(signals[0]?.reason);
	};
	for (const signal of signals) signal?.addEventListener('abort', look);
	return () => {
		for (const signal of signals) signal?.removeEventListener('abort', look);
	};
};

/**
Asks one node about small shards as a group commit: the first at once, and those that come while as many are under way as may be,
together after them.
*/
export const createBatches = <A extends Ask, T>(senders: BatchSenders<A, T>): ((ask: A) => Promise<T>) => {
	const {one, several, isHeld = false} = senders;
	const waiting = new Few<Waiting<A, T>>();
	let underWay = 0;
	let isKnown = true;

	const sendAlone = async (ask: Waiting<A, T>): Promise<void> => one(ask).then(ask.settle, ask.settle);

	/** Whoever waits for a node that has gone silent need not find that out anew. */
	const failWaiting = (error: Error) => {
		for (const ask of waiting) ask.settle(error);
		waiting.clear();
	};

	const sendTogether = async (batch: readonly Waiting<A, T>[]): Promise<void> => {
		const end = new AbortController();
		const stopLooking = endWhenUnwanted(batch, end);
		try {
			const outcomes = await several(batch, end.signal);
			isKnown = outcomes !== undefined;
			if (outcomes) batch.forEach((ask, index) => ask.settle(outcomes[index] as T | Error));
			else await Promise.all(batch.map(sendAlone));
		} catch (error) {
			for (const ask of batch) ask.settle(error as Error);
			if (isPjasError(error, 'NODE_TIMEOUT')) failWaiting(error);
		} finally {
			stopLooking();
		}
	};

	/** Whoever is about to ask comes along: a request for each of two costs more than that one waits for the other. */
	const gather = async (): Promise<void> => {
		let quietTurns = 0;
		for (let turn = 0; turn < MOST_TURNS && quietTurns < QUIET_TURNS; turn++) {
			const before = waiting.size;
			if (before >= MOST_BATCHED_SHARDS) return;
			await nextTurn();
			quietTurns = waiting.size > before ? 0 : quietTurns + 1;
		}
	};

	const sendAll = async (): Promise<void> => {
		underWay++;
		while (waiting.size > 0) {
			await gather();
			const batch = takeBatch(waiting);
			const [first] = batch;
			if (batch.length === 1 && first) await sendAlone(first);
			else if (first) await sendTogether(batch);
		}

		underWay--;
	};

	return async ask => {
		if (!isKnown) return one(ask);
		if (waiting.size >= MOST_WAITING) throw tooManyWait(waiting.size);
		const {signal} = ask;
		return new Promise((resolve, reject) => {
			const giveUp = () => {
				if (waiting.delete(entry) || !isHeld) entry.settle(signal?.reason as Error);
			};
			const entry: Waiting<A, T> = {
				...ask,
				settle(outcome) {
					signal?.removeEventListener('abort', giveUp);
					if (signal?.aborted) reject(signal.reason as Error);
					else if (outcome instanceof Error) reject(outcome);
					else resolve(outcome);
				},
			};
			signal?.addEventListener('abort', giveUp);
			waiting.add(entry);
			if (underWay < MOST_UNDER_WAY) void sendAll();
		});
	};
};
