import path from 'node:path';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {lineOf} from './catalog-documents.js';
import {blocksOf, type CatalogFiles, type OpenFile} from './catalog-files.js';
import type {CatalogIndex} from './catalog-index.js';
import type {NedbJournal} from './nedb-journal.js';
import type {WriteQueue} from './nedb-queue.js';

export const COMPACTING_SUFFIX = '.compact';

/** While more than this was written meanwhile, it is copied before writes are held up for the rest. */
const HELD_BYTES = 256 * 1024;
const CATCH_UP_ROUNDS = 5;

export type CompactionOptions = {
	/** The catalogue's file. */
	file: string;
	files: CatalogFiles;
	journal: NedbJournal;
	index: CatalogIndex;
	queue: WriteQueue;
	log: Log;
	clock: Clock;
	/** It starts once the file has more than `ratio` times the bytes of the live documents, and at least `minBytes`. */
	ratio: number;
	minBytes: number;
};

export type Compaction = {
	/** Starts in the background where the file has grown enough. */
	consider: () => void;
	/** Resolves once the file is compacted; rejects where that failed, and the old file is still in its place. */
	run: () => Promise<void>;
	stop: () => Promise<void>;
};

/** Copies what the file has from `from` on, up to where it is durable now. Returns how far that is. */
const copyTail = async (journal: NedbJournal, from: number, target: OpenFile): Promise<number> => {
	const to = journal.sizeBytes;
	for await (const block of blocksOf(journal.file, from, to)) await target.appendFile(block);
	return to;
};

/**
Compaction while writes go on, as a fuzzy snapshot: the live documents are written to a new file a few at a time, then
the lines that the old file got since. The last line of a document wins, so it does not matter which of them the snapshot
saw. Writes wait only for the last few lines and the rename.
*/
export const createCompaction = (options: CompactionOptions): Compaction => {
	const {file, files, journal, index, queue, log, clock, ratio, minBytes} = options;
	const temporary = file + COMPACTING_SUFFIX;
	let running: Promise<void> | undefined;
	let isStopped = false;
	let retryAboveBytes = 0;

	const assertWanted = () => {
		if (isStopped) throw new Error('The catalogue is being closed');
		journal.assertSound();
	};

	const writeSnapshot = async (target: OpenFile): Promise<number> => {
		let copiedBytes = 0;
		await queue.hold(async () => {
			copiedBytes = journal.sizeBytes; // Between two batches: the index knows of all that is before this.
			return Promise.resolve();
		});
		for (const ids of index.storedIds()) {
			assertWanted();
			const documents = journal.read(ids);
			await target.appendFile(documents.map(lineOf).join(''));
		}

		for (let round = 0; round < CATCH_UP_ROUNDS && journal.sizeBytes - copiedBytes > HELD_BYTES; round++) {
			assertWanted();
			copiedBytes = await copyTail(journal, copiedBytes, target);
		}

		await target.sync(); // So that little is left for the one while writes wait.
		return copiedBytes;
	};

	const putInPlace = async (target: OpenFile, copiedBytes: number): Promise<void> => {
		assertWanted();
		await copyTail(journal, copiedBytes, target);
		await target.sync();
		const {size} = await target.stat();
		const old = journal.file;
		await files.rename(temporary, file);
		journal.replace(target, size);
		try {
			await files.syncFolder(path.dirname(file));
		} catch (error) {
			journal.refuseWrites(error); // After a power cut the old file might be back, without what is written from now on.
			throw error;
		} finally {
			await old.close();
		}
	};

	const compact = async (): Promise<void> => {
		assertWanted();
		const startedMs = clock.monotonicMs();
		const oldBytes = journal.sizeBytes;
		await files.remove(temporary);
		const target = await files.open(temporary, 'ax+');
		try {
			const copiedBytes = await writeSnapshot(target);
			await queue.hold(async () => putInPlace(target, copiedBytes));
		} catch (error) {
			if (journal.file !== target) {
				await target.close();
				await files.remove(temporary);
			}

			throw error;
		}

		const ms = Math.round(clock.monotonicMs() - startedMs);
		log.info('The catalogue was compacted', {oldBytes, newBytes: journal.sizeBytes, ms});
	};

	const run = async (): Promise<void> => {
		running ??= compact().finally(() => {
			running = undefined;
		});
		return running;
	};

	return {
		run,
		consider() {
			const {sizeBytes, liveBytes} = journal;
			const hasGrown = sizeBytes >= minBytes && sizeBytes > ratio * liveBytes && sizeBytes > retryAboveBytes;
			if (running || isStopped || !hasGrown) return;
			run().catch((error: unknown) => {
				retryAboveBytes = journal.sizeBytes + minBytes;
				if (!isStopped) log.warn('The catalogue could not be compacted; it stays as it is', {error});
			});
		},
		async stop() {
			isStopped = true;
			await running?.catch(() => undefined);
		},
	};
};
