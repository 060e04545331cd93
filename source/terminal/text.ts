import stringWidth from 'string-width';
import {escapeControls} from '../protocol/escape.js';

/** Latin, Greek, Cyrillic, punctuation and box drawing: one column each, and none joins another. */
const simple =
	/^[ -~\u00A1-\u00AC\u00AE-\u02FF\u0391-\u03FF\u0400-\u0482\u048A-\u052F\u2010-\u2027\u2190-\u21FF\u2500-\u259F]*$/;
const ascii = /^[ -~]*$/;
// The compiler knows this flag from ES2024 on only; Node 20 has it.
const emoji = new RegExp('^\\p{RGI_Emoji}$', 'v');
const invisible = /[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu;
const mark = /^\p{M}/u;
const manyMarks = /(\p{M}{4})\p{M}+/gu;

const segmenter = new Intl.Segmenter('en', {granularity: 'grapheme'});

/** What a reader takes for one character each. Lazy, so that a long text costs only what is read of it. */
export function* graphemes(text: string): Iterable<string> {
	for (const {segment} of segmenter.segment(text)) yield segment;
}

/** Whether each of its characters is one for a reader, and takes one column. Cheap. */
export const isSimple = (text: string): boolean => simple.test(text);

/** How many columns a text takes on a terminal. Escape sequences take none. */
export const displayWidth = (text: string): number => (simple.test(text) ? text.length : stringWidth(text));

/** One grapheme without what can't be seen, and with something below its marks. */
const visible = (grapheme: string): string => {
	if (emoji.test(grapheme)) return grapheme;
	const rest = grapheme.replace(invisible, '').replace(manyMarks, '$1');
	return mark.test(rest) ? `\u25CC${rest}` : rest;
};

/** Some letters join whatever follows them, a border too: such a one is dropped from the end. */
const withoutOpenEnd = (text: string): string => {
	const last = Array.from(text.slice(-8)).at(-1) ?? '';
	const [first = ''] = graphemes(`${last} `);
	return last !== '' && first.length > last.length ? withoutOpenEnd(text.slice(0, -last.length)) : text;
};

const printableOnce = (text: string): string => {
	let result = '';
	for (const grapheme of graphemes(escapeControls(text)))
		result += simple.test(grapheme) ? grapheme : visible(grapheme);
	return withoutOpenEnd(result);
};

/**
Text from elsewhere, fit for one line of the screen: what could be obeyed, end the line or turn its direction is shown as
`\u001b`, what can't be seen is dropped (but for what holds an emoji together), and no mark joins what stands before it.
Letters of right-to-left scripts stay, in the order in which they are stored.
*/
export const printable = (text: string): string => {
	if (simple.test(text)) return text;
	const result = printableOnce(text);
	// What was dropped may have held two graphemes apart that join now, and are to be looked at as one.
	return result === text ? result : printable(result);
};

type Head = {text: string; width: number};

/** The longest beginning that fits; `undefined` where all of it does. */
const cutHead = (text: string, columns: number): Head | undefined => {
	let length = 0;
	let width = 0;
	for (const grapheme of graphemes(text)) {
		const next = width + displayWidth(grapheme);
		if (next > columns) return {text: text.slice(0, length), width};
		width = next;
		length += grapheme.length;
	}

	return undefined;
};

/** The longest beginning that fits, and how many columns it takes. Looks no further than it must. */
const head = (text: string, columns: number): Head => {
	const near = text.slice(0, columns * 4 + 64);
	if (simple.test(near)) return {text: near.slice(0, columns), width: Math.min(near.length, columns)};
	const cut = cutHead(near, columns);
	if (cut) return cut;
	if (near.length === text.length) return {text, width: displayWidth(text)};
	return cutHead(text, columns) ?? {text, width: displayWidth(text)};
};

/** The longest end that fits. */
const tail = (text: string, columns: number): string => {
	if (columns <= 0) return '';
	if (simple.test(text)) return text.slice(-columns);
	let length = 0;
	let width = 0;
	for (const grapheme of [...graphemes(text)].reverse()) {
		width += displayWidth(grapheme);
		if (width > columns) break;
		length += grapheme.length;
	}

	return text.slice(text.length - length);
};

const fits = (text: string, columns: number): boolean => {
	if (text.length <= columns && ascii.test(text)) return true;
	return head(text, columns).text.length === text.length;
};

/** Printable text in at most that many columns: what is too long ends with the ellipsis, where there is room for one. */
export const truncate = (text: string, columns: number, ellipsis = '…'): string => {
	const room = Math.max(0, Math.floor(columns));
	if (fits(text, room)) return text;
	const rest = room - displayWidth(ellipsis);
	return rest < 0 ? head(text, room).text : head(text, rest).text + ellipsis;
};

/** As `truncate`, but keeps the end too: of a file's name it is the ending that tells the most. */
export const truncateMiddle = (text: string, columns: number, ellipsis = '…'): string => {
	const room = Math.max(0, Math.floor(columns));
	if (fits(text, room)) return text;
	const rest = room - displayWidth(ellipsis);
	if (rest < 2) return truncate(text, room, ellipsis);
	const start = head(text, Math.ceil(rest / 2));
	return start.text + ellipsis + tail(text, rest - start.width);
};

const spaces = (text: string, columns: number) => ' '.repeat(Math.max(0, Math.floor(columns) - displayWidth(text)));

/** Fills up with spaces on the right; what is wider stays as it is. */
export const padEnd = (text: string, columns: number): string => text + spaces(text, columns);

/** Fills up with spaces on the left; what is wider stays as it is. */
export const padStart = (text: string, columns: number): string => spaces(text, columns) + text;
