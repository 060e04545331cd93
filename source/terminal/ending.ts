import {constants} from 'node:os';

/** What of a process is needed to end or stop in good order. `process` is one. */
export type Host = {
	on: (event: string, listener: (...values: never[]) => void) => unknown;
	off: (event: string, listener: (...values: never[]) => void) => unknown;
	kill: (pid: number, signal: NodeJS.Signals) => unknown;
	pid: number;
	exit: (code: number) => void;
	stderr: {write: (text: string) => unknown};
};

const endSignals = ['SIGTERM', 'SIGHUP', 'SIGINT'] as const;

export type Endings = {
	/** Restores the terminal, at once; called before anything else. */
	restore: () => void;
	/** SIGTSTP from elsewhere, and SIGCONT. */
	suspend: () => void;
	resume: () => void;
};

/**
Sees to it that however the process ends, the terminal is restored first. Exits with 128 and the signal's number, or with 1 after
telling the error. Returns what takes it back.
*/
export const watchEndings = (host: Host, {restore, suspend, resume}: Endings): (() => void) => {
	const crash = (error: unknown) => {
		restore();
		host.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
		host.exit(1);
	};

	const listeners: [event: string, listener: (...values: never[]) => void][] = [
		...endSignals.map(signal => {
			const end = () => {
				restore();
				host.exit(128 + constants.signals[signal]);
			};
			return [signal, end] satisfies [string, () => void];
		}),
		['uncaughtException', crash],
		['unhandledRejection', crash],
		['exit', restore],
		['SIGTSTP', suspend],
		['SIGCONT', resume],
	];
	for (const [event, listener] of listeners) host.on(event, listener);
	return () => {
		for (const [event, listener] of listeners) host.off(event, listener);
	};
};
