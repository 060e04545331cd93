import type {KeyEvent} from './key.js';

export type Modifiers = {ctrl: boolean; alt: boolean; shift: boolean};

export const noModifiers: Modifiers = {ctrl: false, alt: false, shift: false};

/** The last byte of `CSI A` and `CSI 1;5A`, and of `SS3 A`. Rxvt tells Shift by small letters. */
export const letterKeys: Readonly<Record<string, string>> = {
	A: 'up',
	B: 'down',
	C: 'right',
	D: 'left',
	F: 'end',
	H: 'home',
	P: 'f1',
	Q: 'f2',
	R: 'f3',
	S: 'f4',
	a: 'up',
	b: 'down',
	c: 'right',
	d: 'left',
};

/** The number in `CSI 3~`. Home and End have two each: xterm's and tmux's, and those of rxvt. */
export const numberKeys: Readonly<Record<number, string>> = {
	1: 'home',
	2: 'insert',
	3: 'delete',
	4: 'end',
	5: 'pageup',
	6: 'pagedown',
	7: 'home',
	8: 'end',
	11: 'f1',
	12: 'f2',
	13: 'f3',
	14: 'f4',
	15: 'f5',
	17: 'f6',
	18: 'f7',
	19: 'f8',
	20: 'f9',
	21: 'f10',
	23: 'f11',
	24: 'f12',
};

/** The last byte of `CSI [ A`, as the Linux console has it. */
export const consoleKeys: Readonly<Record<string, string>> = {A: 'f1', B: 'f2', C: 'f3', D: 'f4', E: 'f5'};

/** What the number pad writes in its application mode: `SS3 p` is 0. */
export const padCharacters: Readonly<Record<string, string>> = {
	X: '=',
	j: '*',
	k: '+',
	l: ',',
	m: '-',
	n: '.',
	o: '/',
	p: '0',
	q: '1',
	r: '2',
	s: '3',
	t: '4',
	u: '5',
	v: '6',
	w: '7',
	x: '8',
	y: '9',
};

/** Keys that kitty's protocol numbers by their character. */
export const codeKeys: Readonly<Record<number, string>> = {
	8: 'backspace',
	9: 'tab',
	13: 'enter',
	27: 'escape',
	127: 'backspace',
	57414: 'enter',
	57417: 'left',
	57418: 'right',
	57419: 'up',
	57420: 'down',
	57421: 'pageup',
	57422: 'pagedown',
	57423: 'home',
	57424: 'end',
	57425: 'insert',
	57426: 'delete',
};

/** The number pad in kitty's protocol, from 57399 on. */
export const padCodes = {first: 57_399, characters: '0123456789./*-+'};

/** Where kitty's protocol has its keys without a character. */
export const isPrivateCode = (code: number) => code >= 0xe000 && code <= 0xf8ff;

export const namedKey = (name: string, modifiers: Modifiers = noModifiers): KeyEvent => ({
	name,
	text: '',
	...modifiers,
});

/** A key that writes, unless Ctrl or Alt is held. Shift is told by the character itself, but for what Ctrl makes small. */
export const characterKey = (character: string, {ctrl, alt, shift}: Modifiers = noModifiers): KeyEvent => {
	const name = ctrl ? character.toLowerCase() : shift ? character.toUpperCase() : character;
	return {
		name: name === ' ' ? 'space' : name,
		text: ctrl || alt ? '' : name,
		ctrl,
		alt,
		shift: ctrl && shift,
	};
};

/**
A control character as the key that made it. DEL is Backspace; BS is Ctrl-H, which is what terminals of today send for it
(`stty erase ^H` is a thing of the past, and the console binds Ctrl-H).
*/
export const controlKey = (character: string, alt: boolean): KeyEvent => {
	const modifiers = {...noModifiers, alt};
	if (character === '\r' || character === '\n') return namedKey('enter', modifiers);
	if (character === '\t') return namedKey('tab', modifiers);
	if (character === '\u007F') return namedKey('backspace', modifiers);
	if (character === '\u001B') return namedKey('escape', modifiers);
	if (character === '\0') return namedKey('space', {...modifiers, ctrl: true});
	return namedKey(String.fromCharCode(character.charCodeAt(0) + 0x40).toLowerCase(), {...modifiers, ctrl: true});
};
