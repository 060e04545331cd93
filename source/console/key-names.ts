import type {Theme} from './theme.js';

const names: Record<string, string> = {
	up: '↑',
	down: '↓',
	left: '←',
	right: '→',
	enter: 'Enter',
	escape: 'Esc',
	space: 'Space',
	tab: 'Tab',
	'shift-tab': 'Shift-Tab',
	pageup: 'PgUp',
	pagedown: 'PgDn',
	home: 'Home',
	end: 'End',
	delete: 'Del',
	f1: 'F1',
};

const asciiNames: Record<string, string> = {up: 'Up', down: 'Down', left: 'Left', right: 'Right'};

/** A key as people call it: `ctrl-d` is Ctrl-d. */
export const keyName = (chord: string, {isAscii}: Pick<Theme, 'isAscii'> = {isAscii: false}): string =>
	(isAscii ? asciiNames[chord] : undefined) ??
	names[chord] ??
	chord.replace(/^ctrl-/, 'Ctrl-').replace(/^alt-/, 'Alt-');
