import {PjasError} from '../../source/protocol/errors.js';

export type Gate = {
	/** Waits for its turn and does the work. Rejects with the signal's reason where that is aborted while it waits. */
	pass: <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T>;
};

const DEFAULT_MOST_WAITING = 1_000;

export const tooManyWait = (count: number): PjasError =>
	new PjasError('TOO_MANY_REQUESTS', `${count} requests wait for this node already. Try again in a moment`, {
		retryAfterSeconds: 5,
	});

/** Lets so many through at once, in the order in which they came; so many others wait, and the rest is refused. */
export const createGate = (atOnce: number, mostWaiting: number = DEFAULT_MOST_WAITING): Gate => {
	const waiting = new Set<() => void>();
	let inside = 0;

	const wait = async (signal: AbortSignal | undefined): Promise<void> => {
		if (waiting.size >= mostWaiting) throw tooManyWait(waiting.size);

		await new Promise<void>((resolve, reject) => {
			const admit = () => {
				signal?.removeEventListener('abort', giveUp);
				resolve();
			};
			const giveUp = () => {
				waiting.delete(admit);
				reject(signal?.reason as Error);
			};
			waiting.add(admit);
			signal?.addEventListener('abort', giveUp, {once: true});
		});
	};

	/** Whoever waits longest takes the place of the one that leaves. */
	const leave = () => {
		const [next] = waiting;
		if (!next) {
			inside--;
			return;
		}

		waiting.delete(next);
		next();
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
				leave();
			}
		},
	};
};
