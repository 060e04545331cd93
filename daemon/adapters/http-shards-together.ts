import type {IncomingMessage} from 'node:http';
import {z} from 'zod';
import {batchBytes, batchPaths, batchSearch, type Fetched, parseFetchedText} from '../core/shard-batch.js';
import type {GetOptions} from '../ports/shard-store.js';
import type {Ask} from './http-shards-batches.js';
import type {Caller} from './http-shards-call.js';
import {
	agreed,
	MAX_SMALL_ANSWER_BYTES,
	nodeFailed,
	type NodeErrorCode,
	refusal,
	saidError,
} from './http-shards-errors.js';
import {counting, fetchedTextOf, gathering, SHARD_TYPE, type Sink, then, told} from './http-shards-sinks.js';

export type Put = Ask & {body: Uint8Array};
export type Get = Ask & Pick<GetOptions, 'onFilled'> & {into: Uint8Array};

export const putErrors: readonly NodeErrorCode[] = [
	'DIGEST_MISMATCH',
	'INSUFFICIENT_STORAGE',
	'BODY_TOO_LARGE',
	'NODE_RESTING',
];
export const getErrors: readonly NodeErrorCode[] = [
	'SHARD_NOT_FOUND',
	'SHARD_CORRUPT',
	'SHARD_UNREADABLE',
	'NODE_RESTING',
];

/** What a node answers that does not know of batches: one with keys has no ticket for them, so it says 401. */
const unknownStatuses: readonly (number | undefined)[] = [401, 404, 405];

const batchSchema = z.object({
	success: z.literal(true),
	shards: z.array(z.object({success: z.boolean(), code: z.string().optional(), error: z.string().optional()})),
});

const notAboutThese = () => nodeFailed("The node's answer is not about the shards that it was asked for");

const unknown = () => then(gathering(MAX_SMALL_ANSWER_BYTES), () => undefined);

const putAnswer = (answer: IncomingMessage, count: number): Sink<(Error | undefined)[] | undefined> => {
	if (unknownStatuses.includes(answer.statusCode)) return unknown();
	if (answer.statusCode !== 200) return refusal(answer, putErrors);
	return then(agreed(batchSchema, MAX_SMALL_ANSWER_BYTES), ({shards}) => {
		if (shards.length !== count) throw notAboutThese();
		return shards.map(shard => (shard.success ? undefined : saidError(shard, putErrors)));
	});
};

/** Puts several shards by one request. Says for each what was wrong, where something was. */
export const putTogether =
	(call: Caller) =>
	async (puts: readonly Put[], signal: AbortSignal): Promise<(Error | undefined)[] | undefined> =>
		call({
			method: 'POST',
			path: batchPaths.put + batchSearch('put', puts),
			asked: {operation: 'put-batch'},
			headers: {'Content-Type': SHARD_TYPE},
			body: puts.map(({body}) => body),
			signal,
			receive: answer => putAnswer(answer, puts.length),
		});

/** Gives each piece to the shards that it belongs to. What nobody wants any more is not written: its buffer may be another's. */
const dealOut = (gets: readonly Get[], fetched: readonly Fetched[]): Sink<(Uint8Array | Error)[]> => {
	const sizes = fetched.map(each => (typeof each === 'number' ? each : 0));
	const sumBytes = sizes.reduce((sum, size) => sum + size, 0);
	let at = 0;
	let filled = 0;
	let leftBytes = sumBytes;

	const put = ({into, onFilled, signal}: Get, part: Uint8Array) => {
		if (signal?.aborted) return;
		into.set(part, filled);
		onFilled?.(filled + part.length);
	};

	return {
		limitBytes: sumBytes,
		take(piece) {
			leftBytes -= piece.length;
			for (let rest: Uint8Array = piece; rest.length > 0;) {
				while (filled === sizes[at]) {
					at++;
					filled = 0;
				}

				const get = gets[at];
				const sizeBytes = sizes[at];
				if (!get || sizeBytes === undefined) return;
				const part = rest.subarray(0, sizeBytes - filled);
				put(get, part);
				filled += part.length;
				rest = rest.subarray(part.length);
			}
		},
		end() {
			if (leftBytes !== 0) throw notAboutThese();
			return gets.map(({into}, index) => {
				const each = fetched[index];
				return typeof each === 'number' ? into.subarray(0, each) : saidError({code: each}, getErrors);
			});
		},
	};
};

const getAnswer = (answer: IncomingMessage, gets: readonly Get[]): Sink<(Uint8Array | Error)[] | undefined> => {
	if (unknownStatuses.includes(answer.statusCode)) return unknown();
	if (answer.statusCode !== 200) return refusal(answer, getErrors);
	const text = fetchedTextOf(answer);
	const fetched = text === undefined ? undefined : parseFetchedText(text, gets);
	if (fetched) return dealOut(gets, fetched);
	return then(counting(MAX_SMALL_ANSWER_BYTES + batchBytes(gets)), () => {
		throw notAboutThese();
	});
};

/** Gets several shards by one request, each into the buffer that it comes with. */
export const getTogether =
	(call: Caller, onBytes: ((sizeBytes: number) => void) | undefined) =>
	async (gets: readonly Get[], signal: AbortSignal): Promise<(Uint8Array | Error)[] | undefined> =>
		call({
			method: 'POST',
			path: batchPaths.get + batchSearch('get', gets),
			asked: {operation: 'get-batch'},
			signal,
			receive: answer => told(getAnswer(answer, gets), onBytes),
		});
