import {isPjasError, PjasError} from '../../source/protocol/errors.js';
import type {NodeId} from '../../source/protocol/ids.js';
import type {NodeRecord} from '../core/model.js';
import type {Catalog} from '../ports/catalog.js';
import type {Fleet, NodeState} from './fleet.js';

const MOST_TRIES = 8;

/**
A record with what a node tells of itself all the time, and whether it is there, as they are in another: the stored record is
behind in those.
*/
export const withFigures = (record: NodeRecord, newest: NodeRecord): NodeRecord => {
	const {allocatedBytes, usedBytes, freeBytes, shardCount, lastSeenAt, awaySince, scrub} = newest;
	const merged = {...record, allocatedBytes, usedBytes, freeBytes, shardCount, lastSeenAt, ...(scrub && {scrub})};
	if (awaySince === undefined) delete merged.awaySince;
	else merged.awaySince = awaySince;
	return merged;
};

export type NodeRecords = {
	/**
	Changes what is durably known of a node, by compare-and-set, and keeps its newest figures. A change that gives back the
	record that it got changes nothing. Throws `NODE_NOT_FOUND`.
	*/
	change: (id: NodeId, change: (record: NodeRecord) => NodeRecord) => Promise<NodeState>;
};

export const createNodeRecords = ({catalog, fleet}: {catalog: Catalog; fleet: Fleet}): NodeRecords => ({
	async change(id, change) {
		for (let attempt = 1; ; attempt++) {
			const stored = await catalog.getNode(id);
			if (!stored) throw new PjasError('NODE_NOT_FOUND', 'Node not found: it never joined this network');
			const changed = change(stored);
			try {
				const record = changed === stored ? stored : await catalog.putNode(changed);
				const known = fleet.get(id);
				return fleet.set(known ? withFigures(record, known.record) : record);
			} catch (error) {
				if (!isPjasError(error, 'CONFLICT') || attempt === MOST_TRIES) throw error;
			}
		}
	},
});
