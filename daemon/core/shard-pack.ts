import {createHash} from 'node:crypto';
import type {Digest} from '../../source/protocol/ids.js';
import type {BatchedShard} from './shard-batch.js';

/**
Several small shards in one file of a node's folder, since a file for each costs the disk several times as much as its bytes.

The file is a head and the shards' bytes, one after the other. All numbers are big-endian:

| bytes    | what                                                        |
| -------- | ----------------------------------------------------------- |
| 8        | `PJASPACK`                                                  |
| 4        | how many shards there are                                   |
| 36 each  | a shard's digest, and in 4 bytes how long it is             |
| 32       | the SHA-256 of all that stands before                       |
| 1 each   | 0 where the shard is kept, anything else once it was removed |

Only those last bytes are ever changed in place, one at a time, so that no crash leaves a head that can't be read.
*/
export type PackedShard = BatchedShard & {
	/** Where in the file its bytes begin. */
	offset: number;
	isRemoved: boolean;
};

export const MOST_PACKED_SHARDS = 32;
export const MOST_PACK_BYTES = 2 * 1024 * 1024;
/** More than each shard adds to the head of a pack, so that two of them pay for all of it. */
export const PACKED_SHARD_OVERHEAD_BYTES = 64;

/** What stands in a removed shard's last byte of the head. */
export const REMOVED = Uint8Array.of(1);

const MAGIC = Buffer.from('PJASPACK');
const COUNT_BYTES = 4;
const DIGEST_BYTES = 32;
const SIZE_BYTES = 4;
const SUM_BYTES = 32;

const tableEnd = (count: number): number => MAGIC.length + COUNT_BYTES + count * (DIGEST_BYTES + SIZE_BYTES);

/** Where the byte stands that says whether a shard was removed. */
export const removedAt = (count: number, index: number): number => tableEnd(count) + SUM_BYTES + index;

export const packHeadBytes = (count: number): number => removedAt(count, count);

const sumOf = (table: Uint8Array): Buffer => createHash('sha256').update(table).digest();

/** The head of a pack that keeps these shards. */
export const packHead = (shards: readonly BatchedShard[]): Buffer => {
	const head = Buffer.alloc(packHeadBytes(shards.length));
	let at = MAGIC.copy(head);
	at = head.writeUInt32BE(shards.length, at);
	for (const {digest, sizeBytes} of shards) {
		at += head.write(digest, at, 'hex');
		at = head.writeUInt32BE(sizeBytes, at);
	}

	sumOf(head.subarray(0, at)).copy(head, at);
	return head;
};

/** Reads a head out of the beginning of a pack; `undefined` where that is none, or one that has been changed. */
export const parsePackHead = (bytes: Uint8Array): PackedShard[] | undefined => {
	const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	if (head.length < tableEnd(0) || !head.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
	const count = head.readUInt32BE(MAGIC.length);
	if (count > MOST_PACKED_SHARDS || head.length < packHeadBytes(count)) return undefined;
	const end = tableEnd(count);
	if (!sumOf(head.subarray(0, end)).equals(head.subarray(end, end + SUM_BYTES))) return undefined;

	let offset = packHeadBytes(count);
	return Array.from({length: count}, (_, index) => {
		const at = tableEnd(index);
		const sizeBytes = head.readUInt32BE(at + DIGEST_BYTES);
		const shard: PackedShard = {
			digest: head.toString('hex', at, at + DIGEST_BYTES) as Digest,
			sizeBytes,
			offset,
			isRemoved: head[removedAt(count, index)] !== 0,
		};
		offset += sizeBytes;
		return shard;
	});
};
