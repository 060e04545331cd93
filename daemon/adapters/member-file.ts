import {z} from 'zod';
import {leavings} from '../../source/protocol/member-api.js';
import {limitRules} from '../../source/protocol/member-limits.js';
import {limitKeys, type SetLimits} from '../core/member-limits.js';
import type {Traffic} from '../core/line.js';
import {smallFile, type SmallFile, type SmallFilePlace} from './small-file.js';

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

export const memberFile = (place: SmallFilePlace): SmallFile<MemberState> =>
	smallFile<MemberState>(place, {
		name: MEMBER_FILE,
		lost: 'what was set while the node ran is as configured',
		schema: memberSchema,
	});

export const trafficFile = (place: SmallFilePlace): SmallFile<Traffic> =>
	smallFile<Traffic>(place, {
		name: TRAFFIC_FILE,
		lost: 'what the line carried is counted from 0',
		schema: trafficSchema,
	});
