import {createHash} from 'node:crypto';
import type {Digest} from '../../source/protocol/ids.js';
import type {BatchedShard} from './shard-batch.js';

/**
Several small shards in one file of a node's folder, since a file for each costs the disk several times as much as its bytes.

The file is a head and the shards' bytes, one after the other. Numbers are big-endian:

| bytes   | what                                            |
| ------- | ----------------------------------------------- |
| 8       | `PJASPACK`                                      |
| 4       | how many shards there are                       |
| 36 each | a shard's digest, and in 4 bytes how long it is |
| 32      | the SHA-256 of all that stands before           |

That SHA-256 in hex is the pack's id, and its name is `<id>.pack`. The file is never changed. Which of its shards were removed
stands in its name, as bits in hex, the lowest for the first shard: `<id>.5.pack` has neither the first nor the third any more. So
a folder's listing says all that can change, and a removal is a change of name, which no crash leaves half done.
*/
export type PackedShard = BatchedShard & {
	/** Where in the file its bytes begin. */
	offset: number;
};

/** As many as there are bits in a name. */
export const MOST_PACKED_SHARDS = 32;
export const MOST_PACK_BYTES = 2 * 1024 * 1024;
/** More than each shard adds to the head of a pack, so that two of them pay for all of it. */
export const PACKED_SHARD_OVERHEAD_BYTES = 64;

const MAGIC = Buffer.from('PJASPACK');
const COUNT_BYTES = 4;
const DIGEST_BYTES = 32;
const SIZE_BYTES = 4;
const SUM_BYTES = 32;

/** A pack's name, taken apart. */
export type PackName = {
	id: string;
	/** The places of those that were removed. */
	removed: ReadonlySet<number>;
};

export const packName = ({id, removed}: PackName): string => {
	const bits = [...removed].reduce((sum, place) => sum + 2 ** place, 0);
	return [id, ...(bits > 0 ? [bits.toString(16)] : []), 'pack'].join('.');
};

/** `undefined` where that is no pack's name. */
export const parsePackName = (name: string): PackName | undefined => {
	const [, id, text = '0'] = /^([\da-f]{64})(?:\.([1-9a-f][\da-f]{0,7}))?\.pack$/.exec(name) ?? [];
	if (id === undefined) return undefined;
	const bits = parseInt(text, 16);
	const places = Array.from({length: MOST_PACKED_SHARDS}, (_, place) => place);
	return {id, removed: new Set(places.filter(place => Math.floor(bits / 2 ** place) % 2 === 1))};
};

const tableEnd = (count: number): number => MAGIC.length + COUNT_BYTES + count * (DIGEST_BYTES + SIZE_BYTES);

export const packHeadBytes = (count: number): number => tableEnd(count) + SUM_BYTES;

const sumOf = (table: Uint8Array): Buffer => createHash('sha256').update(table).digest();

/** The head of a pack that keeps these shards, and its id. */
export const packHead = (shards: readonly BatchedShard[]): {id: string; head: Buffer} => {
	const head = Buffer.alloc(packHeadBytes(shards.length));
	let at = MAGIC.copy(head);
	at = head.writeUInt32BE(shards.length, at);
	for (const {digest, sizeBytes} of shards) {
		at += head.write(digest, at, 'hex');
		at = head.writeUInt32BE(sizeBytes, at);
	}

	const sum = sumOf(head.subarray(0, at));
	sum.copy(head, at);
	return {id: sum.toString('hex'), head};
};

/** Where the shards of a pack stand in it. */
export const placedInPack = (shards: readonly BatchedShard[]): PackedShard[] => {
	let end = packHeadBytes(shards.length);
	return shards.map(({digest, sizeBytes}) => ({digest, sizeBytes, offset: (end += sizeBytes) - sizeBytes}));
};

/** Reads the head of the pack of this id out of its first bytes; `undefined` where that is none, or one that has been changed. */
export const parsePackHead = (id: string, bytes: Uint8Array): BatchedShard[] | undefined => {
	const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	if (head.length < tableEnd(0) || !head.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
	const count = head.readUInt32BE(MAGIC.length);
	if (count > MOST_PACKED_SHARDS || head.length < packHeadBytes(count)) return undefined;
	const end = tableEnd(count);
	const sum = sumOf(head.subarray(0, end));
	if (sum.toString('hex') !== id || !sum.equals(head.subarray(end, end + SUM_BYTES))) return undefined;
	return Array.from({length: count}, (_, index) => {
		const at = tableEnd(index);
		const digest = head.toString('hex', at, at + DIGEST_BYTES) as Digest;
		return {digest, sizeBytes: head.readUInt32BE(at + DIGEST_BYTES)};
	});
};
