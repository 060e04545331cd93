/** One upload or download in the queue. An immutable snapshot. */
export type Transfer = {
	id: number;
	kind: 'upload' | 'download';
	/** The file's name, for people. */
	name: string;
	/** The path on this machine that is read or written. */
	path: string;
	/** Whether it is an upload that is sealed end to end. */
	isSealed?: boolean;
	/** The file at the coordinator, once it is known. */
	fileId?: string;
	state: 'queued' | 'active' | 'waiting' | 'paused' | 'done' | 'failed' | 'cancelled';
	/** `undefined` where nobody knows it yet. */
	sizeBytes: number | undefined;
	doneBytes: number;
	/** Chunks of 10 MiB that are through. */
	doneChunks: number;
	chunks: number | undefined;
	/** Bytes a second, smoothed; 0 unless active. */
	rate: number;
	/** Milliseconds still to go, where that can be said. */
	remainingMs: number | undefined;
	/** Why it failed or waits, and what to do about it. */
	problem?: string;
	queuedAtMs: number;
	endedAtMs?: number;
};

/** The queue of uploads and downloads. A few go at once, the others wait for their turn. */
export type Transfers = {
	/** In the order in which they were queued. The array is another one whenever anything in it changed. */
	get: () => readonly Transfer[];
	/** Called after each change, at most ten times a second. Returns how to stop it. */
	subscribe: (listener: () => void) => () => void;
	/**
	Queues files; a folder stands for all files in it, by their relative names. A file that can't be read is listed as
	failed; it rejects, and queues nothing, where none can be read or where there are too many. With `isSealed` they are
	sealed end to end.
	*/
	upload: (paths: readonly string[], options?: {isSealed?: boolean}) => Promise<void>;
	/** Queues one download. Never overwrites: `path` must not exist, or the transfer fails and says so. */
	download: (
		file: {id: string; name: string; sizeBytes: number},
		path: string,
		options?: {overwrite?: boolean},
	) => void;
	/** A download keeps what it has. An upload that is resumed starts anew: the coordinator takes it in one go. */
	pause: (id: number) => void;
	resume: (id: number) => void;
	cancel: (id: number) => void;
	/** Puts what failed or was cancelled into the queue again. */
	retry: (id: number) => void;
	/** Takes what has ended (done, failed, cancelled) out of the list; one, or all. */
	clear: (id?: number) => void;
	/** Tries what waits for the coordinator at once: for when it is known to be back. */
	wake?: () => void;
	/** Whether anything is queued, active, waiting or paused. */
	isBusy: () => boolean;
	/** Stops everything. What a download has so far stays in its partial file. */
	close: () => Promise<void>;
};
