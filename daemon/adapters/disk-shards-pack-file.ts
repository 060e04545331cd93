import {createHash} from 'node:crypto';
import {constants} from 'node:fs';
import {join} from 'node:path';
import type {Digest} from '../../source/protocol/ids.js';
import {type BatchedShard, batchBytes} from '../core/shard-batch.js';
import {
	MOST_HEAD_BYTES,
	MOST_PACK_BYTES,
	MOST_PACKED_SHARDS,
	PACK_ID_BYTES,
	packBytes,
	packHead,
	packName,
	type PackName,
	type PackedShard,
	type PackParts,
	parsePackName,
	placedInPack,
	readPackParts,
} from '../core/shard-pack.js';
import type {Random} from '../ports/clock.js';
import type {DiskFile} from './disk-shards-file.js';
import {codeOf, type DiskFiles, type FolderSync, readFully, writeFlushed} from './disk-shards-files.js';
import type {TemporaryFiles} from './disk-shards-temporary.js';

/** A shard that is to be kept with others. */
export type Arrived = {digest: Digest; bytes: Uint8Array};

/** What a pack has in it, also what was removed from it. */
export type PackContent = {
	parts: PackParts;
	/** The sum of the last part. */
	sum: string;
};

export type Pack = PackContent & {
	id: string;
	/** Its file's name at present. */
	name: string;
	/** How long that file is at least. */
	sizeBytes: number;
	shards: readonly PackedShard[];
	/** The places of those that were removed, or are not whole. */
	removed: ReadonlySet<number>;
};

const sizedOf = (arrived: readonly Arrived[]): BatchedShard[] =>
	arrived.map(({digest, bytes}) => ({digest, sizeBytes: bytes.length}));

const packOf = ({id, removed}: PackName, content: PackContent): Pack => ({
	...content,
	id,
	name: packName({id, removed}),
	sizeBytes: packBytes(content.parts),
	shards: placedInPack(content.parts).flat(),
	removed,
});

/** What is in it still. */
export const keptIn = ({shards, removed}: Pack): PackedShard[] => shards.filter((_, place) => !removed.has(place));

export const findIn = ({shards, removed}: Pack, digest: Digest): PackedShard | undefined =>
	shards.find((shard, place) => shard.digest === digest && !removed.has(place));

/** What is removed of it where these are as well. */
export const withRemoved = ({shards, removed}: Pack, more: readonly PackedShard[]): ReadonlySet<number> =>
	new Set([...removed, ...more.map(shard => shards.indexOf(shard))]);

/** Whether a part with these still fits in. */
export const hasRoomFor = (pack: Pack, arrived: readonly Arrived[]): boolean =>
	pack.shards.length + arrived.length <= MOST_PACKED_SHARDS &&
	pack.sizeBytes + packBytes([sizedOf(arrived)]) <= MOST_PACK_BYTES;

type FileOptions = {files: DiskFiles; path: string};

type NewOptions = {
	path: string;
	temporary: TemporaryFiles;
	folder: Pick<FolderSync, 'sync'>;
	random: Random;
};

/** Keeps shards in a new pack, durably. */
export const writePack = async (
	arrived: readonly Arrived[],
	{path, temporary, folder, random}: NewOptions,
): Promise<Pack> => {
	const id = Buffer.from(random.bytes(PACK_ID_BYTES)).toString('hex');
	const {sum, head} = packHead(sizedOf(arrived), id);
	const pack = packOf({id, removed: new Set()}, {parts: [sizedOf(arrived)], sum});
	const written = await temporary.writePieces([head, ...arrived.map(({bytes}) => bytes)]);
	await temporary.putInPlace(written, join(path, pack.name), folder);
	return pack;
};

/** Adds shards to a pack, durably. Where that fails, nothing more may be added: the disk may have kept some of it. */
export const addToPack = async (pack: Pack, arrived: readonly Arrived[], {files, path}: FileOptions): Promise<void> => {
	const {sum, head} = packHead(sizedOf(arrived), pack.sum);
	const pieces = [head, ...arrived.map(({bytes}) => bytes)];
	await writeFlushed(files, join(path, pack.name), constants.O_WRONLY, {pieces, at: pack.sizeBytes});
	const parts = [...pack.parts, sizedOf(arrived)];
	Object.assign(pack, {parts, sum, sizeBytes: packBytes(parts), shards: placedInPack(parts).flat()});
};

