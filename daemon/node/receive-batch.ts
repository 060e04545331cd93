import type {IncomingMessage, ServerResponse} from 'node:http';
import {isPjasError, PjasError} from '../../source/protocol/errors.js';
import {batchBytes, MOST_BATCH_BYTES, MOST_BATCHED_SHARDS, parseBatch} from '../core/shard-batch.js';
import {readBytes} from '../http/body.js';
import type {Log} from '../ports/log.js';
import type {ShardStore} from '../ports/shard-store.js';
import type {Prove} from './authorize.js';
import type {Throttle} from './throttle.js';

/** Each holds a batch in memory. */
const MOST_AT_ONCE = 8;
const TIME_LIMIT_MS = 120_000;
/** Where the node's own line is slow, as many batches as there can be share it. */
const HELD_UP_TIME_LIMIT_MS = 1_200_000;

const failed = ({message: error, code}: Pick<PjasError, 'message' | 'code'>) => ({success: false, error, code});

/**
Keeps several shards out of a request, and answers for each of them; see `core/shard-batch.ts`. Where this throws, nothing
is answered yet.
*/
export const createBatchReceiver = (shards: Pick<ShardStore, 'put'>, log: Log, line?: Throttle) => {
	let underWay = 0;

	const keepAll = async (request: IncomingMessage): Promise<object[]> => {
		const {searchParams} = new URL(request.url ?? '', 'http://node');
		const batch = parseBatch(searchParams.get('put') ?? '');
		if (!batch) {
			const allowed = `at most ${MOST_BATCHED_SHARDS} as DIGEST.SIZE, of ${MOST_BATCH_BYTES} bytes together`;
			throw new PjasError('INVALID_REQUEST', `Wrong query: "put" must name the shards in the body, ${allowed}`);
		}

		const sizeBytes = batchBytes(batch);
		const body = await readBytes(request, {
			limitBytes: sizeBytes,
			timeoutMs: line?.isLimited() ? HELD_UP_TIME_LIMIT_MS : TIME_LIMIT_MS,
			pace: line?.take,
		});
		if (body.length < sizeBytes) {
			throw new PjasError('UPLOAD_INCOMPLETE', 'The body ended before the last of its shards: send it again');
		}

		let end = 0;
		const keeping = batch.map(async each => shards.put(each.digest, body.subarray(end, (end += each.sizeBytes))));
		return (await Promise.allSettled(keeping)).map(kept => {
			if (kept.status === 'fulfilled') return {success: true};
			if (isPjasError(kept.reason)) return failed(kept.reason);
			log.error('a shard of a batch could not be kept', {error: kept.reason});
			return failed({message: "The shard could not be kept: this node's log says why", code: 'INTERNAL_ERROR'});
		});
	};

	return async (request: IncomingMessage, response: ServerResponse, prove: Prove): Promise<void> => {
		if (underWay >= MOST_AT_ONCE) {
			throw new PjasError('TOO_MANY_REQUESTS', 'Too many batches at once: try again in a moment', {
				retryAfterSeconds: 5,
			});
		}

		underWay++;
		try {
			const text = JSON.stringify({success: true, shards: await keepAll(request)});
			response.writeHead(200, {
				'Content-Type': 'application/json; charset=utf-8',
				'Content-Length': Buffer.byteLength(text),
				...prove(200, text),
			});
			response.end(text);
		} finally {
			underWay--;
		}
	};
};

export type ReceiveBatch = ReturnType<typeof createBatchReceiver>;
