import {createHash} from 'node:crypto';
import {isPjasError, PjasError} from '../../../source/protocol/errors.js';
import {chunkIdOf} from '../../../source/protocol/ids.js';
import {SEAL_KEY_BYTES, SEAL_TAG_BYTES} from '../../../source/protocol/seal.js';
import {type ChunkRecord, removalOf, type RemovalRecord, schemeOf, type UploadRecord} from '../../core/model.js';
import type {Catalog} from '../../ports/catalog.js';
import type {Clock, Random} from '../../ports/clock.js';
import type {MasterKey} from '../master-key.js';
import type {Lease, MemoryBudget} from '../memory-budget.js';
import {sealInPlace} from '../sealer.js';
import type {ShardReader} from '../shard-reader.js';
import type {ShardWriter} from '../shard-writer.js';
import type {Received} from '../upload.js';
import {watchedSource} from '../watched-source.js';
import type {Checksum} from './checksum.js';
import {finishedFile} from './finished-file.js';

export type ReceiveOptions = {
	catalog: Catalog;
	budget: MemoryBudget;
	reader: ShardReader;
	writer: ShardWriter;
	masterKey: MasterKey;
	clock: Clock;
	random: Random;
	replicas: number;
	chunkSizeBytes: number;
	/** Takes note of shards that nobody counts on any more. */
	discard: (removals: RemovalRecord[]) => Promise<void>;
};

export type Receiving = {
	/** As it is kept: the bytes are those from its offset on. */
	upload: UploadRecord;
	source: AsyncIterable<Uint8Array>;
	/** All of the bytes count, or none. */
	checksum?: Checksum | undefined;
	/** Told of the bytes as they come in. */
	onBytes: (sizeBytes: number) => void;
	/** Told of how many more bytes the catalogue counts now. */
	onKept: (sizeBytes: number) => void;
	/** Aborted when nothing more is to be read. What is there is kept. */
	stop: AbortSignal;
};

export type Kept = {
	upload: UploadRecord;
	/** Where it is whole now. */
	received?: Received;
	/** Why it ended early. */
	error?: Error;
};

/** A chunk while it fills. `bytes` is as large as it can become. */
type Filling = {index: number; filledBytes: number; lease: Pick<Lease, 'bytes' | 'release'>};

const CHUNKS_IN_FLIGHT = 2;
const MOST_TRIES = 8;
/** Records of chunks wait in memory until the sum is right. */
const MOST_CHUNKS_WITH_CHECKSUM = 100;

const tooLong = () =>
	new PjasError('BODY_TOO_LARGE', 'More bytes came than Upload-Length said. Nothing behind it counts');

