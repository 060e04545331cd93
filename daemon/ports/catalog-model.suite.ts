import {PjasError} from '../../source/protocol/errors.js';
import type {ChunkId, FileId, NodeId} from '../../source/protocol/ids.js';
import {
	isAmiss,
	soundShards,
	trashPlaceOf,
	wantedShards,
	type ChunkRecord,
	type FileRecord,
	type NodeRecord,
	type RemovalRecord,
	type SmallKind,
	type SmallRecords,
	type UploadRecord,
} from '../core/model.js';
import type {Catalog, FilePage, PlacementGroup, TrashPage} from './catalog.js';

const byId = (a: {_id: string}, b: {_id: string}) => (a._id < b._id ? -1 : 1);
const sorted = <T extends {_id: string}>(records: Map<string, T>): T[] => [...records.values()].sort(byId);
const fold = (text: string) => text.toLowerCase().normalize('NFC');

const put = <T extends {_id: string; revision: number}>(records: Map<string, T>, record: T): T => {
	if ((records.get(record._id)?.revision ?? 0) !== record.revision) throw new PjasError('CONFLICT', 'changed');
	const next = {...record, revision: record.revision + 1};
	records.set(record._id, next);
	return next;
};

const mayRead = (viewer: string, {owner, visibility = 'network', sharedWith = []}: FileRecord): boolean => {
	if (viewer === '') return visibility === 'public';
	return visibility !== 'private' || owner === viewer || sharedWith.includes(viewer);
};

async function* each<T>(records: readonly T[]): AsyncGenerator<T> {
	for (const record of records) yield Promise.resolve(record);
}

/**
A catalogue written down as plainly as its contract, with a look at every record for every question. The others are
compared with it. It shares its records with whoever asks.
*/
export class ModelCatalog implements Catalog {
	readonly #files = new Map<string, FileRecord>();
	readonly #chunks = new Map<string, ChunkRecord>();
	readonly #nodes = new Map<string, NodeRecord>();
	readonly #removals = new Map<string, RemovalRecord>();
	readonly #small = new Map<SmallKind, Map<string, SmallRecords[SmallKind]>>();

