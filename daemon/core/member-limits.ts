import {parseSize} from '../../source/protocol/units.js';
import {
	hoursAllowed,
	parseHours,
	parseRate,
	parseSchedule,
	rateAllowed,
	scheduleAllowed,
} from '../../source/protocol/week.js';
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

export type LimitKey = keyof Limits;

/** A limit that was set while the node ran, and what was configured in its place then. */
export type SetLimit = {value: number | string; over: number | string};
export type SetLimits = Partial<Record<LimitKey, SetLimit>>;

const SMALLEST_SPACE_BYTES = 1024 ** 2;
const SMALLEST_CAP_BYTES = 100 * 1024 ** 2;

type Rule = {parse: (text: string) => number | string | undefined; allowed: string};

const sizeFrom = (least: number, isNoneAllowed: boolean) => (text: string) => {
	const sizeBytes = parseSize(text, 'GB');
	const isFit = sizeBytes !== undefined && (sizeBytes >= least || (isNoneAllowed && sizeBytes === 0));
	return isFit ? sizeBytes : undefined;
};

const textThat = (parse: (text: string) => unknown) => (text: string) =>
	parse(text) === undefined ? undefined : text.trim().toLowerCase().replaceAll(/\s+/g, ' ');

/** What each limit may be, for flags, files and the member's own console alike. */
export const limitRules: Record<LimitKey, Rule> = {
	space: {
		parse: sizeFrom(SMALLEST_SPACE_BYTES, false),
		allowed: 'a size from 1MB, such as 200 (GB), 0.5, 500MB or 2TB',
	},
	up: {parse: parseRate, allowed: rateAllowed},
	down: {parse: parseRate, allowed: rateAllowed},
	schedule: {parse: textThat(parseSchedule), allowed: scheduleAllowed},
	monthly_cap: {
		parse: sizeFrom(SMALLEST_CAP_BYTES, true),
		allowed: '0 for none, or a size from 100MB, such as 500GB, 1TB or 500 (GB)',
	},
	hours: {parse: textThat(parseHours), allowed: hoursAllowed},
};

export const limitKeys = Object.keys(limitRules) as LimitKey[];

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
