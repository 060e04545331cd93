import path from 'node:path';
import {diskFloorBytes} from '../adapters/disk-shards-space.js';
import {formatSize} from '../../source/format.js';
import {codeOf, type Finding, findingsOf} from '../../source/doctor/finding.js';
import type {DoctorIo} from './io.js';

/** What a folder on a disk can be troubled by, whichever part of a network keeps it. */

const TRIAL_BYTES = 1024 * 1024;
/** A disk that takes longer for 1 MiB that must be on it makes uploads wait. */
const SLOW_MS = 1_000;
const HANGING_MS = 5_000;

const isMissing = (error: unknown) => codeOf(error) === 'ENOENT';

/** The folder, or where it is not there yet the one that it will be made in. */
export const nearestFolder = async (
	folder: string,
	io: Pick<DoctorIo, 'stat'>,
): Promise<{at: string; isFolder: boolean}> => {
	for (let at = folder; ; at = path.dirname(at)) {
		try {
			return {at, isFolder: (await io.stat(at)).isFolder};
		} catch (error) {
			if (!isMissing(error) || at === path.dirname(at)) throw error;
		}
	}
};

const remedies: Record<string, string> = {
	EACCES: 'Let the user that runs the daemon own the folder (chown -R USER FOLDER), or choose another',
	EPERM: 'Let the user that runs the daemon own the folder (chown -R USER FOLDER), or choose another',
	EROFS: 'Its file system is mounted read-only: look for disk errors (dmesg), and mount it for writing',
	ENOSPC: 'The disk is full: make room on it, or take a folder on another disk',
	EDQUOT: "The user's quota on this disk is used up: raise it, or take another disk",
	EIO: 'The disk reports errors: look at dmesg and smartctl, and move to another disk',
	ENOTDIR: 'A part of the path is a file: choose another folder',
	ELOOP: 'The path leads in a circle of links: choose another folder',
	ENAMETOOLONG: 'The path is too long: choose a shorter one',
};

const remedyOf = (code: string) => remedies[code] ?? 'Check the path, who owns it, and the disk that it is on';

const speedFinding = (tookMs: number): Finding => {
	const {fine, warning, wrong} = findingsOf('disk-speed', 'Wrote 1 MiB and waited until the disk had it');
	const seen = `It took ${Math.round(tookMs)} ms`;
	const remedy = 'Look for what else keeps the disk busy, and for disk errors (dmesg, smartctl); or take another disk';
	if (tookMs > HANGING_MS) return wrong(`${seen}: requests to it run into their time limits`, remedy);
	return tookMs > SLOW_MS ? warning(`${seen}: uploads wait for it`, remedy) : fine(seen);
};

/** Whether the folder can be written to, and how fast. */
const checkWriting = async (folder: string, io: DoctorIo): Promise<Finding[]> => {
	let at = folder;
	const about = () => findingsOf('folder', `Wrote a file into ${at}, and removed it`);
	try {
		const nearest = await nearestFolder(folder, io);
		at = nearest.at;
		const {fine, wrong} = about();
		if (!nearest.isFolder) return [wrong(`${at} is a file`, remedyOf('ENOTDIR'))];
		const startMs = io.monotonicMs();
		await io.tryWriting(at, new Uint8Array(TRIAL_BYTES));
		const tookMs = io.monotonicMs() - startMs;
		const seen = at === folder ? 'That works' : `It is not there yet; it can be made in ${at}`;
		return [fine(seen), speedFinding(tookMs)];
	} catch (error) {
		return [about().wrong(`That fails: ${codeOf(error)}`, remedyOf(codeOf(error)))];
	}
};

/** How much room is left. `leastBytes`: with less, what the folder is for is at an end. */
const checkSpace = async (folder: string, leastBytes: number | undefined, io: DoctorIo): Promise<Finding> => {
	const {fine, warning, wrong, skipped} = findingsOf('disk-space', `Asked the disk below ${folder} how much is free`);
	try {
		const {at} = await nearestFolder(folder, io);
		const {freeBytes, diskBytes} = await io.space(at);
		const floorBytes = leastBytes ?? diskFloorBytes(diskBytes);
		const seen = `${formatSize(freeBytes)} of ${formatSize(diskBytes)} are free`;
		const remedy = 'Make room on the disk, or move the folder to a larger one';
		if (freeBytes <= floorBytes) {
			return wrong(`${seen}; ${formatSize(floorBytes)} must stay free, so nothing more is taken in`, remedy);
		}

		return freeBytes < 2 * floorBytes ? warning(`${seen}: it is nearly full`, remedy) : fine(seen);
	} catch (error) {
		return skipped(`The disk does not say: ${codeOf(error)}`);
	}
};

/** Everything about a folder and the disk that it is on. */
export const checkFolder = async (
	folder: string,
	io: DoctorIo,
	{leastFreeBytes}: {leastFreeBytes?: number} = {},
): Promise<Finding[]> => [...(await checkWriting(folder, io)), await checkSpace(folder, leastFreeBytes, io)];
