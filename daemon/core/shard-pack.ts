import {createHash} from 'node:crypto';
import type {Digest} from '../../source/protocol/ids.js';
import {batchBytes, type BatchedShard} from './shard-batch.js';

/**
Several small shards in one file of a node's folder, since a file for each costs the disk several times as much as its bytes.

The file is one part after the other. A part is a head and its shards' bytes, one after the other. Numbers are big-endian:

| bytes   | what                                                                     |
| ------- | ------------------------------------------------------------------------ |
| 8       | `PJASPACK`                                                               |
| 4       | how many shards the part has                                             |
| 36 each | a shard's digest, and in 4 bytes how long it is                          |
| 32      | the sum: the SHA-256 of the sum of the part before, and of all of these  |

In place of a part before, the first has the pack's id: 32 bytes drawn by chance, so that no two packs ever have the same name, which
is `<id>.pack` in hex. What was written is never changed: a pack only grows, by a part at a time. Which of its shards were removed stands in its name, as bits in hex, the lowest for the first shard:
`<id>.5.pack` has neither the first nor the third any more. So a removal is a change of name, which no crash leaves half done.
Of a crash while a part is added, only that part can be torn.
*/
export type PackedShard = BatchedShard & {
	/** Where in the file its bytes begin. */
	offset: number;
};

/** The shards of each part. */
export type PackParts = readonly (readonly BatchedShard[])[];

/** As many as there may be bits in a name. */
export const MOST_PACKED_SHARDS = 128;
export const MOST_PACK_BYTES = 8 * 1024 * 1024;
/** More than each shard adds to the head of a part, so that two of them pay for all of it. */
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
	const bits = [...removed].reduce((sum, place) => sum | (1n << BigInt(place)), 0n);
	return [id, ...(bits > 0n ? [bits.toString(16)] : []), 'pack'].join('.');
};

/** `undefined` where that is no pack's name. */
export const parsePackName = (name: string): PackName | undefined => {
	const [, id, text = '0'] = /^([\da-f]{64})(?:\.([1-9a-f][\da-f]{0,31}))?\.pack$/.exec(name) ?? [];
	if (id === undefined) return undefined;
	const bits = BigInt(`0x${text}`);
	const places = Array.from({length: MOST_PACKED_SHARDS}, (_, place) => place);
	return {id, removed: new Set(places.filter(place => ((bits >> BigInt(place)) & 1n) === 1n))};
};

const tableEnd = (count: number): number => MAGIC.length + COUNT_BYTES + count * (DIGEST_BYTES + SIZE_BYTES);

export const PACK_ID_BYTES = 32;

export const packHeadBytes = (count: number): number => tableEnd(count) + SUM_BYTES;

/** How long a pack of these parts is. */
export const packBytes = (parts: PackParts): number =>
	parts.reduce((sum, shards) => sum + packHeadBytes(shards.length) + batchBytes(shards), 0);

const sumOf = (before: string, table: Uint8Array): string =>
	createHash('sha256').update(before, 'hex').update(table).digest('hex');

/** The head of a part with these shards, and its sum; `before` is the sum of the part before, or the pack's id. */
export const packHead = (shards: readonly BatchedShard[], before: string): {sum: string; head: Buffer} => {
	const head = Buffer.alloc(packHeadBytes(shards.length));
	let at = MAGIC.copy(head);
	at = head.writeUInt32BE(shards.length, at);
	for (const {digest, sizeBytes} of shards) {
		at += head.write(digest, at, 'hex');
		at = head.writeUInt32BE(sizeBytes, at);
	}

	const sum = sumOf(before, head.subarray(0, at));
	head.write(sum, at, 'hex');
	return {sum, head};
};

/** The sum of the last of a pack's parts, which says what is in it. */
export const packSum = (id: string, parts: PackParts): string =>
	parts.reduce((before, shards) => packHead(shards, before).sum, id);

/** Where the shards of a pack stand in it. */
export const placedInPack = (parts: PackParts): PackedShard[][] => {
	let end = 0;
	return parts.map(shards => {
		end += packHeadBytes(shards.length);
		return shards.map(({digest, sizeBytes}) => ({digest, sizeBytes, offset: (end += sizeBytes) - sizeBytes}));
	});
};

/** Reads the head that these bytes begin with; `undefined` where that is none, or one that has been changed or moved. */
export const parsePackHead = (bytes: Uint8Array, before: string): {shards: BatchedShard[]; sum: string} | undefined => {
	const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	if (head.length < tableEnd(0) || !head.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
	const count = head.readUInt32BE(MAGIC.length);
	if (count > MOST_PACKED_SHARDS || head.length < packHeadBytes(count)) return undefined;
	const end = tableEnd(count);
	const sum = sumOf(before, head.subarray(0, end));
	if (sum !== head.toString('hex', end, end + SUM_BYTES)) return undefined;
	const shards = Array.from({length: count}, (_, index) => {
		const at = tableEnd(index);
		const digest = head.toString('hex', at, at + DIGEST_BYTES) as Digest;
		return {digest, sizeBytes: head.readUInt32BE(at + DIGEST_BYTES)};
	});
	return {shards, sum};
};

/** The longest head that there is. */
export const MOST_HEAD_BYTES = packHeadBytes(MOST_PACKED_SHARDS);

/** Before packs could grow, one had a single part, whose sum had nothing before it and was the id. */
const parseLoneHead = (bytes: Uint8Array, id: string) => {
	const part = parsePackHead(bytes, '');
	return part?.sum === id ? part : undefined;
};

/**
Reads the parts of the pack of this id. Yields where in the file the next head must stand, and is given the bytes from there
on, `MOST_HEAD_BYTES` or as many as there are. Ends at the first that is no head: there are no parts where that is the first.

@returns The parts, and the sum of the last.
*/
export function* readPackParts(id: string): Generator<number, {parts: BatchedShard[][]; sum: string}, Uint8Array> {
	const parts: BatchedShard[][] = [];
	for (let at = 0, sum = id, count = 0; ;) {
		const bytes = yield at;
		const part = parsePackHead(bytes, sum) ?? (at === 0 ? parseLoneHead(bytes, id) : undefined);
		count += part?.shards.length ?? 0;
		if (!part || count > MOST_PACKED_SHARDS) return {parts, sum};
		parts.push(part.shards);
		sum = part.sum;
		at += packBytes([part.shards]);
	}
}
