import {mkdtemp, open, readdir, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {ExecutionContext} from 'ava';
import {type ErrorCode, isPjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import {recordingLog} from '../testing/recording-log.js';
import {DiskShards, type DiskShardsOptions} from './disk-shards.js';
import type {DiskFile} from './disk-shards-file.js';
import {type DiskFiles, systemFiles} from './disk-shards-files.js';
import {type NodeFolder, type NodeFolderOptions, openNodeFolder} from './disk-shards-folder.js';
import {Space} from './disk-shards-space.js';
import {systemClock, systemRandom} from './system.js';

export const GIB = 1024 ** 3;

/** A folder that is gone with its test. */
export const newFolder = async (t: ExecutionContext): Promise<string> => {
	const folder = await mkdtemp(join(tmpdir(), 'pjas-shards-'));
	t.teardown(async () => rm(folder, {recursive: true, force: true}));
	return folder;
};

/** Opens a node's folder, with what most tests give it. */
export const openFolder = async (folder: string, options: Partial<NodeFolderOptions> = {}): Promise<NodeFolder> =>
	openNodeFolder({
		folder,
		allocatedBytes: GIB,
		log: recordingLog(),
		clock: systemClock,
		random: systemRandom,
		...options,
	});

export type DiskOptions = Partial<DiskShardsOptions> & {allocatedBytes?: number};

/** Opens a store of shards alone, with what most tests give it. */
export const openDisk = async (
	folder: string,
	{allocatedBytes = GIB, ...options}: DiskOptions = {},
): Promise<DiskShards> => {
	const space = new Space({files: options.files ?? systemFiles, clock: systemClock, folder, allocatedBytes});
	return DiskShards.open({folder, space, log: recordingLog(), clock: systemClock, random: systemRandom, ...options});
};

/** Whether something is refused with a code. */
export const refused = async (t: ExecutionContext, code: ErrorCode, act: () => Promise<unknown>): Promise<Error> => {
	const error = await t.throwsAsync(act);
	t.true(isPjasError(error, code), `${code} was to be thrown, not ${String(error)}`);
	return error;
};

/** The names in a folder, in order. */
export const filesIn = async (...path: string[]): Promise<string[]> => (await readdir(join(...path))).sort();

/** Changes a byte of a file. */
export const flipByte = async (path: string, at = 5): Promise<void> => {
	const file = await open(path, 'r+');
	const {buffer} = await file.read(Buffer.alloc(1), 0, 1, at);
	await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, at);
	await file.close();
};

/** All that a store lists. */
export const collect = async (digests: AsyncIterable<Digest>): Promise<Digest[]> => {
	const all: Digest[] = [];
	for await (const digest of digests) all.push(digest);
	return all;
};

/** An error as the file system throws it. */
export const systemError = (code: string) => Object.assign(new Error(`${code}: injected`), {code});

/** File operations of which those that `fails` names fail; what files are asked to do goes through it as well. */
export const failingFiles = (fails: (operation: string, path: string) => string | undefined): DiskFiles => {
	const check = (operation: string, path: string) => {
		const code = fails(operation, path);
		if (code !== undefined) throw systemError(code);
	};

	const checked = (path: string, file: DiskFile): DiskFile =>
		new Proxy(file, {
			get(target, name) {
				const value: unknown = Reflect.get(target, name, target);
				if (typeof value !== 'function') return value;
				return (...parameters: unknown[]): unknown => {
					check(String(name), path);
					return Reflect.apply(value, target, parameters);
				};
			},
		});

	return {
		...systemFiles,
		open: async (path, flags, mode) => {
			check('open', path);
			return checked(path, await systemFiles.open(path, flags, mode));
		},
		openAtOnce: (path, flags, mode) => {
			check('open', path);
			return checked(path, systemFiles.openAtOnce(path, flags, mode));
		},
		rename: (from, to) => {
			check('rename', to);
			systemFiles.rename(from, to);
		},
	};
};
