import {Box, Text} from 'ink';
import {createContext, type ReactNode, useContext} from 'react';
import type {Piece} from '../console/table.js';
import type {Theme} from '../console/theme.js';
import {InkTableBase, type InkTableLine} from './ink-table.js';

/** A line of the screen, in pieces that fill it. */
export type Line = {pieces: readonly Piece[]; isInverse?: boolean; isBold?: boolean};

const colorOf = (theme: Theme, {tone}: Piece, isInverse: boolean | undefined): {color?: string} => {
	const color = isInverse === true ? undefined : theme.colors[tone ?? 'plain'];
	return color === undefined ? {} : {color};
};

const isBlank = (text: string) => /^ *$/.test(text);

/** Neighbours that look alike as one: Ink's work grows with their number. A blank looks like whatever stands beside it. */
const merged = ({pieces, isInverse}: Line, theme: Theme): Piece[] => {
	const result: Piece[] = [];
	const looksOf = (piece: Piece) =>
		`${colorOf(theme, piece, isInverse).color ?? ''} ${piece.isBold === true} ${piece.isInverse === true}`;
	for (const piece of pieces) {
		const last = result.at(-1);
		const isSame =
			last !== undefined &&
			(looksOf(last) === looksOf(piece) ||
				(isBlank(piece.text) && piece.isInverse !== true && last.isInverse !== true));
		if (isSame) result[result.length - 1] = {...last, text: last.text + piece.text};
		else result.push(piece);
	}

	return result;
};

const isPlain = ({isBold = false, isInverse = false}: Piece, color: object) =>
	!isBold && !isInverse && !('color' in color);

/** One line. What is too long is cut off. */
export const LineText = ({line, theme}: {line: Line; theme: Theme}): ReactNode => (
	<Text wrap="truncate-end" inverse={line.isInverse ?? false} bold={line.isBold ?? false}>
		{merged(line, theme).map((piece, index) => {
			const color = colorOf(theme, piece, line.isInverse);
			if (isPlain(piece, color)) return piece.text;
			return (
				<Text key={index} bold={piece.isBold ?? false} inverse={piece.isInverse ?? false} {...color}>
					{piece.text}
				</Text>
			);
		})}
	</Text>
);

type Shown = {lines: readonly Line[]; theme: Theme};
const ShownContext = createContext<Shown | undefined>(undefined);

/** ink-table hands a cell no more than its text; here that is the number of the line. */
const Cell = ({children}: {children?: string}): ReactNode => {
	const shown = useContext(ShownContext);
	const line = shown?.lines[Number(children)];
	return shown && line ? <LineText line={line} theme={shown.theme} /> : null;
};

const Nothing = (): ReactNode => null;
const noLine: InkTableLine = () => null;

/**
ink-table without what makes it no operator's table: the rules between rows, its own head, and keys made from the values,
which would mount a row anew with each change. Its rows are numbered by their place on the screen instead.
*/
class PlainTable extends InkTableBase {
	override header = noLine;
	override heading = noLine;
	override separator = noLine;
	override footer = noLine;
}

const columns = ['line'];

/** Lines below one another, as rows of a table. */
export const Rows = ({lines, theme}: Shown): ReactNode => (
	<ShownContext.Provider value={{lines, theme}}>
		<PlainTable data={lines.map((_, line) => ({line}))} columns={columns} cell={Cell} skeleton={Nothing} />
	</ShownContext.Provider>
);

/** Lines below one another, in exactly that many. */
export const Lines = ({lines, theme, rows}: Shown & {rows?: number}): ReactNode => (
	<Box flexDirection="column" {...(rows !== undefined && {height: rows, overflowY: 'hidden'})}>
		{lines.slice(0, rows).map((line, index) => (
			<LineText key={index} line={line} theme={theme} />
		))}
	</Box>
);
