import {type Bucket, emptyBucket, filled, pieceBytesAt, waitMsOf} from '../core/token-bucket.js';
import type {Clock} from '../ports/clock.js';

export type Throttle = {
	/** Counts bytes that go, and resolves when the next may; at once, without a promise, where there is no limit. */
	take: (sizeBytes: number) => Promise<void> | undefined;
	isLimited: () => boolean;
	/** How many bytes to take at a time. */
	pieceBytes: () => number;
};

/** So soon a rate that was changed holds for those that wait already. */
const LONGEST_WAIT_MS = 250;
/** Without a limit, large enough to cost nothing, and small enough that a new limit soon holds. */
const FREE_PIECE_BYTES = 1024 * 1024;

/**
Holds all that goes one way over a line to a rate, which may change at any time.

@param rate - Bytes a second; 0 for any.
@param onBytes - Told of all that goes.
*/
export const createThrottle = (
	clock: Pick<Clock, 'monotonicMs' | 'sleep'>,
	rate: () => number,
	onBytes: (sizeBytes: number) => void,
): Throttle => {
	let bucket: Bucket = emptyBucket(clock.monotonicMs());
	/** Those that wait go in the order of their coming. */
	let last: Promise<void> = Promise.resolve();
	let waiting = 0;

	const untilFilled = async () => {
		for (;;) {
			const bytesPerSecond = rate();
			if (bytesPerSecond === 0) return;
			bucket = filled(bucket, bytesPerSecond, clock.monotonicMs());
			const waitMs = waitMsOf(bucket, bytesPerSecond);
			if (waitMs === 0) return;
			await clock.sleep(Math.min(waitMs, LONGEST_WAIT_MS));
		}
	};

	const wait = async (sizeBytes: number, before: Promise<void>) => {
		await before;
		await untilFilled();
		if (rate() > 0) bucket = {...bucket, bytes: bucket.bytes - sizeBytes};
		waiting--;
	};

	return {
		take(sizeBytes) {
			onBytes(sizeBytes);
			if (rate() === 0 && waiting === 0) {
				// What was overdrawn before does not count for a limit that comes later.
				bucket = emptyBucket(clock.monotonicMs());
				return undefined;
			}

			waiting++;
			last = wait(sizeBytes, last);
			return last;
		},
		isLimited: () => rate() > 0,
		pieceBytes: () => (rate() === 0 ? FREE_PIECE_BYTES : pieceBytesAt(rate())),
	};
};
