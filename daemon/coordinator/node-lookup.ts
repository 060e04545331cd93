import type {NodeId} from '../../source/protocol/ids.js';
import {isInMaintenance} from '../core/condition.js';
import type {MoveNode} from '../core/moves.js';
import type {Clock} from '../ports/clock.js';
import {type Fleet, type NodeState, toCandidate} from './fleet.js';

export type NodeLookup = (id: NodeId) => MoveNode | undefined;

type Presence = Pick<MoveNode, 'presence' | 'since'>;

const presenceOf = ({isOnline, record}: NodeState, now: number): Presence => {
	const {bannedAt, suspension, awaySince} = record;
	if (isOnline) {
		return suspension ? {presence: 'barred', since: suspension.since} : {presence: 'online', since: 0};
	}

	const isExcused = bannedAt === undefined && isInMaintenance(record, now);
	const since = isExcused ? undefined : (bannedAt ?? awaySince);
	return since === undefined ? {presence: 'awaited', since: 0} : {presence: 'away', since};
};

/** The nodes as healing sees them: whether their copies count, and what room they have. */
export const createNodeLookup =
	({fleet, clock}: {fleet: Pick<Fleet, 'get'>; clock: Pick<Clock, 'now'>}): NodeLookup =>
	id => {
		const state = fleet.get(id);
		if (!state) return undefined;
		const {allocatedBytes, usedBytes, drain, kind} = state.record;
		return {
			...toCandidate(state, clock.now()),
			...presenceOf(state, clock.now()),
			isDraining: drain !== undefined,
			allocatedBytes,
			usedBytes: usedBytes + state.reservedBytes,
			leavingBytes: 0,
			canFree: kind !== 'classic',
		};
	};
