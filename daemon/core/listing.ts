import {createHash} from 'node:crypto';
import type {Digest} from '../../source/protocol/ids.js';

/** The digest of a listing: the SHA-256, in hex, of its digests in ascending order, each followed by a newline. */
export const listingDigest = (sorted: Iterable<Digest>): string => {
	const hash = createHash('sha256');
	for (const digest of sorted) {
		hash.update(digest).update('\n');
	}

	return hash.digest('hex');
};
