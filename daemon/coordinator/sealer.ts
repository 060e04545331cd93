import {createCipheriv, createDecipheriv, createHash, type Hash} from 'node:crypto';
import {setImmediate as yieldToEvents} from 'node:timers/promises';
import type {Digest} from '../../source/protocol/ids.js';
import {SEAL_TAG_BYTES, sealNonce} from '../../source/protocol/seal.js';

/**
The sealed-chunk format of `protocol/seal.ts` over node:crypto, in place. Pieces of 64 KiB stay in the processor's cache
between cipher and hash, which halves the cost of one call for 10 MiB. After four of them other work gets its turn: with a
MiB each, four uploads at full speed kept a short answer waiting half as long again.
*/
const PIECE_BYTES = 64 * 1024;
const TURN_BYTES = 4 * PIECE_BYTES;
/** To seal a piece costs as much as to copy so many bytes: shorter ones are copied to each other first. */
const ALONE_FROM_BYTES = 16 * 1024;
/** The most that may be opened while everything else waits. */
export const AT_ONCE_BYTES = 1024 * 1024;

export type ChunkPlace = {key: Uint8Array; index: number; isLast: boolean};

/** Calls `work` for each piece of so many bytes. What fits into one turn is done at once. */
const eachPiece = async (sizeBytes: number, work: (start: number, end: number) => void, from = 0): Promise<void> => {
	for (let start = from; start < sizeBytes; start += PIECE_BYTES) {
		if (start > from && (start - from) % TURN_BYTES === 0) await yieldToEvents();
		work(start, Math.min(start + PIECE_BYTES, sizeBytes));
	}
};

export type Sealed = {
	/** A view of the buffer. */
	sealed: Uint8Array;
	digest: Digest;
};

export type Sealer = {
	/**
	Takes the bytes that come next and seals them into the buffer, while they are still in the processor's cache: as of a
	chunk under the sealer's key that others follow. Where it sealed much, it resolves once others had their turn, and is
	to be given no more before.
	*/
	add: (plain: Uint8Array) => Promise<void> | undefined;
	/**
	Seals what lies plain in the buffer yet of `sizeBytes`. Where the chunk is another than it was taken for, all of it is
	sealed anew.
	*/
	finish: (sizeBytes: number, place: Pick<ChunkPlace, 'key' | 'isLast'>) => Promise<Sealed>;
};

const beginSealing = ({key, index, isLast}: ChunkPlace) => ({
	cipher: createCipheriv('aes-256-gcm', key, sealNonce(index, isLast)),
	hash: createHash('sha256'),
});

