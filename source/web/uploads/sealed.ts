import type {HttpResponse} from 'tus-js-client';
import type {Vault} from '../../client/vault.js';
import {deletedSchema} from '../../protocol/api.js';
import {CHUNK_SIZE_BYTES} from '../../protocol/chunking.js';
import {FILE_KEY_BYTES, fileKeysOf} from '../../protocol/file-key.js';
import {parseFileId} from '../../protocol/ids.js';
import {SEAL_NONCE_BYTES, SEAL_TAG_BYTES} from '../../protocol/seal.js';
import {SEALED_NAME, SEALED_TYPE, sealDetails} from '../../protocol/sealed-details.js';
import {UPLOADED_HEADER, uploadedHeaderSchema} from '../../protocol/uploads-api.js';
import {ApiError, call} from '../api.js';
import {keyring} from '../sealing.js';
import {randomBytes} from '../sealed/random.js';
import {type SealedSource, sealedSource} from '../sealed/sealed-source.js';
import {fingerprintOf, forgetLeftover, type Leftover, leftoverOf} from './leftovers.js';
import type {Send, Sending} from './sending.js';
import {isGone, sendByTus} from './tus.js';

/** What a request sends is sealed before, and so is in memory. */
const REQUEST_BYTES = 2 * CHUNK_SIZE_BYTES;

const idOf = (address: string): string => {
	const id = parseFileId(address.split('/').at(-1));
	if (id !== undefined) return id;
	throw new ApiError('NO_ANSWER', 'The storage network gave the upload no name that this page understands.');
};

/** How much of the content went out with so many sealed bytes. */
const contentIn = (sealedBytes: number, {size}: File): number =>
	Math.min(size, Math.max(0, sealedBytes - SEAL_TAG_BYTES * Math.ceil(sealedBytes / CHUNK_SIZE_BYTES)));

/**
What the coordinator stored is compared with what was sealed here, also with what was sent on an earlier day: a file that
was changed since would open nowhere, and is taken away again.
*/
const verify = async (answer: HttpResponse, id: string, source: SealedSource): Promise<void> => {
	const stored = uploadedHeaderSchema.safeParse(JSON.parse(answer.getHeader(UPLOADED_HEADER) ?? '{}'));
	const digest = await source.chunksSha256();
	if (stored.success && stored.data.size === source.sizeBytes && stored.data.chunks_sha256 === digest) return;
	await call('deleteFile', deletedSchema, {id, query: {forever: 'true'}});
	const problem = 'What the storage network has is not what was sealed here, and was removed there. It is sent again.';
	throw new ApiError('CHECKSUM_MISMATCH', problem);
};

type Sealing = Sending & {vault: Vault; key: Uint8Array<ArrayBuffer>; previous: Leftover | undefined};

const sendWith = async (sending: Sealing): Promise<void> => {
	const {file, name, onSent, signal, vault, key, previous} = sending;
	const {content, details} = await fileKeysOf(key);
	const about = {name, type: file.type, size: file.size};
	const e2e = await sealDetails(details, about, randomBytes(SEAL_NONCE_BYTES));
	const source = sealedSource(file, content);
	let id = previous && idOf(previous.address);
	// Nothing goes out before its key is kept: nobody could open it.
	let isKept: Promise<void> = Promise.resolve();
	const answer = await sendByTus({
		file,
		fingerprint: fingerprintOf(sending),
		previous,
		options: {
			chunkSize: REQUEST_BYTES,
			metadata: {filename: SEALED_NAME, filetype: SEALED_TYPE, e2e: JSON.stringify(e2e)},
			fileReader: {
				openFile: async () =>
					Promise.resolve({
						size: source.sizeBytes,
						async slice(start: number, end: number) {
							await isKept;
							return {value: await source.slice(start, end), done: end >= source.sizeBytes};
						},
						close: () => undefined,
					}),
			},
		},
		onSent: sentBytes => onSent(contentIn(sentBytes, file)),
		onBegun(address) {
			id = idOf(address);
			isKept = vault.add(id, key);
			// It is told where it is waited for.
			isKept.catch(() => undefined);
		},
		signal,
	});
	if (id !== undefined) await verify(answer, id, source);
};

/** Seals a file end to end as it goes out; goes on where it stopped, under the key that it was begun with. */
export const sendSealed: Send = async sending => {
	const vault = keyring.get()?.vault;
	if (!vault) throw new ApiError('PASSPHRASE_NEEDED', 'Your keyring is locked. Unlock it, then try again.');
	const previous = leftoverOf(fingerprintOf(sending));
	const begin = async () => sendWith({...sending, vault, key: randomBytes(FILE_KEY_BYTES), previous: undefined});
	if (!previous) return begin();
	const id = idOf(previous.address);
	const key = (await vault.keysOf([id])).get(id);
	if (!key) {
		// It was begun under another keyring, or before its key could be kept.
		await forgetLeftover(previous);
		return begin();
	}

	return sendWith({...sending, vault, key, previous}).catch(async (error: unknown) => {
		// The same key never seals another upload.
		if (isGone(error)) return begin();
		throw error;
	});
};
