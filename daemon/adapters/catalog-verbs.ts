import {PjasError} from '../../source/protocol/errors.js';
import {chunkIdOf, type ChunkId, type Digest, type FileId, type NodeId} from '../../source/protocol/ids.js';
import type {ChunkRecord, FileRecord, RemovalRecord, SmallKind, SmallRecords, UploadRecord} from '../core/model.js';
import type {Catalog, FilePage, TrashPage} from '../ports/catalog.js';
import {
	cloneOf,
	copyOf,
	isKind,
	storedId,
	toDocument,
	toRecord,
	type Document,
	type Kind,
	type Records,
} from './catalog-documents.js';
import type {Draft, Write} from './catalog-draft.js';
import type {CatalogIndex} from './catalog-index.js';

/** Where a catalogue's documents are kept. */
export type DocumentStore = {
	/** Knows what `read` gives: the documents that are durable. */
	index: CatalogIndex;
	/** Copies of these documents, in this order; one that is not there is left out. */
	read: (ids: readonly string[]) => Promise<Document[]>;
	/** Resolves once what was decided is durable. Of writes that touch the same documents, each sees the one before. */
	write: <T>(write: Write<T>) => Promise<T>;
	/** Lets the event loop run between pages. */
	nextTurn: () => Promise<void>;
	close: () => Promise<void>;
};

const RECORDS_A_PAGE = 100;

const conflict = (kind: Kind) =>
	new PjasError('CONFLICT', `The ${kind}'s record was changed meanwhile: read it again, then try once more`);

type Revised = Exclude<Kind, 'removal'>;

const putRevised = (draft: Draft, kind: Revised, document: Document, expected: number) => {
	if ((draft.get(document._id)?.['revision'] ?? 0) !== expected) throw conflict(kind);
	draft.put(document);
};

/** The document of a record's next revision, which shares nothing with the record. */
const nextOf = <K extends Revised>(kind: K, record: Records[K]): Document & {is: K} =>
	copyOf(toDocument(kind, {...record, revision: record.revision + 1})) as Document & {is: K};

const assertChunkId = ({_id, file, index}: ChunkRecord) => {
	if (_id !== chunkIdOf(file, index)) throw new TypeError(`Chunk ${index} of file ${file} has the id ${_id}`);
};

const putOfChunk = (chunk: ChunkRecord) => {
	assertChunkId(chunk);
	return {kind: 'chunk', next: nextOf('chunk', chunk), expected: chunk.revision} as const;
};

