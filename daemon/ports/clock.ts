/** The time, and waiting for it. */
export type Clock = {
	/** Milliseconds since the epoch. */
	now: () => number;
	/** Milliseconds since some moment, never going back: for measuring. */
	monotonicMs: () => number;
	/** Resolves after `ms`; rejects with the signal's reason when that is aborted. Doesn't keep the process alive. */
	sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
	/** Calls `fire` once after `ms`, unless what is returned is called before. Cheap, for what seldom comes to pass. */
	timer: (ms: number, fire: () => void) => () => void;
};

/** Chance. */
export type Random = {
	/** Fresh, unpredictable bytes. */
	bytes: (count: number) => Uint8Array<ArrayBuffer>;
	/** A number from 0 up to, not including, 1. */
	float: () => number;
};
