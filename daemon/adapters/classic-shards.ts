import {createHash} from 'node:crypto';
import type {Agent, IncomingMessage} from 'node:http';
import {z} from 'zod';
import {isPjasError, PjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import {beyondEnd, startAnswer} from '../core/challenge.js';
import {MAX_SHARD_BYTES} from '../core/limits.js';
import type {ShardOptions, ShardStore} from '../ports/shard-store.js';
import {type Caller, createCaller} from './http-shards-call.js';
import {MAX_SMALL_ANSWER_BYTES, nodeError, nodeFailed, quoted} from './http-shards-errors.js';
import {createGate} from './http-shards-gate.js';
import {counting, json, shardSink, type Sink, then} from './http-shards-sinks.js';

export type ClassicShardsOptions = {
	/** The node's address. */
	baseUrl: string;
	agent: Agent;
	/** How long the node may be silent once it is our turn. */
	timeoutMs: number;
	leastBytesPerSecond?: number;
	/** How many requests may wait for their turn. */
	mostWaiting?: number;
};

const MOST_WAITING = 64;

const storedSchema = z.object({success: z.literal(true), stored_bytes: z.number().optional()});
const failedSchema = z.object({error: z.string()});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** What the classic node wants to know of a chunk. What it learns is what the digest says already. */
const metadataOf = (digest: Digest, sizeBytes: number): Buffer =>
	Buffer.from(
		JSON.stringify({
			chunk_id: digest,
			file_id: digest.slice(0, 16),
			filename: `${digest}.shard`,
			chunk_size: sizeBytes,
		}),
	);

/** An answer to `POST /chunk`. */
const stored = (answer: IncomingMessage, sizeBytes: number): Sink<void> =>
	then(json(MAX_SMALL_ANSWER_BYTES), body => {
		const status = answer.statusCode ?? 0;
		const {data} = storedSchema.safeParse(body);
		if (status === 200 && data && (data.stored_bytes ?? sizeBytes) === sizeBytes) return;

		const said = failedSchema.safeParse(body).data?.error ?? '';
		const cause = quoted(status, {error: said});
		if (status === 500 && /not enough (free )?space/i.test(said)) throw nodeError('INSUFFICIENT_STORAGE', cause);
		throw nodeFailed(`The classic node did not keep the shard (status ${status})`, cause);
	});

/** The tunnel that classic nodes stand behind answers 404 for a node that is away; only it sends this header. */
const isTunnels = ({headers}: IncomingMessage) => headers['ngrok-error-code'] !== undefined;

/** What `GET /chunk` says that is no chunk. A chunk that went wrong there is "not found" as well. */
const refused = (answer: IncomingMessage): Sink<never> =>
	then(counting(MAX_SMALL_ANSWER_BYTES), () => {
		const status = answer.statusCode ?? 0;
		throw status === 404 && !isTunnels(answer)
			? nodeError('SHARD_NOT_FOUND')
			: nodeFailed(`The classic node's answer (status ${status}) is no chunk`);
	});

const unsupported = (what: string) =>
	new PjasError('OPERATION_UNSUPPORTED', `A classic node cannot ${what} its shards: its owner has to update it`);

/**
The shards of a node of the prototype's kind. It serves one request at a time, so requests take turns here. It can neither
delete nor list; what it has is found out by reading it.
*/
export const classicShards = (options: ClassicShardsOptions): ShardStore => {
	const gate = createGate(1, options.mostWaiting ?? MOST_WAITING);
	const makeCall = createCaller(options);
	const call: Caller = async each => gate.pass(async () => makeCall(each), each.signal);

	const read = async <T>(
		digest: Digest,
		signal: AbortSignal | undefined,
		sinkFor: (answer: IncomingMessage) => Sink<T>,
	): Promise<T> =>
		call({
			method: 'GET',
			path: `/chunk?id=${digest}`,
			signal,
			receive: answer => (answer.statusCode === 200 ? sinkFor(answer) : refused(answer)),
		});

	return {
		async put(digest, body, {signal} = {}) {
			signal?.throwIfAborted();
			if (body.length > MAX_SHARD_BYTES) throw nodeError('BODY_TOO_LARGE');
			// The classic node would keep anything under any name.
			if (sha256(body) !== digest) throw nodeError('DIGEST_MISMATCH');
			const metadata = metadataOf(digest, body.length);
			await call({
				method: 'POST',
				path: '/chunk',
				headers: {'Content-Type': 'application/octet-stream', 'X-Metadata-Length': String(metadata.length)},
				body: [metadata, body],
				signal,
				receive: answer => stored(answer, body.length),
			});
		},
		get: async (digest, {into, signal} = {}) =>
			read(digest, signal, answer => shardSink(answer, into, MAX_SHARD_BYTES)),
		async stat(digest, {signal} = {}) {
			try {
				return {sizeBytes: await read(digest, signal, () => counting(MAX_SHARD_BYTES))};
			} catch (error) {
				if (isPjasError(error, 'SHARD_NOT_FOUND')) return undefined;
				throw error;
			}
		},
		async remove(_digest, {signal}: ShardOptions = {}) {
			await Promise.resolve();
			signal?.throwIfAborted();
			throw unsupported('delete');
		},
		list: (_after, {signal}: ShardOptions = {}) => ({
			[Symbol.asyncIterator]: () => ({
				async next() {
					await Promise.resolve();
					signal?.throwIfAborted();
					throw unsupported('list');
				},
			}),
		}),
		/** The classic node checks what it sends and calls a wrong chunk unknown; a `false` is a chunk it could not know to be wrong. */
		async verify(digest, {signal} = {}) {
			const hash = createHash('sha256');
			const found = await read(digest, signal, () => ({
				limitBytes: MAX_SHARD_BYTES,
				take: piece => void hash.update(piece),
				end: () => hash.digest('hex'),
			}));
			return found === digest;
		},
		/** The classic node knows of no challenges: it is read whole, and answered for here. */
		async prove(digest, challenge, {signal} = {}) {
			const {offset, length} = challenge;
			const hash = startAnswer(challenge);
			let position = 0;
			const sizeBytes = await read(digest, signal, () => ({
				limitBytes: MAX_SHARD_BYTES,
				take(piece) {
					const start = Math.max(0, offset - position);
					const end = Math.max(0, offset + length - position);
					hash.update(piece.subarray(start, end));
					position += piece.length;
				},
				end: () => position,
			}));
			if (offset + length > sizeBytes) throw beyondEnd();
			return hash.digest('hex');
		},
	};
};
