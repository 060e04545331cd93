import type {ChunkId, Digest, FileId, NodeId} from '../../source/protocol/ids.js';
import type {ChunkRecord, FileRecord, NodeRecord, RemovalRecord} from './model.js';

/** What a node's disk really has, whatever anybody believes. */
export type DiskTruth = {
	/** Whether its shards are lost for good: its disk died. */
	isLost: boolean;
	/** Whether its node is there and answers nothing: its shards are not lost, and of no use. */
	isMute?: boolean;
	/** What it has under a name: the right bytes, or others. */
	state: (digest: Digest) => 'right' | 'wrong' | undefined;
	digests: () => Iterable<Digest>;
	/** What a fault took from it, and nobody may know of yet. */
	taken: ReadonlySet<Digest>;
	/** Shards that it has since before the grace of orphans. */
	isOld: (digest: Digest) => boolean;
	/** Whether a shard is wrong or gone for so long, on a disk that hides nothing, that whoever looked at it has seen it. */
	isSeenBad?: (digest: Digest) => boolean;
	/** Whether a shard is wrong or gone for longer than its node's scrub takes to find that. */
	isOverdue?: (digest: Digest) => boolean;
};

/** A shard's name, and where it is or should be. */
export type NodeOfShard = {node: NodeId; digest: Digest};

/** A shard that the catalogue does not know, and that may not be removed before its time. */
export type Stranger = NodeOfShard & {keptUntil: number};

/** The whole network: what the catalogue says, what the disks have, and what people were promised. */
export type NetworkTruth = {
	now: number;
	files: ReadonlyMap<FileId, FileRecord>;
	chunks: Iterable<ChunkRecord>;
	nodes: ReadonlyMap<NodeId, NodeRecord>;
	removals: Iterable<RemovalRecord>;
	disks: ReadonlyMap<NodeId, DiskTruth>;
	/** How many chunks each file has whose upload was acknowledged and that nobody deleted. */
	acknowledged: ReadonlyMap<FileId, number>;
	strangers?: Iterable<Stranger>;
	/** Shards that were put for nothing, some time ago, by the process that runs now: an upload failed. */
	unwanted?: Iterable<NodeOfShard>;
	/** When the catalogue came out of a backup, where it did. */
	restoredAt?: number | undefined;
};

/** An invariant that does not hold, and where. */
export type BreachOf<Invariant extends string> = {
	invariant: Invariant;
	problem: string;
	file?: FileId;
	chunk?: ChunkId;
	node?: NodeId;
};

export const hasRight = ({disks}: Pick<NetworkTruth, 'disks'>, {node, digest}: NodeOfShard): boolean => {
	const disk = disks.get(node);
	return disk !== undefined && !disk.isLost && disk.state(digest) === 'right';
};
