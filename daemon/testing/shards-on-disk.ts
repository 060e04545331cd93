import {createHash} from 'node:crypto';
import {closeSync, openSync, readdirSync, readFileSync, readSync, statSync} from 'node:fs';
import path from 'node:path';
import {
	MOST_PACKED_SHARDS,
	packHeadBytes,
	type PackName,
	parsePackHead,
	parsePackName,
	placedInPack,
} from '../core/shard-pack.js';

/** Where a shard's bytes stand in a node's folder. */
export type ShardPlace = {digest: string; path: string; offset: number; sizeBytes: number};

const inPack = (file: string, {id, removed}: PackName): ShardPlace[] => {
	const descriptor = openSync(file, 'r');
	try {
		const head = Buffer.alloc(packHeadBytes(MOST_PACKED_SHARDS));
		const shards = parsePackHead(id, head.subarray(0, readSync(descriptor, head))) ?? [];
		const kept = placedInPack(shards).filter((_, place) => !removed.has(place));
		return kept.map(shard => ({...shard, path: file}));
	} finally {
		closeSync(descriptor);
	}
};

/** What is there, or nothing where it went away meanwhile. */
const ifThere = <T>(look: () => T): T | undefined => {
	try {
		return look();
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
		throw error;
	}
};

/** All shards in a node's folder, whether they have files of their own or share one. */
export const shardPlacesIn = (folder: string): ShardPlace[] => {
	const chunks = path.join(folder, 'chunks');
	return readdirSync(chunks).flatMap(name => {
		const file = path.join(chunks, name);
		const pack = parsePackName(name);
		if (pack) return ifThere(() => inPack(file, pack)) ?? [];
		if (!name.endsWith('.chunk')) return [];
		const sizeBytes = ifThere(() => statSync(file).size);
		return sizeBytes === undefined ? [] : [{digest: path.basename(name, '.chunk'), path: file, offset: 0, sizeBytes}];
	});
};

/** The digests of the shards that a node keeps, in order. */
export const digestsIn = (folder: string): string[] =>
	shardPlacesIn(folder)
		.map(({digest}) => digest)
		.sort();

/** Whether the bytes that stand there are those of the shard. */
export const isRightAt = (place: ShardPlace): boolean => {
	const bytes = ifThere(() => readFileSync(place.path))?.subarray(place.offset, place.offset + place.sizeBytes);
	return bytes !== undefined && createHash('sha256').update(bytes).digest('hex') === place.digest;
};
