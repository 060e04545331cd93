import {randomBytes} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import type {CoordinatorKey} from '../trust/coordinator-key.js';
import {type Authenticate, createCredentials} from '../trust/credentials.js';
import {fingerprintOf, type KeyPairs, type KeyTexts, openKeys} from '../trust/keys.js';
import {NODE_HEADER, type NodeMessage, signRequest} from '../trust/node-messages.js';
import type {TicketOperation} from '../trust/tickets.js';

export type NodeIdentity = {
	nodeId: string;
	pairs: KeyPairs;
	/** The coordinator's keys that it trusts. */ trusts: string[];
};

/** Who a node is and whom it trusts, as its folder says: what a thief of its disk has. */
export const identityIn = async (folder: string): Promise<NodeIdentity> => {
	const read = async (name: string) => JSON.parse(await readFile(path.join(folder, name), 'utf8')) as unknown;
	const {node_id: nodeId, keys} = (await read('node_identity.json')) as {node_id: string; keys: KeyTexts};
	const {keys: trusted} = (await read('coordinator_keys.json')) as {keys: CoordinatorKey[]};
	return {nodeId, pairs: openKeys(keys), trusts: trusted.map(key => fingerprintOf(key))};
};

/** Sends what a node would send, signed as it would sign it. */
export const sendAsNode = async (
	url: string,
	{nodeId, pairs, trusts}: NodeIdentity,
	message: NodeMessage,
	more: Record<string, unknown> = {},
	{nowMs = Date.now(), id = randomBytes(16).toString('base64url')}: {nowMs?: number; id?: string} = {},
): Promise<Response> => {
	const body = JSON.stringify({node_id: nodeId, trusts, ...more});
	const jws = await signRequest(pairs.signing, {node: nodeId, message, body, coordinators: trusts, id, nowMs});
	return fetch(`${url}/api/nodes/${message}`, {
		method: 'POST',
		headers: {'content-type': 'application/json', [NODE_HEADER]: jws},
		body,
	});
};

/** Makes requests of a node as a coordinator does, as its data folder lets anybody make them. */
export const authenticateFor = async (dataFolder: string, nodeFolder: string): Promise<Authenticate> => {
	const file = await readFile(path.join(dataFolder, 'network-keys.json'), 'utf8');
	const [secret] = (JSON.parse(file) as {keys: KeyTexts[]}).keys;
	if (!secret) throw new Error('The coordinator has no key');
	const pairs = openKeys(secret);
	const {nodeId, pairs: own} = await identityIn(nodeFolder);
	const signer = {kid: fingerprintOf(pairs.public), pairs};
	const credentialsFor = createCredentials({keys: () => signer, nowMs: Date.now, randomBytes});
	const authenticate = credentialsFor({_id: nodeId, publicKeys: own.public});
	if (!authenticate) throw new Error('The node has no key');
	return authenticate;
};

/** The headers of one such request. */
export const headersFor = async (
	dataFolder: string,
	nodeFolder: string,
	asked: {operation: TicketOperation; search: string},
): Promise<Record<string, string>> => (await authenticateFor(dataFolder, nodeFolder))(asked).headers;
