import {PjasError} from '../protocol/errors.js';
import {LONGEST_PASSWORD, SHORTEST_PASSWORD} from '../protocol/people.js';
import type {CommandContext} from './context.js';
import {CommandError} from './failures.js';

/** Passwords come from the terminal or the environment, never from the command line, which every process here can read. */

const fromEnvironment = ({PJAS_PASSWORD: password = ''}: CommandContext['environment']): string | undefined =>
	password === '' ? undefined : password;

const asker = ({askSecret}: CommandContext) => {
	if (askSecret) return askSecret;
	throw new PjasError('INVALID_CONFIGURATION', 'There is no terminal to ask on. Give the password in PJAS_PASSWORD');
};

export const askPassword = async (context: CommandContext, name: string): Promise<string> =>
	fromEnvironment(context.environment) ?? asker(context)(`Password of ${name}: `);

const checkNew = (password: string): string => {
	if (password.length < SHORTEST_PASSWORD) {
		throw new PjasError('INVALID_CONFIGURATION', `A password has at least ${SHORTEST_PASSWORD} characters`);
	}

	if (password.length <= LONGEST_PASSWORD) return password;
	throw new PjasError('INVALID_CONFIGURATION', `A password has at most ${LONGEST_PASSWORD} characters`);
};

/** Asks twice, so that a slip is no password. */
export const askNewPassword = async (context: CommandContext): Promise<string> => {
	const given = fromEnvironment(context.environment);
	if (given !== undefined) return checkNew(given);
	const ask = asker(context);
	const password = checkNew(await ask('New password: '));
	if ((await ask('The same once more: ')) === password) return password;
	throw new CommandError('PASSWORDS_DIFFER', 'These are two passwords. Start again');
};
