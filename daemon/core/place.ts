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

/** Nodes that shards can go to now. */
export type Pool = {
	/** All of them: costs by their number. */
	all: () => readonly Candidate[];
	/** All that have room for so many bytes: costs by the number of all, but little for each that has none. */
	roomy: (sizeBytes: number) => readonly Candidate[];
	/** Some of those, each as likely as another and none twice; all where they are few. Costs by `count`. */
	some: (count: number, sizeBytes: number, random: () => number) => readonly Candidate[];
};

export const poolOf = (candidates: readonly Candidate[]): Pool => {
	const roomy = (sizeBytes: number) => candidates.filter(({freeBytes}) => freeBytes >= sizeBytes);
	return {all: () => candidates, roomy, some: (_count, sizeBytes) => roomy(sizeBytes)};
};

export type PoolPlacement = Omit<Placement, 'candidates'> & {
	pool: Pool;
	/** Which of the nodes are considered. */
	accepts?: (candidate: Candidate) => boolean;
	/** Whether it will do where some nodes that chance picked know no place, though others might. */
	isEasy?: boolean;
};

/** Enough that those of the best places stand among them in proportion, in a network of any size. */
const SAMPLE = 100;

/** Whether each is as far apart from all before it as can be. */
const areApart = (chosen: readonly Candidate[], holders: readonly Candidate[]): boolean =>
	chosen.every((node, at) => crowding(node, [...holders, ...chosen.slice(0, at)]) === 0);

/**
The same as `place`, and as good, without a look at every node of a large network: some that chance picks are enough where
they have places that nothing could be better than. Where they have not, all are looked at.
*/
export const placeAmong = ({pool, accepts, isEasy = false, ...placement}: PoolPlacement): Candidate[] => {
	const {count, sizeBytes, holders = [], random} = placement;
	if (count <= 0) return [];
	const draw = (from: readonly Candidate[]) => place({...placement, candidates: accepts ? from.filter(accepts) : from});
	const some = pool.some(SAMPLE, sizeBytes, random);
	const chosen = draw(some);
	if (isEasy || (chosen.length === count && areApart(chosen, holders))) return chosen;
	const seen = new Set(some.map(({id}) => id));
	const roomy = pool.roomy(sizeBytes);
	return roomy.some(({id}) => !seen.has(id)) ? draw(roomy) : chosen;
};
