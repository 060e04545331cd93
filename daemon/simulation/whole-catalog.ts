import type {FileId, NodeId} from '../../source/protocol/ids.js';
import type {ChunkRecord, FileRecord, RemovalRecord} from '../core/model.js';
import type {Catalog} from '../ports/catalog.js';

const A_PAGE = 1000;

/** Puts all that a catalogue has into another, as a backup does. */
export const copyOfCatalog = async (from: Catalog, to: Catalog): Promise<Catalog> => {
	const files = await filesIn(from);
	const chunks = await chunksIn(from, files);
	for (const file of files) {
		const own = chunks.filter(chunk => chunk.file === file._id);
		await to.commitUpload(
			{...file, revision: 0},
			own.map(chunk => ({...chunk, revision: 0})),
		);
	}

	const known = new Set(files.map(({_id}) => _id));
	for (const chunk of chunks) if (!known.has(chunk.file)) await to.putChunk({...chunk, revision: 0});
	for (const node of await from.nodes()) await to.putNode({...node, revision: 0});
	await to.putRemovals(await removalsIn(from));
	return to;
};

/** All of them, in the trash or not. */
export const filesIn = async (catalog: Catalog): Promise<FileRecord[]> => {
	const files: FileRecord[] = [];
	for (let before: FileId | undefined; ;) {
		const page = await catalog.files({limit: A_PAGE, ...(before && {before})});
		files.push(...page);
		before = page.at(-1)?._id;
		if (page.length < A_PAGE) return [...files, ...(await catalog.oldestTrash(Infinity))];
	}
};

/** The chunks of these files, and those of none. */
export const chunksIn = async (catalog: Catalog, files: readonly FileRecord[]): Promise<ChunkRecord[]> => {
	const chunks: ChunkRecord[] = [];
	const ids = [...files.map(({_id}) => _id), ...(await catalog.filesWithoutRecord())];
	for (const id of ids) for await (const chunk of catalog.chunksOf(id)) chunks.push(chunk);
	return chunks;
};

export const removalsIn = async (catalog: Catalog): Promise<RemovalRecord[]> => {
	const removals: RemovalRecord[] = [];
	for (const id of catalog.removalNodes().sort()) {
		for (let after: string | undefined; ;) {
			const page = await catalog.removals(id, A_PAGE, after);
			removals.push(...page);
			after = page.at(-1)?._id;
			if (page.length < A_PAGE) break;
		}
	}

	return removals;
};

/** The removal of this id, where there is one. */
export const removalWith = async (catalog: Catalog, id: string): Promise<RemovalRecord | undefined> => {
	const node = id.slice(0, id.indexOf('/')) as NodeId;
	const [next] = await catalog.removals(node, 1, id.slice(0, -1));
	return next?._id === id ? next : undefined;
};

type Page = {files: FileRecord[]; chunks: ChunkRecord[]};

/** The files that are not in the trash, with their chunks, some at a time. */
export async function* filePages(catalog: Catalog, limit = A_PAGE): AsyncGenerator<Page> {
	for (let before: FileId | undefined; ;) {
		const files = await catalog.files({limit, ...(before && {before})});
		const chunks: ChunkRecord[] = [];
		for (const {_id} of files) for await (const chunk of catalog.chunksOf(_id)) chunks.push(chunk);
		yield {files, chunks};
		before = files.at(-1)?._id;
		if (files.length < limit) return;
	}
}
