import {constants, type Stats} from 'node:fs';
import {type FileHandle, open, stat} from 'node:fs/promises';
import type {Api, Uploaded} from '../client/api.js';
import {onDisk, shown, TransferError} from './transfer-error.js';
import {createMemoryNotes, type UploadNotes} from './upload-notes.js';

export type UploadFileOptions = {
	api: Pick<Api, 'upload'>;
	path: string;
	/** What it is called at the coordinator. */
	name: string;
	/** Where what goes on is remembered; without it, nothing is. */
	notes?: UploadNotes;
	signal: AbortSignal;
	onProgress?: (doneBytes: number, sizeBytes: number) => void;
};

const PIECE_BYTES = 256 * 1024;

// Absent on Windows. A pipe that takes the file's place must not keep us waiting.
const NON_BLOCKING = (constants as Partial<typeof constants>).O_NONBLOCK ?? 0;

const changed = (path: string, how: string) =>
	new TransferError('FILE_CHANGED', `${shown(path)} ${how} while it was read: upload it when it is at rest`);

/** Refuses what is no file. */
export const checkIsFile = (path: string, found: Pick<Stats, 'isFile' | 'isDirectory'>): void => {
	if (found.isFile()) return;
	const what = found.isDirectory() ? 'a folder: name the files in it' : 'no file but a device, a pipe or a socket';
	throw new TransferError('NOT_A_FILE', `${shown(path)} is ${what}`);
};

const readPiece = async (handle: FileHandle, atMostBytes: number): Promise<Buffer> => {
	// One byte more than is left shows that the file grew.
	const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, atMostBytes + 1));
	const {bytesRead} = await handle.read(buffer, 0, buffer.length, null);
	return buffer.subarray(0, bytesRead);
};

/** The bytes of a file, one piece read ahead. It ends well only if the file was the same all the time. */
async function* piecesOf(handle: FileHandle, path: string, before: Stats): AsyncGenerator<Uint8Array> {
	let leftBytes = before.size;
	let next = readPiece(handle, leftBytes);
	for (;;) {
		const piece = await onDisk(path, 'read', async () => next);
		if (piece.length > leftBytes) throw changed(path, 'grew');
		if (piece.length === 0) break;
		leftBytes -= piece.length;
		next = readPiece(handle, leftBytes);
		// Who takes the pieces may stop here, and nobody waits for this one then.
		next.catch(() => undefined);
		yield piece;
	}

	if (leftBytes > 0) throw changed(path, 'became shorter');
	const after = await onDisk(path, 'read', async () => handle.stat());
	if (after.mtimeMs !== before.mtimeMs || after.size !== before.size) throw changed(path, 'was changed');
}

/** The media type that goes with a name's extension, where one is known. */
const typeOf = async (name: string): Promise<string | undefined> => {
	// It is CommonJS: in a bundle it comes as a default only.
	const {default: mimeTypes} = await import('mime-types');
	return mimeTypes.lookup(name) || undefined;
};

/**
Uploads one file.

@throws {TransferError} Where it is no file, can't be read, or changes while it is read.
@throws {UnreachableError} Cut off: another call goes on where this one stopped.
@throws {AnswerError} What the coordinator refuses.
*/
export const uploadFile = async (options: UploadFileOptions): Promise<Uploaded> => {
	const {api, path, name, notes = createMemoryNotes(), signal, onProgress} = options;
	signal.throwIfAborted();
	// A look before it is opened: opening a device may do something.
	checkIsFile(path, await onDisk(path, 'read', async () => stat(path)));
	const handle = await onDisk(path, 'read', async () => open(path, constants.O_RDONLY | NON_BLOCKING));
	let failure: unknown;
	try {
		const found = await handle.stat();
		checkIsFile(path, found);
		const type = await typeOf(name);
		const body = async function* () {
			try {
				yield* piecesOf(handle, path, found);
			} catch (error) {
				failure = error;
				throw error;
			}
		};
		onProgress?.(0, found.size);
		const onSent = (sentBytes: number) => onProgress?.(sentBytes, found.size);
		const known = {sizeBytes: found.size, ...(type !== undefined && {type})};
		const resume = notes.of({path, name, found});
		return await api.upload({name, ...known, body: body(), onSent, resume, signal});
	} catch (error) {
		// Whoever sent the body only knows that it broke off.
		throw failure ?? error;
	} finally {
		await handle.close();
	}
};

/** Has the coordinator forget what an upload that is given up has sent. */
export const discardUpload = async (
	api: Pick<Api, 'cancelUpload'>,
	{path, name, notes}: {path: string; name: string; notes: UploadNotes},
): Promise<void> => {
	const resume = notes.of({path, name, found: await stat(path)});
	const id = await resume.known();
	if (id === undefined) return;
	await api.cancelUpload(id);
	await resume.ended();
};
