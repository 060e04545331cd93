import {execFile} from 'node:child_process';
import {createHash} from 'node:crypto';
import {mkdir, readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {promisify} from 'node:util';
import {PjasError} from '../../source/protocol/errors.js';
import {type ServiceFile, serviceFileOf, type ServiceUser, type StartedNode} from './service-files.js';

/** Runs a program of the system; rejects where it does not end with 0. */
export type RunProgram = (program: string, words: readonly string[]) => Promise<void>;

const LONGEST_RUN_MS = 30_000;

export const runProgram: RunProgram = async (program, words) => {
	try {
		await promisify(execFile)(program, words, {timeout: LONGEST_RUN_MS, windowsHide: true});
	} catch (error) {
		const {code, stderr = ''} = error as {code?: unknown; stderr?: string};
		const [said = ''] = stderr.trim().split('\n');
		throw new Error(code === 'ENOENT' ? `there is no ${program}` : said || `it ends with ${String(code)}`, {
			cause: error,
		});
	}
};

const NAME = 'pjas-node';

const textOf = async (file: string): Promise<string | undefined> => {
	try {
		const bytes = await readFile(file);
		return bytes.toString(bytes[0] === 0xff ? 'utf16le' : 'utf8');
	} catch {
		return undefined;
	}
};

/** A machine may run several nodes: the first is called `pjas-node`, the others by their folders as well. */
const nameFor = async (node: StartedNode, user: ServiceUser): Promise<ServiceFile> => {
	const first = serviceFileOf(NAME, node, user);
	const there = await textOf(first.file);
	if (there === undefined || there.includes(first.storageText)) return first;
	const hash = createHash('sha256').update(node.storagePath).digest('hex').slice(0, 6);
	return serviceFileOf(`${NAME}-${hash}`, node, user);
};

/**
Writes a service where it belongs and has the system start it, now and from now on.

@throws {PjasError} `SERVICE_NOT_STARTED`, with what is left to be done by hand. The file is written then.
*/
export const installService = async (
	node: StartedNode,
	user: ServiceUser,
	run: RunProgram = runProgram,
): Promise<ServiceFile> => {
	const service = await nameFor(node, user);
	await mkdir(path.dirname(service.file), {recursive: true});
	await writeFile(service.file, service.content, {encoding: service.encoding, mode: 0o600});
	for (const [program, ...words] of service.commands) {
		try {
			await run(program, words);
		} catch (error) {
			// What is not there yet can't be taken away.
			if (words[0] === 'unload') continue;
			const command = [program, ...words].join(' ');
			const problem = `The service is written to ${service.file}, but "${command}" fails: ${(error as Error).message}`;
			const help = 'Run that in a session of your own, or start the node yourself';
			throw new PjasError('SERVICE_NOT_STARTED', `${problem}. ${help}`, {cause: error});
		}
	}

	return service;
};
