import {z} from 'zod';
import {fileIdPattern} from './ids.js';
import {fileIdSchema, fileSchema, heartbeatSchema, repairObstacleSchema} from './api.js';

/** Schemas of what the API takes and tells of moves, stops and the trash. Times are milliseconds since the epoch. */

const timeMs = z.number().int().nonnegative();
const count = z.number().int().nonnegative();
const success = z.literal(true);

const LONGEST_MAINTENANCE_S = 14 * 24 * 3600;

export const drainNodeSchema = z.object({
	leave: z.boolean().default(false).meta({description: 'Forget the node once it is empty'}),
});

export const maintainNodeSchema = z.object({
	from: timeMs.optional().meta({description: 'Without it, now'}),
	duration_s: z.number().int().min(60).max(LONGEST_MAINTENANCE_S),
});

/** A chunk that would be left with too few copies were a node to stop. */
export const riskSchema = z.object({
	file_id: fileIdSchema,
	filename: z.string().meta({description: 'Empty for who may not know it'}),
	index: count,
	copies: count.meta({description: 'Sound copies on other nodes that are online'}),
	wanted: count,
});
export type RiskView = z.infer<typeof riskSchema>;

export const safeToStopSchema = z.object({
	success,
	node_id: z.string(),
	safe: z.boolean().meta({description: 'Every chunk of it has as many copies elsewhere as an upload must reach'}),
	shards: count.meta({description: 'Shards that it holds'}),
	min_copies: count.meta({description: 'Copies elsewhere below which a chunk is at risk'}),
	at_risk: count.meta({description: 'Chunks that are'}),
	chunks: z.array(riskSchema).meta({description: 'At most 100 of them, the fewest copies first'}),
});
export type SafeToStop = z.infer<typeof safeToStopSchema>;

/** A node asks for itself. It is told of no files: it knows of none. */
export const askSafeToStopSchema = heartbeatSchema.pick({node_id: true, trusts: true});
export type AskSafeToStop = z.infer<typeof askSafeToStopSchema>;

export const nodeSafeToStopSchema = safeToStopSchema.omit({node_id: true, chunks: true}).extend({
	fewest_copies: count
		.nullable()
		.meta({description: 'Of the chunk at risk that has the fewest elsewhere; null where none is'}),
});
export type NodeSafeToStop = z.infer<typeof nodeSafeToStopSchema>;

/**
Why a shard is moved: its node is drained, has more than it is allowed, its chunk's nodes are too close together, or its
node is much fuller than others.
*/
export const moveReasons = ['drain', 'shrink', 'spread', 'balance'] as const;
export type MoveReason = (typeof moveReasons)[number];

export const movesStatusSchema = z.object({
	paused: z.boolean().meta({description: 'Healing as a whole is paused'}),
	waiting: count.meta({description: 'Shards that are still to be moved'}),
	blocked: count.meta({description: 'Shards that can’t be moved now'}),
	reason: repairObstacleSchema.nullable().meta({description: 'Why one of those that are blocked is'}),
	active: z.array(
		z.object({
			file_id: fileIdSchema,
			index: count,
			size: count,
			from: z.string(),
			to: z.string(),
			reason: z.enum(moveReasons),
			started_at: timeMs,
		}),
	),
	bytes_per_s: z.number().nonnegative(),
	done: z.object({shards: count, bytes: count}).meta({description: 'Since the coordinator started'}),
});
export type MovesView = z.infer<typeof movesStatusSchema>;

export const movesAnswerSchema = z.object({success, moves: movesStatusSchema});

const trashPlaceSchema = z
	.string()
	.regex(new RegExp(`^[0-9a-f]{14}-${fileIdPattern.source.replace(/^\^|\$$/g, '')}$`))
	.meta({description: 'The `next_before` of the page before'});

export const trashQuerySchema = z.object({
	limit: z.coerce.number().int().min(1).max(1000).default(1000),
	before: trashPlaceSchema.optional(),
});

export const emptyTrashQuerySchema = z.object({before: trashPlaceSchema.optional()});

/** A file in the trash. */
export const trashedFileSchema = fileSchema.extend({
	deleted_at: timeMs,
	deleted_by: z.string().meta({description: 'The account; empty where there was none'}),
	purge_at: timeMs.meta({description: 'When it is gone for good'}),
});
export type TrashedFile = z.infer<typeof trashedFileSchema>;

export const trashSchema = z.object({
	success,
	files: z.array(trashedFileSchema).meta({description: 'What was deleted last comes first'}),
	total: count.meta({description: 'How many files there are in it that one may know of'}),
	total_size: count.meta({description: 'Their bytes'}),
	next_before: z.string().nullable().meta({description: 'The next page’s `before`; null on the last page'}),
});

export const emptiedTrashSchema = z.object({
	success,
	files: count.meta({description: 'How many this call deleted for good'}),
	bytes: count,
	next_before: z
		.string()
		.nullable()
		.meta({description: 'The `before` of the call that goes on; null where all is done'}),
});
