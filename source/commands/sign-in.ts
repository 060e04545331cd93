import {text} from 'node:stream/consumers';
import {createApi} from '../client/api.js';
import {credentialsFile, keepLogin, type Login} from '../client/credentials.js';
import {AnswerError} from '../client/errors.js';
import type {Whoami} from '../client/people-contract.js';
import {accept as acceptInvitation, signIn, type SignedIn} from '../client/sign-in.js';
import {quoted} from '../command-line.js';
import {PjasError} from '../protocol/errors.js';
import {escapeControls} from '../protocol/escape.js';
import {accountNameAllowed, accountNamePattern, isSecret} from '../protocol/people.js';
import {askNewPassword, askPassword} from './ask-password.js';
import {type CommandContext, isOn, jsonLine, type RunCommand, valueOf} from './context.js';
import {exitCodes} from './failures.js';
import {invitationOf} from './invitation-link.js';

const wrong = (problem: string) => new PjasError('INVALID_CONFIGURATION', problem);

const keep = async (context: CommandContext, login: Login, {role, scope}: Pick<Whoami, 'role' | 'scope'>) => {
	const {url} = context.api;
	await keepLogin(url, login, context);
	const {name} = login;
	const where = credentialsFile(context);
	await context.stdout.write(
		isOn(context, 'json')
			? jsonLine({url, name, role, scope})
			: escapeControls(`Signed in to ${url} as ${name} (${role}). The token is kept in ${where}`).concat('\n'),
	);
};

const nothingToSignInTo = () =>
	wrong('This coordinator runs without accounts (--open): there is nothing to sign in to');

/** Nobody is asked for a password that leads nowhere: to a coordinator that is away, or has no accounts. */
const assertHasAccounts = async (url: string) => {
	try {
		const who = await createApi(url).whoami();
		if (who.open) throw nothingToSignInTo();
	} catch (error) {
		if (!(error instanceof AnswerError && error.code === 'UNAUTHENTICATED')) throw error;
	}
};

/** Puts a token of this machine's in place of the session. */
const keepSession = async (context: CommandContext, {whoami, createToken, end}: SignedIn) => {
	try {
		const {secret} = await createToken({name: `pjas-tui on ${context.machine}`.slice(0, 100)});
		await keep(context, {token: secret, name: whoami.name}, whoami);
	} finally {
		// It ends by itself too, a while later.
		await end().catch(() => undefined);
	}
};

const keepToken = async (context: CommandContext, given: string) => {
	const token = given === '-' ? (await text(context.stdin)).trim() : given;
	if (!isSecret('token', token)) throw wrong('That is no API token: it begins with pjas_ and has 48 characters');
	const who = await createApi(context.api.url, {token}).whoami();
	if (who.open) throw nothingToSignInTo();
	await keep(context, {token, name: who.name}, who);
};

const askName = async (context: CommandContext, question: string): Promise<string> => {
	if (!context.ask) throw wrong('There is no terminal to ask on. Say --name NAME');
	const name = (await context.ask(question)).trim().toLowerCase();
	if (accountNamePattern.test(name)) return name;
	throw wrong(`${quoted(name)} is no name of an account. Allowed: ${accountNameAllowed}`);
};

export const login: RunCommand = async context => {
	const token = valueOf(context, 'token');
	if (token !== undefined) {
		await keepToken(context, token);
		return exitCodes.done;
	}

	await assertHasAccounts(context.api.url);
	const name = valueOf(context, 'name') ?? (await askName(context, 'Name: '));
	const password = await askPassword(context, name);
	await keepSession(context, await signIn(context.api.url, {name, password}));
	return exitCodes.done;
};

/** A name is asked for only where the invitation has none, which is known once it was tried. */
export const accept: RunCommand = async context => {
	const {url} = context.api;
	const {code} = invitationOf(context.words[0] ?? '');
	const name = valueOf(context, 'name')?.toLowerCase();
	const password = await askNewPassword(context);
	const tryWith = async (wanted: string | undefined) =>
		acceptInvitation(url, {code, password, ...(wanted !== undefined && {name: wanted})});

	let signedIn: SignedIn;
	try {
		signedIn = await tryWith(name);
	} catch (error) {
		const isNameless = error instanceof AnswerError && error.code === 'INVALID_REQUEST' && name === undefined;
		if (!isNameless) throw error;
		signedIn = await tryWith(await askName(context, 'What to be called: '));
	}

	await keepSession(context, signedIn);
	return exitCodes.done;
};
