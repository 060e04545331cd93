import type {ChunkId} from '../../source/protocol/ids.js';
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
	/** Tries at once what could not be done: a node came. */
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
/** How many are put in order ahead. */
const READY = 256;
/** How old the order may get while others come in. */
const READY_FOR_MS = 1_000;

const rankOf = ({isShort, copies}: Entry): number => (isShort ? copies : Infinity);

const countsIn = ({isShort, obstacle}: Entry): keyof QueueCounts => {
	if (!isShort) return 'surplus';
	return obstacle ? 'blocked' : 'waiting';
};

/** The entries that are due, the fewest copies first, at most `READY`; and when the next one will be. */
const selectDue = (entries: Iterable<Entry>, now: number) => {
	const ranks = new Map<number, Entry[]>();
	let nextDueAt = Infinity;
	for (const entry of entries) {
		if (entry.dueAt > now) {
			nextDueAt = Math.min(nextDueAt, entry.dueAt);
			continue;
		}

		const rank = rankOf(entry);
		const same = ranks.get(rank);
		if (!same) ranks.set(rank, [entry]);
		else if (same.length < READY) same.push(entry);
	}

	const inOrder = [...ranks].sort(([a], [b]) => a - b).flatMap(([, same]) => same);
	return {due: inOrder.slice(0, READY), nextDueAt};
};

export const createRepairQueue = (): RepairQueue => {
	const entries = new Map<ChunkId, Entry>();
	const counts: QueueCounts = {waiting: 0, blocked: 0, surplus: 0};
	let ready: Entry[] = [];
	let readyAt = -Infinity;
	let nextDueAt = -Infinity;
	let isChanged = true;

	const change = (id: ChunkId, entry: Entry | undefined) => {
		const before = entries.get(id);
		if (before) counts[countsIn(before)]--;
		if (!entry) {
			entries.delete(id);
			return;
		}

		entries.set(id, entry);
		counts[countsIn(entry)]++;
		isChanged = true;
	};

	const update = (id: ChunkId, changes: Partial<Entry>) => {
		const entry = entries.get(id);
		if (entry) change(id, {...entry, ...changes});
	};

	const refill = (now: number) => {
		({due: ready, nextDueAt} = selectDue(entries.values(), now));
		readyAt = now;
		isChanged = false;
	};

	const findReady = (limit: number, isBusy: (id: ChunkId) => boolean): Entry[] => {
		ready = ready.filter(entry => entries.get(entry.id) === entry);
		return ready.filter(({id}) => !isBusy(id)).slice(0, limit);
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
			for (const {id, tries} of entries.values()) if (tries > 0) update(id, {dueAt: now, tries: 1});
		},
		next(now, limit, isBusy) {
			const mayHaveNew = isChanged || now >= nextDueAt;
			if (mayHaveNew && now >= readyAt + READY_FOR_MS) refill(now);
			const found = findReady(limit, isBusy);
			if (found.length > 0 || !(isChanged || now >= nextDueAt)) return found;
			refill(now);
			return findReady(limit, isBusy);
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
