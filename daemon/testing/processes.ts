import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtempSync, rmSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import type {ExecutionContext} from 'ava';

/** `pjas-daemon` of the build that runs. */
const pjasDaemon = fileURLToPath(new URL('../pjas-daemon.cjs', import.meta.url));
/** A classic node, which takes its port as `pjas-daemon` does. */
export const classicProgram = fileURLToPath(new URL('classic-process.js', import.meta.url));

const READY_WITHIN_MS = 60_000;
const POLL_MS = 20;
const STDERR_KEPT = 64 * 1024;
const STDERR_SHOWN_LINES = 25;

/** What takes care of the end: a test, or a hook that outlasts many. */
export type Keeper = Pick<ExecutionContext, 'teardown' | 'passed' | 'log'>;

/** A `pjas-daemon` that runs. */
export type Daemon = {
	child: ChildProcess;
	pid: number;
	stdout: () => string;
	stderr: () => string;
	/** The address of its ready line. Rejects where it ends before. */
	ready: () => Promise<string>;
	/** Its exit code once it has ended; `null` where a signal ended it. */
	ended: () => Promise<number | null>;
	/** Ends it at once, by SIGKILL. */
	kill: () => Promise<void>;
	/** Asks it to end, by SIGTERM, and gives its exit code. */
	stop: () => Promise<number | null>;
};

export type DaemonOptions = {
	/** Its working folder. */
	folder: string;
	/** All of its environment but PATH, and HOME, which is its working folder. */
	environment?: Record<string, string>;
	/** Whether a test that fails shows what it logged; it does by default, unless the test killed it. */
	isShown?: boolean;
	/** What starts it, as a program that runs another elsewhere. */
	before?: readonly string[];
	/** What runs in place of `pjas-daemon`. */
	program?: string;
};

/** Asks again and again until there is an answer other than `undefined` and `false`. */
export const until = async <T>(
	what: string,
	ask: () => Promise<T | undefined | false> | T | undefined | false,
	withinMs = READY_WITHIN_MS,
): Promise<T> => {
	const end = performance.now() + withinMs;
	for (;;) {
		const answer = await ask();
		if (answer !== undefined && answer !== false) return answer;
		if (performance.now() > end) throw new Error(`Waited for ${withinMs / 1000} s in vain: ${what}`);
		await delay(POLL_MS);
	}
};

export const lastLinesOf = (text: string): string => text.trimEnd().split('\n').slice(-STDERR_SHOWN_LINES).join('\n');

/** A folder that goes with its keeper. */
export const temporaryFolder = (t: Pick<Keeper, 'teardown'>): string => {
	const folder = mkdtempSync(path.join(tmpdir(), 'pjas-daemon-'));
	t.teardown(() => rmSync(folder, {recursive: true, force: true, maxRetries: 5}));
	return folder;
};

/** Starts a `pjas-daemon`, which ends with its keeper at the latest. */
export const startDaemon = (t: Keeper, argv: readonly string[], options: DaemonOptions): Daemon => {
	const {before = [], program = pjasDaemon} = options;
	const [command = process.execPath, ...words] = [...before, process.execPath, program, ...argv];
	const child = spawn(command, words, {
		cwd: options.folder,
		env: {PATH: process.env['PATH'], HOME: options.folder, ...options.environment},
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	let stdout = '';
	let stderr = '';
	child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
	child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-STDERR_KEPT)));
	const closed = once(child, 'close') as Promise<[number | null]>;

	let isShown = options.isShown ?? true;
	const ended = async () => (await closed)[0];
	const end = async () => {
		child.kill('SIGKILL');
		await closed;
	};

	t.teardown(async () => {
		await end();
		if (isShown && !t.passed) t.log(`--- ${argv.join(' ')} (process ${child.pid ?? 0})\n${lastLinesOf(stderr)}`);
	});

	return {
		child,
		pid: child.pid ?? 0,
		stdout: () => stdout,
		stderr: () => stderr,
		ready: async () =>
			until('a ready line', () => {
				const url = /^ready (\S+) .*\n/m.exec(stdout)?.[1];
				if (url === undefined && (child.exitCode !== null || child.signalCode !== null)) {
					throw new Error(`It ended before it was ready (${child.signalCode ?? child.exitCode}):\n${stdout}${stderr}`);
				}

				return url;
			}),
		ended,
		async kill() {
			isShown = false;
			await end();
		},
		async stop() {
			child.kill('SIGTERM');
			return ended();
		},
	};
};

/** Runs a command of `pjas-daemon` that ends. */
export const runDaemon = async (t: Keeper, argv: readonly string[], options: DaemonOptions) => {
	const daemon = startDaemon(t, argv, options);
	const code = await daemon.ended();
	return {code, stdout: daemon.stdout(), stderr: daemon.stderr()};
};

/** Below what systems give out by themselves, so that nobody takes one by chance while its process is away. */
const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 32_000;
/** Each file of tests has a part of them, by its process, so that no other takes a port that was given here. */
const PARTS = 24;
const PART_PORTS = (HIGHEST_PORT - LOWEST_PORT) / PARTS;
const firstPort = LOWEST_PORT + PART_PORTS * (process.pid % PARTS);

const isFree = async (port: number): Promise<boolean> => {
	const server = createServer();
	try {
		await once(server.listen(port, '127.0.0.1'), 'listening');
		return true;
	} catch {
		return false;
	} finally {
		server.close();
	}
};

const given = new Set<number>();

/** A free port that a process can come back to after it was away. */
export const keptPort = async (): Promise<number> => {
	for (;;) {
		const port = firstPort + Math.floor(Math.random() * PART_PORTS);
		if (given.has(port) || !(await isFree(port))) continue;
		given.add(port);
		return port;
	}
};
