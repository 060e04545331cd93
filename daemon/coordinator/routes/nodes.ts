import type {Router} from '@koa/router';
import {heartbeatSchema, registerSchema} from '../../../source/protocol/api.js';
import {routes} from '../../../source/protocol/routes.js';
import type {AppState} from '../../http/app.js';
import {readJson} from '../../http/body.js';
import {nodeView} from '../views.js';
import type {Parts} from './parts.js';

export const nodeRoutes = (router: Router<AppState>, {fleet, membership}: Parts): void => {
	router.post(routes.register.path, async ctx => {
		const body = await readJson(ctx.req, registerSchema);
		await membership.register(body);
		ctx.body = {success: true, message: 'Node registered', node_id: body.node_id};
	});

	router.post(routes.heartbeat.path, async ctx => {
		await membership.heartbeat(await readJson(ctx.req, heartbeatSchema));
		ctx.body = {success: true};
	});

	router.get(routes.nodes.path, ctx => {
		const nodes = fleet.all().map(nodeView);
		ctx.body = {success: true, nodes, count: nodes.length};
	});
};
