import type {Agent} from 'node:http';
import {PjasError} from '../../source/protocol/errors.js';
import type {NodeId} from '../../source/protocol/ids.js';
import type {NodeRecord} from '../core/model.js';
import type {Dial, ShardStore} from '../ports/shard-store.js';
import type {CredentialsFor} from '../trust/credentials.js';
import {classicShards} from './classic-shards.js';
import {createNodeAgent, retireAgent} from './http-shards-call.js';
import {httpShards} from './http-shards.js';

export type DialOptions = {
	/** How long a node may be silent. */
	timeoutMs: number;
	/** How many requests are made to a node at once; to a classic node it is one. */
	maxSockets?: number;
	/** How requests to a node show who asks. */
	credentialsFor?: CredentialsFor;
	/** Told of the bytes of shards as they come in. */
	onBytes?: (sizeBytes: number) => void;
};

type Line = Pick<NodeRecord, 'address' | 'kind' | 'publicKeys'> & {agent: Agent; store: ShardStore};

const isSameLine = (a: Line, b: NodeRecord): boolean =>
	a.address === b.address && a.kind === b.kind && a.publicKeys?.signing === b.publicKeys?.signing;

const DEFAULT_MAX_SOCKETS = 16;

/**
How the coordinator reaches its nodes. A node's connections are kept as long as its address stays; what is under way when
that changes is cut off.
*/
export const createDial = (options: DialOptions): Dial & {close: () => void} => {
	const {timeoutMs, maxSockets = DEFAULT_MAX_SOCKETS, credentialsFor, onBytes} = options;
	const lines = new Map<NodeId, Line>();
	let isClosed = false;

	const connect = (node: NodeRecord): Line => {
		const {address, kind, publicKeys} = node;
		const agent = createNodeAgent(address, kind === 'classic' ? 1 : maxSockets);
		const common = {baseUrl: address, agent, timeoutMs, ...(onBytes && {onBytes})};
		const store =
			kind === 'classic' ? classicShards(common) : httpShards({...common, authenticate: credentialsFor?.(node)});
		return {address, kind, ...(publicKeys && {publicKeys}), agent, store};
	};

	const dial: Dial = node => {
		if (isClosed) throw new PjasError('SHUTTING_DOWN', 'The coordinator is stopping: try again in a moment');
		const known = lines.get(node._id);
		if (known && isSameLine(known, node)) return known.store;
		if (known) retireAgent(known.agent);
		const line = connect(node);
		lines.set(node._id, line);
		return line.store;
	};

	return Object.assign(dial, {
		close() {
			isClosed = true;
			for (const {agent} of lines.values()) retireAgent(agent);
			lines.clear();
		},
	});
};
