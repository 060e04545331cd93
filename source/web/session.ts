import {okSchema} from '../protocol/api.js';
import {type Whoami, whoamiSchema} from '../protocol/people-api.js';
import {type ApiError, call, isApiError, offline, onSignedOut} from './api.js';
import {createStore} from './store.js';

/** Who uses the page. `ended`: somebody was signed in, and is not any more. */
export type Session =
	| {state: 'asking'}
	| {state: 'unreachable'; error: ApiError}
	| {state: 'signed-out'; hasEnded: boolean}
	| {state: 'signed-in'; who: Whoami};

export const session = createStore<Session>({state: 'asking'});

/** Finds out who is signed in; quietly where that is known already, as after an upload. */
export const ask = async (): Promise<void> => {
	if (session.get().state !== 'signed-in') session.set({state: 'asking'});
	try {
		session.set({state: 'signed-in', who: await call('whoami', whoamiSchema)});
	} catch (error) {
		if (isApiError(error, 'UNAUTHENTICATED')) return;
		if (session.get().state === 'signed-in') return;
		session.set({state: 'unreachable', error: isApiError(error, 'OFFLINE') ? error : offline(error)});
	}
};

onSignedOut(() => session.set({state: 'signed-out', hasEnded: session.get().state === 'signed-in'}));

export const signIn = async (name: string, password: string): Promise<void> => {
	session.set({state: 'signed-in', who: await call('login', whoamiSchema, {json: {name: name.trim(), password}})});
};

export const accept = async (code: string, name: string | undefined, password: string): Promise<void> => {
	const json = {code, password, ...(name !== undefined && {name})};
	session.set({state: 'signed-in', who: await call('acceptInvitation', whoamiSchema, {json})});
};

/** Ends the session here, and at the coordinator where that can be reached. */
export const signOut = async (): Promise<void> => {
	await call('logout', okSchema).catch((error: unknown) => {
		if (!isApiError(error, 'UNAUTHENTICATED')) throw error;
	});
	session.set({state: 'signed-out', hasEnded: false});
};
