/** What xterm sends for the keys that write nothing. */
const sequences: Readonly<Record<string, string>> = {
	up: '\u001B[A',
	down: '\u001B[B',
	right: '\u001B[C',
	left: '\u001B[D',
	home: '\u001B[H',
	end: '\u001B[F',
	insert: '\u001B[2~',
	delete: '\u001B[3~',
	pageup: '\u001B[5~',
	pagedown: '\u001B[6~',
	backspace: '\u007F',
	tab: '\t',
	'shift-tab': '\u001B[Z',
	enter: '\r',
	escape: '\u001B',
	space: ' ',
	'ctrl-space': '\0',
	f1: '\u001BOP',
	f2: '\u001BOQ',
	f3: '\u001BOR',
	f4: '\u001BOS',
	f5: '\u001B[15~',
	f6: '\u001B[17~',
	f7: '\u001B[18~',
	f8: '\u001B[19~',
	f9: '\u001B[20~',
	f10: '\u001B[21~',
	f11: '\u001B[23~',
	f12: '\u001B[24~',
};

/** The bytes of a key by its name, as xterm sends them. */
export const bytesOfKey = (key: string): string => {
	const known = sequences[key];
	if (known !== undefined) return known;
	if (key.startsWith('alt-')) return `\u001B${bytesOfKey(key.slice(4))}`;
	const arrow = /^ctrl-(up|down|right|left|home|end)$/.exec(key)?.[1];
	if (arrow !== undefined) return (sequences[arrow] ?? '').replace('[', '[1;5');
	const letter = /^ctrl-([a-z[\\\]^_])$/.exec(key)?.[1];
	if (letter !== undefined) return String.fromCharCode(letter.toUpperCase().charCodeAt(0) - 0x40);
	if (key.length > 1 && /^[a-z]+(-[a-z]+)*\d*$/.test(key)) throw new Error(`There is no key ${key}`);
	return key;
};
