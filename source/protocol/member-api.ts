import {z} from 'zod';
import {storageStatsSchema} from './api.js';
import {drainSchema, lineSchema, standingSchema, suspensionSchema} from './node-care.js';

/**
What a node tells its own member over a socket that only the member's account on that machine can open, and what the member
decides there. Sizes are bytes, rates bytes a second (0 for any), times milliseconds since the epoch.
*/

const timeMs = z.number().int().nonnegative();
const bytes = z.number().int().nonnegative();
const success = z.literal(true);
const carried = z.object({up: bytes, down: bytes});

/** The limits that a member may change while the node runs, as they are called in requests. */
export const limitNames = ['space', 'up', 'down', 'schedule', 'monthly_cap', 'hours'] as const;
export type LimitName = (typeof limitNames)[number];

const limit = z.union([bytes, z.string()]);

/** Whether a node leaves the network: its shards are moved away first. `left`: the network does not know it any more. */
export const leavings = ['no', 'asked', 'left'] as const;
export type Leaving = (typeof leavings)[number];

export const memberStatusSchema = z.object({
	success,
	node_id: z.string(),
	name: z.string(),
	version: z.string(),
	started_at: timeMs,
	storage: storageStatsSchema,
	limits: z.record(
		z.enum(limitNames),
		z.object({value: limit, configured: limit.meta({description: 'What flags, environment and file say'})}),
	),
	line: lineSchema,
	time_zone: z.string(),
	today: carried,
	month: carried,
	paused: z.boolean(),
	leaving: z.enum(leavings),
	coordinator: z.object({
		url: z.string().nullable(),
		heard_at: timeMs.nullable().meta({description: 'When it last answered'}),
		problem: z.string().nullable().meta({description: 'What failed since'}),
	}),
	standing: standingSchema.nullable(),
	suspended: suspensionSchema.nullable(),
	drain: drainSchema.nullable(),
});
export type MemberStatus = z.infer<typeof memberStatusSchema>;

export const memberLogQuerySchema = z.object({limit: z.coerce.number().int().min(1).max(500).default(100)});

export const memberLogSchema = z.object({
	success,
	entries: z
		.array(z.object({at: timeMs, level: z.enum(['info', 'warn', 'error']), message: z.string()}))
		.meta({description: 'Oldest first'}),
});
export type MemberLog = z.infer<typeof memberLogSchema>;

export const setLimitsSchema = z
	.partialRecord(z.enum(limitNames), z.string().max(500))
	.refine(limits => Object.keys(limits).length > 0, {error: 'name a limit'})
	.meta({description: 'Texts such as `2MB`; `default` is what is configured'});

/** The member's calls of a node. Each but the log answers with the status. */
export const memberRoutes = {
	status: {method: 'GET', path: '/status'},
	log: {method: 'GET', path: '/log'},
	set: {method: 'PATCH', path: '/limits'},
	pause: {method: 'POST', path: '/pause'},
	resume: {method: 'POST', path: '/resume'},
	leave: {method: 'POST', path: '/leave'},
	stay: {method: 'DELETE', path: '/leave'},
} as const;
