import {z} from 'zod';

/** Schemas of what the API tells of alerts. Times are milliseconds since the epoch. */

export const alertCodes = [
	'CHUNKS_LOST',
	'CHUNKS_AT_ONE_COPY',
	'REPAIR_STUCK',
	'NODE_AWAY',
	'NODES_AWAY_AT_ONCE',
	'DISK_NEARLY_FULL',
	'MEMORY_NEARLY_FULL',
	'NETWORK_NEARLY_FULL',
	'NODE_NEARLY_FULL',
	'SIGN_INS_FAIL',
	'BACKUP_TOO_OLD',
] as const;
export type AlertCode = (typeof alertCodes)[number];

export const alertSeverities = ['critical', 'warning'] as const;
export type AlertSeverity = (typeof alertSeverities)[number];

const timeMs = z.number().int().nonnegative();

export const alertSchema = z.object({
	alert_id: z.string().meta({description: 'Another one each time it is opened'}),
	code: z.enum(alertCodes),
	severity: z.enum(alertSeverities),
	text: z.string().meta({description: 'What is wrong'}),
	remedy: z.string().meta({description: 'What to do about it'}),
	node_id: z.string().nullable().meta({description: 'The node that it is about, where it is about one'}),
	opened_at: timeMs,
});
export type AlertView = z.infer<typeof alertSchema>;

export const alertsStatusSchema = z.object({
	open: z.array(alertSchema).meta({description: 'The worst first, then the oldest'}),
	webhooks: z.array(
		z.object({
			receiver: z.string().meta({description: 'Scheme, host and port of its URL'}),
			pending: z.number().int().nonnegative().meta({description: 'Deliveries that wait for it'}),
			problem: z.string().nullable().meta({description: 'Why the last try failed, where it did'}),
			delivered_at: timeMs.nullable().meta({description: 'When the last delivery arrived, since the start'}),
		}),
	),
});
export type AlertsView = z.infer<typeof alertsStatusSchema>;

export const alertsAnswerSchema = z.object({success: z.literal(true), alerts: alertsStatusSchema});

export const alertsTestedSchema = z.object({
	success: z.literal(true),
	deliveries: z.array(
		z.object({
			receiver: z.string(),
			delivered: z.boolean(),
			problem: z.string().nullable().meta({description: 'What went wrong, and what to do about it'}),
		}),
	),
});
export type AlertsTested = z.infer<typeof alertsTestedSchema>;

/** What is sent to webhooks: https://www.standardwebhooks.com */
export const webhookEventSchema = z.object({
	type: z.enum(['alert.opened', 'alert.resolved', 'alert.test']),
	timestamp: z.iso.datetime(),
	data: z.object({alert: alertSchema.nullable(), resolved_at: timeMs.nullable()}),
});
export type WebhookEvent = z.infer<typeof webhookEventSchema>;
