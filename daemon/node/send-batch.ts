import type {IncomingMessage, ServerResponse} from 'node:http';
import {isPjasError, PjasError} from '../../source/protocol/errors.js';
import {
	batchBytes,
	type BatchedShard,
	type Fetched,
	fetchedText,
	MOST_BATCH_BYTES,
	MOST_BATCHED_SHARDS,
	parseBatch,
	SHARDS_HEADER,
	SHARDS_TYPE,
} from '../core/shard-batch.js';
import type {Log} from '../ports/log.js';
import type {ShardStore} from '../ports/shard-store.js';
import type {Prove} from './authorize.js';
import {sendBytes} from './send-bytes.js';
import type {Throttle} from './throttle.js';

/** Each holds a batch in memory, until its reader has taken it. */
const MOST_AT_ONCE = 16;

/**
Reads several small shards and answers with them; see `core/shard-batch.ts`. Where this throws, nothing is answered yet.
*/
export const createBatchSender = (shards: Pick<ShardStore, 'get'>, log: Log, line?: Throttle) => {
	let underWay = 0;

	/** Puts a shard where it belongs in the answer. */
	const readInto = async ({digest}: BatchedShard, into: Uint8Array): Promise<Fetched> => {
		try {
			return (await shards.get(digest, {into})).length;
		} catch (error) {
			if (isPjasError(error)) return error.code;
			log.error('a shard of a batch could not be read', {digest, error});
			return 'INTERNAL_ERROR';
		}
	};

	const readAll = async (batch: readonly BatchedShard[]): Promise<{bytes: Buffer; fetched: Fetched[]}> => {
		const bytes = Buffer.allocUnsafeSlow(batchBytes(batch));
		let end = 0;
		const places = batch.map(({sizeBytes}) => bytes.subarray(end, (end += sizeBytes)));
		const fetched = await Promise.all(batch.map(async (each, index) => readInto(each, places[index] ?? bytes)));
		const isWhole = fetched.every((each, index) => each === batch[index]?.sizeBytes);
		if (isWhole) return {bytes, fetched};
		const read = places.map((place, index) => place.subarray(0, Number(fetched[index]) || 0));
		return {bytes: Buffer.concat(read), fetched};
	};

	return async (request: IncomingMessage, response: ServerResponse, prove: Prove): Promise<void> => {
		const {searchParams} = new URL(request.url ?? '', 'http://node');
		const batch = parseBatch(searchParams.get('get') ?? '');
		if (!batch) {
			const allowed = `at most ${MOST_BATCHED_SHARDS} as DIGEST.SIZE, of ${MOST_BATCH_BYTES} bytes together`;
			throw new PjasError('INVALID_REQUEST', `Wrong query: "get" must name the shards, ${allowed}`);
		}

		if (underWay >= MOST_AT_ONCE) {
			throw new PjasError('TOO_MANY_REQUESTS', 'Too many batches at once: try again in a moment', {
				retryAfterSeconds: 5,
			});
		}

		underWay++;
		const release = () => {
			underWay--;
		};
		const {bytes, fetched} = await readAll(batch).catch((error: unknown) => {
			release();
			throw error;
		});
		const text = fetchedText(fetched);
		const headers = {'Content-Type': SHARDS_TYPE, [SHARDS_HEADER]: text, ...prove(200, text)};
		sendBytes(response, {bytes, release}, headers, {line});
	};
};

export type SendBatch = ReturnType<typeof createBatchSender>;
