import {createHash} from 'node:crypto';
import {setImmediate as yieldToEvents} from 'node:timers/promises';

const HASH_PIECE_BYTES = 256 * 1024;
const HASH_TURN_BYTES = 1024 * 1024;

/** The SHA-256 of a shard, with a turn for others after each MiB. */
export const hashBytes = async (bytes: Uint8Array): Promise<string> => {
	const hash = createHash('sha256');
	for (let at = 0; at < bytes.length; at += HASH_PIECE_BYTES) {
		if (at > 0 && at % HASH_TURN_BYTES === 0) await yieldToEvents();
		hash.update(bytes.subarray(at, at + HASH_PIECE_BYTES));
	}

	return hash.digest('hex');
};
