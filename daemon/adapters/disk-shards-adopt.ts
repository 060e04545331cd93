import {createHash} from 'node:crypto';
import {join} from 'node:path';
import {type Digest, parseDigest} from '../../source/protocol/ids.js';
import {type ClassicAliases, isLegalChunkId} from './disk-shards-aliases.js';
import {type DiskFiles, isMissing, syncFolder} from './disk-shards-files.js';
import type {ClassicMetadata} from './disk-shards-metadata.js';

export type Adoption = {adopted: number; missing: number; refused: number};

const AT_ONCE = 8;
const PIECE_BYTES = 256 * 1024;

const fileOf = (chunksPath: string, name: string) => join(chunksPath, `${name}.chunk`);

const isThere = async (files: DiskFiles, path: string): Promise<boolean> => {
	try {
		return (await files.stat(path)).isFile();
	} catch (error) {
		if (isMissing(error)) return false;
		throw error;
	}
};

const hashFile = async (files: DiskFiles, path: string): Promise<Digest> => {
	const hash = createHash('sha256');
	const file = await files.open(path, 'r');
	try {
		const buffer = Buffer.allocUnsafe(PIECE_BYTES);
		for (let position = 0; ;) {
			const bytesRead = await file.read(buffer, 0, buffer.length, position);
			if (bytesRead === 0) return hash.digest('hex') as Digest;
			hash.update(buffer.subarray(0, bytesRead));
			position += bytesRead;
		}
	} finally {
		file.close();
	}
};

/**
Takes over a folder of the prototype's node: each `chunks/<id>.chunk` becomes the shard that its checksum names, and its
id an alias of that. The alias is there before the file is renamed, so that this can be ended anywhere and done again. The
checksums are believed here; a shard is hashed whenever it is asked for by its id.
*/
export const adoptClassicChunks = async (
	files: DiskFiles,
	chunksPath: string,
	aliases: ClassicAliases,
	{checksums}: ClassicMetadata,
): Promise<Adoption> => {
	const adoption: Adoption = {adopted: 0, missing: 0, refused: 0};

	const adopt = async (id: string, checksum: unknown): Promise<keyof Adoption> => {
		if (!isLegalChunkId(id)) return 'refused';
		const source = fileOf(chunksPath, id);
		if (!(await isThere(files, source))) {
			const alias = await aliases.get(id);
			return alias && (await isThere(files, fileOf(chunksPath, alias))) ? 'adopted' : 'missing';
		}

		const digest = parseDigest(checksum) ?? (await hashFile(files, source));
		if (digest === id) return 'adopted';
		const target = fileOf(chunksPath, digest);
		// Where another chunk had the same bytes, a broken copy must not take the place of a sound one.
		if ((await isThere(files, target)) && (await hashFile(files, source)) !== digest) return 'refused';
		await aliases.set(id, digest);
		files.rename(source, target);
		return 'adopted';
	};

	// The chunks are handed out one by one to a few that work on them; of two with the same bytes both may be renamed.
	const rest = checksums.entries();
	const work = async () => {
		for (const [id, checksum] of rest) adoption[await adopt(id, checksum)]++;
	};

	await Promise.all(Array.from({length: AT_ONCE}, work));
	await syncFolder(files, chunksPath);
	return adoption;
};
