import {readFile} from 'node:fs/promises';
import type {DoctorReport} from '../../source/protocol/doctor.js';
import type {Examined} from '../config.js';
import {examineCoordinator, examineNode} from '../doctor/examine.js';
import {systemIo} from '../doctor/io.js';
import {helloOf, readNodeIdentity} from '../doctor/node-identity.js';
import {reportText} from '../doctor/text.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {adminTokenFileOf} from './admin-token.js';

type Tools = {clock: Clock; random: Random; log: Log; version: string; hasMasterKey: boolean};

/** Looks for what can be wrong with a part of a network and its machine. */
export const examine = async (
	config: Examined,
	{clock, random, log, version, hasMasterKey}: Tools,
): Promise<DoctorReport> => {
	const io = systemIo;
	if (config.mode === 'coordinator') {
		const {settings} = config;
		const adminToken = async () => (await readFile(adminTokenFileOf(settings.dataFolder), 'utf8')).trim();
		return examineCoordinator({...settings, isKeyInEnvironment: hasMasterKey, adminToken}, {io, version});
	}

	const {settings} = config;
	const {storagePath: folder, coordinatorUrl, join} = settings;
	const hello = helloOf({folder, coordinatorUrl, join}, {clock, random, log, io});
	return examineNode({...settings, identity: async () => readNodeIdentity(folder, {log}), hello}, {io, version});
};

/** Says what was found, for people or for programs, and whether all is well. */
export const runDoctor = async (
	config: Examined,
	{isJson, say, ...tools}: Tools & {isJson: boolean; say: (line: string) => void},
): Promise<boolean> => {
	const report = await examine(config, tools);
	say(isJson ? JSON.stringify(report) : reportText(report));
	return report.is_well;
};
