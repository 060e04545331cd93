import type {Duplex} from 'node:stream';
import {type ClientOptions, WebSocket} from 'ws';
import {routes} from '../../source/protocol/routes.js';
import {followSignal} from '../core/follow-signal.js';
import {watchPulse} from '../http/websocket-pulse.js';
import {createWebSocketStream, MOST_FRAME_BYTES, type WebSocketStream} from '../http/websocket-stream.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {ANSWER_HEADER, LINK_PROTOCOL, NODE_HEADER} from '../trust/node-messages.js';
import {apiOf} from './address.js';
import {reasonIn} from './answer.js';
import type {CoordinatorTrust} from './coordinator-trust.js';
import type {Handler} from './handler.js';

export type LinksOptions = {
	coordinatorUrl: string;
	trust: Pick<CoordinatorTrust, 'sign' | 'accept'>;
	/** How many stay open. More are while those are busy. */
	least: number;
	log: Log;
	clock: Clock;
	random: Random;
};

export type Links = {
	/** How many are open. */
	count: () => number;
	/** Opens links from now on, or closes those that are open and opens no more. Said again, what failed is tried at once. */
	setWanted: (isWanted: boolean) => void;
	/** Gives a handler that does the same, and by which it is known which links are busy. */
	around: (serve: Handler) => Handler;
	/** Keeps as many links open as are wanted, until the signal is aborted. `attach` serves what is asked over each; that may end then. */
	run: (attach: (link: WebSocketStream) => void, signal: AbortSignal) => Promise<void>;
};

/** As many as the coordinator asks a node at once. */
export const MOST_LINKS = 16;
/** One that is free beyond those is closed after so long. */
const SPARE_FOR_MS = 60_000;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
/** One that lived for so long was of use. */
const SOUND_AFTER_MS = 1_000;
const MOST_REFUSAL_BYTES = 16 * 1024;
const JITTER = 0.5;

/** The coordinator's words where it refuses a link, and its signature below them. */
type Refusal = {status: number; text: string; signature: string | undefined};

class Refused extends Error {
	constructor(readonly refusal: Refusal) {
		super(`the coordinator refused it (${refusal.status}) ${reasonIn(refusal.text) ?? ''}`.trimEnd());
	}
}

/** Opens one WebSocket; gives with it the coordinator's signature. */
const openWebSocket = async (
	url: string,
	jws: string,
	signal: AbortSignal,
): Promise<{link: WebSocketStream; signature: string | undefined}> =>
	new Promise((resolve, reject: (error: Error) => void) => {
		signal.throwIfAborted();
		const options: ClientOptions = {
			headers: {[NODE_HEADER]: jws},
			// What goes over a link is sealed: it can't be made smaller.
			perMessageDeflate: false,
			maxPayload: MOST_FRAME_BYTES,
			handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
			followRedirects: true,
			maxRedirects: 3,
			// A mask keeps what a page sends from being taken for HTTP by something in between (RFC 6455, 10.3). Over TLS nothing
			// in between reads it, and a mask of zeros spares both sides the work.
			...(url.startsWith('wss:') && {generateMask: () => undefined}),
		};
		const webSocket = new WebSocket(url, LINK_PROTOCOL, options);
		let signature: string | undefined;
		const abort = () => webSocket.terminate();
		signal.addEventListener('abort', abort, {once: true});
		const settled = () => signal.removeEventListener('abort', abort);
		webSocket.once('upgrade', ({headers}) => {
			const header = headers[ANSWER_HEADER.toLowerCase()];
			if (typeof header === 'string') signature = header;
		});
		webSocket.once('open', () => {
			settled();
			// At once, since the coordinator may have asked something already.
			resolve({link: createWebSocketStream(webSocket), signature});
		});
		webSocket.on('error', error => {
			settled();
			reject(error);
		});
		webSocket.once('unexpected-response', (_request, answer) => {
			settled();
			let text = '';
			answer.setEncoding('utf8');
			answer.on('data', (piece: string) => {
				text += piece;
				if (text.length > MOST_REFUSAL_BYTES) answer.destroy();
			});
			answer.on('error', () => undefined);
			answer.once('close', () => {
				const header = answer.headers[ANSWER_HEADER.toLowerCase()];
				const said = {status: answer.statusCode ?? 0, text, signature: typeof header === 'string' ? header : undefined};
				reject(new Refused(said));
				webSocket.terminate();
			});
		});
	});

