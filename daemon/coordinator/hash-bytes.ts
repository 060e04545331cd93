import {createHash} from 'node:crypto';
import {setImmediate as yieldToEvents} from 'node:timers/promises';

const TURN_BYTES = 256 * 1024;

/** The SHA-256 of a shard, with a turn for others after each 256 KiB. */
export const hashBytes = async (bytes: Uint8Array): Promise<string> => {
	const hash = createHash('sha256');
	for (let at = 0; at < bytes.length; at += TURN_BYTES) {
		if (at > 0) await yieldToEvents();
		hash.update(bytes.subarray(at, at + TURN_BYTES));
	}

	return hash.digest('hex');
};
