import {createHash, type KeyObject} from 'node:crypto';
import {decodeJwt, jwtVerify, SignJWT} from 'jose';
import {z} from 'zod';
import {type Fingerprint, type KeyTexts, openPublicKey} from './keys.js';

/**
What a node and its coordinator say to each other when the node registers, at each heartbeat, when it opens a link, and when it asks something: a JWT in a header of the
request, and one of the answer, each bound to the body beside it.
*/
/** Not `Authorization`, which clients leave out where they are sent on. */
export const NODE_HEADER = 'PJAS-Node';
export const ANSWER_HEADER = 'PJAS-Signature';

export type NodeMessage = 'register' | 'heartbeat' | 'link' | 'line-test' | 'safe-to-stop';

/** What goes over a link, by the name that both sides say in `Sec-WebSocket-Protocol`: HTTP/1.1, asked by the coordinator. */
export const LINK_PROTOCOL = 'pjas.link.1';

const REQUEST_TYPE = 'pjas-node+jwt';
const ANSWER_TYPE = 'pjas-answer+jwt';
export const MESSAGE_LIFE_SECONDS = 120;

const bodyDigestOf = (body: string | Uint8Array): string => createHash('sha256').update(body).digest('hex');

export type RequestClaims = {
	node: string;
	message: NodeMessage;
	body: string | Uint8Array;
	/** The coordinators that it may be meant for; none where the node knows none yet. */
	coordinators: readonly Fingerprint[];
	/** Another one at each request. */
	id: string;
	nowMs: number;
};

export const signRequest = async (key: KeyObject, claims: RequestClaims): Promise<string> =>
	new SignJWT({op: claims.message, digest: bodyDigestOf(claims.body)})
		.setProtectedHeader({alg: 'EdDSA', typ: REQUEST_TYPE})
		.setIssuer(claims.node)
		.setAudience([...claims.coordinators])
		.setJti(claims.id)
		.setIssuedAt(new Date(claims.nowMs))
		.sign(key);

const requestSchema = z.object({
	op: z.string(),
	digest: z.string(),
	aud: z.array(z.string()),
	jti: z.string().min(8).max(64),
	iat: z.number(),
});

export type SignedRequest = {
	/** The coordinators that it is meant for. */
	coordinators: readonly Fingerprint[];
	id: string;
	expiresMs: number;
	/** Whether it is of this moment. Where not, one of the two clocks is wrong. */
	isInTime: boolean;
};

/** Rejects, with jose's own error or another, where a node's key has not signed just this. */
export const verifyRequest = async (
	jws: string,
	key: KeyTexts,
	expected: {node: string; message: NodeMessage; body: Uint8Array; nowMs: number},
): Promise<SignedRequest> => {
	const {payload} = await jwtVerify(jws, openPublicKey('signing', key.signing), {
		algorithms: ['EdDSA'],
		typ: REQUEST_TYPE,
		issuer: expected.node,
	});
	const {op, digest, aud, jti, iat} = requestSchema.parse(payload);
	if (op !== expected.message) throw new Error('signed for another call');
	if (digest !== bodyDigestOf(expected.body)) throw new Error('signed for another body');
	const isInTime = Math.abs(expected.nowMs / 1000 - iat) <= MESSAGE_LIFE_SECONDS;
	return {coordinators: aud, id: jti, expiresMs: (iat + MESSAGE_LIFE_SECONDS + 1) * 1000, isInTime};
};

/** The node that says it signed a request; whether it did, `verifyRequest` says. */
export const signerOf = (jws: string): string | undefined => {
	try {
		return decodeJwt(jws).iss;
	} catch {
		return undefined;
	}
};

export type AnswerClaims = {
	node: string;
	/** The request's. */
	id: string;
	body: string;
	nowMs: number;
};

export const signAnswer = async (kid: Fingerprint, key: KeyObject, claims: AnswerClaims): Promise<string> =>
	new SignJWT({request: claims.id, digest: bodyDigestOf(claims.body), now_ms: claims.nowMs})
		.setProtectedHeader({alg: 'EdDSA', typ: ANSWER_TYPE, kid})
		.setAudience([claims.node])
		.sign(key);

const answerSchema = z.object({request: z.string(), digest: z.string(), now_ms: z.number()});

/**
Gives the coordinator's time. Rejects where the answer to this request is not signed by a key that `keyOf` gives for its
fingerprint. The request's id, drawn for it alone, stands for its time.
*/
export const verifyAnswer = async (
	jws: string,
	keyOf: (kid: Fingerprint) => KeyTexts | undefined,
	expected: {node: string; id: string; body: string},
): Promise<{nowMs: number}> => {
	const {payload} = await jwtVerify(
		jws,
		({kid = ''}) => {
			const key = keyOf(kid);
			if (!key) throw new Error('signed by an unknown key');
			return openPublicKey('signing', key.signing);
		},
		{algorithms: ['EdDSA'], typ: ANSWER_TYPE, audience: expected.node},
	);
	const {request, digest, now_ms: nowMs} = answerSchema.parse(payload);
	if (request !== expected.id) throw new Error('an answer to another request');
	if (digest !== bodyDigestOf(expected.body)) throw new Error('signed for another answer');
	return {nowMs};
};
