import {createHash} from 'node:crypto';
import type {FileId, NodeId} from '../../source/protocol/ids.js';
import type {DiskTruth, NetworkTruth, NodeOfShard, Stranger} from '../core/network-truth.js';
import type {NodeRecord} from '../core/model.js';
import type {Member} from './member.js';
import {chunksIn, filesIn, removalsIn} from './whole-catalog.js';
import type {World} from './world.js';

/** What a truth is told beside the world. */
export type Told = {
	acknowledged?: ReadonlyMap<FileId, number>;
	/** How long a shard is there before it can be an orphan. */
	oldMinutes: number;
	strangers?: readonly Stranger[];
	unwanted?: readonly NodeOfShard[];
	/** What is bad since before that moment its node has found, however long it was so before. */
	scrubbed?: {sinceMinute: number; withinMinutes: number};
};

const diskTruthOf = ({disk, isDead, isMute}: Member, nowMs: number, {oldMinutes, scrubbed}: Told): DiskTruth => ({
	isLost: isDead,
	isMute,
	state: digest => (disk.kept.has(digest) ? (disk.isRight(digest) ? 'right' : 'wrong') : undefined),
	digests: () => disk.kept.keys(),
	taken: disk.taken,
	isOld: digest => disk.sinceMinute(digest) < nowMs / 60_000 - oldMinutes,
	isOverdue(digest) {
		const since = disk.badSinceMinute(digest);
		if (!scrubbed || since === undefined) return false;
		return nowMs / 60_000 > Math.max(since, scrubbed.sinceMinute) + scrubbed.withinMinutes;
	},
});

/** A node's record with the room that its disk has now: the stored one is behind in that. */
const withRoom = (node: NodeRecord, member: Member | undefined): NodeRecord =>
	member ? {...node, freeBytes: Math.max(0, member.disk.allocatedBytes() - member.disk.usedBytes())} : node;

/** All there is to know of a world, at this moment. */
export const truthOf = async (world: World, told: Told): Promise<NetworkTruth> => {
	const {acknowledged = new Map<FileId, number>(), strangers = [], unwanted = []} = told;
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
		unwanted,
		removals: await removalsIn(catalog),
		disks: new Map<NodeId, DiskTruth>(
			[...members].map(([id, member]) => [id, diskTruthOf(member, time.nowMs(), told)]),
		),
		acknowledged,
	};
};

/** Whoever looked at a shard writes down what it saw within so long. */
const SEEN_AFTER_MINUTES = 3;

/** What the disks have, without a copy of it. */
export const lightTruthOf = ({
	members,
	wallMs,
	time,
}: World): Omit<NetworkTruth, 'files' | 'chunks' | 'acknowledged'> => ({
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
				isSeenBad(digest) {
					const since = disk.badSinceMinute(digest);
					return since !== undefined && since + SEEN_AFTER_MINUTES < time.nowMs() / 60_000;
				},
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
