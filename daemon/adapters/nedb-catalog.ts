import {constants} from 'node:fs';
import path from 'node:path';
import {setImmediate as nextTurn} from 'node:timers/promises';
import {isPjasError, PjasError} from '../../source/protocol/errors.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {lineOf, storedId, type Document} from './catalog-documents.js';
import {decideWrite, type Change} from './catalog-draft.js';
import {
	blocksOf,
	CATALOG_FILE,
	diskFiles,
	isMissing,
	makeFolder,
	type CatalogFiles,
	type OpenFile,
} from './catalog-files.js';
import {CatalogIndex} from './catalog-index.js';
import {damageRemedy, LineChecker} from './catalog-lines.js';
import {catalogOver} from './catalog-verbs.js';
import {KeptDocuments} from './kept-documents.js';
import {COMPACTING_SUFFIX, createCompaction} from './nedb-compaction.js';
import {NedbJournal} from './nedb-journal.js';
import {createWriteQueue, type Waiting} from './nedb-queue.js';
import {loadNedbStore, type NedbStore} from './nedb-store.js';

const COMPACT_RATIO = 2;
const COMPACT_MIN_BYTES = 8 * 1024 * 1024;
const READ_IDS = 1000;
const CHUNK_PREFIX = storedId('chunk', '');

/** Where NeDB itself would write the file anew. */
const REWRITING_SUFFIX = '~';

export type NedbCatalogOptions = {
	/** The data folder. It is made where it isn't there. */
	folder: string;
	log: Log;
	clock: Clock;
	files?: CatalogFiles;
	compactRatio?: number;
	compactMinBytes?: number;
};

export type NedbCatalog = Catalog & {
	/** Gives the room of replaced lines back at once; in the background that happens by itself. */
	compact: () => Promise<void>;
	/** Its file, in bytes: all of it, and what of it holds. Since the start: documents written, and how often it was synced. */
	figures: () => {fileBytes: number; liveBytes: number; documents: number; syncs: number};
};

const openIfThere = async (file: string, flags: string | number, files: CatalogFiles): Promise<OpenFile | undefined> =>
	files.open(file, flags).catch((error: unknown) => {
		if (!isMissing(error)) throw error;
		return undefined;
	});

/** Removes what an interrupted compaction left. Where only that is there, nobody but the operator can say what it is. */
const removeLeftovers = async (file: string, isThere: boolean, files: CatalogFiles, log: Log): Promise<void> => {
	for (const suffix of [COMPACTING_SUFFIX, REWRITING_SUFFIX]) {
		const leftover = await openIfThere(file + suffix, 'r', files);
		if (!leftover) continue;
		await leftover.close();
		if (!isThere) {
			const name = CATALOG_FILE + suffix;
			const problem = `${CATALOG_FILE} is gone from the data folder, and ${name} is there, which may not be complete`;
			throw new PjasError(
				'CATALOG_CORRUPT',
				`${problem}. Nothing was changed: put ${CATALOG_FILE} back, or restore a backup`,
			);
		}

		log.info('Removed what an interrupted compaction of the catalogue left', {file: CATALOG_FILE + suffix});
		await files.remove(file + suffix);
	}
};

/** The documents of a file, and what lines with nothing but them have. */
type Content = {documents: KeptDocuments; liveBytes: number};

/** Reads and checks every line, and cuts off one at the end that was not written whole: nobody was told that it is stored. */
const readMended = async (handle: OpenFile, log: Log): Promise<Content> => {
	const {size} = await handle.stat();
	const documents = new KeptDocuments();
	let liveBytes = 0;
	const checker = new LineChecker(CATALOG_FILE, ({_id, document, bytes}) => {
		const before = documents.get(_id);
		if (before) liveBytes -= Buffer.byteLength(lineOf(before));
		if (document) {
			documents.set(document);
			liveBytes += bytes;
		} else {
			documents.delete(_id);
		}
	});
	for await (const block of blocksOf(handle, 0, size)) checker.push(block);
	if (checker.wholeBytes !== size) {
		const lostBytes = size - checker.wholeBytes;
		log.warn('The catalogue ended in a line that was not written whole; it was cut off', {lostBytes});
		await handle.truncate(checker.wholeBytes);
	}

	return {documents, liveBytes};
};

/** What comes in the order of its ids costs an index least; and files before chunks, which are looked for where theirs isn't known. */
const inOrder = (ids: Iterable<string>): string[] => {
	const sorted = [...ids].sort();
	const isChunk = (id: string) => id.startsWith(CHUNK_PREFIX);
	return [...sorted.filter(id => !isChunk(id)), ...sorted.filter(isChunk)];
};

