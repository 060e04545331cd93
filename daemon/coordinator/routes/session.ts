import {acceptSchema, loginSchema, passwordSchema, type Whoami} from '../../../source/protocol/people-api.js';
import {isPjasError, PjasError} from '../../../source/protocol/errors.js';
import {SESSION_COOKIE} from '../../../source/protocol/people.js';
import type {Principal} from '../../core/access.js';
import type {AccountRecord} from '../../core/model.js';
import {readJson} from '../../http/body.js';
import {SESSION_MS} from '../people/sessions.js';
import {tried} from '../try-limits.js';
import type {Parts} from './parts.js';
import {noteDeed, type RouteContext, type Serve} from './serve.js';

/** Whoever has no account has no password either. */
export const accountOf = (principal: Principal): Extract<Principal, {kind: 'account'}> => {
	if (principal.kind === 'account') return principal;
	throw new PjasError(
		'INVALID_REQUEST',
		'This coordinator runs without accounts (--open): there is nothing to sign in to',
	);
};

/** The account's name; empty where there are no accounts. */
export const nameOf = (principal: Principal): string => (principal.kind === 'account' ? principal.name : '');

const setCookie = (ctx: RouteContext, secret: string | null): void => {
	const {isSecure} = ctx.state.client;
	// Behind a proxy, Koa knows nothing of the TLS before it.
	ctx.cookies.secure = isSecure;
	ctx.cookies.set(SESSION_COOKIE, secret, {
		httpOnly: true,
		sameSite: 'strict',
		secure: isSecure,
		path: '/',
		overwrite: true,
		...(secret !== null && {maxAge: SESSION_MS}),
	});
};

const wrongCredentials = () => new PjasError('INVALID_CREDENTIALS', 'The name or the password is wrong');

export const sessionRoutes = (serve: Serve, {catalog, failedSignIns, meters, people, tryLimits}: Parts): void => {
	const {accounts, sessions, tokens, invitations} = people;

	const whoami = async (principal: Principal): Promise<Whoami> => {
		if (principal.kind !== 'account') {
			const everything = {
				name: '',
				role: 'admin',
				scope: 'full',
				via: 'none',
				quota_bytes: null,
				used_bytes: 0,
			} as const;
			return {success: true, open: true, ...everything};
		}

		const {name, role, scope, via} = principal;
		const {quotaBytes = null} = await accounts.get(name);
		const used = catalog.ownedBytes(name);
		return {success: true, open: false, name, role, scope, via, quota_bytes: quotaBytes, used_bytes: used};
	};

	const signIn = async (ctx: RouteContext, {_id: name, role}: AccountRecord) => {
		const {secret} = await sessions.open(name);
		ctx.state.account = name;
		setCookie(ctx, secret);
		ctx.body = await whoami({kind: 'account', name, role, scope: 'full', via: 'session'});
	};

	const signInWith = async (ctx: RouteContext, name: string, password: string) => {
		const attempt = async () => accounts.signIn(name, password);
		try {
			const account = await tried(tryLimits, {account: name, address: ctx.state.client.address}, attempt);
			meters.signIns.add({result: account ? 'accepted' : 'refused'});
			if (!account) failedSignIns.addPassword();
			return account;
		} catch (error) {
			if (isPjasError(error, 'TOO_MANY_REQUESTS')) {
				meters.signIns.add({result: 'limited'});
				failedSignIns.addPassword();
			}

			throw error;
		}
	};

	serve('login', async ctx => {
		const {name, password} = await readJson(ctx.req, loginSchema);
		noteDeed(ctx, name);
		const account = await signInWith(ctx, name.toLowerCase(), password);
		if (!account) throw wrongCredentials();
		await signIn(ctx, account);
	});

	serve('acceptInvitation', async ctx => {
		const {code, name, password} = await readJson(ctx.req, acceptSchema);
		await signIn(ctx, await invitations.accept(code, name, password));
	});

	serve('whoami', async (ctx, principal) => {
		ctx.body = await whoami(principal);
	});

	serve('logout', async (ctx, principal) => {
		const {via} = accountOf(principal);
		const cookie = ctx.cookies.get(SESSION_COOKIE);
		if (via === 'session' && cookie !== undefined) await sessions.close(cookie);
		else await tokens.end(ctx.get('Authorization').replace(/^Bearer +/i, ''));
		setCookie(ctx, null);
		ctx.body = {success: true};
	});

	serve('password', async (ctx, principal) => {
		const {name, via} = accountOf(principal);
		const {old_password: old, password} = await readJson(ctx.req, passwordSchema);
		// Whoever finds a browser signed in must not be able to keep it so.
		if (via === 'session' && !(await signInWith(ctx, name, old ?? ''))) throw wrongCredentials();
		await accounts.setPassword(name, password);
		await sessions.closeAll(name);
		ctx.body = {success: true};
	});
};
