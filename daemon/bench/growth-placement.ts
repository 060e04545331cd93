import {newNodeId} from '../../source/protocol/ids.js';
import {systemClock, systemRandom} from '../adapters/system.js';
import {createFleet} from '../coordinator/fleet.js';
import type {NodeRecord} from '../core/model.js';
import {placeAmong} from '../core/place.js';

const GIB = 1024 ** 3;
const PLACEMENTS = 2000;
const COPIES = 3;
const SHARD_BYTES = 10 * 1024 * 1024 + 16;

const nodeOf = (number: number): NodeRecord => ({
	_id: newNodeId(systemRandom.bytes(16)),
	kind: 'direct',
	name: `node ${number}`,
	owner: `member ${number}`,
	zone: `house ${number}`,
	address: `http://10.0.${number >> 8}.${number & 255}:8420`,
	version: '2.0.0',
	...{allocatedBytes: 100 * GIB, usedBytes: (number % 80) * GIB, freeBytes: (100 - (number % 80)) * GIB},
	...{shardCount: 0, registeredAt: 0, lastSeenAt: 0, revision: 1},
});

/** How long the choice of a chunk's nodes takes among so many that all have room, by the coordinator's own code. */
export const placementsMs = (nodes: number): number => {
	const dial = () => {
		throw new Error('Nobody is asked where nodes are only chosen');
	};
	const fleet = createFleet({dial, clock: systemClock});
	for (let number = 0; number < nodes; number++) fleet.set(nodeOf(number)).isOnline = true;
	const place = () =>
		placeAmong({pool: fleet.pool(), count: COPIES, sizeBytes: SHARD_BYTES, random: systemRandom.float});
	for (let count = 0; count < PLACEMENTS / 10; count++) place();
	const start = performance.now();
	for (let count = 0; count < PLACEMENTS; count++) place();
	return (performance.now() - start) / PLACEMENTS;
};
