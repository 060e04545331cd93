import {createHash} from 'node:crypto';
import {PjasError} from '../../source/protocol/errors.js';

/**
What a node is asked to show that it holds a shard: the SHA-256, in hex, of a nonce and of some of the shard's bytes. The
nonce is drawn when it is asked, so that no answer can be prepared, and the range then too, so that no byte can be done
without.
*/
export type Challenge = {
	/** 64 hex digits, for 32 bytes. */
	nonce: string;
	/** The first byte of the range. */
	offset: number;
	/** How many bytes it has. */
	length: number;
};

const NONCE_BYTES = 32;
const LEAST_RANGE_BYTES = 64 * 1024;
const MOST_RANGE_BYTES = 1024 * 1024;

/** A challenge for a shard of this size that nobody could have foreseen. */
export const drawChallenge = (
	sizeBytes: number,
	{bytes, float}: {bytes: (count: number) => Uint8Array; float: () => number},
): Challenge => {
	const wanted = LEAST_RANGE_BYTES + Math.floor(float() * (MOST_RANGE_BYTES - LEAST_RANGE_BYTES + 1));
	const length = Math.min(sizeBytes, wanted);
	const offset = Math.floor(float() * (sizeBytes - length + 1));
	return {nonce: Buffer.from(bytes(NONCE_BYTES)).toString('hex'), offset, length};
};

/** The hash that becomes the answer once the range's bytes are put in. */
export const startAnswer = ({nonce}: Pick<Challenge, 'nonce'>): ReturnType<typeof createHash> =>
	createHash('sha256').update(Buffer.from(nonce, 'hex'));

/** What a node thinks of a range that goes beyond the shard that it has: there are bytes that it lacks. */
export const beyondEnd = (): PjasError =>
	new PjasError('SHARD_CORRUPT', 'The shard that the node has is shorter than what is asked of it');

/** The right answer, by whoever has the whole shard. Throws `SHARD_CORRUPT` where the range goes beyond its end. */
export const answerTo = (challenge: Challenge, shard: Uint8Array): string => {
	const {offset, length} = challenge;
	if (offset + length > shard.length) throw beyondEnd();
	return startAnswer(challenge)
		.update(shard.subarray(offset, offset + length))
		.digest('hex');
};
