import type {Digest, FileId, NodeId} from '../../source/protocol/ids.js';
import {type ChunkRecord, type NodeRecord, removalIdOf, wantedShards} from './model.js';
import {type BreachOf, hasRight, type NetworkTruth, type NodeOfShard} from './network-truth.js';
import {isKeptBack, strangersKeptUntil} from './restored.js';

/** What holds at every moment, whatever happens. */
export const alwaysInvariants = [
	'file-recorded',
	'chunks-recorded',
	'chunk-kept',
	'one-shard-a-node',
	'record-true',
	'bad-found',
	'strangers-kept',
] as const;

/** What holds once nothing goes wrong any more and healing had its time. */
export const restInvariants = [
	'full-redundancy',
	'no-surplus',
	'best-spread',
	'no-leftover-chunks',
	'no-orphans',
	'no-removals',
	'no-leftovers',
	'drained-empty',
	'trash-purged',
	'nobody-suspended',
] as const;

export type Invariant = (typeof alwaysInvariants)[number] | (typeof restInvariants)[number];

export type Breach = BreachOf<Invariant>;

/** Whether a record that counts on a shard is wrong although nothing happened to that shard. */
const isUntrue = (state: NetworkTruth, {node, digest}: NodeOfShard): boolean => {
	const disk = state.disks.get(node);
	if (!disk) return true;
	return !disk.isLost && disk.state(digest) === undefined && !disk.taken.has(digest);
};

const checkKept = (state: NetworkTruth, chunk: ChunkRecord): Breach[] => {
	const {_id, file, shards} = chunk;
	const about = {file, chunk: _id};
	const breaches: Breach[] = [];
	if (state.acknowledged.has(file) && !shards.some(shard => hasRight(state, shard))) {
		breaches.push({...about, invariant: 'chunk-kept', problem: 'no disk that it counts on has its bytes'});
	}

	for (const {node, digest, fault} of shards) {
		if (shards.filter(other => other.node === node).length > 1) {
			breaches.push({...about, node, invariant: 'one-shard-a-node', problem: 'it counts on a node twice'});
		}

		// A file that is deleted loses its shards before its chunks' records.
		if (!fault && state.files.has(file) && isUntrue(state, {node, digest})) {
			breaches.push({...about, node, invariant: 'record-true', problem: 'it counts on a shard that is not there'});
		}

		const disk = state.disks.get(node);
		if (!fault && state.files.has(file) && !disk?.isLost && disk?.isOverdue?.(digest)) {
			const problem = 'it counts on a shard that its node should have found to be bad';
			breaches.push({...about, node, invariant: 'bad-found', problem});
		}
	}

	return breaches;
};

/** The invariants of every moment that a state breaks; empty where all is as promised. Costs a look at every chunk. */
export const checkAlways = (state: NetworkTruth): Breach[] => {
	const breaches: Breach[] = [];
	const counts = new Map<FileId, number>();
	for (const chunk of state.chunks) {
		breaches.push(...checkKept(state, chunk));
		counts.set(chunk.file, (counts.get(chunk.file) ?? 0) + 1);
	}

	for (const {node, digest, keptUntil} of state.strangers ?? []) {
		const isGone = state.now < keptUntil && isUntrue(state, {node, digest});
		if (isGone) breaches.push({invariant: 'strangers-kept', node, problem: `${digest} was removed before its time`});
	}

	for (const [file, chunkCount] of state.acknowledged) {
		if (!state.files.has(file)) {
			breaches.push({invariant: 'file-recorded', file, problem: 'an acknowledged file is not known any more'});
		}

		const known = counts.get(file) ?? 0;
		if (known !== chunkCount) {
			breaches.push({invariant: 'chunks-recorded', file, problem: `it has ${known} of ${chunkCount} chunks`});
		}
	}

	return breaches;
};

/** Whether a node is there to be counted on, and so can take part in a chunk's spread. */
const isUseful = (state: NetworkTruth, {_id, bannedAt, awaySince, drain, suspension}: NodeRecord): boolean =>
	bannedAt === undefined &&
	awaySince === undefined &&
	drain === undefined &&
	suspension === undefined &&
	state.disks.get(_id)?.isLost === false;

/** The most room that a useful node has, by zone. */
const roomsOf = (state: NetworkTruth): Map<string, number> => {
	const rooms = new Map<string, number>();
	for (const node of state.nodes.values()) {
		if (isUseful(state, node)) rooms.set(node.zone, Math.max(rooms.get(node.zone) ?? 0, node.freeBytes));
	}

	return rooms;
};

/** Zones that a chunk could be in, as far as that matters: those of nodes that have it, or could take it. */
const zonesFor = (state: NetworkTruth, rooms: ReadonlyMap<string, number>, chunk: ChunkRecord): number => {
	const zones = new Set(
		chunk.shards.flatMap(({node}) => {
			const record = state.nodes.get(node);
			return record && isUseful(state, record) ? record.zone : [];
		}),
	);
	const wanted = wantedShards(chunk.scheme);
	// With some room beside what is on its way: a node that is all but full need not take it.
	const roomBytes = 4 * (chunk.sizeBytes + 4096);
	for (const [zone, freeBytes] of rooms) {
		if (zones.size >= wanted) break;
		if (freeBytes >= roomBytes) zones.add(zone);
	}

	return Math.min(wanted, zones.size);
};

