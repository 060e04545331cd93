import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import {mkdtemp, open, readdir, readFile, rm, rmdir, stat, statfs} from 'node:fs/promises';
import {createServer} from 'node:http';
import path from 'node:path';
import {type FolderHolder, holderOf} from '../adapters/folder-lock.js';

/** What came back from an address. */
export type Answered = {status: number; header: (name: string) => string | undefined; text: string};

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
	/** Asks an address, following no redirection. Rejects where no answer comes. */
	ask: (url: string, request?: AskOptions) => Promise<Answered>;
	/** Listens, and answers every request with a text. Rejects where that can't be. */
	listen: (at: {host: string; port: number; text: string}) => Promise<Listening>;
	/** A text that nobody else has. */
	nonce: () => string;
};

export type AskOptions = {method?: string; headers?: Readonly<Record<string, string>>; body?: string};

const ASK_WITHIN_MS = 8_000;
const MOST_ANSWER_BYTES = 4 * 1024 * 1024;

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

const ask: DoctorIo['ask'] = async (url, {method = 'GET', headers = {}, body} = {}) => {
	const {got} = await import('got');
	const giveUp = new AbortController();
	const request = got(url, {
		method: method as 'GET',
		headers,
		...(body !== undefined && {body}),
		signal: giveUp.signal,
		timeout: {request: ASK_WITHIN_MS},
		retry: {limit: 0},
		followRedirect: false,
		throwHttpErrors: false,
	});
	void request.on('downloadProgress', ({transferred}) => {
		if (transferred > MOST_ANSWER_BYTES) giveUp.abort(new Error('The answer is too long'));
	});
	const answer = await request;
	const header = (name: string) => {
		const value = answer.headers[name.toLowerCase()];
		return typeof value === 'string' ? value : undefined;
	};
	return {status: answer.statusCode, header, text: answer.body};
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
