import type {ChunkId, Digest, FileId, NodeId} from '../../source/protocol/ids.js';
import type {
	ChunkRecord,
	FileRecord,
	NodeRecord,
	RemovalRecord,
	SmallKind,
	SmallRecords,
	TrashPlace,
	UploadRecord,
} from '../core/model.js';
import type {CopiesLeft} from '../core/redundancy.js';

export type FilePage = {
	/** Only files older than this one: its id sorts before. */
	before?: FileId;
	/** Only names that contain this text, whatever its case. */
	search?: string;
	/** Only what this account may read as its owner or a reader; '' is somebody who is not signed in. */
	viewer?: string;
	limit: number;
};

export type TrashPage = {
	/** Only files that were put into the trash before this place. */
	before?: TrashPlace;
	/** Only files of this account. */
	owner?: string;
	limit: number;
};

export type TrashTotals = {files: number; bytes: number};

/** How many chunks want `wanted` shards and have sound ones on exactly these nodes (sorted; one entry a shard). */
export type PlacementGroup = {wanted: number; nodes: readonly NodeId[]; chunks: number};

/** The shards that a node should hold, by what was last seen of them. */
export type ShardCounts = {sound: number; missing: number; corrupt: number};

/** `files` and `fileBytes` are those that are not in the trash; chunks are counted wherever their file is. */
export type CatalogTotals = {files: number; fileBytes: number; chunks: number; removals: number};

/**
What the network knows. All that a promise here resolves to is on disk through `fsync`. One suite holds for every
implementation (`catalog.suite.ts`).

Records come out as copies. `put…` is compare-and-set: it stores a record whose `revision` is the stored one's (0 where
none is stored) and returns it with the next revision; otherwise it throws `CONFLICT` and changes nothing. Other errors:
`CATALOG_UNAVAILABLE` where the disk refuses (then nothing is half written, and a later call may succeed).
*/
export type Catalog = {
	/** One that is in the trash as well. */
	getFile: (id: FileId) => Promise<FileRecord | undefined>;
	putFile: (file: FileRecord) => Promise<FileRecord>;
	/**
	Removes a file's record, not its chunks. Says whether it was there: of two at once, one is told true.

	@param revision - Only this one: where another is stored, it throws `CONFLICT`.
	*/
	removeFile: (id: FileId, revision?: number) => Promise<boolean>;
	/** The newest first, without those in the trash. */
	files: (page: FilePage) => Promise<FileRecord[]>;
	countFiles: (search: string, viewer?: string) => Promise<number>;
	/** The files in the trash. What was put there last comes first. */
	trash: (page: TrashPage) => Promise<FileRecord[]>;
	/** The first `limit` files in the trash, what was put there first coming first. */
	oldestTrash: (limit: number) => Promise<FileRecord[]>;
	/** What is in the trash, of an account or in all. Costs the same however much there is. */
	trashTotals: (owner?: string) => TrashTotals;
	/** The bytes of an account: of all its files, in the trash or not, and of its unfinished uploads. Costs the same always. */
	ownedBytes: (owner: string) => number;
	/**
	New chunks, then their new file, in one durable write. After a crash the file is there only if its chunks are.

	@param unfinished - The upload of the same id whose place the file takes. Its last chunk may be there already.
	*/
	commitUpload: (file: FileRecord, chunks: readonly ChunkRecord[], unfinished?: UploadRecord) => Promise<void>;
	/** Chunks of an unfinished upload and how far it is with them, in one durable write: all of it or nothing. */
	advanceUpload: (upload: UploadRecord, chunks: readonly ChunkRecord[]) => Promise<UploadRecord>;
	/** How many unfinished uploads an account has; without one, those of nobody. Costs the same however many there are. */
	countUploads: (owner?: string) => number;
	/** Whether there is a file, in the trash or not, or an unfinished upload of this id: then its chunks are wanted. */
	hasRecord: (file: FileId) => boolean;

	getChunk: (id: ChunkId) => Promise<ChunkRecord | undefined>;
	putChunk: (chunk: ChunkRecord) => Promise<ChunkRecord>;
	removeChunks: (ids: readonly ChunkId[]) => Promise<void>;
	/** A file's chunks, in order. */
	chunksOf: (file: FileId, afterIndex?: number) => AsyncIterable<ChunkRecord>;
	/** Every chunk that has a shard, sound or not, on this node; by id, ascending. */
	chunksOn: (node: NodeId, after?: ChunkId) => AsyncIterable<ChunkRecord>;
	/**
	One of the chunks that have a shard, sound or not, on this node, each as likely as another; `undefined` where there is
	none, or where it changed just now. Costs the same however many there are.

	@param random - Gives numbers from 0 up to 1.
	*/
	chunkOnByChance: (node: NodeId, random: () => number) => Promise<ChunkRecord | undefined>;
	/** The first chunk, by id, that has a shard of this name on any node. */
	chunkWith: (digest: Digest) => Promise<ChunkRecord | undefined>;
	/** Every chunk with more or fewer sound shards than it wants, or with one that is not sound; by id, ascending. */
	chunksAmiss: (after?: ChunkId) => AsyncIterable<ChunkRecord>;
	/** The files that have chunks and no record, nor an unfinished upload: left over from uploads and deletions that a crash ended. */
	filesWithoutRecord: () => Promise<FileId[]>;
	/**
	All chunks by how many of their sound shards are on nodes that count. Costs by the number of nodes, and by the files that
	have chunks on those which count, or don't, other than when it was asked last; not by what is stored.
	*/
	copiesLeft: (counts: (node: NodeId) => boolean) => CopiesLeft;
	/**
	Every chunk of a file is counted in one group. Costs by the number of its groups, not of its chunks. It is to be looked
	through at once.
	*/
	placementGroupsOf: (file: FileId) => Iterable<PlacementGroup>;
	/** Costs the same however many shards there are. */
	shardCounts: (node: NodeId) => ShardCounts;
	/** The bytes of the plain chunks that have a shard, sound or not, on this node. Costs the same however many there are. */
	shardBytes: (node: NodeId) => number;

	getNode: (id: NodeId) => Promise<NodeRecord | undefined>;
	putNode: (node: NodeRecord) => Promise<NodeRecord>;
	/** Says whether it was there: of two at once, one is told true. What shards and removals name it stay. */
	removeNode: (id: NodeId) => Promise<boolean>;
	nodes: () => Promise<NodeRecord[]>;

	/** Adds removals; one that is there already is replaced. */
	putRemovals: (removals: readonly RemovalRecord[]) => Promise<void>;
	dropRemovals: (ids: readonly string[]) => Promise<void>;
	/** A node's removals by id, ascending, at most `limit`. */
	removals: (node: NodeId, limit: number, after?: string) => Promise<RemovalRecord[]>;
	/** The nodes that have removals. Costs by their number. */
	removalNodes: () => NodeId[];

	getSmall: <K extends SmallKind>(kind: K, id: string) => Promise<SmallRecords[K] | undefined>;
	putSmall: <K extends SmallKind>(kind: K, record: SmallRecords[K]) => Promise<SmallRecords[K]>;
	/** Says whether it was there: of two at once, one is told true. */
	removeSmall: (kind: SmallKind, id: string) => Promise<boolean>;
	/** All of a kind, by id, ascending. */
	allSmall: <K extends SmallKind>(kind: K) => Promise<SmallRecords[K][]>;

	totals: () => CatalogTotals;
	close: () => Promise<void>;
};
