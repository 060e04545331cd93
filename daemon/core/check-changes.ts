import type {NodeId} from '../../source/protocol/ids.js';
import {type ChunkRecord, type RemovalRecord, type ShardRecord, wantedShards} from './model.js';
import {type BreachOf, hasRight, type NetworkTruth, type NodeOfShard} from './network-truth.js';

/** What holds for each change of the catalogue, and for each shard that comes to a node. */
export type ChangeInvariant =
	/** An upload that is acknowledged has its copies. */
	| 'enough-copies'
	/** Healing takes a copy that counts away only where there are as many as wanted without it. */
	| 'never-fewer'
	/** What is counted on anew is there, and was looked at: a name in a listing proves nothing. */
	| 'proven'
	/** What is counted on is not removed. */
	| 'counted-kept'
	/** A copy that healing makes is noted to go before it is there: the process may end before anybody counts on it. */
	| 'copy-noted'
	/** The record of a chunk goes only when the removal of its shards is noted. */
	| 'removals-noted'
	/** The removal of a shard is forgotten only when the shard is gone, or counted on. */
	| 'removals-done'
	/** A node is forgotten only when nobody counts on it. */
	| 'left-empty';

export type ChangeBreach = BreachOf<ChangeInvariant>;

type Disks = Pick<NetworkTruth, 'disks'>;

const isSound = ({fault}: ShardRecord) => !fault;

const checkUploaded = (after: ChunkRecord, state: Disks, minReplicas: number): ChangeBreach[] => {
	const copies = after.shards.filter(shard => hasRight(state, shard)).length;
	if (copies >= minReplicas) return [];
	const problem = `it was acknowledged with ${copies} copies, not ${minReplicas}`;
	return [{file: after.file, chunk: after._id, invariant: 'enough-copies', problem}];
};

const checkFewer = (before: ChunkRecord, after: ChunkRecord): ChangeBreach[] => {
	const isThere = ({node}: ShardRecord) => after.shards.some(shard => shard.node === node);
	const [lost] = before.shards.filter(shard => isSound(shard) && !isThere(shard));
	const sound = after.shards.filter(isSound).length;
	const wanted = Math.min(wantedShards(after.scheme), before.shards.filter(isSound).length);
	if (!lost || sound >= wanted) return [];
	const problem = `a copy was given up though ${sound} are left`;
	return [{file: after.file, chunk: after._id, node: lost.node, invariant: 'never-fewer', problem}];
};

const checkProven = (before: ChunkRecord, after: ChunkRecord, {disks}: Disks): ChangeBreach[] => {
	const isNew = ({node}: ShardRecord) => !before.shards.some(shard => shard.node === node && isSound(shard));
	const isBad = ({node, digest}: ShardRecord) => {
		const disk = disks.get(node);
		return disk && !disk.isLost && (disk.isSeenBad?.(digest) || (!disk.state(digest) && !disk.taken.has(digest)));
	};
	return after.shards
		.filter(shard => isSound(shard) && isNew(shard) && isBad(shard))
		.map(({node}) => {
			const problem = 'it counts on a shard that is not there, or has been bad for long';
			return {file: after.file, chunk: after._id, node, invariant: 'proven', problem};
		});
};

/**
The invariants that a change of a chunk's record breaks.

@param minReplicas - How many copies an upload must have made.
*/
export const checkChange = (
	before: ChunkRecord | undefined,
	after: ChunkRecord,
	state: Disks,
	minReplicas: number,
): ChangeBreach[] =>
	before
		? [...checkFewer(before, after), ...checkProven(before, after, state)]
		: checkUploaded(after, state, minReplicas);

const isOn = ({disks}: Disks, {node, digest}: NodeOfShard): boolean => {
	const disk = disks.get(node);
	return disk !== undefined && !disk.isLost && disk.state(digest) !== undefined;
};

/**
What breaks when a shard comes to a node.

@param chunk - The chunk that has it, where one does: what an upload puts is nobody's yet.
@param isNoted - Whether its removal is.
*/
export const checkCopy = (
	{node}: NodeOfShard,
	chunk: Pick<ChunkRecord, '_id' | 'shards'> | undefined,
	isNoted: boolean,
): ChangeBreach[] => {
	if (!chunk || isNoted || chunk.shards.some(shard => shard.node === node)) return [];
	const problem = 'a copy is there that a crash would leave for nobody';
	return [{chunk: chunk._id, node, invariant: 'copy-noted', problem}];
};

/**
What breaks when a shard is removed from a node.

@param chunk - The chunk of a file that has it, where one does.
*/
export const checkRemoved = (
	{node}: NodeOfShard,
	chunk: Pick<ChunkRecord, '_id' | 'shards'> | undefined,
): ChangeBreach[] => {
	if (!chunk?.shards.some(shard => shard.node === node && isSound(shard))) return [];
	return [{chunk: chunk._id, node, invariant: 'counted-kept', problem: 'it counts on a shard that was just removed'}];
};

/** What breaks when the record of a chunk is removed. */
export const checkChunkRemoved = (
	{_id: chunk, file, shards}: ChunkRecord,
	state: Disks,
	isNoted: (shard: NodeOfShard) => boolean,
): ChangeBreach[] =>
	shards
		.filter(shard => isOn(state, shard) && !isNoted(shard))
		.map(({node}) => {
			const problem = 'its record is gone, and nobody removes the shard';
			return {file, chunk, node, invariant: 'removals-noted', problem};
		});

/**
What breaks when a removal is forgotten.

@param chunk - The chunk that has the shard, where one does.
@param isLeft - Whether its node is leaving: then orphans stay on it, and all that it has where it is away, or waited for, for long.
*/
export const checkRemovalDropped = (
	removal: Pick<RemovalRecord, 'node' | 'digest' | 'reason'>,
	state: Disks,
	chunk: Pick<ChunkRecord, 'shards'> | undefined,
	isLeft: (removal: Pick<RemovalRecord, 'node' | 'reason'>) => boolean,
): ChangeBreach[] => {
	const {node, digest, reason} = removal;
	const isCounted = chunk?.shards.some(shard => shard.node === node);
	// An orphan that some chunk has turns out to be a copy of it with the next comparison.
	if (!isOn(state, removal) || isCounted || (reason === 'orphan' && chunk) || isLeft(removal)) return [];
	const problem = `${digest} is there, and nobody removes it any more`;
	return [{node, invariant: 'removals-done', problem}];
};

/**
What breaks when a node is forgotten.

@param chunks - The chunks of files that have a shard on it.
*/
export const checkForgotten = (node: NodeId, chunks: Iterable<ChunkRecord>): ChangeBreach[] => {
	const counted = [...chunks].filter(({shards}) => shards.some(shard => shard.node === node && isSound(shard)));
	if (counted.length === 0) return [];
	const problem = `it is known no more, and ${counted.length} chunks count on it`;
	return [{node, invariant: 'left-empty', problem}];
};
