import {DAY_MINUTES, WEEK_MINUTES, weekMinuteOf} from './local-time.js';
import {parseSize} from './units.js';

/** Hours of the week, as people write them: `mon-fri 18:00-23:00; sat,sun`. */

/** From a minute of the week up to another; beyond the week's end it goes on from its beginning. */
export type Span = {from: number; until: number};

/** What a line may carry, in bytes a second; without a number, any. */
export type Rates = {up?: number; down?: number};

/** Rates for some hours of the week. */
export type TimedRates = Rates & {spans: Span[]};

const LEAST_RATE = 32 * 1024;
const LONGEST_GAP_HOURS = 72;
const LONGEST_TEXT = 500;
const MINUTE_MS = 60_000;

export const rateAllowed = '0 for any, or a size a second from 32KB, such as 500KB, 2MB or 1.5MB';
export const hoursAllowed = `hours of the week such as "mon-fri 18:00-23:00; sat,sun", with at most ${LONGEST_GAP_HOURS} h between them; or always`;
export const scheduleAllowed =
	'rates by hours of the week such as "mon-fri 08:00-18:00 up=1MB down=2MB; sat,sun up=5MB"; or none';

const dayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

const dayOf = (text: string): number | undefined => {
	const day = dayNames.indexOf(text);
	return day < 0 ? undefined : day;
};

/** The days of `mon`, `mon-fri` or `sat-mon`. */
const dayRange = (text: string): number[] | undefined => {
	const [first = '', last = first, ...more] = text.split('-');
	const [from, to] = [dayOf(first), dayOf(last)];
	if (from === undefined || to === undefined || more.length > 0) return undefined;
	return Array.from({length: ((to - from + 7) % 7) + 1}, (_, index) => (from + index) % 7);
};

const daysOf = (text: string): number[] | undefined => {
	const ranges = text.split(',').map(dayRange);
	return ranges.includes(undefined) ? undefined : [...new Set(ranges.flatMap(days => days ?? []))];
};

const timePattern = /^(\d{1,2}):(\d{2})$/;

const minuteOf = (text: string): number | undefined => {
	const [, hour = '', minute = ''] = timePattern.exec(text) ?? [];
	const minutes = Number(hour) * 60 + Number(minute);
	return hour !== '' && Number(minute) < 60 && minutes <= DAY_MINUTES ? minutes : undefined;
};

/** From a minute of a day to another; one that is not later is the next day's. */
const timesOf = (text: string): Span | undefined => {
	const [first = '', last = '', ...more] = text.split('-');
	const [from, until] = [minuteOf(first), minuteOf(last)];
	if (from === undefined || until === undefined || more.length > 0 || from === DAY_MINUTES) return undefined;
	return {from, until: until > from ? until : until + DAY_MINUTES};
};

/** The hours of `mon-fri 18:00-23:00`, of `sat,sun` or of `22:00-06:00`. */
const spansOf = (words: readonly string[]): Span[] | undefined => {
	const [first = '', second, ...more] = words;
	if (more.length > 0) return undefined;
	const hasDays = !timePattern.test(first.split('-')[0] ?? '');
	const days = hasDays ? daysOf(first) : dayNames.map((_, day) => day);
	const text = hasDays ? second : first;
	if (!hasDays && second !== undefined) return undefined;
	const times = text === undefined ? {from: 0, until: DAY_MINUTES} : timesOf(text);
	if (!days || !times) return undefined;
	return days.map(day => ({from: day * DAY_MINUTES + times.from, until: day * DAY_MINUTES + times.until}));
};

/** The same hours in order, none touching another. All of the week is one span of its length. */
const merged = (spans: readonly Span[]): Span[] => {
	const parts = spans.flatMap(({from, until}) =>
		until > WEEK_MINUTES
			? [
					{from, until: WEEK_MINUTES},
					{from: 0, until: until - WEEK_MINUTES},
				]
			: [{from, until}],
	);
	const joined: Span[] = [];
	for (const part of parts.sort((a, b) => a.from - b.from)) {
		const last = joined.at(-1);
		if (last && part.from <= last.until) last.until = Math.max(last.until, part.until);
		else joined.push({...part});
	}

	const [first] = joined;
	const last = joined.at(-1);
	if (!first || !last || first === last || first.from > 0 || last.until < WEEK_MINUTES) return joined;
	return [...joined.slice(1, -1), {from: last.from, until: first.until + WEEK_MINUTES}];
};

const isAll = ([span, ...more]: readonly Span[]): boolean =>
	span !== undefined && more.length === 0 && span.until - span.from >= WEEK_MINUTES;

