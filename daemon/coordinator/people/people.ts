import type {Principal} from '../../core/access.js';
import type {Catalog} from '../../ports/catalog.js';
import type {Clock, Random} from '../../ports/clock.js';
import type {Log} from '../../ports/log.js';
import type {Passwords} from '../../ports/passwords.js';
import {type Accounts, createAccounts} from './accounts.js';
import {createInvitations, type Invitations} from './invitations.js';
import {createSessions, type Sessions} from './sessions.js';
import {createTokens, type Tokens} from './tokens.js';

/** The people of a network, and the ways in which they and their programs say who they are. */
export type People = {
	accounts: Accounts;
	tokens: Tokens;
	sessions: Sessions;
	invitations: Invitations;
	/** Who calls with this token; `undefined` where it is none, has expired, or its account is disabled. */
	byToken: (secret: string) => Promise<Principal | undefined>;
	bySession: (secret: string) => Promise<Principal | undefined>;
};

type PeopleOptions = {catalog: Catalog; passwords: Passwords; clock: Pick<Clock, 'now'>; random: Random; log: Log};

export const createPeople = (options: PeopleOptions): People => {
	const accounts = createAccounts(options);
	const tokens = createTokens(options);
	const sessions = createSessions(options);

	return {
		accounts,
		tokens,
		sessions,
		invitations: createInvitations({...options, accounts, sessions}),
		async byToken(secret) {
			const token = await tokens.find(secret);
			const account = token && (await accounts.active(token.account));
			return account && {kind: 'account', name: account._id, role: account.role, scope: token.scope, via: 'token'};
		},
		async bySession(secret) {
			const session = await sessions.find(secret);
			const account = session && (await accounts.active(session.account));
			return account && {kind: 'account', name: account._id, role: account.role, scope: 'full', via: 'session'};
		},
	};
};
