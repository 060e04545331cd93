import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {open, rename, stat, unlink} from 'node:fs/promises';
import {createServer, type IncomingMessage, type ServerResponse} from 'node:http';
import {join} from 'node:path';
import {pipeline} from 'node:stream/promises';
import {listen} from './floor-listen.js';

/**
What a node that keeps shards can't do without, in the order of what it costs: forked with its folder, it takes bodies in and
gives them back. `sync` has a body and its name on disk before it answers, `hash` checks that it is what its name says.
*/
const [folder = '.', ...does] = process.argv.slice(2);
const isSynced = does.includes('sync');
const isHashed = does.includes('hash');
let puts = 0;

const syncFolder = async (): Promise<void> => {
	const handle = await open(folder);
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
};

/** Writes a body, and says whether it is what it should be. */
const write = async (path: string, name: string, request: IncomingMessage): Promise<boolean> => {
	const hash = createHash('sha256');
	const file = await open(path, 'w');
	try {
		for await (const piece of request as AsyncIterable<Buffer>) {
			if (isHashed) hash.update(piece);
			await file.write(piece);
		}

		if (isSynced) await file.datasync();
	} finally {
		await file.close();
	}

	return !isHashed || hash.digest('hex') === name;
};

const put = async (name: string, request: IncomingMessage, response: ServerResponse): Promise<void> => {
	const temporary = join(folder, `${puts++}.tmp`);
	const isRight = await write(temporary, name, request);
	await (isRight ? rename(temporary, join(folder, name)) : unlink(temporary));
	if (isSynced) await syncFolder();
	response.writeHead(isRight ? 201 : 422, {'content-length': 0}).end();
};

const get = async (name: string, response: ServerResponse): Promise<void> => {
	const path = join(folder, name);
	const {size} = await stat(path);
	response.writeHead(200, {'content-length': size});
	await pipeline(createReadStream(path), response);
};

const remove = async (name: string, response: ServerResponse): Promise<void> => {
	await unlink(join(folder, name));
	response.writeHead(204).end();
};

listen(
	createServer((request, response) => {
		const name = (request.url ?? '/').slice(1);
		const ways = {PUT: async () => put(name, request, response), DELETE: async () => remove(name, response)};
		const way = ways[request.method as keyof typeof ways] as (() => Promise<void>) | undefined;
		(way ? way() : get(name, response)).catch((error: unknown) =>
			response.headersSent ? response.destroy() : response.writeHead(500).end(String(error)),
		);
	}),
);