const writeVerbs = ({write}: DocumentStore) => {
	const put = async <K extends Revised>(kind: K, record: Records[K]): Promise<Records[K]> => {
		const next = nextOf(kind, record);
		const answer = toRecord(cloneOf(next));
		const expected = record.revision;
		await write({ids: [next._id], decide: draft => putRevised(draft, kind, next, expected)});
		return answer;
	};

	const remove = async (kind: Kind, ids: readonly string[]): Promise<number> => {
		if (ids.length === 0) return 0;
		const stored = ids.map(id => storedId(kind, id));
		const decide = (draft: Draft) => {
			const there = stored.filter(id => draft.get(id));
			for (const id of new Set(there)) draft.remove(id);
			return there.length;
		};
		return write({ids: stored, decide});
	};

	return {
		putFile: async (file: FileRecord) => put('file', file),
		async removeFile(id: FileId, revision?: number): Promise<boolean> {
			if (revision === undefined) return (await remove('file', [id])) > 0;
			const stored = storedId('file', id);
			const decide = (draft: Draft) => {
				const there = draft.get(stored);
				if (!there) return false;
				if (there['revision'] !== revision) throw conflict('file');
				draft.remove(stored);
				return true;
			};
			return write({ids: [stored], decide});
		},
		async commitUpload(file: FileRecord, chunks: readonly ChunkRecord[], unfinished?: UploadRecord): Promise<void> {
			const puts = [
				...chunks.map(putOfChunk),
				{kind: 'file', next: nextOf('file', file), expected: file.revision} as const,
			];
			const ended = unfinished && storedId('upload', unfinished._id);
			const decide = (draft: Draft) => {
				if (ended !== undefined && draft.get(ended)?.['revision'] !== unfinished?.revision) throw conflict('upload');
				for (const {kind, next, expected} of puts) putRevised(draft, kind, next, expected);
				if (ended !== undefined) draft.remove(ended);
			};
			await write({ids: [...puts.map(({next}) => next._id), ...(ended === undefined ? [] : [ended])], decide});
		},
		async advanceUpload(upload: UploadRecord, chunks: readonly ChunkRecord[]): Promise<UploadRecord> {
			const next = nextOf('upload', upload);
			const answer = toRecord(copyOf(next));
			const puts = [...chunks.map(putOfChunk), {kind: 'upload', next, expected: upload.revision} as const];
			const decide = (draft: Draft) => {
				// One that was taken away meanwhile must not come back with its next chunk.
				if (!draft.get(next._id)) throw conflict('upload');
				for (const {kind, next, expected} of puts) putRevised(draft, kind, next, expected);
			};
			await write({ids: puts.map(({next}) => next._id), decide});
			return answer;
		},
		async putChunk(chunk: ChunkRecord) {
			assertChunkId(chunk);
			return put('chunk', chunk);
		},
		removeChunks: async (ids: readonly ChunkId[]): Promise<void> => {
			await remove('chunk', ids);
		},
		putNode: async (node: Records['node']) => put('node', node),
		removeNode: async (id: NodeId) => (await remove('node', [id])) > 0,
		putSmall: async <K extends SmallKind>(kind: K, record: SmallRecords[K]): Promise<SmallRecords[K]> =>
			put(kind, record as Records[K]),
		removeSmall: async (kind: SmallKind, id: string) => (await remove(kind, [id])) > 0,
		async putRemovals(removals: readonly RemovalRecord[]): Promise<void> {
			if (removals.length === 0) return;
			const documents = removals.map(removal => copyOf(toDocument('removal', removal)));
			const decide = (draft: Draft) => documents.forEach(document => draft.put(document));
			await write({ids: documents.map(({_id}) => _id), decide});
		},
		dropRemovals: async (ids: readonly string[]): Promise<void> => {
			await remove('removal', ids);
		},
	};
};

