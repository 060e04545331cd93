import {z} from 'zod';

/** The audit log: what `GET /api/audit` takes and gives. */

export const auditEntrySchema = z.object({
	seq: z.int().positive().meta({description: 'Grows by one with every entry'}),
	time: z.iso.datetime(),
	who: z.string().meta({description: 'An account; empty for nobody known'}),
	did: z.string(),
	what: z.string().optional(),
	from: z.string().optional().meta({description: 'The address that the request came from'}),
	result: z.enum(['ok', 'refused']),
	prev: z.string().meta({description: 'The SHA-256 of the line before in the log, in hex'}),
});
export type AuditEntryView = z.infer<typeof auditEntrySchema>;

const MOST_ENTRIES = 1000;

export const auditQuerySchema = z.object({
	limit: z.coerce.number().int().min(1).max(MOST_ENTRIES).default(100),
	before: z.coerce.number().int().positive().optional().meta({description: 'Only entries with a smaller `seq`'}),
});

export const auditSchema = z.object({
	success: z.literal(true),
	entries: z.array(auditEntrySchema).meta({description: 'The newest first'}),
	next_before: z.number().int().nullable().meta({description: 'The next page’s `before`; null on the last page'}),
});
