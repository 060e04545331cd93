import {isPjasError} from '../../../source/protocol/errors.js';
import {type ChunkRecord, removalOf, type RemovalRecord, type UploadRecord} from '../../core/model.js';
import type {Catalog} from '../../ports/catalog.js';
import type {Clock} from '../../ports/clock.js';
import type {Received} from '../upload.js';
import {finishedFile} from './finished-file.js';

export type CountingOptions = {
	catalog: Catalog;
	clock: Pick<Clock, 'now'>;
	replicas: number;
	chunkSizeBytes: number;
	/** Takes note of shards that nobody counts on any more. */
	discard: (removals: RemovalRecord[]) => Promise<void>;
};

/** An upload as the catalogue has it, which only one request changes at a time. */
export type CountedUpload = {
	upload: () => UploadRecord;
	/** Where it is whole. */
	received: () => Received | undefined;
	/**
	Tells the catalogue of chunks that are durable, in their order. The first one may take the place of one that was kept
	short, which may be repaired or moved at the same moment.

	@param tail - Where the last one is short: how it is sealed.
	*/
	add: (chunks: readonly ChunkRecord[], tail?: UploadRecord['tail']) => Promise<void>;
	/** The same of the upload's last chunks: with them it is a file. */
	finish: (chunks: readonly ChunkRecord[]) => Promise<void>;
	/** Gives up chunks that are durable, and that the catalogue was not told of. */
	forget: (chunks: readonly ChunkRecord[]) => Promise<void>;
};

const MOST_TRIES = 8;

/** @param onKept - Told of how many more bytes the catalogue counts now. */
export const createCountedUpload = (
	{catalog, clock, replicas, chunkSizeBytes, discard}: CountingOptions,
	first: UploadRecord,
	onKept: (sizeBytes: number) => void,
): CountedUpload => {
	let upload = first;
	let received: Received | undefined;

	const forget: CountedUpload['forget'] = async chunks =>
		discard(
			chunks.flatMap(({shards}) =>
				shards.map(({node, digest}) => removalOf(node, digest, clock.now(), 'upload-failed')),
			),
		);

	/** The upload with these chunks as its last ones. */
	const nextWith = (chunks: readonly ChunkRecord[], tail: UploadRecord['tail']): UploadRecord => {
		const last = chunks.at(-1);
		const offsetBytes = last ? last.index * chunkSizeBytes + last.sizeBytes : upload.offsetBytes;
		const next: UploadRecord = {...upload, offsetBytes, changedAt: clock.now()};
		delete next.tail;
		return tail ? {...next, tail} : next;
	};

	/** The short chunk whose place the first of these takes. */
	const replacedBy = async ([chunk]: readonly ChunkRecord[]): Promise<ChunkRecord | undefined> =>
		upload.tail && chunk && catalog.getChunk(chunk._id);

	type Commit = (next: UploadRecord, chunks: readonly ChunkRecord[]) => Promise<UploadRecord>;

	/** Tries again where another changed the short chunk meanwhile, as long as nobody changed the upload. */
	const commitWith = async (commit: Commit, chunks: readonly ChunkRecord[], tail: UploadRecord['tail']) => {
		const next = nextWith(chunks, tail);
		for (let tries = 1; ; tries++) {
			const short = await replacedBy(chunks);
			const all = chunks.map((chunk, at) => (short && at === 0 ? {...chunk, revision: short.revision} : chunk));
			try {
				const committed = await commit(next, all);
				onKept(next.offsetBytes - upload.offsetBytes);
				upload = committed;
			} catch (error) {
				const stored = isPjasError(error, 'CONFLICT') ? await catalog.getSmall('upload', upload._id) : undefined;
				if (stored?.revision !== upload.revision || tries === MOST_TRIES) throw error;
				continue;
			}

			if (short) await forget([short]);
			return;
		}
	};

	return {
		upload: () => upload,
		received: () => received,
		add: async (chunks, tail) => commitWith(async (next, all) => catalog.advanceUpload(next, all), chunks, tail),
		finish: async chunks =>
			commitWith(
				async (next, all) => {
					const done = await finishedFile(catalog, next, chunks, clock.now());
					await catalog.commitUpload(done.file, all, upload);
					received = {file: {...done.file, revision: 1}, lowestCopies: Math.min(replicas, done.lowestCopies)};
					return next;
				},
				chunks,
				undefined,
			),
		forget,
	};
};
