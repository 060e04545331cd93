import {z} from 'zod';
import {type Fingerprint, fingerprintOf, type KeyTexts, keyTextsSchema} from './keys.js';

/** A coordinator's public keys, as it tells them to its nodes and as they keep them. */
export const coordinatorKeySchema = keyTextsSchema.extend({
	/** Milliseconds since the epoch; absent in the newest. */
	not_after: z.number().int().optional(),
});
export type CoordinatorKey = z.infer<typeof coordinatorKeySchema>;

export const MOST_COORDINATOR_KEYS = 20;
export const coordinatorKeysSchema = z.array(coordinatorKeySchema).max(MOST_COORDINATOR_KEYS);

/** By fingerprint, without those whose time is past. A fingerprint is always worked out, never taken from elsewhere. */
export const keysInUse = (keys: readonly CoordinatorKey[], nowMs: number): Map<Fingerprint, KeyTexts> =>
	new Map(
		keys
			.filter(({not_after: end}) => end === undefined || end > nowMs)
			.map(({signing, exchange}) => [fingerprintOf({signing, exchange}), {signing, exchange}]),
	);
