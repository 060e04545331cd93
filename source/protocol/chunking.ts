/** A chunk's size, but for the last of a file: 10 MiB. */
export const CHUNK_SIZE_BYTES = 10 * 1024 * 1024;

export type ChunkSpan = {index: number; startByte: number; endByte: number};

/** One chunk out of a stream. `bytes` lies in the buffer that `acquire` gave. */
export type Chunk<Buffer> = {index: number; isLast: boolean; sizeBytes: number; buffer: Buffer};

export const chunkCountOf = (sizeBytes: number): number => Math.ceil(sizeBytes / CHUNK_SIZE_BYTES);

/** The size in bytes of the chunk at `index` of a file of `sizeBytes`. */
export const chunkSizeOf = (sizeBytes: number, index: number): number =>
	Math.max(0, Math.min(CHUNK_SIZE_BYTES, sizeBytes - index * CHUNK_SIZE_BYTES));

/**
The chunks that the bytes `firstByte` to `lastByte` (both included) of a file touch, each with the part of it that is
wanted: from `startByte` up to, not including, `endByte`, counted from the chunk's first byte.
*/
export function* spansOf(
	firstByte: number,
	lastByte: number,
	chunkSizeBytes: number = CHUNK_SIZE_BYTES,
): Generator<ChunkSpan> {
	for (let offset = firstByte; offset <= lastByte;) {
		const index = Math.floor(offset / chunkSizeBytes);
		const chunkStart = index * chunkSizeBytes;
		const endByte = Math.min(chunkSizeBytes, lastByte + 1 - chunkStart);
		yield {index, startByte: offset - chunkStart, endByte};
		offset = chunkStart + endByte;
	}
}

/**
Cuts a stream into chunks, in order, filling a buffer for each. It looks one piece ahead, since a chunk is sealed
otherwise where it is the file's last. A stream without bytes has no chunk.

@param source - The bytes, in pieces of any size.
@param acquire - Gives the buffer for the chunk at `index`: `bytes` has room for a whole chunk, or for all that can still
come. While it waits, the source is not read. Whoever takes a chunk owns its buffer; a buffer whose chunk was not yielded
(the source failed) is given back through `release`. Its `add`, where it has one, puts each piece behind those before in place
of a copy, and may have the source wait.
*/
export async function* chunksOf<
	Buffer extends {
		bytes: Uint8Array;
		release: () => void;
		add?: ((piece: Uint8Array) => Promise<void> | undefined) | undefined;
	},
>(
	source: AsyncIterable<Uint8Array>,
	acquire: (index: number) => Promise<Buffer>,
	chunkSizeBytes: number = CHUNK_SIZE_BYTES,
): AsyncGenerator<Chunk<Buffer>> {
	let index = 0;
	let buffer: Buffer | undefined;
	let filled = 0;

	try {
		for await (const piece of source) {
			for (let taken = 0; taken < piece.length;) {
				if (buffer && filled === chunkSizeBytes) {
					const full = buffer;
					buffer = undefined;
					yield {index, isLast: false, sizeBytes: filled, buffer: full};
					index++;
					filled = 0;
				}

				buffer ??= await acquire(index);
				const part = piece.subarray(taken, taken + chunkSizeBytes - filled);
				const turn = buffer.add?.(part);
				if (!buffer.add) buffer.bytes.set(part, filled);
				filled += part.length;
				taken += part.length;
				if (turn) await turn;
			}
		}

		if (buffer) {
			const last = buffer;
			buffer = undefined;
			yield {index, isLast: true, sizeBytes: filled, buffer: last};
		}
	} finally {
		buffer?.release();
	}
}
