import type {NodeId} from '../../source/protocol/ids.js';
import type {Clock} from '../ports/clock.js';

/** What is being moved off nodes, or was a moment ago: they say themselves only later that they have less. */
export type Departures = {
	begin: (node: NodeId, bytes: number) => {end: (isDone: boolean) => void};
	bytesOf: (node: NodeId) => number;
};

/** A node's own figures lack by then what was moved off it. Until then it may count twice, which only holds moves up. */
const FIGURES_LAG_MS = 60_000;

export const createDepartures = (clock: Pick<Clock, 'monotonicMs'>): Departures => {
	const leaving = new Map<NodeId, {bytes: number; until: number}[]>();

	const dropOld = (node: NodeId) => {
		const rest = (leaving.get(node) ?? []).filter(({until}) => until > clock.monotonicMs());
		if (rest.length > 0) leaving.set(node, rest);
		else leaving.delete(node);
		return rest;
	};

	return {
		begin(node, bytes) {
			const departure = {bytes, until: Infinity};
			leaving.set(node, [...dropOld(node), departure]);
			return {
				end(isDone) {
					departure.until = isDone ? clock.monotonicMs() + FIGURES_LAG_MS : -Infinity;
				},
			};
		},
		bytesOf: node => (leaving.has(node) ? dropOld(node).reduce((sum, {bytes}) => sum + bytes, 0) : 0),
	};
};
