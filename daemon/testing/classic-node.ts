import {createHash} from 'node:crypto';
import {existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync} from 'node:fs';
import {createServer, type AddressInfo, type Server, type Socket} from 'node:net';
import {join} from 'node:path';
import type {NodeId} from '../../source/protocol/ids.js';
import type {Clock, Random} from '../ports/clock.js';
import {systemRandom} from '../adapters/system.js';

export type ClassicNodeOptions = {
	/** Where it keeps its chunks. They outlast it; its id does not. */
	folder: string;
	allocatedBytes?: number;
	/** What it tells as its address; without it, where it listens. */
	publicUrl?: string;
	/** Ends in `/api`. Without one it neither registers nor beats. */
	coordinatorUrl?: string;
	/** Beats every 30 s by this clock; without one, only when told. */
	clock?: Clock;
	random?: Random;
	port?: number;
	/** Keeps what came of a body whose connection broke off, as if it were whole. */
	keepsTornBodies?: boolean;
};

export type ClassicNode = {
	nodeId: NodeId;
	url: string;
	/** The requests that it has read, as they came: `POST /chunk`. */
	readonly requests: readonly string[];
	/** How many requests it was ever serving at once. */
	readonly mostAtOnce: number;
	chunkPath: (id: string) => string;
	register: () => Promise<void>;
	beat: () => Promise<void>;
	stop: () => Promise<void>;
};

type ChunkEntry = {file_id: string; size: number; created: number; checksum: string};
type Metadata = {node_id: string; chunks: Record<string, ChunkEntry>; total_stored: number};
type Request = {method: string; path: string; headers: Map<string, string>; body: () => Promise<Buffer>};
type Answer = {status: number; headers?: Record<string, string | number>; body: Uint8Array};

const DEFAULT_ALLOCATED_BYTES = 1024 ** 3;
const HEARTBEAT_MS = 30_000;
const MAX_HEAD_BYTES = 64 * 1024;
const reasons: Record<number, string> = {
	200: 'OK',
	400: 'Bad Request',
	404: 'Not Found',
	500: 'Internal Server Error',
	501: 'Not Implemented',
};

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

// The Python server states no length for these: they end with the connection.
const jsonAnswer = (status: number, body: unknown): Answer => ({
	status,
	headers: {'Content-Type': 'application/json'},
	body: Buffer.from(JSON.stringify(body)),
});

const pageAnswer = (status: number, message: string): Answer => {
	const body = Buffer.from(
		`<!DOCTYPE HTML>\n<html><head><title>Error response</title></head><body>` +
			`<h1>Error response</h1><p>Error code: ${status}</p><p>Message: ${message}.</p></body></html>\n`,
	);
	const headers = {Connection: 'close', 'Content-Type': 'text/html;charset=utf-8', 'Content-Length': body.length};
	return {status, headers, body};
};

const headOf = ({status, headers = {}}: Answer): string =>
	[
		`HTTP/1.0 ${status} ${reasons[status] ?? 'Error'}`,
		'Server: BaseHTTP/0.6 Python/3.11.2',
		`Date: ${new Date().toUTCString()}`,
		...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
		'',
		'',
	].join('\r\n');

/** Reads one request as the Python server does: the head to its empty line, the body by Content-Length and no other way. */
const readRequest = async (socket: Socket, keepsTornBodies: boolean): Promise<Request | undefined> => {
	const pieces = socket.iterator({destroyOnReturn: false}) as AsyncIterator<Buffer>;
	let held: Buffer = Buffer.alloc(0);
	const next = async (): Promise<Buffer | undefined> => {
		const result = await pieces.next();
		return result.done ? undefined : result.value;
	};

	let end: number;
	while ((end = held.indexOf('\r\n\r\n')) < 0) {
		const piece = held.length > MAX_HEAD_BYTES ? undefined : await next();
		if (!piece) return undefined;
		held = Buffer.concat([held, piece]);
	}

	const [requestLine = '', ...lines] = held.toString('latin1', 0, end).split('\r\n');
	const [method = '', path = ''] = requestLine.split(' ');
	const headers = new Map(
		lines.map(line => {
			const at = line.indexOf(':');
			return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()] as const;
		}),
	);
	held = held.subarray(end + 4);

	const body = async (): Promise<Buffer> => {
		const sizeBytes = Number(headers.get('content-length'));
		if (!headers.has('content-length') || Number.isNaN(sizeBytes)) throw new Error('int() argument must be a string');
		const gathered = [held];
		for (let left = sizeBytes - held.length; left > 0;) {
			const piece = await next().catch(() => undefined);
			if (!piece) {
				if (!keepsTornBodies) throw new Error('the connection broke off');
				break;
			}

			gathered.push(piece);
			left -= piece.length;
		}

		return Buffer.concat(gathered).subarray(0, sizeBytes);
	};

	return {method, path, headers, body};
};

