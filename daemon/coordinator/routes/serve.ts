import type {Router} from '@koa/router';
import {type Route, type RouteName, routes} from '../../../source/protocol/routes.js';
import type {Principal} from '../../core/access.js';
import type {AppContext, AppState} from '../../http/app.js';
import type {Audited} from '../audited.js';
import type {Authenticate} from '../authenticate.js';
import {koaPath} from './paths.js';

export type RouteContext = AppContext & {params: Record<string, string>};

/** Answers a call of somebody whom its rule lets in. `again` asks anew who that is, and whether it still may. */
export type RouteHandler = (ctx: RouteContext, principal: Principal, again: () => Promise<Principal>) => unknown;

export type Serve = (name: RouteName, handler: RouteHandler) => void;

/** Says what a call is about, for the audit log. */
export const noteDeed = ({state}: AppContext, what: string): void => {
	state.deed = {...state.deed, what};
};

/** The calls that somebody makes who may only upload. */
const ofUploads: ReadonlySet<RouteName> = new Set([
	'upload',
	'createUpload',
	'uploadState',
	'resumeUpload',
	'cancelUpload',
]);

/** Puts routes of the table into the router, so that none is answered before it is known who asks, and allowed. */
export const createServe =
	(router: Router<AppState>, authenticate: Authenticate, audited: Audited): Serve =>
	(name, handler) => {
		const route: Route = routes[name];
		router.register(koaPath(route), route.method === 'GET' ? ['GET', 'HEAD'] : [route.method], async ctx => {
			ctx.state.route = route.path;
			const ask = async () => authenticate(ctx, route, ofUploads.has(name));
			await audited(ctx, name, async () => {
				await handler(ctx, await ask(), ask);
			});
		});
	};
