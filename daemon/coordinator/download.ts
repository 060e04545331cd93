import type {ByteRange} from '../../source/protocol/ranges.js';
import {type ChunkSpan, spansOf} from '../../source/protocol/chunking.js';
import {PjasError} from '../../source/protocol/errors.js';
import {chunkIdOf} from '../../source/protocol/ids.js';
import {SEAL_TAG_BYTES} from '../../source/protocol/seal.js';
import type {ChunkRecord, FileRecord} from '../core/model.js';
import type {Catalog} from '../ports/catalog.js';
import type {ChunkCache, PlainChunk} from './chunk-cache.js';
import type {MasterKey} from './master-key.js';
import type {Lease, MemoryBudget} from './memory-budget.js';
import type {ShardReader} from './shard-reader.js';

type DownloaderOptions = {
	catalog: Catalog;
	budget: MemoryBudget;
	cache: ChunkCache;
	reader: ShardReader;
	masterKey: MasterKey;
	/** Another size for chunks than everybody's, for the simulation. */
	chunkSizeBytes?: number;
};

export type Downloader = {
	/**
	The bytes of a range of a file, in order, in pieces that are authenticated before they come out. Whoever takes a piece
	releases it when its bytes are sent.

	@throws {PjasError} `FILE_UNAVAILABLE` where every copy of a chunk is lost or away.
	*/
	read: (file: FileRecord, range: ByteRange, signal: AbortSignal) => AsyncGenerator<PlainChunk>;
};

/** Chunks that are fetched while one is sent, where there are buffers that nobody waits for. */
const READ_AHEAD = 2;

const downloadEnded = new Error('the download ended');

export const createDownloader = (options: DownloaderOptions): Downloader => {
	const {catalog, budget, cache, reader, masterKey, chunkSizeBytes} = options;
	const bufferBytes = async (file: FileRecord, {index}: ChunkSpan) => {
		const chunk = await catalog.getChunk(chunkIdOf(file._id, index));
		if (chunk) return {chunk, neededBytes: chunk.sizeBytes + SEAL_TAG_BYTES};
		const problem = `the catalogue has no chunk ${index} of it`;
		throw new PjasError('FILE_UNAVAILABLE', `Failed to retrieve file: ${problem}. It may have been deleted meanwhile`);
	};

	async function* read(file: FileRecord, range: ByteRange, signal: AbortSignal): AsyncGenerator<PlainChunk> {
		const key = masterKey.unwrap(file._id, file.wrappedKey);
		const spans = spansOf(range.firstByte, range.lastByte, chunkSizeBytes);
		const ahead: Promise<PlainChunk>[] = [];
		const stop = new AbortController();
		const giveUp = () => stop.abort(signal.reason);
		signal.addEventListener('abort', giveUp, {once: true});
		if (signal.aborted) giveUp();

		const placeOf = ({index}: ChunkSpan) => ({key, index, isLast: index === file.chunkCount - 1});
		const cut = ({bytes, release}: PlainChunk, {startByte, endByte}: ChunkSpan): PlainChunk => {
			return {bytes: bytes.subarray(startByte, endByte), release};
		};
		/** Settles when the chunk that was asked first is there, or is not to be had. */
		let first: Promise<unknown> | undefined;
		/** What is read ahead begins when the first chunk is there: somebody waits for that one, and they would share the line. */
		const fetchSpan = async (span: ChunkSpan, chunk: ChunkRecord, lease: Lease) => {
			if (first) await first;
			const plain = await reader.read({chunk, key, isLast: placeOf(span).isLast}, lease, stop.signal);
			return cut(cache.keepPlain(chunk._id, plain), span);
		};

		let upcoming = spans.next();
		/** Starts the next fetches: the one that is needed now waits for its buffer, those ahead only take free ones. */
		const fill = async () => {
			while (!upcoming.done && ahead.length <= READ_AHEAD) {
				const span = upcoming.value;
				const kept = cache.take(chunkIdOf(file._id, span.index), placeOf(span));
				if (kept) {
					ahead.push(Promise.resolve(cut(kept, span)));
					upcoming = spans.next();
					continue;
				}

				const {chunk, neededBytes} = await bufferBytes(file, span);
				const lease =
					ahead.length === 0 ? await budget.acquire(neededBytes, stop.signal) : budget.tryAcquire(neededBytes);
				if (!lease) return;
				const fetching = fetchSpan(span, chunk, lease);
				const settled = fetching.catch(() => undefined);
				first ??= settled;
				ahead.push(fetching);
				upcoming = spans.next();
			}
		};

		try {
			for (;;) {
				await fill();
				const next = ahead.shift();
				if (!next) return;
				yield await next;
			}
		} finally {
			signal.removeEventListener('abort', giveUp);
			if (ahead.length > 0) stop.abort(downloadEnded);
			for (const fetching of ahead) {
				fetching.then(
					({release}) => release(),
					() => undefined,
				);
			}
		}
	}

	return {read};
};
