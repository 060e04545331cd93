import {z} from 'zod';
import {fromBase64url, toBase64url} from './base64url.js';
import {PjasError} from './errors.js';
import {FILE_KEY_BYTES} from './file-key.js';
import {fileIdPattern} from './ids.js';
import {MOST_KEYRING_LENGTH} from './keyring-limit.js';
import {importSealKey, SEAL_KEY_BYTES, SEAL_NONCE_BYTES, SEAL_TAG_BYTES} from './seal.js';

/**
The keyring: the keys of all files that an account sealed end to end, as the coordinator keeps it. The keys are sealed by a
random keyring key, and that by a key made of a passphrase by scrypt (RFC 7914), which is never sent. A new passphrase
seals only the keyring key anew. Both seals are AES-256-GCM: 12 random bytes of nonce, ciphertext, tag.
*/
export type FileKey = {key: Uint8Array<ArrayBuffer>; createdAt: number};

/** Draws so many random bytes. */
export type RandomBytes = (sizeBytes: number) => Uint8Array<ArrayBuffer>;

/** A keyring that is open. */
export type Keyring = {
	/** How a passphrase gives the keyring key. */
	lock: Lock;
	key: Uint8Array<ArrayBuffer>;
	/** By the file's id. */
	files: ReadonlyMap<string, FileKey>;
};

/** About half a second and 128 MiB of memory for each guess. */
export const KEYRING_KDF = {name: 'scrypt', N: 2 ** 17, r: 8, p: 1} as const;

const SALT_BYTES = 16;
const WRAPPED_BYTES = SEAL_NONCE_BYTES + SEAL_KEY_BYTES + SEAL_TAG_BYTES;
const labels = {wrap: 'pjas keyring 1: key', files: 'pjas keyring 1: files'} as const;

const base64urlOf = (sizeBytes: number) =>
	z.string().refine(text => fromBase64url(text)?.length === sizeBytes, {error: `no base64url of ${sizeBytes} bytes`});

const lockSchema = z.object({
	kdf: z.object({
		name: z.literal('scrypt'),
		// What a coordinator says must not make a client take all its memory.
		N: z
			.int()
			.min(2 ** 10)
			.max(2 ** 20)
			.refine(cost => Number.isInteger(Math.log2(cost))),
		r: z.int().min(1).max(8),
		p: z.int().min(1).max(4),
		salt: base64urlOf(SALT_BYTES),
	}),
	wrapped: base64urlOf(WRAPPED_BYTES),
});
type Lock = z.infer<typeof lockSchema>;
/** How a passphrase becomes a key. */
export type Kdf = Omit<Lock['kdf'], 'salt'>;

const blobSchema = lockSchema.extend({version: z.literal(1), sealed: z.string().max(MOST_KEYRING_LENGTH)});

const filesSchema = z.record(
	z.string().regex(fileIdPattern),
	z.object({key: base64urlOf(FILE_KEY_BYTES), created: z.int().nonnegative()}),
);

const corrupt = (cause?: unknown) =>
	new PjasError('KEYRING_CORRUPT', 'The keyring is not what was stored. Import the file that you exported', {cause});

const wrongPassphrase = (cause?: unknown) =>
	new PjasError('WRONG_PASSPHRASE', 'The passphrase is not that of the keyring. Try again', {cause});

const sealUnder = async (
	rawKey: Uint8Array<ArrayBuffer>,
	plain: Uint8Array<ArrayBuffer>,
	label: string,
	random: RandomBytes,
): Promise<string> => {
	const iv = random(SEAL_NONCE_BYTES);
	const algorithm = {name: 'AES-GCM', iv, additionalData: new TextEncoder().encode(label)};
	const sealed = new Uint8Array(await crypto.subtle.encrypt(algorithm, await importSealKey(rawKey), plain));
	const bytes = new Uint8Array(iv.length + sealed.length);
	bytes.set(iv);
	bytes.set(sealed, iv.length);
	return toBase64url(bytes);
};

const openUnder = async (rawKey: Uint8Array<ArrayBuffer>, text: string, label: string) => {
	const bytes = fromBase64url(text);
	if (!bytes) throw corrupt();
	const iv = bytes.subarray(0, SEAL_NONCE_BYTES);
	const algorithm = {name: 'AES-GCM', iv, additionalData: new TextEncoder().encode(label)};
	return crypto.subtle.decrypt(algorithm, await importSealKey(rawKey), bytes.subarray(SEAL_NONCE_BYTES));
};

