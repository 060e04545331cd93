import {spawn} from '@lydell/node-pty';
import xterm from '@xterm/headless';
import {bytesOfKey} from './pty-keys.js';
import {createThrottle} from './pty-throttle.js';

export type PtyOptions = {
	command: string;
	args?: readonly string[];
	columns?: number;
	rows?: number;
	/** Added to the environment of the test; what is `undefined` is taken out of it. */
	env?: Readonly<Record<string, string | undefined>>;
	cwd?: string;
	/** How fast it reads: as over a slow line. Everything at once where it is left out. */
	bytesPerSecond?: number;
};

export type CellAttributes = {
	text: string;
	width: number;
	bold: boolean;
	dim: boolean;
	italic: boolean;
	underline: boolean;
	inverse: boolean;
	/** The number of the palette's colour, `#rrggbb`, or `undefined` for the default. */
	foreground: number | string | undefined;
	background: number | string | undefined;
};

export type Recorded = {bytes: number; writes: number; text: string};

export type Pty = {
	pid: number;
	/** The lines as the emulator shows them, without spaces at their ends. */
	screen: () => string[];
	text: () => string;
	/** Resolves when the screen has it; fails with the screen in its message, and when the program ended before. */
	waitFor: (wanted: string | RegExp | ((screen: string[]) => boolean), options?: {timeoutMs?: number}) => Promise<void>;
	/** By the names of `KeyEvent`: `down`, `enter`, `ctrl-d`, `alt-x`, `shift-tab`, or a character. All in one packet. */
	press: (...keys: string[]) => void;
	/** In one packet, as if typed. */
	type: (text: string) => void;
	write: (raw: string | Buffer) => void;
	resize: (columns: number, rows: number) => void;
	/** How many bytes the program has written, as far as they were read. */
	bytes: () => number;
	/** In how many pieces they came; the kernel may join some. */
	writes: () => number;
	/** Starts to record; what is returned tells what came since. */
	record: () => () => Recorded;
	cellAttributes: (row: number, column: number) => CellAttributes;
	/** Whether the alternate screen is shown, the cursor seen, long lines wrapped, and pastes marked. */
	modes: () => {
		isAlternate: boolean;
		isCursorVisible: boolean;
		isWrapping: boolean;
		isPasteMarked: boolean;
		title: string;
	};
	/** Stops and starts reading, as a terminal does that can't keep up. */
	pause: () => void;
	resume: () => void;
	/** When the program ended and all it wrote is on the screen. `signal` is 0 where none ended it. */
	exit: Promise<{code: number; signal: number}>;
	kill: (signal?: NodeJS.Signals) => void;
	/** Kills what still runs, and waits for its end. */
	close: () => Promise<void>;
};

const DEFAULT_TIMEOUT_MS = 60_000;

const environmentOf = (added: PtyOptions['env']): Record<string, string> => {
	const environment: Record<string, string | undefined> = {
		...process.env,
		CI: 'false',
		TERM: 'xterm-256color',
		LANG: 'C.UTF-8',
		LC_ALL: undefined,
		FORCE_COLOR: undefined,
		NO_COLOR: undefined,
		TMUX: undefined,
		STY: undefined,
		...added,
	};
	return Object.fromEntries(
		Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
	);
};

type Emulator = InstanceType<typeof xterm.Terminal>;

const linesOf = ({buffer, rows}: Emulator): string[] =>
	Array.from({length: rows}, (_, row) =>
		(buffer.active.getLine(buffer.active.baseY + row)?.translateToString(true) ?? '').trimEnd(),
	);

const colorOf = (isDefault: boolean, isRgb: boolean, color: number) =>
	isDefault ? undefined : isRgb ? `#${color.toString(16).padStart(6, '0')}` : color;

const attributesOf = ({buffer}: Emulator, row: number, column: number): CellAttributes => {
	const cell = buffer.active.getLine(buffer.active.baseY + row)?.getCell(column);
	if (!cell) throw new Error(`There is no cell in row ${row}, column ${column}`);
	return {
		text: cell.getChars(),
		width: cell.getWidth(),
		bold: cell.isBold() !== 0,
		dim: cell.isDim() !== 0,
		italic: cell.isItalic() !== 0,
		underline: cell.isUnderline() !== 0,
		inverse: cell.isInverse() !== 0,
		foreground: colorOf(cell.isFgDefault(), cell.isFgRGB(), cell.getFgColor()),
		background: colorOf(cell.isBgDefault(), cell.isBgRGB(), cell.getBgColor()),
	};
};

