import {PjasError} from '../../source/protocol/errors.js';
import {coordinatorKeyFile} from '../adapters/coordinator-key-file.js';
import {systemFiles, writeDurably} from '../adapters/disk-shards-files.js';
import {openNodeFolder} from '../adapters/disk-shards-folder.js';
import {holderOf, lockFolder} from '../adapters/folder-lock.js';
import {configFileIn} from '../config.js';
import type {SettingsOf} from '../config-settings.js';
import type {DoctorIo} from '../doctor/io.js';
import {testLine} from '../node/line-test.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {type JoinCode, parseJoinCode} from '../trust/join-code.js';
import {judgeDisk, judgeLine, type Judged} from './advice.js';
import {measureDisk} from './disk-speed.js';
import {belongingOf, introduce} from './introduce.js';
import {findPort, lookAtCoordinator, lookAtFolder} from './look-first.js';

export type JoinTools = {
	io: DoctorIo;
	log: Log;
	clock: Clock;
	random: Random;
	version: string;
	say: (line: string) => void;
};

/** `runs`: a node of this network runs on the folder already. */
export type Joined = {outcome: 'joined' | 'runs'; configFile: string};

const LABEL_WIDTH = 9;

const createTeller = (say: JoinTools['say']) => {
	const tell = (label: string, text: string) => say(`${label.padEnd(LABEL_WIDTH)}${text}`);
	return {
		tell,
		warn: (text: string) => tell('warning', text),
		judge: (label: string, {seen, advice}: Judged) => {
			tell(label, seen);
			if (advice !== undefined) tell('warning', advice);
		},
	};
};

const needCode = (invitation: string): JoinCode => {
	const code = parseJoinCode(invitation);
	if (code) return code;
	throw new Error('a code that is none was let through');
};

/** Writes down what the node is to be started with, in its folder. */
const writeConfig = async (configFile: string, kept: Record<string, unknown>): Promise<void> =>
	writeDurably(systemFiles, configFile, `${JSON.stringify(kept, undefined, '\t')}\n`, `${configFile}.part`);

/**
Makes this machine a member's node: looks at folder and disk, meets the coordinator with the code, writes down what the node is
started with, and tests the line. Once the coordinator has answered, all of it can be done again without a new code.

@param kept - What the node is to be started with, as a configuration file has it.
@throws {PjasError} `INVALID_CONFIGURATION`, `INSUFFICIENT_STORAGE`, `FOLDER_IN_USE`, `OTHER_NETWORK`,
`JOIN_CODE_INVALID`, `COORDINATOR_UNREACHABLE`, or as the coordinator refuses it.
*/
export const joinNetwork = async (
	settings: SettingsOf<'join'>,
	kept: Record<string, unknown>,
	tools: JoinTools,
): Promise<Joined> => {
	const {storagePath, allocatedBytes, coordinatorUrl} = settings;
	const {io, log, clock, random, version, say} = tools;
	const {tell, warn, judge} = createTeller(say);
	const joinCode = needCode(settings.invitation);
	const configFile = configFileIn(storagePath);
	tell('network', coordinatorUrl);
	tell('folder', storagePath);

	const holder = await holderOf(storagePath).catch(() => undefined);
	const keyFile = coordinatorKeyFile(systemFiles, storagePath, log);
	// What keeps it from being read, the folder's own check says.
	const belonging = await belongingOf(keyFile, joinCode, clock.now()).catch(() => 'none' as const);
	if (holder) {
		if (belonging === 'same') {
			tell('runs', `process ${holder.pid} runs this node already, in this network: nothing is to be done`);
			return {outcome: 'runs', configFile};
		}

		const problem = `${storagePath} is in use by process ${holder.pid}, which is no node of this network`;
		throw new PjasError('FOLDER_IN_USE', `${problem}: choose another folder`);
	}

	const {invitation: code, host} = settings;
	const isTold = kept['port'] !== undefined;
	const port = await findPort({host, port: settings.port, isTold}, io);
	if (port !== settings.port) tell('port', `${settings.port} is taken: any that is free`);
	const warnings = [
		...(await lookAtFolder({storagePath, allocatedBytes}, io)),
		...(await lookAtCoordinator({code, coordinatorUrl, hasJoined: belonging !== 'none'}, io)),
	];
	for (const warning of warnings) warn(warning);
	const lock = await lockFolder(storagePath, {clock});
	try {
		judge('disk', judgeDisk(await measureDisk(storagePath, {clock, random})));
		const {name, owner, zone} = settings;
		const folder = await openNodeFolder({folder: storagePath, allocatedBytes, name, log, clock, random});
		const trust = await introduce({folder, joinCode, coordinatorUrl, name, owner, zone, version, log, clock, random});
		tell('joined', `as "${name}", ${folder.nodeId}`);
		await writeConfig(configFile, {
			...kept,
			allocated_gb: kept['allocated_gb'] ?? 100,
			coordinator_url: coordinatorUrl,
			...(port !== settings.port && {port}),
		});
		tell('kept', `in ${configFile}: pjas-daemon --role node ${storagePath} starts this node from now on`);
		judge('line', judgeLine(await testLine({coordinatorUrl, trust}, random)));
		await folder.save();
	} finally {
		await lock.release();
	}

	return {outcome: 'joined', configFile};
};
