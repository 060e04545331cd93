import {PjasError} from '../../source/protocol/errors.js';
import {SESSION_COOKIE} from '../../source/protocol/people.js';
import type {Route} from '../../source/protocol/routes.js';
import {anonymous, type Principal, refusalOf} from '../core/access.js';
import type {AppContext} from '../http/app.js';
import {hasMetricsToken} from '../http/metrics.js';
import {assertModest, type RateLimit} from '../http/rate-limit.js';
import type {FailedSignIns} from './failed-sign-ins.js';
import {ownOriginOf} from './own-origin.js';
import type {People} from './people/people.js';

export type AuthenticateOptions = {
	people: People;
	/** Whether there are no accounts: everybody may do everything. */
	open: boolean;
	/** Whether the prototype's clients, who can't sign in, are let in. */
	allowClassic: boolean;
	/** How much one account may ask, from wherever it does, this machine aside. */
	rateLimit?: RateLimit | undefined;
	/** What a program that reads metrics may show in place of an operator's token. */
	metricsToken?: string | undefined;
	/** Counts the tokens that are nobody's. */
	failedSignIns: Pick<FailedSignIns, 'addToken'>;
};

export type Authenticate = (ctx: AppContext, route: Route, isUpload: boolean) => Promise<Principal>;

const bearerPattern = /^Bearer +(\S{1,200})$/i;
const isReading = ({method}: Route) => method === 'GET' || method === 'HEAD' || method === 'OPTIONS';

/**
A browser sends its cookie whoever made it call, so what changes something must come from a page of ours. Every browser of
the last years says where a call comes from: https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
*/
const assertSameSite = (ctx: AppContext): void => {
	const site = ctx.get('Sec-Fetch-Site');
	const origin = ctx.get('Origin');
	const isOurs = site === '' ? origin === '' || origin === ownOriginOf(ctx) : site === 'same-origin' || site === 'none';
	if (!isOurs) throw new PjasError('FORBIDDEN', 'A page of another site may not change anything here');
};

/** Says who makes a call, and refuses it where its rule does. What it is about may refuse it still. */
export const createAuthenticate = (options: AuthenticateOptions): Authenticate => {
	const {people, open, allowClassic, rateLimit, metricsToken, failedSignIns} = options;
	const callerOf = async (ctx: AppContext, route: Route): Promise<Principal> => {
		if (open) return {kind: 'open'};
		if (route.access === 'metrics' && hasMetricsToken(ctx.req, metricsToken)) return {kind: 'scraper'};
		const authorization = ctx.get('Authorization');
		if (authorization !== '') {
			const secret = bearerPattern.exec(authorization)?.[1];
			const principal = secret === undefined ? undefined : await people.byToken(secret);
			if (principal) return principal;
			if (failedSignIns.addToken(authorization))
				ctx.state.log.warn('a call came with a token that is not known', {from: ctx.state.client.address});
			if (route.access === 'anyone' || route.access === 'node') return anonymous;
			throw new PjasError('UNAUTHENTICATED', 'This token is not known, or has expired. Sign in again');
		}

		const cookie = ctx.cookies.get(SESSION_COOKIE);
		const principal = cookie === undefined ? undefined : await people.bySession(cookie);
		if (principal && !isReading(route)) assertSameSite(ctx);
		return principal ?? anonymous;
	};

	return async (ctx, route, isUpload) => {
		const principal = await callerOf(ctx, route);
		if (principal.kind === 'account') {
			ctx.state.account = principal.name;
			if (rateLimit) assertModest(rateLimit, ctx.state.client, principal.name);
		}

		const asked = {rule: route.access, isReading: isReading(route), isUpload, allowsClassic: allowClassic};
		const refusal = refusalOf(principal, asked);
		if (refusal === 'UNAUTHENTICATED') {
			ctx.set('WWW-Authenticate', 'Bearer realm="PJAS"');
			throw new PjasError('UNAUTHENTICATED', 'Sign in first: send a token as "Authorization: Bearer …", or a session');
		}

		if (refusal === 'FORBIDDEN') throw new PjasError('FORBIDDEN', 'You may not do this here');
		return principal;
	};
};
