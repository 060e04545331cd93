import type {Catalog} from '../ports/catalog.js';
import {chunkIdOfFile, chunkOf, fileIdOf, fileOf, nodeOf, removalAt, uploadOf} from '../ports/catalog-samples.suite.js';

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

/** Uploads that can be gone on with: one that has a short last chunk, one of unknown length that is sealed, one that is whole. */
export const writeGoldenUploads = async (catalog: Catalog): Promise<void> => {
	const begun = await catalog.putSmall('upload', uploadOf(1, {owner: 'ada', sizeBytes: 1200, visibility: 'private'}));
	const tail = {sizeBytes: 500, wrappedKey: 'dGFpbA'};
	await catalog.advanceUpload({...begun, offsetBytes: 500, changedAt: begun.changedAt + 1, tail}, [chunkOf(1, 0)]);
	const e2e = {version: 1, details: 'c2VhbGVk'} as const;
	await catalog.putSmall('upload', uploadOf(2, {e2e, name: 'sealed', type: 'application/octet-stream'}));
	const whole = await catalog.putSmall('upload', uploadOf(3, {sizeBytes: 0}));
	await catalog.commitUpload(fileOf(3, {sizeBytes: 0, chunkCount: 0}), [], whole);
};
