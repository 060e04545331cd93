#!/usr/bin/env node
import {hostname} from 'node:os';
import {escapeControls} from '../source/protocol/escape.js';
import {isPjasError} from '../source/protocol/errors.js';
import {packageVersion} from '../source/version.js';
import {jsonLog, type LogFormat} from './adapters/json-log.js';
import {systemClock as clock, systemRandom as random} from './adapters/system.js';
import {type Config, type Examined, loadConfig} from './config.js';
import {isRole} from './config-setting.js';
import type {SettingsOf} from './config-settings.js';
import {createProcessMetrics} from './http/metrics.js';
import type {Running} from './lifecycle.js';
import type {Log} from './ports/log.js';
import {adminTokenFileOf} from './roles/admin-token.js';
import {announce} from './roles/announce.js';
import type {RunningCoordinator} from './roles/coordinator.js';

/** The one place where the parts are put together: flags → configuration → role. */

const exitCodes = {failed: 1, wrongWords: 2, unreachable: 3};

const LEFTOVERS_MS = 2_000;

const say = (line: string) => process.stdout.write(`${line}\n`);

/** Scripts wait for the line on standard output; the log has it too. */
const sayReady = (log: Log, url: string, folder: string) => {
	log.info('ready', {url, folder});
	say(`ready ${url} ${folder}`);
};

/** What is told once, at a coordinator's first start: how its first admin gets in. */
const sayFirstAdmin = ({url, firstAdmin}: Pick<RunningCoordinator, 'url' | 'firstAdmin'>, tokenFile: string) => {
	if (!firstAdmin) return;
	say(
		[
			'',
			'This coordinator has a first account now, admin. This is told once:',
			`  to choose its password   ${url}/welcome#${firstAdmin.code}`,
			`                           (or: pjas-tui accept '${url}/welcome#${firstAdmin.code}')`,
			`  its token, for programs  ${firstAdmin.token}`,
			`                           (kept in ${tokenFile}, where pjas-tui of this user finds it)`,
			'',
		].join('\n'),
	);
};

const openWarning =
	'--open: this coordinator runs without accounts. Everybody who reaches it may read, write and delete everything, and join';

/** Starts what goes on. A role's code is loaded only when it is wanted. */
const start = async (config: Config, log: Log, signal: AbortSignal): Promise<Running> => {
	const version = packageVersion();
	const masterKey = process.env['PJAS_MASTER_KEY'];
	const surroundings = {log, clock, random, version, masterKey, processMetrics: createProcessMetrics()};
	const announced = async (running: Pick<RunningCoordinator, 'url' | 'firstAdmin' | 'close'>, tokenFile: string) => {
		sayFirstAdmin(running, tokenFile);
		return announce(running, {tokenFile, environment: process.env, log});
	};

	switch (config.mode) {
		case 'coordinator': {
			const {settings} = config;
			const [{startLocked}, {startCoordinator}] = await Promise.all([
				import('./roles/locked.js'),
				import('./roles/coordinator.js'),
			]);
			if (settings.open) log.warn(openWarning);
			const running = await startLocked(settings.dataFolder, clock, async () =>
				startCoordinator({...settings, ...surroundings}),
			);
			sayReady(log, running.url, settings.dataFolder);
			return announced(running, adminTokenFileOf(settings.dataFolder));
		}

		case 'node': {
			const {settings} = config;
			const [{startLocked}, {startNode}] = await Promise.all([import('./roles/locked.js'), import('./roles/node.js')]);
			const {timeZone} = Intl.DateTimeFormat().resolvedOptions();
			const running = await startLocked(settings.storagePath, clock, async () =>
				startNode({...settings, ...surroundings, timeZone, isAlone: true}),
			);
			sayReady(log.child({node: running.nodeId}), running.url, settings.storagePath);
			return running;
		}

		case 'local': {
			const {settings} = config;
			const [{coordinatorFolderOf, startLocal, localWelcome}, {startCoordinator}, {startNode}] = await Promise.all([
				import('./roles/local.js'),
				import('./roles/coordinator.js'),
				import('./roles/node.js'),
			]);
			if (settings.open) log.warn(openWarning);
			const running = await startLocal(settings, surroundings, {startCoordinator, startNode}, signal);
			sayReady(log, running.url, settings.dataFolder);
			say(localWelcome(running.url, settings));
			return announced(running, adminTokenFileOf(coordinatorFolderOf(settings.dataFolder)));
		}

		default:
			throw new Error(`${config.mode} is no role`);
	}
};

/** Looks at a role, which may run meanwhile, and says by the exit code whether anything is wrong. */
const examine = async (examined: Examined, isJson: boolean, log: Log): Promise<void> => {
	const {runDoctor} = await import('./roles/doctor.js');
	const hasMasterKey = Boolean(process.env['PJAS_MASTER_KEY']);
	const tools = {clock, random, log, version: packageVersion(), hasMasterKey, isJson, say};
	if (!(await runDoctor(examined, tools))) process.exitCode = exitCodes.failed;
};

