/**
Sizes and durations as people write them. Sizes count in 1024s under either name (GB and GiB), as the prototype did:
its 100 GB were 100 × 1024³ bytes.
*/
const sizePattern = /^(\d+(?:\.\d+)?|\.\d+)\s*(?:([kmgtp])i?b?|b)?$/i;
const sizePowers = {k: 1, m: 2, g: 3, t: 4, p: 5};
type SizeLetter = keyof typeof sizePowers;

/** What a number without a unit counts. */
export type BareUnit = 'B' | 'GB';

/** The bytes that a text such as `500MB`, `2TB` or `0.5` means, or `undefined` where it means none. */
export const parseSize = (text: string, bareUnit: BareUnit): number | undefined => {
	const match = sizePattern.exec(text.trim());
	if (!match?.[1]) return undefined;
	const isBare = /[\d.]$/.test(match[0]);
	const letter = (isBare && bareUnit === 'GB' ? 'g' : match[2]?.toLowerCase()) as SizeLetter | undefined;
	const bytes = Math.round(Number(match[1]) * 1024 ** (letter ? sizePowers[letter] : 0));
	return Number.isSafeInteger(bytes) ? bytes : undefined;
};

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** A size for people, in three or four digits: 0 B, 1.5 MiB, 100 GiB. */
export const formatSize = (bytes: number): string => {
	let value = bytes;
	let unit = 0;
	// What rounds to 1024 belongs to the next unit.
	while (Math.round(value * 10) >= 10_240 && unit < units.length - 1) {
		value /= 1024;
		unit++;
	}

	const tenths = Math.round(value * 10);
	const digits = tenths >= 1000 || tenths % 10 === 0 ? 0 : 1;
	return `${(tenths / 10).toFixed(digits)} ${units[unit] ?? ''}`;
};

/** A size to be changed by somebody who writes: in its short form, where that says all of it. */
export const editableSize = (bytes: number): string => {
	const short = formatSize(bytes);
	return parseSize(short, 'B') === bytes ? short : `${bytes}B`;
};

const durationPattern = /^(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)$/i;
const durationsMs: Record<string, number> = {ms: 1, s: 1000, min: 60_000, m: 60_000, h: 3_600_000, d: 86_400_000};

/** The milliseconds that a text such as `15s`, `500ms` or `1.5min` means, or `undefined`. A unit is a must. */
export const parseDuration = (text: string): number | undefined => {
	const match = durationPattern.exec(text.trim());
	if (!match?.[1] || !match[2]) return undefined;
	const ms = Math.round(Number(match[1]) * (durationsMs[match[2].toLowerCase()] ?? Number.NaN));
	return Number.isSafeInteger(ms) ? ms : undefined;
};
