import type {Clock} from '../ports/clock.js';

/** How healing makes way for people who upload: both want the same lines, disks and processor. */
export type Yielding = {
	/** How many chunks may be copied at once now, of those that can wait. */
	mostAtOnce: () => number;
	/** A copy ended that took so long. */
	noteCopy: (tookMs: number) => void;
};

type Options = {
	clock: Pick<Clock, 'monotonicMs' | 'timer'>;
	/** Whether an upload is under way. */
	isUploading: () => boolean;
	/** How many chunks are copied at once where nobody uploads. */
	atOnce: number;
	/** Whoever copies may go on. */
	wake: () => void;
};

/** Between two uploads of one person nothing has ended. */
const GAP_MS = 2_000;
/** However slow a copy was, healing goes on after this. */
const LONGEST_REST_MS = 10_000;

/**
While uploads are under way, one chunk at a time, and after each a rest that is as long as it took: so healing takes no more
than half of one transfer's share, whatever its rate is, and never stands still.
*/
export const createYielding = ({clock, isUploading, atOnce, wake}: Options): Yielding => {
	let seenAtMs = -Infinity;
	let restsUntilMs = -Infinity;

	const isYielding = () => {
		const nowMs = clock.monotonicMs();
		if (isUploading()) seenAtMs = nowMs;
		return nowMs < seenAtMs + GAP_MS;
	};

	return {
		mostAtOnce() {
			if (!isYielding()) return atOnce;
			return clock.monotonicMs() < restsUntilMs ? 0 : 1;
		},
		noteCopy(tookMs) {
			if (!isYielding()) return;
			const restMs = Math.min(tookMs, LONGEST_REST_MS);
			restsUntilMs = clock.monotonicMs() + restMs;
			clock.timer(restMs, wake);
		},
	};
};
