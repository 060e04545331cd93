import {Agent, type IncomingMessage, request, type RequestOptions} from 'node:http';
import {connect, type Socket} from 'node:net';

/** An answer as it came, of a server that may have been sent anything. */
export type RawAnswer = {status: number; headers: Record<string, string>; body: Buffer};

/** Longer than any answer here takes: what takes longer hangs. */
const LIMIT_MS = 45_000;

const headEnd = Buffer.from('\r\n\r\n');

const headersOf = (lines: readonly string[]): Record<string, string> =>
	Object.fromEntries(
		lines.map(line => {
			const at = line.indexOf(':');
			return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
		}),
	);

/** Takes a body in chunked transfer encoding apart; gives what follows it as well. */
const unchunk = (bytes: Buffer): {body: Buffer; rest: Buffer} => {
	const pieces: Buffer[] = [];
	for (let at = 0; ;) {
		const lineEnd = bytes.indexOf('\r\n', at);
		if (lineEnd < 0) return {body: Buffer.concat(pieces), rest: Buffer.alloc(0)};
		const sizeBytes = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
		const start = lineEnd + 2;
		if (sizeBytes === 0) return {body: Buffer.concat(pieces), rest: bytes.subarray(start + 2)};
		pieces.push(bytes.subarray(start, start + sizeBytes));
		at = start + sizeBytes + 2;
	}
};

/** The answers in what a server sent on one connection; throws where it is no HTTP. */
export const answersIn = (sent: Buffer): RawAnswer[] => {
	const answers: RawAnswer[] = [];
	for (let rest = sent; rest.length > 0;) {
		const end = rest.indexOf(headEnd);
		const [statusLine = '', ...lines] = rest.toString('latin1', 0, Math.max(0, end)).split('\r\n');
		const status = /^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1];
		if (status === undefined) throw new Error(`The server sent no HTTP: ${rest.toString('latin1', 0, 300)}`);
		const headers = headersOf(lines);
		const after = rest.subarray(end + headEnd.length);
		if (headers['transfer-encoding'] === 'chunked') {
			const {body, rest: next} = unchunk(after);
			answers.push({status: Number(status), headers, body});
			rest = next;
		} else {
			const sizeBytes = Number(headers['content-length'] ?? 0);
			answers.push({status: Number(status), headers, body: after.subarray(0, sizeBytes)});
			rest = after.subarray(sizeBytes);
		}
	}

	return answers;
};

/** Opens a connection and does no more. */
export const openSocket = async (url: string): Promise<Socket> => {
	const {hostname, port} = new URL(url);
	return new Promise((resolve, reject) => {
		const socket = connect({host: hostname, port: Number(port)}, () => resolve(socket));
		socket.once('error', reject);
	});
};

/** Sends bytes on a connection of their own, ends it on our side, and gives all that came until it was closed. */
export const sendRaw = async (url: string, ...pieces: readonly (string | Uint8Array)[]): Promise<Buffer> => {
	const socket = await openSocket(url);
	return new Promise((resolve, reject) => {
		const got: Buffer[] = [];
		const limit = setTimeout(() => {
			socket.destroy();
			reject(new Error(`No end after ${LIMIT_MS / 1000} s: ${String(pieces[0]).slice(0, 200)}`));
		}, LIMIT_MS);
		// A server that refuses may cut the connection while we still send.
		socket.on('error', () => undefined);
		socket.on('data', (piece: Buffer) => got.push(piece));
		socket.once('close', () => {
			clearTimeout(limit);
			resolve(Buffer.concat(got));
		});
		for (const piece of pieces) {
			if (typeof piece === 'string') socket.write(piece, 'latin1');
			else socket.write(piece);
		}

		socket.end();
	});
};

const agent = new Agent({keepAlive: true, maxSockets: 16});

export type RawRequest = {
	method: string;
	/** Sent as it is. */
	path: string;
	headers?: Record<string, string>;
	body?: Uint8Array | undefined;
};

/** How much of an endless answer is read. */
const MOST_READ_BYTES = 64 * 1024 * 1024;

const readAnswer = async (answer: IncomingMessage): Promise<Buffer> => {
	const pieces: Buffer[] = [];
	let sizeBytes = 0;
	const isEndless = answer.headers['content-type']?.startsWith('text/event-stream') ?? false;
	if (isEndless) {
		answer.destroy();
		return Buffer.alloc(0);
	}

	for await (const piece of answer as AsyncIterable<Buffer>) {
		pieces.push(piece);
		sizeBytes += piece.length;
		if (sizeBytes > MOST_READ_BYTES) throw new Error('The answer has no end');
	}

	return Buffer.concat(pieces);
};

/** Makes a request that HTTP allows, whatever is in it; gives nothing where the connection was cut without an answer. */
export const ask = async (url: string, {method, path, headers, body}: RawRequest): Promise<RawAnswer | undefined> =>
	new Promise((resolve, reject) => {
		// Said always: node:http leaves a GET's body without a length, as if it were the next request.
		const length = body ? {'content-length': String(body.length)} : {};
		const options: RequestOptions = {method, path, agent, headers: {...headers, ...length}, timeout: LIMIT_MS};
		const {hostname, port} = new URL(url);
		const outgoing = request({...options, host: hostname, port});
		let hasAnswer = false;
		outgoing.once('timeout', () => {
			reject(new Error(`${method} ${path}: no answer`));
			outgoing.destroy();
		});
		outgoing.on('error', () => {
			if (!hasAnswer) resolve(undefined);
		});
		outgoing.once('response', answer => {
			hasAnswer = true;
			const read = answer.headers;
			readAnswer(answer).then(
				bytes => resolve({status: answer.statusCode ?? 0, headers: read as Record<string, string>, body: bytes}),
				reject,
			);
		});
		outgoing.end(body);
	});
