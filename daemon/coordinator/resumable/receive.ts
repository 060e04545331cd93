import {isPjasError, PjasError} from '../../../source/protocol/errors.js';
import type {ChunkId} from '../../../source/protocol/ids.js';
import {SEAL_KEY_BYTES, SEAL_TAG_BYTES} from '../../../source/protocol/seal.js';
import type {UploadRecord} from '../../core/model.js';
import type {Clock, Random} from '../../ports/clock.js';
import type {ChunkCache} from '../chunk-cache.js';
import type {Received} from '../upload.js';
import {watchedSource} from '../watched-source.js';
import type {Checksum} from './checksum.js';
import {type CountingOptions, createCountedUpload} from './counting.js';
import {createFillings, type Filling, type FillingOptions} from './filling.js';
import {createFullChunks} from './full-chunks.js';
import {createIntake} from './intake.js';

export type ReceiveOptions = FillingOptions & CountingOptions & {cache: ChunkCache; clock: Clock; random: Random};

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

/** Records of chunks wait in memory until the sum is right. */
const MOST_CHUNKS_WITH_CHECKSUM = 100;

const tooLongForSum = (chunkSizeBytes: number) => {
	const problem = `A request with Upload-Checksum may have ${MOST_CHUNKS_WITH_CHECKSUM * chunkSizeBytes} bytes`;
	return new PjasError('BODY_TOO_LARGE', `${problem}. Send several`);
};

/**
Takes in bytes of an upload from its offset on. Each chunk is sealed and placed while the next one fills, and the catalogue
counts it once it is durable; what is left at the end, or when the line breaks, is kept as a shorter chunk, which grows with
the next bytes. So whatever was counted is there after any end.

@returns How far the upload is then.
*/
export const receiveBytes = async (options: ReceiveOptions, receiving: Receiving): Promise<Kept> => {
	const {masterKey, clock, random, chunkSizeBytes} = options;
	const {checksum, onBytes, onKept, stop} = receiving;
	const {_id: file, sizeBytes: wholeBytes, wrappedKey} = receiving.upload;
	const key = masterKey.unwrap(file, wrappedKey);
	const fillings = createFillings(options);
	const counted = createCountedUpload(options, receiving.upload, onKept);
	const reading = new AbortController();
	const unstoppable = new AbortController().signal;
	const stopReading = () => reading.abort(stop.reason);
	stop.addEventListener('abort', stopReading, {once: true});
	if (stop.aborted) stopReading();

	const full = createFullChunks({
		place: async (filling, signal) => fillings.place(filling, {file, key, isLast: false}, signal),
		counted,
		isHeld: checksum !== undefined,
		onFail: error => reading.abort(error),
	});
	const intake = createIntake({
		fillings,
		counted,
		chunkSizeBytes,
		wholeBytes,
		key,
		signal: reading.signal,
		async onFull(filling) {
			await full.send(filling);
			if (checksum && full.held.length >= MOST_CHUNKS_WITH_CHECKSUM) throw tooLongForSum(chunkSizeBytes);
		},
	});

	/** What broke the reading off, where something did. */
	const readAll = async (): Promise<Error | undefined> => {
		try {
			for await (const piece of watchedSource({source: receiving.source, onBytes}, clock, reading)) {
				checksum?.update(piece);
				await intake.take(piece);
			}

			return undefined;
		} catch (error) {
			return (reading.signal.aborted ? reading.signal.reason : error) as Error;
		}
	};

	const keepSealed = (id: ChunkId, {lease, filledBytes}: Filling) =>
		options.cache.keepSealed(id, lease.bytes.subarray(0, filledBytes + SEAL_TAG_BYTES), lease);

	/** The file's last chunk, with which it is whole: it may be looked at next. */
	const keepLast = async () => {
		const filling = await intake.last();
		const last = filling && (await fillings.place(filling, {file, key, isLast: true}, unstoppable));
		await counted.finish([...full.held, ...(last ? [last] : [])]);
		const sealed = last && intake.handOver();
		if (sealed) keepSealed(last._id, sealed);
	};

	/** A chunk that is to grow, under a key of its own. */
	const keepShort = async (rest: Filling) => {
		const tailKey = random.bytes(SEAL_KEY_BYTES);
		const tail = {sizeBytes: rest.filledBytes, wrappedKey: masterKey.wrap(file, tailKey)};
		const short = await fillings.place(rest, {file, key: tailKey, isLast: true}, unstoppable);
		await counted.add([...full.held, short], tail);
	};

	/** Keeps what is not a full chunk, and what was held until its sum was right. */
	const keepRest = async () => {
		if (intake.takenBytes() === wholeBytes) return keepLast();
		const rest = intake.rest();
		const hasGrown = rest && rest.index * chunkSizeBytes + rest.filledBytes > counted.upload().offsetBytes;
		if (hasGrown) return keepShort(rest);
		if (full.held.length > 0) await counted.add(full.held);
	};

	/** What had come by then is kept, unless it is to be summed up or what comes is refused. */
	const settle = async (broken: Error | undefined): Promise<Error | undefined> => {
		const failure = await full.settled();
		if (failure) return failure;
		if (isPjasError(broken, 'BODY_TOO_LARGE') && intake.takenBytes() === wholeBytes) return broken;
		try {
			if (broken !== undefined && checksum) throw broken;
			checksum?.verify();
			await keepRest();
			return broken;
		} catch (error) {
			await counted.forget(full.held);
			return error as Error;
		}
	};

	try {
		const error = await settle(await readAll());
		const received = counted.received();
		return {upload: counted.upload(), ...(received && {received}), ...(error !== undefined && {error})};
	} finally {
		stop.removeEventListener('abort', stopReading);
		reading.abort(new Error('the request ended'));
		intake.rest()?.lease.release();
	}
};
