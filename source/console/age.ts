const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** How long ago, coarsely, so that it seldom changes: now, 3 min, 2 h, 5 d. */
export const age = (ms: number): string => {
	if (ms < MINUTE_MS) return 'now';
	if (ms < 2 * HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min`;
	return ms < 2 * DAY_MS ? `${Math.floor(ms / HOUR_MS)} h` : `${Math.floor(ms / DAY_MS)} d`;
};

const two = (value: number) => String(value).padStart(2, '0');

/** A time of day on this machine: 21:05:09. */
export const timeOfDay = (ms: number): string => {
	const date = new Date(ms);
	return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
};

/** A day and a time on this machine: 2026-11-23 21:05. */
export const dateTime = (ms: number): string => {
	const date = new Date(ms);
	const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
	return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
};

/** How long something still takes: 45 s, 12 min, 3 h. */
export const span = (ms: number): string => {
	const seconds = Math.max(0, Math.round(ms / 1000));
	if (seconds < 120) return `${seconds} s`;
	return seconds < 7200 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
};
