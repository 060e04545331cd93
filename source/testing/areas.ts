import type {ExecutionContext} from 'ava';
import type {Area, View} from '../console/view.js';
import {displayWidth} from '../terminal/text.js';
import {renderToText} from './render.js';

/** What is left for a screen of terminals of 60×15, 80×24, 120×40 and 200×60. */
export const areas: readonly Area[] = [
	{columns: 60, rows: 12},
	{columns: 80, rows: 21},
	{columns: 120, rows: 37},
	{columns: 200, rows: 57},
];

/** Names that would shift a screen, or be obeyed by a terminal, where nobody took care. */
export const hostileNames = [
	'報告書 日本語 の とても長い名前のファイル',
	'family 👨‍👩‍👧 and flags 🇩🇪🇫🇷',
	'مرحبا بالعالم',
	'\u001B[31mred\u001B[0m \u001B]0;title\u0007',
	'tab\tline\nreturn\rbell\u0007',
	'marks e\u0301\u0301\u0301\u0301\u0301\u0301\u0301',
	'\u202Egnp.exe',
	'\u009B2Jcleared',
];

/** Checks that a view fills an area to the column, each line ending with a border, and returns what it shows. */
export const fills = (t: ExecutionContext, view: View, area: Area): string => {
	const text = renderToText(view, area);
	const lines = text.split('\n');
	const size = `${area.columns}x${area.rows}`;
	t.is(lines.length, area.rows, size);
	for (const line of lines) {
		t.is(displayWidth(line), area.columns, `${size}: ${line}`);
		t.regex(line, /[│╮╯|+]$/, size);
	}

	return text;
};
