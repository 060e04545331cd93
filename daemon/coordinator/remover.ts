import {isPjasError} from '../../source/protocol/errors.js';
import type {Digest, FileId, NodeId} from '../../source/protocol/ids.js';
import {type ChunkRecord, removalIdOf, removalOf, type RemovalRecord} from '../core/model.js';
import {isKeptBack} from '../core/restored.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {Worker} from '../ports/worker.js';
import type {Fleet, NodeState} from './fleet.js';
import {nameInText} from './name-in-text.js';
import type {Note} from './note.js';

type RemoverOptions = {
	catalog: Catalog;
	fleet: Fleet;
	clock: Clock;
	log: Log;
	note: Note;
	wake: () => void;
	/** When the catalogue came out of a backup, where it did. */
	restoredAt?: number | undefined;
};

export type Remover = Worker & {
	/** Takes note, durably, of shards to remove; the worker does it as soon as their nodes are there. */
	discard: (removals: RemovalRecord[]) => Promise<void>;
	/**
	Notes shards that are about to be put on nodes, to be removed later: should the coordinator end before the catalogue
	counts on them, they go. None of them is removed until `settle`; a removal that is under way is over when this resolves.
	*/
	prepare: (removals: RemovalRecord[]) => Promise<void>;
	/**
	Says of what was prepared what the catalogue counts on now, and what is to be removed. What it turns out to count on after
	all is not: who doubts calls it unwanted.
	*/
	settle: (kept: readonly RemovalRecord[], unwanted: readonly RemovalRecord[]) => Promise<void>;
	/**
	Does something that may have the catalogue count on a shard: meanwhile it is not removed, and a removal that is under way is
	over before.
	*/
	sparing: (node: NodeId, digest: Digest, work: () => Promise<void>) => Promise<void>;
	/** Turns chunks that no file has into removals of their shards. */
	forget: (chunks: readonly ChunkRecord[], reason: RemovalRecord['reason']) => Promise<void>;
	/** Turns the chunks of a file without a record into removals. It can be called again after a crash in its middle. */
	sweepFile: (file: FileId) => Promise<void>;
};

const REMOVALS_A_STEP = 100;
const AT_ONCE = 4;
const CHUNKS_A_GROUP = 100;
/** Of a node that can't remove its shards it is told so often, not with each of them and each try. */
const FAILURES_TOLD_EVERY_MS = 600_000;

