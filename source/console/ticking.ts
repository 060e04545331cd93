import type {Clock, Console} from './view.js';

const STALE_TICK_MS = 1_000;

/** While the connection is gone, the header counts seconds. Returns how to stop it. */
export const keepTicking = (live: Console['live'], clock: Clock, changed: () => void): (() => void) => {
	let stop: (() => void) | undefined;
	const look = () => {
		const isStale = live.get().connection.state === 'stale';
		if (!isStale) {
			stop?.();
			stop = undefined;
		} else stop ??= clock.timer(STALE_TICK_MS, tick);
	};

	const tick = () => {
		stop = undefined;
		changed();
		look();
	};

	const unsubscribe = live.subscribe(look);
	look();
	return () => {
		unsubscribe();
		stop?.();
	};
};
