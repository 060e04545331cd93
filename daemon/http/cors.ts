import type {ParameterizedContext} from 'koa';

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';
const MAX_AGE_SECONDS = '86400';
const headerListPattern = /^[\w\-, ]{1,1000}$/;

/**
Lets the page that a request comes from read the answer, where its origin is in the list. Never with the browser's own
credentials: programs in other pages send a token.
*/
export const allowOrigin = (ctx: ParameterizedContext, origins: readonly string[]): boolean => {
	if (origins.length === 0) return false;
	const isAny = origins.includes('*');
	const origin = ctx.get('Origin');
	if (!isAny) ctx.vary('Origin');
	if (!isAny && !origins.includes(origin)) return false;
	ctx.set('Access-Control-Allow-Origin', isAny ? '*' : origin);
	ctx.set('Access-Control-Expose-Headers', '*');
	return true;
};

export const isPreflight = (ctx: ParameterizedContext): boolean =>
	ctx.method === 'OPTIONS' && ctx.get('Access-Control-Request-Method') !== '';

/** Tells a browser that asks first what it may send. */
export const answerPreflight = (ctx: ParameterizedContext): void => {
	const asked = ctx.get('Access-Control-Request-Headers');
	ctx.set('Access-Control-Allow-Methods', METHODS);
	ctx.set('Access-Control-Allow-Headers', headerListPattern.test(asked) ? asked : '*');
	ctx.set('Access-Control-Max-Age', MAX_AGE_SECONDS);
	ctx.status = 204;
};
