import {auditQuerySchema} from '../../../source/protocol/audit-api.js';
import {validate} from '../../http/body.js';
import type {Parts} from './parts.js';
import type {Serve} from './serve.js';

export const auditRoutes = (serve: Serve, {audit}: Parts): void => {
	serve('audit', async ctx => {
		const {limit, before} = validate(auditQuerySchema, ctx.query, 'query');
		const entries = (await audit?.page(limit + 1, before)) ?? [];
		const page = entries.slice(0, limit);
		ctx.body = {success: true, entries: page, next_before: entries.length > limit ? page.at(-1)?.seq : null};
	});
};
