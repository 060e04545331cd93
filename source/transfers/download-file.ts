import {createReadStream} from 'node:fs';
import {type FileHandle, link, lstat, open, rename, statfs, unlink} from 'node:fs/promises';
import path from 'node:path';
import type {Api, Incoming} from '../client/api.js';
import {type ChunkSums, createChunkSums} from '../client/chunk-sums.js';
import {AnswerError} from '../client/errors.js';
import {createFileWriter} from './file-writer.js';
import {
	continuePartial,
	createPartial,
	type Note,
	openNote,
	type PartialFile,
	partialOf,
	readNote,
	removePartial,
	syncFolder,
} from './partial-file.js';
import {lockTarget, type TargetLock} from './target-lock.js';
import {codeOf, onDisk, shown, TransferError} from './transfer-error.js';

export type DownloadFileOptions = {
	api: Pick<Api, 'download'>;
	file: {id: string; name: string; sizeBytes: number};
	/** The file that is made. What is fetched stands beside it until it is whole. */
	path: string;
	/** Whether a file that is there may be replaced. */
	overwrite?: boolean;
	signal: AbortSignal;
	onProgress?: (doneBytes: number, sizeBytes: number) => void;
};

const PIECE_BYTES = 1024 * 1024;
/** A smaller file is fetched again sooner than a note on it is kept. */
const NOTED_FROM_BYTES = 1024 * 1024;

/** What a file system says that has no hard links. */
const linkless = new Set(['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL', 'UNKNOWN']);

const exists = (target: string) =>
	new TransferError('TARGET_EXISTS', `${shown(target)} exists already: choose another name, or remove it first`);

/** Refuses a target that can't be written, before a byte is fetched. */
const checkTarget = async (target: string, overwrite: boolean): Promise<void> => {
	if (target.length > 1 && (target.endsWith('/') || target.endsWith(path.sep))) {
		throw new TransferError('NOT_A_FILE', `${shown(target)} names a folder: name a file in it`);
	}

	const found = await onDisk(target, 'written', async () =>
		lstat(target).catch((error: unknown) => {
			if (codeOf(error) === 'ENOENT') return undefined;
			throw error;
		}),
	);
	if (!found) return;
	if (found.isDirectory()) throw new TransferError('NOT_A_FILE', `${shown(target)} is a folder: name a file in it`);
	if (!overwrite) throw exists(target);
	if (found.isFile() || found.isSymbolicLink()) return;
	throw new TransferError('NOT_A_FILE', `${shown(target)} is no ordinary file: choose another name`);
};

const checkRoom = async (target: string, neededBytes: number): Promise<void> => {
	const {bavail, blocks, bsize} = await statfs(path.dirname(path.resolve(target)));
	// Some file systems say nothing of their size.
	if (blocks === 0 || bavail * bsize >= neededBytes) return;
	const problem = `There is no room for ${shown(target)}: ${neededBytes} bytes are still to come, and ${bavail * bsize} are free`;
	throw new TransferError('DISK_FULL', `${problem}. Make room and try again, or choose another folder`);
};

/** Gives the whole file its name; unless it may overwrite, nobody's file of that name is ever replaced. */
const publish = async (partial: PartialFile, target: string, overwrite: boolean): Promise<void> => {
	if (overwrite) {
		await rename(partial.path, target);
		return;
	}

	try {
		await link(partial.path, target);
		await unlink(partial.path);
		return;
	} catch (error) {
		if (codeOf(error) === 'EEXIST') throw exists(target);
		if (!linkless.has(codeOf(error) ?? '')) throw error;
	}

	// The name is claimed by an empty file of ours, which may then be replaced.
	try {
		await (await open(target, 'wx')).close();
	} catch (error) {
		throw codeOf(error) === 'EEXIST' ? exists(target) : error;
	}

	await rename(partial.path, target);
};

/** Whether the answer goes on with what is kept; else it must begin at the start. */
const isContinued = ({fromByte, etag, sizeBytes}: Incoming, kept: Note | undefined): kept is Note => {
	if (fromByte === 0) return false;
	if (kept && etag === kept.etag && sizeBytes === kept.sizeBytes && fromByte <= kept.soundBytes) return true;
	throw new AnswerError(`The coordinator sent the file from byte ${fromByte} on, which nobody asked for. Try again`);
};

type Opened = {incoming: Incoming; handle: FileHandle; kept: Note | undefined};

/** Sums up what an earlier run left. */
const addStart = async (
	partial: PartialFile,
	sizeBytes: number,
	sums: ChunkSums,
	{path: target}: Pick<DownloadFileOptions, 'path'>,
): Promise<void> =>
	onDisk(target, 'read', async () => {
		for await (const piece of createReadStream(partial.path, {end: sizeBytes - 1, highWaterMark: PIECE_BYTES})) {
			sums.add(piece as Buffer);
		}
	});