/** The same passphrase may be typed in more than one way: as one character or as two, say. NFKC makes them one. */
const passphraseKey = async (passphrase: string, {N, r, p, salt}: Lock['kdf']): Promise<Uint8Array<ArrayBuffer>> => {
	const {scryptAsync} = await import('@noble/hashes/scrypt.js');
	const options = {N, r, p, dkLen: SEAL_KEY_BYTES, maxmem: 2 * 1024 ** 3};
	return Uint8Array.from(
		await scryptAsync(passphrase.normalize('NFKC'), fromBase64url(salt) ?? new Uint8Array(), options),
	);
};

type LockOptions = {random: RandomBytes; kdf?: Kdf | undefined};

const lockWith = async (
	key: Uint8Array<ArrayBuffer>,
	passphrase: string,
	{random, kdf: {name, N, r, p} = KEYRING_KDF}: LockOptions,
): Promise<Lock> => {
	const kdf = {name, N, r, p, salt: toBase64url(random(SALT_BYTES))};
	return {kdf, wrapped: await sealUnder(await passphraseKey(passphrase, kdf), key, labels.wrap, random)};
};

const parseBlob = (blob: string) => {
	try {
		return blobSchema.parse(JSON.parse(blob));
	} catch (error) {
		throw corrupt(error);
	}
};

const openFiles = async (key: Uint8Array<ArrayBuffer>, sealed: string): Promise<Map<string, FileKey>> => {
	try {
		const text = new TextDecoder().decode(await openUnder(key, sealed, labels.files));
		const entries = Object.entries(filesSchema.parse(JSON.parse(text)));
		return new Map(
			entries.map(([id, {key: text, created}]) => [
				id,
				{key: fromBase64url(text) ?? new Uint8Array(), createdAt: created},
			]),
		);
	} catch (error) {
		throw corrupt(error);
	}
};

/** A keyring without keys. */
export const makeKeyring = async (passphrase: string, options: LockOptions): Promise<Keyring> => {
	const key = options.random(SEAL_KEY_BYTES);
	return {lock: await lockWith(key, passphrase, options), key, files: new Map()};
};

/**
Opens a keyring as it is kept.

@throws {PjasError} `WRONG_PASSPHRASE`; `KEYRING_CORRUPT` where it is none, or was changed.
*/
export const unlockKeyring = async (blob: string, passphrase: string): Promise<Keyring> => {
	const {kdf, wrapped, sealed} = parseBlob(blob);
	let key: Uint8Array<ArrayBuffer>;
	const opener = await passphraseKey(passphrase, kdf);
	try {
		key = new Uint8Array(await openUnder(opener, wrapped, labels.wrap));
	} catch (error) {
		throw wrongPassphrase(error);
	}

	return {lock: {kdf, wrapped}, key, files: await openFiles(key, sealed)};
};

/** Opens a newer state of a keyring that is open: `undefined` where it is another keyring. Its passphrase may be new. */
export const unlockNewer = async (blob: string, {key}: Pick<Keyring, 'key'>): Promise<Keyring | undefined> => {
	const {kdf, wrapped, sealed} = parseBlob(blob);
	try {
		return {lock: {kdf, wrapped}, key, files: await openFiles(key, sealed)};
	} catch {
		return undefined;
	}
};

/**
A keyring as it is kept.

@throws {PjasError} `BODY_TOO_LARGE` where it holds too many keys.
*/
export const lockKeyring = async ({lock, key, files}: Keyring, random: RandomBytes): Promise<string> => {
	const entries = [...files].map(([id, file]) => [id, {key: toBase64url(file.key), created: file.createdAt}]);
	const plain = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
	const blob = JSON.stringify({version: 1, ...lock, sealed: await sealUnder(key, plain, labels.files, random)});
	if (blob.length <= MOST_KEYRING_LENGTH) return blob;
	throw new PjasError('BODY_TOO_LARGE', `The keyring is full: ${files.size} keys are too many`);
};

/** The same keyring under another passphrase. */
export const relockKeyring = async (keyring: Keyring, passphrase: string, options: LockOptions): Promise<Keyring> => ({
	...keyring,
	lock: await lockWith(keyring.key, passphrase, options),
});
