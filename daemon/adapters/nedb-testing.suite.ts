import {execFile, spawn, type ChildProcess} from 'node:child_process';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {promisify} from 'node:util';
import type {ExecutionContext} from 'ava';
import type {Log, LogFields} from '../ports/log.js';
import {diskFiles, type CatalogFiles, type OpenFile} from './catalog-files.js';
import {openNedbCatalog, type NedbCatalog, type NedbCatalogOptions} from './nedb-catalog.js';
import {systemClock} from './system.js';

export const temporaryFolder = async (t: ExecutionContext): Promise<string> => {
	const folder = await mkdtemp(path.join(tmpdir(), 'pjas-catalog-'));
	t.teardown(async () => rm(folder, {recursive: true, force: true}));
	return folder;
};

export type Entry = {level: keyof Omit<Log, 'child'>; message: string; fields: LogFields};

/** A log that keeps its entries. */
export const keepingLog = (): {log: Log; entries: Entry[]} => {
	const entries: Entry[] = [];
	const at =
		(level: Entry['level']) =>
		(message: string, fields: LogFields = {}) =>
			void entries.push({level, message, fields});
	const log: Log = {debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => log};
	return {log, entries};
};

export const openCatalogIn = async (
	t: ExecutionContext,
	folder: string,
	options: Partial<NedbCatalogOptions> = {},
): Promise<NedbCatalog> => {
	const catalog = await openNedbCatalog({folder, log: keepingLog().log, clock: systemClock, ...options});
	t.teardown(async () => catalog.close());
	return catalog;
};

type Verb = keyof CatalogFiles | keyof OpenFile;

/** The disk's files, of which any operation can be made to fail, or be watched. */
export const faultyFiles = (): {
	files: CatalogFiles;
	/** The next `times` calls of this operation fail. */
	fail: (verb: Verb, times?: number) => void;
	/** Called before each operation that changes something. */
	watch: (watcher: (verb: Verb) => Promise<void>) => void;
} => {
	const faults = new Map<Verb, number>();
	let watcher: (verb: Verb) => Promise<void> = async () => Promise.resolve();
	const run = async <T>(verb: Verb, act: () => Promise<T>): Promise<T> => {
		await watcher(verb);
		const left = faults.get(verb) ?? 0;
		if (left > 0) {
			faults.set(verb, left - 1);
			throw Object.assign(new Error(`ENOSPC: no space left on device, ${verb}`), {code: 'ENOSPC'});
		}

		return act();
	};

	const open: CatalogFiles['open'] = async (file, flags) => {
		const handle = await diskFiles.open(file, flags);
		return {
			appendFile: async (...args) => run('appendFile', async () => handle.appendFile(...args)),
			close: async () => handle.close(),
			datasync: async () => run('datasync', async () => handle.datasync()),
			read: handle.read.bind(handle),
			stat: handle.stat.bind(handle),
			sync: async () => run('sync', async () => handle.sync()),
			truncate: async size => run('truncate', async () => handle.truncate(size)),
		};
	};

	const files: CatalogFiles = {
		open: async (file, flags) => run('open', async () => open(file, flags)),
		rename: async (from, to) => run('rename', async () => diskFiles.rename(from, to)),
		remove: async file => run('remove', async () => diskFiles.remove(file)),
		syncFolder: async folder => run('syncFolder', async () => diskFiles.syncFolder(folder)),
	};
	return {
		files,
		fail: (verb, times = 1) => void faults.set(verb, times),
		watch: next => void (watcher = next),
	};
};

const moduleUrl = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);

/** A script that opens a catalogue in the folder given as its first argument, then runs `body`. */
const script = (body: string) => `
	import {openNedbCatalog} from ${moduleUrl('nedb-catalog.js')};
	import {systemClock} from ${moduleUrl('system.js')};
	import * as samples from ${moduleUrl('../ports/catalog-samples.suite.js')};
	const log = {debug() {}, info() {}, warn() {}, error() {}, child: () => log};
	const [folder, ...args] = process.argv.slice(1);
	const openIt = options => openNedbCatalog({folder, log, clock: systemClock, ...options});
	${body}
`;

const nodeArguments = (body: string, folder: string, args: readonly string[]) => [
	...['--input-type=module', '--eval', script(body), '--', folder],
	...args,
];

/** Another process on a catalogue. */
export const spawnOn = (folder: string, body: string, ...args: string[]): ChildProcess =>
	spawn(process.execPath, nodeArguments(body, folder, args), {stdio: ['ignore', 'pipe', 'inherit']});

/** Runs a process on a catalogue to its end in which no file can grow beyond this size: the disk is really full. */
export const runOnSmallDisk = async (folder: string, maxKiB: number, body: string): Promise<string> => {
	const command = ['-c', 'ulimit -f "$0"; exec "$@"', String(maxKiB), process.execPath];
	const {stdout} = await promisify(execFile)('bash', [...command, ...nodeArguments(body, folder, [])]);
	return stdout;
};
