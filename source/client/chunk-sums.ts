import {createHash} from 'node:crypto';
import {CHUNK_SIZE_BYTES} from '../protocol/chunking.js';

export type ChunkSums = {
	add: (bytes: Uint8Array) => void;
	/** SHA-256, in hex, over the SHA-256s of the chunks of all that was added. To be asked once. */
	digest: () => string;
};

/** What the coordinator tells of a file as `chunks_sha256`, computed here. */
export const createChunkSums = (): ChunkSums => {
	const all = createHash('sha256');
	let chunk = createHash('sha256');
	let filledBytes = 0;
	const close = () => {
		if (filledBytes === 0) return;
		all.update(chunk.digest());
		chunk = createHash('sha256');
		filledBytes = 0;
	};

	return {
		add(bytes) {
			for (let at = 0; at < bytes.length;) {
				const part = bytes.subarray(at, at + CHUNK_SIZE_BYTES - filledBytes);
				chunk.update(part);
				filledBytes += part.length;
				at += part.length;
				if (filledBytes === CHUNK_SIZE_BYTES) close();
			}
		},
		digest() {
			close();
			return all.digest('hex');
		},
	};
};
