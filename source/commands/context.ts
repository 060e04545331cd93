import type {Api} from '../client/contract.js';
import type {CommandLine} from '../command-line.js';
import {PjasError} from '../protocol/errors.js';
import {escapeControls} from '../protocol/escape.js';
import type {RandomBytes} from '../protocol/keyring.js';

/** What a command is given to do its work with. */
export type CommandContext = {
	api: Api;
	flags: CommandLine['flags'];
	/** What follows the command. */
	words: readonly string[];
	/** Aborted where the command is to end early. */
	signal: AbortSignal;
	/** The working folder, from which paths go. */
	folder: string;
	stdin: AsyncIterable<Uint8Array> & {isTTY?: boolean};
	stdout: Output;
	stderr: Output;
	/** Asks on the terminal and says what was typed; `undefined` where there is no terminal to ask on. */
	ask: ((question: string) => Promise<string>) | undefined;
	/** The same without showing what is typed. */
	askSecret: ((question: string) => Promise<string>) | undefined;
	environment: Readonly<Record<string, string | undefined>>;
	/** The user's home folder. */
	home: string;
	/** What this machine is called. */
	machine: string;
	clock: CommandClock;
	random: () => number;
	randomBytes: RandomBytes;
};

export type Output = {
	/** Resolves when there is room for more. */
	write: (data: string | Uint8Array) => Promise<void>;
	isTerminal: boolean;
	/** How wide the terminal is now. */
	columns: () => number;
};

/** Milliseconds since the epoch, and a wait that the signal ends. */
export type CommandClock = {now: () => number; sleep: (ms: number, signal: AbortSignal) => Promise<void>};

/** Carries a command out, and says its exit code. */
export type RunCommand = (context: CommandContext) => Promise<number>;

export const isOn = ({flags}: Pick<CommandContext, 'flags'>, name: string): boolean => flags.get(name) === true;

export const valueOf = ({flags}: Pick<CommandContext, 'flags'>, name: string): string | undefined => {
	const value = flags.get(name);
	return typeof value === 'string' ? value : undefined;
};

/** Refuses what changes something, where a command also does what changes nothing. */
export const refuseReadOnly = (context: Pick<CommandContext, 'flags'>, what: string): void => {
	if (!isOn(context, 'read-only')) return;
	throw new PjasError('INVALID_CONFIGURATION', `${what} changes the network, and --read-only refuses that`);
};

/** JSON on a line of its own that a terminal can show: what it could obey is escaped. */
export const jsonLine = (value: unknown): string => `${escapeControls(JSON.stringify(value))}\n`;
