import {Agent, type ClientRequest, type IncomingMessage, request as requestHttp} from 'node:http';
import {Agent as SecureAgent, request as requestHttps} from 'node:https';
import type {Socket} from 'node:net';
import {urlToHttpOptions} from 'node:url';
import {PjasError} from '../../source/protocol/errors.js';
import type {AskedOfNode, Authenticate, Credentials} from '../trust/credentials.js';
import {nodeFailed} from './http-shards-errors.js';
import {proven} from './http-shards-proof.js';
import {lengthOf, type Sink} from './http-shards-sinks.js';

export type CallerOptions = {
	/** The node's address, with or without a path. */
	baseUrl: string;
	agent: Agent;
	/** How requests show who asks; what `asked` says goes in there. */
	authenticate?: Authenticate | undefined;
	/** How long nothing may move, in either direction. Where a write gets stuck on its way, it may take twice as long. */
	timeoutMs: number | (() => number);
	/** A transfer that moves, but more slowly than this, is given up in the end. */
	leastBytesPerSecond?: number;
	/** Whether connections are the node's own links, which nobody here can open anew. */
	isLinked?: boolean;
};

export type Call<T> = {
	method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
	path: string;
	/** What is asked, where a node wants to know who does. */
	asked?: Omit<AskedOfNode, 'search'>;
	headers?: Record<string, string>;
	/** Sent one after the other, without a copy. Nobody reads them any more once the call is settled. */
	body?: readonly Uint8Array[];
	signal?: AbortSignal | undefined;
	/** Says where an answer's body goes. */
	receive: (answer: IncomingMessage) => Sink<T>;
};

/** Makes one request and takes in its answer. */
export type Caller = <T>(call: Call<T>) => Promise<T>;

const IDLE_SOCKET_MS = 60_000;
const MAX_HEADER_BYTES = 16 * 1024;
const MOST_INTERIM_ANSWERS = 20;
const LEAST_BYTES_PER_SECOND = 4 * 1024;
/** How often a time-out's length a request may take beside the time for its bytes. */
const PATIENCE = 4;
const TLS_PIECE_BYTES = 256 * 1024;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const cutOffCodes: readonly unknown[] = ['ECONNRESET', 'EPIPE', 'ECONNABORTED'];

const isSecure = (baseUrl: string) => new URL(baseUrl).protocol === 'https:';

/** The connections to one node: kept for the next request, bounded, closed when idle for long. */
export const createNodeAgent = (baseUrl: string, maxSockets: number): Agent => {
	const options = {keepAlive: true, maxSockets, maxFreeSockets: maxSockets, timeout: IDLE_SOCKET_MS};
	return isSecure(baseUrl) ? new SecureAgent(options) : new Agent(options);
};

const lost = new WeakSet<Error>();

/** Whether a call failed because its connection was lost, before anything of its answer came. */
export const isLost = (error: unknown): boolean => error instanceof Error && lost.has(error);

const asLost = (error: Error): Error => {
	lost.add(error);
	return error;
};

const retired = new WeakSet<Agent>();

/** Ends an agent's connections, those in use as well. Whatever would still call by it fails. */
export const retireAgent = (agent: Agent): void => {
	retired.add(agent);
	agent.destroy();
};

/** Idle connections to a node that closed one of them are of no use any more. */
const dropIdleSockets = ({freeSockets}: Agent) => {
	for (const socket of Object.values(freeSockets).flatMap(sockets => sockets ?? [])) socket.destroy();
};

const toNodeFailed = (error: unknown): PjasError => {
	if (error instanceof PjasError) return error;
	const {code} = error as NodeJS.ErrnoException;
	const known = typeof code === 'string' ? ` (${code})` : '';
	return nodeFailed(`The node can't be reached or does not talk as a node does${known}`, error);
};

const bytesOf = (pieces: readonly Uint8Array[]) => pieces.reduce((sum, piece) => sum + piece.length, 0);

/** Gives the whole body to the socket, without a copy. */
const sendAtOnce = (request: ClientRequest, body: readonly Uint8Array[]): void => {
	for (const piece of body.slice(0, -1)) request.write(piece);
	request.end(body.at(-1));
};

