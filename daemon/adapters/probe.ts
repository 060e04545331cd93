import type {NodeRecord, NodeStatus} from '../core/model.js';
import type {CredentialsFor} from '../trust/credentials.js';
import {createCaller, createNodeAgent, retireAgent} from './http-shards-call.js';
import {askStatus} from './http-shards-status.js';

const TIMEOUT_MS = 6_000;

/**
Asks a node of any kind how it is, at its address, over a connection of its own. Rejects where it is not there, or answers
something else, or where another answers for it.
*/
export const createAddressProbe =
	(credentialsFor: CredentialsFor) =>
	async (node: NodeRecord, signal: AbortSignal): Promise<NodeStatus> => {
		const agent = createNodeAgent(node.address, 1);
		const line = {baseUrl: node.address, agent, authenticate: credentialsFor(node), timeoutMs: TIMEOUT_MS};
		try {
			return await askStatus(createCaller(line), signal);
		} finally {
			retireAgent(agent);
		}
	};
