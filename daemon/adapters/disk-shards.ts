import {createHash, type Hash} from 'node:crypto';
import {join} from 'node:path';
import type {Readable} from 'node:stream';
import {PjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import {beyondEnd, type Challenge, startAnswer} from '../core/challenge.js';
import {MAX_SHARD_BYTES} from '../core/limits.js';
import {PACKED_SHARD_OVERHEAD_BYTES} from '../core/shard-pack.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {GetOptions, ShardOptions, ShardStore} from '../ports/shard-store.js';
import {AlignedPool, type PooledBuffer} from './aligned-pool.js';
import {type Outcome, ShardChanges} from './disk-shards-changes.js';
import {type DiskFiles, FolderSync, readFully, systemFiles, toDiskError} from './disk-shards-files.js';
import {KeptShards, type ShardFile} from './disk-shards-kept.js';
import {type PackContents, ShardPacks} from './disk-shards-packs.js';
import {Quarantine} from './disk-shards-quarantine.js';
import {bodyTooLarge, pour, type PourOptions} from './disk-shards-receive.js';
import {scanChunks} from './disk-shards-scan.js';
import type {Reservation, Space, SpaceFigures} from './disk-shards-space.js';
import {SMALL_SHARD_BYTES, TemporaryFiles} from './disk-shards-temporary.js';
import {DiskTroubles} from './disk-shards-troubles.js';

export type DiskShardsOptions = {
	/** The node's folder. It holds `chunks/`, `quarantine/` and `tmp/`, which are made where they are missing. */
	folder: string;
	/** Keeps account of what the folder takes. */
	space: Space;
	log: Log;
	clock: Clock;
	random: Random;
	files?: DiskFiles;
	/** Sizes as they were once known, so that not every file need be looked at. The files are the truth. */
	knownSizes?: ReadonlyMap<string, number>;
	/** What packs had in them, so that not every head need be read. */
	knownPacks?: PackContents;
	/** How many large shards, and how many small ones, are written at once. */
	largeBuffers?: number;
	smallBuffers?: number;
	/** Told of the bytes of shards as they come in. */
	onBytes?: ((sizeBytes: number) => void) | undefined;
};

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
Shards as files `chunks/<digest>.chunk`, and small ones that came together in `chunks/<id>.pack`. A shard is hashed while
it comes into a reused buffer. It is written under a temporary name, flushed, renamed and its folder flushed, or added to a pack
with one flush. The files are the truth; what is known of them is kept in memory.
*/
export class DiskShards implements ShardStore {
	readonly #files: DiskFiles;
	readonly #log: Log;
	readonly #onBytes: ((sizeBytes: number) => void) | undefined;
	readonly #clock: Clock;
	readonly #chunksPath: string;
	readonly #temporary: TemporaryFiles;
	readonly #kept: KeptShards;
	readonly #packs: ShardPacks;
	readonly #changes: ShardChanges;
	readonly #troubles: DiskTroubles;
	readonly #space: Space;
	readonly #quarantine: Quarantine;
	readonly #large: AlignedPool;
	readonly #readers: AlignedPool;
	readonly #small: AlignedPool;

	private constructor(options: DiskShardsOptions) {
		const {folder, space, log, clock, random, files = systemFiles} = options;
		const {largeBuffers = LARGE_BUFFERS, smallBuffers = SMALL_BUFFERS} = options;
		this.#files = files;
		this.#log = log;
		this.#onBytes = options.onBytes;
		this.#clock = clock;
		this.#space = space;
		const path = join(folder, 'chunks');
		this.#chunksPath = path;
		this.#troubles = new DiskTroubles({space, log, clock});
		const temporary = new TemporaryFiles(files, join(folder, 'tmp'), log);
		const quarantine = new Quarantine(files, join(folder, 'quarantine'), space);
		const chunksFolder = new FolderSync(files, path);
		const packs = new ShardPacks({files, path, folder: chunksFolder, temporary, space, log, random});
		const kept = new KeptShards({files, path, packs, space, troubles: this.#troubles, log});
		this.#changes = new ShardChanges({files, folder: chunksFolder, temporary, kept, packs, quarantine, log, clock});
		this.#temporary = temporary;
		this.#quarantine = quarantine;
		this.#packs = packs;
		this.#kept = kept;
		const maxWaiting = MOST_WAITING;
		this.#large = new AlignedPool({count: largeBuffers, bufferBytes: MAX_SHARD_BYTES, maxWaiting});
		this.#readers = new AlignedPool({count: READ_BUFFERS, bufferBytes: MAX_SHARD_BYTES, maxWaiting});
		this.#small = new AlignedPool({count: smallBuffers, bufferBytes: SMALL_SHARD_BYTES, maxWaiting});
	}

	/** Makes the folders where they are missing, removes what was half written, and looks at what is there. */
	static async open(options: DiskShardsOptions): Promise<DiskShards> {
		const {folder, files = systemFiles} = options;
		const shards = new DiskShards(options);
		try {
			for (const name of ['chunks', 'tmp', 'quarantine']) await files.mkdir(join(folder, name), {recursive: true});
			await shards.#takeStock(options);
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

	/** What its packs have in them. */
	packs(): PackContents {
		return this.#packs.contents();
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
				await this.#changes.keep(digest, isSmall ? body : buffer.bytes, body.length, {reservation, signal});
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
			const read = await readFully(file, bytes);
			signal?.throwIfAborted();
			return read;
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
		await this.#troubles.around(async () => this.#changes.remove(digest));
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
		return this.#changes.putAsideUnless(digest, async () => this.#isRight(digest, signal));
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

	async #takeStock({knownSizes = new Map(), knownPacks = new Map()}: DiskShardsOptions): Promise<void> {
		await this.#temporary.clear();
		let foreign = 0;
		const packs = await scanChunks(this.#files, this.#chunksPath, knownSizes, ({digest, sizeBytes}) => {
			if (digest) {
				this.#kept.note(digest, sizeBytes);
			} else {
				foreign++;
				this.#space.add(sizeBytes);
			}
		});
		if (foreign > 0) this.#log.warn('chunks/ holds files that are no shards: they are left alone', {files: foreign});
		await this.#quarantine.load();
		await this.#takePacks(packs, knownPacks);
		await this.#space.refresh();
	}

	async #takePacks(names: readonly string[], known: PackContents): Promise<void> {
		const {index} = this.#kept;
		const strange = await this.#packs.load(names, {
			known,
			// Of two, the one that was there first may be wrong, and could not be put aside: then it is now.
			isKept: async digest => index.sizeOf(digest) !== undefined && this.verify(digest).catch(() => false),
			tell: ({digest, sizeBytes}) => index.set(digest, sizeBytes),
		});
		for (const name of strange) {
			const path = join(this.#chunksPath, name);
			await this.#quarantine.take(path, name, (await this.#files.stat(path)).size, this.#clock.now());
			const problem = 'a pack of shards can be read no more: it is in quarantine/ now';
			this.#log.error(`${problem}, and its shards are made again from other copies`, {name});
		}
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
			const outcome = await this.#changes.keep(digest, buffer.bytes, pouredBytes, {reservation, signal});
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
		const reservation = await this.#space.reserve(sizeBytes + PACKED_SHARD_OVERHEAD_BYTES);
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
		file: ShardFile,
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
}