const longestGapOf = (spans: readonly Span[]): number =>
	spans.reduce((longest, {until}, index) => {
		const next = spans[(index + 1) % spans.length] as Span;
		return Math.max(longest, (next.from - until + 2 * WEEK_MINUTES) % WEEK_MINUTES);
	}, 0);

const partsOf = (text: string): string[][] =>
	text
		.toLowerCase()
		.split(';')
		.map(part => part.trim().split(/\s+/))
		.filter(([word]) => word !== '');

/**
The hours of the week that a text means; none for `always`, which is no restriction. `undefined` where it means nothing, or
leaves so long a gap that a node could not keep anything.
*/
export const parseHours = (text: string): Span[] | undefined => {
	if (text.trim().toLowerCase() === 'always') return [];
	if (text.length > LONGEST_TEXT) return undefined;
	const parts = partsOf(text).map(spansOf);
	if (parts.length === 0 || parts.includes(undefined)) return undefined;
	const spans = merged(parts.flatMap(part => part ?? []));
	if (isAll(spans)) return [];
	return longestGapOf(spans) <= LONGEST_GAP_HOURS * 60 ? spans : undefined;
};

/** The bytes a second of `2MB`; 0 for any. */
export const parseRate = (text: string): number | undefined => {
	const rate = parseSize(text.trim().replace(/\/s$/i, ''), 'B');
	return rate === 0 || (rate !== undefined && rate >= LEAST_RATE) ? rate : undefined;
};

const timedRatesOf = (words: readonly string[]): TimedRates | undefined => {
	const settings = words.filter(word => word.includes('='));
	const hours = words.filter(word => !word.includes('='));
	const spans = hours.length === 0 ? undefined : spansOf(hours);
	if (!spans || settings.length === 0) return undefined;
	const rates: TimedRates = {spans: merged(spans)};
	for (const setting of settings) {
		const [key, value = '', ...more] = setting.split('=');
		const rate = parseRate(value);
		if ((key !== 'up' && key !== 'down') || rate === undefined || rates[key] !== undefined || more.length > 0)
			return undefined;
		rates[key] = rate;
	}

	return rates;
};

/** The rates by hours that a text means; none for `none`. */
export const parseSchedule = (text: string): TimedRates[] | undefined => {
	if (text.trim().toLowerCase() === 'none') return [];
	if (text.length > LONGEST_TEXT) return undefined;
	const entries = partsOf(text).map(timedRatesOf);
	return entries.length === 0 || entries.includes(undefined) ? undefined : (entries as TimedRates[]);
};

/** The span that a moment lies in, and how many minutes of it are past. */
const spanAt = (spans: readonly Span[], minute: number): {span: Span; passed: number} | undefined => {
	for (const span of spans) {
		const passed = (minute - span.from + WEEK_MINUTES) % WEEK_MINUTES;
		if (passed < span.until - span.from) return {span, passed};
	}

	return undefined;
};

/** Whether a moment lies in some hours of the week. None stand for all. */
export const isWithin = (spans: readonly Span[], nowMs: number, timeZone: string): boolean =>
	spans.length === 0 || spanAt(spans, weekMinuteOf(nowMs, timeZone)) !== undefined;

/** When the hours began that a moment lies in; `undefined` where it lies in none, and where there never was another time. */
export const beganAt = (spans: readonly Span[], nowMs: number, timeZone: string): number | undefined => {
	const at = spanAt(spans, weekMinuteOf(nowMs, timeZone));
	return at && nowMs - at.passed * MINUTE_MS;
};

/** When the next of these hours begin. */
export const nextBeginsAt = (spans: readonly Span[], nowMs: number, timeZone: string): number => {
	const minute = weekMinuteOf(nowMs, timeZone);
	const waits = spans.map(({from}) => (from - minute + WEEK_MINUTES) % WEEK_MINUTES);
	return nowMs + Math.min(...waits) * MINUTE_MS;
};

/** What a line may carry at a moment: by the first entry whose hours it lies in, and where that says nothing, as usual. */
export const ratesAt = (
	usual: Rates,
	schedule: readonly TimedRates[],
	nowMs: number,
	timeZone: string,
): {up: number; down: number} => {
	const timed = schedule.find(({spans}) => isWithin(spans, nowMs, timeZone));
	return {up: timed?.up ?? usual.up ?? 0, down: timed?.down ?? usual.down ?? 0};
};

/** How much of the week some hours are. None stand for all. */
export const shareOf = (spans: readonly Span[]): number =>
	spans.length === 0 ? 1 : spans.reduce((sum, {from, until}) => sum + until - from, 0) / WEEK_MINUTES;
