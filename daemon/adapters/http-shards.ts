import type {Agent, IncomingMessage} from 'node:http';
import {z} from 'zod';
import {digestSchema} from '../../source/protocol/api.js';
import {isPjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import {MAX_LISTING_PAGE, MAX_SHARD_BYTES} from '../core/limits.js';
import {MOST_BATCHED_SHARD_BYTES} from '../core/shard-batch.js';
import type {GetOptions, ShardOptions, ShardStore} from '../ports/shard-store.js';
import type {Authenticate} from '../trust/credentials.js';
import {createBatches} from './http-shards-batches.js';
import {type Caller, type CallerOptions, createCaller} from './http-shards-call.js';
import {agreed, MAX_SMALL_ANSWER_BYTES, nodeError, nodeFailed, refusal} from './http-shards-errors.js';
import {createGate, type Gate} from './http-shards-gate.js';
import {counting, isShard, lengthOf, SHARD_TYPE, shardSink, then, told, toldFilled} from './http-shards-sinks.js';
import {getErrors, getTogether, putErrors, type Put, putTogether} from './http-shards-together.js';

export type HttpShardsOptions = {
	/** The node's address, with or without a path. */
	baseUrl: string;
	/** The connections to this node. Its `maxSockets` is how many requests are made at once. */
	agent: Agent;
	/** How long a node may be silent. */
	timeoutMs: number | (() => number);
	leastBytesPerSecond?: number;
	/** How requests show who asks; without it they don't, and answers are taken from anybody. */
	authenticate?: Authenticate | undefined;
	/** Told of the bytes of shards as they come in. */
	onBytes?: (sizeBytes: number) => void;
	/** How calls are made, where that is not by `agent`, as many at once as it has sockets. */
	call?: Caller;
};

const MAX_PAGE_BYTES = 1024 * 1024;
/** A node that lists on and on, whatever it may hold, is not believed. */
const MOST_LISTED = 20_000_000;

const pageSchema = z.object({
	success: z.literal(true),
	digests: z.array(digestSchema).max(MAX_LISTING_PAGE),
	next_after: digestSchema.nullable(),
});
type Page = {digests: Digest[]; nextAfter: Digest | undefined};

const putSchema = z.object({success: z.literal(true)});
const proveSchema = z.object({success: z.literal(true), proof: z.string().regex(/^[\da-f]{64}$/)});
const verifySchema = z.object({success: z.literal(true), ok: z.boolean()});

const checkPage = ({digests, next_after: next}: z.infer<typeof pageSchema>, after: string | undefined): Page => {
	let last = after ?? '';
	for (const digest of digests) {
		if (digest <= last) throw nodeFailed("The node's listing is not in order");
		last = digest;
	}

	if (next !== null && (digests.length === 0 || next !== last)) throw nodeFailed("The node's listing does not go on");
	return {digests: digests as Digest[], nextAfter: (next ?? undefined) as Digest | undefined};
};

const fetchPage = async (call: Caller, after: Digest | undefined, options: ShardOptions): Promise<Page> =>
	call({
		method: 'GET',
		path: after === undefined ? '/shards' : `/shards?after=${after}`,
		asked: {operation: 'list'},
		signal: options.signal,
		receive: answer =>
			answer.statusCode === 200
				? then(agreed(pageSchema, MAX_PAGE_BYTES), page => checkPage(page, after))
				: refusal(answer, []),
	});

async function* digestsFrom(call: Caller, first: Page, options: ShardOptions): AsyncGenerator<Digest> {
	let listed = 0;
	for (let page = first; ; page = await fetchPage(call, page.nextAfter, options)) {
		options.signal?.throwIfAborted();
		yield* page.digests;
		listed += page.digests.length;
		if (page.nextAfter === undefined) return;
		if (listed > MOST_LISTED) throw nodeFailed(`The node lists more than ${MOST_LISTED} shards`);
	}
}

/** Makes calls as a gate lets them through. */
export const gatedCaller = (options: CallerOptions, gate: Gate): Caller => {
	const makeCall = createCaller(options);
	return async each => gate.pass(async () => makeCall(each), each.signal);
};

/** The shards of a node that is reached over HTTP, by the calls that `node/server.ts` serves. */
export const httpShards = (options: HttpShardsOptions): ShardStore => {
	const call = options.call ?? gatedCaller(options, createGate(options.agent.maxSockets));
	const pathOf = (digest: Digest) => `/shards/${digest}`;

	/** Asks for a shard without wanting its bytes. */
	const isThere = async (digest: Digest, signal: AbortSignal | undefined): Promise<{sizeBytes: number} | undefined> => {
		const receive = (answer: IncomingMessage) =>
			isShard(answer) ? counting(MAX_SHARD_BYTES) : refusal(answer, ['SHARD_NOT_FOUND']);
		try {
			return {
				sizeBytes: await call({
					method: 'GET',
					path: pathOf(digest),
					asked: {operation: 'get', digest},
					signal,
					receive,
				}),
			};
		} catch (error) {
			if (isPjasError(error, 'SHARD_NOT_FOUND')) return undefined;
			throw error;
		}
	};

	const stat: ShardStore['stat'] = async (digest, {signal} = {}) => {
		const {status, sizeBytes} = await call({
			method: 'HEAD',
			path: pathOf(digest),
			asked: {operation: 'stat', digest},
			signal,
			receive: answer =>
				then(counting(0), () => ({
					status: answer.statusCode ?? 0,
					sizeBytes: isShard(answer) ? lengthOf(answer) : undefined,
				})),
		});
		// Without a body, it can be the 404 of anybody between here and the node.
		if (status === 404) return isThere(digest, signal);
		if (sizeBytes !== undefined && sizeBytes <= MAX_SHARD_BYTES) return {sizeBytes};
		throw nodeFailed(`The node does not tell a size that a shard can have (status ${status})`);
	};

	const putOne = async ({digest, body, signal}: Put): Promise<void> => {
		await call({
			method: 'PUT',
			path: pathOf(digest),
			asked: {operation: 'put', digest},
			headers: {'Content-Type': SHARD_TYPE},
			body: [body],
			signal,
			receive: answer =>
				answer.statusCode === 200 || answer.statusCode === 201
					? agreed(putSchema, MAX_SMALL_ANSWER_BYTES)
					: refusal(answer, putErrors),
		});
	};

	const getOne = async (digest: Digest, {into, onFilled, signal}: GetOptions = {}): Promise<Uint8Array> =>
		call({
			method: 'GET',
			path: pathOf(digest),
			asked: {operation: 'get', digest},
			signal,
			receive: answer =>
				isShard(answer)
					? told(toldFilled(shardSink(answer, into, MAX_SHARD_BYTES), onFilled), options.onBytes)
					: refusal(answer, getErrors),
		});

	const putSoon = createBatches({one: putOne, several: putTogether(call), isHeld: true});
	const getSoon = createBatches({
		one: async get => getOne(get.digest, get),
		several: getTogether(call, options.onBytes),
	});

	return {
		async put(digest, body, putOptions = {}) {
			putOptions.signal?.throwIfAborted();
			if (body.length > MAX_SHARD_BYTES) throw nodeError('BODY_TOO_LARGE');
			const put = {...putOptions, digest, body, sizeBytes: body.length};
			await (body.length > MOST_BATCHED_SHARD_BYTES ? putOne(put) : putSoon(put));
		},
		async get(digest, getOptions = {}) {
			const {into, signal} = getOptions;
			signal?.throwIfAborted();
			const isSmall = into !== undefined && into.length <= MOST_BATCHED_SHARD_BYTES;
			return isSmall ? getSoon({...getOptions, digest, into, sizeBytes: into.length}) : getOne(digest, getOptions);
		},
		stat,
		async remove(digest, {signal} = {}) {
			await call({
				method: 'DELETE',
				path: pathOf(digest),
				asked: {operation: 'remove', digest},
				signal,
				receive: answer => (answer.statusCode === 204 ? counting(0) : refusal(answer, [])),
			});
		},
		async *list(after, listOptions = {}) {
			yield* digestsFrom(call, await fetchPage(call, after, listOptions), listOptions);
		},
		async verify(digest, {signal} = {}) {
			const {ok} = await call({
				method: 'POST',
				path: `${pathOf(digest)}/verify`,
				asked: {operation: 'verify', digest},
				signal,
				receive: answer =>
					answer.statusCode === 200
						? agreed(verifySchema, MAX_SMALL_ANSWER_BYTES)
						: refusal(answer, ['SHARD_NOT_FOUND', 'SHARD_UNREADABLE']),
			});
			return ok;
		},
		// What is asked stands in the query, which the answer's proof covers: nobody on the way can ask something else.
		async prove(digest, {nonce, offset, length}, {signal} = {}) {
			const {proof} = await call({
				method: 'POST',
				path: `${pathOf(digest)}/prove?nonce=${nonce}&offset=${offset}&length=${length}`,
				asked: {operation: 'prove', digest},
				signal,
				receive: answer =>
					answer.statusCode === 200
						? agreed(proveSchema, MAX_SMALL_ANSWER_BYTES)
						: refusal(answer, ['SHARD_NOT_FOUND', 'SHARD_CORRUPT', 'SHARD_UNREADABLE']),
			});
			return proof;
		},
	};
};
