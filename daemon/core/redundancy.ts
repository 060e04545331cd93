import type {NodeId} from '../../source/protocol/ids.js';

/** Chunks by how many of their wanted shards are on nodes that are there and trusted. */
export type Redundancy = {full: number; partly: number; none: number};

type Group = {wanted: number; nodes: readonly NodeId[]; chunks: number};

/** Counts chunks by redundancy, from their groups and from the nodes whose copies count. */
export const redundancyOf = (groups: Iterable<Group>, counts: (node: NodeId) => boolean): Redundancy => {
	const sums: Redundancy = {full: 0, partly: 0, none: 0};
	for (const {wanted, nodes, chunks} of groups) {
		const present = nodes.filter(counts).length;
		if (present >= wanted) {
			sums.full += chunks;
		} else if (present > 0) {
			sums.partly += chunks;
		} else {
			sums.none += chunks;
		}
	}

	return sums;
};

/** The same, with those apart that want more copies and have one that counts. */
export type CopiesLeft = {full: number; partly: number; one: number; none: number};

/** How a chunk is counted that wants so many copies, and has so many that count. */
export const copiesLeftKind = (wanted: number, present: number): keyof CopiesLeft => {
	if (present >= wanted) return 'full';
	if (present === 0) return 'none';
	return present === 1 ? 'one' : 'partly';
};

export const redundancyFrom = ({full, partly, one, none}: CopiesLeft): Redundancy => ({
	full,
	partly: partly + one,
	none,
});

export type Copies = {wanted: number; fewest: number; homes: number};

/** How the weakest chunk stands: its copies that count, and in how many zones they are; `undefined` without chunks. */
export const copiesOf = (
	groups: Iterable<Group>,
	counts: (node: NodeId) => boolean,
	zoneOf: (node: NodeId) => string | undefined,
): Copies | undefined => {
	let weakest: Copies | undefined;
	for (const {wanted, nodes} of groups) {
		const present = nodes.filter(counts);
		const homes = new Set(present.map(node => zoneOf(node) ?? node)).size;
		weakest = {
			wanted: Math.max(wanted, weakest?.wanted ?? 0),
			fewest: Math.min(present.length, weakest?.fewest ?? present.length),
			homes: Math.min(homes, weakest?.homes ?? homes),
		};
	}

	return weakest;
};

/** Full redundancy as a percentage of all chunks, rounded down, so that 100 means all; 100 where there are none. */
export const dataHealth = ({full, partly, none}: Redundancy): number => {
	const all = full + partly + none;
	return all === 0 ? 100 : Math.floor((100 * full) / all);
};
