import {type Digest, parseDigest} from '../../source/protocol/ids.js';

/**
Several small shards in one request to a node, which costs less than one for each: `POST /shards?put=DIGEST.SIZE,…`, and in
the body their bytes, one after the other in that order. As they stand in the query, the request's seal holds for them.
*/
export type BatchedShard = {digest: Digest; sizeBytes: number};

/** The largest shard that goes with others. */
export const MOST_BATCHED_SHARD_BYTES = 256 * 1024;
export const MOST_BATCHED_SHARDS = 32;
export const MOST_BATCH_BYTES = 2 * 1024 * 1024;

export const batchBytes = (shards: readonly BatchedShard[]): number =>
	shards.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0);

/** A request's query, with its `?`. */
export const batchSearch = (shards: readonly BatchedShard[]): string =>
	`?put=${shards.map(({digest, sizeBytes}) => `${digest}.${sizeBytes}`).join(',')}`;

const parseShard = (text: string): BatchedShard | undefined => {
	const [, name, size] = /^([\da-f]{64})\.(\d{1,6})$/.exec(text) ?? [];
	const digest = parseDigest(name);
	return digest && Number(size) <= MOST_BATCHED_SHARD_BYTES ? {digest, sizeBytes: Number(size)} : undefined;
};

/** Reads what `put` in the query says; `undefined` where that is no batch, or one that is too large. */
export const parseBatch = (text: string): BatchedShard[] | undefined => {
	const shards = text.split(',', MOST_BATCHED_SHARDS + 1).map(parseShard);
	const isBatch = shards.length <= MOST_BATCHED_SHARDS && shards.every(shard => shard !== undefined);
	return isBatch && batchBytes(shards) <= MOST_BATCH_BYTES ? shards : undefined;
};
