import type {Router} from '@koa/router';
import {logsQuerySchema} from '../../../source/protocol/api.js';
import {routes} from '../../../source/protocol/routes.js';
import type {AppState} from '../../http/app.js';
import {validate} from '../../http/body.js';
import {openApi} from '../openapi.js';
import {statisticsOf} from '../statistics.js';
import {logView} from '../views.js';
import type {Parts} from './parts.js';

const LONGEST_EVENT_ID = 100;

export const monitoringRoutes = (router: Router<AppState>, parts: Parts): void => {
	const {activity, catalog, clock, closing, events, fleet, meters, version} = parts;
	const description = openApi(version);

	router.get(routes.root.path, ctx => {
		ctx.body = {
			status: 'PJAS Coordinator Online',
			nodes: fleet.all().length,
			files: catalog.totals().files,
			timestamp: clock.now(),
		};
	});

	router.get(routes.health.path, ctx => {
		ctx.body = {status: 'healthy', timestamp: clock.now()};
	});

	router.get(routes.stats.path, ctx => {
		ctx.body = {success: true, stats: statisticsOf(catalog, fleet, meters)};
	});

	router.get(routes.logs.path, ctx => {
		const {limit, before, level, q, node, file} = validate(logsQuerySchema, ctx.query, 'query');
		const text = q === undefined || q === '' ? {} : {text: q};
		const filter = {...text, ...(level && {level}), ...(node && {node}), ...(file && {file})};
		const entries = activity.before(before ?? Number.MAX_SAFE_INTEGER, limit + 1, filter);
		const page = entries.slice(-limit);
		ctx.body = {
			success: true,
			logs: page.map(logView),
			next_before: entries.length > limit ? (page[0]?.id ?? null) : null,
		};
	});

	router.get(routes.openapi.path, ctx => {
		ctx.body = description;
	});

	router.get(routes.events.path, ctx => {
		const lastEventId = ctx.get('Last-Event-ID').slice(0, LONGEST_EVENT_ID);
		const gone = new AbortController();
		ctx.res.once('close', () => gone.abort(new Error('the client went away')));
		const stream = events.toStream(
			lastEventId === '' ? undefined : lastEventId,
			AbortSignal.any([gone.signal, closing]),
		);
		ctx.set({'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no'});
		ctx.type = 'text/event-stream';
		ctx.body = stream;
	});
};
