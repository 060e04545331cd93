import type {NodeId} from '../../source/protocol/ids.js';

/** A node as placement sees it. */
export type Candidate = {
	id: NodeId;
	zone: string;
	owner: string;
	/** What it can still take, less what is on its way to it. */
	freeBytes: number;
	/** Requests that it is serving now. */
	inFlight: number;
	/** How much its room counts beside others'; without it, 1. */
	weight?: number;
	/** Whether it takes part in some hours only: that is a thing in common with others that do. */
	isPartTime?: boolean;
};

export type Placement = {
	candidates: readonly Candidate[];
	count: number;
	/** Size of one shard. */
	sizeBytes: number;
	/** Nodes that have a shard of this chunk already, or are about to. */
	holders?: readonly Candidate[];
	/** A number from 0 up to 1. */
	random: () => number;
};

/** With how many of these a node shares its zone, and its owner. */
export const crowdingIn = (
	node: Pick<Candidate, 'zone' | 'owner'>,
	holders: readonly Candidate[],
): {sameZone: number; sameOwner: number} => ({
	sameZone: holders.filter(holder => holder.zone === node.zone).length,
	sameOwner: holders.filter(holder => holder.owner === node.owner).length,
});

/**
Zones are compared first where nodes are chosen; then whether they are away at times, so that a chunk is not on such alone;
then owners.
*/
export const crowding = (node: Candidate, holders: readonly Candidate[]): number => {
	const {sameZone, sameOwner} = crowdingIn(node, holders);
	const alsoPartTime = node.isPartTime ? holders.filter(({isPartTime}) => isPartTime).length : 0;
	return sameZone * 1_000_000 + alsoPartTime * 1000 + sameOwner;
};

const drawByWeight = (nodes: readonly Candidate[], random: () => number): Candidate | undefined => {
	// Where all stand alike, what they stand at changes nothing, down to the last bit.
	const most = Math.max(...nodes.map(({weight = 1}) => weight));
	const weight = ({freeBytes, inFlight, weight: own = 1}: Candidate): number =>
		(freeBytes / (1 + inFlight)) * (own / most);
	let rest = random() * nodes.reduce((sum, node) => sum + weight(node), 0);
	return nodes.find(node => (rest -= weight(node)) < 0) ?? nodes.at(-1);
};

/**
Chooses up to `count` nodes for the shards of a chunk: apart by zone first, then by hours, then by owner; among those that are equally
far apart by chance, weighed by free space, by how little they have to do, and by their standing. Never a node twice, and none that lacks the
room. Returns fewer than asked for where there are no more.
*/
export const place = ({candidates, count, sizeBytes, holders = [], random}: Placement): Candidate[] => {
	const taken = new Set(holders.map(holder => holder.id));
	const chosen: Candidate[] = [];

	while (chosen.length < count) {
		const fit = candidates.filter(node => !taken.has(node.id) && node.freeBytes >= sizeBytes);
		const all = [...holders, ...chosen];
		const least = Math.min(...fit.map(node => crowding(node, all)));
		const next = drawByWeight(
			fit.filter(node => crowding(node, all) === least),
			random,
		);
		if (!next) {
			break;
		}

		taken.add(next.id);
		chosen.push(next);
	}

	return chosen;
};