/**
Takes in bytes of an upload from its offset on. Each chunk is sealed and placed while the next one fills, and the catalogue
counts it once it is durable; what is left at the end, or when the line breaks, is kept as a shorter chunk, which grows with
the next bytes. So whatever was counted is there after any end.

@returns How far the upload is then.
*/
export const receiveBytes = async (options: ReceiveOptions, receiving: Receiving): Promise<Kept> => {
	const {catalog, budget, reader, writer, masterKey, clock, random, replicas, chunkSizeBytes, discard} = options;
	const {checksum, onBytes, onKept} = receiving;
	const {_id: id, sizeBytes: wholeBytes} = receiving.upload;
	const key = masterKey.unwrap(id, receiving.upload.wrappedKey);
	const reading = new AbortController();
	const storing = new AbortController();
	const stopReading = () => reading.abort(receiving.stop.reason);
	receiving.stop.addEventListener('abort', stopReading, {once: true});
	if (receiving.stop.aborted) stopReading();

	let {upload} = receiving;
	let received: Received | undefined;
	let filling: Filling | undefined;
	let takenBytes = upload.offsetBytes;
	/** What the catalogue is told at the end only, where there is a checksum. */
	const held: ChunkRecord[] = [];
	const inFlight = new Set<Promise<void>>();
	let order: Promise<void> = Promise.resolve();

	const bufferBytesFrom = (startByte: number) =>
		Math.max(1, Math.min(chunkSizeBytes, wholeBytes === undefined ? chunkSizeBytes : wholeBytes - startByte)) +
		SEAL_TAG_BYTES;

	/** The chunk to fill next; one that was kept short is read back, and goes on. */
	const begin = async (): Promise<Filling> => {
		const index = Math.floor(takenBytes / chunkSizeBytes);
		const startByte = index * chunkSizeBytes;
		const lease = await budget.acquire(bufferBytesFrom(startByte), reading.signal);
		if (takenBytes === startByte || !upload.tail) return {index, filledBytes: 0, lease};
		const {wrappedKey, sizeBytes} = upload.tail;
		const chunk = await catalog.getChunk(chunkIdOf(id, index));
		if (!chunk) {
			lease.release();
			throw new PjasError('FILE_UNAVAILABLE', `The catalogue has no chunk ${index} of this upload`);
		}

		const bufferBytes = lease.bytes.length;
		const request = {chunk, key: masterKey.unwrap(id, wrappedKey), isLast: true};
		const {bytes, release} = await reader.read(request, lease, reading.signal);
		// The buffer that the chunk was read into has room for all of it.
		return {
			index,
			filledBytes: sizeBytes,
			lease: {bytes: Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bufferBytes), release},
		};
	};

	/** Makes a chunk durable on nodes. */
	const place = async (
		{index, filledBytes, lease}: Filling,
		chunkKey: Uint8Array,
		isLast: boolean,
	): Promise<ChunkRecord> => {
		const hash = createHash('sha256');
		const sealed = await sealInPlace(lease.bytes, filledBytes, {key: chunkKey, index, isLast}, hash);
		const shards = await writer.store(sealed, storing.signal);
		return {
			_id: chunkIdOf(id, index),
			file: id,
			index,
			sizeBytes: filledBytes,
			sha256: hash.digest('base64url'),
			scheme: schemeOf(replicas),
			shards,
			revision: 0,
		};
	};

	const forget = async (chunks: readonly ChunkRecord[]) =>
		discard(
			chunks.flatMap(({shards}) =>
				shards.map(({node, digest}) => removalOf(node, digest, clock.now(), 'upload-failed')),
			),
		);

	/** What the upload is with so many bytes, which these chunks are the last of. */
	const offsetWith = (chunk: ChunkRecord) => chunk.index * chunkSizeBytes + chunk.sizeBytes;

	/**
	Tells the catalogue of chunks. The first one may take the place of one that was kept short, which may be repaired or moved
	at the same moment.
	*/
	const count = async (chunks: readonly ChunkRecord[], tail: UploadRecord['tail'], isWhole: boolean): Promise<void> => {
		const last = chunks.at(-1);
		const offsetBytes = last ? offsetWith(last) : upload.offsetBytes;
		const {tail: before, ...rest} = upload;
		const next: UploadRecord = {...rest, offsetBytes, changedAt: clock.now(), ...(tail && {tail})};
		for (let tries = 1; ; tries++) {
			const [first] = chunks;
			const short = before && first && (await catalog.getChunk(first._id));
			const all = short ? [{...first, revision: short.revision}, ...chunks.slice(1)] : chunks;
			try {
				if (isWhole) {
					const done = await finishedFile(catalog, next, chunks, clock.now());
					await catalog.commitUpload(done.file, all, upload);
					received = {file: {...done.file, revision: 1}, lowestCopies: Math.min(replicas, done.lowestCopies)};
				} else {
					upload = await catalog.advanceUpload(next, all);
				}
			} catch (error) {
				const stored = isPjasError(error, 'CONFLICT') ? await catalog.getSmall('upload', id) : undefined;
				if (stored?.revision !== upload.revision || tries === MOST_TRIES) throw error;
				continue;
			}

			onKept(offsetBytes - rest.offsetBytes);
			if (isWhole) upload = next;
			if (short) await forget([short]);
			return;
		}
	};

	const fail = (error: unknown) => {
		storing.abort(error);
		reading.abort(error);
	};

	/** Stores a full chunk while the next one fills. Chunks are counted in their order. */
	const send = (full: Filling, isLast: boolean) => {
		const placed = place(full, key, isLast).finally(full.lease.release);
		const before = order;
		const work = (async () => {
			let chunk: ChunkRecord | undefined;
			try {
				chunk = await placed;
				await before;
				storing.signal.throwIfAborted();
				if (checksum) held.push(chunk);
				else await count([chunk], undefined, isLast);
			} catch (error) {
				fail(error);
				if (chunk) await forget([chunk]);
			}
		})();
		order = work;
		inFlight.add(work);
		void work.finally(() => inFlight.delete(work));
	};

	const take = async (piece: Uint8Array) => {
		if (wholeBytes !== undefined && takenBytes + piece.length > wholeBytes) throw tooLong();
		for (let at = 0; at < piece.length;) {
			filling ??= await begin();
			const part = piece.subarray(at, at + chunkSizeBytes - filling.filledBytes);
			filling.lease.bytes.set(part, filling.filledBytes);
			filling.filledBytes += part.length;
			takenBytes += part.length;
			at += part.length;
			const isWhole = takenBytes === wholeBytes;
			// The file's last chunk waits until nothing comes behind it.
			if (filling.filledBytes < chunkSizeBytes || isWhole) continue;
			const full = filling;
			filling = undefined;
			send(full, false);
			if (inFlight.size >= CHUNKS_IN_FLIGHT) await Promise.race(inFlight);
			if (checksum && held.length >= MOST_CHUNKS_WITH_CHECKSUM) {
				const problem = `A request with Upload-Checksum may have ${MOST_CHUNKS_WITH_CHECKSUM * chunkSizeBytes} bytes`;
				throw new PjasError('BODY_TOO_LARGE', `${problem}. Send several`);
			}
		}
	};

	const readAll = async () => {
		for await (const piece of watchedSource({source: receiving.source, onBytes}, clock, reading)) {
			checksum?.update(piece);
			await take(piece);
		}
	};

	/** Keeps what is not a full chunk: the file's last one, or one that is to grow. */
	const keepRest = async () => {
		if (takenBytes === wholeBytes) {
			// One without bytes ends what was counted as a full chunk before its length was known.
			filling ??= wholeBytes === 0 ? undefined : await begin();
			const last = filling && (await place(filling, key, true));
			await count([...held, ...(last ? [last] : [])], undefined, true);
			return;
		}

		const rest = filling;
		const isMore = rest && rest.index * chunkSizeBytes + rest.filledBytes > upload.offsetBytes;
		if (!isMore) {
			if (held.length > 0) await count(held, undefined, false);
			return;
		}

		const tailKey = random.bytes(SEAL_KEY_BYTES);
		const tail = {sizeBytes: rest.filledBytes, wrappedKey: masterKey.wrap(id, tailKey)};
		await count([...held, await place(rest, tailKey, true)], tail, false);
	};

	/** What broke the reading off; what had come by then is kept, unless it is to be summed up or what comes is refused. */
	const settle = async (broken: Error | undefined): Promise<Error | undefined> => {
		await Promise.allSettled(inFlight);
		await order;
		if (storing.signal.aborted) return storing.signal.reason as Error;
		if (isPjasError(broken, 'BODY_TOO_LARGE') && takenBytes === wholeBytes) return broken;
		try {
			if (broken !== undefined && checksum) throw broken;
			checksum?.verify();
			await keepRest();
			return broken;
		} catch (error) {
			await forget(held);
			return error as Error;
		}
	};

	try {
		let broken: Error | undefined;
		try {
			await readAll();
		} catch (error) {
			broken = (reading.signal.aborted ? reading.signal.reason : error) as Error;
		}

		const error = await settle(broken);
		return {upload, ...(received && {received}), ...(error !== undefined && {error})};
	} finally {
		receiving.stop.removeEventListener('abort', stopReading);
		reading.abort(new Error('the request ended'));
		filling?.lease.release();
	}
};
