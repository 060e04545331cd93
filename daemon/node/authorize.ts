import type {IncomingMessage} from 'node:http';
import {PjasError} from '../../source/protocol/errors.js';
import {type Digest, parseDigest} from '../../source/protocol/ids.js';
import {batchPaths} from '../core/shard-batch.js';
import {type Fingerprint, isSameText, type KeyPairs} from '../trust/keys.js';
import {
	NONCE_HEADER,
	noncePattern,
	PROOF_HEADER,
	proofOf,
	proofSecret,
	SEAL_HEADER,
	sealOf,
	type ProvenAnswer,
	TICKET_SCHEME,
} from '../trust/proof.js';
import {type Asked, createTicketChecker, type TicketOperation} from '../trust/tickets.js';
import type {CoordinatorTrust} from './coordinator-trust.js';

/** Gives the headers by which an answer shows that it is this node's. */
export type Prove = (status: number, answer: ProvenAnswer) => Record<string, string>;

/** Says whether a request may be served. Throws `UNAUTHENTICATED` where not. */
export type Authorize = (request: IncomingMessage, asked: Asked | undefined) => Prove;

/** Where an answer needs no proof: who asks so could not check it. */
export const noProof: Prove = () => ({});

/** For a node that serves a classic coordinator, or whoever asks: those have no tickets. */
export const authorizeAnyone: Authorize = () => noProof;

const shardOperations: Partial<Record<string, TicketOperation>> = {
	'GET ': 'get',
	'HEAD ': 'stat',
	'PUT ': 'put',
	'DELETE ': 'remove',
	'POST /verify': 'verify',
	'POST /prove': 'prove',
};

const shardPath = /^\/shards\/([^/]+)(\/verify|\/prove)?$/;

/** What a call asks, where there can be a ticket for it. */
export const askedOf = (method: string, path: string): Asked | undefined => {
	const isReading = method === 'GET' || method === 'HEAD';
	if (path === '/status') return isReading ? {operation: 'status'} : undefined;
	if (path === batchPaths.put && method === 'POST') return {operation: 'put-batch'};
	if (path === batchPaths.get && method === 'POST') return {operation: 'get-batch'};
	if (path === '/shards') return isReading ? {operation: 'list'} : undefined;
	const [, name, suffix = ''] = shardPath.exec(path) ?? [];
	const digest: Digest | undefined = parseDigest(name);
	const operation = shardOperations[`${method} ${suffix}`];
	return digest && operation && {operation, digest};
};

const searchOf = ({url = ''}: IncomingMessage): string => {
	const start = url.indexOf('?');
	return start < 0 ? '' : url.slice(start);
};

const headerOf = ({headers}: IncomingMessage, name: string): string => {
	const value = headers[name.toLowerCase()];
	return typeof value === 'string' ? value : '';
};

export const hasTicket = (request: IncomingMessage): boolean => request.headers.authorization !== undefined;

/** Serves the coordinator that the node trusts, by its tickets, and nobody else. */
export const createAuthorize = (options: {nodeId: string; pairs: KeyPairs; trust: CoordinatorTrust}): Authorize => {
	const {nodeId, pairs, trust} = options;
	const check = createTicketChecker({node: nodeId, keys: trust.keys, nowMs: trust.nowMs});
	const secrets = new Map<Fingerprint, Buffer>();
	const secretFor = (kid: Fingerprint): Buffer | undefined => {
		const key = trust.keys().get(kid);
		const secret = secrets.get(kid) ?? (key && proofSecret(pairs.exchange, key));
		if (secret) secrets.set(kid, secret);
		return secret;
	};

	return (request, asked) => {
		const given = headerOf(request, 'authorization');
		if (!given.startsWith(TICKET_SCHEME) || !asked) {
			throw new PjasError('UNAUTHENTICATED', 'A node serves its coordinator only: ask that one');
		}

		const nonce = headerOf(request, NONCE_HEADER);
		if (!noncePattern.test(nonce)) throw new PjasError('UNAUTHENTICATED', `The header ${NONCE_HEADER} is missing`);
		const ticket = given.slice(TICKET_SCHEME.length);
		const search = searchOf(request);
		const seal = headerOf(request, SEAL_HEADER);
		const isSealed = (kid: Fingerprint) => {
			const secret = seal === '' ? undefined : secretFor(kid);
			return secret !== undefined && isSameText(sealOf(secret, {ticket, nonce, search, digest: asked.digest}), seal);
		};
		const secret = secretFor(check(ticket, asked, isSealed));
		return (status, answer) =>
			secret ? {[PROOF_HEADER]: proofOf(secret, {ticket, nonce, search, status}, answer)} : {};
	};
};
