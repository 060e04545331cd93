import {type KeyObject, sign, verify} from 'node:crypto';

/**
Compact JWS with EdDSA (RFC 7515, RFC 8037), as `jose` makes and reads them, by the native Ed25519: tickets are signed and
verified with each shard, and anything around that costs as much again.
*/
export type JwsHeader = {alg: 'EdDSA'; typ: string; kid: string};

/** A signature has 64 bytes. */
const SIGNATURE_LENGTH = 86;

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** The header as it stands in a JWS. */
export const encodedHeader = (typ: string, kid: string): string => encode({alg: 'EdDSA', typ, kid} satisfies JwsHeader);

export const signJws = (header: string, claims: object, key: KeyObject): string => {
	const signed = `${header}.${encode(claims)}`;
	return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`;
};

/** What a JWS starts with: its header as it stands there. */
export const headerOf = (jws: string): string => jws.slice(0, Math.max(0, jws.indexOf('.')));

/** What a JWS says, whoever wrote it; `undefined` where it says nothing that can be read. */
export const claimsOf = (jws: string): unknown => {
	const [, payload = ''] = jws.split('.', 2);
	try {
		return JSON.parse(Buffer.from(payload, 'base64url').toString()) as unknown;
	} catch {
		return undefined;
	}
};

/** What was signed, or `undefined` where this is none that the key has signed. */
export const verifyJws = (jws: string, key: KeyObject): unknown => {
	const start = jws.indexOf('.') + 1;
	const end = jws.length - SIGNATURE_LENGTH - 1;
	if (start === 0 || end < start || jws[end] !== '.') return undefined;
	const signature = Buffer.from(jws.slice(end + 1), 'base64url');
	return verify(null, Buffer.from(jws.slice(0, end)), key, signature) ? claimsOf(jws) : undefined;
};
