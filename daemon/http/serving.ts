import type {IncomingMessage, ServerResponse} from 'node:http';
import type {Duplex} from 'node:stream';
import {TLSSocket} from 'node:tls';
import {PjasError} from '../../source/protocol/errors.js';
import type {Log} from '../ports/log.js';
import {discardBody} from './body.js';
import {errorAnswer, rawErrorAnswer} from './errors.js';
import {securityHeaders} from './security-headers.js';

/** A Koa application's `callback()`, or any handler. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** What goes on at a server, whichever way its connections come. */
export type Serving = {
	serve: (request: IncomingMessage, response: ServerResponse) => void;
	/** The answer under way on each connection, where one is. */
	readonly responses: ReadonlyMap<Duplex, ServerResponse | undefined>;
	/** Why a request is not served, where it is not. */
	wrongOf: (request: IncomingMessage) => PjasError | undefined;
	/** From now on everything is refused, and each connection ends with the answer that is under way on it. */
	stop: (onIdle: () => void) => void;
};

export type ServingOptions = {
	handler: Handler;
	/** How many headers a request may have. */
	mostHeaders: number;
	/** How long the rest of a body may take that nobody wants. */
	discardMs: number;
};

const RETRY_AFTER_SECONDS = 5;

/** Answers what the parser could not read, unless an answer to an earlier request is on its way on that connection. */
export const answerMalformed =
	(log: Log, responses: Serving['responses'], isReady: (socket: TLSSocket) => boolean) =>
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
const malformedOf = (request: IncomingMessage, mostHeaders: number): PjasError | undefined => {
	if (request.rawHeaders.length > mostHeaders * 2) return tooManyHeaders(mostHeaders);
	const hosts = hostsIn(request);
	return hosts > 1 || (hosts === 0 && request.httpVersion === '1.1') ? oneHost() : undefined;
};

const refuse = (response: ServerResponse, error: PjasError): void => {
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

export const createServing = ({handler, mostHeaders, discardMs}: ServingOptions): Serving => {
	/** A connection stays in it as long as it is open: see `Few` of what a map whose keys come and go would keep. */
	const responses = new Map<Duplex, ServerResponse | undefined>();
	let underWay = 0;
	let onIdle: (() => void) | undefined;

	const note = (socket: Duplex, response: ServerResponse) => {
		if (!responses.get(socket)) underWay++;
		// Answers that waited for an earlier one on their connection hear nothing of its end.
		if (!responses.has(socket)) socket.once('close', () => forget(socket));
		responses.set(socket, response);
	};

	const forget = (socket: Duplex) => {
		const isBusy = responses.get(socket) !== undefined;
		if (socket.destroyed) responses.delete(socket);
		else responses.set(socket, undefined);
		if (isBusy && --underWay === 0) onIdle?.();
	};

	const wrongOf = (request: IncomingMessage) => (onIdle ? stopping() : malformedOf(request, mostHeaders));

	return {
		responses,
		wrongOf,
		serve(request, response) {
			const {socket} = request;
			// A body or an answer that breaks off is its reader's or writer's matter; nobody may be left without a listener.
			request.on('error', () => undefined);
			response.on('error', () => undefined);
			const wrong = wrongOf(request);
			if (wrong) {
				refuse(response, wrong);
				return;
			}

			note(socket, response);
			response.once('close', () => {
				if (responses.get(socket) === response) forget(socket);
				if (onIdle) socket.end(() => socket.destroy());
				// A body that nobody wanted may neither go on for ever nor hold the connection.
				else if (!request.complete) void discardBody(request, discardMs);
			});
			handler(request, response);
		},
		stop(whenIdle) {
			onIdle = whenIdle;
			for (const response of responses.values()) if (response) response.shouldKeepAlive = false;
			if (underWay === 0) whenIdle();
		},
	};
};
