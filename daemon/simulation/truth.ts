import {createHash} from 'node:crypto';
import type {FileId, NodeId} from '../../source/protocol/ids.js';
import type {DiskTruth, NetworkTruth, Stranger} from '../core/check.js';
import type {ChunkRecord, FileRecord, NodeRecord, RemovalRecord} from '../core/model.js';
import type {Catalog} from '../ports/catalog.js';
import type {Member} from './member.js';
import type {World} from './world.js';

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

/** @param oldMinutes - How long a shard is there before it can be an orphan. */
const diskTruthOf = ({disk, isDead, isMute}: Member, nowMs: number, oldMinutes: number): DiskTruth => ({
	isLost: isDead,
	isMute,
	state: digest => (disk.kept.has(digest) ? (disk.isRight(digest) ? 'right' : 'wrong') : undefined),
	digests: () => disk.kept.keys(),
	taken: disk.taken,
	isOld: digest => disk.sinceMinute(digest) < nowMs / 60_000 - oldMinutes,
});

/** A node's record with the room that its disk has now: the stored one is behind in that. */
const withRoom = (node: NodeRecord, member: Member | undefined): NodeRecord =>
	member ? {...node, freeBytes: Math.max(0, member.disk.allocatedBytes() - member.disk.usedBytes())} : node;

/** All there is to know of a world, at this moment. */
export const truthOf = async (
	world: World,
	acknowledged: ReadonlyMap<FileId, number>,
	oldMinutes: number,
	strangers: readonly Stranger[] = [],
): Promise<NetworkTruth> => {
	const {catalog, members, time, wallMs} = world;
	const files = await filesIn(catalog);
	const nodes = await catalog.nodes();
	return {
		now: wallMs(),
		files: new Map(files.map(file => [file._id, file])),
		chunks: await chunksIn(catalog, files),
		nodes: new Map(nodes.map(node => [node._id, withRoom(node, members.get(node._id))])),
		restoredAt: world.restoredAt(),
		strangers,
		removals: await removalsIn(catalog),
		disks: new Map<NodeId, DiskTruth>(
			[...members].map(([id, member]) => [id, diskTruthOf(member, time.nowMs(), oldMinutes)]),
		),
		acknowledged,
	};
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

/** What the disks have, without a copy of it. */
export const lightTruthOf = ({members, wallMs}: World): Omit<NetworkTruth, 'files' | 'chunks' | 'acknowledged'> => ({
	now: wallMs(),
	nodes: new Map(),
	removals: [],
	restoredAt: undefined,
	strangers: [],
	disks: new Map(
		[...members].map(([id, {disk, isDead}]): [NodeId, DiskTruth] => [
			id,
			{
				isLost: isDead,
				state: digest => (disk.kept.has(digest) ? (disk.isRight(digest) ? 'right' : 'wrong') : undefined),
				digests: () => disk.kept.keys(),
				taken: disk.taken,
				isOld: () => false,
			},
		]),
	),
});

/** One number for a whole world: its catalogue, its disks and its time. */
export const digestOfWorld = async (world: World): Promise<string> => {
	const {catalog, members, time} = world;
	const hash = createHash('sha256');
	const add = (value: unknown) => hash.update(JSON.stringify(value)).update('\n');
	for (const file of await filesIn(catalog)) {
		add(file);
		for await (const chunk of catalog.chunksOf(file._id)) add(chunk);
	}

	for (const id of await catalog.filesWithoutRecord()) for await (const chunk of catalog.chunksOf(id)) add(chunk);
	for (const node of await catalog.nodes()) add(node);
	for (const removal of await removalsIn(catalog)) add(removal);
	for (const {id, disk, isDead} of members.values()) {
		add([id, isDead, [...disk.kept.keys()].sort().map(digest => [digest, disk.isRight(digest)])]);
	}

	add([time.nowMs(), time.events()]);
	return hash.digest('hex').slice(0, 16);
};
