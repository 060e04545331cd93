import type {Clock} from '../ports/clock.js';

export type Pace = {
	/** Resolves when so many bytes may go: in the order of asking, none ahead of its time. */
	take: (sizeBytes: number, signal: AbortSignal) => Promise<void>;
};

/**
Holds work to a rate.

@param bytesPerSecond - 0 for any.
*/
export const createPace = (clock: Pick<Clock, 'monotonicMs' | 'sleep'>, bytesPerSecond: number): Pace => {
	/** When what was let go before has had its time. */
	let freeAtMs = 0;
	return {
		async take(sizeBytes, signal) {
			signal.throwIfAborted();
			if (bytesPerSecond === 0) return;
			const now = clock.monotonicMs();
			const startMs = Math.max(now, freeAtMs);
			freeAtMs = startMs + (sizeBytes / bytesPerSecond) * 1000;
			if (startMs > now) await clock.sleep(startMs - now, signal);
		},
	};
};
