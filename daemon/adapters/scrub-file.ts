import {z} from 'zod';
import {digestSchema} from '../../source/protocol/api.js';
import {scrubFaults} from '../../source/protocol/node-care.js';
import type {Digest} from '../../source/protocol/ids.js';
import {smallFile, type SmallFile, type SmallFilePlace} from './small-file.js';

/** How far a node's scrub is, in its folder. */
export const SCRUB_FILE = 'scrub.json';

const timeMs = z.number().int().nonnegative();
const digest = digestSchema.transform(text => text as Digest);

const stateSchema = z.object({
	version: z.literal(1),
	startedAt: timeMs,
	upTo: digest.optional(),
	completed: z.object({startedAt: timeMs, endedAt: timeMs}).optional(),
	selfCheck: z.number().int().optional(),
	isSelfCheck: z.boolean(),
	faults: z.array(z.object({digest, kind: z.enum(scrubFaults)})),
});

export type ScrubState = Omit<z.infer<typeof stateSchema>, 'version'>;

export type ScrubFile = SmallFile<ScrubState>;

export const scrubFile = (place: SmallFilePlace): ScrubFile =>
	smallFile<ScrubState>(place, {name: SCRUB_FILE, lost: 'the scrub begins anew', schema: stateSchema});
