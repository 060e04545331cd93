import {blankCell, type Cell, type Frame, isSameCell, type Row} from './cells.js';
import {plainStyle, sgrBetween, type Style} from './style.js';

const CSI = '\u001B[';
/** From how many places on it pays to erase the rest of a line instead of writing spaces. */
const MIN_ERASED = 4;

/** What is known of the cursor behind a character whose width is disputed: an equally disputed one may follow, nothing else. */
type Cursor = {row: number; column: number; isSure: boolean};

const parameter = (number: number) => (number === 1 ? '' : String(number));

const absolute = (row: number, column: number) =>
	column === 0 ? `${CSI}${parameter(row + 1)}H` : `${CSI}${parameter(row + 1)};${column + 1}H`;

/** The shortest way there. Nothing relative from a place that is not sure. */
const moveTo = (cursor: Cursor | undefined, row: number, column: number): string => {
	if (!cursor) return absolute(row, column);
	if (column === 0 && row === cursor.row) return '\r';
	if (column === 0 && row === cursor.row + 1) return '\r\n';
	if (row !== cursor.row) return absolute(row, column);
	const right = column - cursor.column;
	if (cursor.isSure && right > 0) return `${CSI}${parameter(right)}C`;
	return cursor.isSure && right === -1 ? '\b' : `${CSI}${column + 1}G`;
};

const bytesOf = (text: string) => Buffer.byteLength(text);

/** Writes cells, and knows where the cursor is and in which style. Starts in the plain style at an unknown place. */
const createPen = (columns: number) => {
	let written = '';
	let cursor: Cursor | undefined;
	let style: Style = plainStyle;

	const setStyle = (next: Style) => {
		written += sgrBetween(style, next);
		style = next;
	};

	const isAt = (row: number, column: number, mayBeUnsure: boolean) =>
		cursor?.row === row && cursor.column === column && (cursor.isSure || mayBeUnsure);

	/** Passes over unchanged cells by writing them again, where that is shorter. */
	const go = (row: number, column: number, cells: Row, mayBeUnsure: boolean) => {
		if (isAt(row, column, mayBeUnsure)) return;
		const move = moveTo(cursor, row, column);
		const from = cursor?.row === row && cursor.isSure ? cursor.column : column;
		const between = column - from <= move.length ? cells.slice(from, column) : [];
		const text = between.map(({glyph}) => glyph.text).join('');
		const isPassable = between.every(cell => !cell.glyph.isDisputed && cell.style.key === style.key);
		written += between.length > 0 && isPassable && bytesOf(text) <= move.length ? text : move;
		cursor = {row, column, isSure: true};
	};

	return {
		put(row: number, column: number, cells: Row, {glyph, style: next}: Cell) {
			const isSingle = glyph.isDisputed && glyph.width === 1 && glyph.excess === 0;
			go(row, column, cells, isSingle);
			setStyle(next);
			// On a terminal where it is narrower, what stood there must not show.
			if (glyph.isDisputed && glyph.width > 1) written += `${' '.repeat(glyph.width)}${CSI}${column + 1}G`;
			written += glyph.text;
			const end = column + glyph.width;
			// Behind the last column terminals differ, and at a disputed width they do.
			cursor = end >= columns ? {row, column: -1, isSure: false} : {row, column: end, isSure: !glyph.isDisputed};
			if (glyph.isDisputed && !isSingle) cursor = {row, column: -1, isSure: false};
		},
		/** Never called behind the last column, where it would take the last character away. */
		eraseRest(row: number, column: number, cells: Row) {
			go(row, column, cells, false);
			setStyle(plainStyle);
			written += `${CSI}K`;
		},
		end() {
			setStyle(plainStyle);
			return written;
		},
	};
};

/** Where the blank places at the end of a row begin. */
const blankFrom = (cells: Row): number => cells.findLastIndex(cell => !isSameCell(cell, blankCell)) + 1;

const differs = (before: Row, after: Row, column: number): boolean => {
	const old = before[column];
	const next = after[column];
	return old !== next && (!old || !next || !isSameCell(old, next));
};

const paintRow = (pen: ReturnType<typeof createPen>, row: number, before: Row, after: Row): void => {
	const rest = blankFrom(after);
	let forcedUntil = 0;
	for (const [column, cell] of after.entries()) {
		if (cell.glyph.width === 0 || (column >= forcedUntil && !differs(before, after, column))) continue;
		if (column >= rest && Math.max(blankFrom(before), forcedUntil) - column >= MIN_ERASED) {
			pen.eraseRest(row, column, after);
			return;
		}

		pen.put(row, column, after, cell);
		if (cell.glyph.excess > 0) forcedUntil = column + cell.glyph.width + cell.glyph.excess;
	}
};

/**
What must be written to make one frame of the other; '' where they are the same. Both are of one size. It begins with an
absolute move and ends in the plain style, so it does not matter who wrote in between.
*/
export const paintChanges = (before: Frame, after: Frame, columns: number): string => {
	const pen = createPen(columns);
	for (const [row, cells] of after.entries()) {
		const old = before[row] ?? [];
		if (old !== cells) paintRow(pen, row, old, cells);
	}

	return pen.end();
};

/** A screen on which nothing stands. */
export const blankFrame = (columns: number, rows: number): Frame => {
	const row = Array.from({length: columns}, () => blankCell);
	return Array.from({length: rows}, () => row);
};
