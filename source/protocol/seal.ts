import {PjasError} from './errors.js';

/**
The sealed-chunk format: AES-256-GCM with a random key per file. The nonce is the chunk's index as an 11-byte big-endian
counter and one byte that is 1 for the file's last chunk: the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár
2015), as age uses it (https://age-encryption.org/v1). So a chunk cannot be moved, repeated, or dropped from the end
without notice. Stored: ciphertext, then the 16-byte tag.

This module is the format itself, over Web Crypto, for Node and browsers. The coordinator seals the same bytes with
node:crypto, in place.
*/
export const SEAL_TAG_BYTES = 16;
export const SEAL_KEY_BYTES = 32;
export const SEAL_NONCE_BYTES = 12;

/** Web Crypto's key object, by whatever name the platform's types have it. */
export type SealKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

const counterBytes = SEAL_NONCE_BYTES - 1;

/** The nonce for a chunk. `index` is the chunk's place in its file, from 0. */
export const sealNonce = (index: number, isLast: boolean): Uint8Array<ArrayBuffer> => {
	if (!Number.isSafeInteger(index) || index < 0) {
		throw new RangeError(`A chunk's index is a whole number from 0, not ${index}`);
	}

	const nonce = new Uint8Array(SEAL_NONCE_BYTES);
	let rest = index;
	for (let at = counterBytes - 1; rest > 0; at--) {
		nonce[at] = rest % 256;
		rest = Math.floor(rest / 256);
	}

	nonce[counterBytes] = isLast ? 1 : 0;
	return nonce;
};

export const importSealKey = async (key: Uint8Array<ArrayBuffer>): Promise<SealKey> =>
	crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt']);

/** Seals a chunk: returns its ciphertext and tag. */
export const sealChunk = async (
	key: SealKey,
	index: number,
	isLast: boolean,
	plaintext: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> =>
	new Uint8Array(await crypto.subtle.encrypt({name: 'AES-GCM', iv: sealNonce(index, isLast)}, key, plaintext));

/**
Opens a sealed chunk.

@throws {PjasError} `SHARD_CORRUPT` where it is not what was sealed under this key, index and end mark.
*/
export const openChunk = async (
	key: SealKey,
	index: number,
	isLast: boolean,
	sealed: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> => {
	try {
		return new Uint8Array(await crypto.subtle.decrypt({name: 'AES-GCM', iv: sealNonce(index, isLast)}, key, sealed));
	} catch (error) {
		throw new PjasError('SHARD_CORRUPT', `Chunk ${index} is not what was sealed`, {cause: error});
	}
};
