import {constants, renameSync} from 'node:fs';
import * as fs from 'node:fs/promises';
import {dirname} from 'node:path';
import {setImmediate as nextTurn} from 'node:timers/promises';
import {PjasError} from '../../source/protocol/errors.js';
import {DiskFile} from './disk-shards-file.js';

/** The file operations that a node's folder needs; an argument, so that a test can make a disk fail. */
export type DiskFiles = Pick<typeof fs, 'unlink' | 'mkdir' | 'readdir' | 'readFile' | 'stat' | 'statfs'> & {
	open: (path: string, flags: string | number, mode?: number) => Promise<DiskFile>;
	/** For new files and for folders. */
	openAtOnce: (path: string, flags: string | number, mode?: number) => DiskFile;
	rename: (from: string, to: string) => void;
};

/**
Names are made and changed at once: that happens in memory, takes less than to hand it to another thread and back, and what
it changes is waited for when it is flushed.
*/
export const systemFiles: DiskFiles = {
	...fs,
	open: async (path, flags, mode) => DiskFile.open(path, flags, mode),
	openAtOnce: (path, flags, mode) => DiskFile.openAtOnce(path, flags, mode),
	rename: renameSync,
};

export const codeOf = (error: unknown): string | undefined =>
	error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;

export const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT';

const fullCodes = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export const isFull = (error: unknown): boolean => fullCodes.has(codeOf(error) ?? '');

const troubles: Record<string, string> = {
	ENOENT: "The node's storage folder is gone: its disk may have been unmounted",
	ENOTDIR: "The node's storage folder is gone: something else stands in its place",
	EROFS: "The node's disk is read-only: it may have failed, look at the system's log",
	EACCES: 'The node may not use its storage folder: check who owns it',
	EPERM: 'The node may not use its storage folder: check who owns it',
	EIO: "The node's disk fails: look at the system's log",
	EMFILE: 'The node has too many files open: try again in a moment',
	ENFILE: "The node's machine has too many files open: try again in a moment",
};

/** What the disk said, for whoever called: no path in it, and what to look at. Other errors stay as they are. */
export const toDiskError = (error: unknown): unknown => {
	if (isFull(error)) {
		return new PjasError('INSUFFICIENT_STORAGE', "Not enough free space: this node's disk is full", {cause: error});
	}

	const trouble = troubles[codeOf(error) ?? ''];
	return trouble === undefined ? error : new PjasError('NODE_FAILED', trouble, {cause: error});
};

// Windows has no way to flush a folder, and needs none.
const unsyncableCodes = new Set(['EISDIR', 'EPERM', 'EINVAL', 'EBADF']);

/** Flushes a folder's entries. */
export const syncFolder = async (files: DiskFiles, path: string): Promise<void> => {
	try {
		const folder = files.openAtOnce(path, 'r');
		try {
			await folder.sync();
		} finally {
			folder.close();
		}
	} catch (error) {
		if (process.platform !== 'win32' || !unsyncableCodes.has(codeOf(error) ?? '')) throw error;
	}
};

/** Flushes one folder for many callers: those that come before a flush begins share it. */
export class FolderSync {
	readonly #files: DiskFiles;
	readonly #path: string;
	#running: Promise<void> | undefined;
	#next: Promise<void> | undefined;

	constructor(files: DiskFiles, path: string) {
		this.#files = files;
		this.#path = path;
	}

	/** Resolves once what the folder holds now is on disk. */
	async sync(): Promise<void> {
		// The flush that runs may have begun before the caller's change: only the next one is sure to hold it.
		this.#next ??= this.#startNext();
		return this.#next;
	}

	async #startNext(): Promise<void> {
		await this.#running?.catch(() => undefined);
		await nextTurn();
		this.#next = undefined;
		this.#running = syncFolder(this.#files, this.#path).finally(() => {
			this.#running = undefined;
		});
		return this.#running;
	}
}

/** Removes a file; one that is not there is a success. Says whether it was. */
export const unlinkIfThere = async (files: DiskFiles, path: string): Promise<boolean> => {
	try {
		await files.unlink(path);
		return true;
	} catch (error) {
		if (isMissing(error)) return false;
		throw error;
	}
};

/** Fills `into` from a place in a file on, in as many goes as the disk takes. Gives what there was: less where the file ends. */
export const readFully = async (file: Pick<DiskFile, 'read'>, into: Uint8Array, position = 0): Promise<Uint8Array> => {
	for (let filled = 0; filled < into.length;) {
		const bytesRead = await file.read(into, filled, into.length - filled, position + filled);
		if (bytesRead === 0) return into.subarray(0, filled);
		filled += bytesRead;
	}

	return into;
};

/** Writes from a place in a file on, in as many goes as the disk takes. */
export const writeAll = async (file: DiskFile, bytes: Uint8Array, position = 0): Promise<void> => {
	for (let written = 0; written < bytes.length;) {
		written += await file.write(bytes, written, bytes.length - written, position + written);
	}
};

/** Writes pieces one after the other from a place in a file on, in one go where the disk takes that. */
export const writeAllOf = async (file: DiskFile, pieces: readonly Uint8Array[], position = 0): Promise<void> => {
	const [only] = pieces;
	if (only && pieces.length === 1) return writeAll(file, only, position);
	const written = await file.writeTogether(pieces, position);
	const sizeBytes = pieces.reduce((sum, {length}) => sum + length, 0);
	if (written < sizeBytes) await writeAll(file, Buffer.concat(pieces).subarray(written), position + written);
};

// Elsewhere it does less than fdatasync: on macOS only that has the disk flush its own cache.
const O_DSYNC = process.platform === 'linux' ? constants.O_DSYNC : 0;

/**
Writes pieces to a small file, from a place on, and flushes them. With O_DSYNC the one write flushes as well: to ask for that by
itself costs as much again as to write. Where it fails, the file is cut where they would have begun, if the disk still does that.
*/
export const writeFlushed = async (
	files: Pick<DiskFiles, 'openAtOnce'>,
	path: string,
	flags: number,
	{pieces, at = 0}: {pieces: readonly Uint8Array[]; at?: number},
): Promise<void> => {
	const file = files.openAtOnce(path, flags | O_DSYNC, 0o600);
	try {
		await writeAllOf(file, pieces, at);
		const isEmpty = pieces.every(({length}) => length === 0);
		if (O_DSYNC === 0 || isEmpty) await file.datasync();
	} catch (error) {
		await file.truncate(at).catch(() => undefined);
		throw error;
	} finally {
		file.close();
	}
};

/** Puts a small file in place whole, durably: after a crash there is the old one or the new one. */
export const writeDurably = async (
	files: DiskFiles,
	path: string,
	content: string,
	temporaryPath: string,
	folder: {sync: () => Promise<void>} = {sync: async () => syncFolder(files, dirname(path))},
): Promise<void> => {
	try {
		const file = files.openAtOnce(temporaryPath, 'w', 0o600);
		try {
			await writeAll(file, Buffer.from(content));
			await file.sync();
		} finally {
			file.close();
		}

		files.rename(temporaryPath, path);
	} catch (error) {
		await files.unlink(temporaryPath).catch(() => undefined);
		throw error;
	}

	await folder.sync();
};
