import type {FileId, NodeId} from '../../source/protocol/ids.js';
import {wantedShards, type ChunkRecord} from '../core/model.js';
import type {CopiesLeft} from '../core/redundancy.js';
import type {PlacementGroup, ShardCounts} from '../ports/catalog.js';
import {CopyCounts, type GroupKey, groupKeyOf, hasShardsIn, numbersOf} from './catalog-copies.js';

/** How many chunks it has. */
type Group = readonly [GroupKey, number];

type OnNode = ShardCounts & {
	/** In the order in which nodes first had a shard. */
	number: number;
	bytes: number;
};

/** Where chunks are, as numbers: of each file's by their sound nodes, of all by their copies, and of each node's shards. */
export class Placements {
	/** How many chunks of a file there are in each group; a file with only one chunk has only that one's group here. */
	readonly #ofFile = new Map<FileId, GroupKey | Map<GroupKey, number>>();
	readonly #copies = new CopyCounts();
	/** Each node that ever had a shard. */
	readonly #onNode = new Map<NodeId, OnNode>();
	/** The same, each at its number. */
	readonly #nodes: NodeId[] = [];

	/** A chunk came (no `before`), changed, or went (no `after`). */
	change(before: ChunkRecord | undefined, after: ChunkRecord | undefined): void {
		if (before) this.#count(before, -1);
		if (after) this.#count(after, 1);
	}

	/**
	All chunks by how many of their copies are on nodes that count.

	@param filesOn - The files that have chunks on a node.
	*/
	copiesLeft(counts: (node: NodeId) => boolean, filesOn: (node: NodeId) => Iterable<FileId>): CopiesLeft {
		const turned = this.#nodes.flatMap((node, number) =>
			counts(node) === this.#copies.isCounted(number) ? [] : [{node, number}],
		);
		const groups = this.#groupsOn(turned, filesOn);
		if (groups) for (const [number, own] of groups) this.#copies.turn(number, own);
		else
			this.#copies.turnMany(
				turned.map(({number}) => number),
				this.#allKeys(),
			);
		return this.#copies.sums;
	}

	*groupsOf(file: FileId): Generator<PlacementGroup> {
		for (const [key, chunks] of this.#keysOf(file)) yield this.#groupOf(key, chunks);
	}

	shardCounts(node: NodeId): ShardCounts {
		const {sound = 0, missing = 0, corrupt = 0} = this.#onNode.get(node) ?? {};
		return {sound, missing, corrupt};
	}

	shardBytes(node: NodeId): number {
		return this.#onNode.get(node)?.bytes ?? 0;
	}

	#keysOf(file: FileId): Iterable<Group> {
		const known = this.#ofFile.get(file);
		if (known === undefined) return [];
		return typeof known === 'string' ? [[known, 1]] : known;
	}

	*#allKeys(): Generator<Group> {
		for (const file of this.#ofFile.keys()) yield* this.#keysOf(file);
	}

	/** The groups that each of these nodes is in; `undefined` where it is less work to look at all chunks. */
	#groupsOn(
		nodes: readonly {node: NodeId; number: number}[],
		filesOn: (node: NodeId) => Iterable<FileId>,
	): Map<number, Group[]> | undefined {
		const shards = nodes.reduce((sum, {node}) => sum + this.shardCounts(node).sound, 0);
		if (shards > this.#copies.size) return undefined;
		const found = new Map<number, Group[]>();
		let looks = 0;
		for (const {node, number} of nodes) {
			const own: Group[] = [];
			const isOwn = hasShardsIn(number);
			for (const file of filesOn(node)) {
				for (const group of this.#keysOf(file)) {
					looks++;
					if (isOwn(group[0])) own.push(group);
				}

				if (looks > this.#copies.size) return undefined;
			}

			found.set(number, own);
		}

		return found;
	}

	#groupOf(key: GroupKey, chunks: number): PlacementGroup {
		const [wanted = 0, ...numbers] = numbersOf(key);
		const nodes = numbers.flatMap(number => this.#nodes[number] ?? []).sort();
		return {wanted, nodes, chunks};
	}

	#entryOf(node: NodeId): OnNode {
		let entry = this.#onNode.get(node);
		if (entry === undefined) {
			entry = {number: this.#nodes.push(node) - 1, sound: 0, missing: 0, corrupt: 0, bytes: 0};
			this.#onNode.set(node, entry);
		}

		return entry;
	}

	#count({scheme, file, sizeBytes, shards}: ChunkRecord, by: 1 | -1): void {
		const soundOn: number[] = [];
		for (const {node, fault} of shards) {
			const entry = this.#entryOf(node);
			entry[fault?.kind ?? 'sound'] += by;
			entry.bytes += by * sizeBytes;
			if (!fault) soundOn.push(entry.number);
		}

		soundOn.sort((one, other) => one - other);
		const key = groupKeyOf(wantedShards(scheme), soundOn);
		this.#copies.change(key, by);
		this.#countInFile(file, key, by);
	}

	#countInFile(file: FileId, key: GroupKey, by: 1 | -1): void {
		const known = this.#ofFile.get(file);
		if (known === undefined) {
			this.#ofFile.set(file, key);
		} else if (typeof known !== 'string') {
			countIn(known, key, by);
			if (known.size === 0) this.#ofFile.delete(file);
		} else if (by === -1) {
			this.#ofFile.delete(file);
		} else {
			const counts = new Map([[known, 1]]);
			countIn(counts, key, 1);
			this.#ofFile.set(file, counts);
		}
	}
}

const countIn = (counts: Map<GroupKey, number>, key: GroupKey, by: 1 | -1): void => {
	const count = (counts.get(key) ?? 0) + by;
	if (count > 0) counts.set(key, count);
	else counts.delete(key);
};
