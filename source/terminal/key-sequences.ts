import type {KeyEvent} from './key.js';
import * as names from './key-names.js';
import {graphemes} from './text.js';

/** What stood at the beginning of the input: how much of it that was, and what it means. */
export type Token = {
	length: number;
	keys: readonly KeyEvent[];
	/** An answer of the terminal, or something unknown: never typed as text. */
	reply?: string;
	/** A paste begins behind it. */
	isPaste?: boolean;
};

const ESCAPE = '\u001B';
const MAX_CSI = 256;
const MAX_STRING = 65_536;

// eslint-disable-next-line no-control-regex -- Control characters are what it is about.
const textRun = /^[^\u0000-\u001F\u007F-\u009F]+/;
const ownKey = /^[ -~\u00A1-\u00AC\u00AE-\u02FF\u0391-\u03FF\u0400-\u0482\u048A-\u052F]$/;

const modifiersOf = (parameter: string | undefined): names.Modifiers => {
	const bits = Math.max(0, Number.parseInt(parameter ?? '1', 10) - 1) || 0;
	// Alt, and what is Meta to xterm and Super to kitty: none of them may do what the bare key does.
	return {shift: (bits & 1) !== 0, alt: (bits & (2 | 8 | 32)) !== 0, ctrl: (bits & 4) !== 0};
};

/** A key given by the number of its character, as kitty's protocol and xterm's modifyOtherKeys have it. */
const keyOfCode = (code: number, modifiers: names.Modifiers): KeyEvent | undefined => {
	const name = names.codeKeys[code];
	if (name !== undefined) return names.namedKey(name, modifiers);
	const onPad = names.padCodes.characters[code - names.padCodes.first];
	if (onPad !== undefined) return names.characterKey(onPad, modifiers);
	const isCharacter = code >= 0x20 && code <= 0x10_ffff && !(code >= 0xd800 && code <= 0xdfff);
	if (!isCharacter || names.isPrivateCode(code)) return undefined;
	return names.characterKey(String.fromCodePoint(code), modifiers);
};

const keyOfKitty = ([codes = '', held = '']: readonly string[]): KeyEvent | undefined => {
	const [code = Number.NaN, shifted] = codes.split(':').map(Number);
	const modifiers = modifiersOf(held);
	const isShifted = modifiers.shift && !modifiers.ctrl && shifted !== undefined && shifted > 0;
	return keyOfCode(isShifted ? shifted : code, modifiers);
};

/** Rxvt tells modifiers by the last byte: `CSI 3$` is Shift, `CSI 3^` Ctrl, `CSI 3@` both. */
const rxvtModifiers: Readonly<Record<string, names.Modifiers>> = {
	$: {ctrl: false, alt: false, shift: true},
	'^': {ctrl: true, alt: false, shift: false},
	'@': {ctrl: true, alt: false, shift: true},
};

const keyOfNumber = ([number = '', held, code]: readonly string[], final: string): KeyEvent | undefined => {
	if (number === '27') return keyOfCode(Number(code), modifiersOf(held));
	const name = names.numberKeys[Number(number)];
	return name === undefined ? undefined : names.namedKey(name, rxvtModifiers[final] ?? modifiersOf(held));
};

const keyOfLetter = ([first = '', held]: readonly string[], final: string): KeyEvent | undefined => {
	const name = names.letterKeys[final];
	// `CSI 12;40R` tells where the cursor is.
	if (name === undefined || (first !== '' && first !== '1')) return undefined;
	const modifiers = modifiersOf(held);
	return names.namedKey(name, final >= 'a' ? {...modifiers, shift: true} : modifiers);
};

const keyOfCsi = (parameters: string, final: string): KeyEvent | undefined => {
	const fields = parameters.split(';');
	// Kitty's protocol can report that a key was let go.
	if (fields[1]?.endsWith(':3') === true) return undefined;
	if (final === 'u') return keyOfKitty(fields);
	if (final === 'Z') return names.namedKey('tab', {...modifiersOf(fields[1]), shift: true});
	return final === '~' || final in rxvtModifiers ? keyOfNumber(fields, final) : keyOfLetter(fields, final);
};

const token = (input: string, length: number, key?: KeyEvent): Token => ({
	length,
	keys: key ? [key] : [],
	...(!key && {reply: input.slice(0, length)}),
});

/** What does not belong to a sequence ends it, and is read for itself. */
const broken = (input: string, length: number): Token =>
	token(
		input,
		length,
		length === 2 ? names.characterKey(input[1] ?? '', {...names.noModifiers, alt: true}) : undefined,
	);

const readConsoleKey = (input: string): Token | undefined => {
	if (input.length < 4) return undefined;
	const name = names.consoleKeys[input[3] ?? ''];
	return token(input, name === undefined ? 3 : 4, name === undefined ? undefined : names.namedKey(name));
};

