import {parse as parseDisposition} from 'content-disposition';
import {CHUNKS_SHA256_HEADER} from '../protocol/uploads-api.js';
import type {DownloadOptions, Incoming} from './contract.js';
import {UnreachableError} from './errors.js';
import type {Answer, Call, Http} from './http.js';
import {assertStatus, quote, strange} from './read-answer.js';

const nameOf = (header: string | undefined): string => {
	try {
		return header === undefined ? '' : (parseDisposition(header).parameters['filename'] ?? '');
	} catch {
		return '';
	}
};

/** Where the answer's body lies in the file; `undefined` where it says nothing that makes sense. */
const placeOf = (answer: Answer): {fromByte: number; sizeBytes: number} | undefined => {
	if (answer.status === 200) {
		const length = answer.header('content-length') ?? '';
		return /^\d{1,15}$/.test(length) ? {fromByte: 0, sizeBytes: Number(length)} : undefined;
	}

	const range = answer.header('content-range') ?? '';
	const [, first, last, size] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(range) ?? [];
	return Number(last) === Number(size) - 1 ? {fromByte: Number(first), sizeBytes: Number(size)} : undefined;
};

async function* exactly(http: Http, answer: Answer, sizeBytes: number): AsyncGenerator<Uint8Array> {
	let takenBytes = 0;
	for await (const piece of answer.pieces()) {
		takenBytes += piece.length;
		if (takenBytes > sizeBytes) break;
		yield piece;
	}

	if (takenBytes === sizeBytes) return;
	const problem = `the file has ${sizeBytes} bytes from there on, and ${takenBytes} came`;
	throw new UnreachableError(`${http.url} cut the download off: ${problem}. Go on with it, or start anew`);
}

/** There is nothing left to send where all of the file is here already. That is no error. */
const nothingLeft = async ({about}: DownloadSource, answer: Answer, options: DownloadOptions) => {
	const {fromByte = 0, etag} = options;
	const isEnd = answer.header('content-range') === `bytes */${fromByte}`;
	// A condition that is not met makes the range be ignored: so this is said of the file that was meant.
	const found = answer.header('etag') ?? etag ?? '';
	if (answer.status !== 416 || !isEnd || (etag !== undefined && etag !== found)) return undefined;
	answer.close();
	const file = await about();
	const body: AsyncIterable<Uint8Array> = (async function* () {
		// Nothing is left.
	})();
	return {name: file.filename, type: file.type, sizeBytes: file.size, fromByte, etag: found, body};
};

/** What is downloaded: by which call, and how to learn of it alone. */
export type DownloadSource = {
	call: Pick<Call, 'name' | 'id' | 'headers'>;
	about: () => Promise<{filename: string; type: string; size: number}>;
};

/** Gets a file, or the rest of it; see `Api`. */
export const receiveDownload = async (
	http: Http,
	source: DownloadSource,
	options: DownloadOptions,
): Promise<Incoming> => {
	const {fromByte = 0, etag, signal} = options;
	const headers: Record<string, string> = {
		...source.call.headers,
		...(fromByte > 0 && {range: `bytes=${fromByte}-`}),
		...(fromByte > 0 && etag !== undefined && {'if-range': etag}),
	};
	const answer = await http.call({...source.call, headers, signal, quietMs: http.limits.stallMs});
	const whole = await nothingLeft(source, answer, options);
	if (whole) return whole;
	await assertStatus(http, answer, fromByte > 0 ? [200, 206] : [200]);

	const place = placeOf(answer);
	const found = answer.header('etag') ?? '';
	const isOther = answer.status === 206 && etag !== undefined && etag !== found;
	if (!place || isOther || (answer.status === 206 && place.fromByte !== fromByte)) {
		answer.close();
		throw strange(answer.target, `the range ${quote(answer.header('content-range') ?? '')} of ${quote(found)}`);
	}

	return {
		name: nameOf(answer.header('content-disposition')),
		type: answer.header('content-type') ?? 'application/octet-stream',
		...place,
		etag: found,
		chunksSha256: answer.header(CHUNKS_SHA256_HEADER.toLowerCase()),
		body: exactly(http, answer, place.sizeBytes - place.fromByte),
	};
};
