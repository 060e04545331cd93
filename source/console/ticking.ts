import type {Clock} from './view.js';

/** What is counted in seconds while the connection is gone. */
export type Ticking = {isStale: () => boolean; subscribe: (listener: () => void) => () => void};

const STALE_TICK_MS = 1_000;

/** While the connection is gone, the header counts seconds. Returns how to stop it. */
export const keepTicking = ({isStale, subscribe}: Ticking, clock: Clock, changed: () => void): (() => void) => {
	let stop: (() => void) | undefined;
	const look = () => {
		if (!isStale()) {
			stop?.();
			stop = undefined;
		} else stop ??= clock.timer(STALE_TICK_MS, tick);
	};

	const tick = () => {
		stop = undefined;
		changed();
		look();
	};

	const unsubscribe = subscribe(look);
	look();
	return () => {
		unsubscribe();
		stop?.();
	};
};
