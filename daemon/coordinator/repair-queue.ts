import type {ChunkId} from '../../source/protocol/ids.js';
import {createMinHeap} from '../core/min-heap.js';
import type {Need, Obstacle} from '../core/repair.js';

/** A chunk that needs something, now or later. What is here can be found anew from the catalogue: a restart loses nothing. */
export type Entry = {
	readonly id: ChunkId;
	/** Sound copies on nodes that are online; those that are trimmed have enough. */
	copies: number;
	isShort: boolean;
	/** Nothing is done before; where the last try failed, when the next one is made. */
	dueAt: number;
	/** Failed tries since something changed. */
	tries: number;
	obstacle?: Obstacle | undefined;
	/** Somebody asked for it: lost copies are not waited for. */
	isAsked: boolean;
};

export type QueueCounts = {waiting: number; blocked: number; surplus: number};

export type RepairQueue = {
	/** Takes in what a chunk needs as it is now. */
	note: (id: ChunkId, need: Need, now: number, isAsked?: boolean) => void;
	forget: (id: ChunkId) => void;
	get: (id: ChunkId) => Entry | undefined;
	/** It can't be done now: the next try comes later each time. */
	postpone: (id: ChunkId, now: number, obstacle?: Obstacle) => void;
	/** Tries at once what could not be done: a node came. Costs by how many those are. */
	retryAll: (now: number) => void;
	/** The next chunks that are due, those with the fewest copies first. */
	next: (now: number, limit: number, isBusy: (id: ChunkId) => boolean) => Entry[];
	/** Costs the same however many there are. */
	counts: () => QueueCounts;
	/** Some entries that are short of copies: those that can't be repaired first. */
	sample: (limit: number) => Entry[];
};

const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 600_000;
const rankOf = ({isShort, copies}: Entry): number => (isShort ? copies : Infinity);

const countsIn = ({isShort, obstacle}: Entry): keyof QueueCounts => {
	if (!isShort) return 'surplus';
	return obstacle ? 'blocked' : 'waiting';
};

/** Stale moments are forgotten as they pass; where they are many more than entries wait, all at once. */
const MOST_STALE = 1_000;

type Moment = {id: ChunkId; dueAt: number};

/**
What is due now, by rank, and what will be, by when: so that whatever happens to an entry costs by that entry, and not by
all that there are.
*/
const createSchedule = (entryOf: (id: ChunkId) => Entry | undefined) => {
	const due = new Map<number, Set<ChunkId>>();
	const later = new Set<ChunkId>();
	let moments = createMinHeap<Moment>((one, other) => one.dueAt < other.dueAt);

	const remove = (entry: Entry) => {
		due.get(rankOf(entry))?.delete(entry.id);
		later.delete(entry.id);
	};

	const makeDue = (entry: Entry) => {
		later.delete(entry.id);
		const same = due.get(rankOf(entry));
		if (same) same.add(entry.id);
		else due.set(rankOf(entry), new Set([entry.id]));
	};

	const sweep = () => {
		moments = createMinHeap((one, other) => one.dueAt < other.dueAt);
		for (const id of later) moments.push({id, dueAt: entryOf(id)?.dueAt ?? 0});
	};

	return {
		remove,
		add(entry: Entry) {
			later.add(entry.id);
			moments.push({id: entry.id, dueAt: entry.dueAt});
			if (moments.size() > 2 * later.size + MOST_STALE) sweep();
		},
		/** Gives what is due by now, those with the fewest copies first. */
		*dueBy(now: number): Generator<Entry> {
			for (let next = moments.first(); next && next.dueAt <= now; next = moments.first()) {
				moments.dropFirst();
				const entry = entryOf(next.id);
				if (entry?.dueAt === next.dueAt && later.has(next.id)) makeDue(entry);
			}

			for (const rank of [...due.keys()].sort((a, b) => a - b)) {
				for (const id of due.get(rank) ?? []) {
					const entry = entryOf(id);
					if (entry) yield entry;
				}
			}
		},
	};
};

export const createRepairQueue = (): RepairQueue => {
	const entries = new Map<ChunkId, Entry>();
	const counts: QueueCounts = {waiting: 0, blocked: 0, surplus: 0};
	/** Those that could not be done at the last try, and wait for the next. */
	const tried = new Set<ChunkId>();
	const schedule = createSchedule(id => entries.get(id));

	const change = (id: ChunkId, entry: Entry | undefined) => {
		const before = entries.get(id);
		if (before) {
			counts[countsIn(before)]--;
			schedule.remove(before);
		}

		if (!entry) {
			entries.delete(id);
			tried.delete(id);
			return;
		}

		entries.set(id, entry);
		counts[countsIn(entry)]++;
		if (entry.tries > 0) tried.add(id);
		else tried.delete(id);
		schedule.add(entry);
	};

	const update = (id: ChunkId, changes: Partial<Entry>) => {
		const entry = entries.get(id);
		if (entry) change(id, {...entry, ...changes});
	};

	return {
		note(id, need, now, isAsked = false) {
			const before = entries.get(id);
			if (need.kind === 'well') {
				change(id, undefined);
				return;
			}

			const isShort = need.kind === 'copy' || (need.kind === 'wait' && need.isShort);
			const isSame = before !== undefined && before.copies === need.copies && before.isShort === isShort;
			const isHeld = isSame && before.tries > 0 && need.kind !== 'wait' && !isAsked;
			change(id, {
				id,
				copies: need.copies,
				isShort,
				dueAt: need.kind === 'wait' ? need.dueAt : isHeld ? Math.min(before.dueAt, now + LONGEST_RETRY_MS) : now,
				tries: isHeld ? before.tries : 0,
				obstacle: isHeld ? before.obstacle : undefined,
				isAsked: isAsked || (before?.isAsked ?? false),
			});
		},
		forget: id => change(id, undefined),
		get: id => entries.get(id),
		postpone(id, now, obstacle) {
			const tries = (entries.get(id)?.tries ?? 0) + 1;
			const restMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(tries - 1, 10));
			update(id, {tries, obstacle, dueAt: now + restMs});
		},
		retryAll(now) {
			for (const id of [...tried]) update(id, {dueAt: now, tries: 1});
			tried.clear();
		},
		next(now, limit, isBusy) {
			const found: Entry[] = [];
			for (const entry of schedule.dueBy(now)) {
				if (found.length >= limit) break;
				if (!isBusy(entry.id)) found.push(entry);
			}

			return found;
		},
		counts: () => ({...counts}),
		sample(limit) {
			const blocked: Entry[] = [];
			const waiting: Entry[] = [];
			for (const entry of entries.values()) {
				const list = entry.obstacle ? blocked : waiting;
				if (entry.isShort && list.length < limit) list.push(entry);
				if (blocked.length === limit) break;
			}

			return [...blocked, ...waiting].slice(0, limit);
		},
	};
};
