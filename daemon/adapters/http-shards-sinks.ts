import type {IncomingMessage} from 'node:http';
import {SHARDS_HEADER, SHARDS_TYPE} from '../core/shard-batch.js';

/** Where the bytes of an answer go. */
export type Sink<T> = {
	/** An answer with more is cut off. */
	limitBytes: number;
	take: (piece: Buffer) => void;
	/** Called when the answer came whole; what it throws is the call's error. */
	end: () => T;
};

/** The size that an answer says it has. */
export const lengthOf = ({headers}: IncomingMessage): number | undefined => {
	const header = headers['content-length'];
	return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
};

export const SHARD_TYPE = 'application/octet-stream';

/** A shard's answer that says it is one. */
export const isShard = ({statusCode, headers}: IncomingMessage): boolean =>
	statusCode === 200 && headers['content-type'] === SHARD_TYPE;

/** What an answer with several shards says of each; see `core/shard-batch.ts`. */
export const fetchedTextOf = ({statusCode, headers}: IncomingMessage): string | undefined => {
	const text = headers[SHARDS_HEADER.toLowerCase()];
	const isShards = statusCode === 200 && headers['content-type'] === SHARDS_TYPE;
	return isShards && typeof text === 'string' ? text : undefined;
};

/** Fills a buffer from its start; gives the part that was filled. */
export const filling = (into: Uint8Array, limitBytes: number = into.length): Sink<Uint8Array> => {
	let sizeBytes = 0;
	return {
		limitBytes: Math.min(limitBytes, into.length),
		take(piece) {
			into.set(piece, sizeBytes);
			sizeBytes += piece.length;
		},
		end: () => into.subarray(0, sizeBytes),
	};
};

/** Gathers an answer whose size is not known. */
export const gathering = (limitBytes: number): Sink<Uint8Array> => {
	const pieces: Buffer[] = [];
	return {limitBytes, take: piece => pieces.push(piece), end: () => Buffer.concat(pieces)};
};

/** Only counts the bytes. */
export const counting = (limitBytes: number): Sink<number> => {
	let sizeBytes = 0;
	return {
		limitBytes,
		take(piece) {
			sizeBytes += piece.length;
		},
		end: () => sizeBytes,
	};
};

/** What is gathered, made into something else. */
export const then = <A, B>(sink: Sink<A>, use: (value: A) => B): Sink<B> => ({
	limitBytes: sink.limitBytes,
	take: sink.take,
	end: () => use(sink.end()),
});

/** The same, and somebody is told of the bytes. */
export const told = <T>(sink: Sink<T>, onBytes: ((sizeBytes: number) => void) | undefined): Sink<T> =>
	onBytes
		? {
				...sink,
				take(piece) {
					sink.take(piece);
					onBytes(piece.length);
				},
			}
		: sink;

/** The same, and somebody is told how many bytes there are so far. */
export const toldFilled = <T>(sink: Sink<T>, onFilled: ((filledBytes: number) => void) | undefined): Sink<T> => {
	let filledBytes = 0;
	return told(sink, onFilled && (sizeBytes => onFilled((filledBytes += sizeBytes))));
};

/** The shard that an answer is: put into `into` where that is given, else into a buffer of its own. */
export const shardSink = (
	answer: IncomingMessage,
	into: Uint8Array | undefined,
	limitBytes: number,
): Sink<Uint8Array> => {
	if (into) return filling(into, limitBytes);
	const sizeBytes = lengthOf(answer);
	return sizeBytes !== undefined && sizeBytes <= limitBytes
		? filling(Buffer.allocUnsafeSlow(sizeBytes))
		: gathering(limitBytes);
};

/** The JSON that a small answer holds; `undefined` where it is none. */
export const json = (limitBytes: number): Sink<unknown> =>
	then(gathering(limitBytes), bytes => {
		try {
			return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')) as unknown;
		} catch {
			return undefined;
		}
	});
