import {escapeControls} from './protocol/escape.js';
import {parseSize} from './protocol/units.js';
import {displayWidth, padEnd} from './terminal/text.js';

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

/** A time in UTC, as the activity log has it. */
export const formatTime = (ms: number): string => {
	const date = new Date(ms);
	return Number.isNaN(date.getTime()) ? '?' : date.toISOString().slice(0, 19).replace('T', ' ');
};

/** How safe a file's chunks are, in words that fit a column: full, 2 of 5 short, 1 lost. */
export const formatRedundancy = ({full, partly, none}: {full: number; partly: number; none: number}): string => {
	if (none > 0) return `${none} lost`;
	return partly > 0 ? `${partly} of ${full + partly} short` : 'full';
};

/** Rows below a head, in columns as wide as their widest cell. The last column ends where it ends. */
export const formatTable = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
	const printable = [head, ...rows].map(row => row.map(cell => escapeControls(cell)));
	const widths = head.map((_, column) =>
		printable.reduce((widest, row) => Math.max(widest, displayWidth(row[column] ?? '')), 0),
	);
	return printable
		.map(row =>
			row
				.map((cell, column) => padEnd(cell, widths[column] ?? 0))
				.join('  ')
				.trimEnd(),
		)
		.join('\n');
};
