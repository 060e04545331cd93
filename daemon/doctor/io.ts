import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import {mkdtemp, open, readdir, readFile, rm, rmdir, stat, statfs} from 'node:fs/promises';
import {createServer} from 'node:http';
import path from 'node:path';
import {type Ask, ask} from '../../source/doctor/ask.js';
import {type FolderHolder, holderOf} from '../adapters/folder-lock.js';

/** Something that listens for as long as a check needs it. */
export type Listening = {close: () => Promise<void>};

/** All that the checks touch: the machine's disk, its network and its clock. */
export type DoctorIo = {
	/** Milliseconds since the epoch. */
	now: () => number;
	monotonicMs: () => number;
	readText: (file: string) => Promise<string>;
	list: (folder: string) => Promise<string[]>;
	/** When a file or folder changed last; rejects where there is none. */
	stat: (path: string) => Promise<{isFolder: boolean; changedAtMs: number}>;
	space: (folder: string) => Promise<{freeBytes: number; diskBytes: number}>;
	/** Writes bytes into a new file below a folder, on to the disk, and removes it again. */
	tryWriting: (folder: string, bytes: Uint8Array) => Promise<void>;
	holderOf: (folder: string) => Promise<FolderHolder | undefined>;
	ask: Ask;
	/** Listens, and answers every request with a text. Rejects where that can't be. */
	listen: (at: {host: string; port: number; text: string}) => Promise<Listening>;
	/** A text that nobody else has. */
	nonce: () => string;
};

const tryWriting: DoctorIo['tryWriting'] = async (folder, bytes) => {
	// In a folder of its own: whatever happens, nothing of it lies among what is kept.
	const own = await mkdtemp(path.join(folder, '.doctor-'));
	const file = path.join(own, 'trial');
	try {
		const handle = await open(file, 'wx');
		try {
			await handle.writeFile(bytes);
			await handle.sync();
		} finally {
			await handle.close();
		}
	} finally {
		await rm(file, {force: true});
		await rmdir(own);
	}
};

const listen: DoctorIo['listen'] = async ({host, port, text}) => {
	const server = createServer((_, response) => response.end(text));
	await once(server.listen(port, host), 'listening');
	return {
		async close() {
			server.closeAllConnections();
			await new Promise(resolve => server.close(resolve));
		},
	};
};

export const systemIo: DoctorIo = {
	now: Date.now,
	monotonicMs: () => performance.now(),
	readText: async file => readFile(file, 'utf8'),
	list: async folder => readdir(folder),
	async stat(target) {
		const found = await stat(target);
		return {isFolder: found.isDirectory(), changedAtMs: found.mtimeMs};
	},
	async space(folder) {
		const {bavail, blocks, bsize} = await statfs(folder);
		return {freeBytes: bavail * bsize, diskBytes: blocks * bsize};
	},
	tryWriting,
	holderOf,
	ask,
	listen,
	nonce: randomUUID,
};
