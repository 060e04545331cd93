import {homedir, userInfo} from 'node:os';
import {createInterface} from 'node:readline/promises';
import {PjasError} from '../../source/protocol/errors.js';
import type {SettingsOf} from '../config-settings.js';
import {systemIo} from '../doctor/io.js';
import {installService} from '../join/install-service.js';
import {joinNetwork, type JoinTools} from '../join/join.js';
import type {ServiceUser} from '../join/service-files.js';

const thisUser = (): ServiceUser => {
	const {username: name, uid} = userInfo();
	const {XDG_CONFIG_HOME: configHome, LOCALAPPDATA: localAppData} = process.env;
	return {platform: process.platform, home: homedir(), name, uid, configHome, localAppData};
};

/** Asks somebody at a terminal; where nobody is, the answer is no. */
const ask = async (question: string): Promise<boolean> => {
	if (!process.stdin.isTTY || !process.stdout.isTTY) return false;
	const terminal = createInterface({input: process.stdin, output: process.stdout});
	const ended = new AbortController();
	// Ctrl-C ends the program, as it would without a question; Ctrl-D is no.
	terminal.once('SIGINT', () => process.exit(INTERRUPTED));
	terminal.once('close', () => ended.abort());
	try {
		const answer = await terminal.question(`${question} [y/N] `, {signal: ended.signal});
		return /^y(es)?$/i.test(answer.trim());
	} catch (error) {
		if (!ended.signal.aborted) throw error;
		return false;
	} finally {
		terminal.close();
	}
};

const INTERRUPTED = 130;
const question = 'Have this machine start the node by itself, as a service of yours?';

/** Joins a network; the configuration file that the node is to go on with here, or nothing where a service has it. */
export const runJoin = async (
	settings: SettingsOf<'join'>,
	kept: Record<string, unknown>,
	tools: Omit<JoinTools, 'io'>,
): Promise<string | undefined> => {
	const {say} = tools;
	const {storagePath, service: wanted} = settings;
	const {outcome, configFile} = await joinNetwork(settings, kept, {...tools, io: systemIo});
	if (outcome === 'runs') return undefined;
	const isService = wanted ?? (await ask(question));
	if (!isService) return configFile;
	const [program, script] = [process.execPath, process.argv[1]];
	if (script === undefined) throw new Error('this program does not know its own script');
	try {
		const {name, file, hints} = await installService({program, script, storagePath, configFile}, thisUser());
		say(`service  ${name} runs the node from now on (${file})`);
		for (const hint of hints) say(`         ${hint}`);
		return undefined;
	} catch (error) {
		// Whoever asked for nothing else than a service is told that there is none; who was asked has the node all the same.
		if (wanted !== undefined || !(error instanceof PjasError)) throw error;
		say(`warning  ${error.message}`);
		return configFile;
	}
};
