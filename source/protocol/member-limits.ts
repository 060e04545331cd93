import {parseSize} from './units.js';
import {hoursAllowed, parseHours, parseRate, parseSchedule, rateAllowed, scheduleAllowed} from './week.js';

/** The limits that a member may change while the node runs, as they are called in requests. */
export const limitNames = ['space', 'up', 'down', 'schedule', 'monthly_cap', 'hours'] as const;
export type LimitName = (typeof limitNames)[number];

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

/**
What each limit may be, for flags, files and the member's own console alike. `parse` gives sizes in bytes, rates in bytes a
second and hours as text; `undefined` for what can't be.
*/
export const limitRules: Record<LimitName, Rule> = {
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
