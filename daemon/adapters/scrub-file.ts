import {join} from 'node:path';
import {z} from 'zod';
import {digestSchema} from '../../source/protocol/api.js';
import {scrubFaults} from '../../source/protocol/node-care.js';
import type {Digest} from '../../source/protocol/ids.js';
import type {Log} from '../ports/log.js';
import {type DiskFiles, isMissing, unlinkIfThere, writeDurably} from './disk-shards-files.js';

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

export type ScrubFile = {
	/** `undefined` where there is none, or none that can be read: that is said in the log. */
	read: () => Promise<ScrubState | undefined>;
	/** Durable when it returns. */
	write: (state: ScrubState) => Promise<void>;
};

export const scrubFile = (files: DiskFiles, folder: string, log: Log): ScrubFile => {
	const path = join(folder, SCRUB_FILE);
	const partial = join(folder, `.${SCRUB_FILE}.part`);
	return {
		async read() {
			await unlinkIfThere(files, partial);
			try {
				return stateSchema.parse(JSON.parse(await files.readFile(path, 'utf8')));
			} catch (error) {
				if (!isMissing(error)) log.warn(`${SCRUB_FILE} can't be read: the scrub begins anew`, {error});
				return undefined;
			}
		},
		async write(state) {
			await writeDurably(files, path, `${JSON.stringify({version: 1, ...state})}\n`, partial);
		},
	};
};