/**
Seals a chunk in its buffer, which has room for the tag behind it, as it comes.

Sealing anew is safe: what was sealed before under the same key and another nonce, or as much of it under the same nonce,
never left this process.

@param plainHash - Gets the plain bytes on the way.
@param filledBytes - How many plain bytes lie in the buffer already.
*/
export const createSealer = (
	buffer: Uint8Array,
	{key, index}: Pick<ChunkPlace, 'key' | 'index'>,
	{plainHash, filledBytes = 0}: {plainHash?: Hash; filledBytes?: number} = {},
): Sealer => {
	const guess: ChunkPlace = {key, index, isLast: false};
	let sealing: ReturnType<typeof beginSealing> | undefined;
	/** What is sealed of the buffer; up to `filledBytes` it is plain. */
	let aheadBytes = 0;
	let sinceTurnBytes = 0;

	const sealPiece = ({cipher, hash}: ReturnType<typeof beginSealing>, plain: Uint8Array, start: number) => {
		const piece = cipher.update(plain);
		buffer.set(piece, start);
		hash.update(piece);
	};

	const sealPlain = (into: ReturnType<typeof beginSealing>, plain: Uint8Array, start: number) => {
		plainHash?.update(plain);
		sealPiece(into, plain, start);
	};

	/** Seals a piece that comes next. */
	const sealAhead = (plain: Uint8Array) => {
		sealing ??= beginSealing(guess);
		sealPlain(sealing, plain, aheadBytes);
		aheadBytes += plain.length;
		sinceTurnBytes += plain.length;
	};

	const sealWaiting = () => {
		while (aheadBytes < filledBytes) {
			sealAhead(buffer.subarray(aheadBytes, Math.min(aheadBytes + PIECE_BYTES, filledBytes)));
		}
	};

	/** Seals a piece straight from where it is, but for short ones: they wait for each other. */
	const addPiece = (plain: Uint8Array) => {
		if (plain.length >= ALONE_FROM_BYTES) {
			sealWaiting();
			sealAhead(plain);
			filledBytes = aheadBytes;
			return;
		}

		buffer.set(plain, filledBytes);
		filledBytes += plain.length;
		if (filledBytes - aheadBytes >= ALONE_FROM_BYTES) sealWaiting();
	};

	/** Seals as another chunk what was sealed ahead, where something was. */
	const sealAnew = async (as: ChunkPlace) => {
		const anew = beginSealing(as);
		if (aheadBytes === 0) return anew;
		const decipher = createDecipheriv('aes-256-gcm', guess.key, sealNonce(index, guess.isLast));
		await eachPiece(aheadBytes, (start, end) => sealPiece(anew, decipher.update(buffer.subarray(start, end)), start));
		return anew;
	};

	return {
		add(plain) {
			for (let at = 0; at < plain.length; at += PIECE_BYTES) addPiece(plain.subarray(at, at + PIECE_BYTES));
			if (sinceTurnBytes < TURN_BYTES) return undefined;
			sinceTurnBytes = 0;
			return yieldToEvents();
		},
		async finish(sizeBytes, {key: finalKey, isLast}) {
			const isAsGuessed = finalKey === guess.key && isLast === guess.isLast;
			const place = {key: finalKey, index, isLast};
			const into = isAsGuessed ? (sealing ?? beginSealing(place)) : await sealAnew(place);
			await eachPiece(sizeBytes, (start, end) => sealPlain(into, buffer.subarray(start, end), start), aheadBytes);
			into.cipher.final();
			const tag = into.cipher.getAuthTag();
			buffer.set(tag, sizeBytes);
			const digest = into.hash.update(tag).digest('hex') as Digest;
			return {sealed: buffer.subarray(0, sizeBytes + SEAL_TAG_BYTES), digest};
		},
	};
};

export type Opener = {
	/** Opens what has come whole of the first `filledBytes`, while it is still in the processor's cache. */
	advance: (filledBytes: number) => void;
	/**
	Opens the rest, once all of it is there.

	@returns The plain chunk, a view of the same bytes, or `undefined` where they are not what was sealed (they are spoilt
	then).
	*/
	finish: () => Promise<Uint8Array | undefined>;
};

/** Opens sealed bytes in place piece by piece, in order, and then says whether they are what was sealed. */
const openPieces = (sealed: Uint8Array, {key, index, isLast}: ChunkPlace) => {
	const sizeBytes = sealed.length - SEAL_TAG_BYTES;
	const decipher = createDecipheriv('aes-256-gcm', key, sealNonce(index, isLast));
	const open = (start: number, end: number) => {
		sealed.set(decipher.update(sealed.subarray(start, end)), start);
	};
	const end = (): Uint8Array | undefined => {
		decipher.setAuthTag(sealed.subarray(sizeBytes));
		try {
			decipher.final();
		} catch {
			return undefined;
		}

		return sealed.subarray(0, sizeBytes);
	};

	return {sizeBytes, open, end};
};

/** Opens at most `AT_ONCE_BYTES` in place, while everything else waits; see `Opener.finish`. */
export const openAtOnce = (sealed: Uint8Array, place: ChunkPlace): Uint8Array | undefined => {
	const {sizeBytes, open, end} = openPieces(sealed, place);
	if (sizeBytes < 0) return undefined;
	open(0, sizeBytes);
	return end();
};

/** Opens sealed bytes in place, as they come. */
export const createOpener = (sealed: Uint8Array, place: ChunkPlace): Opener => {
	const {sizeBytes, open: openPiece, end} = openPieces(sealed, place);
	let openedBytes = 0;
	const open = (start: number, end: number) => {
		openPiece(start, end);
		openedBytes = end;
	};

	return {
		advance(filledBytes) {
			const wholeBytes = Math.min(filledBytes, sizeBytes);
			while (openedBytes + PIECE_BYTES <= wholeBytes) open(openedBytes, openedBytes + PIECE_BYTES);
		},
		async finish() {
			if (sizeBytes < 0) return undefined;
			await eachPiece(sizeBytes, open, openedBytes);
			return end();
		},
	};
};
