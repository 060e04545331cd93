import {jsonLog} from '../adapters/json-log.js';
import {systemClock, systemRandom} from '../adapters/system.js';
import {startCoordinator} from '../roles/coordinator.js';
import {startNode} from '../roles/node.js';
import {startClassicNode} from './classic-node.js';

/**
A coordinator or a node that is a process, and whose parent can set its clock ahead: nobody waits for a minute to see
whether a node is away. Its settings come as JSON; each message is the milliseconds that its clock is ahead from then on. It
says `ready` once, and the milliseconds each time that they are set.
*/
export type ShiftedSettings = {port: number; aheadMs: number} & (
	| {role: 'coordinator'; dataFolder: string; repairGraceMs: number; trashDays: number; uploadDays: number}
	| {
			role: 'node' | 'classic';
			name: string;
			storagePath: string;
			coordinatorUrl: string;
			allocatedBytes: number;
			/** Opens links, and gives no address. */
			reach?: 'links';
	  }
);

/** How many times faster than the real one a node's time goes while it waits to say that it is there. */
const HASTE = 50;

const settings = JSON.parse(process.argv[2] ?? '') as ShiftedSettings;
let {aheadMs} = settings;

process.on('message', (message: number) => {
	aheadMs = message;
	process.send?.(aheadMs);
});
process.on('disconnect', () => process.exit());

const clock = {
	...systemClock,
	now: () => systemClock.now() + aheadMs,
	monotonicMs: () => systemClock.monotonicMs() + aheadMs,
};
const log = jsonLog({format: 'text', level: 'info', clock, write: line => process.stderr.write(line)});
const common = {host: '127.0.0.1', version: '2.0.0', random: systemRandom, log};
const sleep = async (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / HASTE, signal);

if (settings.role === 'coordinator') {
	await startCoordinator({
		...{...settings, ...common, clock, replicas: 3, minReplicas: 2, open: true, allowClassic: true},
		...{memoryBytes: 64 * 1024 ** 2, nodeTimeoutMs: 3000, repairAtOnce: 4, repairBytesPerSecond: 0},
		trustProxy: ['loopback'],
	});
} else if (settings.role === 'classic') {
	const {storagePath: folder, coordinatorUrl, allocatedBytes, port} = settings;
	await startClassicNode({
		folder,
		coordinatorUrl: `${coordinatorUrl}/api`,
		allocatedBytes,
		port,
		clock: {...clock, sleep},
	});
} else {
	await startNode({...settings, ...common, clock: {...clock, sleep}});
}

process.send?.('ready');
