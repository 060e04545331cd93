import {createDurations, createTally, type Durations, type Tally} from '../core/metrics.js';
import type {Clock} from '../ports/clock.js';
import {askedOf} from './authorize.js';
import type {NodeStore} from './folder.js';
import type {Handler} from './handler.js';

export type NodeMeters = {
	requests: Tally<'operation' | 'status'>;
	durations: Durations<'operation'>;
	/** Shards that were put and got, one by one or several in a request. */
	shards: Tally<'operation' | 'result'>;
	shardBytes: Tally<'operation'>;
	/** Gives a handler that does the same, and counts. */
	around: (serve: Handler) => Handler;
	/** Gives a store that does the same, and counts. */
	over: (store: NodeStore) => NodeStore;
};

/** In seconds: an answer out of memory, one from the disk, a shard over a fast line, and over slow ones. */
const DURATION_BOUNDS = [0.002, 0.01, 0.05, 0.25, 1, 5, 30, 120];
const operations = ['put', 'get'] as const;
const results = ['done', 'failed'] as const;

/** Counts what a node is asked, and what comes of it. */
export const createNodeMeters = (clock: Pick<Clock, 'monotonicMs'>): NodeMeters => {
	const requests = createTally<'operation' | 'status'>();
	const durations = createDurations<'operation'>(DURATION_BOUNDS);
	const shards = createTally(operations.flatMap(operation => results.map(result => ({operation, result}))));
	const shardBytes = createTally(operations.map(operation => ({operation})));

	const counted = async <Result>(
		operation: (typeof operations)[number],
		work: () => Promise<Result>,
		sizeOf: (result: Result) => number | Promise<number>,
	): Promise<Result> => {
		try {
			const result = await work();
			shards.add({operation, result: 'done'});
			shardBytes.add({operation}, await sizeOf(result));
			return result;
		} catch (error) {
			shards.add({operation, result: 'failed'});
			throw error;
		}
	};

	return {
		requests,
		durations,
		shards,
		shardBytes,
		around: serve => (request, response) => {
			const startMs = clock.monotonicMs();
			const {method = '', url = ''} = request;
			response.once('close', () => {
				const end = url.indexOf('?');
				const operation = askedOf(method, end < 0 ? url : url.slice(0, end))?.operation ?? 'other';
				const status = response.writableFinished ? `${Math.floor(response.statusCode / 100)}xx` : 'cut_off';
				requests.add({operation, status});
				durations.add({operation}, (clock.monotonicMs() - startMs) / 1000);
			});
			return serve(request, response);
		},
		over: store => ({
			put: async (digest, body, options) =>
				counted(
					'put',
					async () => store.put(digest, body, options),
					() => body.length,
				),
			receive: async (digest, stream, sizeBytes, options) =>
				counted(
					'put',
					async () => store.receive(digest, stream, sizeBytes, options),
					async () => sizeBytes ?? (await store.stat(digest))?.sizeBytes ?? 0,
				),
			receiveUnnamed: async (stream, sizeBytes, options) =>
				counted(
					'put',
					async () => store.receiveUnnamed(stream, sizeBytes, options),
					kept => kept.sizeBytes,
				),
			get: async (digest, options) =>
				counted(
					'get',
					async () => store.get(digest, options),
					bytes => bytes.length,
				),
			open: async (digest, options) =>
				counted(
					'get',
					async () => store.open(digest, options),
					({bytes}) => bytes.length,
				),
			stat: async (digest, options) => store.stat(digest, options),
			remove: async (digest, options) => store.remove(digest, options),
			verify: async (digest, options) => store.verify(digest, options),
			prove: async (digest, challenge, options) => store.prove(digest, challenge, options),
			list: after => store.list(after),
			figures: async () => store.figures(),
			listingDigest: () => store.listingDigest(),
		}),
	};
};
