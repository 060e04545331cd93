import type {Clock} from '../client/clock.js';

export type Notifier = {
	subscribe: (listener: () => void) => () => void;
	/** Something changed by itself: said at once, or as soon as it may be said again. */
	changed: () => void;
	/** Somebody changed something: said still in this turn of the event loop. */
	changedNow: () => void;
	close: () => void;
};

/** How far apart notifications are, but for those of what somebody did. */
export const NOTIFY_EVERY_MS = 100;

/** Tells listeners that there is something new, and not more often than they can use it. */
export const createNotifier = (clock: Clock): Notifier => {
	const listeners = new Set<() => void>();
	let lastMs = Number.NEGATIVE_INFINITY;
	let isSoon = false;
	let cancelTimer: (() => void) | undefined;

	const notify = () => {
		cancelTimer?.();
		cancelTimer = undefined;
		isSoon = false;
		lastMs = clock.now();
		for (const listener of [...listeners]) listener();
	};

	const changedNow = () => {
		if (isSoon) return;
		isSoon = true;
		// Many changes of one turn are one.
		queueMicrotask(notify);
	};

	return {
		subscribe(listener) {
			// The same function twice is two listeners.
			const own = () => listener();
			listeners.add(own);
			return () => listeners.delete(own);
		},
		changed() {
			if (isSoon || cancelTimer || listeners.size === 0) return;
			const sinceMs = clock.now() - lastMs;
			// A clock that was set back must not silence it.
			if (sinceMs >= NOTIFY_EVERY_MS || sinceMs < 0) changedNow();
			else cancelTimer = clock.timer(NOTIFY_EVERY_MS - sinceMs, notify);
		},
		changedNow,
		close() {
			listeners.clear();
			cancelTimer?.();
			cancelTimer = undefined;
		},
	};
};
