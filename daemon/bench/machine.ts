import {statfs} from 'node:fs/promises';
import {availableParallelism, cpus, loadavg, totalmem} from 'node:os';
import {hasProc} from './measure.js';
import type {Options} from './options.js';
import type {Load} from './phases.js';

const GB = 1e9;
const COPIES = 3;

/** File systems by the number that `statfs` gives (man 2 statfs). */
const fileSystems: Record<number, string> = {
	0xef53: 'ext4',
	0x58465342: 'xfs',
	0x9123683e: 'btrfs',
	0x01021994: 'tmpfs (memory, not a disk)',
	0x794c7630: 'overlayfs',
	0x2fc12fc1: 'zfs',
};

const busyNote = (): string => {
	const [load = 0] = loadavg();
	const note = load > 0.5 ? ': something else is running, so only the ratios count, and those roughly' : '';
	return `load before the start ${load.toFixed(2)}${note}`;
};

/** What was measured on, and what must be known to read the figures. */
export const machineLines = async ({folder, runs}: Options): Promise<string[]> => {
	const {type} = await statfs(folder);
	const [cpu] = cpus();
	return [
		`${availableParallelism()} cores (${cpu?.model.trim() ?? 'unknown'}), ${(totalmem() / GB).toFixed(1)} GB of memory, Node ${process.versions.node}`,
		`data in ${folder} on ${fileSystems[type] ?? `file system 0x${type.toString(16)}`}; ${busyNote()}`,
		`${runs} runs, floor and ours in turn; medians, and all runs in brackets; a peak is the highest of the runs.`,
		'MB is 10^6 bytes. A ratio is the median of the ratios of the runs. CPU is user and system time.',
		'Downloads come out of the page cache on both sides: what was stored is read through once before them.',
		...(hasProc ? [] : ['Without /proc: memory is read after each phase, so peaks are too low, and CPU is rough.']),
	];
};

/** Files that are stored at once, and by which flags there are fewer bytes of them. */
export type Stored = {bytes: number; flags: string};

/** Says what is missing where the disk is too small for what would be stored at once. */
export const spaceProblem = async (folder: string, {bytes, flags}: Stored): Promise<string | undefined> => {
	const {bavail, bsize} = await statfs(folder);
	const wantedBytes = bytes * COPIES * 1.1 + 2 * GB;
	const freeBytes = bavail * bsize;
	return freeBytes >= wantedBytes
		? undefined
		: `${folder} has ${(freeBytes / GB).toFixed(1)} GB free and ${(wantedBytes / GB).toFixed(1)} GB are needed. ` +
				`Give another --folder, or a smaller ${flags}.`;
};

/** The large file on both sides, or many of them at once. */
export const storedByLoads = ({bigBytes, manyFiles}: Load, manyBytes: number): Stored => ({
	bytes: Math.max(2 * bigBytes, manyFiles * manyBytes),
	flags: '--size, --many and --many-size',
});
