import {createHash} from 'node:crypto';
import {PjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import {answerTo} from '../core/challenge.js';
import {MAX_SHARD_BYTES, onDiskBytes} from '../core/limits.js';
import type {Figures} from '../node/folder.js';
import type {ShardStore} from '../ports/shard-store.js';

/** The bodies of all shards, once for all disks that have them. */
export type Bodies = Map<Digest, Uint8Array>;

/** A node's disk, which faults may spoil behind the store's back. */
export type Disk = ShardStore & {
	kept: ReadonlyMap<Digest, Uint8Array>;
	/** What faults took, until it is there again. */
	taken: ReadonlySet<Digest>;
	/** Since when it has a shard, in minutes. */
	sinceMinute: (digest: Digest) => number;
	usedBytes: () => number;
	allocatedBytes: () => number;
	/** The member gives it another size. */
	resize: (allocatedBytes: number) => void;
	/** Other bytes under the same name. */
	rot: (digest: Digest) => void;
	/** A shard is gone, and the node does not know. */
	take: (digest: Digest) => void;
	isRight: (digest: Digest) => boolean;
	/** Whether it says of each shard that it is right, whatever its bytes are. */
	lie: (isLying: boolean) => void;
	figures: () => Promise<Figures>;
	/** All that it had is gone, and its memory is free. */
	destroy: () => void;
};

type Options = {
	allocatedBytes: number;
	bodies: Bodies;
	/** Without it, nothing is known of when a shard came. */
	nowMinute?: (() => number) | undefined;
	/** Told of each change of what it has. */
	onChange?: () => void;
};

const sha256 = (body: Uint8Array) => createHash('sha256').update(body).digest('hex');

const notFound = () => new PjasError('SHARD_NOT_FOUND', 'This disk has no such shard');

/** The first place whose digest comes after this one. */
const placeAfter = (sorted: readonly Digest[], digest: Digest): number => {
	let low = 0;
	let high = sorted.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if ((sorted[middle] ?? '') <= digest) low = middle + 1;
		else high = middle;
	}

	return low;
};

/** Shards in memory, of which each body is there once. */
export const createDisk = (options: Options): Disk => {
	const {bodies, nowMinute, onChange = () => undefined} = options;
	let {allocatedBytes} = options;
	const kept = new Map<Digest, Uint8Array>();
	const since = new Map<Digest, number>();
	const taken = new Set<Digest>();
	let usedBytes = 0;
	let isLying = false;
	/** What it has, ascending, as long as that is so. */
	let sorted: Digest[] | undefined;

	const add = (digest: Digest, body: Uint8Array) => {
		kept.set(digest, body);
		sorted = undefined;
		if (nowMinute) since.set(digest, nowMinute());
		taken.delete(digest);
		usedBytes += onDiskBytes(body.length);
		onChange();
	};

	const drop = (digest: Digest) => {
		const body = kept.get(digest);
		if (!body) return;
		kept.delete(digest);
		sorted = undefined;
		since.delete(digest);
		usedBytes -= onDiskBytes(body.length);
		onChange();
	};

	/** The one body of this name, which is shared from the first time on. */
	const shared = (digest: Digest, body: Uint8Array): Uint8Array => {
		const known = bodies.get(digest);
		if (known) return known;
		if (sha256(body) !== digest) {
			throw new PjasError('DIGEST_MISMATCH', 'The body is not the shard that its name says: send it again');
		}

		const own = Buffer.from(body);
		bodies.set(digest, own);
		return own;
	};

	const isRight = (digest: Digest) => kept.has(digest) && kept.get(digest) === bodies.get(digest);

	return {
		kept,
		taken,
		sinceMinute: digest => since.get(digest) ?? Infinity,
		usedBytes: () => usedBytes,
		allocatedBytes: () => allocatedBytes,
		resize: bytes => (allocatedBytes = bytes),
		rot(digest) {
			const body = kept.get(digest);
			if (body)
				kept.set(
					digest,
					body.map((byte, at) => (at === 0 ? byte ^ 1 : byte)),
				);
		},
		take(digest) {
			drop(digest);
			taken.add(digest);
		},
		isRight,
		lie: lies => (isLying = lies),
		figures: async () =>
			Promise.resolve({
				usedBytes,
				allocatedBytes,
				freeBytes: Math.max(0, allocatedBytes - usedBytes),
				count: kept.size,
			}),
		destroy() {
			kept.clear();
			sorted = undefined;
			since.clear();
			usedBytes = 0;
		},
		async put(digest, body, {signal} = {}) {
			signal?.throwIfAborted();
			if (body.length > MAX_SHARD_BYTES) {
				throw new PjasError('BODY_TOO_LARGE', `A shard has at most ${MAX_SHARD_BYTES} bytes`);
			}

			const own = bodies.get(digest);
			if (own && Buffer.compare(own, body) !== 0) {
				throw new PjasError('DIGEST_MISMATCH', 'The body is not the shard that its name says: send it again');
			}

			const right = shared(digest, body);
			if (kept.has(digest)) return;
			if (usedBytes + onDiskBytes(body.length) > allocatedBytes) {
				throw new PjasError('INSUFFICIENT_STORAGE', 'This node is full: choose another');
			}

			add(digest, right);
			return Promise.resolve();
		},
		async get(digest, {into, signal} = {}) {
			signal?.throwIfAborted();
			const body = kept.get(digest);
			if (!body) throw notFound();
			if (!into) return Promise.resolve(Uint8Array.from(body));
			if (body.length > into.length) throw new PjasError('SHARD_CORRUPT', 'The shard is longer than it should be');
			into.set(body);
			return into.subarray(0, body.length);
		},
		async stat(digest, {signal} = {}) {
			signal?.throwIfAborted();
			const body = kept.get(digest);
			return Promise.resolve(body && {sizeBytes: body.length});
		},
		async remove(digest, {signal} = {}) {
			signal?.throwIfAborted();
			drop(digest);
			return Promise.resolve();
		},
		async *list(after, {signal} = {}) {
			sorted ??= [...kept.keys()].sort();
			const digests = sorted;
			for (let at = after === undefined ? 0 : placeAfter(digests, after); at < digests.length; at++) {
				await Promise.resolve();
				signal?.throwIfAborted();
				yield digests[at] as Digest;
			}
		},
		async verify(digest, {signal} = {}) {
			signal?.throwIfAborted();
			if (!kept.has(digest)) throw notFound();
			if (isLying || isRight(digest)) return Promise.resolve(true);
			drop(digest);
			taken.add(digest);
			return false;
		},
		async prove(digest, challenge, {signal} = {}) {
			signal?.throwIfAborted();
			const body = kept.get(digest);
			if (!body) throw notFound();
			return Promise.resolve(answerTo(challenge, body));
		},
	};
};
