import {setImmediate as nextTurn} from 'node:timers/promises';
import {isPjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import {MOST_BATCH_BYTES, MOST_BATCHED_SHARDS} from '../core/shard-batch.js';
import type {ShardOptions} from '../ports/shard-store.js';
import {tooManyWait} from './http-shards-gate.js';

/** A shard that is to be put. */
export type Put = ShardOptions & {digest: Digest; body: Uint8Array};

export type BatchSenders = {
	/** Puts a shard by a request of its own. */
	one: (put: Put) => Promise<void>;
	/**
	Puts several by one request. Says for each what was wrong, where something was; nothing at all where the node knows no
	such requests.
	*/
	several: (puts: readonly Put[], signal: AbortSignal) => Promise<(Error | undefined)[] | undefined>;
};

type Waiting = Put & {settle: (error?: Error) => void};

const MOST_WAITING = 1_000;

/** The puts that came first, as many as go together. */
const takeBatch = (waiting: Set<Waiting>): Waiting[] => {
	const batch: Waiting[] = [];
	let sizeBytes = 0;
	for (const put of waiting) {
		sizeBytes += put.body.length;
		if (batch.length === MOST_BATCHED_SHARDS || sizeBytes > MOST_BATCH_BYTES) break;
		batch.push(put);
		waiting.delete(put);
	}

	return batch;
};

const settle = ({signal, settle: end}: Waiting, error: Error | undefined): void =>
	end(signal?.aborted ? (signal.reason as Error) : error);

/** Aborts `end` once nobody wants what is under way any more. Gives what takes the listeners away again. */
const endWhenUnwanted = (batch: readonly Waiting[], end: AbortController): (() => void) => {
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
Sends small shards to one node as a group commit: the first at once, and those that come while it is under way together
after it. A put that is aborted while it goes with others settles when they do, for until then its bytes may be read.
*/
export const createBatches = ({one, several}: BatchSenders): ((put: Put) => Promise<void>) => {
	const waiting = new Set<Waiting>();
	let isBusy = false;
	let isKnown = true;

	const sendAlone = async (put: Waiting): Promise<void> => one(put).then(() => put.settle(), put.settle);

	/** Whoever waits for a node that has gone silent need not find that out anew. */
	const failWaiting = (error: Error) => {
		for (const put of waiting) put.settle(error);
		waiting.clear();
	};

	const sendTogether = async (batch: readonly Waiting[]): Promise<void> => {
		const end = new AbortController();
		const stopLooking = endWhenUnwanted(batch, end);
		try {
			const errors = await several(batch, end.signal);
			isKnown = errors !== undefined;
			if (errors) batch.forEach((put, index) => settle(put, errors[index]));
			else await Promise.all(batch.map(sendAlone));
		} catch (error) {
			for (const put of batch) settle(put, error as Error);
			if (isPjasError(error, 'NODE_TIMEOUT')) failWaiting(error);
		} finally {
			stopLooking();
		}
	};

	const sendAll = async (): Promise<void> => {
		isBusy = true;
		while (waiting.size > 0) {
			await nextTurn(); // Whoever is about to put comes along.
			const batch = takeBatch(waiting);
			const [first] = batch;
			if (batch.length === 1 && first) await sendAlone(first);
			else if (first) await sendTogether(batch);
		}

		isBusy = false;
	};

	return async put => {
		if (!isKnown) return one(put);
		if (waiting.size >= MOST_WAITING) throw tooManyWait(waiting.size);
		const {signal} = put;
		return new Promise((resolve, reject) => {
			const giveUp = () => {
				if (waiting.delete(entry)) settle(entry, undefined);
			};
			const entry: Waiting = {
				...put,
				settle(error) {
					signal?.removeEventListener('abort', giveUp);
					if (error === undefined) resolve();
					else reject(error);
				},
			};
			signal?.addEventListener('abort', giveUp);
			waiting.add(entry);
			if (!isBusy) void sendAll();
		});
	};
};
