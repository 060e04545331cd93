import path from 'node:path';

/**
Where a coordinator says, to the programs of the user that runs it, which token they may call it with: so that nobody
has to sign in on the machine that it runs on. A file a port, in the user's state folder
(https://specifications.freedesktop.org/basedir-spec/latest/).
*/
export const localCoordinatorFile = (environment: NodeJS.ProcessEnv, home: string, port: string | number): string =>
	path.join(environment['XDG_STATE_HOME'] || path.join(home, '.local', 'state'), 'pjas', `coordinator-${port}.json`);

export type LocalCoordinator = {
	/** The folder's file that holds the token. */
	tokenFile: string;
};
