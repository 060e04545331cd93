import {PassThrough, Readable} from 'node:stream';
import {create as contentDisposition} from 'content-disposition';
import {ZipFile} from 'yazl';
import {zipNames} from '../../source/protocol/zip-names.js';
import type {FileRecord} from '../core/model.js';
import type {AppContext} from '../http/app.js';
import {DOWNLOAD_POLICY} from '../http/security-headers.js';
import {writeBytes} from '../http/write-bytes.js';
import type {Downloader} from './download.js';
import type {Meters} from './meters.js';

/** Pieces are copied so small: the buffers of chunks are few, and go back as soon as their bytes are on their way. */
const PIECE_BYTES = 64 * 1024;

async function* piecesOf(file: FileRecord, downloader: Downloader, signal: AbortSignal): AsyncGenerator<Buffer> {
	if (file.sizeBytes === 0) return;
	const range = {firstByte: 0, lastByte: file.sizeBytes - 1};
	for await (const {bytes, release} of downloader.read(file, range, signal)) {
		try {
			for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield Buffer.from(bytes.slice(at, at + PIECE_BYTES));
		} finally {
			release();
		}
	}
}

/**
The library's end tells how long the zip becomes: nothing is compressed, so that is known before a byte is read. (Photos and
films can't be made smaller, and a length lets a browser show how far a download is, and notice one that is cut off.)
*/
const sizeOf = async (zip: ZipFile): Promise<number> =>
	new Promise((resolve, reject) => {
		zip.once('error', reject);
		(zip.end as (options: object, told: (sizeBytes: number) => void) => void)({}, resolve);
	});

/** Answers with several files in one zip, as a stream. One that can't be read takes the connection with it. */
export const sendZip = async (
	ctx: AppContext,
	files: readonly FileRecord[],
	{downloader, meters}: {downloader: Downloader; meters: Meters},
): Promise<void> => {
	const response = ctx.res;
	const gone = new AbortController();
	response.once('close', () => {
		if (!response.writableFinished) gone.abort(new Error('the client went away'));
	});

	const fail = (error: unknown) => gone.abort(error);
	const zip = new ZipFile();
	const names = zipNames(files.map(({name}) => name));
	for (const [index, file] of files.entries()) {
		const entry = {size: file.sizeBytes, compress: false, mtime: new Date(file.uploadedAt)};
		zip.addReadStreamLazy(names[index] ?? '', entry, give => {
			const pieces = piecesOf(file, downloader, gone.signal);
			// Ends with the download, and gives back the buffer that it holds.
			const options = {objectMode: false, highWaterMark: PIECE_BYTES, signal: gone.signal};
			give(null, Readable.from(pieces, options).on('error', fail));
		});
	}

	const sizeBytes = await sizeOf(zip);
	zip.on('error', fail);
	ctx.status = 200;
	ctx.set({
		'Content-Type': 'application/zip',
		'Content-Length': String(sizeBytes),
		'Content-Disposition': contentDisposition('files.zip'),
		'Content-Security-Policy': DOWNLOAD_POLICY,
		'Cache-Control': 'no-store',
	});
	if (ctx.method === 'HEAD') return;

	ctx.respond = false;
	const output = zip.outputStream.pipe(new PassThrough());
	gone.signal.addEventListener('abort', () => output.destroy(gone.signal.reason as Error), {once: true});
	for await (const piece of output as AsyncIterable<Buffer>) {
		await writeBytes(response, piece, gone.signal);
		meters.bytesOut += piece.length;
	}

	response.end();
};
