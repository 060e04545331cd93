import {PjasError} from '../../../source/protocol/errors.js';
import {isSecret} from '../../../source/protocol/people.js';
import type {Scope, TokenRecord} from '../../core/model.js';
import type {Catalog} from '../../ports/catalog.js';
import type {Clock, Random} from '../../ports/clock.js';
import type {Log} from '../../ports/log.js';
import {changeSmall} from './change-small.js';
import {hashOf, newSecret, shortIdOf} from './secrets.js';

export type NewToken = {account: string; name: string; scope: Scope; expiresInMs?: number | undefined};

export type Tokens = {
	create: (token: NewToken) => Promise<{record: TokenRecord; secret: string}>;
	/** Keeps a secret that was drawn elsewhere. */
	keep: (secret: string, token: NewToken) => Promise<TokenRecord>;
	/** The token with this secret, where it has not expired. Notes that it was used. */
	find: (secret: string) => Promise<TokenRecord | undefined>;
	/** Ends the token with this secret. */
	end: (secret: string) => Promise<void>;
	of: (account: string) => Promise<TokenRecord[]>;
	/** Throws `TOKEN_NOT_FOUND` where `account` has none of this short id. Without an account, whosever it is. */
	revoke: (shortId: string, account?: string) => Promise<TokenRecord>;
};

type TokensOptions = {catalog: Catalog; clock: Pick<Clock, 'now'>; random: Random; log: Log};

/** When a token was last used is kept to the minute: a write for each call would cost more than the call. */
const USED_EVERY_MS = 60_000;
const MOST_TOKENS = 100;

export const createTokens = ({catalog, clock, random, log}: TokensOptions): Tokens => {
	const keep: Tokens['keep'] = async (secret, {account, name, scope, expiresInMs}) => {
		const now = clock.now();
		return catalog.putSmall('token', {
			_id: hashOf(secret),
			account,
			name,
			scope,
			createdAt: now,
			...(expiresInMs !== undefined && {expiresAt: now + expiresInMs}),
			revision: 0,
		});
	};

	const of: Tokens['of'] = async account =>
		(await catalog.allSmall('token')).filter(token => token.account === account);

	const noteUse = (token: TokenRecord) => {
		const now = clock.now();
		if (now - (token.lastUsedAt ?? 0) < USED_EVERY_MS) return;
		changeSmall(catalog, 'token', token._id, stored => ({...stored, lastUsedAt: now})).catch((error: unknown) =>
			log.debug("a token's last use could not be noted", {error}),
		);
	};

	return {
		async create(token) {
			if ((await of(token.account)).length >= MOST_TOKENS) {
				throw new PjasError('INVALID_REQUEST', `${token.account} has ${MOST_TOKENS} tokens: revoke one first`);
			}

			const secret = newSecret('token', random);
			return {record: await keep(secret, token), secret};
		},
		keep,
		async find(secret) {
			if (!isSecret('token', secret)) return undefined;
			const token = await catalog.getSmall('token', hashOf(secret));
			if (!token || (token.expiresAt ?? Infinity) <= clock.now()) return undefined;
			noteUse(token);
			return token;
		},
		async end(secret) {
			await catalog.removeSmall('token', hashOf(secret));
		},
		of,
		async revoke(shortId, account) {
			const found = (await catalog.allSmall('token')).find(
				token => shortIdOf(token._id) === shortId && (account === undefined || token.account === account),
			);
			if (!found || !(await catalog.removeSmall('token', found._id))) {
				throw new PjasError('TOKEN_NOT_FOUND', 'There is no such token');
			}

			return found;
		},
	};
};
