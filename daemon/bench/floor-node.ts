import {createHash} from 'node:crypto';
import {constants} from 'node:fs';
import {type FileHandle, open, readdir, unlink} from 'node:fs/promises';
import {createServer, type IncomingMessage, type ServerResponse} from 'node:http';
import {join} from 'node:path';
import {FLOOR_BLOCK_BYTES, FLOOR_TAG_BYTES} from './floor-blocks.js';
import {listen} from './floor-listen.js';

/**
The floor's storage process, forked with its folder: takes a block, hashes it, writes it with O_DIRECT out of a pooled,
page-aligned buffer, one fdatasync, answers; and gives it back.
*/
const [folder = '.'] = process.argv.slice(2);
const PAGE_BYTES = 65_536;
const SECTOR_BYTES = 4096;

// Not in TypeScript's library for ES2023. Its memory is page-aligned, as O_DIRECT wants it.
declare const WebAssembly: {Memory: new (limits: {initial: number}) => {buffer: ArrayBuffer}};

const free: Buffer[] = [];
const borrow = (): Buffer =>
	free.pop() ??
	Buffer.from(new WebAssembly.Memory({initial: Math.ceil((FLOOR_BLOCK_BYTES + FLOOR_TAG_BYTES) / PAGE_BYTES)}).buffer);

/** Reads and hashes a body into the buffer. */
const receive = async (request: IncomingMessage, buffer: Buffer): Promise<{sizeBytes: number; digest: string}> =>
	new Promise((resolve, reject) => {
		const hash = createHash('sha256');
		let sizeBytes = 0;
		request.on('data', (piece: Buffer) => {
			hash.update(piece);
			piece.copy(buffer, sizeBytes);
			sizeBytes += piece.length;
		});
		request.on('end', () => resolve({sizeBytes, digest: hash.digest('hex')}));
		request.on('error', reject);
	});

const create = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC;
let direct = true;

const openForWriting = async (path: string): Promise<FileHandle> => {
	if (direct) {
		try {
			return await open(path, create | constants.O_DIRECT);
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
			direct = false;
		}
	}

	return open(path, create);
};

const write = async (path: string, buffer: Buffer, sizeBytes: number): Promise<void> => {
	const file = await openForWriting(path);
	try {
		const writeBytes = direct ? Math.ceil(sizeBytes / SECTOR_BYTES) * SECTOR_BYTES : sizeBytes;
		await file.write(buffer, 0, writeBytes, 0);
		if (writeBytes !== sizeBytes) {
			await file.truncate(sizeBytes);
		}

		await file.datasync();
	} finally {
		await file.close();
	}
};

const put = async (path: string, name: string, request: IncomingMessage, response: ServerResponse): Promise<void> => {
	const buffer = borrow();
	try {
		const {sizeBytes, digest} = await receive(request, buffer);
		const right = digest === name;
		if (right) {
			await write(path, buffer, sizeBytes);
		}

		response.writeHead(right ? 201 : 422, {'content-length': 0}).end();
	} finally {
		free.push(buffer);
	}
};

const get = async (path: string, response: ServerResponse): Promise<void> => {
	const buffer = borrow();
	const file = await open(path, 'r');
	const {bytesRead} = await file.read(buffer, 0, buffer.length, 0).finally(async () => file.close());
	response.writeHead(200, {'content-length': bytesRead});
	response.on('close', () => free.push(buffer));
	response.end(buffer.subarray(0, bytesRead));
};

const empty = async (response: ServerResponse): Promise<void> => {
	await Promise.all((await readdir(folder)).map(async name => unlink(join(folder, name))));
	response.writeHead(204).end();
};

const server = createServer((request, response) => {
	const name = (request.url ?? '/').slice(1);
	const path = join(folder, name);
	const answer =
		request.method === 'PUT'
			? put(path, name, request, response)
			: request.method === 'DELETE'
				? empty(response)
				: get(path, response);
	answer.catch((error: unknown) => response.writeHead(500).end(String(error)));
});

listen(server);
