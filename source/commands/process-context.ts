import {randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {homedir, hostname} from 'node:os';
import {Writable} from 'node:stream';
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

/** Where what is typed and must not be seen is echoed to. */
const nowhere = () => new Writable({write: (_piece, _encoding, done) => done()});

type AskOptions = {process: NodeJS.Process; signal: AbortSignal; isSecret: boolean};

/** Asks on the terminal. Its question goes to standard error, so that standard output stays what was asked for. */
const askOn =
	({process, signal, isSecret}: AskOptions) =>
	async (question: string): Promise<string> => {
		const {createInterface} = await import('node:readline/promises');
		const output = isSecret ? nowhere() : process.stderr;
		const lines = createInterface({input: process.stdin, output, terminal: true});
		if (isSecret) process.stderr.write(question);
		// While it asks, the terminal hands Ctrl-C over as a key.
		lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
		try {
			// Who closes the input says nothing, which is no yes.
			const closed = once(lines, 'close', {signal}).then(() => '');
			closed.catch(() => undefined);
			return await Promise.race([lines.question(question, {signal}), closed]);
		} finally {
			lines.close();
			if (isSecret) process.stderr.write('\n');
		}
	};

const isTerminal = ({stdin, stderr}: NodeJS.Process) => stdin.isTTY && stderr.isTTY;

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
	ask: isTerminal(process) ? askOn({process, signal, isSecret: false}) : undefined,
	askSecret: isTerminal(process) ? askOn({process, signal, isSecret: true}) : undefined,
	environment: process.env,
	home: homedir(),
	machine: hostname(),
	clock: {
		now: () => Date.now(),
		sleep: async (ms, ended) => sleep(ms, undefined, {signal: ended}),
	},
	random: Math.random,
	randomBytes: sizeBytes => new Uint8Array(randomBytes(sizeBytes)),
});
