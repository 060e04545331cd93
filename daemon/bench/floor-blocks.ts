import {createCipheriv, createDecipheriv, createHash} from 'node:crypto';

/** The floor's block: as large as a chunk, and sealed as one. */
export const FLOOR_BLOCK_BYTES = 10 * 1024 * 1024;
export const FLOOR_TAG_BYTES = 16;

export type FloorBlock = {digest: string; sizeBytes: number; pieces: Buffer[]};

const nonceOf = (index: number): Buffer => {
	const nonce = Buffer.alloc(12);
	nonce.writeUInt32BE(index, 8);
	return nonce;
};

/** Seals one block in the pieces that it arrives in, and hashes what comes out while it is still in the cache. */
export const blockSealer = (key: Buffer, index: number) => {
	const cipher = createCipheriv('aes-256-gcm', key, nonceOf(index));
	const hash = createHash('sha256');
	const pieces: Buffer[] = [];
	let sizeBytes = 0;
	const keep = (sealed: Buffer): void => {
		hash.update(sealed);
		pieces.push(sealed);
		sizeBytes += sealed.length;
	};

	return {
		room: () => FLOOR_BLOCK_BYTES - sizeBytes,
		add: (piece: Buffer) => keep(cipher.update(piece)),
		finish: (): FloorBlock => {
			cipher.final();
			keep(cipher.getAuthTag());
			return {digest: hash.digest('hex'), sizeBytes, pieces};
		},
	};
};

/** Opens one block in the pieces that it arrives in. `finish` throws unless the block is what was sealed. */
export const blockOpener = (key: Buffer, index: number, sealedBytes: number) => {
	const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(index));
	const pieces: Buffer[] = [];
	const tag = Buffer.alloc(FLOOR_TAG_BYTES);
	const bodyBytes = sealedBytes - FLOOR_TAG_BYTES;
	let seen = 0;

	return {
		add: (piece: Buffer) => {
			const body = piece.subarray(0, Math.max(0, bodyBytes - seen));
			if (body.length > 0) {
				pieces.push(decipher.update(body));
			}

			piece.copy(tag, Math.max(0, seen - bodyBytes), body.length);
			seen += piece.length;
		},
		finish: (): Buffer[] => {
			decipher.setAuthTag(tag);
			decipher.final();
			return pieces;
		},
	};
};
