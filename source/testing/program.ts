import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {text} from 'node:stream/consumers';
import {fileURLToPath} from 'node:url';

/** `pjas-tui` as users run it: the bundle. */
export const program = fileURLToPath(new URL('../../bundle/pjas-tui.js', import.meta.url));

export type RunOptions = {
	folder: string;
	environment?: Record<string, string>;
	/** What comes on its standard input; nothing without it. */
	input?: string | Uint8Array;
};

/** A pjas-tui that runs, with pipes in place of a terminal. */
export const startProgram = (argv: readonly string[], {folder, environment = {}, input}: RunOptions) => {
	const child = spawn(process.execPath, [program, ...argv], {
		cwd: folder,
		env: {PATH: process.env['PATH'], ...environment},
		stdio: ['pipe', 'pipe', 'pipe'],
	});
	// A program that wants no more input may be gone by then.
	child.stdin.on('error', () => undefined);
	child.stdin.end(input);
	return child;
};

/** Runs pjas-tui to its end. */
export const runProgram = async (argv: readonly string[], options: RunOptions) => {
	const child = startProgram(argv, options);
	const [stdout, stderr, [code]] = await Promise.all([
		text(child.stdout),
		text(child.stderr),
		once(child, 'exit') as Promise<[number | null]>,
	]);
	return {code, stdout, stderr};
};
