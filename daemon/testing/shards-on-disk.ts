import {createHash} from 'node:crypto';
import {readdirSync, readFileSync, statSync} from 'node:fs';
import path from 'node:path';
import {MOST_HEAD_BYTES, type PackName, parsePackName, placedInPack, readPackParts} from '../core/shard-pack.js';

/** Where a shard's bytes stand in a node's folder. */
export type ShardPlace = {digest: string; path: string; offset: number; sizeBytes: number};

const inPack = (file: string, {id, removed}: PackName): ShardPlace[] => {
	const bytes = readFileSync(file);
	const reader = readPackParts(id);
	let step = reader.next();
	while (!step.done) step = reader.next(bytes.subarray(step.value, step.value + MOST_HEAD_BYTES));
	const kept = placedInPack(step.value.parts)
		.flat()
		.filter((_, place) => !removed.has(place));
	return kept.map(shard => ({...shard, path: file}));
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
