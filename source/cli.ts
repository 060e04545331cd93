#!/usr/bin/env node
import {homedir} from 'node:os';
import {isatty} from 'node:tty';
import {setFlagsFromString} from 'node:v8';
import type {CommandLine} from './command-line.js';
import {commandNames, commands} from './commands/commands.js';
import {exitCodeOf, exitCodes, failureText} from './commands/failures.js';
import {readRequest, type Request} from './commands/request.js';
import type {ThemeName} from './console/theme.js';
import type {FrontOptions} from './console-front.js';
import {PjasError} from './protocol/errors.js';
import {packageVersion} from './version.js';

// Whatever is imported above is loaded before the console's first frame: all that can wait is imported when it is needed.

/** How long a program that should end may take to put things in order. */
const LEFTOVERS_MS = 1_000;
/** Who presses Tab waits no longer. */
const COMPLETION_MS = 2_000;
/** How much the heap may grow from one full collection to the next. */
const HEAP_GROWING_PERCENT = 20;
/** By which factor the room for young objects grows when many of them live on. */
const YOUNG_GROWTH_FACTOR = 1;

const signalCodes = {SIGINT: 130, SIGTERM: 143, SIGHUP: 129} as const;

const places = {environment: process.env, home: homedir()};

const addressOf = async (flags: CommandLine['flags']): Promise<string> => {
	const [{coordinatorAddress}, {lastLoginUrl}] = await Promise.all([
		import('./client/address.js'),
		import('./client/credentials.js'),
	]);
	const flag = flags.get('coordinator');
	return coordinatorAddress({
		flag: typeof flag === 'string' ? flag : undefined,
		environment: process.env,
		login: async () => lastLoginUrl(places),
		folder: process.cwd(),
	});
};

const tokenOf = async (url: string): Promise<string | undefined> => {
	const {tokenFor} = await import('./client/credentials.js');
	return tokenFor(url, places);
};

/** Chalk, with which Ink paints, looks at the environment once, and is to leave nothing out: the surface knows the terminal. */
const loadPainted = async <App>(load: () => Promise<App>): Promise<App> => {
	const {FORCE_COLOR: before} = process.env;
	process.env['FORCE_COLOR'] = '1';
	try {
		const app = await load();
		// What it took to load the program (4 MB) is enough for a frame; left alone, V8 goes on to 48 MB, which the console does not get back.
		setFlagsFromString(`--semi-space-growth-factor=${YOUNG_GROWTH_FACTOR}`);
		return app;
	} finally {
		if (before === undefined) delete process.env['FORCE_COLOR'];
		else process.env['FORCE_COLOR'] = before;
	}
};

const openNetwork = async (flags: CommandLine['flags'], front: FrontOptions): Promise<number> => {
	const url = await addressOf(flags);
	const {runConsole} = await loadPainted(async () => import('./app.js'));
	return runConsole({
		...front,
		url,
		token: await tokenOf(url),
		readToken: async () => tokenOf(url),
		folders: {home: homedir(), working: process.cwd()},
	});
};

const openOwnNode = async (place: string, flags: CommandLine['flags'], front: FrontOptions): Promise<number> => {
	if (flags.has('coordinator')) {
		const problem = '--node is the console of your own node, --coordinator that of a network: leave one of them out';
		throw new PjasError('INVALID_CONFIGURATION', problem);
	}

	const {checkMemberPlace} = await import('./member-socket.js');
	checkMemberPlace(place);
	const {runMemberConsole} = await loadPainted(async () => import('./member-app.js'));
	return runMemberConsole({...front, place});
};

const openConsole = async (flags: CommandLine['flags']): Promise<number> => {
	const isScreenReader = flags.get('screen-reader') === true;
	const place = flags.get('node');
	if (!isScreenReader && !(isatty(0) && isatty(1))) {
		const names = commandNames.filter(name => commands[name].isRemote).join(', ');
		const instead = place === undefined ? `there are commands: ${names}` : 'there is pjas-daemon status FOLDER --json';
		throw new PjasError('INVALID_CONFIGURATION', `The console needs a terminal. Without one ${instead}`);
	}

	// V8 would rather take more memory than look for what is free: a console that is open all day takes it the other way round.
	setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
	const front = {
		isReadOnly: flags.get('read-only') === true,
		isScreenReader,
		theme: (flags.get('theme') ?? 'auto') as ThemeName,
		environment: process.env,
	};
	return typeof place === 'string' ? openOwnNode(place, flags, front) : openNetwork(flags, front);
};

