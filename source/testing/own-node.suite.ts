import path from 'node:path';
import {silentLog} from '../../daemon/testing/silent-log.js';
import {systemClock, systemRandom} from '../../daemon/adapters/system.js';
import {listenToMember} from '../../daemon/node/member-server.js';
import type {MemberDoctor} from '../../daemon/node/member-doctor.js';
import {type Keeper, temporaryFolder} from '../../daemon/testing/processes.js';
import type {Finding} from '../protocol/doctor.js';
import {PjasError} from '../protocol/errors.js';
import type {NodeSafeToStop} from '../protocol/healing-api.js';
import type {Examination, MemberLog, MemberStatus} from '../protocol/member-api.js';
import {sampleMemberStatus} from './own-node.js';

/** The socket of a node that always says the same, so that its console looks the same each time. */
export type OwnNode = {
	folder: string;
	/** It says this from now on. */
	put: (change: Partial<MemberStatus>) => void;
	/** What its coordinator answers to the next question, which waits for it. */
	tell: (answer: NodeSafeToStop | PjasError) => void;
	/** What was done with it. */
	deeds: string[];
	stop: () => Promise<void>;
};

const DAY_MS = 86_400_000;

const messages: readonly (readonly [MemberLog['entries'][number]['level'], string])[] = [
	['info', 'the node serves'],
	['info', 'registered with the coordinator'],
	[
		'warn',
		'the scrub will not read every shard in time: raise --scrub-rate or --scrub-days, or give this node less to keep',
	],
	['error', 'the scrub found a bad shard; the coordinator is told of it'],
	['info', 'a scrub of all shards is done'],
];

const findings: readonly Finding[] = [
	{
		check: 'folder',
		outcome: 'fine',
		tried: 'Wrote a file into /srv/pjas, and removed it',
		seen: 'That works',
		remedy: null,
	},
	{
		check: 'disk-space',
		outcome: 'warning',
		tried: 'Asked the disk below /srv/pjas how much is free',
		seen: '2 GiB of 252 GiB are free: it is nearly full',
		remedy: 'Make room on the disk, or move the folder to a larger one',
	},
	{
		check: 'coordinator',
		outcome: 'wrong',
		tried: 'Asked https://pjas.example.org/health',
		seen: 'Its name is not known (ENOTFOUND)',
		remedy: 'Check how the address is written, and the DNS here',
	},
	{
		check: 'clock',
		outcome: 'skipped',
		tried: 'Asked the coordinator',
		seen: 'The coordinator is not reached',
		remedy: null,
	},
];

const createDoctor = (): MemberDoctor => {
	const never: Examination = {
		...{success: true, started_at: null, ended_at: null, problem: null},
		...{planned: findings.map(({check}) => check), findings: []},
	};
	let state = never;
	return {
		begin: () => (state = {...never, started_at: Date.now(), ended_at: Date.now(), findings: [...findings]}),
		view: () => state,
	};
};

export const startOwnNode = async (t: Keeper): Promise<OwnNode> => {
	const folder = temporaryFolder(t);
	const nowMs = Date.now();
	let status = sampleMemberStatus(nowMs);
	const deeds: string[] = [];
	const put = (change: Partial<MemberStatus>) => {
		status = {...status, ...change};
	};

	const told: (NodeSafeToStop | PjasError)[] = [];
	let hasTold: () => void = () => undefined;
	const tell: OwnNode['tell'] = answer => {
		told.push(answer);
		hasTold();
	};
	const safeToStop = async () => {
		// What is shown as asked may be on its way here still.
		if (told.length === 0) await new Promise<void>(resolve => (hasTold = resolve));
		const answer = told.shift();
		if (answer instanceof PjasError || answer === undefined) throw answer ?? new Error('nothing was told');
		return answer;
	};

	const {close} = await listenToMember({
		socketPath: path.join(folder, 'node.sock'),
		member: {
			async set(texts) {
				deeds.push(`set ${JSON.stringify(texts)}`);
				return Promise.resolve();
			},
			async pause(paused) {
				deeds.push(paused ? 'pause' : 'resume');
				put({paused, line: {...status.line, ...(paused && {resting: 'paused'})}});
				return Promise.resolve();
			},
			async leave(leaving) {
				deeds.push(`leave ${leaving}`);
				put({leaving});
				return Promise.resolve();
			},
		},
		status: async () => Promise.resolve(status),
		tail: (limit, after = 0) =>
			messages
				.map(([level, message], index) => ({id: index + 1, at: nowMs - DAY_MS, level, message}))
				.filter(({id}) => id > after)
				.slice(-limit),
		startedAt: status.started_at,
		safeToStop,
		doctor: createDoctor(),
		...{log: silentLog, clock: systemClock, random: systemRandom},
	});
	t.teardown(close);
	return {folder, put, tell, deeds, stop: close};
};
