import {systemClock, systemRandom} from '../adapters/system.js';
import {startCoordinator} from '../roles/coordinator.js';
import {silentLog} from './silent-log.js';

/**
A coordinator that is a process, and whose parent can set its clock ahead: nobody waits for a minute to see whether a node
is away. Its settings come as JSON; each message is the milliseconds that its clock is ahead from then on.
*/
export type ShiftedSettings = {dataFolder: string; port: number; repairGraceMs: number; aheadMs: number};

const settings = JSON.parse(process.argv[2] ?? '') as ShiftedSettings;
let {aheadMs} = settings;

process.on('message', (message: number) => {
	aheadMs = message;
	process.send?.('set');
});
process.on('disconnect', () => process.exit());

const {url} = await startCoordinator({
	...settings,
	...{host: '127.0.0.1', replicas: 3, minReplicas: 2, open: true, allowClassic: false, version: '2.0.0'},
	...{memoryBytes: 64 * 1024 ** 2, nodeTimeoutMs: 3000, repairAtOnce: 4, repairBytesPerSecond: 0},
	clock: {...systemClock, now: () => systemClock.now() + aheadMs},
	random: systemRandom,
	log: silentLog,
});
process.send?.(url);
