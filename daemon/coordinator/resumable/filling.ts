import {createHash, type Hash} from 'node:crypto';
import {PjasError} from '../../../source/protocol/errors.js';
import {chunkIdOf, type FileId} from '../../../source/protocol/ids.js';
import {SEAL_TAG_BYTES} from '../../../source/protocol/seal.js';
import {type ChunkRecord, schemeOf, type UploadRecord} from '../../core/model.js';
import type {Catalog} from '../../ports/catalog.js';
import type {MasterKey} from '../master-key.js';
import type {Lease, MemoryBudget} from '../memory-budget.js';
import {createSealer, type Sealer} from '../sealer.js';
import type {ShardReader} from '../shard-reader.js';
import type {ShardWriter} from '../shard-writer.js';

export type FillingOptions = {
	catalog: Pick<Catalog, 'getChunk'>;
	budget: MemoryBudget;
	reader: ShardReader;
	writer: ShardWriter;
	masterKey: MasterKey;
	replicas: number;
	chunkSizeBytes: number;
};

/** A chunk while it fills. `bytes` is as large as it can become. */
export type Filling = {
	index: number;
	filledBytes: number;
	lease: Pick<Lease, 'bytes' | 'release'>;
	sealer: Sealer;
	/** Of the plain bytes that were sealed. */
	plainHash: Hash;
};

type Sealing = {file: FileId; key: Uint8Array; isLast: boolean};

export type Fillings = {
	/**
	The chunk that the byte behind the first `takenBytes` goes into. One that was kept short is read back, and goes on.

	@param upload - As the catalogue has it.
	@param key - What it is sealed under unless it is kept short.
	@throws {PjasError} `FILE_UNAVAILABLE`
	*/
	begin: (upload: UploadRecord, key: Uint8Array, takenBytes: number, signal: AbortSignal) => Promise<Filling>;
	/** Seals a chunk, in its buffer, and makes it durable on nodes. */
	place: (filling: Filling, sealing: Sealing, signal: AbortSignal) => Promise<ChunkRecord>;
};

/** The chunks of uploads that can be gone on with, between a request's body and the nodes. */
export const createFillings = (options: FillingOptions): Fillings => {
	const {catalog, budget, reader, writer, masterKey, replicas, chunkSizeBytes} = options;

	const bufferBytesFrom = (startByte: number, {sizeBytes}: UploadRecord): number => {
		const leftBytes = sizeBytes === undefined ? chunkSizeBytes : sizeBytes - startByte;
		return Math.max(1, Math.min(chunkSizeBytes, leftBytes)) + SEAL_TAG_BYTES;
	};

	/** A chunk that was kept short, in a buffer that has room for all of it. */
	const readBack = async (
		{_id: id}: UploadRecord,
		tail: NonNullable<UploadRecord['tail']>,
		{index, lease}: {index: number; lease: Lease},
		signal: AbortSignal,
	): Promise<Pick<Filling, 'filledBytes' | 'lease'>> => {
		const chunk = await catalog.getChunk(chunkIdOf(id, index));
		if (!chunk) {
			lease.release();
			throw new PjasError('FILE_UNAVAILABLE', `The catalogue has no chunk ${index} of this upload`);
		}

		const bufferBytes = lease.bytes.length;
		const request = {chunk, key: masterKey.unwrap(id, tail.wrappedKey), isLast: true};
		const {bytes, release} = await reader.read(request, lease, signal);
		const buffer = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bufferBytes);
		return {filledBytes: tail.sizeBytes, lease: {bytes: buffer, release}};
	};

	return {
		async begin(upload, key, takenBytes, signal) {
			const index = Math.floor(takenBytes / chunkSizeBytes);
			const startByte = index * chunkSizeBytes;
			const lease = await budget.acquire(bufferBytesFrom(startByte, upload), signal);
			const tail = takenBytes === startByte ? undefined : upload.tail;
			const kept = tail ? await readBack(upload, tail, {index, lease}, signal) : {filledBytes: 0, lease};
			const plainHash = createHash('sha256');
			const {filledBytes} = kept;
			const sealer = createSealer(kept.lease.bytes, {key, index}, {plainHash, filledBytes});
			return {index, ...kept, plainHash, sealer};
		},
		async place({index, filledBytes, sealer, plainHash}, {file, ...sealing}, signal) {
			const sealed = await sealer.finish(filledBytes, sealing);
			const shards = await writer.store(sealed, signal);
			return {
				_id: chunkIdOf(file, index),
				file,
				index,
				sizeBytes: filledBytes,
				sha256: plainHash.digest('base64url'),
				scheme: schemeOf(replicas),
				shards,
				revision: 0,
			};
		},
	};
};
