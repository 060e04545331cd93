import {
	Agent,
	createServer,
	type IncomingMessage,
	request as makeRequest,
	type Server,
	type ServerResponse,
} from 'node:http';
import type {AddressInfo, Socket} from 'node:net';
import {Readable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {buffer as bufferOf} from 'node:stream/consumers';
import {setTimeout as delay} from 'node:timers/promises';
import {MemoryShards} from '../adapters/memory-shards.js';
import {startMemoryNode} from './memory-node.js';

export type RequestKind = 'put' | 'get' | 'stat' | 'remove' | 'list' | 'verify' | 'prove' | 'other';

/** What goes wrong between the caller and the node. */
export type Fault =
	/** The connection is reset before anything is read. */
	| 'reset'
	/** Nothing is read and nothing answered. */
	| 'hang'
	/** The node does what was asked; its answer never comes. */
	| 'hang-after-body'
	/** A byte in the middle is another, of what is put or of what is got. */
	| 'wrong-bytes'
	/** The body is taken, the answer is 507. */
	| 'full'
	/** The answer's body breaks off in its middle; a request's, where it has one. */
	| 'cut-off'
	/** Bodies pass at this rate. */
	| {bytesPerSecond: number};

export type FaultyNode = {
	url: string;
	/** How many requests of each kind came. */
	readonly counts: Readonly<Record<RequestKind, number>>;
	/** From now on requests of this kind, or of all, meet this fault; none of them where it is `undefined`. */
	fault: (fault: Fault | undefined, kind?: RequestKind) => void;
	/** Stops listening: connections are refused, those there are break. */
	leave: () => Promise<void>;
	/** Listens again, on the same port. */
	comeBack: () => Promise<void>;
	close: () => Promise<void>;
};

const TICK_MS = 20;
const kinds: readonly RequestKind[] = ['put', 'get', 'stat', 'remove', 'list', 'verify', 'prove', 'other'];

const kindOf = ({method, url = ''}: IncomingMessage): RequestKind => {
	const path = url.split('?')[0] ?? '';
	const isShard = /^\/shards\/[^/]+$/.test(path);
	if ((method === 'PUT' && isShard) || (method === 'POST' && ['/chunk', '/shards'].includes(path))) return 'put';
	const isGet = method === 'GET' && (isShard || path === '/chunk');
	if (isGet || (method === 'POST' && path === '/shards/get')) return 'get';
	if (method === 'HEAD' && isShard) return 'stat';
	if (method === 'DELETE' && isShard) return 'remove';
	if (method === 'POST' && path.endsWith('/verify')) return 'verify';
	if (method === 'POST' && path.endsWith('/prove')) return 'prove';
	return method === 'GET' && path === '/shards' ? 'list' : 'other';
};

const changed = (bytes: Buffer): Buffer => {
	const copy = Buffer.from(bytes);
	const middle = copy.length >> 1;
	if (copy.length > 0) copy.writeUInt8(copy.readUInt8(middle) ^ 1, middle);
	return copy;
};

async function* slowed(bytes: Buffer, bytesPerSecond: number): AsyncGenerator<Buffer> {
	const pieceBytes = Math.max(1, Math.round((bytesPerSecond * TICK_MS) / 1000));
	for (let at = 0; at < bytes.length; at += pieceBytes) {
		await delay(TICK_MS, undefined, {ref: false});
		yield bytes.subarray(at, at + pieceBytes);
	}
}

type Passed = {status: number; headers: IncomingMessage['headers']; body: Buffer};

/** Has the node itself answer. */
const passOn = async (target: string, agent: Agent, {method, url, headers}: IncomingMessage, body: Buffer) =>
	new Promise<Passed>((resolve, reject) => {
		const passed = makeRequest(target + (url ?? '/'), {method, agent, headers: {...headers, connection: 'keep-alive'}});
		passed.once('error', reject).once('response', answer => {
			bufferOf(answer).then(
				bytes => resolve({status: answer.statusCode ?? 502, headers: answer.headers, body: bytes}),
				reject,
			);
		});
		passed.end(body);
	});

const sendFull = (response: ServerResponse) => {
	const body = JSON.stringify({success: false, error: 'This node is full', code: 'INSUFFICIENT_STORAGE'});
	response.writeHead(507, {'content-type': 'application/json', 'content-length': Buffer.byteLength(body)}).end(body);
};

const sendPassed = async (response: ServerResponse, {status, headers, body}: Passed, fault: Fault | undefined) => {
	delete headers.connection;
	delete headers['transfer-encoding'];
	response.writeHead(status, response.req.method === 'HEAD' ? headers : {...headers, 'content-length': body.length});
	if (fault === 'cut-off') {
		response.write(body.subarray(0, body.length >> 1), () => response.destroy());
	} else if (typeof fault === 'object') {
		await pipeline(Readable.from(slowed(body, fault.bytesPerSecond)), response);
	} else {
		response.end(fault === 'wrong-bytes' ? changed(body) : body);
	}
};

/** Reads a request's body, at the pace of the fault. */
const readBody = async (request: IncomingMessage, fault: Fault | undefined): Promise<Buffer> => {
	const pieces: Buffer[] = [];
	for await (const piece of request as AsyncIterable<Buffer>) {
		pieces.push(piece);
		if (typeof fault === 'object') await delay((1000 * piece.length) / fault.bytesPerSecond, undefined, {ref: false});
	}

	return Buffer.concat(pieces);
};

/** Breaks a connection when half of a request's body is there. */
const cutRequest = (request: IncomingMessage, sizeBytes: number) => {
	let leftBytes = sizeBytes >> 1;
	request.on('data', (piece: Buffer) => {
		leftBytes -= piece.length;
		if (leftBytes <= 0) request.socket.resetAndDestroy();
	});
};

/** A front before a node, or before shards in memory, in which things go wrong on demand. */
export const startFaultyNode = async ({
	target = new MemoryShards(),
}: {target?: string | MemoryShards} = {}): Promise<FaultyNode> => {
	const own = typeof target === 'string' ? undefined : await startMemoryNode(target);
	const targetUrl = typeof target === 'string' ? target : (own?.url ?? '');
	const agent = new Agent({keepAlive: true});
	const faults = new Map<RequestKind, Fault>();
	const counts = Object.fromEntries(kinds.map(kind => [kind, 0])) as Record<RequestKind, number>;
	const sockets = new Set<Socket>();

	const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
		const kind = kindOf(request);
		counts[kind]++;
		const fault = faults.get(kind);
		const sizeBytes = Number(request.headers['content-length'] ?? 0);
		if (fault === 'reset') {
			request.socket.resetAndDestroy();
			return;
		}

		if (fault === 'hang') return;
		if (fault === 'cut-off' && sizeBytes > 0) {
			cutRequest(request, sizeBytes);
			return;
		}

		const body = await readBody(request, fault);
		if (fault === 'full') {
			sendFull(response);
			return;
		}

		const isWrongPut = fault === 'wrong-bytes' && body.length > 0;
		const passed = await passOn(targetUrl, agent, request, isWrongPut ? changed(body) : body);
		if (fault !== 'hang-after-body') await sendPassed(response, passed, isWrongPut ? undefined : fault);
	};

	const server: Server = createServer((request, response) => {
		request.on('error', () => undefined);
		response.on('error', () => undefined);
		answer(request, response).catch(() => response.destroy());
	});
	server.on('connection', socket => {
		sockets.add(socket);
		socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
	});

	const listenOn = async (port: number): Promise<number> =>
		new Promise((resolve, reject) => {
			server.once('error', reject);
			server.listen(port, '127.0.0.1', () => {
				server.off('error', reject);
				resolve((server.address() as AddressInfo).port);
			});
		});

	const leave = async () =>
		new Promise<void>(resolve => {
			server.close(() => resolve());
			for (const socket of sockets) socket.destroy();
		});

	const port = await listenOn(0);
	return {
		url: `http://127.0.0.1:${port}`,
		counts,
		fault(fault, kind) {
			for (const each of kind ? [kind] : kinds) {
				if (fault === undefined) faults.delete(each);
				else faults.set(each, fault);
			}
		},
		leave,
		async comeBack() {
			await listenOn(port);
		},
		async close() {
			if (server.listening) await leave();
			agent.destroy();
			await own?.close();
		},
	};
};
