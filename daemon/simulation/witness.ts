import type {Digest, NodeId} from '../../source/protocol/ids.js';
import {
	type ChangeBreach,
	checkChange,
	checkChunkRemoved,
	checkCopy,
	checkForgotten,
	checkRemovalDropped,
	checkRemoved,
} from '../core/check-changes.js';
import {type ChunkRecord, removalIdOf} from '../core/model.js';
import type {NodeOfShard} from '../core/network-truth.js';
import type {Catalog} from '../ports/catalog.js';
import {isReachable} from './member.js';
import {lightTruthOf} from './truth.js';
import {watched} from './watched-catalog.js';
import {removalWith} from './whole-catalog.js';
import type {Arrival, World} from './world.js';

/** Sees each change of the catalogue and each shard that comes to a node, and says what breaks with it. */
export type Witness = {
	watch: (catalog: Catalog) => Catalog;
	/** A shard came to a node. */
	noteArrival: (arrival: Arrival) => void;
	/** A shard was removed from a node. */
	noteRemoval: (removal: Arrival) => void;
	/**
	Shards that no chunk ever counted on although the process that had them put still runs, and they are there for some time:
	those of failed uploads.
	*/
	unwanted: () => NodeOfShard[];
};

type Options = {
	world: () => World;
	minReplicas: number;
	onBreaches: (breaches: readonly ChangeBreach[]) => void;
	/** Told of each copy that healing makes, as it comes. */
	onCopy: () => void;
};

/** An upload is over by then, or counts on what it has put. */
const UNWANTED_AFTER_MS = 2 * 3_600_000;
/** A node that leaves is waited for so long, to remove what it has; a clock that is set may shorten that. */
const LEAVING_AWAITED_MS = 24 * 3_600_000;

export const createWitness = ({world, minReplicas, onBreaches, onCopy}: Options): Witness => {
	const counted = new Set<Digest>();
	const arrived = new Map<string, NodeOfShard & {atMs: number; boot: number}>();
	/** Who left once, and has what it had before it joined anew. */
	const left = new Set<NodeId>();

	const say = (breaches: readonly ChangeBreach[]) => {
		if (breaches.length > 0) onBreaches(breaches);
	};

	const isNoted = async (shard: NodeOfShard): Promise<boolean> => {
		const removal = await removalWith(world().catalog, removalIdOf(shard.node, shard.digest));
		return removal !== undefined;
	};

	const noteChunk = (before: ChunkRecord | undefined, after: ChunkRecord) => {
		for (const {digest} of after.shards) counted.add(digest);
		say(checkChange(before, after, lightTruthOf(world()), minReplicas));
	};

	const noteGone = async (chunks: readonly ChunkRecord[]) => {
		for (const chunk of chunks) {
			const noted = new Set<string>();
			for (const {node, digest} of chunk.shards)
				if (await isNoted({node, digest})) noted.add(removalIdOf(node, digest));
			const isIn = ({node, digest}: NodeOfShard) => noted.has(removalIdOf(node, digest)) || left.has(node);
			say(checkChunkRemoved(chunk, lightTruthOf(world()), isIn));
		}
	};

	const noteDropped = async (removal: Awaited<ReturnType<typeof removalWith>>) => {
		if (!removal || (await isNoted(removal))) return;
		const {catalog, members, coordinator, time, wallMs, silentSince, jumpedMs} = world();
		const {node, digest} = removal;
		const member = members.get(node);
		if (member?.late.has(digest)) return;
		const record = await catalog.getNode(node);
		const isAway = !member || !isReachable(member) || !coordinator()?.fleet.isOnline(node);
		const awayMs = isAway ? time.nowMs() - (silentSince(node) ?? Infinity) : 0;
		const awaitedMs = Math.abs(wallMs() - (record?.drain?.awaitedSince ?? wallMs()));
		const isOver = Math.max(awayMs, awaitedMs) + jumpedMs() >= LEAVING_AWAITED_MS;
		const isGivenUp = isOver || record?.bannedAt !== undefined;
		const isLeft: Parameters<typeof checkRemovalDropped>[3] = ({reason}) =>
			left.has(node) || (record?.drain?.leaves === true && (reason === 'orphan' || isGivenUp));
		say(checkRemovalDropped(removal, lightTruthOf(world()), await catalog.chunkWith(digest), isLeft));
	};

	const noteForgotten = async (node: NodeId) => {
		left.add(node);
		const {catalog} = world();
		const chunks: ChunkRecord[] = [];
		for await (const chunk of catalog.chunksOn(node)) if (catalog.hasRecord(chunk.file)) chunks.push(chunk);
		say(checkForgotten(node, chunks));
	};

	const look = async ({node, digest}: NodeOfShard) => {
		const chunk = await world().catalog.chunkWith(digest);
		if (!chunk) return;
		onCopy();
		say(checkCopy({node, digest}, chunk, await isNoted({node, digest})));
	};

	const lookRemoved = async (shard: NodeOfShard) => {
		const {catalog} = world();
		const chunk = await catalog.chunkWith(shard.digest);
		say(checkRemoved(shard, chunk && catalog.hasRecord(chunk.file) ? chunk : undefined));
	};

	return {
		watch: catalog =>
			watched(catalog, {
				onChunk: noteChunk,
				onChunksGone: noteGone,
				onRemovalsGone: async removals => {
					for (const removal of removals) await noteDropped(removal);
				},
				onNodeGone: noteForgotten,
			}),
		noteArrival({member, digest, isGivenUp, boot}) {
			if (isGivenUp) return;
			const shard = {node: member.id, digest};
			arrived.set(removalIdOf(member.id, digest), {...shard, atMs: world().time.nowMs(), boot});
			void look(shard);
		},
		noteRemoval({member, digest, isGivenUp}) {
			if (!isGivenUp) void lookRemoved({node: member.id, digest});
		},
		unwanted() {
			const {time, boots} = world();
			const since = time.nowMs() - UNWANTED_AFTER_MS;
			return [...arrived.values()].filter(
				({node, digest, atMs, boot}) => boot === boots() && atMs <= since && !counted.has(digest) && !left.has(node),
			);
		},
	};
};
