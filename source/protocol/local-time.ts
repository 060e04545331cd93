/**
The time of a place, by the name of its zone in the IANA database (`Europe/Berlin`), out of milliseconds since the epoch.
Minutes of a week count from Monday, 00:00.
*/

export const DAY_MINUTES = 1440;
export const WEEK_MINUTES = 7 * DAY_MINUTES;
const MINUTE_MS = 60_000;
const DAY_MS = DAY_MINUTES * MINUTE_MS;
/** No zone changes its clocks in the middle of a quarter of an hour. */
const STEADY_MS = 15 * MINUTE_MS;
/** 1970-01-01 was a Thursday. */
const EPOCH_DAY = 3;

type Steady = {quarter: number; aheadMs: number};

const formats = new Map<string, Intl.DateTimeFormat>();
const known = new Map<string, Steady>();

const formatOf = (timeZone: string): Intl.DateTimeFormat => {
	const made = formats.get(timeZone);
	if (made) return made;
	const format = new Intl.DateTimeFormat('en-US', {
		timeZone,
		hourCycle: 'h23',
		...{year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric'},
	});
	formats.set(timeZone, format);
	return format;
};

/** Whether there is such a zone. */
export const isTimeZone = (text: string): boolean => {
	try {
		formatOf(text);
		return true;
	} catch {
		return false;
	}
};

/** How far a zone's clocks are ahead of UTC. Kept for each quarter of an hour: to ask costs as much as to place a shard. */
const aheadMsOf = (nowMs: number, timeZone: string): number => {
	const quarter = Math.floor(nowMs / STEADY_MS);
	const steady = known.get(timeZone);
	if (steady?.quarter === quarter) return steady.aheadMs;
	const startMs = quarter * STEADY_MS;
	const parts = Object.fromEntries(
		formatOf(timeZone)
			.formatToParts(startMs)
			.map(({type, value}) => [type, Number(value)]),
	);
	const {year = 0, month = 1, day = 1, hour = 0, minute = 0} = parts;
	const aheadMs = Date.UTC(year, month - 1, day, hour, minute) - startMs;
	known.set(timeZone, {quarter, aheadMs});
	return aheadMs;
};

const localMs = (nowMs: number, timeZone: string): number => nowMs + aheadMsOf(nowMs, timeZone);

/** The minute of the week, with its fraction. */
export const weekMinuteOf = (nowMs: number, timeZone: string): number =>
	(localMs(nowMs, timeZone) / MINUTE_MS + EPOCH_DAY * DAY_MINUTES) % WEEK_MINUTES;

let lastDay = {number: 0, date: '1970-01-01'};

/**
The date, as `2026-11-27`: what it starts with is the month. The last one is kept, since it is asked for each piece of a
stream.
*/
export const dateOf = (nowMs: number, timeZone: string): string => {
	const number = Math.floor(localMs(nowMs, timeZone) / DAY_MS);
	if (number !== lastDay.number) lastDay = {number, date: new Date(number * DAY_MS).toISOString().slice(0, 10)};
	return lastDay.date;
};
