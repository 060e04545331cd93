import type {IncomingMessage} from 'node:http';
import type {z} from 'zod';
import {PjasError} from '../../source/protocol/errors.js';

export type JsonOptions = {
	limitBytes?: number;
	timeoutMs?: number;
	/** Says after a piece how long the next has to wait, where it has to. */
	pace?: ((sizeBytes: number) => Promise<void> | undefined) | undefined;
};

const DEFAULT_LIMIT_BYTES = 64 * 1024;
const DEFAULT_TIMEOUT_MS = 30_000;
const LONGEST_MESSAGE = 300;

/** How much of a refused body is still read, so that the client gets to see why, and for how long. */
const MOST_DISCARDED_BYTES = 16 * 1024 * 1024;
const LONGEST_DISCARD_MS = 10_000;

const isRefusedEncoding = (encoding: string | undefined): boolean =>
	encoding !== undefined && encoding.trim() !== '' && encoding.trim().toLowerCase() !== 'identity';

const tooLarge = (limitBytes: number) =>
	new PjasError('BODY_TOO_LARGE', `The body is larger than ${limitBytes} bytes, the most that is read here`);

/** Reads a body of at most `limitBytes` into one buffer. */
export const readBytes = async (
	request: IncomingMessage,
	{limitBytes = DEFAULT_LIMIT_BYTES, timeoutMs = DEFAULT_TIMEOUT_MS, pace}: JsonOptions = {},
): Promise<Buffer> => {
	if (Number(request.headers['content-length'] ?? 0) > limitBytes) throw tooLarge(limitBytes);

	return new Promise((resolve, reject) => {
		const pieces: Buffer[] = [];
		let sizeBytes = 0;
		let isOver = false;

		const finish = (error?: Error) => {
			isOver = true;
			clearTimeout(timer);
			request.off('data', take).off('end', finish).off('error', finish).off('close', cutOff);
			if (error === undefined) {
				resolve(Buffer.concat(pieces));
			} else {
				request.pause();
				reject(error);
			}
		};

		const take = (piece: Buffer) => {
			sizeBytes += piece.length;
			if (sizeBytes > limitBytes) {
				finish(tooLarge(limitBytes));
				return;
			}

			pieces.push(piece);
			const wait = pace?.(piece.length);
			if (!wait) return;
			request.pause();
			wait.then(
				() => {
					if (!isOver) request.resume();
				},
				(error: unknown) => {
					if (!isOver) finish(error as Error);
				},
			);
		};

		const cutOff = () => finish(new PjasError('INVALID_REQUEST', 'The body ended before it was whole'));
		const timer = setTimeout(() => {
			finish(
				new PjasError('REQUEST_TIMEOUT', `The body did not come within ${timeoutMs / 1000} seconds: send it again`),
			);
		}, timeoutMs);
		request.on('data', take).once('end', finish).once('error', finish).once('close', cutOff);
	});
};

/** Checks a value, and says in words which field is wrong and what is allowed there. `what` names the value. */
export const validate = <Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> => {
	const result = schema.safeParse(value);
	if (result.success) return result.data;

	const wrongs = result.error.issues.slice(0, 3).map(({path, message}) => {
		const said = message.replace(/^Invalid input: /, '');
		return path.length === 0 ? said : `"${path.map(String).join('.')}": ${said}`;
	});
	throw new PjasError('INVALID_REQUEST', `Wrong ${what}: ${wrongs.join('; ')}`.slice(0, LONGEST_MESSAGE));
};

/** JSON in UTF-8, checked. Whatever content type it is said to have. */
export const parseJson = <Schema extends z.ZodType>(
	bytes: Uint8Array,
	schema: Schema,
	what: string,
): z.output<Schema> => {
	let value: unknown;
	try {
		value = JSON.parse(new TextDecoder('utf-8', {fatal: true}).decode(bytes));
	} catch (error) {
		const known = error instanceof SyntaxError ? 'JSON' : 'UTF-8';
		throw new PjasError('INVALID_REQUEST', `Wrong ${what}: it is not valid ${known}`, {cause: error});
	}

	return validate(schema, value, what);
};

/** Reads a body of bounded size that is as it was made. */
export const readPlainBytes = async (request: IncomingMessage, options?: JsonOptions): Promise<Buffer> => {
	if (isRefusedEncoding(request.headers['content-encoding'])) {
		throw new PjasError('INVALID_REQUEST', 'Wrong body: send it without a content encoding');
	}

	return readBytes(request, options);
};

