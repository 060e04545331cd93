import {createHash, type Hash} from 'node:crypto';
import {link, readFile, stat} from 'node:fs/promises';
import path from 'node:path';
import {z} from 'zod';
import {isPjasError, PjasError} from '../../source/protocol/errors.js';
import type {Clock} from '../ports/clock.js';
import {headerLine, trailerLine, verifyBackup, type Section} from './catalog-backup-format.js';
import {blocksOf, CATALOG_FILE, diskFiles, isMissing, makeFolder, type OpenFile} from './catalog-files.js';
import {LineChecker} from './catalog-lines.js';

/** Says in a data folder that its catalogue came out of a backup: `{restored_at, backup_created_at}`, ISO 8601. */
export const RESTORED_FILE = 'restored.json';

const restoredSchema = z.object({restored_at: z.iso.datetime()});

/** When the catalogue in a data folder came out of a backup; `undefined` where it did not. */
export const readRestoredAt = async (dataFolder: string): Promise<number | undefined> => {
	const file = path.join(dataFolder, RESTORED_FILE);
	const body = await readIfThere(file);
	if (!body) return undefined;
	try {
		return Date.parse(restoredSchema.parse(JSON.parse(body.toString())).restored_at);
	} catch {
		// What it says can't be read; that there was a restore, and when, stands all the same.
		return Math.floor((await stat(file)).mtimeMs);
	}
};

/** Says in a data folder when it was last backed up: `{backed_up_at}`, ISO 8601. */
export const BACKED_UP_FILE = 'backed-up.json';

const backedUpSchema = z.object({backed_up_at: z.iso.datetime()});

/** When a data folder was last backed up; `undefined` where it never was, or that is not known. */
export const readBackedUpAt = async (dataFolder: string): Promise<number | undefined> => {
	try {
		const body = await readIfThere(path.join(dataFolder, BACKED_UP_FILE));
		return body && Date.parse(backedUpSchema.parse(JSON.parse(body.toString())).backed_up_at);
	} catch {
		return undefined;
	}
};

const PARTIAL_SUFFIX = '.partial';
const ATTEMPTS = 3;
const NEWLINE = 0x0a;
const LOOK_BACK_BYTES = 64 * 1024;

const refused = (problem: string) => new PjasError('INVALID_CONFIGURATION', problem);

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;

/** What the disk refuses, as an error of ours. */
const onDisk = async <T>(problem: string, work: () => Promise<T>): Promise<T> => {
	try {
		return await work();
	} catch (error) {
		throw isPjasError(error) ? error : new PjasError('CATALOG_UNAVAILABLE', problem, {cause: error});
	}
};

const readIfThere = async (file: string): Promise<Buffer | undefined> =>
	readFile(file).catch((error: unknown) => {
		if (!isMissing(error)) throw error;
		return undefined;
	});

const exists = async (file: string): Promise<boolean> => {
	const handle = await diskFiles.open(file, 'r').catch((error: unknown) => {
		if (!isMissing(error)) throw error;
		return undefined;
	});
	await handle?.close();
	return handle !== undefined;
};

/** Where the last whole line ends. */
const wholeLinesOf = async (file: OpenFile): Promise<number> => {
	let {size: end} = await file.stat();
	while (end > 0) {
		const from = Math.max(0, end - LOOK_BACK_BYTES);
		const pieces: Buffer[] = [];
		for await (const block of blocksOf(file, from, end)) pieces.push(block);
		const place = Buffer.concat(pieces).lastIndexOf(NEWLINE);
		if (place >= 0) return from + place + 1;
		end = from;
	}

	return 0;
};

const changedMeanwhile = () => new PjasError('CATALOG_CORRUPT', 'The catalogue changed while it was copied: try again');

/** Copies the catalogue's first lines, and reads them a second time to see that they were all there at once. */
const copyLines = async (catalog: OpenFile, bytes: number, target: OpenFile, hash: Hash): Promise<void> => {
	const checker = new LineChecker(CATALOG_FILE);
	const copied = createHash('sha256');
	for await (const block of blocksOf(catalog, 0, bytes)) {
		checker.push(block);
		hash.update(block);
		copied.update(block);
		await target.appendFile(block);
	}

	const there = createHash('sha256');
	for await (const block of blocksOf(catalog, 0, bytes)) there.update(block);
	if (checker.wholeBytes !== bytes || copied.digest('hex') !== there.digest('hex')) throw changedMeanwhile();
};

