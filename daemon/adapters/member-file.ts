import {z} from 'zod';
import {type Leaving, leavings} from '../../source/protocol/member-api.js';
import {limitAsText, limitRules, remoteLimitNames} from '../../source/protocol/member-limits.js';
import {type Decided, type LimitKey, nothingDecided, type SetLimit, type SetLimits} from '../core/member-limits.js';
import type {Traffic} from '../core/line.js';
import {smallFile, type SmallFile, type SmallFilePlace} from './small-file.js';

/** What a node's member set while it ran, in its folder. */
const MEMBER_FILE = 'member.json';
/** What its line carried. */
const TRAFFIC_FILE = 'line.json';

const value = z.union([z.number().nonnegative(), z.string().max(500)]);
const setLimit = z.object({value, over: value});
const timeMs = z.number().int().nonnegative();
const isSound = (key: LimitKey, limit: SetLimit): boolean =>
	limitRules[key].parse(limitAsText(limit.value)) !== undefined;

const memberSchema = z.object({
	version: z.literal(1),
	isPaused: z.boolean(),
	leaving: z.enum(leavings),
	set: z
		.partialRecord(z.enum(remoteLimitNames), setLimit)
		.refine(set => Object.entries(set).every(([key, limit]) => isSound(key as LimitKey, limit)))
		.transform(set => set as SetLimits),
	// Beside the others: a version of before would take a limit that it does not know for damage.
	remoteLimits: setLimit.refine(limit => isSound('remote_limits', limit)).optional(),
	decided: z.object({here: z.partialRecord(z.enum(remoteLimitNames), timeMs), heardAt: timeMs}).optional(),
});
type Stored = Omit<z.output<typeof memberSchema>, 'version'>;

export type MemberState = {isPaused: boolean; leaving: Leaving; set: SetLimits; decided: Decided};

const bytes = z.number().int().nonnegative();
const carried = z.object({up: bytes, down: bytes});
const trafficSchema = z.object({
	version: z.literal(1),
	date: z.string().regex(/^\d{4}-\d{2}-\d{2}$/),
	day: carried,
	month: carried,
});

export const memberFile = (place: SmallFilePlace): SmallFile<MemberState> => {
	const {read, write} = smallFile<Stored>(place, {
		name: MEMBER_FILE,
		lost: 'what was set while the node ran is as configured',
		schema: memberSchema,
	});
	return {
		async read() {
			const stored = await read();
			if (!stored) return undefined;
			const {remoteLimits, set, decided = nothingDecided, ...state} = stored;
			return {...state, set: {...set, ...(remoteLimits && {remote_limits: remoteLimits})}, decided};
		},
		async write({set: {remote_limits: remoteLimits, ...set}, ...state}) {
			await write({...state, set, ...(remoteLimits && {remoteLimits})});
		},
	};
};

export const trafficFile = (place: SmallFilePlace): SmallFile<Traffic> =>
	smallFile<Traffic>(place, {
		name: TRAFFIC_FILE,
		lost: 'what the line carried is counted from 0',
		schema: trafficSchema,
	});
