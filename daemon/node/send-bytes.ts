import type {ServerResponse} from 'node:http';
import type {Throttle} from './throttle.js';

export type SendLimits = {
	/** How long a reader may take nothing before its connection, and the buffer that it holds, are taken back. */
	stallMs?: number;
	/** The least that a reader must take on average, beyond that. */
	leastBytesPerSecond?: number;
	/** Holds what is sent to a rate. Time in which that holds it up is not held against the reader. */
	line?: Throttle | undefined;
};

const STALL_LIMIT_MS = 60_000;
const LEAST_BYTES_PER_SECOND = 16 * 1024;

const drained = async (response: ServerResponse): Promise<void> =>
	new Promise(resolve => {
		const finish = () => {
			response.off('drain', finish).off('close', finish);
			resolve();
		};
		if (response.destroyed) resolve();
		else response.on('drain', finish).on('close', finish);
	});

/** Sends in pieces, each when the line may carry it and the reader has taken the one before. */
const sendHeldUp = async (
	response: ServerResponse,
	bytes: Uint8Array,
	line: Throttle,
	noteWait: (ms: number) => void,
): Promise<void> => {
	const isGone = () => response.destroyed;
	for (let sent = 0; sent < bytes.length && !isGone();) {
		const piece = bytes.subarray(sent, sent + line.pieceBytes());
		const wait = line.take(piece.length);
		if (wait) {
			const startMs = performance.now();
			await wait;
			noteWait(performance.now() - startMs);
		}

		sent += piece.length;
		if (!isGone() && !response.write(piece)) await drained(response);
	}

	response.end();
};

/** Answers with bytes whose buffer is lent, and gives it back once the connection has taken them, or is gone. */
export const sendBytes = (
	response: ServerResponse,
	{bytes, release}: {bytes: Uint8Array; release: () => void},
	headers: Record<string, string>,
	{stallMs = STALL_LIMIT_MS, leastBytesPerSecond = LEAST_BYTES_PER_SECOND, line}: SendLimits = {},
): void => {
	if (response.destroyed) {
		release();
		return;
	}

	let heldUpMs = 0;
	const cutOff = () => response.destroy();
	const limitTime = (ms: number): NodeJS.Timeout =>
		setTimeout(() => {
			if (heldUpMs === 0) cutOff();
			else timer = limitTime(heldUpMs);
			heldUpMs = 0;
		}, ms).unref();
	let timer = limitTime(stallMs + (1000 * bytes.length) / leastBytesPerSecond);
	response.once('close', () => {
		clearTimeout(timer);
		release();
	});
	response.setTimeout(stallMs, cutOff);
	response.writeHead(200, {...headers, 'Content-Length': bytes.length});
	if (line) void sendHeldUp(response, bytes, line, ms => (heldUpMs += ms));
	else response.end(bytes);
};
