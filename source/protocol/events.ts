import {z} from 'zod';
import {
	checkLineSchema,
	digestSchema,
	fileIdSchema,
	fileSchema,
	logEntrySchema,
	nodeSchema,
	repairStatusSchema,
	statsSchema,
} from './api.js';
import {alertsStatusSchema} from './alerts-api.js';
import {movesStatusSchema} from './healing-api.js';

/** The events that `GET /api/events` sends, by name. `reset` means that some were missed: fetch everything anew. */
export const eventSchemas = {
	reset: z.object({}),
	node: nodeSchema,
	'node-removed': z.object({node_id: z.string()}),
	file: fileSchema,
	'file-removed': z.object({file_id: fileIdSchema}),
	log: logEntrySchema,
	stats: statsSchema.shape.stats,
	repair: repairStatusSchema,
	moves: movesStatusSchema,
	alerts: alertsStatusSchema,
	check: z.object({file_id: fileIdSchema, line: checkLineSchema}),
	fault: z.object({
		file_id: fileIdSchema,
		index: z.number().int(),
		node_id: z.string(),
		digest: digestSchema,
		kind: z.enum(['missing', 'corrupt']),
	}),
} as const;
export type EventName = keyof typeof eventSchemas;
export type EventData<Name extends EventName> = z.infer<(typeof eventSchemas)[Name]>;
