import {chunkCountOf, chunkSizeOf, CHUNK_SIZE_BYTES, chunksOf} from './chunking.js';
import {isPjasError, PjasError} from './errors.js';
import {openChunk, SEAL_TAG_BYTES, sealChunk, type SealKey} from './seal.js';

/**
The content of a file that is sealed end to end: chunks of `seal.ts` one behind the other, each as large as one chunk of
the coordinator's when it is sealed. A file of 0 bytes is one sealed chunk of nothing, so that nobody can take all bytes
of a file away unnoticed.
*/
export const SEALED_PLAIN_BYTES = CHUNK_SIZE_BYTES - SEAL_TAG_BYTES;

const broken = (problem: string, cause?: unknown) =>
	new PjasError('SEAL_BROKEN', `The file is not what was sealed: ${problem}. Don't trust who keeps it`, {cause});

/** How large content of so many bytes is once it is sealed. */
export const sealedSizeOf = (plainBytes: number): number =>
	plainBytes + SEAL_TAG_BYTES * Math.max(1, Math.ceil(plainBytes / SEALED_PLAIN_BYTES));

/** The other way round; `undefined` where no sealed content is that large. */
export const openedSizeOf = (sealedBytes: number): number | undefined => {
	const plainBytes = sealedBytes - SEAL_TAG_BYTES * chunkCountOf(sealedBytes);
	return plainBytes >= 0 && sealedSizeOf(plainBytes) === sealedBytes ? plainBytes : undefined;
};

/** Where the chunk that holds a byte of the content begins, in the content and sealed. */
export const chunkWith = (plainByte: number): {index: number; plainByte: number; sealedByte: number} => {
	const index = Math.floor(plainByte / SEALED_PLAIN_BYTES);
	return {index, plainByte: index * SEALED_PLAIN_BYTES, sealedByte: index * CHUNK_SIZE_BYTES};
};

/**
Seals content as it comes, a chunk at a time: about two chunks are in memory.

@param atMostBytes - The most that can come, where that is known: less content takes smaller buffers.
*/
export async function* sealContent(
	key: SealKey,
	source: AsyncIterable<Uint8Array>,
	{atMostBytes = SEALED_PLAIN_BYTES}: {atMostBytes?: number} = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
	const bytes = new Uint8Array(Math.min(SEALED_PLAIN_BYTES, atMostBytes));
	// A chunk is sealed before the next one is asked for, so that one buffer serves all.
	const acquire = async () => Promise.resolve({bytes, release: () => undefined});
	let isEmpty = true;
	for await (const {index, isLast, sizeBytes} of chunksOf(source, acquire, SEALED_PLAIN_BYTES)) {
		isEmpty = false;
		yield await sealChunk(key, index, isLast, bytes.subarray(0, sizeBytes));
	}

	if (isEmpty) yield await sealChunk(key, 0, true, new Uint8Array(0));
}

const openPart: typeof openChunk = async (key, index, isLast, sealed) => {
	try {
		return await openChunk(key, index, isLast, sealed);
	} catch (error) {
		throw isPjasError(error, 'SHARD_CORRUPT') ? broken(`chunk ${index} is another one`, error) : error;
	}
};

/**
Opens sealed content from the beginning of a chunk to the end, a chunk at a time; none comes out before it is known to be
right. About two chunks are in memory.

@param about - How large the whole of it is, sealed, and which chunk comes first.
@throws {PjasError} `SEAL_BROKEN` where it was changed, cut short, put together anew or made longer.
*/
export async function* openContent(
	key: SealKey,
	source: AsyncIterable<Uint8Array>,
	{sealedBytes, fromIndex = 0}: {sealedBytes: number; fromIndex?: number},
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
	if (openedSizeOf(sealedBytes) === undefined) throw broken(`nothing sealed has ${sealedBytes} bytes`);
	const count = chunkCountOf(sealedBytes);
	const bytes = new Uint8Array(Math.min(CHUNK_SIZE_BYTES, sealedBytes));
	const acquire = async () => Promise.resolve({bytes, release: () => undefined});
	let next = fromIndex;
	for await (const {sizeBytes} of chunksOf(source, acquire)) {
		if (sizeBytes !== chunkSizeOf(sealedBytes, next)) throw broken(`chunk ${next} has ${sizeBytes} bytes`);
		yield await openPart(key, next, next === count - 1, bytes.subarray(0, sizeBytes));
		next++;
	}

	if (next !== count) throw broken(`it ends after ${next} of ${count} chunks`);
}
