import {z} from 'zod';
import {isTimeZone} from './local-time.js';
import {limitRules, remoteLimitNames, type RemoteLimitName} from './member-limits.js';
import {parseHours} from './week.js';

/**
How a node stands with the network, as the API tells it: what it is being prepared for, and how far it is trusted. Times
are milliseconds since the epoch, sizes bytes.
*/

const timeMs = z.number().int().nonnegative();
const count = z.number().int().nonnegative();

/**
Why a chunk can't be copied now: no sound copy is online, no other node is, or none has the room.
*/
export const copyObstacles = ['no-source', 'too-few-nodes', 'no-space'] as const;
export const copyObstacleSchema = z.enum(copyObstacles);

/** Why a node is suspended: it lacked a shard, held other bytes under its name, or did not prove what it holds in time. */
export const suspensionReasons = ['missing', 'corrupt', 'no-proof'] as const;

/** Who drains a node where its member asked for it, on the node itself. */
export const MEMBER = 'its member';

export const drainSchema = z.object({
	started_at: timeMs,
	by: z.string().meta({description: 'The account that asked for it; empty where there are none'}),
	leaves: z.boolean().meta({description: 'Whether the node is forgotten once it is empty'}),
	shards_total: count.meta({description: 'Shards that it had when its drain began'}),
	shards_left: count,
	bytes_left: count,
	eta_s: count.nullable().meta({description: 'Seconds that the rest takes at the present rate; null while unknown'}),
	reason: copyObstacleSchema.nullable().meta({description: 'Why some of what is left can’t be moved now'}),
	awaited_until: timeMs
		.optional()
		.meta({description: 'Where it leaves and has still to remove shards: until then it is waited for'}),
});

export const maintenanceSchema = z.object({
	from: timeMs,
	until: timeMs.meta({description: 'Until then, nobody minds that it is away'}),
	by: z.string(),
});

export const suspensionSchema = z.object({
	since: timeMs,
	reason: z.enum(suspensionReasons),
	passes_left: count.meta({description: 'Audits in a row that it must pass to be back'}),
});

export const standingSchema = z.object({
	score: z
		.number()
		.min(0)
		.max(100)
		.meta({description: 'Reputation: earned with time and audits that are passed; placement weighs it'}),
	audits_passed: count,
	audits_failed: count,
	last_audit_at: timeMs.nullable(),
	last_passed_at: timeMs.nullable(),
});

/**
What a node's scrub finds wrong with a shard: other bytes under its name, which are in quarantine then; none that the disk
gives, now at least; no file.
*/
export const scrubFaults = ['corrupt', 'unreadable', 'missing'] as const;
export type ScrubFault = (typeof scrubFaults)[number];

export const scrubSchema = z.object({
	started_at: timeMs.meta({description: 'When the present pass over all of its shards began'}),
	progress: z.number().min(0).max(1).meta({description: 'The share of its shards that the pass has read again'}),
	completed_at: timeMs.nullable().meta({description: 'When the last whole pass ended'}),
});

/**
Why a node takes no new shards for now, and is read only where no other can be: its member paused it, it is outside the hours
in which it takes part, or its line has carried nearly what it may in a month, or all of it.
*/
export const restingReasons = ['paused', 'off-hours', 'near-cap', 'over-cap'] as const;
export type Resting = (typeof restingReasons)[number];

const rate = z.number().int().nonnegative();

const limitText = z.string().max(500);

/** What a node's member lets it take of machine and line, at all hours. Sizes are bytes, rates bytes a second; 0 is any. */
export const limitsSchema = z.object({
	space: count,
	up: rate,
	down: rate,
	schedule: limitText,
	monthly_cap: count,
	hours: limitText,
});
export type LimitsView = z.infer<typeof limitsSchema>;

/** What a node's member lets it take of the line, as the node tells it. */
export const lineSchema = z.object({
	up: rate.meta({description: 'Bytes a second that the node sends at most now; 0 for any'}),
	down: rate.meta({description: 'Bytes a second that it takes in at most now; 0 for any'}),
	resting: z.enum(restingReasons).optional().meta({description: 'Why it takes no new shards for now'}),
	hours: z
		.object({
			text: z
				.string()
				.max(500)
				.refine(text => parseHours(text) !== undefined, {error: 'no hours of the week'}),
			time_zone: z.string().max(64).refine(isTimeZone, {error: 'no time zone'}),
		})
		.optional()
		.meta({description: 'When it takes part; outside of that, nobody minds that it is away'}),
	limits: limitsSchema.optional(),
	remote: z
		.object({
			allowed: z.boolean().meta({description: 'Whether its member lets limits be set from afar'}),
			heard: timeMs.meta({description: 'It has decided about all wishes up to this one; 0 for none'}),
		})
		.optional(),
});
export type LineView = z.infer<typeof lineSchema>;

/** What limit somebody wishes a node to have: who, when by the coordinator's clock, and which, as the node would have it. */
export const wishSchema = z.object({at: timeMs, by: z.string(), value: z.union([count, limitText])});
export type Wish = z.infer<typeof wishSchema>;

export const wishesSchema = z.partialRecord(z.enum(remoteLimitNames), wishSchema);
export type Wishes = z.infer<typeof wishesSchema>;

/** How a node stands, as it is told itself; what does not apply is left out. */
export const heardCare = {
	wished: z
		.object({now: timeMs.meta({description: 'By the clock of the times in it'}), limits: wishesSchema})
		.optional()
		.meta({description: 'The limits that it has not decided about'}),
	standing: standingSchema.optional(),
	suspended: suspensionSchema.optional(),
	drain: drainSchema.optional(),
	maintenance: maintenanceSchema.optional(),
};

/** What is added to a node's view; what does not apply is left out. */
export const nodeCare = {
	drain: drainSchema.optional(),
	maintenance: maintenanceSchema.optional(),
	suspended: suspensionSchema.optional(),
	standing: standingSchema.optional(),
	scrub: scrubSchema.optional(),
	line: lineSchema.optional(),
	wished: wishesSchema.optional().meta({description: 'The limits that it was asked to have, the newest of each'}),
};

const wishText = (name: RemoteLimitName) =>
	z
		.string()
		.max(500)
		.refine(text => limitRules[name].parse(text) !== undefined, {error: `allowed: ${limitRules[name].allowed}`})
		.optional();

/** The limits that a node is to have, as texts such as `2MB`, by the rules of its own machine. */
export const wishLimitsSchema = z
	.object({
		space: wishText('space'),
		up: wishText('up'),
		down: wishText('down'),
		schedule: wishText('schedule'),
		monthly_cap: wishText('monthly_cap'),
		hours: wishText('hours'),
	})
	.refine(limits => Object.keys(limits).length > 0, {error: 'name a limit'});
