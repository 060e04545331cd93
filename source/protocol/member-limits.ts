import {formatSize, parseSize} from './units.js';
import {hoursAllowed, parseHours, parseRate, parseSchedule, rateAllowed, scheduleAllowed} from './week.js';

/** The limits that may be wished for from afar, as they are called in requests. */
export const remoteLimitNames = ['space', 'up', 'down', 'schedule', 'monthly_cap', 'hours'] as const;
export type RemoteLimitName = (typeof remoteLimitNames)[number];

/** What a member may change on the node's machine while it runs: the limits, and whether they may be set from afar. */
export const limitNames = [...remoteLimitNames, 'remote_limits'] as const;
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

/** Whether a node takes limits from afar, as its member's own commands have it. */
export const remoteLimitsText = (isAllowed: boolean): 'on' | 'off' => (isAllowed ? 'on' : 'off');

/** A limit's name as people say it, in commands too. */
export const limitTitle = (name: LimitName): string => name.replaceAll('_', '-');

/** A limit's value as people read it. */
export const limitText = (name: LimitName, value: number | string): string => {
	if (typeof value === 'string') return value;
	if (name === 'up' || name === 'down') return value === 0 ? 'any' : `${formatSize(value)}/s`;
	return name === 'monthly_cap' && value === 0 ? 'none' : formatSize(value);
};

/** A limit as a text that its rule reads as the same. */
export const limitAsText = (value: number | string): string => (typeof value === 'number' ? `${value}B` : value);

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
	remote_limits: {
		parse(text) {
			const isOn = ['on', 'yes', 'true'].includes(text.trim().toLowerCase());
			return isOn || ['off', 'no', 'false'].includes(text.trim().toLowerCase()) ? remoteLimitsText(isOn) : undefined;
		},
		allowed: 'on or off',
	},
};
