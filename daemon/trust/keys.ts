import {
	createHash,
	createPrivateKey,
	createPublicKey,
	diffieHellman,
	hkdfSync,
	type KeyObject,
	timingSafeEqual,
} from 'node:crypto';
import {z} from 'zod';

/**
A party's two keys: Ed25519 to sign, X25519 to agree on a secret with one other party. They are kept and sent as the 32
bytes that RFC 8032 and RFC 7748 name, in base64url.
*/
export type KeyTexts = {signing: string; exchange: string};

const keyText = z.string().regex(/^[\w-]{43}$/);

/** Secret or public keys, as they stand in files and in bodies. */
export const keyTextsSchema = z.object({signing: keyText, exchange: keyText});

/** Both halves of a party's keys, ready for use. */
export type KeyPairs = {secret: KeyTexts; public: KeyTexts; signing: KeyObject; exchange: KeyObject};

/** 16 bytes of SHA-256 over a party's public keys, in base64url: who it is, in 22 characters. */
export type Fingerprint = string;

export const FINGERPRINT_BYTES = 16;

const SECRET_BYTES = 32;

/** What stands before the 32 bytes of a key in its DER form (RFC 8410). */
const derPrefixes = {
	signing: {secret: '302e020100300506032b657004220420', public: '302a300506032b6570032100'},
	exchange: {secret: '302e020100300506032b656e04220420', public: '302a300506032b656e032100'},
};

const derOf = (use: keyof KeyTexts, half: 'secret' | 'public', text: string): Buffer =>
	Buffer.concat([Buffer.from(derPrefixes[use][half], 'hex'), Buffer.from(text, 'base64url')]);

const openSecret = (use: keyof KeyTexts, text: string): KeyObject =>
	createPrivateKey({key: derOf(use, 'secret', text), format: 'der', type: 'pkcs8'});

const publicTextOf = (key: KeyObject): string =>
	createPublicKey(key).export({format: 'der', type: 'spki'}).subarray(-SECRET_BYTES).toString('base64url');

/** Throws where the text is no key, which its schema does not show. */
export const openPublicKey = (use: keyof KeyTexts, text: string): KeyObject =>
	createPublicKey({key: derOf(use, 'public', text), format: 'der', type: 'spki'});

export const drawKeys = (randomBytes: (count: number) => Uint8Array): KeyTexts => ({
	signing: Buffer.from(randomBytes(SECRET_BYTES)).toString('base64url'),
	exchange: Buffer.from(randomBytes(SECRET_BYTES)).toString('base64url'),
});

export const openKeys = (secret: KeyTexts): KeyPairs => {
	const signing = openSecret('signing', secret.signing);
	const exchange = openSecret('exchange', secret.exchange);
	return {secret, public: {signing: publicTextOf(signing), exchange: publicTextOf(exchange)}, signing, exchange};
};

export const fingerprintOf = ({signing, exchange}: KeyTexts): Fingerprint =>
	createHash('sha256')
		.update(`pjas keys 1 ${signing} ${exchange}`)
		.digest()
		.subarray(0, FINGERPRINT_BYTES)
		.toString('base64url');

/**
The secret that only two parties know, for one purpose. Throws where the other's key is one of those that agree on the same
secret with everybody.
*/
export const sharedSecret = (own: KeyObject, other: string, purpose: string): Buffer => {
	const agreed = diffieHellman({privateKey: own, publicKey: openPublicKey('exchange', other)});
	return Buffer.from(hkdfSync('sha256', agreed, '', purpose, SECRET_BYTES));
};

/** Compares without telling by its time how much of it was right. */
export const isSameText = (a: string, b: string): boolean =>
	a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
