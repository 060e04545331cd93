const today = new Intl.DateTimeFormat(undefined, {hour: '2-digit', minute: '2-digit'});
const thisYear = new Intl.DateTimeFormat(undefined, {day: 'numeric', month: 'short'});
const older = new Intl.DateTimeFormat(undefined, {day: 'numeric', month: 'short', year: 'numeric'});
const exact = new Intl.DateTimeFormat(undefined, {dateStyle: 'long', timeStyle: 'short'});

/** A day, or a time today. */
export const dateText = (ms: number, now: Date = new Date()): string => {
	const date = new Date(ms);
	if (date.toDateString() === now.toDateString()) return today.format(date);
	return (date.getFullYear() === now.getFullYear() ? thisYear : older).format(date);
};

export const exactDate = (ms: number): string => exact.format(new Date(ms));

export const isoDate = (ms: number): string => new Date(ms).toISOString();

/** 1 file, 2 files. */
export const count = (number: number, one: string, more = `${one}s`): string =>
	`${number.toLocaleString()} ${number === 1 ? one : more}`;
