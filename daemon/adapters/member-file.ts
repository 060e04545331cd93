import {join} from 'node:path';
import {z} from 'zod';
import {leavings} from '../../source/protocol/member-api.js';
import {limitKeys, limitRules, type SetLimits} from '../core/member-limits.js';
import type {Traffic} from '../core/line.js';
import type {Log} from '../ports/log.js';
import {type DiskFiles, isMissing, unlinkIfThere, writeDurably} from './disk-shards-files.js';

/** What a node's member set while it ran, in its folder. */
const MEMBER_FILE = 'member.json';
/** What its line carried. */
const TRAFFIC_FILE = 'line.json';

const value = z.union([z.number().nonnegative(), z.string().max(500)]);
const memberSchema = z.object({
	version: z.literal(1),
	isPaused: z.boolean(),
	leaving: z.enum(leavings),
	set: z
		.partialRecord(z.enum(limitKeys as [string, ...string[]]), z.object({value, over: value}))
		.refine(set =>
			Object.entries(set).every(([key, limit]) => {
				const text = typeof limit?.value === 'number' ? `${limit.value}B` : (limit?.value ?? '');
				return limitRules[key as keyof typeof limitRules].parse(text) !== undefined;
			}),
		)
		.transform(set => set as SetLimits),
});

export type MemberState = Omit<z.output<typeof memberSchema>, 'version'>;

const bytes = z.number().int().nonnegative();
const carried = z.object({up: bytes, down: bytes});
const trafficSchema = z.object({
	version: z.literal(1),
	date: z.string().regex(/^\d{4}-\d{2}-\d{2}$/),
	day: carried,
	month: carried,
});

export type SmallFile<State> = {
	/** `undefined` where there is none, or none that can be read: that is said in the log. */
	read: () => Promise<State | undefined>;
	/** Durable when it returns. */
	write: (state: State) => Promise<void>;
};

type FileOptions<State> = {
	files: DiskFiles;
	folder: string;
	log: Log;
	name: string;
	lost: string;
	schema: z.ZodType<State & {version: 1}>;
};

const smallFile = <State extends object>({
	files,
	folder,
	log,
	name,
	lost,
	schema,
}: FileOptions<State>): SmallFile<State> => {
	const path = join(folder, name);
	const partial = join(folder, `.${name}.part`);
	return {
		async read() {
			await unlinkIfThere(files, partial);
			try {
				return schema.parse(JSON.parse(await files.readFile(path, 'utf8')));
			} catch (error) {
				if (!isMissing(error)) log.warn(`${name} can't be read: ${lost}`, {error});
				return undefined;
			}
		},
		async write(state) {
			await writeDurably(files, path, `${JSON.stringify({version: 1, ...state})}\n`, partial);
		},
	};
};

type Place = Pick<FileOptions<unknown>, 'files' | 'folder' | 'log'>;

export const memberFile = (place: Place): SmallFile<MemberState> =>
	smallFile<MemberState>({
		...place,
		name: MEMBER_FILE,
		lost: 'what was set while the node ran is as configured',
		schema: memberSchema,
	});

export const trafficFile = (place: Place): SmallFile<Traffic> =>
	smallFile<Traffic>({
		...place,
		name: TRAFFIC_FILE,
		lost: 'what the line carried is counted from 0',
		schema: trafficSchema,
	});
