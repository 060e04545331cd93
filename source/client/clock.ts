/** The time, and waiting for it. */
export type Clock = {
	/** Milliseconds since the epoch. */
	now: () => number;
	/** Calls `run` once after so long, unless what is returned is called before. */
	timer: (afterMs: number, run: () => void) => () => void;
};

/** The machine's own time. Its timers don't keep the process alive: what they watch does. */
export const systemClock: Clock = {
	now: () => Date.now(),
	timer(afterMs, run) {
		const timeout = setTimeout(run, afterMs).unref();
		return () => clearTimeout(timeout);
	},
};
