declare const brand: unique symbol;
type Branded<T, Name extends string> = T & {readonly [brand]: Name};

/** A file's id: 12 hex digits of the upload's start (milliseconds), then 20 random ones, so ids sort by time. */
export type FileId = Branded<string, 'FileId'>;

/** A chunk's id: its file's id, a colon, and its index in 8 digits, so that a file's chunks sort in order. */
export type ChunkId = Branded<string, 'ChunkId'>;

/** A node's id: `pjas-` and 8 (classic) to 32 hex digits. */
export type NodeId = Branded<string, 'NodeId'>;

/** The SHA-256 of a shard's bytes in lower-case hex: the shard's name everywhere. */
export type Digest = Branded<string, 'Digest'>;

export const fileIdPattern = /^[0-9a-f]{32}$/;
export const nodeIdPattern = /^pjas-[0-9a-f]{8,32}$/;
export const digestPattern = /^[0-9a-f]{64}$/;
export const chunkIdPattern = /^[0-9a-f]{32}:\d{8}$/;

type Parser<T> = (text: unknown) => T | undefined;

const parser = (pattern: RegExp) => (text: unknown) =>
	typeof text === 'string' && pattern.test(text) ? text : undefined;

/** Each parser returns the branded id, or `undefined` where the text is none. */
export const parseFileId = parser(fileIdPattern) as Parser<FileId>;
export const parseChunkId = parser(chunkIdPattern) as Parser<ChunkId>;
export const parseNodeId = parser(nodeIdPattern) as Parser<NodeId>;
export const parseDigest = parser(digestPattern) as Parser<Digest>;

const hex = (bytes: Uint8Array): string => Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');

/** How many random bytes `newFileId` takes. */
export const FILE_ID_RANDOM_BYTES = 10;

/** How many random bytes `newNodeId` takes. */
export const NODE_ID_RANDOM_BYTES = 16;

/** Draws a file id from the time (milliseconds since the epoch) and 10 random bytes. */
export const newFileId = (nowMs: number, random: Uint8Array): FileId =>
	(Math.trunc(nowMs).toString(16).padStart(12, '0') + hex(random.subarray(0, FILE_ID_RANDOM_BYTES))) as FileId;

/** When the upload of a file began, which its id starts with: milliseconds since the epoch. */
export const uploadedAtOf = (id: FileId): number => Number.parseInt(id.slice(0, 12), 16);

/** Draws a node id from 16 random bytes. */
export const newNodeId = (random: Uint8Array): NodeId =>
	`pjas-${hex(random.subarray(0, NODE_ID_RANDOM_BYTES))}` as NodeId;

export const chunkIdOf = (file: FileId, index: number): ChunkId =>
	`${file}:${String(index).padStart(8, '0')}` as ChunkId;

export const fileOfChunk = (id: ChunkId): FileId => id.slice(0, id.indexOf(':')) as FileId;
