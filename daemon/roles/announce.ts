import {mkdir, rm, writeFile} from 'node:fs/promises';
import {homedir} from 'node:os';
import path from 'node:path';
import {type LocalCoordinator, localCoordinatorFile} from '../../source/local-coordinator.js';
import type {Log} from '../ports/log.js';
import type {RunningRole} from './coordinator.js';

/**
Says to this user's programs where the token of a coordinator is, for as long as it runs. That is a comfort: where it
can't be said, people name the token themselves.
*/
export const announce = async <Role extends RunningRole>(
	running: Role,
	{tokenFile, environment, log}: {tokenFile: string; environment: NodeJS.ProcessEnv; log: Log},
): Promise<Role> => {
	const file = localCoordinatorFile(environment, homedir(), new URL(running.url).port);
	try {
		await mkdir(path.dirname(file), {recursive: true, mode: 0o700});
		await writeFile(file, JSON.stringify({tokenFile} satisfies LocalCoordinator), {mode: 0o600});
	} catch (error) {
		log.warn('the programs of this user are not told where the token is', {error});
	}

	return {
		...running,
		async close() {
			await rm(file, {force: true}).catch(() => undefined);
			await running.close();
		},
	};
};