export const createRemover = (options: RemoverOptions): Remover => {
	const {catalog, fleet, clock, log, note, wake, restoredAt} = options;
	/**
	By how many they are prepared and not settled: a repair and a move may give up the same shard at the same time. And all that
	were, or were noted, since the present step began: its list of them is out of date.
	*/
	const held = new Map<string, number>();
	const touched = new Set<string>();

	/** Removals that are being forgotten: who notes the same one anew waits, or it would be forgotten with them. */
	const dropping = new Map<string, Promise<void>>();

	const put = async (removals: readonly RemovalRecord[]) => {
		for (const {_id} of removals) touched.add(_id);
		await Promise.all(removals.flatMap(({_id}) => dropping.get(_id) ?? []));
		await catalog.putRemovals(removals);
	};

	const drop = async (ids: readonly string[]) => {
		const dropped = catalog.dropRemovals(ids);
		const ended = dropped.catch(() => undefined);
		for (const id of ids) dropping.set(id, ended);
		try {
			await dropped;
		} finally {
			for (const id of ids) if (dropping.get(id) === ended) dropping.delete(id);
		}
	};

	const discard: Remover['discard'] = async removals => {
		if (removals.length === 0) return;
		await put(removals);
		wake();
	};

	const underWay = new Map<string, Promise<unknown>>();

	/** From then on none of them is removed; one that was being removed is. */
	const hold = async (ids: readonly string[]) => {
		for (const id of ids) {
			held.set(id, (held.get(id) ?? 0) + 1);
			touched.add(id);
		}

		await Promise.all(ids.flatMap(id => underWay.get(id) ?? []));
	};

	const letGo = (id: string) => {
		const others = (held.get(id) ?? 1) - 1;
		if (others > 0) held.set(id, others);
		else held.delete(id);
	};

	const prepare: Remover['prepare'] = async removals => {
		await hold(removals.map(({_id}) => _id));
		await put(removals);
	};

	const sparing: Remover['sparing'] = async (node, digest, work) => {
		const id = removalIdOf(node, digest);
		await hold([id]);
		try {
			await work();
		} finally {
			letGo(id);
		}
	};

	const settle: Remover['settle'] = async (kept, unwanted) => {
		for (const {_id} of [...kept, ...unwanted]) letGo(_id);
		await drop(kept.filter(({_id}) => !held.has(_id)).map(({_id}) => _id));
		const now = clock.now();
		await discard(unwanted.map(removal => ({...removal, notBefore: now})));
	};

	const forget: Remover['forget'] = async (chunks, reason) => {
		const now = clock.now();
		await discard(chunks.flatMap(({shards}) => shards.map(shard => removalOf(shard.node, shard.digest, now, reason))));
		await catalog.removeChunks(chunks.map(chunk => chunk._id));
		wake();
	};

	const sweepFile: Remover['sweepFile'] = async file => {
		let group: ChunkRecord[] = [];
		for await (const chunk of catalog.chunksOf(file)) {
			group.push(chunk);
			if (group.length === CHUNKS_A_GROUP) {
				await forget(group, 'deleted');
				group = [];
			}
		}

		await forget(group, 'deleted');
	};

	/**
	Whether a chunk counts on the shard all the same. The chunks of a deletion or a failed upload are still there for a moment
	after their removals were noted; an orphan's may be those of an upload whose file is not there yet, or be known on another
	node.
	*/
	const isWanted = async ({node, digest, reason}: RemovalRecord): Promise<boolean> => {
		const chunk = await catalog.chunkWith(digest);
		if (!chunk || reason === 'orphan') return chunk !== undefined;
		return chunk.shards.some(shard => shard.node === node) && catalog.hasRecord(chunk.file);
	};

	const toldAtMs = new Map<NodeId, number>();

	const tellFailed = ({node, digest}: RemovalRecord, error: unknown) => {
		const nowMs = clock.monotonicMs();
		if (nowMs < (toldAtMs.get(node) ?? -Infinity) + FAILURES_TOLD_EVERY_MS) return;
		toldAtMs.set(node, nowMs);
		log.warn('a shard could not be removed from its node; it is tried again', {node, digest, error});
	};

	/** Says whether the removal is done with: carried out, no longer right, or impossible at this node. */
	const carryOut = async (removal: RemovalRecord): Promise<boolean> => {
		if (await isWanted(removal)) return true;
		const {_id, node, digest} = removal;
		// Also where it was settled meanwhile: the catalogue may count on it since it was looked at.
		if (touched.has(_id)) return false;
		const removing = fleet.use(node, {}, store => store.remove(digest));
		underWay.set(
			_id,
			removing.catch(() => undefined),
		);
		try {
			await removing;
			return true;
		} catch (error) {
			if (isPjasError(error, 'OPERATION_UNSUPPORTED')) return true;
			tellFailed(removal, error);
			return false;
		} finally {
			underWay.delete(_id);
		}
	};

	const noteUnsupported = (state: NodeState, removals: readonly RemovalRecord[]) => {
		if (state.record.kind !== 'classic' || removals.length === 0) return;
		const many = `${removals.length} deleted ${removals.length === 1 ? 'shard' : 'shards'}`;
		note('WARN', `Classic node ${nameInText(state.record.name)} cannot delete: ${many} stay on its disk`, {
			node: state.record._id,
		});
	};

	const stepNode = async (state: NodeState, signal: AbortSignal): Promise<boolean> => {
		const all = await catalog.removals(state.record._id, REMOVALS_A_STEP, cursors.get(state.record._id));
		// After the listing: what was noted while it was made is due as well.
		const now = clock.now();
		const due = all.filter(removal => removal.notBefore <= now && !isKeptBack(removal, restoredAt, now));
		const done: string[] = [];
		for (let at = 0; at < due.length && !signal.aborted && !fleet.isCooling(state); at += AT_ONCE) {
			const some = due.slice(at, at + AT_ONCE);
			const outcomes = await Promise.all(some.map(carryOut));
			done.push(...some.filter((_, index) => outcomes[index]).map(({_id}) => _id));
		}

		const dropped = done.filter(id => !touched.has(id));
		if (dropped.length > 0) await drop(dropped);
		noteUnsupported(
			state,
			due.filter(({_id}) => done.includes(_id)),
		);
		const last = all.length === REMOVALS_A_STEP ? all.at(-1) : undefined;
		if (last) cursors.set(state.record._id, last._id);
		else cursors.delete(state.record._id);
		return last !== undefined;
	};

	/** How far a pass over a node's removals has come: those that cannot be done yet must not hold up the others. */
	const cursors = new Map<NodeId, string>();

	return {
		name: 'remover',
		discard,
		prepare,
		settle,
		sparing,
		forget,
		sweepFile,
		async step(signal) {
			touched.clear();
			for (const id of held.keys()) touched.add(id);
			for (const node of toldAtMs.keys()) if (!fleet.get(node)) toldAtMs.delete(node);
			const nodes = catalog
				.removalNodes()
				.flatMap(node => fleet.get(node) ?? [])
				.filter(state => state.isOnline && !fleet.isCooling(state));
			if (nodes.length === 0) return 'idle';
			const hasMore = await Promise.all(nodes.map(state => stepNode(state, signal)));
			return hasMore.includes(true) ? 'busy' : 'idle';
		},
	};
};