/** A long write over TLS shows nothing of its progress, so it would be taken for a stall: here each piece shows. */
const sendInPieces = (request: ClientRequest, body: readonly Uint8Array[]): void => {
	const pieces = body.flatMap(part =>
		Array.from({length: Math.ceil(part.length / TLS_PIECE_BYTES)}, (_, index) =>
			part.subarray(index * TLS_PIECE_BYTES, (index + 1) * TLS_PIECE_BYTES),
		),
	);
	let sent = 0;
	const sendMore = () => {
		for (let piece = pieces[sent]; piece && !request.destroyed; piece = pieces[sent]) {
			sent++;
			if (request.write(piece)) continue;
			request.once('drain', sendMore);
			return;
		}

		request.end();
	};
	sendMore();
};

const timedOut = (problem: string) => new PjasError('NODE_TIMEOUT', problem);

/** Watches the connection that a request gets: whether it stands still, and whether the node said anything on it. */
const watchConnection = (request: ClientRequest, timeoutMs: number, onStall: () => void) => {
	let socket: Socket | undefined;
	let bytesReadBefore = 0;
	let isOver = false;

	/** Another number once something moves. */
	const moved = () => (socket ? socket.bytesRead - socket.writableLength + (socket.connecting ? 0 : 1) : 0);
	const onTimeout = () => {
		const before = moved();
		// Where this process itself stood still, what came meanwhile is read only now.
		setImmediate(() => {
			if (!isOver && moved() === before) onStall();
		});
	};

	request.once('socket', given => {
		if (isOver) return;
		socket = given;
		bytesReadBefore = given.bytesRead;
		// It takes account of a long write that is on its way.
		given.setTimeout(timeoutMs);
		given.on('timeout', onTimeout);
	});
	return {
		isSilent: () => socket?.bytesRead === bytesReadBefore,
		stop() {
			isOver = true;
			socket?.off('timeout', onTimeout);
		},
	};
};

type Outcome<T> = {isSettled: () => boolean; done: (use: () => T) => void; fail: (error: Error) => void};

const tooLong = ({limitBytes}: Sink<unknown>) => nodeFailed(`The node's answer is longer than ${limitBytes} bytes`);

/** How many bytes an answer says that it brings; others may tell the size of what they leave out. */
const broughtBytes = (answer: IncomingMessage, {method}: Call<unknown>): number | undefined =>
	method === 'HEAD' || answer.statusCode === 304 ? 0 : lengthOf(answer);

/** Takes an answer's body in, piece by piece. */
const takeBody = <T>(answer: IncomingMessage, sink: Sink<T>, {isSettled, done, fail}: Outcome<T>): void => {
	let leftBytes = sink.limitBytes;
	answer.on('data', (piece: Buffer) => {
		// A destroyed answer still gives out what it holds.
		if (isSettled()) return;
		leftBytes -= piece.length;
		if (leftBytes >= 0) sink.take(piece);
		else fail(tooLong(sink));
	});
	answer.once('end', () => done(sink.end));
	answer.once('close', () => {
		if (!isSettled()) fail(nodeFailed("The node's answer ended before it was whole"));
	});
};

