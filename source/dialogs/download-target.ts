import {constants, type Dirent} from 'node:fs';
import {access, lstat, readdir, stat, statfs} from 'node:fs/promises';
import path from 'node:path';
import type {FileView} from '../protocol/api.js';
import {printable} from '../terminal/text.js';
import {cutToBytes, MAX_NAME_BYTES, safeFileName} from '../transfers/safe-name.js';
import {codeOf} from '../transfers/transfer-error.js';
import {diskWords} from './folder-listing.js';
import {type Folders, resolveTyped} from './path-input.js';

/** Where one file goes. */
export type Placed = {
	file: FileView;
	/** A path at which there is nothing. */
	path: string;
	/** The path that was meant, where something is there already or is to be. */
	taken?: string;
	/** Whether what is there is a file, which can be overwritten. */
	canOverwrite: boolean;
};

/** What a path means for files that are to be written there. */
export type Target = {
	folder: string;
	placed: readonly Placed[];
	/** Why nothing can be written there. */
	problem?: string;
	isFolderMissing: boolean;
	/** `undefined` where the file system doesn't say. */
	freeBytes?: number;
};

type Wanted = {
	typed: string;
	files: readonly FileView[];
	folders: Folders;
	/** Paths at which something is to be soon. */
	pending: ReadonlySet<string>;
};

const MOST_NUMBERS = 100_000;

const numbered = (target: string, number: number): string => {
	const {dir, name, ext} = path.parse(target);
	const suffix = ` (${number})${ext}`;
	return path.join(dir, cutToBytes(name, MAX_NAME_BYTES - Buffer.byteLength(suffix)) + suffix);
};

/** Finds names of which none is there and none is given twice. */
const createNames = (isThere: (target: string) => boolean) => {
	const given = new Set<string>();
	const lastNumbers = new Map<string, number>();
	const isFree = (target: string) => !given.has(target) && !isThere(target);
	return (target: string): string => {
		let number = lastNumbers.get(target) ?? 1;
		let found = target;
		while (!isFree(found) && number < MOST_NUMBERS) found = numbered(target, ++number);
		lastNumbers.set(target, number);
		given.add(found);
		return found;
	};
};

const statIfThere = async (target: string) => {
	try {
		return await stat(target);
	} catch (error) {
		if (codeOf(error) === 'ENOENT') return undefined;
		throw error;
	}
};

/** What of these names is in the folder. Where that can't be told, nothing: what is there is not overwritten anyway. */
const kindsIn = async (folder: string, names: readonly string[]): Promise<Map<string, 'file' | 'folder'>> => {
	const kindOf = (found: Pick<Dirent, 'isDirectory'>) => (found.isDirectory() ? 'folder' : 'file');
	const [only, ...others] = names;
	if (only !== undefined && others.length === 0) {
		const found = await lstat(path.join(folder, only)).catch(() => undefined);
		return new Map(found ? [[only, kindOf(found)]] : []);
	}

	const entries = await readdir(folder, {withFileTypes: true}).catch(() => []);
	return new Map(entries.map(entry => [entry.name, kindOf(entry)]));
};

const place = async (folder: string, names: readonly string[], {files, pending}: Wanted): Promise<Placed[]> => {
	const kinds = await kindsIn(folder, names);
	// Of a single file the names with numbers were not looked up yet.
	const isNumbered = names.length === 1 && (kinds.size > 0 || pending.size > 0);
	const entries = isNumbered ? await readdir(folder).catch(() => []) : [];
	const there = new Set([...kinds.keys(), ...entries].map(name => path.join(folder, name)));
	const freeName = createNames(target => there.has(target) || pending.has(target));
	const overwritten = new Set<string>();
	return files.map((file, index) => {
		const name = names[index] ?? '';
		const wanted = path.join(folder, name);
		const free = freeName(wanted);
		const canOverwrite = kinds.get(name) === 'file' && !pending.has(wanted) && !overwritten.has(wanted);
		if (canOverwrite) overwritten.add(wanted);
		return {file, path: free, canOverwrite, ...(free !== wanted && {taken: wanted})};
	});
};

/** The nearest folder above that exists. */
const existingAbove = async (folder: string): Promise<string> => {
	let above = folder;
	while (path.dirname(above) !== above && !(await statIfThere(above))) above = path.dirname(above);
	return above;
};

const freeBytesOf = async (folder: string): Promise<number | undefined> => {
	const found = await statfs(folder).catch(() => undefined);
	// Some file systems say nothing of their size.
	return found && found.blocks > 0 ? found.bavail * found.bsize : undefined;
};

/** The folder and the names in it that a path stands for. */
const split = async ({typed, files, folders}: Wanted): Promise<{folder: string; names: string[]}> => {
	const target = resolveTyped(typed, folders);
	const safeNames = files.map(({filename}) => safeFileName(filename));
	const isFolder = files.length !== 1 || typed === '~' || typed.endsWith('/');
	if (isFolder || (await statIfThere(target))?.isDirectory() === true) return {folder: target, names: safeNames};
	return {folder: path.dirname(target), names: [path.basename(target)]};
};

/** Looks what is at a path that was typed. Never rejects: a problem is words. */
export const lookAtTarget = async (wanted: Wanted): Promise<Target> => {
	const target = resolveTyped(wanted.typed, wanted.folders);
	const unusable = (problem: string): Target => ({folder: target, placed: [], problem, isFolderMissing: false});
	if (wanted.typed === '') return unusable('Type where to: a path');
	try {
		const {folder, names} = await split(wanted);
		const found = await statIfThere(folder);
		const above = found ? folder : await existingAbove(folder);
		if (!(await stat(above)).isDirectory()) return unusable(`${printable(above)} is no folder: choose another place`);
		const mayWrite = await access(above, constants.W_OK | constants.X_OK).then(
			() => true,
			() => false,
		);
		if (!mayWrite) return unusable(`You may not write in ${printable(above)}: choose another folder`);
		const freeBytes = await freeBytesOf(above);
		const placed = await place(folder, names, wanted);
		return {folder, placed, isFolderMissing: !found, ...(freeBytes !== undefined && {freeBytes})};
	} catch (error) {
		return unusable(`${diskWords(target, error)}: choose another place`);
	}
};
