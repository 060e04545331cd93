import type {FileHandle} from 'node:fs/promises';
import type {NoteWriter} from './partial-file.js';
import {onDisk} from './transfer-error.js';

export type FileWriter = {
	/** Takes a piece, which must not be changed any more. Rejects with the `TransferError` of an earlier one. */
	add: (piece: Uint8Array) => Promise<void>;
	/** Resolves when all that was taken is on the disk, flushed. */
	finish: () => Promise<void>;
	/** After a failure: flushes what was written in one piece from the start, and notes how much that is. */
	keep: () => Promise<void>;
};

/** Written at once: fewer calls, and as few pieces as can wait for the disk. */
const GATHERED_BYTES = 1024 * 1024;
/** How much a later run fetches again at most after a crash. */
const BYTES_BETWEEN_NOTES = 32 * 1024 * 1024;

const writeAll = async (handle: FileHandle, pieces: Uint8Array[], sizeBytes: number, offset: number): Promise<void> => {
	const {bytesWritten} = await handle.writev(pieces, offset);
	if (bytesWritten === sizeBytes) return;
	const rest = Buffer.concat(pieces);
	for (let written = bytesWritten; written < sizeBytes;) {
		written += (await handle.write(rest, written, sizeBytes - written, offset + written)).bytesWritten;
	}
};

type FileWriterOptions = {
	handle: FileHandle;
	startByte: number;
	note: Pick<NoteWriter, 'save'> | undefined;
	/** What errors are about. */
	target: string;
};

/** Writes pieces in order behind `startByte`: gathers some while others are on their way to the disk. */
export const createFileWriter = ({handle, startByte, note, target}: FileWriterOptions): FileWriter => {
	let pieces: Uint8Array[] = [];
	let gatheredBytes = 0;
	let sentByte = startByte;
	let writtenByte = startByte;
	let notedByte = startByte;
	let writing = Promise.resolve();
	let noting = Promise.resolve();
	let isNoting = false;

	const noteProgress = () => {
		if (!note || isNoting || writtenByte - notedByte < BYTES_BETWEEN_NOTES) return;
		isNoting = true;
		notedByte = writtenByte;
		const soundBytes = writtenByte;
		noting = onDisk(target, 'written', async () => {
			await handle.datasync();
			await note.save(soundBytes);
			isNoting = false;
		});
		noting.catch(() => undefined);
	};

	const send = async () => {
		await writing;
		const [batch, batchBytes, offset] = [pieces, gatheredBytes, sentByte];
		pieces = [];
		gatheredBytes = 0;
		sentByte += batchBytes;
		writing = onDisk(target, 'written', async () => {
			await writeAll(handle, batch, batchBytes, offset);
			writtenByte = offset + batchBytes;
			noteProgress();
		});
		writing.catch(() => undefined);
	};

	return {
		async add(piece) {
			pieces.push(piece);
			gatheredBytes += piece.length;
			if (gatheredBytes >= GATHERED_BYTES) await send();
		},
		async finish() {
			if (gatheredBytes > 0) await send();
			await writing;
			// A flush that failed says so once: it must not be lost.
			await noting;
			await onDisk(target, 'written', async () => {
				await handle.sync();
				await note?.save(writtenByte);
			});
		},
		async keep() {
			if (gatheredBytes > 0) await send().catch(() => undefined);
			await Promise.allSettled([writing]);
			await noting;
			await handle.datasync();
			await note?.save(writtenByte);
		},
	};
};
