import {isPjasError, PjasError} from '../../source/protocol/errors.js';
import type {NodeId} from '../../source/protocol/ids.js';
import type {NodeRecord} from '../core/model.js';
import type {Catalog} from '../ports/catalog.js';
import type {Fleet, NodeState} from './fleet.js';

/** Changes what is decided about a node; `undefined` leaves it as it is. Called anew where somebody else was faster. */
export type ChangeNode = (
	id: NodeId,
	change: (record: NodeRecord) => NodeRecord | undefined,
) => Promise<{state: NodeState; isChanged: boolean}>;

const MOST_TRIES = 8;

/**
A record with what a node tells of itself all the time, and whether it is there, as they are in another: the stored record is
behind in those.
*/
export const withFigures = (record: NodeRecord, newest: NodeRecord): NodeRecord => {
	const {allocatedBytes, usedBytes, freeBytes, shardCount, lastSeenAt, awaySince, scrub, line} = newest;
	const figures = {allocatedBytes, usedBytes, freeBytes, shardCount, lastSeenAt};
	const merged = {...record, ...figures, ...(scrub && {scrub}), ...(line && {line})};
	if (awaySince === undefined) delete merged.awaySince;
	else merged.awaySince = awaySince;
	return merged;
};

/**
Changes a node's stored record, by compare-and-set, and the one that the fleet has: whose figures are newer, so that it gets
the change and no older figures with it. Throws `NODE_NOT_FOUND`.
*/
export const createChangeNode =
	({catalog, fleet}: {catalog: Pick<Catalog, 'getNode' | 'putNode'>; fleet: Fleet}): ChangeNode =>
	async (id, change) => {
		for (let attempt = 1; ; attempt++) {
			const stored = await catalog.getNode(id);
			if (!stored) throw new PjasError('NODE_NOT_FOUND', 'Node not found: it never joined this network');
			const changed = change(stored);
			if (!changed) return {state: fleet.get(id) ?? fleet.set(stored), isChanged: false};
			try {
				const record = await catalog.putNode(changed);
				const newest = fleet.get(id)?.record ?? record;
				const merged = withFigures(record, newest);
				if (changed.awaySince !== stored.awaySince) Object.assign(merged, {awaySince: record.awaySince});
				return {state: fleet.set(merged), isChanged: true};
			} catch (error) {
				if (!isPjasError(error, 'CONFLICT') || attempt === MOST_TRIES) throw error;
			}
		}
	};
