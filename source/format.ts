import {escapeControls} from './protocol/escape.js';
import {displayWidth, padEnd} from './terminal/text.js';

export {editableSize, formatSize} from './protocol/units.js';

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
