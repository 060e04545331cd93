import {isDeepStrictEqual} from 'node:util';
import {setImmediate as nextTurn} from 'node:timers/promises';
import {PjasError} from '../../source/protocol/errors.js';
import type {Log} from '../ports/log.js';
import {copyOf, lineOf, type Document} from './catalog-documents.js';
import type {Change} from './catalog-draft.js';
import type {OpenFile} from './catalog-files.js';
import type {CatalogIndex} from './catalog-index.js';
import type {NedbStore} from './nedb-store.js';

const RETRY_AFTER_SECONDS = 10;
const RESTART_AFTER_SECONDS = 60;
const CHANGES_A_TURN = 1000;

const failedError = (cause: unknown) =>
	new PjasError(
		'CATALOG_UNAVAILABLE',
		'The catalogue could not be written, as when the disk is full. Nothing was changed: try again later',
		{cause, retryAfterSeconds: RETRY_AFTER_SECONDS},
	);

const refusedError = (cause: unknown) =>
	new PjasError(
		'CATALOG_UNAVAILABLE',
		'The catalogue takes no writes until the coordinator is started anew, because its disk failed',
		{cause, retryAfterSeconds: RESTART_AFTER_SECONDS},
	);

const bytesOf = (document: Document | undefined): number => (document ? Buffer.byteLength(lineOf(document)) : 0);

export type JournalOptions = {
	store: NedbStore;
	/** The store's file. It is durable as it is. */
	file: OpenFile;
	sizeBytes: number;
	/** What a file with nothing but the live documents has. */
	liveBytes: number;
	index: CatalogIndex;
	log: Log;
};

/**
The file at the end of which NeDB's lines are put, as far as it is durable. NeDB changes its memory, then its lines are
appended; a write is done once `fdatasync` is, and one that fails is undone in memory and in the file.
*/
export class NedbJournal {
	readonly #store: NedbStore;
	readonly #index: CatalogIndex;
	readonly #log: Log;
	#file: OpenFile;
	/** The file's size up to which everything is durable. */
	#sizeBytes: number;
	/** What a file with nothing but the live documents has. */
	#liveBytes: number;
	/** The documents that are being written, as they were before. */
	#pending: {ids: ReadonlySet<string>; before: ReadonlyMap<string, Document>} | undefined;
	#failure: {cause: unknown} | undefined;
	#documents = 0;
	#syncs = 0;

	constructor({store, file, sizeBytes, liveBytes, index, log}: JournalOptions) {
		this.#store = store;
		this.#file = file;
		this.#sizeBytes = sizeBytes;
		this.#liveBytes = liveBytes;
		this.#index = index;
		this.#log = log;
	}

	get file(): OpenFile {
		return this.#file;
	}

	get sizeBytes(): number {
		return this.#sizeBytes;
	}

	get liveBytes(): number {
		return this.#liveBytes;
	}

	/** Since the start: documents that were written, and how often the disk was waited for. */
	get written(): {documents: number; syncs: number} {
		return {documents: this.#documents, syncs: this.#syncs};
	}

	/** Throws where it is not certain that what is written now would last. */
	assertSound(): void {
		if (this.#failure) throw refusedError(this.#failure.cause);
	}

	/** Copies of documents as they are durable, whatever is being written. */
	read(ids: readonly string[]): Document[] {
		return ids.flatMap(id => {
			if (!this.#pending?.ids.has(id)) return this.#store.find([id]);
			const before = this.#pending.before.get(id);
			return before ? copyOf(before) : [];
		});
	}

	/**
	Makes changes durable, in their order, or none of them.

	@param before - The documents concerned that are there.
	@throws {PjasError} `CATALOG_UNAVAILABLE`
	*/
	async write(before: ReadonlyMap<string, Document>, changes: readonly Change[]): Promise<void> {
		this.assertSound();
		const after = new Map(changes.map(change => [change._id, change.after]));
		this.#pending = {ids: new Set(after.keys()), before};
		try {
			await this.#append(before, changes);
		} catch (error) {
			this.#log.error('The catalogue could not be written', {error});
			await this.#undo(this.#pending.ids, before);
			throw this.#failure ? refusedError(error) : failedError(error);
		} finally {
			// Where it could not be undone, readers go on to be told what was there before.
			if (!this.#failure) this.#pending = undefined;
		}

		await this.#count(before, after);
	}

	/** From now on this is the file: the same documents, durable, and it is where NeDB appends. */
	replace(file: OpenFile, sizeBytes: number): void {
		this.#file = file;
		this.#sizeBytes = sizeBytes;
	}

	/** Refuses all writes until the next start: nobody knows any more what the disk holds. */
	refuseWrites(cause: unknown): void {
		this.#failure ??= {cause};
		this.#log.error('The catalogue takes no writes until the next start', {error: cause});
	}

	async #append(before: ReadonlyMap<string, Document>, changes: readonly Change[]): Promise<void> {
		const lines = await this.#store.apply(before, changes);
		await this.#file.appendFile(lines);
		const expected = this.#sizeBytes + Buffer.byteLength(lines);
		const {size} = await this.#file.stat();
		if (size !== expected) {
			const error = new Error(`The catalogue's file has ${size} bytes instead of ${expected}: something else wrote it`);
			this.refuseWrites(error);
			throw error;
		}

		await this.#file.datasync();
		this.#documents += changes.length;
		this.#syncs++;
		this.#sizeBytes = size;
	}

	/** Cuts the failed lines off, and makes NeDB's memory what it was. */
	async #undo(ids: ReadonlySet<string>, before: ReadonlyMap<string, Document>): Promise<void> {
		if (this.#failure) return;
		try {
			await this.#file.truncate(this.#sizeBytes);
			await this.#file.sync();
			await this.#store.restore(before, [...ids]);
			this.#assertRestored(ids, before);
		} catch (error) {
			this.refuseWrites(error);
		}
	}

	#assertRestored(ids: ReadonlySet<string>, before: ReadonlyMap<string, Document>): void {
		const found = this.#store.find([...ids]);
		const isRestored = found.every(document => isDeepStrictEqual(document, before.get(document._id)));
		const wanted = [...ids].filter(id => before.has(id));
		if (!isRestored || found.length !== wanted.length) throw new Error('NeDB did not take its changes back');
	}

	async #count(before: ReadonlyMap<string, Document>, after: ReadonlyMap<string, Document | undefined>): Promise<void> {
		let counted = 0;
		for (const [id, document] of after) {
			const past = before.get(id);
			this.#index.change(past, document);
			this.#liveBytes += bytesOf(document) - bytesOf(past);
			if (++counted % CHANGES_A_TURN === 0) await nextTurn();
		}
	}
}
