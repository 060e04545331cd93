import type {NodeId} from '../../source/protocol/ids.js';
import type {Move} from '../core/moves.js';
import type {Obstacle} from '../core/repair.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock} from '../ports/clock.js';
import type {Fleet, NodeState} from './fleet.js';
import type {MoveWalk} from './move-walk.js';
import {nameInText} from './name-in-text.js';
import type {NodeCare} from './node-care.js';
import type {Note} from './note.js';
import {createRate, type Rate} from './rate.js';
import type {Remover} from './remover.js';
import {many, obstacleTexts} from './repair-diary.js';

export type DrainProgress = {
	shards: number;
	bytes: number;
	/** How long the rest takes as fast as it goes of late; `undefined` while nothing goes. */
	etaS: number | undefined;
	/** Why some of it can't be moved now. */
	obstacle: Obstacle | undefined;
};

type DrainsOptions = {
	catalog: Catalog;
	fleet: Fleet;
	clock: Clock;
	note: Note;
	care: Pick<NodeCare, 'noteEmpty' | 'forget'>;
	remover: Pick<Remover, 'discard'>;
	oldestUpload: () => number | undefined;
	/** What is under way. */
	jobs: () => readonly Move[];
	walkOf: (node: NodeId) => MoveWalk | undefined;
};

export type Drains = {
	progressOf: (state: NodeState) => DrainProgress | undefined;
	noteMoved: (move: Move, bytes: number) => void;
	/** Ends the drains that are through, and tells of those that can't go on. */
	finish: () => Promise<void>;
};

const RATE_OVER_MS = 60_000;
const TOLD_EVERY_MS = 1_800_000;
const REMOVALS_LOOKED_AT = 100;

/** Keeps account of the nodes that are being emptied, up to their end. What must outlive a restart is in their records. */
export const createDrains = (options: DrainsOptions): Drains => {
	const {catalog, fleet, clock, note, care, remover, oldestUpload, jobs, walkOf} = options;
	const rates = new Map<NodeId, Rate>();
	const toldAt = new Map<NodeId, number>();

	const shardsOn = (id: NodeId) => {
		const {sound, missing, corrupt} = catalog.shardCounts(id);
		return sound + missing + corrupt;
	};

	/**
	Whether a node that is there, and that no chunk counts on, still has to remove shards. What a coordinator that ended in the
	middle left for later is due by then. An orphan's grace is not waited for: it may be wanted yet, and not here.
	*/
	const hasRemovals = async ({isOnline, record}: NodeState): Promise<boolean> => {
		// After a start, one that was not heard of yet is given its time.
		if (!isOnline) return record.awaySince === undefined && record.bannedAt === undefined;
		const now = clock.now();
		const all = await catalog.removals(record._id, REMOVALS_LOOKED_AT);
		const removals = all.filter(({reason}) => reason !== 'orphan');
		const late = removals.filter(({notBefore}) => notBefore > now);
		await remover.discard(late.map(removal => ({...removal, notBefore: now})));
		return removals.length > 0;
	};

	/** Whether an upload may have put shards on it before it was drained, and names it at its end. */
	const mayBeNamed = (startedAt: number): boolean => (oldestUpload() ?? Infinity) <= startedAt;

	const finishOne = async (state: NodeState) => {
		const {_id: id, drain} = state.record;
		const isInUse = jobs().some(({from, to}) => from === id || to === id);
		if (!drain || shardsOn(id) > 0 || isInUse || (await hasRemovals(state))) return;
		if (drain.leaves && !mayBeNamed(drain.startedAt)) await care.forget(id);
		else if (!drain.leaves && drain.emptyAt === undefined) await care.noteEmpty(id);
	};

	const tellBlocked = ({record}: NodeState) => {
		const {count = 0, obstacle} = walkOf(record._id)?.blocked() ?? {};
		const now = clock.monotonicMs();
		if (count === 0 || !obstacle || now < (toldAt.get(record._id) ?? -Infinity) + TOLD_EVERY_MS) return;
		toldAt.set(record._id, now);
		note(
			'WARN',
			`${many(count, 'shard')} of node ${nameInText(record.name)} can't be moved now: ${obstacleTexts[obstacle]}`,
			{
				node: record._id,
				owner: record.owner,
			},
		);
	};

	return {
		progressOf({record}) {
			if (!record.drain) return undefined;
			const bytes = catalog.shardBytes(record._id);
			const perSecond = rates.get(record._id)?.perSecond() ?? 0;
			const shards = shardsOn(record._id);
			return {
				shards,
				bytes,
				etaS: shards === 0 ? 0 : perSecond === 0 ? undefined : Math.ceil(bytes / perSecond),
				obstacle: walkOf(record._id)?.blocked().obstacle,
			};
		},
		noteMoved({from, reason}, bytes) {
			if (reason !== 'drain') return;
			const rate = rates.get(from) ?? createRate(clock, RATE_OVER_MS);
			rate.add(bytes);
			rates.set(from, rate);
		},
		async finish() {
			const draining = fleet.all().filter(({record}) => record.drain);
			const ids = new Set(draining.map(({record}) => record._id));
			for (const id of rates.keys()) if (!ids.has(id)) rates.delete(id);
			for (const id of toldAt.keys()) if (!ids.has(id)) toldAt.delete(id);
			for (const state of draining) {
				tellBlocked(state);
				await finishOne(state);
			}
		},
	};
};
