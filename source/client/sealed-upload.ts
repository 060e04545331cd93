import {CHUNK_SIZE_BYTES} from '../protocol/chunking.js';
import {PjasError} from '../protocol/errors.js';
import {FILE_KEY_BYTES, fileKeysOf} from '../protocol/file-key.js';
import type {RandomBytes} from '../protocol/keyring.js';
import {SEAL_NONCE_BYTES, SEAL_TAG_BYTES} from '../protocol/seal.js';
import {sealContent, sealedSizeOf} from '../protocol/sealed-content.js';
import {SEALED_NAME, SEALED_TYPE, sealDetails} from '../protocol/sealed-details.js';
import type {Api} from './contract.js';
import type {Vault} from './vault.js';

export type SealedUploadOptions = {
	api: Pick<Api, 'upload' | 'removeFile'>;
	vault: Pick<Vault, 'add' | 'keysOf'>;
	random: RandomBytes;
};

/** Small enough that a slow line shows that it moves. */
const PIECE_BYTES = 256 * 1024;

async function* inPieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
	for await (const chunk of chunks) {
		for (let at = 0; at < chunk.length; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES);
	}
}

/** How much of the content went out with so many sealed bytes. */
const contentIn = (sealedBytes: number): number =>
	Math.max(0, sealedBytes - SEAL_TAG_BYTES * Math.ceil(sealedBytes / CHUNK_SIZE_BYTES));

/**
The `upload` of an API that seals end to end: content, name and type under a new key, which goes into the keyring. It
resolves once the key is kept there; where it can't be, the file is removed again, since nobody could open it.
*/
export const sealedUpload =
	({api, vault, random}: SealedUploadOptions): Api['upload'] =>
	async ({name, type = '', sizeBytes, body, onSent, resume, signal}) => {
		// What is gone on with is sealed as it was begun. Its key was kept before its first byte went out.
		const known = await resume?.known();
		const knownKey = known === undefined ? undefined : (await vault.keysOf([known])).get(known);
		const key = knownKey ?? random(FILE_KEY_BYTES);
		const {content, details} = await fileKeysOf(key);
		const size = sizeBytes === undefined ? {} : {size: sizeBytes};
		const e2e = await sealDetails(details, {name, type, ...size}, random(SEAL_NONCE_BYTES));
		// A byte more than was said shows that there are more, and whoever sends them counts.
		const atMost = sizeBytes === undefined ? {} : {atMostBytes: sizeBytes + 1};
		let keptFor: string | undefined;
		const uploaded = await api.upload({
			name: SEALED_NAME,
			type: SEALED_TYPE,
			...(sizeBytes !== undefined && {sizeBytes: sealedSizeOf(sizeBytes)}),
			body: inPieces(sealContent(content, body, atMost)),
			...(onSent && {onSent: sentBytes => onSent(contentIn(sentBytes))}),
			e2e,
			...(resume && {
				resume: {
					...resume,
					known: async () => Promise.resolve(knownKey && known),
					async begun(id) {
						// The upload of before is gone, and its key with it: the same key never seals another.
						if (knownKey) throw new PjasError('UPLOAD_NOT_FOUND', 'The upload was given up there. Send the file again');
						await vault.add(id, key);
						keptFor = id;
						await resume.begun(id);
					},
				},
			}),
			signal,
		});
		if (uploaded.file_id === (keptFor ?? known)) return {...uploaded, filename: name, size: contentIn(uploaded.size)};
		try {
			await vault.add(uploaded.file_id, key);
		} catch (error) {
			await api.removeFile(uploaded.file_id, {isForever: true}).catch(() => undefined);
			throw error;
		}

		return {...uploaded, filename: name, size: contentIn(uploaded.size)};
	};
