import {CHUNK_SIZE_BYTES} from '../protocol/chunking.js';
import {PjasError} from '../protocol/errors.js';
import {fileKeysOf} from '../protocol/file-key.js';
import {chunkWith, openContent, openedSizeOf} from '../protocol/sealed-content.js';
import {type E2e, openDetails, SEALED_TYPE} from '../protocol/sealed-details.js';
import type {Api, Incoming} from './contract.js';

export type SealedDownloadOptions = {
	api: Pick<Api, 'download'>;
	/** What the coordinator says of it; `undefined` where it says that the file is not sealed. */
	e2e: E2e | undefined;
	key: Uint8Array<ArrayBuffer>;
};

const broken = (problem: string) =>
	new PjasError('SEAL_BROKEN', `The file is not what was sealed: ${problem}. Don't trust who keeps it`);

/** The bytes behind the first `skipBytes`. */
async function* after(pieces: AsyncIterable<Uint8Array>, skipBytes: number): AsyncGenerator<Uint8Array> {
	let leftBytes = skipBytes;
	for await (const piece of pieces) {
		const part = piece.subarray(Math.min(leftBytes, piece.length));
		leftBytes -= piece.length - part.length;
		if (part.length > 0) yield part;
	}
}

/**
The `download` of an API that opens what was sealed end to end. Names, types, sizes and offsets are those of the content.
To begin in the middle it fetches from the beginning of the chunk there. No byte comes out that is not as it was sealed.

@throws {PjasError} `SEAL_BROKEN`, also in the middle of the body.
*/
export const sealedDownload =
	({api, e2e, key}: SealedDownloadOptions): Api['download'] =>
	async (id, {fromByte = 0, signal, ...options}): Promise<Incoming> => {
		// Whoever keeps the file can't make us take another one that is not sealed.
		if (!e2e) throw broken('it is not sealed at all');
		const keys = await fileKeysOf(key);
		const details = await openDetails(keys.details, e2e);
		const start = chunkWith(fromByte);
		const refused = new AbortController();
		const incoming = await api.download(id, {
			...options,
			fromByte: start.sealedByte,
			signal: AbortSignal.any([signal, refused.signal]),
		});
		const sizeBytes = openedSizeOf(incoming.sizeBytes);
		const isAtChunk = incoming.fromByte === 0 || incoming.fromByte === start.sealedByte;
		if (sizeBytes === undefined || !isAtChunk || (details.size ?? sizeBytes) !== sizeBytes) {
			refused.abort();
			throw broken(`it has ${incoming.sizeBytes} bytes`);
		}

		const isContinued = incoming.fromByte === start.sealedByte;
		const about = {sealedBytes: incoming.sizeBytes, fromIndex: incoming.fromByte / CHUNK_SIZE_BYTES};
		return {
			name: details.name,
			type: details.type === '' ? SEALED_TYPE : details.type,
			sizeBytes,
			fromByte: isContinued ? fromByte : 0,
			etag: incoming.etag,
			body: after(openContent(keys.content, incoming.body, about), isContinued ? fromByte - start.plainByte : 0),
		};
	};
