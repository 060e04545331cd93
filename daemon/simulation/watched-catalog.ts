import type {NodeId} from '../../source/protocol/ids.js';
import type {ChunkRecord, RemovalRecord} from '../core/model.js';
import type {Catalog} from '../ports/catalog.js';
import {removalWith} from './whole-catalog.js';

/** Told of what changes, once it is durable. */
export type Watcher = {
	/** Without `before`, it came with its file. */
	onChunk: (before: ChunkRecord | undefined, after: ChunkRecord) => void;
	/** Chunks whose records are gone. */
	onChunksGone?: (chunks: readonly ChunkRecord[]) => Promise<void>;
	/** Removals that are forgotten. */
	onRemovalsGone?: (removals: readonly RemovalRecord[]) => Promise<void>;
	/** A node that is known no more. */
	onNodeGone?: (node: NodeId) => Promise<void>;
};

/** A catalogue that tells somebody of what changes in it. */
export const watched = (catalog: Catalog, {onChunk, onChunksGone, onRemovalsGone, onNodeGone}: Watcher): Catalog => ({
	...catalog,
	async commitUpload(file, chunks, unfinished) {
		await catalog.commitUpload(file, chunks, unfinished);
		for (const chunk of chunks) onChunk(undefined, chunk);
	},
	async putChunk(chunk) {
		const before = await catalog.getChunk(chunk._id);
		const after = await catalog.putChunk(chunk);
		onChunk(before, after);
		return after;
	},
	...(onChunksGone && {
		async removeChunks(ids) {
			const chunks = await Promise.all(ids.map(async id => catalog.getChunk(id)));
			await catalog.removeChunks(ids);
			await onChunksGone(chunks.filter(chunk => chunk !== undefined));
		},
	}),
	...(onRemovalsGone && {
		async dropRemovals(ids) {
			const removals = await Promise.all(ids.map(async id => removalWith(catalog, id)));
			await catalog.dropRemovals(ids);
			await onRemovalsGone(removals.filter(removal => removal !== undefined));
		},
	}),
	...(onNodeGone && {
		async removeNode(id) {
			const isRemoved = await catalog.removeNode(id);
			await onNodeGone(id);
			return isRemoved;
		},
	}),
});
