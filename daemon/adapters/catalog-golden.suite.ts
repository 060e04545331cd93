import type {Catalog} from '../ports/catalog.js';
import {chunkIdOfFile, chunkOf, fileIdOf, fileOf, nodeOf, removalAt} from '../ports/catalog-samples.suite.js';

/** The golden files were made with this, one write after the other. */
export const writeGolden = async (catalog: Catalog): Promise<void> => {
	await catalog.putNode(nodeOf(1, {kind: 'classic', classicId: 'node-1', name: 'Ada\u2019s cellar'}));
	const file = fileOf(1, {name: 'Fr\u00fchling\u2028 \u0085 \u2029 "1".txt', chunkCount: 2});
	await catalog.commitUpload(file, [chunkOf(1, 0), chunkOf(1, 1)]);
	const chunk = chunkOf(1, 1, [1, 2, 4], {revision: 1});
	const shards = chunk.shards.map((shard, at) =>
		at === 1 ? {...shard, fault: {kind: 'missing', at: 5} as const} : shard,
	);
	await catalog.putChunk({...chunk, shards});
	await catalog.putRemovals([removalAt(1, 7, 100), removalAt(2, 7, 200)]);
	await catalog.dropRemovals([removalAt(1, 7)._id]);
	await catalog.putChunk(chunkOf(2, 0));
	await catalog.removeChunks([chunkIdOfFile(2, 0)]);
	await catalog.putFile(fileOf(3));
	await catalog.removeFile(fileIdOf(3));
};