const checkRedundancy = (state: NetworkTruth, rooms: ReadonlyMap<string, number>, chunk: ChunkRecord): Breach[] => {
	const {_id, file, shards, scheme} = chunk;
	const about = {file, chunk: _id};
	const wanted = wantedShards(scheme);
	const isGood = (shard: ChunkRecord['shards'][number]) => {
		const node = state.nodes.get(shard.node);
		const isOfUse = node !== undefined && node.awaySince === undefined && node.suspension === undefined;
		return !shard.fault && isOfUse && !state.disks.get(shard.node)?.isMute && hasRight(state, shard);
	};
	const good = shards.filter(isGood);
	const breaches: Breach[] = [];
	if (good.length < wanted) {
		const problem = `it has ${good.length} of ${wanted} good copies`;
		breaches.push({...about, invariant: 'full-redundancy', problem});
	}

	if (shards.length > wanted) {
		breaches.push({...about, invariant: 'no-surplus', problem: `it has ${shards.length} copies, not ${wanted}`});
	}

	const zones = new Set(good.map(({node}) => state.nodes.get(node)?.zone)).size;
	const possible = zonesFor(state, rooms, chunk);
	if (good.length >= wanted && zones < possible) {
		breaches.push({...about, invariant: 'best-spread', problem: `it is in ${zones} zones; ${possible} are possible`});
	}

	return breaches;
};

const checkNodes = (state: NetworkTruth, counted: ReadonlyMap<NodeId, ReadonlySet<Digest>>): Breach[] => {
	const breaches: Breach[] = [];
	for (const [node, disk] of state.disks) {
		const record = state.nodes.get(node);
		const own = counted.get(node);
		if (record?.drain && own) {
			breaches.push({invariant: 'drained-empty', node, problem: `it is drained and has ${own.size} shards`});
		}

		if (record?.suspension && !disk.isLost && !disk.isMute && disk.taken.size === 0) {
			breaches.push({invariant: 'nobody-suspended', node, problem: `suspended: ${record.suspension.reason}`});
		}

		const areStrangersKept = strangersKeptUntil(state.restoredAt, state.now) !== undefined;
		if (disk.isLost || disk.isMute || !record || record.bannedAt !== undefined || areStrangersKept) continue;
		const orphans = [...disk.digests()].filter(digest => !own?.has(digest) && disk.isOld(digest));
		if (orphans.length > 0) {
			const problem = `${orphans.length} shards of no chunk, one of them ${orphans[0]}`;
			breaches.push({invariant: 'no-orphans', node, problem});
		}
	}

	return breaches;
};

/**
The invariants of rest that a state breaks.

@param trashMs - How long a deleted file is kept.
*/
export const checkAtRest = (state: NetworkTruth, trashMs: number): Breach[] => {
	const breaches: Breach[] = [];
	const counted = new Map<NodeId, Set<Digest>>();
	const rooms = roomsOf(state);
	for (const chunk of state.chunks) {
		for (const {node, digest} of chunk.shards) {
			const own = counted.get(node);
			if (own) own.add(digest);
			else counted.set(node, new Set([digest]));
		}

		if (state.files.has(chunk.file)) breaches.push(...checkRedundancy(state, rooms, chunk));
		else breaches.push({invariant: 'no-leftover-chunks', chunk: chunk._id, problem: 'it is of no file'});
	}

	for (const {_id, trashed} of state.files.values()) {
		if (trashed && trashed.at + trashMs < state.now) {
			breaches.push({invariant: 'trash-purged', file: _id, problem: 'its time in the trash is over'});
		}
	}

	const noted = new Set<string>();
	for (const removal of state.removals) {
		const {_id, node, notBefore, reason} = removal;
		if (reason !== 'orphan') noted.add(_id);
		const isDue = notBefore <= state.now && !isKeptBack(removal, state.restoredAt, state.now);
		const disk = state.disks.get(node);
		if (isDue && disk && !disk.isLost && !disk.isMute) {
			const problem = 'a shard that is due waits to be removed from a node that is there';
			breaches.push({invariant: 'no-removals', node, problem});
		}
	}

	for (const {node, digest} of state.unwanted ?? []) {
		const isThere = state.disks.get(node)?.state(digest) !== undefined && !counted.get(node)?.has(digest);
		if (isThere && !noted.has(removalIdOf(node, digest))) {
			const problem = `${digest} was put there for nothing, and nobody removes it`;
			breaches.push({invariant: 'no-leftovers', node, problem});
		}
	}

	return [...breaches, ...checkNodes(state, counted)];
};
