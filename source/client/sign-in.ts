import type {z} from 'zod';
import {
	type acceptSchema,
	type CreatedToken,
	createdTokenSchema,
	type createTokenSchema,
	type loginSchema,
	type Whoami,
	whoamiSchema,
} from '../protocol/people-api.js';
import {okSchema} from '../protocol/api.js';
import {systemClock} from './clock.js';
import {type Answer, type Call, createHttp} from './http.js';
import {jsonBody} from './json-body.js';
import {defaultLimits} from './limits.js';
import {callJson, readJson, strange} from './read-answer.js';

/** A session that a password opened, for as long as it takes to make a token. */
export type SignedIn = {
	whoami: Whoami;
	createToken: (token: z.input<typeof createTokenSchema>) => Promise<CreatedToken>;
	/** Ends the session. */
	end: () => Promise<void>;
};

/** What a browser says of a page that belongs to the coordinator: nobody else makes this program call. */
const ours = {'sec-fetch-site': 'same-origin'};

/** The cookie that an answer set, as it is sent back. */
const cookieOf = (answer: Answer): string => {
	const [pair = ''] = (answer.header('set-cookie') ?? '').split(';');
	if (pair.includes('=')) return pair;
	throw strange(answer.target, 'no session');
};

const open = async (url: string, call: Call): Promise<SignedIn> => {
	const http = createHttp(url, {token: () => undefined, clock: systemClock, limits: defaultLimits});
	const answer = await http.call({...call, headers: {...call.headers, ...ours}});
	const whoami = await readJson(http, answer, whoamiSchema);
	const headers = {...ours, cookie: cookieOf(answer)};
	return {
		whoami,
		async createToken(token) {
			const {body, headers: about} = jsonBody(token);
			return callJson(http, {name: 'createToken', body, headers: {...about, ...headers}}, createdTokenSchema);
		},
		async end() {
			await callJson(http, {name: 'logout', headers}, okSchema);
		},
	};
};

/** Throws `INVALID_CREDENTIALS`. */
export const signIn = async (url: string, credentials: z.input<typeof loginSchema>): Promise<SignedIn> =>
	open(url, {name: 'login', ...jsonBody(credentials)});

/** Makes the account that an invitation is for, or sets its password. Throws `INVITATION_NOT_FOUND`, `ACCOUNT_EXISTS`. */
export const accept = async (url: string, invitation: z.input<typeof acceptSchema>): Promise<SignedIn> =>
	open(url, {name: 'acceptInvitation', ...jsonBody(invitation)});