/** Takes all bytes of an answer to the disk. Where that fails, what is there is noted for a later run. */
const receive = async ({incoming, handle, kept}: Opened, partial: PartialFile, options: DownloadFileOptions) => {
	const {fromByte, sizeBytes, etag} = incoming;
	const isNoted = sizeBytes >= NOTED_FROM_BYTES && etag.startsWith('"');
	const about = kept ?? {id: options.file.id, etag, sizeBytes, soundBytes: 0};
	const note = isNoted ? await onDisk(options.path, 'written', async () => openNote(partial, about)) : undefined;
	const sums = incoming.chunksSha256 === undefined ? undefined : createChunkSums();
	if (sums && fromByte > 0) await addStart(partial, fromByte, sums, options);
	const writer = createFileWriter({handle, startByte: fromByte, note, target: options.path});
	let doneBytes = fromByte;
	options.onProgress?.(doneBytes, sizeBytes);
	try {
		for await (const piece of incoming.body) {
			options.signal.throwIfAborted();
			doneBytes += piece.length;
			if (doneBytes > sizeBytes) break;
			sums?.add(piece);
			await writer.add(piece);
			options.onProgress?.(doneBytes, sizeBytes);
		}

		if (doneBytes !== sizeBytes) {
			throw new AnswerError('The coordinator sent another number of bytes than it said. Try again');
		}

		await writer.finish();
		if (sums && sums.digest() !== incoming.chunksSha256) {
			// What is there must not be gone on with.
			await removePartial(partial);
			const problem = `What arrived of ${shown(options.path)} is not what the coordinator says that it has`;
			throw new TransferError('CHECKSUM_MISMATCH', `${problem}. It was thrown away: download it again`);
		}
	} catch (error) {
		// The first error says why; a disk that can't even keep what it has adds nothing to that.
		await writer.keep().catch(() => undefined);
		throw error;
	} finally {
		await note?.close();
	}
};

/** Asks for what is missing and takes it in. The answer is let go of whatever happens. */
const fetchMissing = async (partial: PartialFile, options: DownloadFileOptions): Promise<number> => {
	const {api, file, path: target} = options;
	const kept = await readNote(partial, file.id);
	// With all bytes here the last one is asked for again: it says whether the file is still that one.
	const from = kept && {fromByte: Math.min(kept.soundBytes, kept.sizeBytes - 1), etag: kept.etag};
	const ended = new AbortController();
	const signal = AbortSignal.any([options.signal, ended.signal]);
	let handle: FileHandle | undefined;
	try {
		const incoming = await api.download(file.id, {...from, signal});
		const goesOn = isContinued(incoming, kept) ? kept : undefined;
		handle = await onDisk(target, 'written', async () =>
			goesOn ? continuePartial(partial, incoming.fromByte) : createPartial(partial),
		);
		await checkRoom(target, incoming.sizeBytes - incoming.fromByte);
		await receive({incoming, handle, kept: goesOn}, partial, options);
		return incoming.sizeBytes;
	} finally {
		ended.abort();
		await handle?.close();
	}
};

const downloadLocked = async (lock: TargetLock, options: DownloadFileOptions) => {
	const {file, path: target, overwrite = false} = options;
	await checkTarget(target, overwrite);
	const partial = partialOf(target, file.id);
	try {
		const sizeBytes = await fetchMissing(partial, options);
		if (!(await lock.isHeld())) {
			throw new TransferError('TARGET_IN_USE', `Another download took ${shown(target)} over: choose another name`);
		}

		await onDisk(target, 'written', async () => {
			await checkTarget(target, overwrite);
			await publish(partial, target, overwrite);
			await removePartial(partial);
			await syncFolder(path.dirname(path.resolve(target)));
		});
		return {path: target, sizeBytes};
	} catch (error) {
		const isGone = error instanceof AnswerError && error.code === 'FILE_NOT_FOUND';
		if (isGone || !(await readNote(partial, file.id))) await removePartial(partial).catch(() => undefined);
		throw error;
	}
};

/**
Downloads a file to a path, by way of a partial file beside it, which a later run goes on with. When it returns, the file is
whole and safe on the disk.

@throws {TransferError} What this machine refuses: the target exists, is in use, has no folder or no room.
@throws {UnreachableError} Cut off: another call goes on where this one stopped.
@throws {AnswerError} What the coordinator refuses.
*/
export const downloadFile = async (options: DownloadFileOptions): Promise<{path: string; sizeBytes: number}> => {
	options.signal.throwIfAborted();
	await checkTarget(options.path, options.overwrite ?? false);
	const lock = await lockTarget(options.path);
	try {
		return await downloadLocked(lock, options);
	} finally {
		await lock.release().catch(() => undefined);
	}
};

/** Removes what a download that is given up has left beside its target, unless another goes on with it. */
export const discardPartial = async (target: string, id: string): Promise<void> => {
	const partial = partialOf(target, id);
	const isThere = async (file: string) =>
		lstat(file).then(
			() => true,
			() => false,
		);
	if (!(await isThere(partial.path)) && !(await isThere(partial.notePath))) return;
	try {
		const lock = await lockTarget(target);
		await removePartial(partial).finally(lock.release);
	} catch (error) {
		if (!(error instanceof TransferError)) throw error;
	}
};
