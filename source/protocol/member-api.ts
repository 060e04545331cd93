import {z} from 'zod';
import {storageStatsSchema} from './api.js';
import {findingSchema, doctorChecks} from './doctor.js';
import {limitNames} from './member-limits.js';
import {
	drainSchema,
	lineSchema,
	maintenanceSchema,
	scrubSchema,
	standingSchema,
	suspensionSchema,
} from './node-care.js';

/**
What a node tells its own member over a socket that only the member's account on that machine can open, and what the member
decides there. Sizes are bytes, rates bytes a second (0 for any), times milliseconds since the epoch.
*/

const timeMs = z.number().int().nonnegative();
const bytes = z.number().int().nonnegative();
const count = z.number().int().nonnegative();
const success = z.literal(true);
const carried = z.object({up: bytes, down: bytes});

const limit = z.union([bytes, z.string()]);

const limitState = z.object({
	value: limit,
	configured: limit.meta({description: 'What flags, environment and file say'}),
});

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
	limits: z.object({
		space: limitState,
		up: limitState,
		down: limitState,
		schedule: limitState,
		monthly_cap: limitState,
		hours: limitState,
		// A node of before that can't be asked takes none.
		remote_limits: limitState.default({value: 'off', configured: 'off'}),
	}),
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
		version: z.string().nullable().meta({description: 'Its own; null where it did not tell'}),
		reach: z
			.enum(['direct', 'link'])
			.nullable()
			.meta({description: 'How it reaches this node: at its address, or over links that this node opened'}),
		links: count.meta({description: 'The links that are open'}),
	}),
	scrub: scrubSchema
		.extend({faults: count.meta({description: 'Bad shards of which the coordinator was not told yet'})})
		.nullable(),
	standing: standingSchema.nullable(),
	suspended: suspensionSchema.nullable(),
	maintenance: maintenanceSchema.nullable(),
	drain: drainSchema.nullable(),
});
export type MemberStatus = z.infer<typeof memberStatusSchema>;

export const memberLogQuerySchema = z.object({
	limit: z.coerce.number().int().min(1).max(500).default(100),
	after: z.coerce
		.number()
		.int()
		.nonnegative()
		.optional()
		.meta({description: 'Only entries that came after the one with this number'}),
});

export const memberLogSchema = z.object({
	success,
	entries: z
		.array(
			z.object({
				id: count.meta({description: 'They are numbered since the node runs, from 1'}),
				at: timeMs,
				level: z.enum(['info', 'warn', 'error']),
				message: z.string(),
			}),
		)
		.meta({description: 'The newest, oldest first'}),
	started_at: timeMs.meta({description: 'When the node was started: another one numbers anew'}),
});
export type MemberLog = z.infer<typeof memberLogSchema>;

export const setLimitsSchema = z
	.partialRecord(z.enum(limitNames), z.string().max(500))
	.refine(limits => Object.keys(limits).length > 0, {error: 'name a limit'})
	.meta({description: 'Texts such as `2MB`; `default` is what is configured'});

/** What the node itself found wrong with it and its machine, when it last looked: see `DoctorReport`. */
export const examinationSchema = z.object({
	success,
	started_at: timeMs.nullable().meta({description: 'Null where it has not looked yet'}),
	ended_at: timeMs.nullable().meta({description: 'Null while it looks'}),
	planned: z.array(z.enum(doctorChecks)).meta({description: 'The checks, in their order; some may fall away'}),
	findings: z.array(findingSchema).meta({description: 'So far'}),
	problem: z.string().nullable().meta({description: 'Why it could not look to the end'}),
});
export type Examination = z.infer<typeof examinationSchema>;

/** The member's calls of a node. Each but the log, the doctor and what the coordinator is asked answers with the status. */
export const memberRoutes = {
	status: {method: 'GET', path: '/status'},
	log: {method: 'GET', path: '/log'},
	set: {method: 'PATCH', path: '/limits'},
	pause: {method: 'POST', path: '/pause'},
	resume: {method: 'POST', path: '/resume'},
	leave: {method: 'POST', path: '/leave'},
	stay: {method: 'DELETE', path: '/leave'},
	examination: {method: 'GET', path: '/doctor'},
	/** Has it ask its coordinator: see `NodeSafeToStop`. */
	safeToStop: {method: 'POST', path: '/safe-to-stop'},
	/** Begins to look, unless that is under way. */
	examine: {method: 'POST', path: '/doctor'},
} as const;