const readVerbs = ({index, read, nextTurn}: DocumentStore) => {
	/** Bounded by the page that asks for it; the event loop runs between hundreds. */
	const records = async <K extends Kind>(kind: K, ids: readonly string[]): Promise<Records[K][]> => {
		const found: Records[K][] = [];
		for (let from = 0; from < ids.length; from += RECORDS_A_PAGE) {
			if (from > 0) await nextTurn();
			const page = ids.slice(from, from + RECORDS_A_PAGE).map(id => storedId(kind, id));
			for (const document of await read(page)) {
				if (isKind(document, kind)) found.push(toRecord(document));
			}
		}

		return found;
	};

	const record = async <K extends Kind>(kind: K, id: string): Promise<Records[K] | undefined> =>
		(await records(kind, [id]))[0];

	/** Reads chunks page by page. `next` gives the ids after one. */
	async function* chunks(
		next: (after: ChunkId | undefined, limit: number) => ChunkId[],
		after: ChunkId | undefined,
	): AsyncGenerator<ChunkRecord> {
		for (let from = after; ;) {
			const ids = next(from, RECORDS_A_PAGE);
			if (ids.length === 0) return;
			from = ids.at(-1);
			yield* await records('chunk', ids);
			await nextTurn();
		}
	}

	async function* filePages(search: string, viewer: string | undefined, before?: FileId): AsyncGenerator<FileId[]> {
		if (search) {
			yield* index.filesNamed(search, viewer, before);
			return;
		}

		for (let from = before; ;) {
			const ids = index.filesBefore(from, viewer, RECORDS_A_PAGE);
			if (ids.length === 0) return;
			from = ids.at(-1);
			yield ids;
		}
	}

	return {
		getFile: async (id: FileId) => record('file', id),
		async files({before, search = '', viewer, limit}: FilePage): Promise<FileRecord[]> {
			const found: FileRecord[] = [];
			if (limit <= 0) return found;
			for await (const ids of filePages(search, viewer, before)) {
				for (let from = 0; from < ids.length && found.length < limit;) {
					const page = ids.slice(from, from + Math.min(RECORDS_A_PAGE, limit - found.length));
					found.push(...(await records('file', page)));
					from += page.length;
				}

				if (found.length >= limit) break;
				await nextTurn();
			}

			return found;
		},
		async countFiles(search: string, viewer?: string): Promise<number> {
			if (!search) return index.countFiles(viewer);
			let count = 0;
			for await (const ids of index.filesNamed(search, viewer)) count += ids.length;
			return count;
		},
		trash: async ({before, owner, limit}: TrashPage) => records('file', index.trashBefore(before, owner, limit)),
		oldestTrash: async (limit: number) => records('file', index.oldestTrash(limit)),
		trashTotals: (owner?: string) => index.trashTotals(owner),
		ownedBytes: (owner: string) => index.ownedBytes(owner),
		countUploads: (owner?: string) => index.countUploads(owner),
		hasRecord: (file: FileId) => index.hasRecord(file),
		getChunk: async (id: ChunkId) => record('chunk', id),
		chunksOf: (file: FileId, afterIndex?: number) =>
			chunks(
				(after, limit) => index.chunksOf(file, after, limit),
				afterIndex === undefined || afterIndex < 0 ? undefined : chunkIdOf(file, afterIndex),
			),
		async *chunksOn(node: NodeId, after?: ChunkId): AsyncGenerator<ChunkRecord> {
			const all = chunks((last, limit) => index.chunksOn(node, last, limit), after);
			for await (const chunk of all) {
				if (chunk.shards.some(shard => shard.node === node)) yield chunk;
			}
		},
		async chunkOnByChance(node: NodeId, random: () => number): Promise<ChunkRecord | undefined> {
			const id = index.chunkOnByChance(node, random);
			const chunk = id && (await record('chunk', id));
			return chunk?.shards.some(shard => shard.node === node) ? chunk : undefined;
		},
		chunksAmiss: (after?: ChunkId) => chunks((last, limit) => index.chunksAmiss(last, limit), after),
		async chunkWith(digest: Digest): Promise<ChunkRecord | undefined> {
			const candidates = await records('chunk', [...index.chunksWith(digest)].sort());
			return candidates.find(({shards}) => shards.some(shard => shard.digest === digest));
		},
		filesWithoutRecord: async () => Promise.resolve(index.filesWithoutRecord()),
		copiesLeft: (counts: (node: NodeId) => boolean) => index.copiesLeft(counts),
		placementGroupsOf: (file: FileId) => index.placementGroupsOf(file),
		shardCounts: (node: NodeId) => index.shardCounts(node),
		shardBytes: (node: NodeId) => index.shardBytes(node),
		getNode: async (id: NodeId) => record('node', id),
		nodes: async () => records('node', index.nodes()),
		async removals(node: NodeId, limit: number, after?: string): Promise<RemovalRecord[]> {
			return records('removal', index.removals(node, after, limit));
		},
		removalNodes: () => index.removalNodes(),
		getSmall: async <K extends SmallKind>(kind: K, id: string): Promise<SmallRecords[K] | undefined> =>
			record(kind, id),
		allSmall: async <K extends SmallKind>(kind: K): Promise<SmallRecords[K][]> => records(kind, index.small(kind)),
		totals: () => index.totals(),
	};
};

/** The catalogue's verbs, over documents that are kept somewhere. */
export const catalogOver = (store: DocumentStore): Catalog => ({
	...readVerbs(store),
	...writeVerbs(store),
	close: async () => store.close(),
});
