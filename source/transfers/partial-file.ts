import {createHash} from 'node:crypto';
import {constants} from 'node:fs';
import {type FileHandle, lstat, open, readFile, rm, unlink} from 'node:fs/promises';
import path from 'node:path';
import {z} from 'zod';
import {cutToBytes, MAX_NAME_BYTES} from './safe-name.js';
import {codeOf} from './transfer-error.js';

/** What a download has so far, beside its target; and the note that says what that is. */
export type PartialFile = {path: string; notePath: string};

/** What is certain about a partial file: a later run goes on from there. */
export type Note = {
	/** The file's id at the coordinator. */
	id: string;
	etag: string;
	sizeBytes: number;
	/** So many bytes from the start are on the disk, flushed. */
	soundBytes: number;
};

export type NoteWriter = {save: (soundBytes: number) => Promise<void>; close: () => Promise<void>};

const noteSchema = z.object({id: z.string(), etag: z.string(), sizeBytes: z.int(), soundBytes: z.int().nonnegative()});
/** One block, written in place: it needs no room that a full disk no longer has, and is there in whole or not at all. */
const NOTE_BYTES = 512;
/** What a folder says that may be written but not listed, or whose file system has no such thing. */
const unsyncable = new Set(['EACCES', 'EPERM', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'EISDIR']);
const ID_LENGTH = 8;
const DIGEST_LENGTH = 8;

// Absent on Windows.
const NO_FOLLOW = (constants as Partial<typeof constants>).O_NOFOLLOW ?? 0;

/** The path of a file that belongs to a target, in its folder. A name that would become too long is cut. */
export const besideTarget = (target: string, suffix: string): string => {
	const {dir, base} = path.parse(path.resolve(target));
	const roomBytes = MAX_NAME_BYTES - Buffer.byteLength(suffix);
	if (Buffer.byteLength(base) <= roomBytes) return path.join(dir, base + suffix);
	const digest = createHash('sha256').update(base).digest('hex').slice(0, DIGEST_LENGTH);
	return path.join(dir, `${cutToBytes(base, roomBytes - DIGEST_LENGTH - 1)}~${digest}${suffix}`);
};

export const partialOf = (target: string, id: string): PartialFile => {
	const suffix = `.part-${id.replace(/[^\w-]/g, '').slice(0, ID_LENGTH)}`;
	return {path: besideTarget(target, suffix), notePath: besideTarget(target, `${suffix}.json`)};
};

/** The note on a partial file of this file; `undefined` where there is nothing to go on from. */
export const readNote = async (partial: PartialFile, id: string): Promise<Note | undefined> => {
	try {
		const note = noteSchema.parse(JSON.parse(await readFile(partial.notePath, 'utf8')));
		const found = await lstat(partial.path);
		const isThere = found.isFile() && found.size >= note.soundBytes;
		return isThere && note.id === id && note.soundBytes > 0 && note.soundBytes <= note.sizeBytes ? note : undefined;
	} catch {
		return undefined;
	}
};

/**
Keeps a note: a new one, or the one that is there where a download goes on. A file whose note does not fit has none, and is
then downloaded from its start.
*/
export const openNote = async ({notePath}: PartialFile, about: Note): Promise<NoteWriter | undefined> => {
	const textOf = (soundBytes: number) => `${JSON.stringify({...about, soundBytes}).padEnd(NOTE_BYTES - 1)}\n`;
	if (Buffer.byteLength(textOf(about.sizeBytes)) > NOTE_BYTES) return undefined;
	const handle = await open(notePath, about.soundBytes > 0 ? 'r+' : 'wx');
	const save = async (soundBytes: number) => {
		await handle.write(textOf(soundBytes), 0);
		await handle.datasync();
	};

	try {
		await save(about.soundBytes);
	} catch (error) {
		await handle.close();
		throw error;
	}

	return {save, close: async () => handle.close()};
};

/** Flushes a folder's list of names, where the system can and lets us. */
export const syncFolder = async (folder: string): Promise<void> => {
	if (process.platform === 'win32') return;
	let handle: FileHandle | undefined;
	try {
		handle = await open(folder, 'r');
		await handle.sync();
	} catch (error) {
		if (!unsyncable.has(codeOf(error) ?? '')) throw error;
	} finally {
		await handle?.close();
	}
};

export const removePartial = async (partial: PartialFile): Promise<void> => {
	await rm(partial.notePath, {force: true});
	await rm(partial.path, {force: true});
};

/** Opens a partial file to go on at a byte; what stands behind it is cut off. */
export const continuePartial = async (partial: PartialFile, fromByte: number): Promise<FileHandle> => {
	const handle = await open(partial.path, constants.O_WRONLY | NO_FOLLOW);
	try {
		await handle.truncate(fromByte);
		return handle;
	} catch (error) {
		await handle.close();
		throw error;
	}
};

/** Makes a partial file anew. The note on what was there is gone for good before its bytes are. */
export const createPartial = async (partial: PartialFile): Promise<FileHandle> => {
	try {
		await unlink(partial.notePath);
		await syncFolder(path.dirname(partial.path));
	} catch (error) {
		if (codeOf(error) !== 'ENOENT') throw error;
	}

	await rm(partial.path, {force: true});
	return open(partial.path, 'wx');
};
