import {ApiError} from '../api.js';
import {type FileSource, save} from '../fetch-file.js';
import {canHandOver, handOver} from './hand-over.js';
import {openFile, readAll} from './open.js';

/** What is larger is not put together in memory. */
const MOST_BLOB_BYTES = 256 * 1024 * 1024;

export type SaveOptions = {
	name: string;
	/** Told how much of it was opened. */
	onBytes: (doneBytes: number) => void;
	signal: AbortSignal;
};

type Opened = {name: string; type: string; sizeBytes: number; body: AsyncIterable<Uint8Array>; signal: AbortSignal};

/** Has the browser save what is opened, as it comes. */
export const saveOpened = async ({name, type, sizeBytes, body, signal}: Opened): Promise<void> => {
	if (canHandOver()) {
		await handOver({name, sizeBytes, body, signal});
		return;
	}

	if (sizeBytes > MOST_BLOB_BYTES) {
		const problem = 'This browser lets no page save a file so large, as some don’t in private windows';
		throw new ApiError('NOT_SAVED', `${problem}. Use another window or browser, or pjas-tui download.`);
	}

	save(new Blob(await readAll(body), {type}), name);
};

/**
Downloads a file that is sealed end to end: it is opened chunk by chunk, and the browser saves it as it comes.

@throws {PjasError} `SEAL_BROKEN`; then the browser's download has failed as well.
*/
export const saveSealed = async (source: FileSource, {name, onBytes, signal}: SaveOptions): Promise<void> => {
	const {sizeBytes, type, body} = await openFile(source, signal);
	const counted = async function* () {
		let doneBytes = 0;
		for await (const piece of body) {
			doneBytes += piece.length;
			onBytes(doneBytes);
			yield piece;
		}
	};
	await saveOpened({name, type, sizeBytes, body: counted(), signal});
};
