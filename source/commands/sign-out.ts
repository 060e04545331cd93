import {createApi} from '../client/api.js';
import {forgetLogin, loginFor} from '../client/credentials.js';
import {AnswerError, UnreachableError} from '../client/errors.js';
import {escapeControls} from '../protocol/escape.js';
import {isOn, jsonLine, type RunCommand} from './context.js';
import {exitCodes} from './failures.js';

/** Why a token could not be ended; `undefined` where it is no more. */
const endToken = async (url: string, token: string): Promise<string | undefined> => {
	try {
		await createApi(url, {token}).logout();
		return undefined;
	} catch (error) {
		if (error instanceof AnswerError && error.code === 'UNAUTHENTICATED') return undefined;
		if (error instanceof AnswerError || error instanceof UnreachableError) return error.message;
		throw error;
	}
};

/**
Ends the token that `login` kept: never another one, which may be somebody else's way in. It is forgotten here whether or
not the coordinator can be told.
*/
export const logout: RunCommand = async context => {
	const {url} = context.api;
	const kept = await loginFor(url, context);
	const problem = kept && (await endToken(url, kept.token));
	await forgetLogin(url, context);
	if (isOn(context, 'json')) {
		await context.stdout.write(jsonLine({url, name: kept?.name ?? null, ended: kept !== undefined && !problem}));
	} else {
		const text = kept ? `${kept.name} is signed out of ${url}` : `Nobody was signed in to ${url} here`;
		await context.stdout.write(`${escapeControls(text)}\n`);
	}

	if (problem !== undefined) {
		const advice = 'It is forgotten here, and still works until it is revoked: pjas-tui tokens revoke ID';
		await context.stderr.write(`The token could not be ended: ${escapeControls(problem)}. ${advice}\n`);
	}

	return exitCodes.done;
};
