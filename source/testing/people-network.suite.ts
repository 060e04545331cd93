import path from 'node:path';
import {argon2Passwords} from '../../daemon/adapters/argon2-passwords.js';
import {systemClock, systemRandom} from '../../daemon/adapters/system.js';
import {startCoordinator} from '../../daemon/roles/coordinator.js';
import {type Keeper, temporaryFolder} from '../../daemon/testing/processes.js';
import {silentLog} from '../../daemon/testing/silent-log.js';
import {type Api, createApi} from '../client/api.js';
import {accept} from '../client/sign-in.js';
import type {roles} from '../protocol/people.js';

/** A real coordinator with accounts, without nodes. */
export type PeopleNetwork = {
	url: string;
	/** The admin's token, and the API as the admin calls it. */
	token: string;
	api: Api;
	/** Invites somebody, who accepts. Resolves with a token of theirs. */
	join: (name: string, role?: (typeof roles)[number], quotaBytes?: number) => Promise<string>;
};

const PASSWORD = 'correct horse battery';

/** Ends with its keeper. */
export const startPeopleNetwork = async (t: Keeper): Promise<PeopleNetwork> => {
	const coordinator = await startCoordinator({
		...{log: silentLog, clock: systemClock, random: systemRandom, version: '2.0.0', host: '127.0.0.1', port: 0},
		...{replicas: 3, minReplicas: 2, nodeTimeoutMs: 15_000, open: false, allowClassic: false},
		dataFolder: path.join(temporaryFolder(t), 'coordinator'),
		memoryBytes: 64 * 1024 ** 2,
		...{repairGraceMs: 900_000, repairAtOnce: 4, repairBytesPerSecond: 0, trashDays: 0, uploadDays: 7},
		// What is alarming depends on how long a test takes.
		alertRestMs: 24 * 3_600_000,
		passwords: argon2Passwords({memoryCost: 64, timeCost: 1, parallelism: 1}),
	});
	t.teardown(coordinator.close);
	const {url, firstAdmin} = coordinator;
	const token = firstAdmin?.token ?? '';
	const api = createApi(url, {token});
	return {
		url,
		token,
		api,
		async join(name, role = 'member', quotaBytes) {
			const {code} = await api.invite({role, name, ...(quotaBytes !== undefined && {quota_bytes: quotaBytes})});
			const signedIn = await accept(url, {code, password: PASSWORD});
			const {secret} = await signedIn.createToken({name: 'laptop'});
			await signedIn.end();
			return secret;
		},
	};
};
