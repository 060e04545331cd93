import {type ChildProcess, fork} from 'node:child_process';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';

/** A process of the bench's own, which listens on a port of the loopback; 0 where it does not. */
export type Forked = {child: ChildProcess; port: number};

/** Forks a module of this folder and waits until it says that it is there. */
export const startForked = async (module: string, args: readonly string[]): Promise<Forked> => {
	const child = fork(fileURLToPath(new URL(module, import.meta.url)), args, {execArgv: []});
	const [message] = (await once(child, 'message')) as [{port: number}];
	return {child, port: message.port};
};

/** Tells it what to do, and waits until that is done. */
export const askForked = async ({child}: Forked, task: object): Promise<void> => {
	child.send(task);
	const [answer] = (await once(child, 'message')) as [{error?: string}];
	if (answer.error !== undefined) throw new Error(answer.error);
};

/** Lets them end; one that already did is passed over. */
export const endForked = async (processes: readonly Pick<Forked, 'child'>[]): Promise<void> => {
	const ending = processes.map(async ({child}) => {
		if (child.exitCode !== null || child.signalCode !== null) return;
		const ended = once(child, 'exit');
		child.disconnect();
		await ended;
	});
	await Promise.all(ending);
};