const readCsi = (input: string): Token | undefined => {
	if (input[2] === '[') return readConsoleKey(input);
	const [all = '', parameters = '', between = ''] = /^..([0-?]*)([ -/]*)/s.exec(input.slice(0, MAX_CSI)) ?? [];
	if (between.startsWith('$') && /^\d+$/.test(parameters)) {
		return token(input, 3 + parameters.length, keyOfCsi(parameters, '$'));
	}

	const final = input[all.length];
	if (final === undefined) return undefined;
	if (!/[@-~]/.test(final)) return broken(input, all.length);
	const length = all.length + 1;
	if (final === 'M' && length === 3) return input.length < 6 ? undefined : token(input, 6);
	const isReply = between !== '' || /^[<-?]/.test(parameters);
	if (!isReply && final === '~' && parameters === '200') return {length, keys: [], isPaste: true};
	return token(input, length, isReply ? undefined : keyOfCsi(parameters, final));
};

const readSs3 = (input: string): Token | undefined => {
	const [all = '', parameters = ''] = /^..([\d;]{0,8})/s.exec(input) ?? [];
	const final = input[all.length];
	if (final === undefined) return undefined;
	const length = all.length + 1;
	if (final === 'M') return token(input, length, names.namedKey('enter'));
	const character = names.padCharacters[final];
	if (character !== undefined) return token(input, length, names.characterKey(character));
	const held = parameters.split(';').at(-1);
	const name = names.letterKeys[final];
	if (!/[@-~]/.test(final)) return broken(input, all.length);
	if (name === undefined) return token(input, length);
	return token(
		input,
		length,
		names.namedKey(name, final >= 'a' ? {...names.noModifiers, ctrl: true} : modifiersOf(held || '1')),
	);
};

/** A string of the terminal's: OSC, DCS, APC, PM or SOS, up to its end. */
const readString = (input: string): Token | undefined => {
	// eslint-disable-next-line no-control-regex -- As above.
	const end = /\u0007|\u001B\\|\u009C/.exec(input.slice(2));
	if (end) return token(input, 2 + end.index + end[0].length);
	return input.length > MAX_STRING ? token(input, input.length) : undefined;
};

const introducers: Readonly<Record<string, (input: string) => Token | undefined>> = {
	'[': readCsi,
	O: readSs3,
	']': readString,
	P: readString,
	X: readString,
	'^': readString,
	_: readString,
};

/** Whether it can be told that the key ends here: what joins a simple letter is taken for a key of its own, rather than let every letter wait. */
const isClosed = (grapheme: string) => ownKey.test(grapheme);

/** As many keys as there are; the last of a packet waits where more could belong to it. */
const readText = (run: string, isLast: boolean, isFinal: boolean): Token | undefined => {
	const all = Array.from(graphemes(run));
	const last = all.at(-1) ?? '';
	const isOpen = isLast && !isFinal && !isClosed(last);
	const sure = isOpen ? all.slice(0, -1) : all;
	if (sure.length === 0) return undefined;
	return {
		length: run.length - (isOpen ? last.length : 0),
		// The decoder's mark for what was no UTF-8.
		keys: sure.filter(grapheme => grapheme !== '\uFFFD').map(grapheme => names.characterKey(grapheme)),
	};
};

/** ESC before anything that is no sequence: Alt. */
const readAlt = (input: string, isFinal: boolean): Token | undefined => {
	const run = textRun.exec(input.slice(1, 65))?.[0];
	if (run === undefined) return token(input, 2, names.controlKey(input[1] ?? '', true));
	const [first = ''] = graphemes(run);
	if (1 + first.length === input.length && !isFinal && !isClosed(first)) return undefined;
	return token(input, 1 + first.length, names.characterKey(first, {...names.noModifiers, alt: true}));
};

const readEscape = (input: string, isFinal: boolean): Token | undefined => {
	const next = input[1];
	// Escape pressed twice is two keys; nothing that a terminal of today sends begins so.
	if (next === ESCAPE || (next === undefined && isFinal)) return token(input, 1, names.namedKey('escape'));
	if (next === undefined) return undefined;
	const introducer = introducers[next];
	if (!introducer) return readAlt(input, isFinal);
	const read = introducer(input);
	if (read || !isFinal) return read;
	// It never came to its end: Alt and that letter, or a broken sequence.
	return input.length === 2 ? readAlt(input, true) : token(input, input.length);
};

/**
Reads what stands at the beginning of the input; `undefined` where more must come first to know. When none came, `isFinal`
says to make of it what it is.
*/
export const readToken = (input: string, isFinal: boolean): Token | undefined => {
	if (input.startsWith(ESCAPE)) return readEscape(input, isFinal);
	const run = textRun.exec(input)?.[0];
	if (run !== undefined) return readText(run, run.length === input.length, isFinal);
	const [character = ''] = input;
	return character >= '\u0080' ? token(input, 1) : token(input, 1, names.controlKey(character, false));
};
