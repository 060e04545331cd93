import {chunkIdOf, type ChunkId, type Digest, type FileId, type NodeId} from '../../source/protocol/ids.js';
import {
	type AccountRecord,
	removalOf,
	schemeOf,
	type ChunkRecord,
	type FileRecord,
	type NodeRecord,
	type RemovalRecord,
	type UploadRecord,
} from '../core/model.js';

/** Records for tests, told apart by small numbers; the larger a file's number, the newer it is. */
const hex = (number: number, digits: number): string => number.toString(16).padStart(digits, '0');

export const fileIdOf = (number: number): FileId => (hex(1_700_000_000_000 + number, 12) + hex(number, 20)) as FileId;
export const nodeIdOf = (number: number): NodeId => `pjas-${hex(number, 32)}` as NodeId;
export const digestOf = (number: number): Digest => hex(number, 64) as Digest;
export const chunkIdOfFile = (file: number, index: number): ChunkId => chunkIdOf(fileIdOf(file), index);

export const fileOf = (number: number, fields: Partial<FileRecord> = {}): FileRecord => ({
	_id: fileIdOf(number),
	name: `file ${number}.txt`,
	type: 'text/plain',
	sizeBytes: 1000 + number,
	chunkCount: 1,
	wrappedKey: 'a2V5',
	uploadedAt: 1_700_000_000_000 + number,
	revision: 0,
	...fields,
});

/** A chunk of which each of these nodes has a shard. */
export const chunkOf = (
	file: number,
	index: number,
	nodes: readonly number[] = [1, 2, 3],
	fields: Partial<ChunkRecord> = {},
): ChunkRecord => ({
	_id: chunkIdOfFile(file, index),
	file: fileIdOf(file),
	index,
	sizeBytes: 500,
	scheme: schemeOf(3),
	shards: nodes.map(node => ({
		digest: digestOf(file * 1000 + index),
		node: nodeIdOf(node),
		verifiedAt: 1_700_000_000_000,
	})),
	revision: 0,
	...fields,
});

export const nodeOf = (number: number, fields: Partial<NodeRecord> = {}): NodeRecord => ({
	_id: nodeIdOf(number),
	kind: 'direct',
	name: `node ${number}`,
	owner: 'Ada',
	zone: 'Ada',
	address: `http://127.0.0.1:${8000 + number}`,
	version: '2.0.0',
	allocatedBytes: 1e12,
	usedBytes: 0,
	freeBytes: 1e12,
	shardCount: 0,
	registeredAt: 1_700_000_000_000,
	lastSeenAt: 1_700_000_000_000,
	revision: 0,
	...fields,
});

export const removalAt = (node: number, digest: number, notBefore = 0): RemovalRecord =>
	removalOf(nodeIdOf(node), digestOf(digest), notBefore, 'deleted');

export const accountOf = (name: string, fields: Partial<AccountRecord> = {}): AccountRecord => ({
	_id: name,
	role: 'member',
	createdAt: 1_700_000_000_000,
	revision: 0,
	...fields,
});

export const uploadOf = (number: number, fields: Partial<UploadRecord> = {}): UploadRecord => ({
	_id: fileIdOf(number),
	name: `file ${number}`,
	type: 'text/plain',
	wrappedKey: 'a2V5',
	offsetBytes: 0,
	metadata: '',
	createdAt: 1_700_000_000_000,
	changedAt: 1_700_000_000_000,
	revision: 0,
	...fields,
});
