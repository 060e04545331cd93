import type {NodeId} from '../../source/protocol/ids.js';
import {isExcused, isLastResort, missedSince} from '../core/condition.js';
import type {MoveNode} from '../core/moves.js';
import type {Clock} from '../ports/clock.js';
import type {Fleet, NodeState} from './fleet.js';

export type NodeLookup = (id: NodeId) => MoveNode | undefined;

type NodeLookupOptions = {
	fleet: Pick<Fleet, 'get'>;
	clock: Pick<Clock, 'now'>;
	/** What is being moved off a node, or was a moment ago. */
	leavingBytes?: (id: NodeId) => number;
};

type Presence = Pick<MoveNode, 'presence' | 'since'>;

const online: Presence = {presence: 'online', since: 0};
const awaited: Presence = {presence: 'awaited', since: 0};

const presenceOf = ({isOnline, record}: NodeState, clock: Pick<Clock, 'now'>): Presence => {
	const {bannedAt, suspension, awaySince, line} = record;
	if (isOnline) return suspension ? {presence: 'barred', since: suspension.since} : online;
	const isAwaited = bannedAt === undefined && isExcused(record, clock.now());
	const since = isAwaited ? undefined : (bannedAt ?? (line?.hours ? missedSince(record, clock.now()) : awaySince));
	return since === undefined ? awaited : {presence: 'away', since};
};

/**
The nodes as healing sees them: whether their copies count, and what room they have. It is asked several times for each copy
of each chunk that is looked at, and so does no more than that.
*/
export const createNodeLookup =
	({fleet, clock, leavingBytes = () => 0}: NodeLookupOptions): NodeLookup =>
	id => {
		const state = fleet.get(id);
		if (!state) return undefined;
		const {record, reservedBytes, inFlight} = state;
		const {presence, since} = presenceOf(state, clock);
		return {
			id: record._id,
			zone: record.zone,
			owner: record.owner,
			freeBytes: record.freeBytes - reservedBytes,
			inFlight,
			presence,
			since,
			isDraining: record.drain !== undefined,
			isLastResort: record.line !== undefined && isLastResort(record, clock.now()),
			isPartTime: record.line?.hours !== undefined,
			allocatedBytes: record.allocatedBytes,
			usedBytes: record.usedBytes + reservedBytes,
			leavingBytes: leavingBytes(id),
			canFree: record.kind !== 'classic',
		};
	};
