import {createCipheriv, createDecipheriv} from 'node:crypto';
import {open, readFile} from 'node:fs/promises';
import path from 'node:path';
import {PjasError} from '../../source/protocol/errors.js';
import type {FileId} from '../../source/protocol/ids.js';
import {SEAL_KEY_BYTES} from '../../source/protocol/seal.js';
import type {Random} from '../ports/clock.js';

/**
The network's master key wraps the key of every file. Wrapped: a random 12-byte nonce, the key under AES-256-GCM, the
16-byte tag, in base64; the file's id is authenticated with it, so that no file's key can stand in for another's.
*/
export type MasterKey = {
	wrap: (file: FileId, key: Uint8Array) => string;
	/** Throws `INTERNAL_ERROR` where the key was wrapped by another master key, or for another file. */
	unwrap: (file: FileId, wrapped: string) => Uint8Array;
};

export const MASTER_KEY_FILE = 'master.key';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const keyPattern = /^[0-9a-f]{64}$/i;

const associated = (file: FileId) => Buffer.from(`pjas file key 1 ${file}`);

export const masterKeyOf = (secret: Uint8Array, random: Random): MasterKey => ({
	wrap(file, key) {
		const nonce = random.bytes(NONCE_BYTES);
		const cipher = createCipheriv('aes-256-gcm', secret, nonce);
		cipher.setAAD(associated(file));
		return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]).toString('base64');
	},
	unwrap(file, wrapped) {
		try {
			const bytes = Buffer.from(wrapped, 'base64');
			const decipher = createDecipheriv('aes-256-gcm', secret, bytes.subarray(0, NONCE_BYTES));
			decipher.setAAD(associated(file));
			decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
			return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
		} catch (error) {
			const problem = "The file's key does not open with this network's master key; restore the right master.key";
			throw new PjasError('INTERNAL_ERROR', problem, {cause: error});
		}
	},
});

const parseKey = (text: string, source: string): Uint8Array => {
	const trimmed = text.trim();
	if (!keyPattern.test(trimmed)) {
		throw new PjasError('INVALID_CONFIGURATION', `${source} must be ${SEAL_KEY_BYTES * 2} hex digits`);
	}

	return Buffer.from(trimmed, 'hex');
};

const writeDurably = async (folder: string, text: string) => {
	const file = await open(path.join(folder, MASTER_KEY_FILE), 'wx', 0o600);
	try {
		await file.writeFile(text);
		await file.sync();
	} finally {
		await file.close();
	}

	const handle = await open(folder);
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
};

type LoadOptions = {
	folder: string;
	/** `PJAS_MASTER_KEY`, which stands above the file. */
	fromEnvironment: string | undefined;
	/** Whether there are files already, which another key could not open. */
	isNeeded: boolean;
	random: Random;
};

/**
The master key from the environment or from `master.key`; a new network draws one and writes it, mode 0600.

@throws {PjasError} `INVALID_CONFIGURATION` where it is malformed, or gone although files depend on it.
*/
export const loadMasterKey = async ({folder, fromEnvironment, isNeeded, random}: LoadOptions): Promise<MasterKey> => {
	if (fromEnvironment) {
		return masterKeyOf(parseKey(fromEnvironment, 'PJAS_MASTER_KEY'), random);
	}

	try {
		const text = await readFile(path.join(folder, MASTER_KEY_FILE), 'utf8');
		return masterKeyOf(parseKey(text, `${MASTER_KEY_FILE} in the data folder`), random);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
	}

	if (isNeeded) {
		const problem = `${MASTER_KEY_FILE} is gone from the data folder, and the stored files cannot be opened without it`;
		throw new PjasError('INVALID_CONFIGURATION', `${problem}: put it back, or restore a backup`);
	}

	const secret = random.bytes(SEAL_KEY_BYTES);
	await writeDurably(folder, `${Buffer.from(secret).toString('hex')}\n`);
	return masterKeyOf(secret, random);
};
