import {createHmac, type KeyObject} from 'node:crypto';
import type {Digest} from '../../source/protocol/ids.js';
import {type KeyTexts, sharedSecret} from './keys.js';

/**
A node proves each answer by an HMAC under the secret that it shares with its coordinator, over the request's ticket and
nonce and the answer, so that nobody on the wire can say in its place that a shard is kept, right or gone. The bytes of a
shard are left out: their digest is their proof.
*/
export const PROOF_HEADER = 'PJAS-Proof';
/** Another at each request, so that no answer fits a second one. */
export const NONCE_HEADER = 'PJAS-Nonce';
export const noncePattern = /^[\w-]{8,64}$/;

/** In the `Authorization` header, before the ticket. */
export const TICKET_SCHEME = 'PJAS ';

/** What only a node's coordinator can have sent to just this node. */
export const SEAL_HEADER = 'PJAS-Seal';

const PURPOSE = 'pjas answer proof 1';

/** What is proven beside an answer's body. */
export type ProofOf = {
	ticket: string;
	nonce: string;
	/** The request's query, with its `?`. */ search: string;
	status: number;
};

/** Where the answer is a shard: how long it is. Else the text of its body. */
export type ProvenAnswer = number | string;

/** A proof that is made as the body comes. */
export type Proof = ReturnType<typeof createHmac>;

export const startProof = (secret: Buffer, {ticket, nonce, search, status}: ProofOf, kind: 'shard' | 'text'): Proof =>
	createHmac('sha256', secret).update(`${ticket}\n${nonce}\n${search}\n${status}\n${kind}\n`);

export const proofOf = (secret: Buffer, about: ProofOf, answer: ProvenAnswer): string =>
	startProof(secret, about, typeof answer === 'number' ? 'shard' : 'text')
		.update(String(answer))
		.digest('base64url');

/** What a request is sealed over: its ticket, what makes it this request, and which shard it is about. */
export type SealOf = Omit<ProofOf, 'status'> & {digest: Digest | undefined};

export const sealOf = (secret: Buffer, {ticket, nonce, search, digest}: SealOf): string =>
	createHmac('sha256', secret)
		.update(`request\n${ticket}\n${nonce}\n${search}\n${digest ?? ''}`)
		.digest('base64url');

/** The secret that a node and a coordinator's pair of keys share. */
export const proofSecret = (own: KeyObject, other: KeyTexts): Buffer => sharedSecret(own, other.exchange, PURPOSE);
