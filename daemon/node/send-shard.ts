import type {ServerResponse} from 'node:http';
import type {Digest} from '../../source/protocol/ids.js';
import type {Prove} from './authorize.js';
import type {NodeStore} from './folder.js';

export type SendLimits = {
	/** How long a reader may take nothing before its connection, and the buffer that it holds, are taken back. */
	stallMs?: number;
	/** The least that a reader must take on average, beyond that. */
	leastBytesPerSecond?: number;
};

const STALL_LIMIT_MS = 60_000;
const LEAST_BYTES_PER_SECOND = 16 * 1024;

/**
Answers with a shard's bytes, as they are kept. Their buffer is given back once the connection has taken them. Where this
throws, nothing is answered yet.
*/
export const sendShard = async (
	response: ServerResponse,
	shards: Pick<NodeStore, 'open'>,
	digest: Digest,
	prove: Prove,
	{stallMs = STALL_LIMIT_MS, leastBytesPerSecond = LEAST_BYTES_PER_SECOND}: SendLimits = {},
): Promise<void> => {
	const {bytes, release} = await shards.open(digest);
	if (response.destroyed) {
		release();
		return;
	}

	const cutOff = () => response.destroy();
	const timer = setTimeout(cutOff, stallMs + (1000 * bytes.length) / leastBytesPerSecond).unref();
	response.once('close', () => {
		clearTimeout(timer);
		release();
	});
	response.setTimeout(stallMs, cutOff);
	response.writeHead(200, {
		'Content-Type': 'application/octet-stream',
		'Content-Length': bytes.length,
		...prove(200, bytes.length),
	});
	response.end(bytes);
};
