import {z} from 'zod';
import {fromBase64url, toBase64url} from './base64url.js';
import {PjasError} from './errors.js';
import {SEAL_NONCE_BYTES, SEAL_TAG_BYTES, type SealKey} from './seal.js';

/**
What a file that is sealed end to end is called and what it is: JSON, padded with spaces so that its length does not
tell that of the name, sealed with AES-256-GCM under the file's key for details. Sent and kept as base64url of the nonce
(12 random bytes), the ciphertext and the tag.
*/
export const sealedDetailsSchema = z.object({
	name: z.string().max(1024),
	type: z.string().max(200),
	/** Of the content; absent where it was not known when the sealing began. */
	size: z.number().int().nonnegative().optional(),
});
export type SealedDetails = z.infer<typeof sealedDetailsSchema>;

/** What the coordinator sees as the name and the type of every such file. */
export const SEALED_NAME = 'sealed';
export const SEALED_TYPE = 'application/octet-stream';

const PADDED_TO_BYTES = 256;
const MOST_DETAILS_BYTES = 8192;
/** Of the nonce, the longest details and the tag, in base64url. */
export const MOST_DETAILS_LENGTH = Math.ceil(((SEAL_NONCE_BYTES + MOST_DETAILS_BYTES + SEAL_TAG_BYTES) * 4) / 3);

/** How a file is sealed end to end, as it is sent, kept and shown. */
export const e2eSchema = z.object({
	version: z.literal(1),
	details: z
		.string()
		.min(1)
		.max(MOST_DETAILS_LENGTH)
		.regex(/^[\w-]+$/)
		.meta({description: 'Name, type and size, sealed by the client; base64url'}),
});
export type E2e = z.infer<typeof e2eSchema>;

const broken = (cause?: unknown) =>
	new PjasError('SEAL_BROKEN', "The file's name is not what was sealed with it. Don't trust who keeps it", {cause});

const padded = (details: SealedDetails): Uint8Array<ArrayBuffer> => {
	const text = new TextEncoder().encode(JSON.stringify(sealedDetailsSchema.parse(details)));
	if (text.length > MOST_DETAILS_BYTES) {
		throw new PjasError('INVALID_REQUEST', "The file's name is too long to be sealed. Shorten it");
	}

	const bytes = new Uint8Array(Math.ceil(text.length / PADDED_TO_BYTES) * PADDED_TO_BYTES).fill(0x20);
	bytes.set(text);
	return bytes;
};

/**
@param nonce - 12 random bytes.
@throws {PjasError} `INVALID_REQUEST` where the name is too long.
*/
export const sealDetails = async (
	key: SealKey,
	details: SealedDetails,
	nonce: Uint8Array<ArrayBuffer>,
): Promise<E2e> => {
	const sealed = new Uint8Array(await crypto.subtle.encrypt({name: 'AES-GCM', iv: nonce}, key, padded(details)));
	const bytes = new Uint8Array(nonce.length + sealed.length);
	bytes.set(nonce);
	bytes.set(sealed, nonce.length);
	return {version: 1, details: toBase64url(bytes)};
};

/** @throws {PjasError} `SEAL_BROKEN` where they are not what was sealed under this key. */
export const openDetails = async (key: SealKey, {details}: E2e): Promise<SealedDetails> => {
	const bytes = fromBase64url(details);
	if (!bytes || bytes.length < SEAL_NONCE_BYTES + SEAL_TAG_BYTES) throw broken();
	const iv = bytes.subarray(0, SEAL_NONCE_BYTES);
	try {
		const plain = await crypto.subtle.decrypt({name: 'AES-GCM', iv}, key, bytes.subarray(SEAL_NONCE_BYTES));
		return sealedDetailsSchema.parse(JSON.parse(new TextDecoder('utf-8', {fatal: true}).decode(plain)));
	} catch (error) {
		throw broken(error);
	}
};
