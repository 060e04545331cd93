import {sleepOver} from '../adapters/system.js';
import type {Clock} from '../ports/clock.js';

type Sleeper = {dueMs: number; wake: () => void};

export type ManualClock = Clock & {
	/** Moves the time on, waking who is due, in order. */
	advance: (ms: number) => Promise<void>;
	/** Sets the wall's time, as somebody may; the other only goes on. */
	jump: (ms: number) => void;
	/** How many sleep. */
	sleepers: () => number;
};

/** A clock that a test moves. */
export const manualClock = (startMs = 1_700_000_000_000): ManualClock => {
	let nowMs = startMs;
	let jumpedMs = 0;
	const sleepers = new Set<Sleeper>();

	const timer: Clock['timer'] = (ms, fire) => {
		const sleeper: Sleeper = {
			dueMs: nowMs + ms,
			wake() {
				sleepers.delete(sleeper);
				fire();
			},
		};
		sleepers.add(sleeper);
		return () => sleepers.delete(sleeper);
	};

	const settle = async () => new Promise<void>(resolve => setImmediate(resolve));

	return {
		now: () => nowMs + jumpedMs,
		monotonicMs: () => nowMs - startMs,
		sleep: sleepOver(timer),
		timer,
		async advance(ms) {
			const endMs = nowMs + ms;
			for (;;) {
				await settle();
				const due = [...sleepers].filter(({dueMs}) => dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs)[0];
				if (!due) break;
				nowMs = Math.max(nowMs, due.dueMs);
				due.wake();
			}

			nowMs = endMs;
			await settle();
		},
		jump: ms => (jumpedMs += ms),
		sleepers: () => sleepers.size,
	};
};
