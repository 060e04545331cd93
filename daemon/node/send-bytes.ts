import type {ServerResponse} from 'node:http';

export type SendLimits = {
	/** How long a reader may take nothing before its connection, and the buffer that it holds, are taken back. */
	stallMs?: number;
	/** The least that a reader must take on average, beyond that. */
	leastBytesPerSecond?: number;
};

const STALL_LIMIT_MS = 60_000;
const LEAST_BYTES_PER_SECOND = 16 * 1024;

/** Answers with bytes whose buffer is lent, and gives it back once the connection has taken them, or is gone. */
export const sendBytes = (
	response: ServerResponse,
	{bytes, release}: {bytes: Uint8Array; release: () => void},
	headers: Record<string, string>,
	{stallMs = STALL_LIMIT_MS, leastBytesPerSecond = LEAST_BYTES_PER_SECOND}: SendLimits = {},
): void => {
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
	response.writeHead(200, {...headers, 'Content-Length': bytes.length});
	response.end(bytes);
};
