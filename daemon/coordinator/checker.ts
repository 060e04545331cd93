import {setMaxListeners} from 'node:events';
import type {CheckLine} from '../../source/protocol/api.js';
import {isPjasError, PjasError} from '../../source/protocol/errors.js';
import {type ChunkRecord, type FileRecord, type ShardRecord, wantedShards} from '../core/model.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {Fleet} from './fleet.js';
import type {Finding, ShardHealth} from './shard-health.js';

type CheckerOptions = {catalog: Catalog; fleet: Fleet; health: ShardHealth; clock: Clock; log: Log};

export type Checker = {
	/**
	Has every node re-hash its shards of a file, writes down what they say, and tells it chunk by chunk, then in sum.

	@throws {PjasError} `TOO_MANY_REQUESTS` where enough checks are under way.
	*/
	check: (file: FileRecord, signal: AbortSignal) => AsyncGenerator<CheckLine>;
};

type ChunkLine = Extract<CheckLine, {event: 'chunk'}>;
type Result = ChunkLine['shards'][number]['result'];

const CHUNKS_AT_ONCE = 4;
const CHECKS_AT_ONCE = 4;

export const createChecker = ({catalog, fleet, health, clock, log}: CheckerOptions): Checker => {
	let underWay = 0;

	const checkShard = async ({node, digest}: ShardRecord, signal: AbortSignal): Promise<Result> => {
		try {
			return (await fleet.use(node, {}, store => store.verify(digest, {signal}))) ? 'ok' : 'corrupt';
		} catch (error) {
			if (isPjasError(error, 'SHARD_NOT_FOUND')) return 'missing';
			if (isPjasError(error, 'SHARD_UNREADABLE')) return 'corrupt';
			if (!signal.aborted) log.warn('a shard could not be checked', {node, digest, error});
			return 'unreachable';
		}
	};

	const checkChunk = async (file: FileRecord, chunk: ChunkRecord, signal: AbortSignal): Promise<ChunkLine> => {
		const shards = await Promise.all(
			chunk.shards.map(async shard => ({...shard, result: await checkShard(shard, signal)})),
		);
		signal.throwIfAborted();
		const findings = shards.flatMap(({node, digest, result}): Finding[] =>
			result === 'unreachable' ? [] : [{node, digest, result}],
		);
		await health.record(chunk._id, findings);
		return {
			event: 'chunk',
			index: chunk.index,
			chunks_count: file.chunkCount,
			wanted: wantedShards(chunk.scheme),
			sound: shards.filter(({result}) => result === 'ok').length,
			shards: shards.map(({node, digest, result}) => ({node_id: node, digest, result})),
		};
	};

	/** The lines of all chunks in order, with several under way. */
	async function* checkChunks(file: FileRecord, signal: AbortSignal): AsyncGenerator<ChunkLine> {
		const ahead: Promise<ChunkLine>[] = [];
		for await (const chunk of catalog.chunksOf(file._id)) {
			const line = checkChunk(file, chunk, signal);
			line.catch(() => undefined);
			ahead.push(line);
			if (ahead.length >= CHUNKS_AT_ONCE) yield await (ahead.shift() as Promise<ChunkLine>);
		}

		for (const line of ahead) yield await line;
	}

	async function* check(file: FileRecord, signal: AbortSignal): AsyncGenerator<CheckLine> {
		if (underWay >= CHECKS_AT_ONCE) {
			throw new PjasError('TOO_MANY_REQUESTS', `${underWay} checks are under way. Try again when one has ended`, {
				retryAfterSeconds: 10,
			});
		}

		underWay++;
		// Every shard that is being checked listens to it.
		setMaxListeners(0, signal);
		try {
			const sums: Record<Result, number> = {ok: 0, missing: 0, corrupt: 0, unreachable: 0};
			let isReadable = true;
			for await (const line of checkChunks(file, signal)) {
				for (const {result} of line.shards) sums[result]++;
				isReadable &&= line.sound > 0;
				yield line;
			}

			yield {event: 'done', success: isReadable, chunks_count: file.chunkCount, ...sums, checked_at: clock.now()};
		} finally {
			underWay--;
		}
	}

	return {check};
};