const readParts = async (file: DiskFile, id: string): Promise<PackContent> => {
	const reader = readPackParts(id);
	for (let step = reader.next(); ;) {
		if (step.done) return step.value;
		step = reader.next(await readFully(file, Buffer.alloc(MOST_HEAD_BYTES), step.value));
	}
};

/** @throws {Error} where the file is shorter than it was */
const readShard = async (file: DiskFile, {sizeBytes, offset}: PackedShard): Promise<Uint8Array> => {
	const bytes = await readFully(file, Buffer.allocUnsafeSlow(sizeBytes), offset);
	if (bytes.length < sizeBytes) throw new Error('The pack is shorter than it was');
	return bytes;
};

/** Whether the disk gives other bytes. Where it gives none, nothing is said of them. */
const isWrong = async (file: DiskFile, shard: PackedShard): Promise<boolean> => {
	try {
		const bytes = await readShard(file, shard);
		return createHash('sha256').update(bytes).digest('hex') !== shard.digest;
	} catch (error) {
		if (codeOf(error) === undefined) throw error;
		return false;
	}
};

/** Those of a pack that are not whole: what goes beyond its end, and what was not kept of the last part that was added. */
const findTorn = async (file: DiskFile, pack: Pack): Promise<PackedShard[]> => {
	const added = pack.parts.length > 1 ? (pack.parts.at(-1)?.length ?? 0) : 0;
	const firstAdded = pack.shards.length - added;
	const torn: PackedShard[] = [];
	for (const [place, shard] of pack.shards.entries()) {
		if (pack.removed.has(place)) continue;
		const isBeyond = shard.offset + shard.sizeBytes > pack.sizeBytes;
		if (isBeyond || (place >= firstAdded && (await isWrong(file, shard)))) torn.push(shard);
	}

	return torn;
};

export type FoundPack = {
	pack: Pack;
	/** Its shards that are not whole. */
	torn: readonly PackedShard[];
	/** What stands behind its last part. */
	strangeBytes: number;
};

/**
Looks at the pack of this name.

@param known - What is known of it: it is right where the file is as long as that says, and then need not be read.
@returns `undefined` where that is no pack.
*/
export const lookAtPack = async (
	name: string,
	known: PackContent | undefined,
	{files, path}: FileOptions,
): Promise<FoundPack | undefined> => {
	const parsed = parsePackName(name);
	if (!parsed) return undefined;
	const {size: sizeBytes} = await files.stat(join(path, name));
	if (known && packBytes(known.parts) === sizeBytes) return {pack: packOf(parsed, known), torn: [], strangeBytes: 0};
	const file = await files.open(join(path, name), 'r');
	try {
		const content = await readParts(file, parsed.id);
		if (content.parts.length === 0) return undefined;
		const pack = {...packOf(parsed, content), sizeBytes};
		const strangeBytes = Math.max(0, sizeBytes - packBytes(content.parts));
		return {pack, torn: await findTorn(file, pack), strangeBytes};
	} finally {
		file.close();
	}
};

/** The bytes of these of a pack's shards. */
export const readFromPack = async (
	pack: Pack,
	shards: readonly PackedShard[],
	{files, path}: FileOptions,
): Promise<Arrived[]> => {
	const file = await files.open(join(path, pack.name), 'r');
	try {
		const arrived: Arrived[] = [];
		for (const shard of shards) arrived.push({digest: shard.digest, bytes: await readShard(file, shard)});
		return arrived;
	} finally {
		file.close();
	}
};

/** Whether these, which are left of a pack, are less than half of it. */
export const isMostlyGone = (pack: Pack, left: readonly PackedShard[]): boolean =>
	2 * batchBytes(left) < pack.sizeBytes;
