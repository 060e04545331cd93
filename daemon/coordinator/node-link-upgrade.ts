import type {IncomingMessage} from 'node:http';
import type {Duplex} from 'node:stream';
import {type WebSocket, WebSocketServer} from 'ws';
import {PjasError} from '../../source/protocol/errors.js';
import {routes} from '../../source/protocol/routes.js';
import {clientOf, type IsProxy} from '../http/client.js';
import {toPjasError} from '../http/errors.js';
import {assertModest, createRateLimit, type RateLimit} from '../http/rate-limit.js';
import {refuseUpgrade, refuseUpgradeWith, type Upgrade} from '../http/upgrades.js';
import {watchPulse} from '../http/websocket-pulse.js';
import {createWebSocketStream, MOST_FRAME_BYTES} from '../http/websocket-stream.js';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {LINK_PROTOCOL} from '../trust/node-messages.js';
import type {Admission} from './admission.js';
import type {NodeLinkRegistry} from './node-links.js';

export type NodeLinkUpgradeOptions = {
	admission: Pick<Admission, 'bodiless'>;
	links: NodeLinkRegistry;
	isProxy?: IsProxy | undefined;
	/** How much may be asked from one address. */
	rateLimit?: RateLimit | undefined;
	clock: Clock;
	log: Log;
};

/** How many links one node may have: as many as it is asked at once, and some that are being replaced. */
const MOST_LINKS = 24;
/** How many links one node may open in a minute. One opens a link anew whenever a request on it was given up. */
const LINKS_PER_MINUTE = 600;
/** The same for one address, before it is known which node's it is: to check a signature takes time. */
const TRIES_PER_MINUTE = 1_200;
const RETRY_AFTER_SECONDS = 30;

const tooMany = (problem: string, retryAfterSeconds: number) =>
	new PjasError('TOO_MANY_REQUESTS', problem, {retryAfterSeconds});

/** What is wrong with how a link is asked for, whoever asks. */
const wrongOf = ({method, headers}: IncomingMessage): PjasError | undefined => {
	if (headers.origin !== undefined) {
		return new PjasError('FORBIDDEN', 'A link is opened by a node, not by a page in a browser');
	}

	if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket') {
		return new PjasError('UPGRADE_REQUIRED', 'A link is a WebSocket: ask for it with GET and "Upgrade: websocket"');
	}

	if (headers['sec-websocket-version'] !== '13') {
		return new PjasError('UPGRADE_REQUIRED', 'A link is a WebSocket of version 13 (RFC 6455)');
	}

	const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map(name => name.trim());
	if (!offered.includes(LINK_PROTOCOL)) {
		const problem = `This coordinator speaks ${LINK_PROTOCOL} over links: run a version of the node that does`;
		return new PjasError('UPGRADE_REQUIRED', problem);
	}

	return undefined;
};

/** Lets nodes open links, whom `admission` lets, and as many as they may have. */
export const createNodeLinkUpgrade = (options: NodeLinkUpgradeOptions): Upgrade => {
	const {admission, links, isProxy, rateLimit, clock, log} = options;
	const tries = createRateLimit({perMinute: TRIES_PER_MINUTE, clock});
	const opened = createRateLimit({perMinute: LINKS_PER_MINUTE, clock});
	const server = new WebSocketServer({
		noServer: true,
		clientTracking: false,
		// What goes over a link is sealed: it can't be made smaller.
		perMessageDeflate: false,
		maxPayload: MOST_FRAME_BYTES,
		handleProtocols: () => LINK_PROTOCOL,
	});
	const answerHeaders = new WeakMap<IncomingMessage, Record<string, string>>();
	server.on('headers', (lines, request) => {
		for (const [name, value] of Object.entries(answerHeaders.get(request) ?? {})) lines.push(`${name}: ${value}`);
	});

	const assertRoom = (node: Parameters<NodeLinkRegistry['count']>[0]) => {
		if (links.count(node) >= MOST_LINKS) throw tooMany(`A node has at most ${MOST_LINKS} links`, RETRY_AFTER_SECONDS);
		const waitMs = opened.take(node);
		if (waitMs > 0) throw tooMany('This node opens links too often: wait', waitMs / 1000);
	};

	const open = async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
		const wrong = wrongOf(request);
		if (wrong) throw wrong;
		const client = clientOf(request, isProxy);
		for (const limit of [tries, ...(rateLimit ? [rateLimit] : [])]) assertModest(limit, client);
		const admitted = await admission.bodiless(request, 'link');
		if (admitted.refusal) {
			refuseUpgradeWith(socket, admitted.refusal);
			return;
		}

		const {node, headers} = admitted;
		assertRoom(node);
		answerHeaders.set(request, headers);
		server.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
			const link = createWebSocketStream(webSocket);
			watchPulse(link, clock);
			links.add(node, link);
		});
	};

	return {
		isWanted: ({url = ''}) => url.split('?', 1)[0] === routes.linkNode.path,
		take(request, socket, head) {
			open(request, socket, head).catch((error: unknown) => {
				const problem = toPjasError(error, 'of a link');
				log[problem.code === 'INTERNAL_ERROR' ? 'error' : 'debug']('a link was refused', {error});
				const version =
					problem.code === 'UPGRADE_REQUIRED' ? {'Sec-WebSocket-Version': '13', Upgrade: 'websocket'} : {};
				refuseUpgrade(socket, problem, version);
			});
		},
	};
};
