import {join} from 'node:path';
import {type Digest, parseDigest} from '../../source/protocol/ids.js';
import {parsePackName} from '../core/shard-pack.js';
import type {DiskFiles} from './disk-shards-files.js';

/** A file of `chunks/`: one with a digest is a shard. */
export type Scanned = {digest: Digest | undefined; sizeBytes: number};

const STATS_AT_ONCE = 32;
const SUFFIX = '.chunk';

export const fileNameOf = (digest: Digest): string => digest + SUFFIX;

const digestIn = (name: string): Digest | undefined =>
	name.endsWith(SUFFIX) ? parseDigest(name.slice(0, -SUFFIX.length)) : undefined;

/**
Tells of every file that is there, in no order, but for packs. Those whose sizes are known are not looked at.

@returns The names of the packs.
*/
export const scanChunks = async (
	files: DiskFiles,
	path: string,
	knownSizes: ReadonlyMap<string, number>,
	tell: (scanned: Scanned) => void,
): Promise<string[]> => {
	// In order, since what is told in order is put in order fastest.
	const names = (await files.readdir(path)).sort();
	const unknown: string[] = [];
	const packs: string[] = [];
	for (const name of names) {
		if (parsePackName(name)) {
			packs.push(name);
			continue;
		}

		const digest = digestIn(name);
		const sizeBytes = digest && knownSizes.get(digest);
		if (sizeBytes === undefined) unknown.push(name);
		else tell({digest, sizeBytes});
	}

	// The names are handed out one by one to a few that look.
	const rest = unknown.values();
	const look = async () => {
		for (const name of rest) {
			const stats = await files.stat(join(path, name));
			tell({digest: stats.isFile() ? digestIn(name) : undefined, sizeBytes: stats.size});
		}
	};

	await Promise.all(Array.from({length: STATS_AT_ONCE}, look));
	return packs;
};
