import {createHash} from 'node:crypto';
import type {ChunkRecord, FileRecord, UploadRecord} from '../../core/model.js';
import type {Catalog} from '../../ports/catalog.js';

/** The file that an upload becomes, and how many copies that of its chunks has which has fewest. */
export const finishedFile = async (
	catalog: Pick<Catalog, 'chunksOf'>,
	upload: UploadRecord,
	/** Those that the catalogue doesn't know yet, or knows shorter. */
	lastChunks: readonly ChunkRecord[],
	now: number,
): Promise<{file: FileRecord; lowestCopies: number}> => {
	const {_id, name, type, e2e, owner, visibility, wrappedKey, offsetBytes} = upload;
	const sums = createHash('sha256');
	let [chunkCount, lowestCopies] = [0, Infinity];
	const add = ({sha256 = '', shards, sizeBytes}: ChunkRecord) => {
		// One without bytes only says that this is the end.
		if (sizeBytes > 0) sums.update(Buffer.from(sha256, 'base64url'));
		lowestCopies = Math.min(lowestCopies, shards.length);
		chunkCount++;
	};

	const firstNew = lastChunks[0]?.index ?? Infinity;
	for await (const chunk of catalog.chunksOf(_id)) if (chunk.index < firstNew) add(chunk);
	for (const chunk of lastChunks) add(chunk);
	const file: FileRecord = {
		_id,
		name,
		type,
		sizeBytes: offsetBytes,
		chunkCount,
		wrappedKey,
		...(e2e && {e2e}),
		chunksSha256: sums.digest('hex'),
		uploadedAt: now,
		...(owner !== undefined && {owner}),
		...(visibility && {visibility}),
		revision: 0,
	};
	return {file, lowestCopies};
};
