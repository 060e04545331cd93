import {createHash} from 'node:crypto';
import {PjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import {answerTo, type Challenge} from '../core/challenge.js';
import {MAX_SHARD_BYTES} from '../core/limits.js';
import type {GetOptions, ShardOptions, ShardStore} from '../ports/shard-store.js';

const sha256 = (body: Uint8Array) => createHash('sha256').update(body).digest('hex');

const notFound = () => new PjasError('SHARD_NOT_FOUND', 'This store has no such shard');

/** Shards in memory, for tests and the simulation. */
export class MemoryShards implements ShardStore {
	/** What is kept. A test may change it behind the store's back. */
	readonly kept = new Map<Digest, Uint8Array>();
	readonly #allocatedBytes: number;

	constructor({allocatedBytes = Infinity}: {allocatedBytes?: number} = {}) {
		this.#allocatedBytes = allocatedBytes;
	}

	get usedBytes(): number {
		let usedBytes = 0;
		for (const body of this.kept.values()) usedBytes += body.length;
		return usedBytes;
	}

	async put(digest: Digest, body: Uint8Array, {signal}: ShardOptions = {}): Promise<void> {
		signal?.throwIfAborted();
		if (body.length > MAX_SHARD_BYTES) {
			throw new PjasError('BODY_TOO_LARGE', `A shard has at most ${MAX_SHARD_BYTES} bytes`);
		}

		if (sha256(body) !== digest) {
			throw new PjasError('DIGEST_MISMATCH', 'The body is not the shard that its name says: send it again');
		}

		if (this.kept.has(digest)) return;
		if (this.usedBytes + body.length > this.#allocatedBytes) {
			throw new PjasError('INSUFFICIENT_STORAGE', 'This node is full: choose another');
		}

		this.kept.set(digest, Uint8Array.from(body));
		return Promise.resolve();
	}

	async get(digest: Digest, {into, signal}: GetOptions = {}): Promise<Uint8Array> {
		signal?.throwIfAborted();
		const body = this.kept.get(digest);
		if (!body) throw notFound();
		if (!into) return Promise.resolve(Uint8Array.from(body));
		if (body.length > into.length) throw new PjasError('SHARD_CORRUPT', 'The shard is longer than it should be');
		into.set(body);
		return into.subarray(0, body.length);
	}

	async stat(digest: Digest, {signal}: ShardOptions = {}): Promise<{sizeBytes: number} | undefined> {
		signal?.throwIfAborted();
		const body = this.kept.get(digest);
		return Promise.resolve(body && {sizeBytes: body.length});
	}

	async remove(digest: Digest, {signal}: ShardOptions = {}): Promise<void> {
		signal?.throwIfAborted();
		this.kept.delete(digest);
		return Promise.resolve();
	}

	async *list(after?: Digest, {signal}: ShardOptions = {}): AsyncGenerator<Digest> {
		const digests = [...this.kept.keys()].filter(digest => after === undefined || digest > after).sort();
		for (const digest of digests) {
			await Promise.resolve();
			signal?.throwIfAborted();
			yield digest;
		}
	}

	async verify(digest: Digest, {signal}: ShardOptions = {}): Promise<boolean> {
		signal?.throwIfAborted();
		const body = this.kept.get(digest);
		if (!body) throw notFound();
		if (sha256(body) === digest) return Promise.resolve(true);
		this.kept.delete(digest);
		return false;
	}

	async prove(digest: Digest, challenge: Challenge, {signal}: ShardOptions = {}): Promise<string> {
		signal?.throwIfAborted();
		const body = this.kept.get(digest);
		if (!body) throw notFound();
		return Promise.resolve(answerTo(challenge, body));
	}
}
