import type {FileId, NodeId} from '../../source/protocol/ids.js';
import {soundShards, wantedShards, type ChunkRecord} from '../core/model.js';
import type {PlacementGroup, ShardCounts} from '../ports/catalog.js';

type Some = {group: PlacementGroup; chunks: number};

/** Where chunks are, as numbers: of all chunks and of each file's by their sound nodes, and of each node's shards. */
export class Placements {
	readonly #groups = new Map<string, PlacementGroup>();
	/** How many of a group's chunks are a file's. Most files have one group: a map for each would take the most memory. */
	readonly #ofFile = new Map<FileId, Some | Map<PlacementGroup, number>>();
	readonly #onNode = new Map<NodeId, ShardCounts>();
	readonly #bytesOnNode = new Map<NodeId, number>();
	/** Each node's id once, and a short one: the groups of a large network are nearly as many as its chunks. */
	readonly #names = new Map<NodeId, {node: NodeId; code: string}>();

	/** A chunk came (no `before`), changed, or went (no `after`). */
	change(before: ChunkRecord | undefined, after: ChunkRecord | undefined): void {
		if (before) this.#count(before, -1);
		if (after) this.#count(after, 1);
	}

	groups(): PlacementGroup[] {
		return Array.from(this.#groups.values(), group => ({...group, nodes: [...group.nodes]}));
	}

	*groupsOf(file: FileId): Generator<PlacementGroup> {
		const known = this.#ofFile.get(file);
		const all = known instanceof Map ? known : known ? [[known.group, known.chunks] as const] : [];
		for (const [{wanted, nodes}, chunks] of all) yield {wanted, nodes, chunks};
	}

	shardCounts(node: NodeId): ShardCounts {
		return {sound: 0, missing: 0, corrupt: 0, ...this.#onNode.get(node)};
	}

	shardBytes(node: NodeId): number {
		return this.#bytesOnNode.get(node) ?? 0;
	}

	#nameOf(node: NodeId): {node: NodeId; code: string} {
		let known = this.#names.get(node);
		if (!known) this.#names.set(node, (known = {node, code: this.#names.size.toString(36)}));
		return known;
	}

	#count(chunk: ChunkRecord, by: 1 | -1): void {
		const names = soundShards(chunk)
			.map(shard => this.#nameOf(shard.node))
			.sort((one, other) => (one.node < other.node ? -1 : 1));
		const wanted = wantedShards(chunk.scheme);
		const key = `${wanted} ${names.map(({code}) => code).join(' ')}`;
		let group = this.#groups.get(key);
		if (!group) this.#groups.set(key, (group = {wanted, nodes: names.map(({node}) => node), chunks: 0}));
		group.chunks += by;
		if (group.chunks === 0) this.#groups.delete(key);
		this.#countInFile(chunk.file, group, by);
		for (const {node, fault} of chunk.shards) {
			this.#countOnNode(node, fault?.kind ?? 'sound', by);
			const bytes = this.shardBytes(node) + by * chunk.sizeBytes;
			if (bytes > 0) this.#bytesOnNode.set(node, bytes);
			else this.#bytesOnNode.delete(node);
		}
	}

	#countInFile(file: FileId, group: PlacementGroup, by: 1 | -1): void {
		const known = this.#ofFile.get(file);
		if (known instanceof Map) {
			const chunks = (known.get(group) ?? 0) + by;
			if (chunks > 0) known.set(group, chunks);
			else known.delete(group);
			if (known.size === 0) this.#ofFile.delete(file);
		} else if (known?.group === group) {
			known.chunks += by;
			if (known.chunks === 0) this.#ofFile.delete(file);
		} else {
			const first = {group, chunks: by};
			this.#ofFile.set(file, known ? new Map([known, first].map(each => [each.group, each.chunks])) : first);
		}
	}

	#countOnNode(node: NodeId, state: keyof ShardCounts, by: 1 | -1): void {
		let counts = this.#onNode.get(node);
		if (!counts) this.#onNode.set(node, (counts = this.shardCounts(node)));
		counts[state] += by;
		if (counts.sound + counts.missing + counts.corrupt === 0) this.#onNode.delete(node);
	}
}
