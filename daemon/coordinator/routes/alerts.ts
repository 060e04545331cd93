import {PjasError} from '../../../source/protocol/errors.js';
import type {Parts} from './parts.js';
import type {Serve} from './serve.js';

export const alertRoutes = (serve: Serve, {alerts, webhooks, closing}: Parts): void => {
	serve('alerts', ctx => {
		ctx.body = {success: true, alerts: alerts.view()};
	});

	serve('testAlerts', async ctx => {
		if (webhooks.status().length === 0) {
			throw new PjasError('INVALID_CONFIGURATION', 'There is no webhook: start the coordinator with --webhook URL');
		}

		ctx.body = {success: true, deliveries: await webhooks.test(closing)};
	});
};
