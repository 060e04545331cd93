import {
	createServer as createHttpServer,
	type IncomingMessage,
	type Server as HttpServer,
	type ServerOptions,
	type ServerResponse,
} from 'node:http';
import {createServer as createHttpsServer, type Server as HttpsServer} from 'node:https';
import type {AddressInfo} from 'node:net';
import type {Duplex} from 'node:stream';
import {TLSSocket} from 'node:tls';
import {PjasError} from '../../source/protocol/errors.js';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {isLoopback} from './addresses.js';
import {discardBody} from './body.js';
import {type Connections, trackConnections} from './connections.js';
import {errorAnswer, rawErrorAnswer} from './errors.js';
import {securityHeaders} from './security-headers.js';
import {loadTls, type TlsContext, type TlsFiles, watchTls} from './tls.js';

/** What a client may take of a server before it is refused or cut off. */
export type ListenLimits = {
	/** How long a request's head may take, and a handshake of TLS. */
	headersMs: number;
	/** How often it is looked for those that take longer. */
	lookEveryMs: number;
	/** How long a connection may wait for its next request. */
	keepAliveMs: number;
	/** How long nothing may move on a connection in the middle of a request, whoever is to blame. */
	idleMs: number;
	/** How long the rest of a body may take that nobody wants. */
	discardMs: number;
	headers: number;
	headerBytes: number;
	connections: number;
	/** Connections of one address, those of this machine aside. */
	connectionsPerNetwork: number;
};

export type ListenOptions = {
	/** A Koa application's `callback()`, or any handler. */
	handler: (request: IncomingMessage, response: ServerResponse) => unknown;
	host: string;
	/** 0 for any that is free. */
	port: number;
	log: Log;
	/** Serves HTTPS with these files, and with what takes their place later. */
	tls?: (TlsFiles & {clock: Pick<Clock, 'now' | 'sleep'>}) | undefined;
	/** Whether an address is a proxy's, over which many come. */
	isProxy?: ((address: string) => boolean) | undefined;
	limits?: Partial<ListenLimits>;
};

export type Listening = {
	port: number;
	/** Where this machine reaches it. */
	url: string;
	server: HttpServer | HttpsServer;
	/** Takes no more, lets what is under way end for so long, then cuts it off. May be called again. */
	close: (options?: {graceMs?: number}) => Promise<void>;
};

const defaultLimits: ListenLimits = {
	headersMs: 30_000,
	lookEveryMs: 5_000,
	keepAliveMs: 65_000,
	idleMs: 600_000,
	discardMs: 10_000,
	headers: 100,
	headerBytes: 16 * 1024,
	connections: 10_000,
	connectionsPerNetwork: 512,
};
const DEFAULT_GRACE_MS = 10_000;
const RETRY_AFTER_SECONDS = 5;

const listenFailures: Record<string, (host: string, port: number) => string> = {
	EADDRINUSE: (_host, port) =>
		`Port ${port} is in use by another program: stop that one, or choose another port with --port`,
	EACCES: (_host, port) => `Port ${port} can't be used without more rights: choose one above 1023 with --port`,
	EADDRNOTAVAIL: host => `${host} is no address of this machine: choose another with --host`,
	ENOTFOUND: host => `${host} is no address that this machine knows: choose another with --host`,
};

