import stringWidth from 'string-width';
import {applySgr, plainStyle, type Style, withoutColor} from './style.js';
import {displayWidth, graphemes, isSimple} from './text.js';

/** What a grapheme takes on a screen. */
export type Glyph = {
	text: string;
	/** Columns; 0 for the place that a wide one before it takes too. */
	width: number;
	/** Whether terminals disagree about its width: where the cursor is behind it can't be known. */
	isDisputed: boolean;
	/** How many columns more it may take on some terminal, so that what stands there must be painted again. */
	excess: number;
};

export type Cell = {glyph: Glyph; style: Style};
export type Row = readonly Cell[];

/** Rows of cells, each as long as the screen is wide. A row that did not change is the same object. */
export type Frame = readonly Row[];

export type CellReader = (frame: string, columns: number, rows: number) => Frame;

const MAX_KNOWN = 4096;
const blank: Glyph = {text: ' ', width: 1, isDisputed: false, excess: 0};
const taken: Glyph = {text: '', width: 0, isDisputed: false, excess: 0};

export const blankCell: Cell = {glyph: blank, style: plainStyle};

export const isSameCell = (a: Cell, b: Cell): boolean =>
	a === b || (a.glyph.text === b.glyph.text && a.glyph.width === b.glyph.width && a.style.key === b.style.key);

const emojiPart = /[\p{Extended_Pictographic}\p{Regional_Indicator}]/u;
const regional = /^\p{Regional_Indicator}$/u;

const widestOf = (character: string) => (regional.test(character) ? 2 : stringWidth(character));

/** What could be obeyed, or would take no place, stands as a question mark: Ink leaves a column for it. */
const glyphOf = (grapheme: string): Glyph => {
	const width = displayWidth(grapheme);
	if (grapheme === '\t') return blank;
	if (width === 0 || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(grapheme)) return {...blank, text: '?'};
	const characters = Array.from(grapheme);
	const isEmoji = emojiPart.test(grapheme);
	if (characters.length === 1 && !isEmoji) {
		const isAmbiguous = stringWidth(grapheme, {ambiguousIsNarrow: false}) !== width;
		return {text: grapheme, width, isDisputed: isAmbiguous, excess: 0};
	}

	const widest = characters.reduce((sum, character) => sum + widestOf(character), 0);
	return {text: grapheme, width, isDisputed: true, excess: Math.max(0, widest - width)};
};

/** Looks a grapheme up only once; forgets all when too many were seen. */
const createGlyphs = () => {
	const known = new Map<string, Glyph>();
	return (grapheme: string): Glyph => {
		const old = known.get(grapheme);
		if (old) return old;
		if (known.size >= MAX_KNOWN) known.clear();
		const glyph = glyphOf(grapheme);
		known.set(grapheme, glyph);
		return glyph;
	};
};

// Sequences with an end; without one, ESC is a character as any that can't be shown.
const sequence =
	// eslint-disable-next-line no-control-regex -- Control characters are what it is about.
	/\u001B\[([0-?]*)([ -/]*[@-~])|\u001B[\]P_^X][^\u0007\u001B]*(?:\u0007|\u001B\\)|\u001B[ -/]*[0-OQ-WYZ\\`-~]/g;

/** The parts of a line that have one style each. */
function* spans(line: string, hasColors: boolean): Iterable<{text: string; style: Style}> {
	let style = plainStyle;
	let at = 0;
	for (const match of line.matchAll(sequence)) {
		if (match.index > at) yield {text: line.slice(at, match.index), style};
		at = match.index + match[0].length;
		if (match[2] !== 'm' || /[<-?]/.test(match[1] ?? '')) continue;
		const next = applySgr(style, match[1] ?? '');
		style = hasColors ? next : withoutColor(next);
	}

	if (at < line.length) yield {text: line.slice(at), style};
}

const put = (row: Cell[], glyph: Glyph, style: Style, columns: number): void => {
	const room = columns - row.length;
	if (glyph.width > room) {
		for (let left = room; left > 0; left--) row.push({glyph: blank, style});
		return;
	}

	row.push({glyph, style});
	for (let more = 1; more < glyph.width; more++) row.push({glyph: taken, style});
};

/**
Reads frames as Ink writes them: lines of text with SGR, each of which begins in the plain style. Nothing else in them is
obeyed. What is above `columns` × `rows` is cut off; a wide character that only half fits is left out.
*/
export const createCellReader = ({hasColors}: {hasColors: boolean}): CellReader => {
	const glyphFor = createGlyphs();
	let known = new Map<string, Row>();
	let knownColumns = 0;

	const readLine = (line: string, columns: number): Row => {
		const row: Cell[] = [];
		for (const {text, style} of spans(line, hasColors)) {
			for (const grapheme of isSimple(text) ? text : graphemes(text)) {
				if (row.length >= columns) return row;
				put(row, glyphFor(grapheme), style, columns);
			}
		}

		while (row.length < columns) row.push(blankCell);
		return row;
	};

	return (frame, columns, rows) => {
		const old = columns === knownColumns ? known : new Map<string, Row>();
		known = new Map();
		knownColumns = columns;
		const lines = frame.split('\n', rows);
		return Array.from({length: rows}, (_, index) => {
			const line = lines[index] ?? '';
			const row = known.get(line) ?? old.get(line) ?? readLine(line, columns);
			known.set(line, row);
			return row;
		});
	};
};
