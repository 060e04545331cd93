import type {NodeId} from '../../source/protocol/ids.js';
import type {NodeRecord, RemovalRecord} from '../core/model.js';
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
	/** Where it leaves and only its removals are waited for: until when. */
	awaitedUntil: number | undefined;
};

type DrainsOptions = {
	catalog: Catalog;
	fleet: Fleet;
	clock: Clock;
	note: Note;
	care: Pick<NodeCare, 'noteEmpty' | 'noteAwaited' | 'forget'>;
	remover: Pick<Remover, 'discard'>;
	oldestUpload: () => number | undefined;
	/** What is under way. */
	jobs: () => readonly Move[];
	walkOf: (node: NodeId) => MoveWalk | undefined;
};

export type Drains = {
	progressOf: (state: NodeState) => DrainProgress | undefined;
	noteMoved: (move: Move, bytes: number) => void;
	/** Takes up what was so before. */
	recall: () => void;
	/** It may be drained now. */
	nodeChanged: (state: NodeState) => void;
	/** Ends the drains that are through, and tells of those that can't go on. */
	finish: () => Promise<void>;
};

const RATE_OVER_MS = 60_000;
const TOLD_EVERY_MS = 1_800_000;
const REMOVALS_A_PAGE = 100;
/** As long as orphans are kept: a home machine is away for a night, and then there again. */
const REMOVALS_AWAITED_MS = 24 * 3_600_000;
/** A node that does what it is asked for has removed all by then, and nobody needs to be told. */
const AWAITED_QUIETLY_MS = 300_000;

const awaitedUntil = ({awaySince = Infinity, drain}: NodeRecord): number | undefined =>
	drain?.leaves && drain.awaitedSince !== undefined
		? Math.min(awaySince, drain.awaitedSince) + REMOVALS_AWAITED_MS
		: undefined;

/** Keeps account of the nodes that are being emptied, up to their end. What must outlive a restart is in their records. */
export const createDrains = (options: DrainsOptions): Drains => {
	const {catalog, fleet, clock, note, care, remover, oldestUpload, jobs, walkOf} = options;
	const rates = new Map<NodeId, Rate>();
	const toldAt = new Map<NodeId, number>();
	const draining = new Set<NodeId>();
	/** Since when a node is only waited for to remove shards, where its record doesn't say so. */
	const waitedSince = new Map<NodeId, number>();
	/** Those of which it was told that they are waited for. */
	const awaited = new Set<NodeId>();

	const nodeChanged = ({record}: NodeState) => {
		if (record.drain) draining.add(record._id);
	};

	const shardsOn = (id: NodeId) => {
		const {sound, missing, corrupt} = catalog.shardCounts(id);
		return sound + missing + corrupt;
	};

	/** Says once that a node is waited for, and for how long. */
	const tellAwaited = ({isOnline, record}: NodeState, now: number) => {
		const {_id: node, name, owner, drain} = record;
		const since = drain?.awaitedSince ?? waitedSince.get(node) ?? now;
		waitedSince.set(node, since);
		if (awaited.has(node) || (isOnline && Math.abs(now - since) < AWAITED_QUIETLY_MS)) return;
		awaited.add(node);
		const until = awaitedUntil(record);
		const drained = isOnline ? 'it is drained once it does, and its log says why not' : 'they are, once it is back';
		const then = until === undefined ? drained : `it leaves once they are, or at ${new Date(until).toISOString()}`;
		const how = isOnline
			? 'does not remove the shards that it should'
			: 'is away with shards that are still to be removed';
		note('INFO', `Node ${nameInText(name)} has nothing left that counts, and ${how}: ${then}`, {node, owner});
	};

	/**
	One that left with shards to remove keeps them for ever: it is given the time to be there once more, and to do what it is
	asked for. One that answers nobody, or can't remove them, would be waited for in vain.
	*/
	const isAwaited = ({record: {awaySince, bannedAt, drain}}: NodeState, now: number): boolean => {
		const isRecent = (since = now) => Math.abs(now - since) < REMOVALS_AWAITED_MS;
		return bannedAt === undefined && isRecent(awaySince) && isRecent(drain?.awaitedSince);
	};

	/** The removals of a node but those of orphans, whose grace is not waited for: they may be wanted yet, and not here. */
	const removalsOf = async (id: NodeId): Promise<RemovalRecord[]> => {
		for (let after: string | undefined; ;) {
			const page = await catalog.removals(id, REMOVALS_A_PAGE, after);
			const removals = page.filter(({reason}) => reason !== 'orphan');
			if (removals.length > 0 || page.length < REMOVALS_A_PAGE) return removals;
			after = page.at(-1)?._id;
		}
	};

	/**
	Whether a node that no chunk counts on still has to remove shards. What a coordinator that ended in the middle left for
	later is due by then.
	*/
	const hasRemovals = async (state: NodeState): Promise<boolean> => {
		const {isOnline, record} = state;
		const now = clock.now();
		if (!isAwaited(state, now)) return false;
		// After a start, one that was not heard of yet is given its time.
		if (!isOnline && record.awaySince === undefined) return true;
		const removals = await removalsOf(record._id);
		const late = removals.filter(({notBefore}) => notBefore > now);
		await remover.discard(late.map(removal => ({...removal, notBefore: now})));
		if (removals.length === 0) {
			waitedSince.delete(record._id);
			return false;
		}

		if (record.drain?.leaves) await care.noteAwaited(record._id);
		tellAwaited(state, now);
		return true;
	};

	/** Whether an upload may have put shards on it before it was drained, and names it at its end. */
	const mayBeNamed = (startedAt: number): boolean => (oldestUpload() ?? Infinity) <= startedAt;

	const isInUse = (id: NodeId): boolean => shardsOn(id) > 0 || jobs().some(({from, to}) => from === id || to === id);

	/** Looked at last without a wait: a shard that is found again is counted on meanwhile, and may be given up again. */
	const isDoneWith = async (state: NodeState): Promise<boolean> => {
		const {_id: id} = state.record;
		return !isInUse(id) && !(await hasRemovals(state)) && !isInUse(id);
	};

	/** Whether a node is to be forgotten now. */
	const mayLeave = async (state: NodeState): Promise<boolean> => {
		const isDone = await isDoneWith(state);
		const {drain} = state.record;
		return isDone && drain?.leaves === true && !mayBeNamed(drain.startedAt);
	};

	const finishOne = async (state: NodeState) => {
		const {_id: id, drain} = state.record;
		if (drain?.leaves) {
			if (await mayLeave(state)) await care.forget(id, async () => mayLeave(state));
		} else if (drain && (await isDoneWith(state))) await care.noteEmpty(id);
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
				awaitedUntil: shards === 0 ? awaitedUntil(record) : undefined,
			};
		},
		noteMoved({from, reason}, bytes) {
			if (reason !== 'drain') return;
			const rate = rates.get(from) ?? createRate(clock, RATE_OVER_MS);
			rate.add(bytes);
			rates.set(from, rate);
		},
		recall: () => fleet.all().forEach(nodeChanged),
		nodeChanged,
		async finish() {
			for (const id of draining) {
				const state = fleet.get(id);
				if (!state?.record.drain) {
					for (const known of [draining, awaited, waitedSince, rates, toldAt]) known.delete(id);
					continue;
				}

				tellBlocked(state);
				await finishOne(state);
			}
		},
	};
};
