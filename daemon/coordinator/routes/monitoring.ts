import {isDeepStrictEqual} from 'node:util';
import {logsQuerySchema} from '../../../source/protocol/api.js';
import {PROTOCOL} from '../../../source/protocol/version.js';
import {isOperator} from '../../core/access.js';
import {followSignal} from '../../core/follow-signal.js';
import {validate} from '../../http/body.js';
import {METRICS_TYPE} from '../../http/metrics.js';
import {openApi} from '../openapi.js';
import {statisticsOf} from '../statistics.js';
import {logView} from '../views.js';
import {sendPage, wantsPage} from './page.js';
import type {Parts} from './parts.js';
import type {Serve} from './serve.js';

const LONGEST_EVENT_ID = 100;

/** How often it is asked whether a listener may still listen: a session ends, a token is revoked, a role changes. */
const RECHECK_MS = 30_000;

export const monitoringRoutes = (serve: Serve, parts: Parts): void => {
	const {activity, catalog, clock, closing, events, fleet, open, version} = parts;
	/** It is long, always the same and work to make: one text serves everybody, from when somebody asks. */
	let description: string | undefined;

	serve('root', ctx => {
		ctx.vary('Accept');
		if (wantsPage(ctx, parts)) {
			sendPage(ctx, parts);
			return;
		}

		ctx.body = {
			status: 'PJAS Coordinator Online',
			nodes: fleet.all().length,
			files: catalog.totals().files,
			timestamp: clock.now(),
		};
	});

	serve('health', ctx => {
		ctx.body = {status: 'healthy', timestamp: clock.now(), version, protocol: PROTOCOL, ...(open && {open})};
	});

	serve('metrics', async ctx => {
		ctx.set('Cache-Control', 'no-store');
		ctx.type = METRICS_TYPE;
		ctx.body = await parts.metrics();
	});

	serve('stats', ctx => {
		ctx.body = {success: true, stats: statisticsOf(parts)};
	});

	serve('logs', (ctx, principal) => {
		const {limit, before, level, q, node, file} = validate(logsQuerySchema, ctx.query, 'query');
		const text = q === undefined || q === '' ? {} : {text: q};
		const owner = principal.kind === 'account' && !isOperator(principal) ? {owner: principal.name} : {};
		const filter = {...text, ...owner, ...(level && {level}), ...(node && {node}), ...(file && {file})};
		const entries = activity.before(before ?? Number.MAX_SAFE_INTEGER, limit + 1, filter);
		const page = entries.slice(-limit);
		ctx.body = {
			success: true,
			logs: page.map(logView),
			next_before: entries.length > limit ? (page[0]?.id ?? null) : null,
		};
	});

	serve('openapi', ctx => {
		ctx.type = 'json';
		ctx.body = description ??= JSON.stringify(openApi(version));
	});

	serve('events', (ctx, principal, again) => {
		const lastEventId = ctx.get('Last-Event-ID').slice(0, LONGEST_EVENT_ID);
		const {controller: gone, release} = followSignal(closing);
		ctx.res.once('close', () => {
			release();
			gone.abort(new Error('the client went away'));
		});
		const stream = events.toStream(lastEventId === '' ? undefined : lastEventId, principal, gone.signal);

		const recheck = async () => {
			for (;;) {
				await clock.sleep(RECHECK_MS, gone.signal);
				const now = await again().catch(() => undefined);
				if (!isDeepStrictEqual(now, principal)) gone.abort(new Error('who listens may not any more'));
			}
		};
		recheck().catch(() => undefined);

		ctx.set({'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no'});
		ctx.type = 'text/event-stream';
		ctx.body = stream;
	});
};
