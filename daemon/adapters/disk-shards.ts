import {createHash, type Hash} from 'node:crypto';
import {join} from 'node:path';
import type {Readable} from 'node:stream';
import {PjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import {beyondEnd, type Challenge, startAnswer} from '../core/challenge.js';
import {MAX_SHARD_BYTES} from '../core/limits.js';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {GetOptions, ShardOptions, ShardStore} from '../ports/shard-store.js';
import {AlignedPool, type PooledBuffer} from './aligned-pool.js';
import type {DiskFile} from './disk-shards-file.js';
import {type DiskFiles, FolderSync, systemFiles, toDiskError, unlinkIfThere} from './disk-shards-files.js';
import {KeptShards} from './disk-shards-kept.js';
import {Quarantine} from './disk-shards-quarantine.js';
import {bodyTooLarge, pour, type PourOptions} from './disk-shards-receive.js';
import {scanChunks} from './disk-shards-scan.js';
import type {Reservation, Space, SpaceFigures} from './disk-shards-space.js';
import {SMALL_SHARD_BYTES, TemporaryFiles} from './disk-shards-temporary.js';
import {DiskTroubles} from './disk-shards-troubles.js';
import {Turns} from './turns.js';

export type DiskShardsOptions = {
	/** The node's folder. It holds `chunks/`, `quarantine/` and `tmp/`, which are made where they are missing. */
	folder: string;
	/** Keeps account of what the folder takes. */
	space: Space;
	log: Log;
	clock: Clock;
	files?: DiskFiles;
	/** Sizes as they were once known, so that not every file need be looked at. The files are the truth. */
	knownSizes?: ReadonlyMap<string, number>;
	/** How many large shards, and how many small ones, are written at once. */
	largeBuffers?: number;
	smallBuffers?: number;
	/** Told of the bytes of shards as they come in. */
	onBytes?: ((sizeBytes: number) => void) | undefined;
};

/** `exists`: it was there already. */
export type Outcome = 'created' | 'exists';

export type Received = {digest: Digest; sizeBytes: number; outcome: Outcome};

/** How a stream is taken in. */
export type ReceiveOptions = ShardOptions & Pick<PourOptions, 'pace'>;

/** A shard's bytes, in a buffer that is lent until `release`. */
export type OpenShard = {bytes: Uint8Array; release: () => void};

const LARGE_BUFFERS = 4;
/** Those for reading are apart: readers that take their time must not keep uploads waiting. */
const READ_BUFFERS = 2;
const SMALL_BUFFERS = 32;
/** Each of them has a connection with up to 128 KiB read ahead. */
const MOST_WAITING = 256;

const mismatch = () =>
	new PjasError(
		'DIGEST_MISMATCH',
		'The body is not the shard that its name says: it changed on its way, send it again',
	);

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex') as Digest;

/**
Shards as files `chunks/<digest>.chunk`. A shard is hashed while it comes into a reused buffer, written under a temporary
name, flushed, renamed and its folder flushed; what arrives together shares that last flush. The files are the truth; what
is known of them is kept in memory.
*/
export class DiskShards implements ShardStore {
	readonly #files: DiskFiles;
	readonly #log: Log;
	readonly #onBytes: ((sizeBytes: number) => void) | undefined;
	readonly #clock: Clock;
	readonly #chunksPath: string;
	readonly #temporary: TemporaryFiles;
	readonly #kept: KeptShards;
	readonly #troubles: DiskTroubles;
	readonly #space: Space;
	readonly #quarantine: Quarantine;
	readonly #chunksFolder: FolderSync;
	readonly #large: AlignedPool;
	readonly #readers: AlignedPool;
	readonly #small: AlignedPool;
	readonly #turns = new Turns<Digest>();

	private constructor(options: DiskShardsOptions) {
		const {folder, space, log, clock, files = systemFiles} = options;
		const {largeBuffers = LARGE_BUFFERS, smallBuffers = SMALL_BUFFERS} = options;
		this.#files = files;
		this.#log = log;
		this.#onBytes = options.onBytes;
		this.#clock = clock;
		this.#space = space;
		this.#chunksPath = join(folder, 'chunks');
		this.#troubles = new DiskTroubles({space, log, clock});
		this.#kept = new KeptShards({files, path: this.#chunksPath, space, troubles: this.#troubles, log});
		this.#temporary = new TemporaryFiles(files, join(folder, 'tmp'), log);
		this.#quarantine = new Quarantine(files, join(folder, 'quarantine'), space);
		this.#chunksFolder = new FolderSync(files, this.#chunksPath);
		const maxWaiting = MOST_WAITING;
		this.#large = new AlignedPool({count: largeBuffers, bufferBytes: MAX_SHARD_BYTES, maxWaiting});
		this.#readers = new AlignedPool({count: READ_BUFFERS, bufferBytes: MAX_SHARD_BYTES, maxWaiting});
		this.#small = new AlignedPool({count: smallBuffers, bufferBytes: SMALL_SHARD_BYTES, maxWaiting});
	}

	/** Makes the folders where they are missing, removes what was half written, and looks at what is there. */
	static async open(options: DiskShardsOptions): Promise<DiskShards> {
		const {folder, files = systemFiles, knownSizes = new Map()} = options;
		const shards = new DiskShards(options);
		try {
			for (const name of ['chunks', 'tmp', 'quarantine']) await files.mkdir(join(folder, name), {recursive: true});
			await shards.#takeStock(knownSizes);
		} catch (error) {
			throw toDiskError(error);
		}

		return shards;
	}

	get count(): number {
		return this.#kept.index.count;
	}

	get quarantined(): number {
		return this.#quarantine.count;
	}

	/** The shards with their sizes, in order. */
	sizes(): Iterable<[Digest, number]> {
		return this.#kept.index.entries();
	}

	async figures(): Promise<SpaceFigures & {count: number}> {
		return this.#troubles.around(async () => ({...(await this.#space.figures()), count: this.#kept.index.count}));
	}

	listingDigest(): string {
		return this.#kept.index.listingDigest();
	}

	async put(digest: Digest, body: Uint8Array, {signal}: ShardOptions = {}): Promise<void> {
		signal?.throwIfAborted();
		if (body.length > MAX_SHARD_BYTES) throw bodyTooLarge(MAX_SHARD_BYTES);
		this.#onBytes?.(body.length);
		if (sha256(body) !== digest) throw mismatch();
		await this.#troubles.around(async () => {
			if (await this.#kept.isThere(digest)) return;
			await this.#withRoom(body.length, signal, async (buffer, reservation) => {
				const isSmall = body.length <= SMALL_SHARD_BYTES;
				if (!isSmall) buffer.bytes.set(body);
				await this.#keep(digest, isSmall ? body : buffer.bytes, body.length, reservation, signal);
			});
		});
	}

	/**
	Keeps a shard out of a stream. The stream is not read while there is no buffer for it, and is left open where this
	throws: `BODY_TOO_LARGE`, `UPLOAD_INCOMPLETE`, `DIGEST_MISMATCH`, `INSUFFICIENT_STORAGE`.

	@param sizeBytes - How many bytes must come, where that is known.
	*/
	async receive(digest: Digest, stream: Readable, sizeBytes?: number, options: ReceiveOptions = {}): Promise<Outcome> {
		return this.#troubles.around(async () => {
			if (await this.#kept.isThere(digest)) return this.#compare(digest, stream, sizeBytes, options);
			return (await this.#receive(digest, stream, sizeBytes, options)).outcome;
		});
	}

	/** The same for a body whose digest nobody has told: it is kept under the one that it has. */
	async receiveUnnamed(stream: Readable, sizeBytes: number, options: ReceiveOptions = {}): Promise<Received> {
		return this.#troubles.around(async () => this.#receive(undefined, stream, sizeBytes, options));
	}

	async get(digest: Digest, {into, signal}: GetOptions = {}): Promise<Uint8Array> {
		signal?.throwIfAborted();
		const sizeBytes = this.#kept.sizeOf(digest);
		if (into && sizeBytes > into.length) {
			throw new PjasError('SHARD_CORRUPT', 'The shard is longer than it should be');
		}

		return this.#kept.reading(digest, async file => {
			const bytes = into?.subarray(0, sizeBytes) ?? Buffer.allocUnsafeSlow(sizeBytes);
			let filled = 0;
			while (filled < sizeBytes) {
				const bytesRead = await file.read(bytes, filled, sizeBytes - filled, filled);
				if (bytesRead === 0) break;
				filled += bytesRead;
			}

			signal?.throwIfAborted();
			return bytes.subarray(0, filled);
		});
	}

	/** Reads a shard for sending it on: a large one into a pooled buffer with one call, which costs a fifth of a stream. */
	async open(digest: Digest, {signal}: ShardOptions = {}): Promise<OpenShard> {
		signal?.throwIfAborted();
		if (this.#kept.sizeOf(digest) <= SMALL_SHARD_BYTES) {
			return {bytes: await this.get(digest), release: () => undefined};
		}

		const {bytes: into, release} = await this.#readers.acquire(signal);
		try {
			return {bytes: await this.get(digest, {into}), release};
		} catch (error) {
			release();
			throw error;
		}
	}

	async stat(digest: Digest, {signal}: ShardOptions = {}): Promise<{sizeBytes: number} | undefined> {
		signal?.throwIfAborted();
		return this.#troubles.around(async () => {
			const sizeBytes = this.#kept.index.sizeOf(digest);
			return sizeBytes !== undefined && (await this.#kept.isThere(digest)) ? {sizeBytes} : undefined;
		});
	}

	async remove(digest: Digest, {signal}: ShardOptions = {}): Promise<void> {
		signal?.throwIfAborted();
		await this.#troubles.around(async () =>
			this.#turns.take(digest, async () => {
				const sizeBytes = this.#kept.forget(digest);
				try {
					const wasThere = await unlinkIfThere(this.#files, this.#kept.pathOf(digest));
					if (wasThere) await this.#chunksFolder.sync();
				} catch (error) {
					if (sizeBytes !== undefined) this.#kept.note(digest, sizeBytes);
					throw error;
				}
			}),
		);
	}

	async *list(after?: Digest, {signal}: ShardOptions = {}): AsyncGenerator<Digest> {
		for (const digest of this.#kept.index.after(after)) {
			signal?.throwIfAborted();
			yield digest;
		}

		await Promise.resolve();
		signal?.throwIfAborted();
	}

	async verify(digest: Digest, {signal}: ShardOptions = {}): Promise<boolean> {
		signal?.throwIfAborted();
		if (await this.#isRight(digest, signal)) return true;
		// Looked at once more when nobody else changes it: another may have put a right one in its place.
		return this.#turns.take(digest, async () => {
			if (await this.#isRight(digest, signal)) return true;
			await this.#putAside(digest, this.#kept.sizeOf(digest));
			return false;
		});
	}

	async prove(digest: Digest, challenge: Challenge, {signal}: ShardOptions = {}): Promise<string> {
		signal?.throwIfAborted();
		const {offset, length} = challenge;
		const end = offset + length;
		if (end > this.#kept.sizeOf(digest)) throw beyondEnd();
		return this.#kept.reading(digest, async file => {
			const hash = startAnswer(challenge);
			if ((await this.#hashInto(hash, file, {offset, end, signal})) < end) throw beyondEnd();
			return hash.digest('hex');
		});
	}

	async #takeStock(knownSizes: ReadonlyMap<string, number>): Promise<void> {
		await this.#temporary.clear();
		let foreign = 0;
		await scanChunks(this.#files, this.#chunksPath, knownSizes, ({digest, sizeBytes}) => {
			if (digest) {
				this.#kept.note(digest, sizeBytes);
			} else {
				foreign++;
				this.#space.add(sizeBytes);
			}
		});
		if (foreign > 0) this.#log.warn('chunks/ holds files that are no shards: they are left alone', {files: foreign});
		await this.#quarantine.load();
		await this.#space.refresh();
	}

	async #receive(
		expected: Digest | undefined,
		stream: Readable,
		sizeBytes: number | undefined,
		{signal, pace}: ReceiveOptions,
	): Promise<Received> {
		const mostBytes = sizeBytes ?? MAX_SHARD_BYTES;
		if (mostBytes > MAX_SHARD_BYTES) throw bodyTooLarge(MAX_SHARD_BYTES);
		return this.#withRoom(mostBytes, signal, async (buffer, reservation) => {
			const hash = createHash('sha256');
			const take = (piece: Buffer, offset: number) => {
				hash.update(piece);
				buffer.bytes.set(piece, offset);
				this.#onBytes?.(piece.length);
			};

			const pouredBytes = await pour(stream, take, {sizeBytes, signal, pace});
			const digest = hash.digest('hex') as Digest;
			if (expected !== undefined && digest !== expected) throw mismatch();
			const outcome = await this.#keep(digest, buffer.bytes, pouredBytes, reservation, signal);
			return {digest, sizeBytes: pouredBytes, outcome};
		});
	}

	/** Takes a body that is there already: it is looked at, and waits its turn, like any other. */
	async #compare(
		digest: Digest,
		stream: Readable,
		sizeBytes: number | undefined,
		{signal, pace}: ReceiveOptions,
	): Promise<Outcome> {
		const turn = await this.#poolFor(sizeBytes ?? MAX_SHARD_BYTES).acquire(signal);
		try {
			const hash = createHash('sha256');
			const take = (piece: Buffer) => {
				hash.update(piece);
				this.#onBytes?.(piece.length);
			};

			await pour(stream, take, {sizeBytes, signal, pace});
			if (hash.digest('hex') !== digest) throw mismatch();
			return 'exists';
		} finally {
			turn.release();
		}
	}

	#poolFor(sizeBytes: number): AlignedPool {
		return sizeBytes <= SMALL_SHARD_BYTES ? this.#small : this.#large;
	}

	/** Reserves room on the disk and borrows a buffer for a shard of at most this size. */
	async #withRoom<T>(
		sizeBytes: number,
		signal: AbortSignal | undefined,
		work: (buffer: PooledBuffer, reservation: Reservation) => Promise<T>,
	): Promise<T> {
		const reservation = await this.#space.reserve(sizeBytes);
		try {
			const buffer = await this.#poolFor(sizeBytes).acquire(signal);
			try {
				return await work(buffer, reservation);
			} finally {
				buffer.release();
			}
		} finally {
			reservation.release();
		}
	}

	/** Writes bytes and puts them in place; large ones must be a pooled buffer's. */
	async #keep(
		digest: Digest,
		bytes: Uint8Array,
		sizeBytes: number,
		reservation: Reservation,
		signal: AbortSignal | undefined,
	): Promise<Outcome> {
		const temporary = await this.#write(bytes, sizeBytes);
		try {
			signal?.throwIfAborted();
			return await this.#turns.take(digest, async () => this.#putInPlace(digest, temporary, sizeBytes, reservation));
		} catch (error) {
			await this.#temporary.discard(temporary);
			throw error;
		}
	}

	/** A large shard's writing takes too long for others to wait for. */
	async #write(bytes: Uint8Array, sizeBytes: number): Promise<string> {
		const writing = this.#temporary.write(bytes, sizeBytes);
		return sizeBytes > SMALL_SHARD_BYTES ? writing : this.#chunksFolder.expectAfter(writing);
	}

	async #putInPlace(digest: Digest, temporary: string, sizeBytes: number, reservation: Reservation): Promise<Outcome> {
		if (await this.#kept.isThere(digest)) {
			await this.#files.unlink(temporary);
			return 'exists';
		}

		const path = this.#kept.pathOf(digest);
		this.#files.rename(temporary, path);
		try {
			await this.#chunksFolder.sync();
		} catch (error) {
			await this.#files.unlink(path).catch(() => undefined);
			throw error;
		}

		reservation.keep(sizeBytes);
		this.#kept.index.set(digest, sizeBytes);
		return 'created';
	}

	/** Whether a shard's bytes are what its name says. */
	async #isRight(digest: Digest, signal: AbortSignal | undefined): Promise<boolean> {
		this.#kept.sizeOf(digest);
		return this.#kept.reading(digest, async file => {
			const hash = createHash('sha256');
			await this.#hashInto(hash, file, {offset: 0, end: Infinity, signal});
			return hash.digest('hex') === digest;
		});
	}

	/** Puts a file's bytes from `offset` up to `end` into a hash. Gives the place where they, or the file, end. */
	async #hashInto(
		hash: Hash,
		file: DiskFile,
		{offset, end, signal}: {offset: number; end: number; signal: AbortSignal | undefined},
	): Promise<number> {
		const buffer = await this.#small.acquire(signal);
		try {
			for (let position = offset; ;) {
				const most = Math.min(buffer.bytes.length, end - position);
				const bytesRead = most > 0 ? await file.read(buffer.bytes, 0, most, position) : 0;
				signal?.throwIfAborted();
				if (bytesRead === 0) return position;
				hash.update(buffer.bytes.subarray(0, bytesRead));
				position += bytesRead;
			}
		} finally {
			buffer.release();
		}
	}

	/** Takes a shard that is wrong out of the store, even where its file can't be moved. */
	async #putAside(digest: Digest, sizeBytes: number): Promise<void> {
		this.#kept.forget(digest);
		try {
			await this.#quarantine.take(this.#kept.pathOf(digest), digest, sizeBytes, this.#clock.now());
			await this.#chunksFolder.sync();
			this.#log.error('a shard is not what its name says: it is in quarantine/ now', {digest});
		} catch (error) {
			this.#log.error('a shard is not what its name says, and could not be moved to quarantine/', {digest, error});
		}
	}
}
