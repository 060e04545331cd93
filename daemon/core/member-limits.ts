import {type LimitName, limitNames} from '../../source/protocol/member-limits.js';
import {parseHours, parseSchedule} from '../../source/protocol/week.js';
import type {MemberSettings} from './line.js';

/** What a member sets while the node runs, as it is kept: sizes in bytes, rates in bytes a second, hours as text. */
export type Limits = {
	space: number;
	up: number;
	down: number;
	schedule: string;
	monthly_cap: number;
	hours: string;
};

export type LimitKey = LimitName;

/** A limit that was set while the node ran, and what was configured in its place then. */
export type SetLimit = {value: number | string; over: number | string};
export type SetLimits = Partial<Record<LimitKey, SetLimit>>;

export const limitKeys: readonly LimitKey[] = limitNames;

/**
What holds at a start: what was set while the node ran, as long as the same is configured as then; whoever configures
something else has decided later.
*/
export const limitsAtStart = (
	configured: Limits,
	set: SetLimits,
): {limits: Limits; set: SetLimits; dropped: LimitKey[]} => {
	const known = limitKeys.filter(key => set[key] !== undefined);
	const kept = known.filter(key => set[key]?.over === configured[key]);
	const keptSet = Object.fromEntries(kept.map(key => [key, set[key]])) as SetLimits;
	const values = Object.fromEntries(kept.map(key => [key, set[key]?.value]));
	return {limits: {...configured, ...values}, set: keptSet, dropped: known.filter(key => !kept.includes(key))};
};

/** What is set with one limit more. To set what is configured is to set nothing. */
export const withLimit = (configured: Limits, set: SetLimits, key: LimitKey, value: number | string): SetLimits => {
	const rest = Object.fromEntries(Object.entries(set).filter(([other]) => other !== key)) as SetLimits;
	return value === configured[key] ? rest : {...rest, [key]: {value, over: configured[key]}};
};

export const limitsOf = (configured: Limits, set: SetLimits): Limits => limitsAtStart(configured, set).limits;

/** Limits ready for use. */
export const settingsOf = ({space, up, down, schedule, monthly_cap: monthlyCap, hours}: Limits): MemberSettings => ({
	space,
	rates: {up, down},
	schedule: parseSchedule(schedule) ?? [],
	monthlyCap,
	hours: parseHours(hours) ?? [],
});
