import type {RouterContext} from '@koa/router';
import Koa from 'koa';
import {PjasError} from '../../source/protocol/errors.js';
import type {Clock, Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {type Client, clientOf, type IsProxy} from './client.js';
import {allowOrigin, answerPreflight, isPreflight} from './cors.js';
import {answerJson, errorAnswer, toPjasError} from './errors.js';
import {assertModest, type RateLimit} from './rate-limit.js';
import {securityHeaders, STRICT_TRANSPORT} from './security-headers.js';

/** What every request carries. */
export type AppState = {
	requestId: string;
	/** The server's log, with the request's id in every entry. */
	log: Log;
	client: Client;
	/** The account that calls, where it is known. */
	account?: string;
	/** Which of the routes took it, as that is written: `/api/files/{id}`. */
	route?: string;
	/** What is to be said in the audit log of what this request does. */
	deed?: Deed;
	/** Gives the headers that go with an answer in JSON, or without a body, where some depend on it. */
	headersFor?: (status: number, text: string) => Record<string, string>;
};

export type Deed = {
	/** What it is done to, where the path doesn't say. */
	what?: string;
	/** Whether it is no deed after all, as where nothing changes. */
	isIdle?: boolean;
};

/** A request that is over. `isWhole`: all of its answer went out. */
export type Answered = {method: string; route: string | undefined; status: number; isWhole: boolean; seconds: number};

export type App = Koa<AppState>;
export type AppContext = Koa.ParameterizedContext<AppState>;

export type AppOptions = {
	log: Log;
	clock: Clock;
	random: Random;
	/** The origins whose pages may call; `*` is any. */
	cors?: readonly string[] | undefined;
	/** Whose word counts about whom a request comes from; nobody's without it. */
	isProxy?: IsProxy | undefined;
	/** How much may be asked from one address, those of this machine aside. */
	rateLimit?: RateLimit | undefined;
	/** Whether browsers come here, who are told how little an answer may do. */
	isForBrowsers?: boolean;
	/** Told of each request when it is over. */
	onAnswered?: ((answered: Answered) => void) | undefined;
};

const requestIdPattern = /^[\w-]{1,64}$/;

/** Whether the path can be read at all: it may be no URL, or no UTF-8 behind its percent signs. */
const isReadable = (ctx: AppContext): boolean => {
	const {url = ''} = ctx.req;
	if (!url.startsWith('/') && url !== '*' && !URL.canParse(url)) return false;
	try {
		decodeURIComponent(ctx.path);
		return true;
	} catch {
		return false;
	}
};

/** Whether the request's other side is gone, so that no answer can reach it. */
const isClientGone = ({req, res}: AppContext): boolean =>
	req.socket.destroyed || res.destroyed || (req.destroyed && !req.complete);

/** Pictures and films of a server that any page may call may be in any page as well. */
const openResources = {'Cross-Origin-Resource-Policy': 'cross-origin'};

/** What a request meets that no route took. */
const answerUnrouted = (ctx: AppContext & Partial<Pick<RouterContext, 'matched'>>): void => {
	const allowed = [...new Set((ctx.matched ?? []).flatMap(layer => layer.methods))];
	if (allowed.length === 0) {
		throw new PjasError('ROUTE_NOT_FOUND', `There is no ${ctx.method} ${ctx.path.slice(0, 200)} here`);
	}

	ctx.set('Allow', [...allowed, 'OPTIONS'].join(', '));
	if (ctx.method === 'OPTIONS') {
		ctx.status = 204;
		return;
	}

	throw new PjasError('METHOD_NOT_ALLOWED', `${ctx.method} can't be done here, only ${allowed.join(', ')}`);
};

/**
A Koa application as both servers want it: request ids, an access log, every error answered as JSON. Routes are added
with `use`; what they leave is answered with 404 or 405.
*/
export const createApp = (options: AppOptions): App => {
	const {log, clock, random, cors = [], isProxy, rateLimit, isForBrowsers = false, onAnswered} = options;
	const app: App = new Koa<AppState>();
	const browserHeaders = {...securityHeaders, ...(cors.includes('*') && openResources)};

	const takeRequestId = (ctx: AppContext): string => {
		const given = ctx.get('X-Request-Id');
		return requestIdPattern.test(given) ? given : Buffer.from(random.bytes(8)).toString('hex');
	};

	const answerError = (ctx: AppContext, thrown: unknown): void => {
		if (isClientGone(ctx)) {
			ctx.state.log.debug('the client went away', {error: thrown});
			ctx.respond = false;
			return;
		}

		const error = toPjasError(thrown, ctx.state.requestId);
		if (error.status >= 500) {
			const level = error.code === 'INTERNAL_ERROR' ? 'error' : 'warn';
			ctx.state.log[level]('a request failed', {method: ctx.method, url: ctx.req.url, error: thrown});
		}

		if (ctx.headerSent) {
			// What has begun can't be taken back, but it must not end as if it were whole.
			ctx.respond = false;
			ctx.res.destroy();
			return;
		}

		const {status, headers, body} = errorAnswer(error);
		for (const name of ['Content-Length', 'Content-Type', 'ETag']) ctx.remove(name);
		ctx.set(headers);
		answerJson(ctx, status, body);
	};

	// What Koa itself has to say comes after the answer has begun, or when the client has gone: never to the console.
	app.on('error', (error: unknown, ctx?: AppContext) => {
		(ctx?.state.log ?? log).debug('a response was cut off', {error});
		if (ctx?.headerSent && !ctx.res.writableFinished) ctx.res.destroy();
	});

	app.use(async (ctx, next) => {
		const startMs = clock.monotonicMs();
		ctx.state.requestId = takeRequestId(ctx);
		ctx.state.log = log.child({request: ctx.state.requestId});
		ctx.state.client = clientOf(ctx.req, isProxy);
		ctx.set('X-Request-Id', ctx.state.requestId);
		if (isForBrowsers) ctx.set(browserHeaders);
		if (isForBrowsers && ctx.state.client.isSecure) ctx.set('Strict-Transport-Security', STRICT_TRANSPORT);
		const mayCall = allowOrigin(ctx, cors);

		ctx.res.once('close', () => {
			const tookMs = clock.monotonicMs() - startMs;
			const {statusCode: status, writableFinished: isWhole} = ctx.res;
			const {method = ''} = ctx.req;
			ctx.state.log.debug('request', {method, url: ctx.req.url, status, ms: Math.round(tookMs), isWhole});
			onAnswered?.({method, route: ctx.state.route, status, isWhole, seconds: tookMs / 1000});
		});

		try {
			if (rateLimit) assertModest(rateLimit, ctx.state.client);
			if (!isReadable(ctx)) throw new PjasError('INVALID_REQUEST', 'The path is no percent-encoded UTF-8');
			if (mayCall && isPreflight(ctx)) {
				answerPreflight(ctx);
				return;
			}

			await next();
			const isLeft =
				ctx.status === 404 &&
				(ctx.body === undefined || ctx.body === null) &&
				ctx.respond !== false &&
				ctx.routeMatched !== true;
			if (isLeft) answerUnrouted(ctx);
		} catch (error) {
			answerError(ctx, error);
		}
	});

	return app;
};