/** Keeps links open from this node to its coordinator, over which it is asked. */
export const createLinks = (options: LinksOptions): Links => {
	const {coordinatorUrl, trust, least, log, clock, random} = options;
	const url = `${apiOf(coordinatorUrl)}${routes.linkNode.path.slice('/api'.length)}`.replace(/^http/, 'ws');
	const open = new Map<Duplex, {isBusy: boolean; freeSinceMs: number}>();
	let isWanted = false;
	/** In a row. */
	let failures = 0;
	/** The last link is gone, or one that had hardly begun: the next one is not tried at once. */
	let isShaken = false;
	let changed: () => void = () => undefined;

	const wanted = () => {
		const busy = [...open.values()].filter(link => link.isBusy).length;
		return isWanted ? Math.max(least, Math.min(MOST_LINKS, busy + 1)) : 0;
	};

	const openOne = async (signal: AbortSignal): Promise<WebSocketStream> => {
		const {id, jws} = await trust.sign('link', '');
		try {
			const {link, signature} = await openWebSocket(url, jws, signal);
			try {
				await trust.accept({id, body: '', jws: signature});
			} catch (error) {
				link.destroy();
				const problem = 'what answers is not the coordinator that this node trusts';
				throw new Error(`${problem} (${(error as Error).message})`, {cause: error});
			}

			return link;
		} catch (error) {
			// It tells the time, for a node whose clock is wrong.
			const {text, signature} = error instanceof Refused ? error.refusal : {text: '', signature: undefined};
			if (signature !== undefined) await trust.accept({id, body: text, jws: signature}).catch(() => undefined);
			throw error;
		}
	};

	const keep = (link: WebSocketStream) => {
		const openedMs = clock.monotonicMs();
		open.set(link, {isBusy: false, freeSinceMs: openedMs});
		link.once('close', () => {
			if (open.delete(link)) isShaken = open.size === 0 || clock.monotonicMs() - openedMs < SOUND_AFTER_MS;
			changed();
		});
		watchPulse(link, clock);
	};

	/** Closes what nobody needs any more: with an end that the coordinator sees coming, so that it asks nothing over it. */
	const closeSpare = () => {
		const nowMs = clock.monotonicMs();
		const isOld = (sinceMs: number) => !isWanted || nowMs - sinceMs >= SPARE_FOR_MS;
		for (const [link, {isBusy, freeSinceMs}] of open) {
			if (open.size <= wanted()) return;
			if (isBusy || !isOld(freeSinceMs)) continue;
			open.delete(link);
			link.end();
		}
	};

	/** Resolves at the next change, or after a while. */
	const rest = async (ms: number, signal: AbortSignal) => {
		const {controller, release} = followSignal(signal);
		changed = () => controller.abort();
		await clock.sleep(ms, controller.signal).catch(() => undefined);
		release();
		signal.throwIfAborted();
	};

	const jittered = (ms: number) => ms * (1 - JITTER + 2 * JITTER * random.float());

	const keepOpen = async (attach: (link: WebSocketStream) => void, signal: AbortSignal) => {
		for (;;) {
			closeSpare();
			if (open.size >= wanted()) {
				await rest(SPARE_FOR_MS, signal);
				continue;
			}

			if (isShaken && failures === 0) {
				isShaken = false;
				await clock.sleep(jittered(FIRST_RETRY_MS), signal);
			}

			try {
				const link = await openOne(signal);
				keep(link);
				attach(link);
				if (failures > 0 || open.size === 1) log.info('linked to the coordinator', {coordinatorUrl});
				failures = 0;
			} catch (error) {
				signal.throwIfAborted();
				failures++;
				const isNew = failures === 1;
				const problem = `no link to ${coordinatorUrl}: ${(error as Error).message}; it is tried again`;
				log[isNew ? 'warn' : 'debug'](problem, {failures, error});
				const longest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 10));
				await rest(jittered(longest), signal);
			}
		}
	};

	return {
		count: () => open.size,
		setWanted(is) {
			// Whoever says so has just heard of the coordinator: what failed may work by now.
			if (isWanted === is && failures === 0) return;
			isWanted = is;
			changed();
		},
		around: serve => (request, response) => {
			// A link's stream is in place of a socket there.
			const link = open.get(request.socket);
			if (link) {
				link.isBusy = true;
				if (open.size < wanted()) changed();
				response.once('close', () => {
					link.isBusy = false;
					link.freeSinceMs = clock.monotonicMs();
					if (!isWanted) changed();
				});
			}

			return serve(request, response);
		},
		async run(attach, signal) {
			await keepOpen(attach, signal).catch((error: unknown) => {
				if (!signal.aborted) throw error;
			});
		},
	};
};