const sendAnswer = async (socket: Socket, answer: Answer): Promise<void> =>
	new Promise(resolve => {
		socket.once('close', () => resolve());
		socket.write(headOf(answer));
		socket.end(answer.body, () => socket.destroySoon());
	});

/** What the prototype keeps in its folder. */
class ClassicFolder {
	readonly #folder: string;
	readonly #allocatedBytes: number;
	readonly #metadata: Metadata;

	constructor(folder: string, nodeId: string, allocatedBytes: number) {
		this.#folder = folder;
		this.#allocatedBytes = allocatedBytes;
		mkdirSync(join(folder, 'chunks'), {recursive: true});
		const path = join(folder, 'node_metadata.json');
		const before = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Metadata) : undefined;
		this.#metadata = {node_id: nodeId, chunks: before?.chunks ?? {}, total_stored: before?.total_stored ?? 0};
		this.#save();
	}

	chunkPath(id: string): string {
		return join(this.#folder, 'chunks', `${id}.chunk`);
	}

	stats() {
		const files = readdirSync(join(this.#folder, 'chunks'));
		const sizeOf = (name: string) => statSync(join(this.#folder, 'chunks', name), {throwIfNoEntry: false})?.size ?? 0;
		const used = files.reduce((sum, name) => sum + sizeOf(name), 0);
		return {
			used_bytes: used,
			allocated_bytes: this.#allocatedBytes,
			free_bytes: this.#allocatedBytes - used,
			chunk_count: Object.keys(this.#metadata.chunks).length,
			usage_percent: (used / this.#allocatedBytes) * 100,
		};
	}

	store(id: string, fileId: string, chunk: Buffer): void {
		if (this.stats().free_bytes < chunk.length) throw new Error('Not enough free space');
		writeFileSync(this.chunkPath(id), chunk);
		const created = Date.now() / 1000;
		this.#metadata.chunks[id] = {file_id: fileId, size: chunk.length, created, checksum: sha256(chunk)};
		this.#metadata.total_stored += chunk.length;
		this.#save();
	}

	/** The chunk, unless it is unknown or is not what it was. */
	retrieve(id: string): Buffer | undefined {
		const entry = this.#metadata.chunks[id];
		if (!entry || !existsSync(this.chunkPath(id))) return undefined;
		const chunk = readFileSync(this.chunkPath(id));
		return sha256(chunk) === entry.checksum ? chunk : undefined;
	}

	/** In one step, unlike the Python node: tests that kill it are about the coordinator, not about what it does to itself. */
	#save(): void {
		const path = join(this.#folder, 'node_metadata.json');
		writeFileSync(`${path}.new`, JSON.stringify(this.#metadata, undefined, 2));
		renameSync(`${path}.new`, path);
	}
}

const takeChunk = async (request: Request, folder: ClassicFolder): Promise<Answer> => {
	try {
		const body = await request.body();
		const metadataBytes = Number(request.headers.get('x-metadata-length') ?? 0);
		const metadata = JSON.parse(body.toString('utf8', 0, metadataBytes)) as Record<'chunk_id' | 'file_id', string>;
		const chunk = body.subarray(metadataBytes);
		folder.store(metadata.chunk_id, metadata.file_id, chunk);
		return jsonAnswer(200, {success: true, stored_bytes: chunk.length});
	} catch (error) {
		return jsonAnswer(500, {success: false, error: (error as Error).message});
	}
};

const giveChunk = (url: URL, folder: ClassicFolder): Answer => {
	const id = url.searchParams.get('id');
	if (!id) return pageAnswer(400, 'Missing chunk ID');
	const chunk = folder.retrieve(id);
	if (!chunk) return pageAnswer(404, 'Chunk not found');
	return {
		status: 200,
		headers: {'Content-Type': 'application/octet-stream', 'Content-Length': chunk.length},
		body: chunk,
	};
};

const answerTo = async (request: Request, nodeId: string, folder: ClassicFolder): Promise<Answer> => {
	const url = new URL(request.path, 'http://node');
	const route = `${request.method} ${url.pathname}`;
	if (route === 'POST /chunk') return takeChunk(request, folder);
	if (route === 'GET /chunk') return giveChunk(url, folder);
	if (route === 'GET /status') return jsonAnswer(200, {node_id: nodeId, status: 'online', storage: folder.stats()});
	if (request.method === 'GET' || request.method === 'POST') return pageAnswer(404, 'Not Found');
	return pageAnswer(501, `Unsupported method ('${request.method}')`);
};

const listenOn = async (server: Server, port: number): Promise<number> =>
	new Promise((resolve, reject) => {
		server.once('error', reject);
		server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
	});

/**
The prototype's storage node, as it is seen from outside (`classic-protocol.md`): HTTP/1.0, one request at a time and each
on a connection of its own, a new id at every start, a coordinator that is told once.
*/
export const startClassicNode = async (options: ClassicNodeOptions): Promise<ClassicNode> => {
	const {coordinatorUrl, clock, random = systemRandom, keepsTornBodies = false} = options;
	const nodeId = `pjas-${Buffer.from(random.bytes(4)).toString('hex')}` as NodeId;
	const folder = new ClassicFolder(options.folder, nodeId, options.allocatedBytes ?? DEFAULT_ALLOCATED_BYTES);
	const requests: string[] = [];
	const sockets = new Set<Socket>();
	let atOnce = 0;
	let mostAtOnce = 0;

	const serve = async (socket: Socket): Promise<void> => {
		mostAtOnce = Math.max(mostAtOnce, ++atOnce);
		try {
			const request = await readRequest(socket, keepsTornBodies);
			if (!request) return;
			requests.push(`${request.method} ${request.path}`);
			const answer = await answerTo(request, nodeId, folder);
			if (!socket.destroyed) await sendAnswer(socket, answer);
		} catch {
			// The Python server prints a trace and takes the next connection.
		} finally {
			atOnce--;
			socket.destroy();
		}
	};

	let last = Promise.resolve();
	const server = createServer({pauseOnConnect: true}, socket => {
		sockets.add(socket);
		socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
		last = last.then(async () => serve(socket));
	});
	const url = `http://127.0.0.1:${await listenOn(server, options.port ?? 0)}`;

	const tell = async (path: string, body: unknown): Promise<void> => {
		if (coordinatorUrl === undefined) return;
		const headers = {'Content-Type': 'application/json'};
		await fetch(coordinatorUrl + path, {method: 'POST', headers, body: JSON.stringify(body)})
			.then(async answer => answer.arrayBuffer())
			.catch(() => undefined);
	};

	const register = async () =>
		tell('/nodes/register', {
			node_id: nodeId,
			address: options.publicUrl ?? url,
			storage_stats: folder.stats(),
			status: 'online',
			version: '1.0.0',
		});
	const beat = async () =>
		tell('/nodes/heartbeat', {node_id: nodeId, storage_stats: folder.stats(), timestamp: Date.now() / 1000});

	const stopped = new AbortController();
	const beatForever = async (by: Clock) => {
		for (;;) {
			await by.sleep(HEARTBEAT_MS, stopped.signal);
			await beat();
		}
	};

	await register();
	if (clock) beatForever(clock).catch(() => undefined);
	return {
		nodeId,
		url,
		requests,
		get mostAtOnce() {
			return mostAtOnce;
		},
		chunkPath: id => folder.chunkPath(id),
		register,
		beat,
		async stop() {
			stopped.abort();
			for (const socket of sockets) socket.destroy();
			await new Promise<void>(resolve => server.close(() => resolve()));
		},
	};
};
