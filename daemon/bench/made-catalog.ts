import {chunkIdOf, type Digest, newFileId, type NodeId} from '../../source/protocol/ids.js';
import {systemRandom} from '../adapters/system.js';
import {type ChunkRecord, type FileRecord, schemeOf} from '../core/model.js';

/** How many nodes keep each chunk of what is made. */
export const MADE_COPIES = 3;

const CHUNK_BYTES = 10 * 1024 * 1024;
const FIRST_MS = 1_700_000_000_000;

const newDigest = () => Buffer.from(systemRandom.bytes(32)).toString('hex') as Digest;

/** The records of a file as an upload leaves them; no node has its bytes. `holdersOf` says which are to have a chunk's. */
export const madeUpload = (
	number: number,
	chunkCount: number,
	holdersOf: (index: number) => readonly NodeId[],
): {file: FileRecord; chunks: ChunkRecord[]} => {
	const uploadedAt = FIRST_MS + number;
	const _id = newFileId(uploadedAt, systemRandom.bytes(10));
	const chunks = Array.from({length: chunkCount}, (_, index) => {
		const digest = newDigest();
		const shards = holdersOf(index).map(node => ({digest, node, verifiedAt: uploadedAt}));
		const about = {file: _id, index, sizeBytes: CHUNK_BYTES, scheme: schemeOf(MADE_COPIES)};
		return {_id: chunkIdOf(_id, index), ...about, shards, revision: 0};
	});
	const rest = {type: 'video/mp4', wrappedKey: 'k'.repeat(80), uploadedAt, revision: 0};
	return {file: {_id, name: `file ${number}.mp4`, sizeBytes: chunkCount * CHUNK_BYTES, chunkCount, ...rest}, chunks};
};
