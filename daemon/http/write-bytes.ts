import type {ServerResponse} from 'node:http';

export type WriteLimits = {
	/** How long a client may take nothing. */
	stallMs: number;
	/** What it must take on average, once `stallMs` are past. */
	leastBytesPerSecond: number;
};

const defaultLimits: WriteLimits = {stallMs: 60_000, leastBytesPerSecond: 16 * 1024};

/**
Hands bytes to the socket; resolves when it has taken them, so that their buffer may be used again. A client that stalls or
crawls loses its connection, and with it the buffer that it holds.
*/
export const writeBytes = async (
	response: ServerResponse,
	bytes: Uint8Array | string,
	signal: AbortSignal,
	{stallMs, leastBytesPerSecond}: WriteLimits = defaultLimits,
): Promise<void> =>
	new Promise((resolve, reject) => {
		const giveUp = () => reject(signal.reason as Error);
		if (signal.aborted) {
			giveUp();
			return;
		}

		const cut = () => response.destroy();
		const timer = setTimeout(cut, stallMs + (bytes.length / leastBytesPerSecond) * 1000);
		signal.addEventListener('abort', giveUp, {once: true});
		response.setTimeout(stallMs, cut);
		response.write(bytes, error => {
			clearTimeout(timer);
			response.setTimeout(0).off('timeout', cut);
			signal.removeEventListener('abort', giveUp);
			// A connection that was cut has taken nothing, though it doesn't always say so.
			if (error ?? response.destroyed) reject(error ?? new Error('the connection was cut'));
			else resolve();
		});
	});
