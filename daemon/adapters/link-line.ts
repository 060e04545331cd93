import {Agent, type AgentOptions} from 'node:http';
import type {Duplex} from 'node:stream';
import type {NodeId} from '../../source/protocol/ids.js';
import type {NodeLinks} from '../ports/node-links.js';
import {nodeFailed} from './http-shards-errors.js';
import {createGate, type Gate} from './http-shards-gate.js';

/** How requests get to a node over the links that it opened. */
export type LinkLine = {
	agent: Agent;
	/** Lets as many through as there are links. */
	gate: Gate;
	/** The node has another number of links than before. */
	changed: () => void;
	close: () => void;
};

/** How long a node without a link is waited for: one that lost its links is back within seconds. */
const WAIT_MS = 5_000;

/** Where no URL leads: what is asked over a link is asked of whoever opened it. */
export const LINK_BASE_URL = 'http://link.invalid';

const linkLost = () => Object.assign(new Error('no link came'), {code: 'ECONNRESET'});
const noLink = () => nodeFailed('The node has no link open');

type Connected = (error: Error | null, link?: Duplex) => void;

/**
An agent whose sockets are a node's links; each stays with it until it closes. A request that finds none, as where the last one
has just broken off, waits a little for another.
*/
const createLinkAgent = (node: NodeId, links: Pick<NodeLinks, 'take'>) => {
	const waiting = new Set<Connected>();

	const wait = (done: Connected) => {
		const end: Connected = (error, link) => {
			clearTimeout(timer);
			waiting.delete(end);
			done(error, link);
		};
		const timer = setTimeout(() => end(linkLost()), WAIT_MS).unref();
		waiting.add(end);
	};

	const createConnection = (_options: AgentOptions, done: Connected) => {
		const link = links.take(node);
		if (!link) wait(done);
		return link;
	};

	return {
		agent: Object.assign(new Agent({keepAlive: true}), {createConnection}),
		/** Gives links that have come to those that wait for one. */
		serve: () => {
			for (const end of waiting) {
				const link = links.take(node);
				if (!link) return;
				end(null, link);
			}
		},
		refuse: () => {
			for (const end of waiting) end(linkLost());
		},
	};
};

/**
Each request has a link for itself, so no more are made at once than there are links; the others wait in the order in which they
came. Where there is none for a while, they fail.
*/
export const createLinkLine = (node: NodeId, links: NodeLinks): LinkLine => {
	const {agent, serve, refuse} = createLinkAgent(node, links);
	const gate = createGate(links.count(node));
	let timer: NodeJS.Timeout | undefined;
	let isGivenUp = false;

	const giveUp = () => {
		isGivenUp = true;
		gate.refuse(noLink());
		refuse();
	};

	const changed = () => {
		const count = links.count(node);
		serve();
		gate.resize(count);
		if (count > 0) {
			clearTimeout(timer);
			timer = undefined;
			isGivenUp = false;
		} else {
			timer ??= setTimeout(giveUp, WAIT_MS).unref();
		}
	};
	changed();

	return {
		agent,
		gate: {
			...gate,
			pass: async (work, signal) => {
				if (isGivenUp) throw noLink();
				return gate.pass(work, signal);
			},
		},
		changed,
		close() {
			clearTimeout(timer);
			giveUp();
		},
	};
};