export type BackupOptions = {
	dataFolder: string;
	/** The backup. It must not be there yet. */
	toFile: string;
	clock: Pick<Clock, 'now'>;
	/** What else of the data folder goes in, where it is there. */
	include?: readonly string[];
};

export type BackupResult = {createdAt: string; sizeBytes: number; /** What is in it. */ files: string[]};

type Extra = {name: string; body: Buffer};

const writeBackup = async (
	catalog: OpenFile,
	extras: readonly Extra[],
	createdAt: string,
	target: OpenFile,
): Promise<BackupResult> => {
	await target.truncate(0);
	const bytes = await wholeLinesOf(catalog);
	const files = [...extras.map(({name, body}) => ({name, bytes: body.length})), {name: CATALOG_FILE, bytes}];
	const hash = createHash('sha256');
	for (const piece of [headerLine(createdAt, files), ...extras.map(({body}) => body)]) {
		hash.update(piece);
		await target.appendFile(piece);
	}

	await copyLines(catalog, bytes, target, hash);
	await target.appendFile(trailerLine(hash.digest('hex')));
	await target.sync();
	const {size} = await target.stat();
	return {createdAt, sizeBytes: size, files: files.map(({name}) => name)};
};

const openCatalog = async (dataFolder: string): Promise<OpenFile> =>
	diskFiles.open(path.join(dataFolder, CATALOG_FILE), 'r').catch((error: unknown) => {
		throw isMissing(error) ? refused(`The data folder has no catalogue (${CATALOG_FILE})`) : error;
	});

/**
A coordinator may write meanwhile. It only appends, or puts another file in this one's place; only where a write of its
own fails does it cut off what it has just appended, and a copy made just then may hold halves of lines: so it is made
again.
*/
const copyCatalog = async (
	dataFolder: string,
	extras: readonly Extra[],
	createdAt: string,
	target: OpenFile,
): Promise<BackupResult> => {
	for (let attempt = 1; ; attempt++) {
		const catalog = await openCatalog(dataFolder);
		try {
			return await writeBackup(catalog, extras, createdAt, target);
		} catch (error) {
			if (attempt === ATTEMPTS || !isPjasError(error, 'CATALOG_CORRUPT')) throw error;
		} finally {
			await catalog.close();
		}
	}
};

const existsError = () => refused('There is a file of that name already: choose another for the backup');

/** Gives a file its name unless another has it. Not every file system can link: there, it is looked at before. */
const putInPlace = async (temporary: string, file: string): Promise<void> => {
	try {
		await link(temporary, file);
	} catch (error) {
		if (codeOf(error) === 'EEXIST' || (await exists(file))) throw existsError();
		await diskFiles.rename(temporary, file);
	}

	await diskFiles.remove(temporary);
	await diskFiles.syncFolder(path.dirname(file));
};

/** The coordinator raises an alert where the last backup is old. One that can't be noted down is a backup all the same. */
const noteBackup = async (dataFolder: string, createdAt: string): Promise<void> => {
	const body = `${JSON.stringify({backed_up_at: createdAt})}\n`;
	await writeDurably(path.join(dataFolder, BACKED_UP_FILE), bytesOf(body)).catch(() => undefined);
};

