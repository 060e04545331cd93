import type {AppContext} from '../http/app.js';

/**
The origin under which whoever calls knows this coordinator; behind a proxy it is the proxy that speaks TLS. (Koa's `origin`
is the page's that makes the call.)
*/
export const ownOriginOf = ({host, state}: AppContext): string =>
	`${state.client.isSecure ? 'https' : 'http'}://${host}`;
