import {Box} from 'ink';
import type {ReactNode} from 'react';
import type {Column, Piece, Table} from '../console/table.js';
import {fit, joinCells, placeColumns} from '../console/table-layout.js';
import type {Theme} from '../console/theme.js';
import {wrap} from '../console/wrap.js';
import type {Area} from '../console/view.js';
import {printable} from '../terminal/text.js';
import {fieldLine} from './field.js';
import {type Line, Lines, LineText, Rows} from './lines.js';

type TableViewProps<Row extends object> = {
	table: Table<Row>;
	area: Area;
	theme: Theme;
	/** What is said in place of rows where there are none at all, a line each. */
	empty: readonly string[];
	/** What the whole row says by its colour, besides its cells. */
	toneOf?: (row: Row) => Piece['tone'];
};

const titleOf = <Row extends object>({id, title}: Column<Row>, table: Table<Row>, {glyphs}: Theme): Piece => {
	const sort = table.sort();
	const arrow = sort?.column === id ? (sort.isDescending ? glyphs.descending : glyphs.ascending) : '';
	return {text: title + arrow, tone: 'muted', isBold: arrow !== ''};
};

/** The line below the rows: the filter that is being written, or which part of how many is seen. */
const footLine = <Row extends object>(
	table: Table<Row>,
	{shown, start, columns, ellipsis}: {shown: number; start: number; columns: number; ellipsis: string},
): Line => {
	const total = table.rows().length;
	const all = table.options.rows().length;
	const marked = table.markedCount();
	const counts = [
		total > shown ? `${start + 1} to ${start + shown} of ${total}` : `${total}`,
		...(total === all ? [] : [`filtered from ${all}`]),
		...(marked === 0 ? [] : [`${marked} marked`]),
		...(table.columnOffset() === 0 ? [] : [`columns from ${table.columnOffset() + 2}`]),
	].join(', ');
	const input = table.filterInput();
	if (input) {
		const note = `  ${counts}, Enter keeps the filter`;
		return {pieces: fit(fieldLine('/', input, note, columns).pieces, columns, ellipsis)};
	}

	if (all === 0) return {pieces: [{text: ' '}]};
	const filter: Piece[] = table.filter() === '' ? [] : [{text: `/${table.filter()}`, tone: 'accent'}, {text: '  '}];
	return {pieces: fit([...filter, {text: counts, tone: 'muted'}], columns, ellipsis)};
};

/** A list: its head, the rows that fit, and a line that says where one is in it. The last line is that one. */
export const TableView = <Row extends object>(props: TableViewProps<Row>): ReactNode => {
	const {table, area, theme, empty, toneOf} = props;
	const pointerWidth = 2;
	const placed = placeColumns(table.options.columns, area.columns - pointerWidth, table.columnOffset());
	const height = Math.max(1, area.rows - 2);
	const {rows, start, selectedIndex} = table.window(height);
	const {ellipsis} = theme.glyphs;
	const head = joinCells(placed, ellipsis, column => titleOf(column, table, theme));

	const lineOf = (row: Row, index: number): Line => {
		const isSelected = start + index === selectedIndex;
		const pointer = isSelected ? theme.glyphs.pointer : ' ';
		const mark = table.isMarked(row) ? theme.glyphs.marked : ' ';
		const tone = toneOf?.(row);
		const cells = joinCells(placed, ellipsis, (column, width) => column.cell(row, width));
		const toned = tone === undefined ? cells : cells.map(piece => ({tone, ...piece}));
		return {
			pieces: fit([{text: pointer + mark}, ...toned], area.columns, ellipsis),
			isInverse: isSelected,
		};
	};

	const isEmpty = table.rows().length === 0;
	const said = table.options.rows().length === 0 ? empty : ['Nothing passes the filter. Esc takes it away.'];
	const nothing = said.flatMap(text => wrap(printable(text), Math.max(1, area.columns - 2)));
	return (
		<Box flexDirection="column" height={area.rows}>
			<LineText theme={theme} line={{pieces: fit([{text: '  '}, ...head], area.columns, ellipsis)}} />
			<Box height={height} flexDirection="column" overflowY="hidden">
				{isEmpty ? (
					<Lines theme={theme} lines={nothing.map(text => ({pieces: [{text: `  ${text}`, tone: 'muted'}]}))} />
				) : (
					<Rows theme={theme} lines={rows.map(lineOf)} />
				)}
			</Box>
			<LineText theme={theme} line={footLine(table, {shown: rows.length, start, columns: area.columns, ellipsis})} />
		</Box>
	);
};