	getFile = async (id: FileId) => Promise.resolve(this.#files.get(id));
	putFile = async (file: FileRecord) => Promise.resolve().then(() => put(this.#files, file));
	removeFile = async (id: FileId, revision?: number) =>
		Promise.resolve().then(() => {
			const stored = this.#files.get(id);
			if (stored && revision !== undefined && stored.revision !== revision) throw new PjasError('CONFLICT', 'changed');
			return this.#files.delete(id);
		});

	files = async ({before, search = '', viewer, limit}: FilePage) =>
		Promise.resolve(
			sorted(this.#files)
				.reverse()
				.filter(({trashed}) => !trashed)
				.filter(file => before === undefined || file._id < before)
				.filter(file => viewer === undefined || mayRead(viewer, file))
				.filter(file => fold(file.name).includes(fold(search)))
				.slice(0, limit),
		);

	countFiles = async (search: string, viewer?: string) =>
		(await this.files({search, limit: Infinity, ...(viewer !== undefined && {viewer})})).length;

	/** Sorted as they were put there. */
	#trashOf = (owner: string | undefined) =>
		[...this.#files.values()]
			.map(file => ({file, place: trashPlaceOf(file) ?? ''}))
			.filter(({file, place}) => place !== '' && (owner === undefined || file.owner === owner))
			.sort((a, b) => (a.place < b.place ? -1 : 1));

	trash = async ({before, owner, limit}: TrashPage) =>
		Promise.resolve(
			this.#trashOf(owner)
				.reverse()
				.filter(({place}) => before === undefined || place < before)
				.slice(0, limit)
				.map(({file}) => file),
		);

	oldestTrash = async (limit: number) =>
		Promise.resolve(
			this.#trashOf(undefined)
				.slice(0, limit)
				.map(({file}) => file),
		);

	trashTotals = (owner?: string) => {
		const files = this.#trashOf(owner).map(({file}) => file);
		return {files: files.length, bytes: files.reduce((sum, file) => sum + file.sizeBytes, 0)};
	};

	#uploadsOf = (owner: string | undefined) =>
		[...this.#smallOf('upload').values()].filter(upload => upload.owner === owner);

	ownedBytes = (owner: string) =>
		[...this.#files.values()].filter(file => file.owner === owner).reduce((sum, file) => sum + file.sizeBytes, 0) +
		this.#uploadsOf(owner).reduce((sum, {offsetBytes}) => sum + offsetBytes, 0);

	countUploads = (owner?: string) => this.#uploadsOf(owner).length;
	hasRecord = (file: FileId) => this.#files.has(file) || this.#smallOf('upload').has(file);

	/** Refuses all where one of the chunks, or the upload, is another by now. */
	#assertCurrent = (chunks: readonly ChunkRecord[], upload: UploadRecord | undefined) => {
		const isOld = (stored: {revision: number} | undefined, revision: number) => (stored?.revision ?? 0) !== revision;
		const stored = upload && this.#smallOf('upload').get(upload._id);
		if (upload && (!stored || isOld(stored, upload.revision))) throw new PjasError('CONFLICT', 'changed');
		const isTaken = chunks.some(chunk => isOld(this.#chunks.get(chunk._id), chunk.revision));
		if (isTaken) throw new PjasError('CONFLICT', 'changed');
	};

	commitUpload = async (file: FileRecord, chunks: readonly ChunkRecord[], unfinished?: UploadRecord) => {
		this.#assertCurrent(chunks, unfinished);
		if (this.#files.has(file._id)) throw new PjasError('CONFLICT', 'changed');
		for (const chunk of chunks) put(this.#chunks, chunk);
		put(this.#files, file);
		if (unfinished) this.#smallOf('upload').delete(unfinished._id);
		return Promise.resolve();
	};

	advanceUpload = async (upload: UploadRecord, chunks: readonly ChunkRecord[]) => {
		this.#assertCurrent(chunks, upload);
		for (const chunk of chunks) put(this.#chunks, chunk);
		return Promise.resolve(put(this.#smallOf('upload'), upload));
	};

	getChunk = async (id: ChunkId) => Promise.resolve(this.#chunks.get(id));
	putChunk = async (chunk: ChunkRecord) => Promise.resolve().then(() => put(this.#chunks, chunk));
	removeChunks = async (ids: readonly ChunkId[]) => {
		for (const id of ids) this.#chunks.delete(id);
		return Promise.resolve();
	};

	chunksOf = (file: FileId, afterIndex = -1) =>
		each(sorted(this.#chunks).filter(chunk => chunk.file === file && chunk.index > afterIndex));

	chunksOn = (node: NodeId, after = '') =>
		each(sorted(this.#chunks).filter(chunk => chunk._id > after && chunk.shards.some(shard => shard.node === node)));

	chunksAmiss = (after = '') => each(sorted(this.#chunks).filter(chunk => chunk._id > after && isAmiss(chunk)));

	chunkOnByChance = async (node: NodeId, random: () => number) => {
		const on = sorted(this.#chunks).filter(({shards}) => shards.some(shard => shard.node === node));
		return Promise.resolve(on[Math.floor(random() * on.length)]);
	};
	chunkWith = async (digest: string) =>
		Promise.resolve(sorted(this.#chunks).find(({shards}) => shards.some(shard => shard.digest === digest)));

	filesWithoutRecord = async () => {
		const files = new Set(sorted(this.#chunks).map(chunk => chunk.file));
		return Promise.resolve([...files].filter(file => !this.hasRecord(file)));
	};

	copiesLeft = (counts: (node: NodeId) => boolean) => {
		const sums = {full: 0, partly: 0, one: 0, none: 0};
		for (const chunk of this.#chunks.values()) {
			const present = soundShards(chunk).filter(({node}) => counts(node)).length;
			const isFull = present >= wantedShards(chunk.scheme);
			sums[isFull ? 'full' : present > 1 ? 'partly' : present === 1 ? 'one' : 'none']++;
		}

		return sums;
	};

	placementGroupsOf = (file: FileId) => {
		const groups: PlacementGroup[] = [];
		for (const chunk of [...this.#chunks.values()].filter(other => other.file === file)) {
			const nodes = soundShards(chunk)
				.map(shard => shard.node)
				.sort();
			const wanted = wantedShards(chunk.scheme);
			const group = groups.find(other => other.wanted === wanted && String(other.nodes) === String(nodes));
			if (group) group.chunks++;
			else groups.push({wanted, nodes, chunks: 1});
		}

		return groups;
	};

	shardCounts = (node: NodeId) => {
		const shards = [...this.#chunks.values()].flatMap(chunk => chunk.shards).filter(shard => shard.node === node);
		const count = (kind?: 'missing' | 'corrupt') => shards.filter(({fault}) => fault?.kind === kind).length;
		return {sound: count(), missing: count('missing'), corrupt: count('corrupt')};
	};

	shardBytes = (node: NodeId) =>
		[...this.#chunks.values()]
			.flatMap(({shards, sizeBytes}) => shards.map(shard => ({sizeBytes, node: shard.node})))
			.reduce((sum, shard) => sum + (shard.node === node ? shard.sizeBytes : 0), 0);

	getNode = async (id: NodeId) => Promise.resolve(this.#nodes.get(id));
	putNode = async (node: NodeRecord) => Promise.resolve().then(() => put(this.#nodes, node));
	removeNode = async (id: NodeId) => Promise.resolve(this.#nodes.delete(id));
	nodes = async () => Promise.resolve(sorted(this.#nodes));

	putRemovals = async (removals: readonly RemovalRecord[]) => {
		for (const removal of removals) this.#removals.set(removal._id, removal);
		return Promise.resolve();
	};

	dropRemovals = async (ids: readonly string[]) => {
		for (const id of ids) this.#removals.delete(id);
		return Promise.resolve();
	};

	removalNodes = () => [...new Set([...this.#removals.values()].map(({node}) => node))];

	removals = async (node: NodeId, limit: number, after = '') =>
		Promise.resolve(
			sorted(this.#removals)
				.filter(removal => removal.node === node && removal._id > after)
				.slice(0, limit),
		);

	#smallOf = <K extends SmallKind>(kind: K): Map<string, SmallRecords[K]> => {
		const known = this.#small.get(kind) ?? new Map<string, SmallRecords[K]>();
		this.#small.set(kind, known);
		return known as Map<string, SmallRecords[K]>;
	};

	getSmall = async <K extends SmallKind>(kind: K, id: string) => Promise.resolve(this.#smallOf(kind).get(id));
	putSmall = async <K extends SmallKind>(kind: K, record: SmallRecords[K]) =>
		Promise.resolve().then(() => put(this.#smallOf(kind), record));
	removeSmall = async (kind: SmallKind, id: string) => Promise.resolve(this.#smallOf(kind).delete(id));
	allSmall = async <K extends SmallKind>(kind: K) => Promise.resolve(sorted(this.#smallOf(kind)));

	#listed = () => [...this.#files.values()].filter(({trashed}) => !trashed);

	totals = () => ({
		files: this.#listed().length,
		fileBytes: this.#listed().reduce((sum, file) => sum + file.sizeBytes, 0),
		chunks: this.#chunks.size,
		removals: this.#removals.size,
	});

	close = async () => Promise.resolve();
}
