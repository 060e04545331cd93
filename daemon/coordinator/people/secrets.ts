import {createHash} from 'node:crypto';
import {SECRET_BYTES, secretPrefixes} from '../../../source/protocol/people.js';
import type {Random} from '../../ports/clock.js';

/** What stands in the catalogue for a secret: its SHA-256 in hex. The secret has 256 random bits, so no salt is needed. */
export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** Draws a secret of this kind. Whoever gets it keeps it: here it is not kept. */
export const newSecret = (kind: keyof typeof secretPrefixes | 'session', random: Random): string =>
	(kind === 'session' ? '' : secretPrefixes[kind]) + Buffer.from(random.bytes(SECRET_BYTES)).toString('base64url');

/** How many digits of its hash name a secret to people. */
const SHORT_ID_LENGTH = 12;

export const shortIdOf = (hash: string): string => hash.slice(0, SHORT_ID_LENGTH);