const indexOf = (documents: KeptDocuments): CatalogIndex => {
	const index = new CatalogIndex();
	for (const id of inOrder(documents.ids())) {
		try {
			index.change(undefined, documents.get(id));
		} catch (error) {
			const message = `The record ${id} of ${CATALOG_FILE} is damaged. Nothing was changed: ${damageRemedy}`;
			throw new PjasError('CATALOG_CORRUPT', message, {cause: error});
		}
	}

	return index;
};

type Loaded = Pick<Content, 'liveBytes'> & {
	store: NedbStore;
	index: CatalogIndex;
	handle: OpenFile;
	sizeBytes: number;
};

/** Mends the file, or makes it, and loads it. All that is loaded is durable. */
const load = async (file: string, files: CatalogFiles, log: Log): Promise<Loaded> => {
	let handle: OpenFile | undefined;
	try {
		await makeFolder(path.dirname(file));
		handle = await openIfThere(file, constants.O_RDWR | constants.O_APPEND, files);
		const {documents, liveBytes} = handle
			? await readMended(handle, log)
			: {documents: new KeptDocuments(), liveBytes: 0};
		await removeLeftovers(file, handle !== undefined, files, log);
		handle ??= await files.open(file, 'ax+');
		const index = indexOf(documents);
		const store = await loadNedbStore(file, documents);
		await handle.sync(); // What was read may be new to the disk: its writer may have died before it was.
		await files.syncFolder(path.dirname(file));
		const {size} = await handle.stat();
		return {store, index, handle, sizeBytes: size, liveBytes};
	} catch (error) {
		await handle?.close();
		if (isPjasError(error)) throw error;
		throw new PjasError('CATALOG_UNAVAILABLE', 'The catalogue could not be opened', {cause: error});
	}
};

/** Decides the writes of a batch one after the other, makes what they change durable together, then answers them. */
const commit = async (batch: readonly Waiting[], journal: NedbJournal): Promise<void> => {
	try {
		const before = new Map<string, Document>();
		const ids = [...new Set(batch.flatMap(({write}) => write.ids))];
		for (let from = 0; from < ids.length; from += READ_IDS) {
			if (from > 0) await nextTurn();
			for (const document of journal.read(ids.slice(from, from + READ_IDS))) before.set(document._id, document);
		}

		const current = new Map<string, Document | undefined>(before);
		const all: Change[] = [];
		const answers: (() => void)[] = [];
		for (const {write, resolve, reject} of batch) {
			try {
				const {changes, result} = decideWrite(write, id => current.get(id));
				for (const change of changes) {
					current.set(change._id, change.after);
					all.push(change);
				}

				answers.push(() => resolve(result));
			} catch (error) {
				answers.push(() => reject(error));
			}
		}

		if (all.length > 0) await journal.write(before, all);
		for (const answer of answers) answer();
	} catch (error) {
		for (const {reject} of batch) reject(error); // Those too that changed nothing: what they saw may be undone.
	}
};

/**
Opens the catalogue of a data folder: one NeDB file of all records.

@throws {PjasError} `CATALOG_CORRUPT` where a line or a record within the file is damaged; `CATALOG_UNAVAILABLE` where the disk
refuses.
*/
export const openNedbCatalog = async ({
	folder,
	log,
	clock,
	files = diskFiles,
	compactRatio = COMPACT_RATIO,
	compactMinBytes = COMPACT_MIN_BYTES,
}: NedbCatalogOptions): Promise<NedbCatalog> => {
	const startedMs = clock.monotonicMs();
	const file = path.join(folder, CATALOG_FILE);
	const {store, index, handle, sizeBytes, liveBytes} = await load(file, files, log);
	const journal = new NedbJournal({store, file: handle, sizeBytes, liveBytes, index, log});
	const queue = createWriteQueue(async batch => {
		await commit(batch, journal);
		compaction.consider();
	});
	const compaction = createCompaction({
		...{file, files, journal, index, queue, log, clock},
		ratio: compactRatio,
		minBytes: compactMinBytes,
	});

	compaction.consider();
	const ms = Math.round(clock.monotonicMs() - startedMs);
	log.info('The catalogue is open', {...index.totals(), bytes: sizeBytes, ms});

	const close = async (): Promise<void> => {
		await compaction.stop();
		await queue.close();
		await journal.file.close();
	};

	let closing: Promise<void> | undefined;
	const catalog = catalogOver({
		index,
		nextTurn,
		read: async ids => Promise.resolve(journal.read(ids)),
		write: async write => queue.push(write),
		close: async () => (closing ??= close()),
	});
	const figures = () => ({fileBytes: journal.sizeBytes, liveBytes: journal.liveBytes, ...journal.written});
	return {...catalog, compact: compaction.run, figures};
};
