import type {AppContext} from '../http/app.js';

/** The origin under which whoever calls knows this coordinator. (Koa's `origin` is the page's that makes the call.) */
export const ownOriginOf = (ctx: AppContext): string => `${ctx.protocol}://${ctx.host}`;
