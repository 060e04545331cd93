import type {Dirent} from 'node:fs';
import {readdir, stat} from 'node:fs/promises';
import path from 'node:path';
import {diskError, shown, TransferError} from './transfer-error.js';
import {checkIsFile} from './upload-file.js';

/** A file to upload; or one that can't be, and why. */
export type FoundFile = {
	path: string;
	/** What it is called at the coordinator: its name, or below a folder its path from that folder on, with `/`. */
	name: string;
	sizeBytes: number;
	problem?: TransferError;
};

/** The most files, folders and other things that are looked at. */
export const MAX_ENTRIES = 100_000;

const problemOf = (at: string, name: string, error: unknown): FoundFile => ({
	path: at,
	name,
	sizeBytes: 0,
	problem: diskError(error, at, 'read'),
});

const lookAt = async (at: string, name: string): Promise<FoundFile> => {
	try {
		const found = await stat(at);
		checkIsFile(at, found);
		return {path: at, name, sizeBytes: found.size};
	} catch (error) {
		return problemOf(at, name, error);
	}
};

const isLinkedFolder = async (at: string, entry: Dirent): Promise<boolean> =>
	entry.isSymbolicLink() &&
	(await stat(at).then(
		found => found.isDirectory(),
		() => false,
	));

const sortedEntries = async (folder: string) => {
	const entries = await readdir(folder, {withFileTypes: true});
	return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
};

type Walk = {count: () => void; signal: AbortSignal | undefined};

/** All files below a folder, in the order of their names. Links to folders are passed by: they may lead in circles. */
async function* walk(folder: string, name: string, {count, signal}: Walk): AsyncGenerator<FoundFile> {
	let entries: Dirent[];
	try {
		entries = await sortedEntries(folder);
	} catch (error) {
		yield problemOf(folder, name, error);
		return;
	}

	for (const entry of entries) {
		signal?.throwIfAborted();
		count();
		const at = path.join(folder, entry.name);
		const entryName = name === '' ? entry.name : `${name}/${entry.name}`;
		if (entry.isDirectory()) yield* walk(at, entryName, {count, signal});
		else if (!(await isLinkedFolder(at, entry))) yield await lookAt(at, entryName);
	}
}

/**
The files that paths stand for: a folder for all files in it. A file that is named twice comes once.

@throws {TransferError} `TOO_MANY_FILES`.
*/
export async function* expandPaths(
	paths: readonly string[],
	{signal, maxEntries = MAX_ENTRIES}: {signal?: AbortSignal; maxEntries?: number} = {},
): AsyncGenerator<FoundFile> {
	const seen = new Set<string>();
	let entries = 0;
	for (const given of paths) {
		const top = path.resolve(given);
		const count = () => {
			if (++entries <= maxEntries) return;
			const problem = `${shown(given)} holds more than ${maxEntries} files and folders, the most at once`;
			throw new TransferError('TOO_MANY_FILES', `${problem}: upload the folders in it one by one`);
		};

		count();
		const name = path.basename(top);
		const isFolder = await stat(top).then(
			found => found.isDirectory(),
			() => false,
		);
		for await (const found of isFolder ? walk(top, name, {count, signal}) : [await lookAt(top, name)]) {
			if (seen.has(found.path)) continue;
			seen.add(found.path);
			yield found;
		}
	}
}
