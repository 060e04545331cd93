import type {FileId, NodeId} from '../../source/protocol/ids.js';
import {soundShards, wantedShards, type ChunkRecord} from '../core/model.js';
import type {PlacementGroup, ShardCounts} from '../ports/catalog.js';

/**
How many shards a group's chunks want, and its nodes' numbers in order, a character each: the groups of a large network are
nearly as many as its chunks, and as objects they would take more memory than all else that is known of those.
*/
type GroupKey = string & {readonly groupKey: unique symbol};

/** Two halves of a pair of characters would make one number of two. */
const FIRST_HALF = 0xd8_00;
const HALVES = 0x8_00;

const characterOf = (number: number): string => String.fromCodePoint(number < FIRST_HALF ? number : number + HALVES);

const numberOf = (character: string): number => {
	const code = character.codePointAt(0) ?? 0;
	return code < FIRST_HALF ? code : code - HALVES;
};

/** Where chunks are, as numbers: of all chunks and of each file's by their sound nodes, and of each node's shards. */
export class Placements {
	/** How many chunks there are in each group. */
	readonly #groups = new Map<GroupKey, number>();
	/** The same for each file; a file with only one chunk has only that one's group here. */
	readonly #ofFile = new Map<FileId, GroupKey | Map<GroupKey, number>>();
	readonly #onNode = new Map<NodeId, ShardCounts>();
	readonly #bytesOnNode = new Map<NodeId, number>();
	/** Each node that ever had a shard, at its number. */
	readonly #nodes: NodeId[] = [];
	readonly #numbers = new Map<NodeId, number>();

	/** A chunk came (no `before`), changed, or went (no `after`). */
	change(before: ChunkRecord | undefined, after: ChunkRecord | undefined): void {
		if (before) this.#count(before, -1);
		if (after) this.#count(after, 1);
	}

	*groups(): Generator<PlacementGroup> {
		for (const [key, chunks] of this.#groups) yield this.#groupOf(key, chunks);
	}

	*groupsOf(file: FileId): Generator<PlacementGroup> {
		for (const [key, chunks] of this.#keysOf(file)) yield this.#groupOf(key, chunks);
	}

	shardCounts(node: NodeId): ShardCounts {
		return {sound: 0, missing: 0, corrupt: 0, ...this.#onNode.get(node)};
	}

	shardBytes(node: NodeId): number {
		return this.#bytesOnNode.get(node) ?? 0;
	}

	#keysOf(file: FileId): Iterable<[GroupKey, number]> {
		const known = this.#ofFile.get(file);
		if (known === undefined) return [];
		return typeof known === 'string' ? [[known, 1]] : known;
	}

	#groupOf(key: GroupKey, chunks: number): PlacementGroup {
		const [wanted = 0, ...numbers] = Array.from(key, numberOf);
		const nodes = numbers.flatMap(number => this.#nodes[number] ?? []).sort();
		return {wanted, nodes, chunks};
	}

	#numberOf(node: NodeId): number {
		let number = this.#numbers.get(node);
		if (number === undefined) {
			number = this.#nodes.push(node) - 1;
			this.#numbers.set(node, number);
		}

		return number;
	}

	#keyOf(chunk: ChunkRecord): GroupKey {
		const numbers = soundShards(chunk).map(({node}) => this.#numberOf(node));
		numbers.sort((one, other) => one - other);
		return [wantedShards(chunk.scheme), ...numbers].map(characterOf).join('') as GroupKey;
	}

	#count(chunk: ChunkRecord, by: 1 | -1): void {
		const key = this.#keyOf(chunk);
		countIn(this.#groups, key, by);
		this.#countInFile(chunk.file, key, by);
		for (const {node, fault} of chunk.shards) {
			this.#countOnNode(node, fault?.kind ?? 'sound', by);
			const bytes = this.shardBytes(node) + by * chunk.sizeBytes;
			if (bytes > 0) this.#bytesOnNode.set(node, bytes);
			else this.#bytesOnNode.delete(node);
		}
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

	#countOnNode(node: NodeId, state: keyof ShardCounts, by: 1 | -1): void {
		let counts = this.#onNode.get(node);
		if (!counts) this.#onNode.set(node, (counts = this.shardCounts(node)));
		counts[state] += by;
		if (counts.sound + counts.missing + counts.corrupt === 0) this.#onNode.delete(node);
	}
}

const countIn = (counts: Map<GroupKey, number>, key: GroupKey, by: 1 | -1): void => {
	const count = (counts.get(key) ?? 0) + by;
	if (count > 0) counts.set(key, count);
	else counts.delete(key);
};
