import {type ChunkId, type Digest, type FileId, fileOfChunk, type NodeId} from '../../source/protocol/ids.js';
import {type ChunkRecord, type FileRecord, isAmiss, type SmallKind, type TrashPlace} from '../core/model.js';
import type {CatalogTotals, PlacementGroup, ShardCounts, TrashTotals} from '../ports/catalog.js';
import type {CopiesLeft} from '../core/redundancy.js';
import {isKind, smallKinds, storedId, toRecord, type Document, type Kind, type Records} from './catalog-documents.js';
import {FileViews} from './catalog-file-views.js';
import {Placements} from './catalog-placements.js';
import {fold, NameSearch} from './catalog-name-search.js';
import {SortedGroups, SortedIds} from './catalog-sorted-ids.js';
import {TrashIndex} from './catalog-trash.js';
import {UploadIndex} from './catalog-uploads.js';

const IDS_A_PAGE = 200;

/** 32 bits of a digest: as good as the whole to find a chunk by, where that is looked at afterwards, and a number. */
const fingerprintOf = (digest: Digest): number => Number.parseInt(digest.slice(-8), 16) | 0;

const nodesOf = (chunk?: ChunkRecord) => new Set(chunk?.shards.map(shard => shard.node));
const fingerprintsOf = (chunk?: ChunkRecord) => new Set(chunk?.shards.map(({digest}) => fingerprintOf(digest)));

/** Calls `remove` for what is in `before` only, and `add` for what is in `after` only. */
const compare = <T>(before: Set<T>, after: Set<T>, remove: (value: T) => void, add: (value: T) => void) => {
	for (const value of before) if (!after.has(value)) remove(value);
	for (const value of after) if (!before.has(value)) add(value);
};

/**
What the catalogue must find without a look at every document, in memory. It is built from the documents at start and told
of each change; it holds no documents, only their ids.
*/
export class CatalogIndex {
	readonly #files = new FileViews();
	readonly #trash = new TrashIndex();
	readonly #uploads = new UploadIndex();
	/** The names of all files, folded. */
	readonly #names = new Map<FileId, string>();
	readonly #search = new NameSearch({listed: this.#files.listed, nameOf: id => this.#names.get(id) ?? ''});
	/** Those of a file stand together: a list for each file would take more memory than the ids of its chunks. */
	readonly #chunks = new SortedIds<ChunkId>();
	readonly #chunksOnNode = new SortedGroups<NodeId, ChunkId>();
	/** Most are one chunk's: a list for each would take more memory than the ids. */
	readonly #chunksByFingerprint = new Map<number, ChunkId | ChunkId[]>();
	readonly #amiss = new SortedIds<ChunkId>();
	readonly #recordless = new SortedIds<FileId>();
	readonly #placements = new Placements();
	readonly #nodes = new SortedIds<NodeId>();
	readonly #removals = new SortedGroups<NodeId, string>();
	readonly #small = new SortedGroups<SmallKind, string>();
	readonly #totals: CatalogTotals = {files: 0, fileBytes: 0, chunks: 0, removals: 0};

	/** A document came (no `before`), changed, or went (no `after`). */
	change(before: Document | undefined, after: Document | undefined): void {
		const is = (before ?? after)?.is;
		const both = <K extends Kind>(kind: K): [Records[K] | undefined, Records[K] | undefined] => [
			isKind(before, kind) ? toRecord(before) : undefined,
			isKind(after, kind) ? toRecord(after) : undefined,
		];
		// Most are chunks: at a start, a million of them.
		if (is === 'chunk') {
			this.#changeChunk(...both(is));
			return;
		}

		if (is === 'file') this.#changeFile(...both(is));
		if (is === 'node') {
			const [past, now] = both(is);
			if (now) this.#nodes.add(now._id);
			else if (past) this.#nodes.delete(past._id);
		}

		for (const kind of smallKinds) {
			if (is !== kind) continue;
			const [past, now] = both(kind);
			if (now) this.#small.add(kind, now._id);
			else if (past) this.#small.delete(kind, past._id);
		}

		if (is === 'upload') {
			const [past, now] = both(is);
			this.#uploads.change(past, now);
			this.#markRecordless((now ?? past)?._id);
		}

		if (is === 'removal') {
			const [past, now] = both(is);
			if (past) this.#removals.delete(past.node, past._id);
			if (now) this.#removals.add(now.node, now._id);
			this.#totals.removals += Number(Boolean(now)) - Number(Boolean(past));
		}
	}

