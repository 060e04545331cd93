import {openPty, type Pty} from './pty.js';
import {program} from './program.js';

export type ConsoleOptions = {
	/** The coordinator's; or, for a member's console, where the own node is. */
	url?: string;
	node?: string;
	/** Its home and working folder. */
	home: string;
	columns?: number;
	rows?: number;
	flags?: readonly string[];
	environment?: Readonly<Record<string, string | undefined>>;
};

/** Nothing of the machine that the tests run on: neither its settings nor its terminal. */
const neutral: Readonly<Record<string, string | undefined>> = {
	TZ: 'UTC',
	COLORFGBG: undefined,
	COLORTERM: undefined,
	TERM_PROGRAM: undefined,
	SSH_CONNECTION: undefined,
	SSH_TTY: undefined,
	NODE_OPTIONS: undefined,
	NODE_V8_COVERAGE: undefined,
	XDG_CONFIG_HOME: undefined,
	PJAS_COORDINATOR: undefined,
};

/** The environment of a console of its own, for programs that start one. */
export const consoleEnvironment = ({home, environment}: Pick<ConsoleOptions, 'home' | 'environment'>) => ({
	...neutral,
	HOME: home,
	NODE_ENV: 'production',
	...environment,
});

/** The real console in a pseudo-terminal. */
export const openConsole = (options: ConsoleOptions): Pty => {
	const {url, node, home, columns = 100, rows = 30, flags = []} = options;
	const of = node === undefined ? ['--coordinator', url ?? ''] : ['--node', node];
	return openPty({
		command: process.execPath,
		args: [program, ...of, ...flags],
		...{columns, rows, cwd: home},
		env: consoleEnvironment(options),
	});
};
