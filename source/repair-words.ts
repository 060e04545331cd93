import type {RepairObstacle} from './protocol/api.js';

/** Why chunks can't be repaired now, and what helps. */
export const repairReasons: Record<RepairObstacle, string> = {
	'no-source': 'no node with a sound copy is online: bring one back',
	'too-few-nodes': 'too few nodes are online: bring one back, or add one',
	'no-space': 'no other node has the room: give one more, or add one',
};
