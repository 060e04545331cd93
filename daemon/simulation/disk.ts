import {createHash} from 'node:crypto';
import {PjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import {answerTo} from '../core/challenge.js';
import {MAX_SHARD_BYTES, onDiskBytes} from '../core/limits.js';
import type {Figures} from '../node/folder.js';
import type {ShardStore} from '../ports/shard-store.js';

/** The bodies of all shards, once for all disks that have them: in pages, for an object for each would take more than its bytes. */
export type Bodies = {
	has: (digest: Digest) => boolean;
	/** A view of its bytes, which nobody may change. */
	get: (digest: Digest) => Uint8Array | undefined;
	sizeOf: (digest: Digest) => number;
	add: (digest: Digest, body: Uint8Array) => void;
};

const PAGE_BYTES = 1024 * 1024;
/** Most networks are small, and many: a page is as large as all before it, up to that. */
const FIRST_PAGE_BYTES = 16 * 1024;
const LENGTH_BYTES = 4;

export const createBodies = (): Bodies => {
	const pages: Buffer[] = [];
	/** Where each stands, behind its length: its page's number times the page's size, and its place there. */
	const places = new Map<Digest, number>();
	let pageBytes = 0;
	let keptBytes = 0;
	let end = 0;
	const startOf = (place: number) => {
		const page = pages[Math.floor(place / PAGE_BYTES)] as Buffer;
		return {page, at: place % PAGE_BYTES};
	};
	const sizeOf = (digest: Digest): number => {
		const place = places.get(digest);
		if (place === undefined) return 0;
		const {page, at} = startOf(place);
		return page.readUInt32LE(at);
	};

	return {
		has: digest => places.has(digest),
		sizeOf,
		get(digest) {
			const place = places.get(digest);
			if (place === undefined) return undefined;
			const {page, at} = startOf(place);
			const first = at + LENGTH_BYTES;
			return page.subarray(first, first + page.readUInt32LE(at));
		},
		add(digest, body) {
			const needed = LENGTH_BYTES + body.length;
			// One that is larger than a page has a page of its own.
			if (end + needed > pageBytes) {
				pageBytes = Math.max(needed, Math.min(PAGE_BYTES, Math.max(FIRST_PAGE_BYTES, keptBytes)));
				pages.push(Buffer.alloc(pageBytes));
				keptBytes += pageBytes;
				end = 0;
			}

			const page = pages[pages.length - 1] as Buffer;
			page.writeUInt32LE(body.length, end);
			page.set(body, end + LENGTH_BYTES);
			places.set(digest, (pages.length - 1) * PAGE_BYTES + end);
			end += needed;
		},
	};
};

/** A node's disk, which faults may spoil behind the store's back. */
export type Disk = ShardStore & {
	kept: ReadonlySet<Digest>;
	sizeOf: (digest: Digest) => number;
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
	/** What was gone is there again, with its bytes or with others. */
	giveBack: (digest: Digest, isRotten: boolean) => void;
	/** Since when a shard is wrong, or gone because it was, while the disk says of no shard what is not so, in minutes. */
	badSinceMinute: (digest: Digest) => number | undefined;
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
	const kept = new Set<Digest>();
	/** The bytes of those that are not as their names say. */
	const wrong = new Map<Digest, Uint8Array>();
	const since = new Map<Digest, number>();
	const taken = new Set<Digest>();
	/** Since when those that are wrong, or were so when they were taken out, are so. */
	const badSince = new Map<Digest, number>();
	let usedBytes = 0;
	let isLying = false;
	let honestSince = 0;
	/** What it has, ascending, as long as that is so. */
	let sorted: Digest[] | undefined;

	const bodyOf = (digest: Digest) => wrong.get(digest) ?? (kept.has(digest) ? bodies.get(digest) : undefined);

	const add = (digest: Digest, sizeBytes: number) => {
		kept.add(digest);
		sorted = undefined;
		if (nowMinute) since.set(digest, nowMinute());
		taken.delete(digest);
		badSince.delete(digest);
		usedBytes += onDiskBytes(sizeBytes);
		onChange();
	};

	const lose = (digest: Digest) => {
		drop(digest);
		taken.add(digest);
		if (nowMinute && !badSince.has(digest)) badSince.set(digest, nowMinute());
	};

	const drop = (digest: Digest) => {
		if (!kept.delete(digest)) return;
		wrong.delete(digest);
		sorted = undefined;
		since.delete(digest);
		usedBytes -= onDiskBytes(bodies.sizeOf(digest));
		onChange();
	};

	/** What was right once is compared with that: it costs less than to hash it again. */
	const isNamed = (digest: Digest, body: Uint8Array): boolean => {
		const known = bodies.get(digest);
		if (known) return Buffer.compare(known, body) === 0;
		if (sha256(body) !== digest) return false;
		bodies.add(digest, body);
		return true;
	};

	const rot = (digest: Digest) => {
		const body = bodyOf(digest);
		if (!body) return;
		if (nowMinute && !badSince.has(digest)) badSince.set(digest, nowMinute());
		wrong.set(
			digest,
			Uint8Array.from(body, (byte, at) => (at === 0 ? byte ^ 1 : byte)),
		);
	};

	const isRight = (digest: Digest) => kept.has(digest) && !wrong.has(digest);

	return {
		kept,
		sizeOf: digest => (kept.has(digest) ? bodies.sizeOf(digest) : 0),
		taken,
		sinceMinute: digest => since.get(digest) ?? Infinity,
		usedBytes: () => usedBytes,
		allocatedBytes: () => allocatedBytes,
		resize: bytes => (allocatedBytes = bytes),
		rot,
		take(digest) {
			lose(digest);
			// It is not listed any more, so that no scrub meets it: audits and the daily comparison of listings do.
			badSince.delete(digest);
		},
		giveBack(digest, isRotten) {
			if (!taken.has(digest) || kept.has(digest)) return;
			add(digest, bodies.sizeOf(digest));
			if (isRotten) rot(digest);
		},
		badSinceMinute(digest) {
			const since = badSince.get(digest);
			return since === undefined || isLying ? undefined : Math.max(since, honestSince);
		},
		isRight,
		lie(lies) {
			if (isLying && !lies) honestSince = nowMinute?.() ?? 0;
			isLying = lies;
		},
		figures: async () =>
			Promise.resolve({
				usedBytes,
				allocatedBytes,
				freeBytes: Math.max(0, allocatedBytes - usedBytes),
				count: kept.size,
			}),
		destroy() {
			kept.clear();
			wrong.clear();
			sorted = undefined;
			since.clear();
			badSince.clear();
			usedBytes = 0;
		},
		async put(digest, body, {signal} = {}) {
			signal?.throwIfAborted();
			if (body.length > MAX_SHARD_BYTES) {
				throw new PjasError('BODY_TOO_LARGE', `A shard has at most ${MAX_SHARD_BYTES} bytes`);
			}

			if (!isNamed(digest, body)) {
				throw new PjasError('DIGEST_MISMATCH', 'The body is not the shard that its name says: send it again');
			}

			if (kept.has(digest)) return;
			if (usedBytes + onDiskBytes(body.length) > allocatedBytes) {
				throw new PjasError('INSUFFICIENT_STORAGE', 'This node is full: choose another');
			}

			add(digest, body.length);
			return Promise.resolve();
		},
		async get(digest, {into, signal} = {}) {
			signal?.throwIfAborted();
			const body = bodyOf(digest);
			if (!body) throw notFound();
			if (!into) return Promise.resolve(Uint8Array.from(body));
			if (body.length > into.length) throw new PjasError('SHARD_CORRUPT', 'The shard is longer than it should be');
			into.set(body);
			return into.subarray(0, body.length);
		},
		async stat(digest, {signal} = {}) {
			signal?.throwIfAborted();
			return Promise.resolve(kept.has(digest) ? {sizeBytes: bodies.sizeOf(digest)} : undefined);
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
			lose(digest);
			return false;
		},
		async prove(digest, challenge, {signal} = {}) {
			signal?.throwIfAborted();
			const body = bodyOf(digest);
			if (!body) throw notFound();
			return Promise.resolve(answerTo(challenge, body));
		},
	};
};
