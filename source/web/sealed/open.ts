import type {Api, Incoming} from '../../client/contract.js';
import {sealedDownload} from '../../client/sealed-download.js';
import type {E2e} from '../../protocol/sealed-details.js';
import {ApiError, isPassing, offline} from '../api.js';
import {fetchFrom, type FileSource} from '../fetch-file.js';
import {wait} from '../wait.js';

/** What opens a file that is sealed end to end. */
export type Seal = {
	/** As the coordinator says; `undefined` where it says that the file is not sealed. */
	e2e: E2e | undefined;
	key: Uint8Array<ArrayBuffer>;
};

const MOST_FAILURES = 5;
const FIRST_WAIT_MS = 1_000;

async function* piecesOf(response: Response): AsyncGenerator<Uint8Array> {
	const reader = response.body?.getReader();
	if (!reader) return;
	try {
		for (;;) {
			const {done, value} = await reader.read().catch((error: unknown) => {
				throw offline(error);
			});
			if (done) return;
			yield value;
		}
	} finally {
		await reader.cancel().catch(() => undefined);
	}
}

/** Where an answer's body lies in the file. */
const placeOf = ({status, headers}: Response): {fromByte: number; sizeBytes: number} => {
	const [, first, size] = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15})$/.exec(headers.get('content-range') ?? '') ?? [];
	if (status === 206) return {fromByte: Number(first), sizeBytes: Number(size)};
	return {fromByte: 0, sizeBytes: Number(headers.get('content-length'))};
};

const changed = () => new ApiError('FILE_CHANGED', 'The file became another one while it was downloaded. Start again.');

type Open = (fromByte: number, etag?: string) => Promise<Incoming>;

/** What comes of a file as it is stored, from a byte on. */
const downloadOf =
	(source: FileSource): Api['download'] =>
	async (_id, {fromByte = 0, etag, signal}) => {
		const range = fromByte === 0 ? {} : {Range: `bytes=${fromByte}-`, ...(etag && {'If-Range': etag})};
		const response = await fetchFrom(source, range, signal);
		const found = response.headers.get('etag') ?? '';
		const type = response.headers.get('content-type') ?? '';
		return {name: '', type, ...placeOf(response), etag: found, body: piecesOf(response)};
	};

const opener = (source: FileSource, signal: AbortSignal): Open => {
	const {seal} = source;
	const stored = downloadOf(source);
	const download = seal ? sealedDownload({e2e: seal.e2e, key: seal.key, api: {download: stored}}) : stored;
	return async (fromByte, etag) => download('', {fromByte, signal, ...(etag !== undefined && {etag})});
};

/** The content to its end, over lines that break: each time it goes on behind the last chunk that was whole. */
async function* healed(open: Open, first: Incoming, signal: AbortSignal): AsyncGenerator<Uint8Array> {
	let incoming: Incoming | undefined = first;
	let [doneBytes, failures] = [0, 0];
	for (;;) {
		try {
			incoming ??= await open(doneBytes, first.etag);
			if (incoming.fromByte !== doneBytes) throw changed();
			for await (const piece of incoming.body) {
				failures = 0;
				doneBytes += piece.length;
				yield piece;
			}

			return;
		} catch (error) {
			incoming = undefined;
			failures++;
			if (!isPassing(error) || signal.aborted || failures > MOST_FAILURES) throw error;
			await wait(FIRST_WAIT_MS * 2 ** (failures - 1), signal);
		}
	}
}

/**
Opens a file; where it is sealed end to end, a chunk at a time: about two of them are in memory.

@throws {PjasError} `SEAL_BROKEN` where it is not what was sealed, also in the middle of the body.
*/
export const openFile = async (source: FileSource, signal: AbortSignal): Promise<Incoming> => {
	const open = opener(source, signal);
	const first = await open(0);
	return {...first, body: healed(open, first, signal)};
};

/** What comes, or the beginning of it, kept. */
export const readAll = async (
	body: AsyncIterable<Uint8Array>,
	mostBytes = Infinity,
): Promise<Uint8Array<ArrayBuffer>[]> => {
	const pieces: Uint8Array<ArrayBuffer>[] = [];
	let leftBytes = mostBytes;
	for await (const piece of body) {
		pieces.push(new Uint8Array(piece.subarray(0, leftBytes)));
		leftBytes -= piece.length;
		if (leftBytes <= 0) break;
	}

	return pieces;
};