	/** The files before `before` that `viewer` may read, the newest first. */
	filesBefore(before: FileId | undefined, viewer: string | undefined, limit: number): FileId[] {
		return this.#files.before(before, viewer, limit);
	}

	/** How many files `viewer` may read. Costs the same however many there are. */
	countFiles(viewer: string | undefined): number {
		return this.#files.count(viewer);
	}

	/** The files that were put into the trash before `before`, the last first; those of an account, or all. */
	trashBefore(before: TrashPlace | undefined, owner: string | undefined, limit: number): FileId[] {
		return this.#trash.before(before, owner, limit);
	}

	oldestTrash(limit: number): FileId[] {
		return this.#trash.oldest(limit);
	}

	trashTotals(owner: string | undefined): TrashTotals {
		return this.#trash.totals(owner);
	}

	ownedBytes(owner: string): number {
		return this.#files.ownedBytes(owner) + this.#uploads.of(owner).bytes;
	}

	countUploads(owner: string | undefined): number {
		return this.#uploads.of(owner).count;
	}

	/** Whether there is a file or an unfinished upload of this id. */
	hasRecord(file: FileId): boolean {
		return this.#names.has(file) || this.#uploads.has(file);
	}

	/**
	The files whose names contain `search` and that `viewer` may read, the newest first, in pages. Yields the event loop
	while it looks.
	*/
	async *filesNamed(search: string, viewer: string | undefined, before?: FileId): AsyncGenerator<FileId[]> {
		for await (const ids of this.#search.find(fold(search), before)) {
			yield ids.filter(id => this.#files.mayRead(id, viewer));
		}
	}

	chunksOf(file: FileId, after: ChunkId | undefined, limit: number): ChunkId[] {
		const page = this.#chunks.after(after ?? file, limit);
		const end = page.findIndex(id => !id.startsWith(file));
		return end < 0 ? page : page.slice(0, end);
	}

	chunksOn(node: NodeId, after: ChunkId | undefined, limit: number): ChunkId[] {
		return this.#chunksOnNode.after(node, after, limit);
	}

	chunkOnByChance(node: NodeId, random: () => number): ChunkId | undefined {
		return this.#chunksOnNode.draw(node, random);
	}

	/** The chunks with a shard of this digest, on whatever node, and maybe others; ascending. */
	chunksWith(digest: Digest): readonly ChunkId[] {
		return this.#chunksMarked(fingerprintOf(digest));
	}

	chunksAmiss(after: ChunkId | undefined, limit: number): ChunkId[] {
		return this.#amiss.after(after, limit);
	}

	filesWithoutRecord(): FileId[] {
		return this.#recordless.after(undefined, Infinity);
	}

	copiesLeft(counts: (node: NodeId) => boolean): CopiesLeft {
		return this.#placements.copiesLeft(counts, node => this.#filesOn(node));
	}

	placementGroupsOf(file: FileId): Iterable<PlacementGroup> {
		return this.#placements.groupsOf(file);
	}

	shardCounts(node: NodeId): ShardCounts {
		return this.#placements.shardCounts(node);
	}

	shardBytes(node: NodeId): number {
		return this.#placements.shardBytes(node);
	}

	nodes(): NodeId[] {
		return this.#nodes.after(undefined, Infinity);
	}

	removals(node: NodeId, after: string | undefined, limit: number): string[] {
		return this.#removals.after(node, after, limit);
	}

	removalNodes(): NodeId[] {
		return [...this.#removals.groups.keys()];
	}

	small(kind: SmallKind): string[] {
		return this.#small.after(kind, undefined, Infinity);
	}

	totals(): CatalogTotals {
		return {...this.#totals};
	}

	/**
	The stored id of every document, in pages. It may be read while documents change: one that is there all along is in
	it, others may or may not be.
	*/
	*storedIds(): Generator<string[]> {
		yield* pages('node', this.#nodes);
		for (const group of this.#removals.groups.values()) yield* pages('removal', group);
		yield* pages('chunk', this.#chunks);
		for (const [kind, group] of this.#small.groups) yield* pages(kind, group);
		yield* filePages(this.#names.keys());
	}

	/** The files of the chunks on a node. */
	#filesOn(node: NodeId): Set<FileId> {
		return new Set(this.chunksOn(node, undefined, Infinity).map(fileOfChunk));
	}

	#changeFile(before: FileRecord | undefined, after: FileRecord | undefined): void {
		const totals = this.#totals;
		this.#files.change(before, after);
		this.#trash.change(before, after);
		if (before && !before.trashed) {
			totals.files--;
			totals.fileBytes -= before.sizeBytes;
		}

		if (after && !after.trashed) {
			totals.files++;
			totals.fileBytes += after.sizeBytes;
		}

		if (after) {
			this.#names.set(after._id, fold(after.name));
		} else if (before) {
			this.#names.delete(before._id);
		}

		if (before && (!after || after.trashed || after.name !== before.name)) this.#search.noteGone(before._id);
		if (after && !after.trashed) this.#search.noteListed(after._id);

		this.#markRecordless((after ?? before)?._id);
	}

	#markRecordless(file: FileId | undefined): void {
		if (file === undefined) return;
		if (!this.hasRecord(file) && this.chunksOf(file, undefined, 1).length > 0) this.#recordless.add(file);
		else this.#recordless.delete(file);
	}

	#changeChunk(before: ChunkRecord | undefined, after: ChunkRecord | undefined): void {
		if (!before) {
			if (after) this.#addChunk(after);
			return;
		}

		const {_id: id, file} = before;
		if (!after) {
			this.#totals.chunks--;
			this.#chunks.delete(id);
			this.#markRecordless(file);
		}

		compare(
			nodesOf(before),
			nodesOf(after),
			node => this.#chunksOnNode.delete(node, id),
			node => this.#chunksOnNode.add(node, id),
		);
		compare(
			fingerprintsOf(before),
			fingerprintsOf(after),
			fingerprint => this.#removeFingerprint(fingerprint, id),
			fingerprint => this.#addFingerprint(fingerprint, id),
		);
		if (after && isAmiss(after)) this.#amiss.add(id);
		else this.#amiss.delete(id);
		this.#placements.change(before, after);
	}

	/** At a start, each chunk comes this way. */
	#addChunk(chunk: ChunkRecord): void {
		const {_id: id, file, shards} = chunk;
		this.#totals.chunks++;
		this.#chunks.add(id);
		this.#markRecordless(file);
		let last: Digest | undefined;
		for (const {node, digest} of shards) {
			this.#chunksOnNode.add(node, id);
			// All copies have the same, as a rule.
			if (digest !== last) this.#addFingerprint(fingerprintOf(digest), id);
			last = digest;
		}

		if (isAmiss(chunk)) this.#amiss.add(id);
		this.#placements.change(undefined, chunk);
	}

	#chunksMarked(fingerprint: number): readonly ChunkId[] {
		const known = this.#chunksByFingerprint.get(fingerprint) ?? [];
		return typeof known === 'string' ? [known] : known;
	}

	#addFingerprint(fingerprint: number, id: ChunkId): void {
		const others = this.#chunksMarked(fingerprint);
		if (!others.includes(id)) {
			this.#chunksByFingerprint.set(fingerprint, others.length > 0 ? [...others, id].sort() : id);
		}
	}

	#removeFingerprint(fingerprint: number, id: ChunkId): void {
		const rest = this.#chunksMarked(fingerprint).filter(other => other !== id);
		const [only] = rest;
		if (only !== undefined) this.#chunksByFingerprint.set(fingerprint, rest.length > 1 ? rest : only);
		else this.#chunksByFingerprint.delete(fingerprint);
	}
}

/** Of a map's keys, which may change meanwhile: each that is there all along comes once. */
function* filePages(ids: Iterable<FileId>): Generator<string[]> {
	let page: string[] = [];
	for (const id of ids) {
		page.push(storedId('file', id));
		if (page.length < IDS_A_PAGE) continue;
		yield page;
		page = [];
	}

	if (page.length > 0) yield page;
}

function* pages(kind: Kind, ids: SortedIds<string>): Generator<string[]> {
	for (let after: string | undefined; ;) {
		const page = ids.after(after, IDS_A_PAGE);
		if (page.length === 0) return;
		after = page.at(-1);
		yield page.map(id => storedId(kind, id));
	}
}
