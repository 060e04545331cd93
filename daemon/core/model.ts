import type {ChunkId, Digest, FileId, NodeId} from '../../source/protocol/ids.js';

/**
The records that the catalogue keeps. Times are milliseconds since the epoch, sizes are bytes. `revision` counts a
record's versions from 1: a record with revision 0 was never stored.
*/

/** How many shards a chunk has and how many bring it back. `replicas:3` needs 1 of 3, and all three have one digest. */
export type Scheme = `replicas:${number}`;

/** A file that somebody uploaded. It is there once all its chunks are, never before. */
export type FileRecord = {
	_id: FileId;
	name: string;
	/** Media type as the uploader told it. */
	type: string;
	sizeBytes: number;
	chunkCount: number;
	/** The file's key, wrapped by the network's master key; base64. */
	wrappedKey: string;
	uploadedAt: number;
	revision: number;
};

/** Why a shard doesn't count: the node lacks it, or holds other bytes under its name. */
export type ShardFault = {kind: 'missing' | 'corrupt'; at: number};

export type ShardRecord = {
	digest: Digest;
	node: NodeId;
	/** When the node last proved or said that its bytes are right: when it wrote them, or at a check. */
	verifiedAt: number;
	fault?: ShardFault;
};

export type ChunkRecord = {
	_id: ChunkId;
	file: FileId;
	index: number;
	/** Size of the plain chunk; its shards are larger by the seal's tag. */
	sizeBytes: number;
	scheme: Scheme;
	shards: ShardRecord[];
	revision: number;
};

/** How a node is reached. A classic node speaks the prototype's protocol and is known by its address. */
export type NodeKind = 'direct' | 'classic';

export type NodeRecord = {
	_id: NodeId;
	kind: NodeKind;
	name: string;
	/** The member whose node this is. */
	owner: string;
	/** What fails together: a house, a line. Its owner by default. */
	zone: string;
	/** Base URL without a trailing slash. */
	address: string;
	/** What the node calls itself where that is not its record's id: a classic node draws a new one at every start. */
	classicId?: string;
	version: string;
	allocatedBytes: number;
	usedBytes: number;
	freeBytes: number;
	shardCount: number;
	registeredAt: number;
	lastSeenAt: number;
	revision: number;
};

/** A shard that a node may still hold and should not: removed once `notBefore` is past and the node is there. */
export type RemovalRecord = {
	/** `<node>/<digest>` */
	_id: string;
	node: NodeId;
	digest: Digest;
	notBefore: number;
	/** Orphans may turn out to be wanted: they are looked up in the catalogue again before they are removed. */
	reason: 'deleted' | 'upload-failed' | 'orphan';
};

export const removalOf = (
	node: NodeId,
	digest: Digest,
	notBefore: number,
	reason: RemovalRecord['reason'],
): RemovalRecord => ({_id: `${node}/${digest}`, node, digest, notBefore, reason});

export const schemeOf = (replicas: number): Scheme => `replicas:${replicas}`;

/** How many shards a chunk of this scheme should have. */
export const wantedShards = (scheme: Scheme): number => Number(scheme.slice('replicas:'.length));

/** The shards of a chunk that count, as far as is known. */
export const soundShards = (chunk: ChunkRecord): ShardRecord[] => chunk.shards.filter(shard => !shard.fault);
