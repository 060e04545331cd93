import {createHmac} from 'node:crypto';

/** Signatures of webhooks, as https://www.standardwebhooks.com has them. */
const PREFIX = 'whsec_';
const LEAST_BYTES = 24;
const MOST_BYTES = 64;

/** The key in a secret's text; `undefined` where it is none. */
export const webhookKeyIn = (secret: string): Buffer | undefined => {
	const text = secret.slice(PREFIX.length);
	if (!secret.startsWith(PREFIX) || !/^[A-Za-z\d+/]+={0,2}$/.test(text)) return undefined;
	const key = Buffer.from(text, 'base64');
	return key.length >= LEAST_BYTES && key.length <= MOST_BYTES ? key : undefined;
};

export type Signed = {id: string; timestampS: number; body: string};

/** The headers that go with a delivery. A receiver drops what it has had under an `id`, and what is not of these minutes. */
export const webhookHeaders = (key: Uint8Array, {id, timestampS, body}: Signed): Record<string, string> => ({
	'content-type': 'application/json',
	'webhook-id': id,
	'webhook-timestamp': String(timestampS),
	'webhook-signature': `v1,${createHmac('sha256', key).update(`${id}.${timestampS}.${body}`).digest('base64')}`,
});
