import {formatSize} from '../../source/format.js';
import {PjasError} from '../../source/protocol/errors.js';
import {diskFloorBytes} from '../adapters/disk-shards-space.js';
import {codeOf, type Finding} from '../../source/doctor/finding.js';
import {checkFolder, nearestFolder} from '../doctor/folder-checks.js';
import type {DoctorIo} from '../doctor/io.js';
import {checkJoinCode} from '../doctor/join-code-check.js';
import {checkClock, checkCoordinator} from '../../source/doctor/reach-checks.js';

/** What is looked at before a code is used up for a node. Each gives warnings, and throws what can't be so. */

/** Where the address of the coordinator is said. */
const ADDRESS = 'the one behind the @ of the code, or --coordinator';

const textOf = ({seen, remedy}: Finding): string => `${seen}. ${remedy ?? ''}`.trim();

const warningsIn = (findings: readonly Finding[]): string[] =>
	findings.filter(({outcome}) => outcome === 'warning').map(textOf);

/**
Whether a folder can be written to, and whether its disk has what is given.

@throws {PjasError} `INVALID_CONFIGURATION`, `INSUFFICIENT_STORAGE`
*/
export const lookAtFolder = async (
	{storagePath, allocatedBytes}: {storagePath: string; allocatedBytes: number},
	io: DoctorIo,
): Promise<string[]> => {
	const findings = await checkFolder(storagePath, io);
	const wrong = findings.find(({outcome}) => outcome === 'wrong');
	if (wrong) {
		const code = wrong.check === 'disk-space' ? 'INSUFFICIENT_STORAGE' : 'INVALID_CONFIGURATION';
		throw new PjasError(code, `The folder ${storagePath} can't be used. ${textOf(wrong)}`);
	}

	const {at} = await nearestFolder(storagePath, io);
	const {freeBytes, diskBytes} = await io.space(at);
	const floorBytes = diskFloorBytes(diskBytes);
	if (allocatedBytes > diskBytes - floorBytes) {
		const problem = `${formatSize(allocatedBytes)} are more than the disk below ${storagePath} has`;
		const has = `${formatSize(diskBytes)}, of which ${formatSize(floorBytes)} must stay free`;
		throw new PjasError('INVALID_CONFIGURATION', `${problem}: ${has}. Give less, or take another disk`);
	}

	const isShort = allocatedBytes > freeBytes - floorBytes;
	const short = `Only ${formatSize(freeBytes)} are free on this disk: the node takes in less than it is given, until there is more`;
	return [...warningsIn(findings), ...(isShort ? [short] : [])];
};

/**
Whether the coordinator is there, and would take a node with this code.

@throws {PjasError} `COORDINATOR_UNREACHABLE`, `JOIN_CODE_INVALID`
*/
export const lookAtCoordinator = async (
	{code, coordinatorUrl, hasJoined}: {code: string; coordinatorUrl: string; hasJoined: boolean},
	io: DoctorIo,
): Promise<string[]> => {
	const {finding, found} = await checkCoordinator(coordinatorUrl, io, ADDRESS);
	if (!found) {
		const problem = `The coordinator at ${coordinatorUrl} is not reached. ${textOf(finding)}`;
		throw new PjasError('COORDINATOR_UNREACHABLE', problem);
	}

	const checked = await checkJoinCode({code, coordinatorUrl, hasJoined}, io);
	if (checked.outcome === 'wrong') throw new PjasError('JOIN_CODE_INVALID', textOf(checked));
	// A node whose clock is wrong learns the time from its coordinator: that is no obstacle.
	const clock = checkClock(found, {wrongMs: Infinity});
	return warningsIn([finding, clock, checked]);
};

/**
The port that a node can listen on: the one that was told, or where nobody told one and the usual one is taken, any that is free.

@throws {PjasError} `INVALID_CONFIGURATION`
*/
export const findPort = async (
	{host, port, isTold}: {host: string; port: number; isTold: boolean},
	io: Pick<DoctorIo, 'listen'>,
): Promise<number> => {
	try {
		const listening = await io.listen({host, port, text: ''});
		await listening.close();
		return port;
	} catch (error) {
		const code = codeOf(error);
		if (code === 'EADDRINUSE' && !isTold) return 0;
		const help = 'Say another with --port, or --host for another address of this machine';
		throw new PjasError('INVALID_CONFIGURATION', `Port ${port} of ${host} can't be listened on (${code}): ${help}`, {
			cause: error,
		});
	}
};
