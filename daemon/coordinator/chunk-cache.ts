import type {ChunkId} from '../../source/protocol/ids.js';
import type {Lease} from './memory-budget.js';
import {AT_ONCE_BYTES, type ChunkPlace, openAtOnce} from './sealer.js';

/** A chunk that was read and authenticated. `bytes` lies in a lent buffer until `release`. */
export type PlainChunk = {bytes: Uint8Array; release: () => void};

/** One that was read into a buffer of so many bytes. */
export type ReadChunk = PlainChunk & {bufferBytes: number};

/**
Small chunks that were just written or read, kept in what nobody else needs of the memory: what is uploaded is often looked
at next, and what one person opens, others open too.
*/
export type ChunkCache = {
	/** A chunk that is kept. Whoever takes it releases it. */
	take: (id: ChunkId, place: ChunkPlace) => PlainChunk | undefined;
	/** Keeps a chunk as it was sealed, a view of the lease's buffer, until somebody reads it. Owns the lease. */
	keepSealed: (id: ChunkId, sealed: Uint8Array, lease: Pick<Lease, 'bytes' | 'release'>) => void;
	/** Keeps a chunk that somebody reads. Gives what they release in its place. */
	keepPlain: (id: ChunkId, chunk: ReadChunk) => PlainChunk;
	/** Gives back at least so many bytes, where it has them: what was not read for the longest time first. */
	giveBack: (sizeBytes: number) => void;
	usedBytes: () => number;
};

type Entry = {
	bytes: Uint8Array;
	isSealed: boolean;
	/** Of the whole buffer, which may be more than the chunk. */
	sizeBytes: number;
	release: () => void;
	readers: number;
	isKept: boolean;
};

/** Larger ones take turns with other work to be opened, and a few of them would push out all others. */
const MOST_CHUNK_BYTES = AT_ONCE_BYTES;

/**
@param isShort - Whether somebody waits for memory: then nothing is kept, since only what is released is given on.
*/
export const createChunkCache = (limitBytes: number, isShort: () => boolean = () => false): ChunkCache => {
	/** The one that was read last stands last. */
	const entries = new Map<ChunkId, Entry>();
	let usedBytes = 0;

	/** @returns What is free by it now; a chunk that is being read is free when that ends. */
	const drop = (id: ChunkId, entry: Entry): number => {
		entries.delete(id);
		usedBytes -= entry.sizeBytes;
		entry.isKept = false;
		if (entry.readers > 0) return 0;
		entry.release();
		return entry.sizeBytes;
	};

	const shrink = (isEnough: (freedBytes: number) => boolean) => {
		let freedBytes = 0;
		for (const [id, entry] of entries) {
			if (isEnough(freedBytes)) return;
			freedBytes += drop(id, entry);
		}
	};

	const keep = (id: ChunkId, entry: Entry) => {
		entries.set(id, entry);
		usedBytes += entry.sizeBytes;
		shrink(() => usedBytes <= limitBytes);
	};

	const isWelcome = (id: ChunkId, sizeBytes: number) =>
		sizeBytes <= Math.min(MOST_CHUNK_BYTES, limitBytes) && !entries.has(id) && !isShort();

	const lendOut = (entry: Entry): PlainChunk => {
		entry.readers++;
		let isOut = true;
		return {
			bytes: entry.bytes,
			release() {
				if (!isOut) return;
				isOut = false;
				entry.readers--;
				if (entry.readers === 0 && !entry.isKept) entry.release();
			},
		};
	};

	return {
		take(id, place) {
			const entry = entries.get(id);
			if (!entry) return undefined;
			if (entry.isSealed) {
				const plain = openAtOnce(entry.bytes, place);
				if (!plain) {
					drop(id, entry);
					return undefined;
				}

				entry.bytes = plain;
				entry.isSealed = false;
			}

			entries.delete(id);
			entries.set(id, entry);
			return lendOut(entry);
		},
		keepSealed(id, sealed, lease) {
			const sizeBytes = lease.bytes.length;
			const {release} = lease;
			if (isWelcome(id, sizeBytes))
				keep(id, {bytes: sealed, isSealed: true, sizeBytes, release, readers: 0, isKept: true});
			else release();
		},
		keepPlain(id, {bytes, release, bufferBytes: sizeBytes}) {
			if (!isWelcome(id, sizeBytes)) return {bytes, release};
			const entry = {bytes, isSealed: false, sizeBytes, release, readers: 0, isKept: true};
			const lent = lendOut(entry);
			keep(id, entry);
			return lent;
		},
		giveBack: sizeBytes => shrink(freedBytes => freedBytes >= sizeBytes),
		usedBytes: () => usedBytes,
	};
};
