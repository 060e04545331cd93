import {readFile} from 'node:fs/promises';
import type {DoctorReport} from '../../source/protocol/doctor.js';
import type {Examined} from '../config.js';
import {examineCoordinator, examineNode, type NodeCase, plannedChecks} from '../doctor/examine.js';
import {systemIo} from '../doctor/io.js';
import {helloOf, readNodeIdentity} from '../doctor/node-identity.js';
import {reportText} from '../doctor/text.js';
import type {NodeOptions} from '../node/start.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {adminTokenFileOf} from './admin-token.js';

type Tools = {clock: Clock; random: Random; log: Log; version: string; hasMasterKey: boolean};

/** A node's settings, with what only its folder says. */
const nodeCaseOf = (
	settings: Omit<NodeCase, 'identity' | 'hello'>,
	{clock, random, log}: Pick<Tools, 'clock' | 'random' | 'log'>,
): NodeCase => {
	const {storagePath: folder, coordinatorUrl, join} = settings;
	const hello = helloOf({folder, coordinatorUrl, join}, {clock, random, log, io: systemIo});
	return {...settings, identity: async () => readNodeIdentity(folder, {log}), hello};
};

/** The doctor of a node that runs in this process, for its member. */
export const ownDoctor = (
	settings: Omit<NodeCase, 'identity' | 'hello'>,
	{version, ...tools}: Pick<Tools, 'clock' | 'random' | 'log' | 'version'>,
): NonNullable<NodeOptions['doctor']> => ({
	planned: plannedChecks(settings),
	examine: async ({port}, onFinding) =>
		examineNode({...nodeCaseOf(settings, tools), port}, {io: systemIo, version}, onFinding),
});

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

	return examineNode(nodeCaseOf(config.settings, {clock, random, log}), {io, version});
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
