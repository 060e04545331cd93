import {displayWidth, padEnd, padStart, printable, truncate} from '../terminal/text.js';
import type {Column, Piece} from './table.js';

export type PlacedColumn<Row> = {column: Column<Row>; width: number};

/** Between two columns. */
const GAP = 2;

/** Gives what is left to the columns that want it, by their shares, none more than its most. */
const share = <Row>(placed: PlacedColumn<Row>[], left: number): void => {
	let rest = left;
	let growing = placed.filter(({column, width}) => (column.grow ?? 0) > 0 && width < (column.max ?? Infinity));
	while (rest > 0 && growing.length > 0) {
		const shares = growing.reduce((sum, {column}) => sum + (column.grow ?? 0), 0);
		const before = rest;
		for (const place of growing) {
			const wanted = Math.max(1, Math.floor((before * (place.column.grow ?? 0)) / shares));
			const given = Math.min(wanted, rest, (place.column.max ?? Infinity) - place.width);
			place.width += given;
			rest -= given;
		}

		growing = growing.filter(({column, width}) => width < (column.max ?? Infinity));
	}
};

/**
Which columns fit into a width, and how wide each is. Those with the highest priority number leave first; the first column
always stays, and `offset` of those after it are scrolled out to the left.
*/
export const placeColumns = <Row>(
	columns: readonly Column<Row>[],
	width: number,
	offset = 0,
): readonly PlacedColumn<Row>[] => {
	const [first, ...others] = columns;
	if (!first) return [];
	let kept = [first, ...others.slice(Math.min(offset, Math.max(0, others.length - 1)))];
	const needed = (list: readonly Column<Row>[]) => list.reduce((sum, {min}) => sum + min + GAP, -GAP);
	while (kept.length > 1 && needed(kept) > width) {
		const [leaving] = kept.slice(1).sort((a, b) => b.priority - a.priority);
		kept = kept.filter(column => column !== leaving);
	}

	const placed = kept.map(column => ({column, width: Math.min(column.min, Math.max(1, width))}));
	share(placed, width - needed(kept));
	return placed;
};

const asPieces = (cell: string | Piece | readonly Piece[]): readonly Piece[] => {
	if (typeof cell === 'string') return [{text: cell}];
	return 'text' in cell ? [cell] : cell;
};

/** Pieces cut or filled up to exactly that width. What they say is made harmless on the way. */
export const fit = (
	cell: string | Piece | readonly Piece[],
	width: number,
	ellipsis: string,
	align: 'left' | 'right' = 'left',
): Piece[] => {
	const fitted: Piece[] = [];
	let left = width;
	for (const piece of asPieces(cell)) {
		const text = truncate(printable(piece.text), left, ellipsis);
		if (text === '') continue;
		fitted.push({...piece, text});
		left -= displayWidth(text);
	}

	if (left <= 0) return fitted;
	const [first] = fitted;
	if (fitted.length === 1 && first) {
		const pad = align === 'right' ? padStart : padEnd;
		return [{...first, text: pad(first.text, width)}];
	}

	const blank = {text: ' '.repeat(left)};
	return align === 'right' ? [blank, ...fitted] : [...fitted, blank];
};

/** Cells next to one another, each as wide as its column. */
export const joinCells = <Row>(
	placed: readonly PlacedColumn<Row>[],
	ellipsis: string,
	cellOf: (column: Column<Row>, width: number) => string | Piece | readonly Piece[],
): Piece[] =>
	placed.flatMap(({column, width}, index) => [
		...(index === 0 ? [] : [{text: ' '.repeat(GAP)}]),
		...fit(cellOf(column, width), width, ellipsis, column.align),
	]);