/** Reads a JSON body of bounded size and checks it. */
export const readJson = async <Schema extends z.ZodType>(
	request: IncomingMessage,
	schema: Schema,
	options?: JsonOptions,
): Promise<z.output<Schema>> => parseJson(await readPlainBytes(request, options), schema, 'body');

/**
Reads the first `sizeBytes` of a body and leaves the rest to be read, from there on, by somebody else.
*/
export const readPrefix = async (
	request: IncomingMessage,
	sizeBytes: number,
	{signal}: {signal?: AbortSignal} = {},
): Promise<Buffer> => {
	signal?.throwIfAborted();
	return new Promise((resolve, reject) => {
		const pieces: Buffer[] = [];
		let haveBytes = 0;

		const leave = () => {
			request.pause();
			request.off('data', take).off('end', cutOff).off('error', fail).off('close', cutOff);
			signal?.removeEventListener('abort', abort);
		};

		const take = (piece: Buffer) => {
			pieces.push(piece);
			haveBytes += piece.length;
			if (haveBytes < sizeBytes) return;
			leave();
			const all = Buffer.concat(pieces);
			if (haveBytes > sizeBytes) request.unshift(all.subarray(sizeBytes));
			resolve(all.subarray(0, sizeBytes));
		};

		const fail = (error: Error) => {
			leave();
			reject(error);
		};

		const cutOff = () => fail(new PjasError('UPLOAD_INCOMPLETE', 'The body ended before it was whole: send it again'));
		const abort = () => fail(signal?.reason as Error);
		signal?.addEventListener('abort', abort, {once: true});
		request.on('data', take).on('end', cutOff).on('error', fail).on('close', cutOff);
		request.resume();
	});
};

export type BodyWatch = {
	/** Aborted where the body comes too slowly, or its sender is gone. */
	signal: AbortSignal;
	stop: () => void;
};

export type WatchOptions = {
	/** How long nothing may come. */
	idleMs?: number;
	/** What must come on average, once `idleMs` are past. */
	leastBytesPerSecond?: number;
};

const WATCH_IDLE_MS = 30_000;
const WATCH_LEAST_BYTES_PER_SECOND = 16 * 1024;

/**
Watches a body while somebody reads it, so that a sender who stalls holds nothing for long. Time in which nobody reads
doesn't count: then it is we who are slow.
*/
export const watchBody = (
	request: IncomingMessage,
	{idleMs = WATCH_IDLE_MS, leastBytesPerSecond = WATCH_LEAST_BYTES_PER_SECOND}: WatchOptions = {},
): BodyWatch => {
	const controller = new AbortController();
	const stepMs = idleMs / 6;
	let seenBytes = 0;
	let seenBefore = 0;
	let idleForMs = 0;
	let readingForMs = 0;

	const count = (piece: Buffer) => {
		seenBytes += piece.length;
	};

	const look = () => {
		if (request.readableFlowing !== true || request.readableEnded) return;
		readingForMs += stepMs;
		idleForMs = seenBytes === seenBefore ? idleForMs + stepMs : 0;
		seenBefore = seenBytes;
		const isSlow = readingForMs > idleMs && (seenBytes * 1000) / readingForMs < leastBytesPerSecond;
		if (idleForMs < idleMs && !isSlow) return;
		controller.abort(new PjasError('REQUEST_TIMEOUT', 'The body comes too slowly: send it again'));
	};

	const leave = () => {
		if (request.complete) return;
		controller.abort(new PjasError('UPLOAD_INCOMPLETE', 'The sender went away before the body was whole'));
	};

	const timer = setInterval(look, stepMs).unref();
	// Paused first, or to listen would start the flow.
	request.pause();
	request.on('data', count).once('close', leave);
	return {
		signal: controller.signal,
		stop() {
			clearInterval(timer);
			request.off('data', count).off('close', leave);
		},
	};
};

/** Reads on, within bounds, what is left of a refused request's body; beyond them the connection is cut. */
export const discardBody = async (request: IncomingMessage, longestMs = LONGEST_DISCARD_MS): Promise<void> => {
	if (request.complete || request.destroyed) return;

	return new Promise(resolve => {
		let leftBytes = MOST_DISCARDED_BYTES;
		const timer = setTimeout(() => request.destroy(), longestMs).unref();
		const finish = () => {
			clearTimeout(timer);
			resolve();
		};

		request.once('close', finish).once('end', finish);
		request.on('error', () => undefined);
		request.on('data', (piece: Buffer) => {
			leftBytes -= piece.length;
			if (leftBytes < 0) request.destroy();
		});
		request.resume();
	});
};
