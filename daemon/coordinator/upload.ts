import {chunksOf, CHUNK_SIZE_BYTES, type Chunk} from '../../source/protocol/chunking.js';
import {chunkIdOf, FILE_ID_RANDOM_BYTES, type FileId, newFileId} from '../../source/protocol/ids.js';
import {SEAL_KEY_BYTES, SEAL_TAG_BYTES} from '../../source/protocol/seal.js';
import type {E2e} from '../../source/protocol/sealed-details.js';
import {type ChunkRecord, type FileRecord, type RemovalRecord, schemeOf} from '../core/model.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {ChunkCache} from './chunk-cache.js';
import type {MasterKey} from './master-key.js';
import type {Lease, MemoryBudget} from './memory-budget.js';
import {createSealer, type Sealer} from './sealer.js';
import type {ShardWriter} from './shard-writer.js';
import {watchedSource} from './watched-source.js';

export type Incoming = Pick<FileRecord, 'owner' | 'visibility'> & {
	name: string;
	type: string;
	/** Where the client sealed it. */
	e2e?: E2e;
	source: AsyncIterable<Uint8Array>;
	/** The most bytes that can come, where that is known: smaller files take smaller buffers. */
	atMostBytes?: number;
	/** Aborted when the client is gone. */
	signal: AbortSignal;
	/** Told of the bytes as they come in. */
	onBytes?: (sizeBytes: number) => void;
};

export type Received = {file: FileRecord; lowestCopies: number};

type Filled = {sealer: Sealer; add?: Sealer['add']};

type UploaderOptions = {
	catalog: Catalog;
	budget: MemoryBudget;
	cache: ChunkCache;
	writer: ShardWriter;
	masterKey: MasterKey;
	clock: Clock;
	random: Random;
	log: Log;
	replicas: number;
	/** Another size for chunks than everybody's, for the simulation. */
	chunkSizeBytes?: number;
	/** Removes the shards of chunks that are in no file, and their records. */
	forget: (chunks: readonly ChunkRecord[], reason: RemovalRecord['reason']) => Promise<void>;
};

export type Uploader = {
	/**
	Takes in a file: cuts, seals and places it while it arrives. Resolves when all of it is durable; where it rejects,
	nothing is left but shards that are on their way out.
	*/
	receive: (incoming: Incoming) => Promise<Received>;
	/** When the oldest of those that are under way began. */
	oldest: () => number | undefined;
};

/** Two chunks on their way while a third fills. With one on its way, nodes and line had nothing to do now and then. */
const CHUNKS_AT_ONCE = 3;
/** Chunk records are written in groups, so that a file of any size takes little memory. */
const RECORDS_A_GROUP = 64;

/** One for all: making an error costs more than it should for each upload. */
const uploadEnded = new Error('the upload ended');

export const createUploader = (options: UploaderOptions): Uploader => {
	const {catalog, budget, cache, writer, masterKey, clock, random, log, replicas, forget} = options;
	const {chunkSizeBytes = CHUNK_SIZE_BYTES} = options;

	/** Forgets an upload that failed: its shards are removed from their nodes, its chunk records from the catalogue. */
	const undo = async (chunks: readonly ChunkRecord[]) => {
		try {
			await forget(chunks, 'upload-failed');
		} catch (error) {
			log.error('what a failed upload left behind could not be noted; it is swept later', {error});
		}
	};

	const begun = new Map<FileId, number>();

	const receive: Uploader['receive'] = async incoming => {
		const {name, type, e2e, owner, visibility, atMostBytes, signal: clientSignal} = incoming;
		const id = newFileId(clock.now(), random.bytes(FILE_ID_RANDOM_BYTES));
		begun.set(id, clock.now());
		const key = random.bytes(SEAL_KEY_BYTES);
		const end = new AbortController();
		const giveUp = () => end.abort(clientSignal.reason);
		clientSignal.addEventListener('abort', giveUp, {once: true});
		if (clientSignal.aborted) giveUp();

		const stored: ChunkRecord[] = [];
		let written = 0;
		let sizeBytes = 0;
		const inFlight = new Set<Promise<void>>();
		const bufferBytes = Math.min(chunkSizeBytes, Math.max(atMostBytes ?? chunkSizeBytes, 1)) + SEAL_TAG_BYTES;

		/** A buffer whose chunk is sealed while it comes, unless it is likely to be the last, which is sealed otherwise. */
		const acquire = async (index: number): Promise<Lease & Filled> => {
			const lease = await budget.acquire(bufferBytes, end.signal);
			const sealer = createSealer(lease.bytes, {key, index});
			const isFollowed = atMostBytes === undefined || atMostBytes > (index + 1) * chunkSizeBytes;
			return {...lease, sealer, ...(isFollowed && {add: sealer.add})};
		};

		const storeChunk = async ({index, isLast, sizeBytes, buffer}: Chunk<Lease & Filled>) => {
			const _id = chunkIdOf(id, index);
			try {
				const sealed = await buffer.sealer.finish(sizeBytes, {key, isLast});
				const shards = await writer.store(sealed, end.signal);
				stored[index] = {
					_id,
					file: id,
					index,
					sizeBytes,
					scheme: schemeOf(replicas),
					shards,
					revision: 0,
				};
				cache.keepSealed(_id, sealed.sealed, buffer);
			} catch (error) {
				buffer.release();
				end.abort(error);
			}
		};

		/** Writes full groups of records ahead of the end. They count for nothing until the file's own record is there. */
		const writeGroup = async () => {
			const group = Array.from(stored.slice(written, written + RECORDS_A_GROUP));
			if (group.length < RECORDS_A_GROUP || !group.every(Boolean)) return;
			await Promise.all(group.map(chunk => catalog.putChunk(chunk)));
			written += RECORDS_A_GROUP;
		};

		try {
			for await (const chunk of chunksOf(watchedSource(incoming, clock, end), acquire, chunkSizeBytes)) {
				sizeBytes += chunk.sizeBytes;
				const work = storeChunk(chunk);
				inFlight.add(work);
				void work.finally(() => inFlight.delete(work));
				if (inFlight.size >= CHUNKS_AT_ONCE) await Promise.race(inFlight);
				await writeGroup();
			}

			await Promise.all(inFlight);
			end.signal.throwIfAborted();
			const file: FileRecord = {
				_id: id,
				name,
				type,
				sizeBytes,
				chunkCount: stored.length,
				wrappedKey: masterKey.wrap(id, key),
				...(e2e && {e2e}),
				uploadedAt: clock.now(),
				...(owner !== undefined && {owner}),
				...(visibility && {visibility}),
				revision: 0,
			};
			await catalog.commitUpload(file, stored.slice(written));
			const lowestCopies = Math.min(replicas, ...stored.map(chunk => chunk.shards.length));
			return {file: {...file, revision: 1}, lowestCopies};
		} catch (error) {
			const reason: unknown = end.signal.aborted ? end.signal.reason : error;
			end.abort(reason);
			await Promise.allSettled(inFlight);
			await undo(stored.filter(Boolean));
			throw reason;
		} finally {
			begun.delete(id);
			clientSignal.removeEventListener('abort', giveUp);
			end.abort(uploadEnded);
		}
	};

	// They stand in the order in which they began.
	return {receive, oldest: () => begun.values().next().value};
};
