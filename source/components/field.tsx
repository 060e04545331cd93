import type {LineInput} from '../console/line-input.js';
import {displayWidth, graphemes, printable} from '../terminal/text.js';
import {type Line, LineText} from './lines.js';
import type {Theme} from '../console/theme.js';
import type {ReactNode} from 'react';

/** The end of a text that fits, a letter at a time. */
const endOf = (text: string, columns: number): string => {
	if (displayWidth(text) <= columns) return text;
	const letters = [...graphemes(text)];
	let left = columns;
	let from = letters.length;
	while (from > 0) {
		left -= displayWidth(letters[from - 1] ?? '');
		if (left < 0) break;
		from--;
	}

	return letters.slice(from).join('');
};

/**
A line that is being written, after its label: the cursor is the inverse place.

@param columns - The room there is: what stands before the cursor leaves to the left rather than the cursor to the right.
*/
export const fieldLine = (label: string, input: LineInput, note = '', columns = Infinity): Line => {
	const {before, under, after} = input.parts();
	const room = Math.max(1, columns - displayWidth(label) - Math.max(1, displayWidth(printable(under))));
	return {
		pieces: [
			{text: printable(label), tone: 'accent', isBold: true},
			{text: endOf(printable(before), room)},
			{text: under === '' ? ' ' : printable(under), isInverse: true},
			{text: printable(after)},
			{text: note, tone: 'muted'},
		],
	};
};

export const Field = ({label, input, theme}: {label: string; input: LineInput; theme: Theme}): ReactNode => (
	<LineText theme={theme} line={fieldLine(label, input)} />
);
