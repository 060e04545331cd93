import {randomBytes} from 'node:crypto';
import {Agent, createServer, type IncomingMessage, request as httpRequest, type ServerResponse} from 'node:http';
import {type FloorBlock, blockOpener, blockSealer} from './floor-blocks.js';
import {listen} from './floor-listen.js';

/**
The floor's front process, forked with its nodes' ports: seals and hashes a body as it comes and sends each block to all
nodes at once, two blocks in flight; reads it back from one node a block, two blocks ahead. It keeps no catalogue.
*/
const ports = process.argv.slice(2).map(Number);
const agent = new Agent({keepAlive: true, maxSockets: 64});
const BLOCKS_IN_FLIGHT = 2;
const READ_AHEAD = 2;

type FloorFile = {key: Buffer; sizeBytes: number; blocks: {digest: string; sealedBytes: number}[]};
const files = new Map<string, FloorFile>();

/** Sends one block to one node. */
const sendBlock = async (port: number, {digest, sizeBytes, pieces}: FloorBlock): Promise<void> =>
	new Promise((resolve, reject) => {
		const headers = {'content-length': sizeBytes};
		const call = httpRequest({port, host: '127.0.0.1', method: 'PUT', path: `/${digest}`, headers, agent}, answer => {
			answer.resume().on('end', () => {
				if (answer.statusCode === 201) resolve();
				else reject(new Error(`A floor node answered ${answer.statusCode ?? 'nothing'}`));
			});
		});
		call.on('error', reject);
		call.cork();
		for (const piece of pieces) {
			call.write(piece);
		}

		call.end();
	});

const sendToAll = async (block: FloorBlock): Promise<void> => {
	await Promise.all(ports.map(async port => sendBlock(port, block)));
};

/** Receives a file. The request is paused while as many blocks as may be are on their way. */
const receive = async (request: IncomingMessage, key: Buffer): Promise<FloorFile> =>
	new Promise((resolve, reject) => {
		const file: FloorFile = {key, sizeBytes: 0, blocks: []};
		let sealer: ReturnType<typeof blockSealer> | undefined;
		let inFlight = 0;
		let ended = false;
		const send = (): void => {
			const block = sealer?.finish();
			sealer = undefined;
			if (!block) return;
			file.blocks.push({digest: block.digest, sealedBytes: block.sizeBytes});
			if (++inFlight >= BLOCKS_IN_FLIGHT) {
				request.pause();
			}

			sendToAll(block).then(settled, reject);
		};

		const settled = (): void => {
			inFlight--;
			request.resume();
			if (ended && inFlight === 0) resolve(file);
		};

		request.on('data', (piece: Buffer) => {
			file.sizeBytes += piece.length;
			for (let rest = piece; rest.length > 0;) {
				sealer ??= blockSealer(key, file.blocks.length);
				const part = rest.subarray(0, sealer.room());
				sealer.add(part);
				rest = rest.subarray(part.length);
				if (sealer.room() === 0) send();
			}
		});
		request.on('end', () => {
			ended = true;
			send();
			if (inFlight === 0) resolve(file);
		});
		request.on('error', reject);
	});

/** Fetches and opens one block. Which node it comes from follows from its digest, so that all take part. */
const fetchBlock = async ({key, blocks}: FloorFile, index: number): Promise<Buffer[]> => {
	const block = blocks[index];
	if (!block) throw new RangeError(`The floor has no block ${index}`);
	const opener = blockOpener(key, index, block.sealedBytes);
	const port = ports[parseInt(block.digest.slice(0, 8), 16) % ports.length];
	await new Promise<void>((resolve, reject) => {
		const call = httpRequest({port, host: '127.0.0.1', path: `/${block.digest}`, agent}, answer => {
			answer.on('data', opener.add);
			answer.on('error', reject);
			answer.on('end', resolve);
		});
		call.on('error', reject);
		call.end();
	});
	return opener.finish();
};

const drained = async (response: ServerResponse): Promise<void> =>
	new Promise((resolve, reject) => {
		const gone = (): void => reject(new Error('The client went away'));
		response.once('close', gone);
		response.once('drain', () => {
			response.off('close', gone);
			resolve();
		});
	});

/** Sends a file, fetching ahead of what is being sent. */
const send = async (file: FloorFile, response: ServerResponse): Promise<void> => {
	response.writeHead(200, {'content-length': file.sizeBytes});
	const ahead: Promise<Buffer[]>[] = [];
	for (let index = 0; index < file.blocks.length; index++) {
		while (ahead.length <= READ_AHEAD && index + ahead.length < file.blocks.length) {
			ahead.push(fetchBlock(file, index + ahead.length));
		}

		let flowing = true;
		for (const piece of (await ahead.shift()) ?? []) {
			flowing = response.write(piece);
		}

		if (!flowing && response.writableNeedDrain) await drained(response);
	}

	response.end();
};

const upload = async (id: string, request: IncomingMessage, response: ServerResponse): Promise<void> => {
	files.set(id, await receive(request, randomBytes(32)));
	response.writeHead(201, {'content-length': 0}).end();
};

const server = createServer((request, response) => {
	const id = (request.url ?? '/').slice(1);
	const file = files.get(id);
	const answer =
		request.method === 'PUT'
			? upload(id, request, response)
			: file
				? send(file, response)
				: Promise.reject(new Error('No file'));
	answer.catch((error: unknown) =>
		response.headersSent ? response.destroy() : response.writeHead(500).end(String(error)),
	);
});

listen(server);
