import {type Digest, parseDigest} from '../../source/protocol/ids.js';

/**
Several small shards in one request to a node, which costs less than one for each. All are named in the query, which the
request's seal holds for:

- `POST /shards?put=DIGEST.SIZE,…` has their bytes in its body, one after the other in that order.
- `POST /shards/get?get=DIGEST.SIZE,…` is answered with the bytes of those that could be read, one after the other, and the
  header `PJAS-Shards`, which has for each its size or the code of what went wrong. No shard has more bytes than `SIZE`.
*/
export type BatchedShard = {digest: Digest; sizeBytes: number};
export type BatchKind = 'put' | 'get';

/** The largest shard that goes with others. */
export const MOST_BATCHED_SHARD_BYTES = 256 * 1024;
export const MOST_BATCHED_SHARDS = 32;
export const MOST_BATCH_BYTES = 2 * 1024 * 1024;

export const batchPaths = {put: '/shards', get: '/shards/get'} as const satisfies Record<BatchKind, string>;
export const SHARDS_HEADER = 'PJAS-Shards';
/** The type of an answer that holds several shards. */
export const SHARDS_TYPE = 'application/vnd.pjas.shards';

export const batchBytes = (shards: readonly BatchedShard[]): number =>
	shards.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0);

/** The names and sizes of shards as one text, which `parseBatch` reads. */
export const batchText = (shards: readonly BatchedShard[]): string =>
	shards.map(({digest, sizeBytes}) => `${digest}.${sizeBytes}`).join(',');

/** A request's query, with its `?`. */
export const batchSearch = (kind: BatchKind, shards: readonly BatchedShard[]): string =>
	`?${kind}=${batchText(shards)}`;

const parseShard = (text: string): BatchedShard | undefined => {
	const [, name, size] = /^([\da-f]{64})\.(\d{1,6})$/.exec(text) ?? [];
	const digest = parseDigest(name);
	return digest && Number(size) <= MOST_BATCHED_SHARD_BYTES ? {digest, sizeBytes: Number(size)} : undefined;
};

/** Reads such a text; `undefined` where that is no batch, or one that is too large. */
export const parseBatch = (
	text: string,
	{mostShards = MOST_BATCHED_SHARDS, mostBytes = MOST_BATCH_BYTES} = {},
): BatchedShard[] | undefined => {
	const shards = text.split(',', mostShards + 1).map(parseShard);
	const isBatch = shards.length <= mostShards && shards.every(shard => shard !== undefined);
	return isBatch && batchBytes(shards) <= mostBytes ? shards : undefined;
};

/** What became of a shard that was asked for: how many bytes of it there are, or the code of what went wrong. */
export type Fetched = number | string;

export const fetchedText = (shards: readonly Fetched[]): string => shards.join(',');

const parseFetched = (text: string): Fetched | undefined => {
	if (/^\d{1,6}$/.test(text)) return Number(text);
	return /^[A-Z][A-Z_]{2,39}$/.test(text) ? text : undefined;
};

/** Reads the header `PJAS-Shards`; `undefined` where it is not about these shards, or tells of more bytes than they have. */
export const parseFetchedText = (text: string, asked: readonly BatchedShard[]): Fetched[] | undefined => {
	const shards = text.split(',', asked.length + 1).map(parseFetched);
	const isAnswer =
		shards.length === asked.length &&
		shards.every(shard => shard !== undefined) &&
		shards.every((shard, index) => typeof shard === 'string' || shard <= (asked[index]?.sizeBytes ?? 0));
	return isAnswer ? shards : undefined;
};
