import type {Clock} from '../console/view.js';

type Timer = {atMs: number; run: () => void};

export type ManualClock = Clock & {
	/** Lets so much time pass; what is due runs in its order. */
	pass: (ms: number) => void;
	/** How many timers wait. */
	waiting: () => number;
};

/** A clock that stands still until a test says otherwise. */
export const createManualClock = (startMs: number): ManualClock => {
	let nowMs = startMs;
	const timers = new Set<Timer>();
	const nextUntil = (endMs: number) =>
		[...timers].filter(({atMs}) => atMs <= endMs).sort((one, other) => one.atMs - other.atMs)[0];
	return {
		now: () => nowMs,
		timer(afterMs, run) {
			const timer = {atMs: nowMs + afterMs, run};
			timers.add(timer);
			return () => void timers.delete(timer);
		},
		pass(ms) {
			const endMs = nowMs + ms;
			for (let timer = nextUntil(endMs); timer; timer = nextUntil(endMs)) {
				timers.delete(timer);
				nowMs = timer.atMs;
				timer.run();
			}

			nowMs = endMs;
		},
		waiting: () => timers.size,
	};
};
