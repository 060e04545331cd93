import {z} from 'zod';

/**
What `pjas-daemon doctor` found out about a coordinator or a node on this machine, or a console about its way to a coordinator. The same text serves people and programs:
each check says what it tried, what it saw, and what helps.
*/
export const doctorChecks = [
	'folder',
	'disk-space',
	'disk-speed',
	'folder-in-use',
	'chunks',
	'keys',
	'certificate',
	'port',
	'coordinator',
	'clock',
	'version',
	'membership',
	'join-code',
	'address',
	'nodes',
	'files',
	'sign-in',
	'events',
] as const;
export type DoctorCheck = (typeof doctorChecks)[number];

export const findingSchema = z.object({
	check: z.enum(doctorChecks),
	outcome: z
		.enum(['fine', 'warning', 'wrong', 'skipped'])
		.meta({description: '`wrong`: it does not work so. `skipped`: it could not be tried, and `seen` says why'}),
	tried: z.string(),
	seen: z.string(),
	remedy: z.string().nullable().meta({description: 'What to do; null where nothing is to be done'}),
});
export type Finding = z.infer<typeof findingSchema>;

export const doctorReportSchema = z.object({
	role: z.enum(['coordinator', 'node']),
	version: z.string(),
	folder: z.string(),
	checked_at: z.int().meta({description: 'Milliseconds since the epoch'}),
	is_well: z.boolean().meta({description: 'Nothing is wrong; there may be warnings'}),
	findings: z.array(findingSchema),
});
export type DoctorReport = z.infer<typeof doctorReportSchema>;
