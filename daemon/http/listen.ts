import {createServer, type IncomingMessage, type Server, type ServerResponse} from 'node:http';
import type {AddressInfo, Socket} from 'node:net';
import type {Duplex} from 'node:stream';
import {PjasError} from '../../source/protocol/errors.js';
import type {Log} from '../ports/log.js';
import {errorAnswer, rawErrorAnswer} from './errors.js';

export type ListenOptions = {
	/** A Koa application's `callback()`, or any handler. */
	handler: (request: IncomingMessage, response: ServerResponse) => unknown;
	host: string;
	/** 0 for any that is free. */
	port: number;
	log: Log;
};

export type Listening = {
	port: number;
	/** Where this machine reaches it. */
	url: string;
	server: Server;
	/** Takes no more, lets what is under way end for so long, then cuts it off. May be called again. */
	close: (options?: {graceMs?: number}) => Promise<void>;
};

const HEADERS_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
const DEFAULT_GRACE_MS = 10_000;
const RETRY_AFTER_SECONDS = 5;

const listenFailures: Record<string, (host: string, port: number) => string> = {
	EADDRINUSE: (_host, port) =>
		`Port ${port} is in use by another program: stop that one, or choose another port with --port`,
	EACCES: (_host, port) => `Port ${port} can't be used without more rights: choose one above 1023 with --port`,
	EADDRNOTAVAIL: host => `${host} is no address of this machine: choose another with --host`,
	ENOTFOUND: host => `${host} is no address that this machine knows: choose another with --host`,
};

const urlOf = (host: string, port: number): string => {
	const reachable = host === '0.0.0.0' || host === '' ? '127.0.0.1' : host === '::' ? '::1' : host;
	return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
};

const startListening = async (server: Server, host: string, port: number): Promise<void> =>
	new Promise((resolve, reject) => {
		server.once('error', (error: NodeJS.ErrnoException) => {
			const say = error.code === undefined ? undefined : listenFailures[error.code];
			const message = say?.(host, port) ?? `Can't listen on ${host} port ${port}: choose others with --host and --port`;
			reject(new PjasError('INVALID_CONFIGURATION', message, {cause: error}));
		});
		server.listen({host, port}, resolve);
	});

/** Answers what the parser could not read, unless an answer to an earlier request is on its way on that connection. */
const answerMalformed =
	(log: Log, responses: ReadonlyMap<Duplex, ServerResponse>) => (error: Error, socket: Duplex) => {
		const {code} = error as NodeJS.ErrnoException;
		log.debug('a connection failed', {error});
		if (code === 'ECONNRESET' || !socket.writable || responses.get(socket)?.headersSent) {
			socket.destroy();
			return;
		}

		socket.once('error', () => undefined);
		socket.end(rawErrorAnswer(code), () => socket.destroy());
	};

const stopping = () =>
	new PjasError('SHUTTING_DOWN', 'This server is stopping: try again in a moment', {
		retryAfterSeconds: RETRY_AFTER_SECONDS,
	});

const noHost = () => new PjasError('INVALID_REQUEST', 'The request names no Host, as HTTP/1.1 wants it');

/** Serves HTTP until it is closed. */
export const listen = async ({handler, host, port, log}: ListenOptions): Promise<Listening> => {
	const sockets = new Set<Socket>();
	const responses = new Map<Duplex, ServerResponse>();
	let isClosing = false;

	const refuse = (response: ServerResponse, error: PjasError) => {
		const {status, headers, body} = errorAnswer(error);
		response.writeHead(status, {...headers, Connection: 'close', 'Content-Type': 'application/json; charset=utf-8'});
		response.end(JSON.stringify(body));
	};

	const serve = (request: IncomingMessage, response: ServerResponse) => {
		const {socket} = request;
		// A body or an answer that breaks off is its reader's or writer's matter; nobody may be left without a listener.
		request.on('error', () => undefined);
		response.on('error', () => undefined);
		if (isClosing) {
			refuse(response, stopping());
			return;
		}

		if (request.httpVersion === '1.1' && request.headers.host === undefined) {
			refuse(response, noHost());
			return;
		}

		responses.set(socket, response);
		response.once('close', () => {
			if (responses.get(socket) === response) responses.delete(socket);
			if (isClosing) socket.end(() => socket.destroy());
		});
		handler(request, response);
	};

	// Node's own answers to a missing Host and to an unknown Expect have no body that says what is wrong.
	const server = createServer({noDelay: true, requireHostHeader: false}, serve);
	server.on('checkExpectation', serve);

	server.headersTimeout = HEADERS_TIMEOUT_MS;
	server.requestTimeout = 0;
	server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS;
	server.on('connection', (socket: Socket) => {
		sockets.add(socket);
		socket.once('close', () => sockets.delete(socket));
	});
	server.on('clientError', answerMalformed(log, responses));

	await startListening(server, host, port);
	server.removeAllListeners('error').on('error', error => log.error('the server failed', {error}));

	const stop = async (graceMs: number): Promise<void> => {
		isClosing = true;
		const closed = new Promise<void>(resolve => server.close(() => resolve()));
		for (const socket of sockets) if (!responses.has(socket)) socket.destroy();
		for (const response of responses.values()) response.shouldKeepAlive = false;
		const timer = setTimeout(() => {
			log.warn('what was under way did not end in time and was cut off', {connections: sockets.size});
			for (const socket of sockets) socket.destroy();
		}, graceMs);
		await closed;
		clearTimeout(timer);
	};

	const actualPort = (server.address() as AddressInfo).port;
	let closing: Promise<void> | undefined;
	return {
		port: actualPort,
		url: urlOf(host, actualPort),
		server,
		close: async ({graceMs = DEFAULT_GRACE_MS} = {}) => (closing ??= stop(graceMs)),
	};
};