/** What the emulator knows but does not tell. */
const watchModes = (emulator: Emulator) => {
	const state = {isCursorVisible: true, title: ''};
	const onCursor = (final: 'h' | 'l') =>
		emulator.parser.registerCsiHandler({prefix: '?', final}, parameters => {
			if (parameters.includes(25)) state.isCursorVisible = final === 'h';
			return false;
		});
	onCursor('h');
	onCursor('l');
	emulator.onTitleChange(title => (state.title = title));
	return () => ({
		isAlternate: emulator.buffer.active.type === 'alternate',
		isWrapping: emulator.modes.wraparoundMode,
		isPasteMarked: emulator.modes.bracketedPasteMode,
		...state,
	});
};

type Wanted = Parameters<Pty['waitFor']>[0];

const isShown = (wanted: Wanted, screen: string[]): boolean => {
	if (typeof wanted === 'function') return wanted(screen);
	const text = screen.join('\n');
	return typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text);
};

/** Looks at the screen after each change of it. */
const waitOn = async (emulator: Emulator, exit: Pty['exit'], wanted: Wanted, timeoutMs: number): Promise<void> =>
	new Promise((resolve, reject) => {
		const look = () => {
			if (isShown(wanted, linesOf(emulator))) settle();
		};

		const settle = (problem?: string) => {
			clearTimeout(timer);
			listener.dispose();
			if (problem === undefined) resolve();
			else reject(new Error(`${String(wanted)} ${problem}. The screen:\n${linesOf(emulator).join('\n')}`));
		};

		const listener = emulator.onWriteParsed(look);
		const timer = setTimeout(() => settle(`was not shown within ${timeoutMs} ms`), timeoutMs);
		void exit.then(({code, signal}) => {
			look();
			settle(`was not shown before the program ended (code ${code}, signal ${signal})`);
		});
		look();
	});

/** Runs a program in a real pseudo-terminal, with an emulator that shows what it wrote. */
export const openPty = (options: PtyOptions): Pty => {
	const {command, args = [], columns = 80, rows = 24, cwd = process.cwd()} = options;
	const emulator = new xterm.Terminal({cols: columns, rows, allowProposedApi: true});
	const modes = watchModes(emulator);
	const child = spawn(command, [...args], {
		...{cols: columns, rows, cwd, encoding: null},
		env: environmentOf(options.env),
	});
	let bytes = 0;
	let writes = 0;
	const recorders = new Set<(chunk: Buffer) => void>();
	const show = (chunk: Buffer) => {
		bytes += chunk.length;
		writes++;
		for (const record of recorders) record(chunk);
		emulator.write(chunk);
	};
	const throttle = createThrottle({source: child, bytesPerSecond: options.bytesPerSecond, deliver: show});
	// The types know only text; without an encoding it is bytes.
	child.onData(chunk => throttle.take(chunk as unknown as Buffer));
	const answers = emulator.onData(answer => child.write(answer));
	let hasEnded = false;
	const exit = new Promise<{code: number; signal: number}>(resolve => {
		child.onExit(({exitCode, signal = 0}) => {
			hasEnded = true;
			answers.dispose();
			throttle.flush();
			emulator.write('', () => resolve({code: exitCode, signal}));
		});
	});
	const write = (raw: string | Buffer) => {
		if (!hasEnded) child.write(raw as string);
	};
	const kill = (signal: NodeJS.Signals = 'SIGTERM') => {
		if (!hasEnded) process.kill(child.pid, signal);
	};

	return {
		pid: child.pid,
		screen: () => linesOf(emulator),
		text: () => linesOf(emulator).join('\n'),
		waitFor: async (wanted, {timeoutMs = DEFAULT_TIMEOUT_MS} = {}) => waitOn(emulator, exit, wanted, timeoutMs),
		press: (...keys) => write(keys.map(key => bytesOfKey(key)).join('')),
		type: write,
		write,
		resize(newColumns, newRows) {
			emulator.resize(newColumns, newRows);
			child.resize(newColumns, newRows);
		},
		bytes: () => bytes,
		writes: () => writes,
		record() {
			const chunks: Buffer[] = [];
			const add = (chunk: Buffer) => chunks.push(chunk);
			recorders.add(add);
			return () => {
				const all = Buffer.concat(chunks);
				return {bytes: all.length, writes: chunks.length, text: all.toString()};
			};
		},
		cellAttributes: (row, column) => attributesOf(emulator, row, column),
		modes,
		pause: () => child.pause(),
		resume: () => child.resume(),
		exit,
		kill,
		async close() {
			kill('SIGKILL');
			child.resume();
			await exit;
			emulator.dispose();
		},
	};
};