const urlOf = (scheme: string, host: string, port: number): string => {
	const reachable = host === '0.0.0.0' || host === '' ? '127.0.0.1' : host === '::' ? '::1' : host;
	return `${scheme}://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
};

const startListening = async (server: HttpServer | HttpsServer, host: string, port: number): Promise<void> =>
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
	(log: Log, responses: ReadonlyMap<Duplex, ServerResponse>, isReady: (socket: TLSSocket) => boolean) =>
	(error: Error, socket: Duplex) => {
		const {code} = error as NodeJS.ErrnoException;
		log.debug('a connection failed', {error});
		const isDeaf = code === 'ECONNRESET' || !socket.writable || (socket instanceof TLSSocket && !isReady(socket));
		if (isDeaf || responses.get(socket)?.headersSent) {
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

const oneHost = () => new PjasError('INVALID_REQUEST', 'The request must name one Host, as HTTP/1.1 wants it');
const tooManyHeaders = (most: number) =>
	new PjasError('HEADERS_TOO_LARGE', `The request has more than ${most} headers, the most that are read here`);

const hostsIn = ({rawHeaders}: IncomingMessage): number => {
	let hosts = 0;
	for (let at = 0; at < rawHeaders.length; at += 2) {
		const name = rawHeaders[at];
		if (name?.length === 4 && name.toLowerCase() === 'host') hosts++;
	}

	return hosts;
};

/** What is wrong with a request that Node's parser let through. */
const wrongOf = (request: IncomingMessage, mostHeaders: number): PjasError | undefined => {
	if (request.rawHeaders.length > mostHeaders * 2) return tooManyHeaders(mostHeaders);
	const hosts = hostsIn(request);
	return hosts > 1 || (hosts === 0 && request.httpVersion === '1.1') ? oneHost() : undefined;
};

const createServer = (
	limits: ListenLimits,
	context: TlsContext | undefined,
	serve: (request: IncomingMessage, response: ServerResponse) => void,
): HttpServer | HttpsServer => {
	const options: ServerOptions = {
		noDelay: true,
		// Node's own answer to a missing Host has no body that says what is wrong.
		requireHostHeader: false,
		insecureHTTPParser: false,
		maxHeaderSize: limits.headerBytes,
		headersTimeout: limits.headersMs,
		// Bodies may be large: whoever reads one watches it.
		requestTimeout: 0,
		keepAliveTimeout: limits.keepAliveMs,
		connectionsCheckingInterval: limits.lookEveryMs,
	};
	const server = context
		? createHttpsServer({...options, ...context, handshakeTimeout: limits.headersMs}, serve)
		: createHttpServer(options, serve);
	server.on('checkExpectation', serve);
	// One more than is taken, for Node passes over the rest in silence.
	server.maxHeadersCount = limits.headers + 1;
	server.maxConnections = limits.connections;
	server.timeout = limits.idleMs;
	return server;
};

const watchFiles = (
	{tls, log}: Pick<ListenOptions, 'tls' | 'log'>,
	server: HttpServer | HttpsServer,
	signal: AbortSignal,
): void => {
	if (!tls || !('setSecureContext' in server)) return;
	const use = (context: TlsContext) => server.setSecureContext(context);
	watchTls({files: tls, clock: tls.clock, log, use, signal}).catch((error: unknown) =>
		log.error('the certificate is not looked after any more', {error}),
	);
};

/** Serves HTTP until it is closed. */
export const listen = async (options: ListenOptions): Promise<Listening> => {
	const {handler, host, port, log, tls, isProxy = () => false} = options;
	const limits = {...defaultLimits, ...options.limits};
	const responses = new Map<Duplex, ServerResponse>();
	let isClosing = false;

	const refuse = (response: ServerResponse, error: PjasError) => {
		const {status, headers, body} = errorAnswer(error);
		const text = JSON.stringify(body);
		response.writeHead(status, {
			...securityHeaders,
			...headers,
			Connection: 'close',
			'Content-Type': 'application/json; charset=utf-8',
			'Content-Length': Buffer.byteLength(text),
		});
		response.end(text);
	};

	const serve = (request: IncomingMessage, response: ServerResponse) => {
		const {socket} = request;
		// A body or an answer that breaks off is its reader's or writer's matter; nobody may be left without a listener.
		request.on('error', () => undefined);
		response.on('error', () => undefined);
		const wrong = isClosing ? stopping() : wrongOf(request, limits.headers);
		if (wrong) {
			refuse(response, wrong);
			return;
		}

		responses.set(socket, response);
		response.once('close', () => {
			if (responses.get(socket) === response) responses.delete(socket);
			if (isClosing) socket.end(() => socket.destroy());
			// A body that nobody wanted may neither go on for ever nor hold the connection.
			else if (!request.complete) void discardBody(request, limits.discardMs);
		});
		handler(request, response);
	};

	const context = tls && (await loadTls(tls));
	if (tls && context && context.validUntilMs < tls.clock.now()) log.warn('the certificate is no longer valid');
	const server = createServer(limits, context, serve);
	const connections: Connections = trackConnections(server, {
		isTls: context !== undefined,
		perNetwork: limits.connectionsPerNetwork,
		isShared: address => isLoopback(address) || isProxy(address),
	});
	server.on(
		'clientError',
		answerMalformed(log, responses, socket => connections.ready.has(socket)),
	);

	await startListening(server, host, port);
	server.removeAllListeners('error').on('error', error => log.error('the server failed', {error}));
	const ending = new AbortController();
	watchFiles({tls, log}, server, ending.signal);

	const stop = async (graceMs: number): Promise<void> => {
		isClosing = true;
		ending.abort();
		const closed = new Promise<void>(resolve => server.close(() => resolve()));
		for (const socket of connections.pending()) socket.destroy();
		for (const socket of connections.ready) if (!responses.has(socket)) socket.destroy();
		for (const response of responses.values()) response.shouldKeepAlive = false;
		const timer = setTimeout(() => {
			log.warn('what was under way did not end in time and was cut off', {connections: connections.size});
			for (const socket of [...connections.pending(), ...connections.ready]) socket.destroy();
		}, graceMs);
		await closed;
		clearTimeout(timer);
	};

	const actualPort = (server.address() as AddressInfo).port;
	let closing: Promise<void> | undefined;
	return {
		port: actualPort,
		url: urlOf(context ? 'https' : 'http', host, actualPort),
		server,
		close: async ({graceMs = DEFAULT_GRACE_MS} = {}) => (closing ??= stop(graceMs)),
	};
};
