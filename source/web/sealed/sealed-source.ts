import {CHUNK_SIZE_BYTES, chunkCountOf} from '../../protocol/chunking.js';
import {sealChunk, type SealKey} from '../../protocol/seal.js';
import {SEALED_PLAIN_BYTES, sealedSizeOf} from '../../protocol/sealed-content.js';
import {ApiError} from '../api.js';

/** A file as it is once it is sealed end to end. Only what is asked for is sealed, and kept nowhere. */
export type SealedSource = {
	sizeBytes: number;
	/** The sealed bytes between two places. */
	slice: (start: number, end: number) => Promise<Blob>;
	/** SHA-256, in hex, over the SHA-256s of its sealed chunks: of those that were not asked for, they are sealed for it. */
	chunksSha256: () => Promise<string>;
};

const sha256 = async (bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> =>
	new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));

const SUM_BYTES = 32;

const toHex = (bytes: Uint8Array): string => Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');

const read = async (part: Blob): Promise<Uint8Array<ArrayBuffer>> => {
	try {
		return new Uint8Array(await part.arrayBuffer());
	} catch (cause) {
		const problem = 'The file can’t be read any more: it was changed or removed here. Choose it again.';
		throw new ApiError('FILE_UNREADABLE', problem, cause);
	}
};

export const sealedSource = (file: Blob, key: SealKey): SealedSource => {
	const sizeBytes = sealedSizeOf(file.size);
	const count = chunkCountOf(sizeBytes);
	const sums = new Uint8Array(count * SUM_BYTES);
	const summed = new Set<number>();

	const seal = async (index: number): Promise<Uint8Array<ArrayBuffer>> => {
		const start = index * SEALED_PLAIN_BYTES;
		const plain = await read(file.slice(start, start + SEALED_PLAIN_BYTES));
		const sealed = await sealChunk(key, index, index === count - 1, plain);
		if (!summed.has(index)) {
			sums.set(await sha256(sealed), index * SUM_BYTES);
			summed.add(index);
		}

		return sealed;
	};

	return {
		sizeBytes,
		async slice(start, end) {
			const parts: Uint8Array<ArrayBuffer>[] = [];
			for (let index = Math.floor(start / CHUNK_SIZE_BYTES); index * CHUNK_SIZE_BYTES < end; index++) {
				const firstByte = index * CHUNK_SIZE_BYTES;
				const chunk = await seal(index);
				parts.push(chunk.subarray(Math.max(0, start - firstByte), end - firstByte));
			}

			return new Blob(parts);
		},
		async chunksSha256() {
			for (let index = 0; index < count; index++) if (!summed.has(index)) await seal(index);
			return toHex(await sha256(sums));
		},
	};
};
