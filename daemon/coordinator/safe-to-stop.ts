import type {NodeId} from '../../source/protocol/ids.js';
import {type ChunkRecord, soundShards, wantedShards} from '../core/model.js';
import type {Catalog} from '../ports/catalog.js';
import type {NodeLookup} from './node-lookup.js';

/** A chunk that would have too few copies were a node to stop. */
export type Risk = {chunk: ChunkRecord; copies: number; wanted: number};

export type Risks = {
	/** Sound shards on the node. */
	shards: number;
	atRisk: number;
	/** Some of them, those with the fewest copies first. */
	worst: Risk[];
};

type Around = {catalog: Pick<Catalog, 'chunksOn'>; lookUp: NodeLookup; isLeaving: (node: NodeId) => boolean};

const MOST_LISTED = 100;

/** Sound copies on other nodes that are there, trusted, and not about to be away. */
const copiesBeside = (chunk: ChunkRecord, node: NodeId, {lookUp, isLeaving}: Around): number =>
	soundShards(chunk).filter(
		shard => shard.node !== node && lookUp(shard.node)?.presence === 'online' && !isLeaving(shard.node),
	).length;

/**
What would be at risk were a node to stop now: chunks of which it has a sound copy, and too few others have one. Costs by
what the node holds.

@param minCopies - How many others must have one; of a chunk that wants fewer, as many as it wants.
*/
export const risksOf = async (around: Around, node: NodeId, minCopies: number): Promise<Risks> => {
	const byCopies = new Map<number, Risk[]>();
	let [shards, atRisk] = [0, 0];
	for await (const chunk of around.catalog.chunksOn(node)) {
		if (!soundShards(chunk).some(shard => shard.node === node)) continue;
		shards++;
		const wanted = wantedShards(chunk.scheme);
		const copies = copiesBeside(chunk, node, around);
		if (copies >= Math.min(minCopies, wanted)) continue;
		atRisk++;
		const alike = byCopies.get(copies) ?? [];
		if (alike.length < MOST_LISTED) alike.push({chunk, copies, wanted});
		byCopies.set(copies, alike);
	}

	const inOrder = [...byCopies].sort(([a], [b]) => a - b).flatMap(([, risks]) => risks);
	return {shards, atRisk, worst: inOrder.slice(0, MOST_LISTED)};
};