type CommandRequest = Extract<Request, {kind: 'command'}>;

/** Two commands say with their word which coordinator is meant. */
const addressIn = async ({name, flags, words}: CommandRequest): Promise<string> => {
	const [word] = words;
	if (word === undefined || (name !== 'login' && name !== 'accept')) return addressOf(flags);
	if (flags.has('coordinator')) {
		throw new PjasError('INVALID_CONFIGURATION', `${name} says the address already: leave --coordinator out`);
	}

	if (name === 'login') return addressOf(new Map([['coordinator', word]]));
	const {invitationOf} = await import('./commands/invitation-link.js');
	return invitationOf(word).url;
};

/** Who signs in is nobody yet; what is kept from before may be broken. */
const isSigningIn = ({name}: CommandRequest) => name === 'login' || name === 'accept' || name === 'logout';

const refuseChange = ({name, flags}: CommandRequest) => {
	const {[name]: command} = commands;
	if ('isChange' in command && flags.get('read-only') === true) {
		throw new PjasError('INVALID_CONFIGURATION', `${name} changes the network, and --read-only refuses that`);
	}
};

const runCommand = async (request: CommandRequest): Promise<number> => {
	const {name, flags, words} = request;
	if (name === 'completion') {
		const {completionScripts} = await import('./commands/completion.js');
		process.stdout.write(completionScripts[words[0] as keyof typeof completionScripts]());
		return exitCodes.done;
	}

	refuseChange(request);
	const ended = new AbortController();
	for (const [signal, code] of Object.entries(signalCodes)) {
		process.once(signal, () => {
			process.exitCode = code;
			ended.abort();
			setTimeout(() => process.exit(code), LEFTOVERS_MS);
		});
	}

	const url = await addressIn(request);
	const [{loadCommand}, {processContext}, {createApi}] = await Promise.all([
		import('./commands/run.js'),
		import('./commands/process-context.js'),
		import('./client/api.js'),
	]);
	const [command, token] = await Promise.all([loadCommand[name](), isSigningIn(request) ? undefined : tokenOf(url)]);
	try {
		return await command({...processContext(process, ended.signal), api: createApi(url, {token}), flags, words});
	} catch (error) {
		// Whoever ended it knows why.
		if (ended.signal.aborted) return Number(process.exitCode);
		throw error;
	}
};

/** What Tab asks for. It says nothing rather than something wrong. */
const complete = async ({flags, words}: Extract<Request, {kind: 'complete'}>): Promise<number> => {
	setTimeout(() => process.exit(exitCodes.failed), COMPLETION_MS).unref();
	const [what, prefix = ''] = words;
	if (what !== 'files') return exitCodes.wrongWords;
	try {
		const url = await addressOf(flags);
		const [{createApi}, {storedFiles}] = await Promise.all([
			import('./client/api.js'),
			import('./commands/complete.js'),
		]);
		const found = await storedFiles(createApi(url, {token: await tokenOf(url)}), prefix);
		process.stdout.write(found.map(word => `${word}\n`).join(''));
		return exitCodes.done;
	} catch {
		return exitCodes.failed;
	}
};

const run = async (request: Request): Promise<number> => {
	switch (request.kind) {
		case 'version':
			process.stdout.write(`${packageVersion()}\n`);
			return exitCodes.done;
		case 'help': {
			const {helpText} = await import('./commands/help.js');
			process.stdout.write(helpText(request.command));
			return exitCodes.done;
		}

		case 'console':
			return openConsole(request.flags);
		case 'complete':
			return complete(request);
		case 'command':
			return runCommand(request);
	}
};

const main = async (argv: readonly string[]): Promise<number> => {
	try {
		return await run(readRequest(argv));
	} catch (error) {
		process.stderr.write(failureText(error, argv.includes('--json')));
		return exitCodeOf(error);
	}
};

// Whoever reads along may have read enough, as `head` has.
process.stdout.on('error', () => process.exit(exitCodes.done));
process.stderr.on('error', () => undefined);

const afterConsole = Symbol.for('pjas.afterConsole');
const exitCode = await main(process.argv.slice(2));
process.exitCode = exitCode;
// `npm start` runs the console in its own process and has a network to stop after it.
await (globalThis as {[afterConsole]?: () => Promise<void>})[afterConsole]?.();
// What ended may leave something that goes on: standard input, or a connection that is kept for the next call.
setTimeout(() => process.exit(), LEFTOVERS_MS).unref();
process.stdout.write('', () => process.exit());
