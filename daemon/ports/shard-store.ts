import type {Digest} from '../../source/protocol/ids.js';
import type {Challenge} from '../core/challenge.js';
import type {NodeRecord} from '../core/model.js';

export type ShardOptions = {signal?: AbortSignal};

export type GetOptions = ShardOptions & {
	/** Where to put the bytes, so that nothing is allocated; the answer is a view of it. Bounds what is read. */
	into?: Uint8Array;
	/** May be told, while bytes come in, how many of `into` are filled: the store neither writes nor reads them again. */
	onFilled?: (filledBytes: number) => void;
};

/**
Where shards are kept: a disk, a node over HTTP, a classic node, memory. One suite holds for all
(`shard-store.suite.ts`).

A shard is named by its digest, the SHA-256 of its bytes. Errors are `PjasError`s: `SHARD_NOT_FOUND`, `SHARD_CORRUPT`,
`SHARD_UNREADABLE` (the disk does not give its bytes, now at least; they stay where they are), `DIGEST_MISMATCH` (a body that
is not what its name says), `INSUFFICIENT_STORAGE`, and for what is far away `NODE_FAILED` and `NODE_TIMEOUT`. An aborted call rejects with its signal's reason.
*/
export type ShardStore = {
	/** Keeps a shard; durable when it returns. A shard that is there already is a success. */
	put: (digest: Digest, body: Uint8Array, options?: ShardOptions) => Promise<void>;
	/** Reads a shard whole. The bytes are as they are kept: whoever needs them right checks them. */
	get: (digest: Digest, options?: GetOptions) => Promise<Uint8Array>;
	stat: (digest: Digest, options?: ShardOptions) => Promise<{sizeBytes: number} | undefined>;
	/** Forgets a shard, durably. One that is not there is a success. */
	remove: (digest: Digest, options?: ShardOptions) => Promise<void>;
	/** The digests after `after`, ascending. What changes meanwhile may or may not be in it. */
	list: (after?: Digest, options?: ShardOptions) => AsyncIterable<Digest>;
	/**
	Reads a shard again where it is kept and compares it with its name: `true` where it is right. A wrong one is out of
	the store afterwards. Throws `SHARD_NOT_FOUND`, and `SHARD_UNREADABLE`, after which it is still there.
	*/
	verify: (digest: Digest, options?: ShardOptions) => Promise<boolean>;
	/**
	Answers a challenge out of what is kept: see `core/challenge.ts`. The answer is not looked at, nor is the shard: who asks
	compares. Throws `SHARD_NOT_FOUND`, and `SHARD_CORRUPT` where the range goes beyond the shard's end.
	*/
	prove: (digest: Digest, challenge: Challenge, options?: ShardOptions) => Promise<string>;
};

/** Gives the store that a node is, however it is reached. Cheap, and the same store for the same record. */
export type Dial = (node: NodeRecord) => ShardStore;
