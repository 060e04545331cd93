import {
	createServer as createHttpServer,
	type RequestListener,
	type Server as HttpServer,
	type ServerOptions,
} from 'node:http';
import {createServer as createHttpsServer, type Server as HttpsServer} from 'node:https';
import type {AddressInfo} from 'node:net';
import type {Duplex} from 'node:stream';
import {PjasError} from '../../source/protocol/errors.js';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {isLoopback} from './addresses.js';
import {type Connections, trackConnections} from './connections.js';
import {answerMalformed, createServing, type Handler} from './serving.js';
import {loadTls, type TlsContext, type TlsFiles, watchTls} from './tls.js';
import {takeUpgrades, type Upgrade} from './upgrades.js';

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
	handler: Handler;
	/** What takes connections that ask to be upgraded; without it nobody does, and they are served as others. */
	upgrade?: Upgrade | undefined;
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
	/** Serves a connection that came another way, by somebody who is trusted: it may wait for ever. */
	attach: (stream: Duplex) => void;
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
type ClientErrorListener = ReturnType<typeof answerMalformed>;

const DEFAULT_GRACE_MS = 10_000;

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

const createServer = (
	limits: ListenLimits,
	context: TlsContext | undefined,
	serve: RequestListener,
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

/** Serves connections that others give it, which stay open: whoever made them looks after them. */
const createAttached = (limits: ListenLimits, serve: RequestListener, onClientError: ClientErrorListener) => {
	const streams = new Set<Duplex>();
	const server = createServer({...limits, headersMs: 0, keepAliveMs: 0, idleMs: 0}, undefined, serve);
	server.on('clientError', onClientError);
	return {
		streams,
		attach: (stream: Duplex): void => {
			streams.add(stream);
			stream.once('close', () => streams.delete(stream));
			server.emit('connection', stream);
		},
	};
};

/** Serves HTTP until it is closed. */
export const listen = async (options: ListenOptions): Promise<Listening> => {
	const {handler, host, port, log, tls, upgrade, isProxy = () => false} = options;
	const limits = {...defaultLimits, ...options.limits};
	const serving = createServing({handler, mostHeaders: limits.headers, discardMs: limits.discardMs});
	const {serve, responses} = serving;

	const context = tls && (await loadTls(tls));
	if (tls && context && context.validUntilMs < tls.clock.now()) log.warn('the certificate is no longer valid');
	const server = createServer(limits, context, serve);
	const connections: Connections = trackConnections(server, {
		isTls: context !== undefined,
		perNetwork: limits.connectionsPerNetwork,
		isShared: address => isLoopback(address) || isProxy(address),
	});
	const onClientError = answerMalformed(log, responses, socket => connections.ready.has(socket));
	server.on('clientError', onClientError);
	const upgraded = upgrade && takeUpgrades(server, upgrade, serving);
	const attached = createAttached(limits, serve, onClientError);

	await startListening(server, host, port);
	server.removeAllListeners('error').on('error', error => log.error('the server failed', {error}));
	const ending = new AbortController();
	watchFiles({tls, log}, server, ending.signal);

	const stop = async (graceMs: number): Promise<void> => {
		ending.abort();
		const closed = new Promise<void>(resolve => server.close(() => resolve()));
		for (const socket of connections.pending()) socket.destroy();
		for (const socket of [...connections.ready, ...attached.streams]) {
			if (!responses.get(socket) && !upgraded?.has(socket)) socket.destroy();
		}

		// What is under way may need what came by an upgrade.
		const isIdle = new Promise<void>(resolve => serving.stop(resolve));
		const timer = setTimeout(() => {
			log.warn('what was under way did not end in time and was cut off', {connections: connections.size});
			upgraded?.end();
			for (const socket of [...connections.pending(), ...connections.ready, ...attached.streams]) socket.destroy();
		}, graceMs);
		void isIdle.then(() => upgraded?.end());
		await Promise.all([closed, isIdle]);
		clearTimeout(timer);
	};

	const actualPort = (server.address() as AddressInfo).port;
	let closing: Promise<void> | undefined;
	return {
		port: actualPort,
		url: urlOf(context ? 'https' : 'http', host, actualPort),
		server,
		attach: attached.attach,
		close: async ({graceMs = DEFAULT_GRACE_MS} = {}) => (closing ??= stop(graceMs)),
	};
};
