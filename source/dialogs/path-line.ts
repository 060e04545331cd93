import type {Line} from '../components/lines.js';
import type {LineInput} from '../console/line-input.js';
import type {Piece} from '../console/table.js';
import {fit} from '../console/table-layout.js';
import type {Theme} from '../console/theme.js';
import {displayWidth, graphemes, printable} from '../terminal/text.js';

/** The end of a printable text, in at most that many columns. */
export const endOf = (text: string, columns: number, ellipsis: string): string => {
	if (displayWidth(text) <= columns) return text;
	const kept: string[] = [];
	let left = columns - displayWidth(ellipsis);
	for (const grapheme of [...graphemes(text)].reverse()) {
		left -= displayWidth(grapheme);
		if (left < 0) break;
		kept.push(grapheme);
	}

	return columns <= 0 ? '' : ellipsis + kept.reverse().join('');
};

/** A label and a path of which the end is seen, where all of it has no room. */
export const pathLine = (label: string, target: string, width: number, theme: Theme): Line => {
	const {ellipsis} = theme.glyphs;
	const room = Math.max(1, width - displayWidth(label));
	return {pieces: [{text: label, tone: 'muted'}, ...fit(endOf(printable(target), room, ellipsis), room, ellipsis)]};
};

/** A line that is being written, cut so that the cursor is always seen. */
export const inputLine = (label: string, input: LineInput, width: number, theme: Theme): Line => {
	const {ellipsis} = theme.glyphs;
	const {before, under, after} = input.parts();
	const cursor = under === '' ? ' ' : printable(under) || ' ';
	const shownAfter = printable(after);
	const room = Math.max(1, width - displayWidth(label) - displayWidth(cursor));
	// What stands behind the cursor gets a part of the line at most.
	const behind = Math.min(displayWidth(shownAfter), Math.floor(room / 4));
	const start = endOf(printable(before), room - behind, ellipsis);
	const end: Piece[] = fit(shownAfter, Math.max(0, room - displayWidth(start)), ellipsis);
	return {
		pieces: [{text: label, tone: 'accent', isBold: true}, {text: start}, {text: cursor, isInverse: true}, ...end],
	};
};
