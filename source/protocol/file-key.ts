import type {SealKey} from './seal.js';

/**
What seals a file end to end: 256 random bits that the client draws and never sends. Content and details are sealed under
keys of their own, made of it by HKDF (RFC 5869) with SHA-256, no salt and these labels: so a nonce of one says nothing
of the other.
*/
export const FILE_KEY_BYTES = 32;

export type FileKeys = {content: SealKey; details: SealKey};

const labels = {content: 'pjas end to end 1: content', details: 'pjas end to end 1: details'} as const;

export const fileKeysOf = async (fileKey: Uint8Array<ArrayBuffer>): Promise<FileKeys> => {
	if (fileKey.length !== FILE_KEY_BYTES) throw new RangeError(`A file key has ${FILE_KEY_BYTES} bytes`);
	const base = await crypto.subtle.importKey('raw', fileKey, 'HKDF', false, ['deriveKey']);
	const derive = async (label: string): Promise<SealKey> =>
		crypto.subtle.deriveKey(
			{name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info: new TextEncoder().encode(label)},
			base,
			{name: 'AES-GCM', length: 256},
			false,
			['encrypt', 'decrypt'],
		);
	return {content: await derive(labels.content), details: await derive(labels.details)};
};