/**
Copies a catalogue, and what its files cannot be opened without, into one file of mode 0600. A coordinator may be running
on the data folder, in this process or another.

@throws {PjasError} `INVALID_CONFIGURATION` where there is no catalogue, or a file of that name; `CATALOG_CORRUPT`;
`CATALOG_UNAVAILABLE` where the disk refuses.
*/
export const backupCatalog = async ({
	dataFolder,
	toFile,
	clock,
	include = ['master.key', 'network-keys.json'],
}: BackupOptions): Promise<BackupResult> =>
	onDisk('The backup could not be written: is there room on the disk, and may its folder be written?', async () => {
		const temporary = toFile + PARTIAL_SUFFIX;
		if (await exists(toFile)) throw existsError();
		await (await openCatalog(dataFolder)).close(); // Before anything is written.
		const extras: Extra[] = [];
		for (const name of include) {
			const body = await readIfThere(path.join(dataFolder, name));
			if (body) extras.push({name, body});
		}

		const target = await diskFiles.open(temporary, 'ax').catch((error: unknown) => {
			const problem = `A backup of that name is being made, or was interrupted: remove the ${PARTIAL_SUFFIX} file`;
			throw codeOf(error) === 'EEXIST' ? refused(problem) : error;
		});
		try {
			const createdAt = new Date(clock.now()).toISOString();
			const result = await copyCatalog(dataFolder, extras, createdAt, target);
			await putInPlace(temporary, toFile);
			await noteBackup(dataFolder, createdAt);
			return result;
		} catch (error) {
			await diskFiles.remove(temporary);
			throw error;
		} finally {
			await target.close();
		}
	});

export type RestoreOptions = {fromFile: string; dataFolder: string; clock: Pick<Clock, 'now'>};

export type RestoreResult = {backupCreatedAt: string; /** What was written. */ files: string[]};

async function* bytesOf(body: string): AsyncGenerator<Buffer> {
	yield Promise.resolve(Buffer.from(body));
}

const writeDurably = async (file: string, blocks: AsyncIterable<Buffer>): Promise<void> => {
	const temporary = file + PARTIAL_SUFFIX;
	await diskFiles.remove(temporary);
	const handle = await diskFiles.open(temporary, 'ax');
	try {
		for await (const block of blocks) await handle.appendFile(block);
		await handle.sync();
		await diskFiles.rename(temporary, file);
	} catch (error) {
		await diskFiles.remove(temporary);
		throw error;
	} finally {
		await handle.close();
	}

	await diskFiles.syncFolder(path.dirname(file));
};

/** Nothing of what is in the folder is replaced. What an interrupted restore wrote is what this one would write. */
const assertRoom = async (dataFolder: string, backup: OpenFile, sections: readonly Section[]): Promise<void> => {
	for (const suffix of ['', '~', '.compact']) {
		if (await exists(path.join(dataFolder, CATALOG_FILE + suffix))) {
			throw refused('The data folder has a catalogue already: restore into an empty folder, or move that one away');
		}
	}

	for (const {name, from, to} of sections) {
		const there = await readIfThere(path.join(dataFolder, name));
		if (!there) continue;
		const pieces: Buffer[] = [];
		for await (const block of blocksOf(backup, from, to)) pieces.push(block);
		if (!there.equals(Buffer.concat(pieces))) {
			throw refused(`The data folder has another ${name} already: restore into an empty folder, or move that one away`);
		}
	}
};

/**
Puts a backup's files into a data folder that has no catalogue. The backup is checked whole before anything is written, and
the catalogue comes last: with it the restore is done.

@throws {PjasError} `INVALID_CONFIGURATION` where there is no such backup, or the folder has a catalogue;
`CATALOG_CORRUPT` where the backup is not whole; `CATALOG_UNAVAILABLE` where the disk refuses.
*/
export const restoreCatalog = async ({fromFile, dataFolder, clock}: RestoreOptions): Promise<RestoreResult> =>
	onDisk('The data folder could not be written: is there room on the disk, and may it be written?', async () => {
		const backup = await diskFiles.open(fromFile, 'r').catch((error: unknown) => {
			throw isMissing(error) ? refused('There is no backup of that name') : error;
		});
		try {
			const {createdAt, sections} = await verifyBackup(backup);
			await assertRoom(dataFolder, backup, sections);
			await makeFolder(dataFolder);
			const marker = {restored_at: new Date(clock.now()).toISOString(), backup_created_at: createdAt};
			await writeDurably(path.join(dataFolder, RESTORED_FILE), bytesOf(`${JSON.stringify(marker)}\n`));
			for (const {name, from, to} of sections) {
				await writeDurably(path.join(dataFolder, name), blocksOf(backup, from, to));
			}

			return {backupCreatedAt: createdAt, files: sections.map(({name}) => name)};
		} finally {
			await backup.close();
		}
	});