/**
Calls a node over `node:http`, which costs less than any client above it. An answer is read whole or its connection is
destroyed, so a connection is never left in the middle of something. Errors are `NODE_FAILED`, `NODE_TIMEOUT`, what a sink
throws, or the reason of an aborted signal.
*/
export const createCaller = (options: CallerOptions): Caller => {
	const {baseUrl, agent, authenticate, leastBytesPerSecond = LEAST_BYTES_PER_SECOND, isLinked} = options;
	const url = new URL(baseUrl);
	const {protocol, hostname, port} = urlToHttpOptions(url);
	const basePath = url.pathname.replace(/\/+$/, '');
	const target = {protocol, hostname, port, agent, maxHeaderSize: MAX_HEADER_BYTES};
	const makeRequest = isSecure(baseUrl) ? requestHttps : requestHttp;

	/** Node writes headers that come as a list straight away, without a map of them in between. */
	const startRequest = (
		{method, path, headers = {}, body = []}: Call<unknown>,
		credentials: Credentials | undefined,
	): ClientRequest => {
		const list = Object.entries({...headers, ...credentials?.headers}).flat();
		if (method === 'PUT' || method === 'POST') list.push('Content-Length', String(bytesOf(body)));
		list.push('Host', url.host);
		return makeRequest({...target, method, path: basePath + path, headers: list});
	};

	/** Anew for each attempt: what counts once does not count again. */
	const credentialsFor = ({path, asked}: Call<unknown>): Credentials | undefined => {
		const start = path.indexOf('?');
		return asked && authenticate?.({...asked, search: start < 0 ? '' : path.slice(start)});
	};

	const attempt = async <T>(call: Call<T>, mayRepeat: boolean): Promise<T> =>
		new Promise<T>((resolve, refuse: (error: Error) => void) => {
			const {body = [], signal, receive} = call;
			const timeoutMs = typeof options.timeoutMs === 'number' ? options.timeoutMs : options.timeoutMs();
			let hasAnswer = false;
			let interimAnswers = 0;
			let timer: NodeJS.Timeout | undefined;
			let isSettled = false;

			const settle = (isReusable: boolean, end: () => void) => {
				if (isSettled) return;
				isSettled = true;
				clearTimeout(timer);
				connection.stop();
				signal?.removeEventListener('abort', onAbort);
				if (!isReusable) request.destroy();
				end();
			};
			const fail = (error: Error) => settle(false, () => refuse(error));
			const onAbort = () => fail(signal?.reason as Error);
			const onCrawl = () => fail(timedOut('The node is too slow to be of use'));
			const limitTime = (sizeBytes: number) => {
				clearTimeout(timer);
				const limitMs = PATIENCE * timeoutMs + (1000 * sizeBytes) / leastBytesPerSecond;
				timer = setTimeout(onCrawl, Math.min(limitMs, LONGEST_TIMER_MS));
			};

			const credentials = credentialsFor(call);
			const request = startRequest(call, credentials);
			const connection = watchConnection(request, timeoutMs, () =>
				fail(timedOut(`The node was silent for ${timeoutMs / 1000} seconds`)),
			);
			/** The node closed a kept connection just as it was used again: `requestreusedsocket` in Node's manual. */
			const isStale = ({code}: NodeJS.ErrnoException) =>
				request.reusedSocket && !hasAnswer && connection.isSilent() && cutOffCodes.includes(code);
			const onError = (error: Error) => {
				if (!mayRepeat || !isStale(error) || retired.has(agent)) {
					const {code} = error as NodeJS.ErrnoException;
					const isCutOff = !hasAnswer && cutOffCodes.includes(code) && !retired.has(agent);
					fail(isCutOff ? asLost(toNodeFailed(error)) : toNodeFailed(error));
					return;
				}

				settle(false, () => {
					dropIdleSockets(agent);
					attempt(call, false).then(resolve, refuse);
				});
			};
			const onInterim = () => {
				if (++interimAnswers > MOST_INTERIM_ANSWERS) fail(nodeFailed('The node sends interim answers without end'));
			};
			const onAnswer = (answer: IncomingMessage) => {
				hasAnswer = true;
				// Whatever becomes of the answer, nobody may be left without a listener.
				answer.on('error', onError);
				if (isSettled) return;
				const sink = credentials ? proven(answer, receive, {method: call.method, credentials}) : receive(answer);
				const sizeBytes = broughtBytes(answer, call) ?? 0;
				if (sizeBytes > sink.limitBytes) {
					fail(tooLong(sink));
					return;
				}

				limitTime(sizeBytes || sink.limitBytes);
				takeBody(answer, sink, {
					isSettled: () => isSettled,
					fail,
					done(use) {
						// Where the node answered before it had taken everything, what is left of the body must not be sent later.
						settle(request.writableFinished, () => {
							try {
								resolve(use());
							} catch (error) {
								refuse(error as Error);
							}
						});
					},
				});
			};

			request.on('error', onError).on('information', onInterim).on('continue', onInterim);
			request.once('response', onAnswer).once('socket', () => {
				if (!isSettled) limitTime(bytesOf(body));
			});
			request.once('close', () => {
				if (!hasAnswer && !isSettled) fail(asLost(nodeFailed('The node closed the connection without an answer')));
			});
			signal?.addEventListener('abort', onAbort, {once: true});
			if (protocol === 'https:') sendInPieces(request, body);
			else sendAtOnce(request, body);
		});

	return async call => {
		call.signal?.throwIfAborted();
		if (retired.has(agent)) throw nodeFailed('The node is no longer reached at this address');
		return attempt(call, !isLinked);
	};
};
