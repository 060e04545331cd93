import {once} from 'node:events';
import {setTimeout as sleep} from 'node:timers/promises';
import type {CommandContext, Output} from './context.js';

const DEFAULT_COLUMNS = 80;

const outputTo = (stream: NodeJS.WriteStream): Output => ({
	async write(data) {
		if (data.length > 0 && !stream.write(data)) await once(stream, 'drain');
	},
	isTerminal: stream.isTTY,
	columns: () => (stream.columns > 0 ? stream.columns : DEFAULT_COLUMNS),
});

/** Asks on the terminal. Its question goes to standard error, so that standard output stays what was asked for. */
const askOn =
	(process: NodeJS.Process, signal: AbortSignal) =>
	async (question: string): Promise<string> => {
		const {createInterface} = await import('node:readline/promises');
		const lines = createInterface({input: process.stdin, output: process.stderr});
		// While it asks, the terminal hands Ctrl-C over as a key.
		lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
		try {
			// Who closes the input says nothing, which is no yes.
			const closed = once(lines, 'close', {signal}).then(() => '');
			closed.catch(() => undefined);
			return await Promise.race([lines.question(question, {signal}), closed]);
		} finally {
			lines.close();
		}
	};

/** What this process gives its commands. */
export const processContext = (
	process: NodeJS.Process,
	signal: AbortSignal,
): Omit<CommandContext, 'api' | 'flags' | 'words'> => ({
	signal,
	folder: process.cwd(),
	// Opened only when somebody reads it.
	get stdin() {
		return process.stdin;
	},
	stdout: outputTo(process.stdout),
	stderr: outputTo(process.stderr),
	ask: process.stdin.isTTY && process.stderr.isTTY ? askOn(process, signal) : undefined,
	clock: {
		now: () => Date.now(),
		sleep: async (ms, ended) => sleep(ms, undefined, {signal: ended}),
	},
	random: Math.random,
});
