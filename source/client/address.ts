import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {z} from 'zod';
import {baseUrlAllowed, parseCoordinatorUrl} from '../base-url.js';
import {quoted} from '../command-line.js';
import {PjasError} from '../protocol/errors.js';

export const DEFAULT_COORDINATOR_URL = 'http://127.0.0.1:3000';

type Sources = {
	/** What the flag says. */
	flag: string | undefined;
	environment: Record<string, string | undefined>;
	/** Where somebody signed in last. */
	login?: (() => Promise<string | undefined>) | undefined;
	/** The working folder, where `pjas_config.json` may be. */
	folder: string;
};

const configSchema = z.object({coordinator_url: z.string().optional()});

const fromFile = async (file: string): Promise<string | undefined> => {
	let text: string;
	try {
		text = await readFile(file, 'utf8');
	} catch (error) {
		const {code} = error as NodeJS.ErrnoException;
		if (code === 'ENOENT') return undefined;
		throw new PjasError('INVALID_CONFIGURATION', `${file} can't be read (${String(code)})`, {cause: error});
	}

	try {
		return configSchema.parse(JSON.parse(text.replace(/^\uFEFF/, ''))).coordinator_url;
	} catch (error) {
		const problem = `${file} is no configuration: it must be JSON such as {"coordinator_url": "${DEFAULT_COORDINATOR_URL}"}`;
		throw new PjasError('INVALID_CONFIGURATION', problem, {cause: error});
	}
};

const parse = (text: string, label: string): string => {
	const url = parseCoordinatorUrl(text);
	if (url !== undefined) return url;
	throw new PjasError('INVALID_CONFIGURATION', `${label} is ${quoted(text)}. Allowed: ${baseUrlAllowed}`);
};

/**
Where the coordinator is: the flag says it, or else `PJAS_COORDINATOR`, or the login that was kept, or the
`coordinator_url` of `pjas_config.json`.

@throws {PjasError} `INVALID_CONFIGURATION`: which of them is wrong, and what is allowed.
*/
export const coordinatorAddress = async ({flag, environment, login, folder}: Sources): Promise<string> => {
	if (flag !== undefined) return parse(flag, '--coordinator');
	const {PJAS_COORDINATOR: variable} = environment;
	if (variable) return parse(variable, 'PJAS_COORDINATOR');
	const signedIn = await login?.();
	if (signedIn !== undefined) return parse(signedIn, 'The address of the stored login');
	const file = path.join(folder, 'pjas_config.json');
	const configured = await fromFile(file);
	return configured === undefined ? DEFAULT_COORDINATOR_URL : parse(configured, `"coordinator_url" in ${file}`);
};
