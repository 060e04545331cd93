import {type Fingerprint, isSameText, type KeyTexts} from './keys.js';
import {NONCE_HEADER, type Proof, proofSecret, SEAL_HEADER, sealOf, startProof, TICKET_SCHEME} from './proof.js';
import {type Asked, createTicketIssuer, isSealable, type SigningKeys} from './tickets.js';

/** What goes with one request to a node, and knows that node's own answer. */
export type Credentials = {
	headers: Record<string, string>;
	startProof: (status: number, kind: 'shard' | 'text') => Proof;
};

export type AskedOfNode = Asked & {
	/** The request's query, with its `?`. */
	search: string;
};

/** Makes the credentials of a request to one node. */
export type Authenticate = (asked: AskedOfNode) => Credentials;

type NodeWithKeys = {
	_id: string;
	/** What it calls itself, where that is another id. */
	classicId?: string;
	publicKeys?: KeyTexts;
};

export type CredentialsOptions = {
	/** The coordinator's keys to sign with, at each moment. */
	keys: () => SigningKeys;
	nowMs: () => number;
	randomBytes: (count: number) => Uint8Array;
};

const PREFIX_BYTES = 9;

/** Texts of which no two are the same, nor the same as another process's. */
const createIds = (randomBytes: (count: number) => Uint8Array): (() => string) => {
	const start = Buffer.from(randomBytes(PREFIX_BYTES)).toString('base64url');
	let drawn = 0;
	return () => `${start}-${(drawn++).toString(36)}`;
};

export const isProof = (proof: Proof, given: string): boolean => isSameText(proof.digest('base64url'), given);

/** How the coordinator shows its nodes who asks, and that each answer is theirs. A node without keys gets nothing. */
export const createCredentials = ({keys, nowMs, randomBytes}: CredentialsOptions) => {
	const newId = createIds(randomBytes);
	const issue = createTicketIssuer({nowMs, newId});

	return ({_id: id, classicId, publicKeys}: NodeWithKeys): Authenticate | undefined => {
		if (!publicKeys) return undefined;
		const node = classicId ?? id;
		const secrets = new Map<Fingerprint, Buffer>();
		const secretOf = ({kid, pairs}: SigningKeys): Buffer => {
			const secret = secrets.get(kid) ?? proofSecret(pairs.exchange, publicKeys);
			secrets.set(kid, secret);
			return secret;
		};

		return ({search, operation, digest}) => {
			const signer = keys();
			const isSealed = isSealable(operation);
			const ticket = issue(signer, node, isSealed ? {operation} : {operation, digest});
			const secret = secretOf(signer);
			const nonce = newId();
			return {
				headers: {
					Authorization: TICKET_SCHEME + ticket,
					[NONCE_HEADER]: nonce,
					...(isSealed && {[SEAL_HEADER]: sealOf(secret, {ticket, nonce, search, digest})}),
				},
				startProof: (status, kind) => startProof(secret, {ticket, nonce, search, status}, kind),
			};
		};
	};
};

export type CredentialsFor = ReturnType<typeof createCredentials>;
