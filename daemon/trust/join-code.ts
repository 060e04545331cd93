import {createHash} from 'node:crypto';
import {type Fingerprint, FINGERPRINT_BYTES} from './keys.js';

/**
A join code: `pjas-join_`, then 32 secret bytes and the fingerprint of the coordinator's keys in base64url. So a node knows
the coordinator that it was invited by from any other, before it has met it. `@` and the coordinator's address may follow.
*/
export type JoinCode = {
	/** The code alone. */
	text: string;
	/** SHA-256 of the secret, in hex: all that the coordinator keeps of it. */
	id: string;
	coordinator: Fingerprint;
	/** Where the coordinator is, where that stands behind the code. It is as somebody wrote it. */
	url?: string;
};

export const JOIN_CODE_PREFIX = 'pjas-join_';
export const JOIN_SECRET_BYTES = 32;

const pattern = /^pjas-join_([\w-]{64})(?:@(\S{1,500}))?$/;

export const joinCodeOf = (secret: Uint8Array, coordinator: Fingerprint): JoinCode => ({
	text: JOIN_CODE_PREFIX + Buffer.concat([secret, Buffer.from(coordinator, 'base64url')]).toString('base64url'),
	id: createHash('sha256').update(secret).digest('hex'),
	coordinator,
});

export const parseJoinCode = (text: string): JoinCode | undefined => {
	const [, encoded, url] = pattern.exec(text.trim()) ?? [];
	if (encoded === undefined) return undefined;
	const bytes = Buffer.from(encoded, 'base64url');
	if (bytes.length !== JOIN_SECRET_BYTES + FINGERPRINT_BYTES) return undefined;
	const coordinator = bytes.subarray(JOIN_SECRET_BYTES).toString('base64url');
	return {...joinCodeOf(bytes.subarray(0, JOIN_SECRET_BYTES), coordinator), ...(url !== undefined && {url})};
};
