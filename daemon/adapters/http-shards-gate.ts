import {PjasError} from '../../source/protocol/errors.js';
import {Few} from '../core/few.js';

export type Gate = {
	/** Waits for its turn and does the work. Rejects with the signal's reason where that is aborted while it waits. */
	pass: <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T>;
	/** Lets another number through at once from now on. */
	resize: (atOnce: number) => void;
	/** Turns away all that wait. */
	refuse: (error: Error) => void;
};

type Waiting = {admit: () => void; refuse: (error: Error) => void};

const DEFAULT_MOST_WAITING = 1_000;

export const tooManyWait = (count: number): PjasError =>
	new PjasError('TOO_MANY_REQUESTS', `${count} requests wait for this node already. Try again in a moment`, {
		retryAfterSeconds: 5,
	});

/** Lets so many through at once, in the order in which they came; so many others wait, and the rest is refused. */
export const createGate = (size: number, mostWaiting: number = DEFAULT_MOST_WAITING): Gate => {
	const waiting = new Few<Waiting>();
	let atOnce = size;
	let inside = 0;

	const wait = async (signal: AbortSignal | undefined): Promise<void> => {
		if (waiting.size >= mostWaiting) throw tooManyWait(waiting.size);

		await new Promise<void>((resolve, reject) => {
			const one: Waiting = {
				admit() {
					signal?.removeEventListener('abort', giveUp);
					resolve();
				},
				refuse(error) {
					signal?.removeEventListener('abort', giveUp);
					reject(error);
				},
			};
			const giveUp = () => {
				waiting.delete(one);
				reject(signal?.reason as Error);
			};
			waiting.add(one);
			signal?.addEventListener('abort', giveUp, {once: true});
		});
	};

	/** Whoever waits longest takes a place that is free. */
	const fill = () => {
		for (const next of waiting) {
			if (inside >= atOnce) return;
			inside++;
			waiting.delete(next);
			next.admit();
		}
	};

	return {
		async pass(work, signal) {
			signal?.throwIfAborted();
			if (inside < atOnce) inside++;
			else await wait(signal);
			try {
				signal?.throwIfAborted();
				return await work();
			} finally {
				inside--;
				fill();
			}
		},
		resize(most) {
			atOnce = most;
			fill();
		},
		refuse(error) {
			for (const each of waiting) {
				waiting.delete(each);
				each.refuse(error);
			}
		},
	};
};
