import {PjasError} from '../../source/protocol/errors.js';
import type {NodeId} from '../../source/protocol/ids.js';
import {atOnceOn, patienceMs} from '../core/line-speed.js';
import type {NodeRecord, NodeStatus} from '../core/model.js';
import type {Dial, ShardStore} from '../ports/shard-store.js';
import type {NodeLinks} from '../ports/node-links.js';
import type {Authenticate, CredentialsFor} from '../trust/credentials.js';
import {classicShards} from './classic-shards.js';
import {againWhereLost} from './http-shards-again.js';
import {type Caller, createNodeAgent, retireAgent} from './http-shards-call.js';
import {askStatus} from './http-shards-status.js';
import {createGate} from './http-shards-gate.js';
import {gatedCaller, httpShards} from './http-shards.js';
import {createLinkLine, LINK_BASE_URL} from './link-line.js';

export type DialOptions = {
	/** How long a node may be silent. */
	timeoutMs: number;
	/** How many requests are made to a node at once; to a classic node it is one. */
	maxSockets?: number;
	/** How requests to a node show who asks. */
	credentialsFor?: CredentialsFor;
	/** The links that nodes have opened. */
	links?: NodeLinks;
	/** Told of the bytes of shards as they come in. */
	onBytes?: (sizeBytes: number) => void;
};

type Line = Pick<NodeRecord, 'address' | 'kind' | 'publicKeys'> & {
	store: ShardStore;
	/** Over links: how calls are made. */
	call?: Caller;
	/** Over links: there are more or fewer of them. */
	changed?: () => void;
	/** What the node last said of its own line. */
	declared: Pick<NodeRecord, 'line'>;
	/** It says something else. */
	declare?: () => void;
	/** What is under way is cut off. */
	close: () => void;
};

export type NodeDial = Dial & {
	/** Asks a node that has links how it is. */
	status: (node: NodeRecord, signal: AbortSignal) => Promise<NodeStatus>;
	close: () => void;
};

const isSameLine = (a: Line, b: NodeRecord): boolean =>
	a.kind === b.kind &&
	(a.kind === 'link' || a.address === b.address) &&
	a.publicKeys?.signing === b.publicKeys?.signing;

const DEFAULT_MAX_SOCKETS = 16;

/**
How the coordinator reaches its nodes. A node's connections are kept as long as its address stays; what is under way when
that changes is cut off.
*/
export const createDial = (options: DialOptions): NodeDial => {
	const {timeoutMs, maxSockets = DEFAULT_MAX_SOCKETS, credentialsFor, onBytes, links} = options;
	const lines = new Map<NodeId, Line>();
	let isClosed = false;
	const stopWatching = links?.watch(node => lines.get(node)?.changed?.());

	const connectClassic = ({address}: NodeRecord) => {
		const agent = createNodeAgent(address, 1);
		const store = classicShards({baseUrl: address, agent, timeoutMs, ...(onBytes && {onBytes})});
		return {store, close: () => retireAgent(agent)};
	};

	/** Those that come after others on a slow line may be silent for longer. */
	const timeoutOn = (declared: Line['declared']) => () => timeoutMs + patienceMs(declared.line);

	const connectAt = (
		{address}: NodeRecord,
		declared: Line['declared'],
		authenticate: Authenticate | undefined,
	): Pick<Line, 'store' | 'declare' | 'close'> => {
		const agent = createNodeAgent(address, maxSockets);
		const gate = createGate(atOnceOn(declared.line, maxSockets));
		const common = {baseUrl: address, agent, timeoutMs: timeoutOn(declared), authenticate};
		const store = httpShards({...common, call: gatedCaller(common, gate), ...(onBytes && {onBytes})});
		return {
			store,
			declare: () => gate.resize(atOnceOn(declared.line, maxSockets)),
			close: () => retireAgent(agent),
		};
	};

	const connectOver = (
		open: NodeLinks,
		{_id}: NodeRecord,
		declared: Line['declared'],
		authenticate: Authenticate | undefined,
	) => {
		const line = createLinkLine(_id, open);
		const {agent, gate, changed} = line;
		const common = {baseUrl: LINK_BASE_URL, agent, timeoutMs: timeoutOn(declared), authenticate, isLinked: true};
		const call = againWhereLost(gatedCaller(common, gate));
		const store = httpShards({...common, call, ...(onBytes && {onBytes})});
		return {
			...{store, call, changed},
			close() {
				retireAgent(agent);
				line.close();
			},
		};
	};

	const connect = (node: NodeRecord): Line => {
		const {address, kind, publicKeys} = node;
		const declared: Line['declared'] = {...(node.line && {line: node.line})};
		const same = {address, kind, ...(publicKeys && {publicKeys}), declared};
		if (kind === 'classic') return {...same, ...connectClassic(node)};
		const authenticate = credentialsFor?.(node);
		if (kind === 'link' && links) return {...same, ...connectOver(links, node, declared, authenticate)};
		return {...same, ...connectAt(node, declared, authenticate)};
	};

	const lineOf = (node: NodeRecord): Line => {
		if (isClosed) throw new PjasError('SHUTTING_DOWN', 'The coordinator is stopping: try again in a moment');
		const known = lines.get(node._id);
		if (known && isSameLine(known, node)) {
			if (known.declared.line !== node.line) {
				Object.assign(known.declared, {line: node.line});
				known.declare?.();
			}

			return known;
		}

		known?.close();
		const line = connect(node);
		lines.set(node._id, line);
		return line;
	};

	const dial: Dial = node => lineOf(node).store;
	return Object.assign(dial, {
		async status(node: NodeRecord, signal: AbortSignal) {
			const {call} = lineOf(node);
			if (!call) throw new Error('it is not reached over links');
			return askStatus(call, signal);
		},
		close() {
			isClosed = true;
			stopWatching?.();
			for (const {close} of lines.values()) close();
			lines.clear();
		},
	});
};