/** Does what ends. */
const runCommand = async (config: Config): Promise<void> => {
	switch (config.mode) {
		case 'coordinator':
		case 'node':
		case 'local':
		case 'doctor':
		case 'join':
			throw new Error(`${config.mode} is started elsewhere`);
		case 'status':
		case 'set':
		case 'pause':
		case 'resume':
		case 'leave': {
			const {runMemberCommand} = await import('./roles/member-commands.js');
			return runMemberCommand(config, {clock, say});
		}

		default: {
			const {runAudit, runBackup, runRestore, runRotateKeys} = await import('./roles/commands.js');
			if (config.mode === 'backup') await runBackup(config.settings, {clock, say});
			else if (config.mode === 'restore') await runRestore(config.settings, {clock, say});
			else if (config.mode === 'rotate-keys') await runRotateKeys(config.settings, {clock, random, say});
			else if (!(await runAudit(config.settings, {clock, say}))) process.exitCode = exitCodes.failed;
			return;
		}
	}
};

/** The clock's timers don't keep a process going that waits for nothing else. */
const keptAlive = async <Value>(work: () => Promise<Value>): Promise<Value> => {
	const keepAlive = setInterval(() => undefined, 2 ** 30);
	try {
		return await work();
	} finally {
		clearInterval(keepAlive);
	}
};

const configSurroundings = () => ({environment: process.env, folder: process.cwd(), hostname: hostname()});

/** Joins, and goes on as the node, unless a service does. */
const join = async (settings: SettingsOf<'join'>, kept: Record<string, unknown>, log: Log): Promise<void> => {
	const {runJoin} = await import('./roles/join.js');
	// What goes as it should is told in other words.
	const tools = {log: {...log, info: log.debug}, clock, random, version: packageVersion(), say};
	const configFile = await keptAlive(async () => runJoin(settings, kept, tools));
	if (configFile === undefined) return;
	const request = loadConfig(['--role', 'node', settings.storagePath, '--config', configFile], configSurroundings());
	if (request.kind === 'run') await run(request.config, log);
};

const run = async (config: Config, log: Log): Promise<void> => {
	if (!isRole(config.mode)) {
		await keptAlive(async () => runCommand(config));
		return;
	}

	const {runUntilStopped} = await import('./lifecycle.js');
	await runUntilStopped(async signal => start(config, log, signal), {log, clock});
};

const exitCodeOf = (error: unknown): number => {
	if (isPjasError(error, 'INVALID_CONFIGURATION')) return exitCodes.wrongWords;
	return isPjasError(error, 'COORDINATOR_UNREACHABLE') ? exitCodes.unreachable : exitCodes.failed;
};

/** What programs may look at. Wrong words need none: their exit code says so. */
const codeText = (error: unknown): string =>
	isPjasError(error) && error.code !== 'INVALID_CONFIGURATION' ? ` (${error.code})` : '';

/** One clear message for what has a name; what has none goes out whole. */
const fail = (error: unknown, log?: Log, format?: LogFormat) => {
	const isKnown = isPjasError(error) || typeof (error as NodeJS.ErrnoException).syscall === 'string';
	const {message, stack} = error instanceof Error ? error : new Error(String(error));
	if (log && (!isKnown || format === 'json')) log.error(isKnown ? message : 'nobody expected this error', {error});
	else
		process.stderr.write(`pjas-daemon: ${escapeControls(isKnown ? message : (stack ?? message))}${codeText(error)}\n`);
	process.exitCode = exitCodeOf(error);
	// What failed half-way may have left something that goes on.
	setTimeout(() => process.exit(), LEFTOVERS_MS).unref();
};

const main = async () => {
	let log: Log | undefined;
	let format: LogFormat | undefined;
	try {
		const request = loadConfig(process.argv.slice(2), configSurroundings());
		if (request.kind !== 'run') {
			process.stdout.write(request.kind === 'help' ? request.text : `${packageVersion()}\n`);
			return;
		}

		const {logFormat, logLevel: level} = request.config.settings;
		format = logFormat;
		log = jsonLog({format, level, clock, write: line => process.stderr.write(line)});
		for (const warning of request.warnings) log.warn(warning);
		const {config, examined, kept} = request;
		if (config.mode === 'doctor' && examined) await examine(examined, config.settings.json, log);
		else if (config.mode === 'join') await join(config.settings, kept ?? {}, log);
		else await run(config, log);
	} catch (error) {
		fail(error, log, format);
	}
};

// Whoever read what is written here may go away; that must not end the daemon.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

await main();
