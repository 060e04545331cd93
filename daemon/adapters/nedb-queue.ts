import {setImmediate as nextTurn} from 'node:timers/promises';
import {PjasError} from '../../source/protocol/errors.js';
import type {Write} from './catalog-draft.js';

/** A write that waits to be decided. */
export type Waiting = {
	write: Write<unknown>;
	resolve: (result: unknown) => void;
	reject: (error: unknown) => void;
};

export type WriteQueue = {
	push: <T>(write: Write<T>) => Promise<T>;
	/** Runs work between two batches. */
	hold: (work: () => Promise<void>) => Promise<void>;
	/** Refuses new writes, and resolves once those that came before are done. */
	close: () => Promise<void>;
};

const MAX_BATCH_DOCUMENTS = 1000;
const MAX_WAITING = 10_000;

const closedError = () => new PjasError('SHUTTING_DOWN', 'The catalogue is closed: try again once PJAS is back');

const fullError = () =>
	new PjasError('CATALOG_UNAVAILABLE', 'Too many writes wait for the catalogue: try again later', {
		retryAfterSeconds: 1,
	});

/**
Group commit: what comes while a batch is being written makes up the next one, so that one fsync serves all.

@param commit - Writes a batch and settles its writes. It never rejects.
*/
export const createWriteQueue = (commit: (batch: readonly Waiting[]) => Promise<void>): WriteQueue => {
	let waiting: Waiting[] = [];
	const holds: (() => Promise<void>)[] = [];
	let running: Promise<void> | undefined;
	let isClosed = false;

	/** The writes that came first, up to a batch's size; at least one. */
	const takeBatch = (): Waiting[] => {
		let documents = 0;
		const end = waiting.findIndex(({write}, at) => (documents += write.ids.length) > MAX_BATCH_DOCUMENTS && at > 0);
		const batch = end < 0 ? waiting : waiting.slice(0, end);
		waiting = end < 0 ? [] : waiting.slice(end);
		return batch;
	};

	const run = async (): Promise<void> => {
		while (waiting.length > 0 || holds.length > 0) {
			await nextTurn(); // Whoever is about to write comes along.
			const hold = holds.shift();
			await (hold ? hold() : commit(takeBatch()));
		}

		running = undefined;
	};

	return {
		async push<T>(write: Write<T>): Promise<T> {
			if (isClosed) throw closedError();
			if (waiting.length >= MAX_WAITING) throw fullError();
			return new Promise<T>((resolve, reject) => {
				waiting.push({write, resolve: resolve as Waiting['resolve'], reject});
				running ??= run();
			});
		},
		async hold(work) {
			return new Promise<void>((resolve, reject) => {
				holds.push(async () => work().then(resolve, reject));
				running ??= run();
			});
		},
		async close() {
			isClosed = true;
			await running;
		},
	};
};
