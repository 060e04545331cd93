import {type Entry, hasEnded, snapshotOf} from './entry.js';
import type {Transfer} from './transfer.js';
import {TransferError} from './transfer-error.js';

/** The most transfers that have not ended, and the most that failed or were cancelled. */
export const MAX_TRANSFERS = 10_000;
/** The most that are done and still listed. */
export const MAX_DONE = 1000;

/** All transfers in the order in which they were queued, within bounds. */
export type Entries = {
	all: () => Iterable<Entry>;
	find: (id: number) => Entry | undefined;
	add: (entry: Entry) => void;
	/** To be called after each change of an entry that others are to see. Of those that ended the oldest go beyond the bounds. */
	touch: (entry: Entry) => void;
	remove: (entry: Entry) => void;
	/** @throws {TransferError} `TOO_MANY_FILES` where so many more than there are would be too many. */
	assertRoom: (count: number) => void;
	/** How many have not ended. */
	pending: () => number;
	snapshots: () => readonly Transfer[];
};

export const createEntries = (): Entries => {
	const entries = new Map<number, Entry>();
	const done = new Set<Entry>();
	const stopped = new Set<Entry>();
	let list: readonly Transfer[] | undefined = [];

	const remove = (entry: Entry) => {
		entries.delete(entry.id);
		done.delete(entry);
		stopped.delete(entry);
		list = undefined;
	};

	/** Keeps the ended ones apart, in the order in which they ended. */
	const sort = (entry: Entry) => {
		const place = !hasEnded(entry) ? undefined : entry.state === 'done' ? done : stopped;
		for (const other of [done, stopped]) if (other !== place) other.delete(entry);
		place?.add(entry);
		for (const [set, most] of [
			[done, MAX_DONE],
			[stopped, MAX_TRANSFERS],
		] as const) {
			const [oldest] = set;
			if (oldest && set.size > most) remove(oldest);
		}
	};

	const touch = (entry: Entry) => {
		// One that was cleared while its work came to an end is nobody's concern any more.
		if (!entries.has(entry.id)) return;
		entry.snapshot = undefined;
		list = undefined;
		sort(entry);
	};

	const pending = () => entries.size - done.size - stopped.size;

	return {
		all: () => entries.values(),
		find: id => entries.get(id),
		add(entry) {
			entries.set(entry.id, entry);
			touch(entry);
		},
		touch,
		remove,
		assertRoom(count) {
			if (pending() + count <= MAX_TRANSFERS) return;
			const problem = `${count} more are too many: the queue holds ${pending()} transfers, and ${MAX_TRANSFERS} at most`;
			throw new TransferError('TOO_MANY_FILES', `${problem}. Wait until some are done, or choose fewer`);
		},
		pending,
		snapshots: () => (list ??= Array.from(entries.values(), entry => (entry.snapshot ??= snapshotOf(entry)))),
	};
};
