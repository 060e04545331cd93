import {Box} from 'ink';
import type {ReactNode} from 'react';
import type {Theme} from '../console/theme.js';
import type {Area} from '../console/view.js';
import {displayWidth, printable, truncate} from '../terminal/text.js';
import {LineText} from './lines.js';

type PanelProps = {
	title: string;
	/** What stands at the right of the title. */
	note?: string;
	area: Area;
	theme: Theme;
	isFocused?: boolean;
	children: ReactNode;
};

const corners = {round: {left: '╭', right: '╮', line: '─'}, classic: {left: '+', right: '+', line: '-'}};

const LEAST_NOTE = 16;

/** What is left inside of a panel of this size. */
export const insideOf = ({columns, rows}: Area): Area => ({
	columns: Math.max(1, columns - 4),
	rows: Math.max(1, rows - 2),
});

/** A frame with its title in the upper edge. */
export const Panel = ({title, note = '', area, theme, isFocused = false, children}: PanelProps): ReactNode => {
	const {left, right, line} = corners[theme.border];
	const room = Math.max(0, area.columns - 6);
	const shownTitle = truncate(printable(title), room, theme.glyphs.ellipsis);
	const noteRoom = room - displayWidth(shownTitle) - 3;
	const said = printable(note);
	// The beginning of a note that says nothing is worse than none.
	const isSaid = said !== '' && noteRoom >= Math.min(LEAST_NOTE, displayWidth(said));
	const shownNote = isSaid ? ` ${truncate(said, noteRoom, theme.glyphs.ellipsis)} ` : '';
	const rule = line.repeat(
		Math.max(0, area.columns - 5 - displayWidth(shownTitle) - displayWidth(shownNote) - (shownNote === '' ? 0 : 1)),
	);
	const tone = isFocused ? 'accent' : 'muted';
	const color = theme.colors[tone];
	return (
		<Box flexDirection="column" width={area.columns} height={area.rows}>
			<LineText
				theme={theme}
				line={{
					pieces: [
						{text: `${left}${line} `, tone},
						{text: shownTitle, isBold: true},
						{text: ` ${rule}`, tone},
						{text: shownNote, tone: 'muted'},
						{text: `${shownNote === '' ? '' : line}${right}`, tone},
					],
				}}
			/>
			<Box
				borderStyle={theme.border}
				borderTop={false}
				paddingX={1}
				flexDirection="column"
				width={area.columns}
				height={area.rows - 1}
				overflowY="hidden"
				{...(color !== undefined && {borderColor: color})}
			>
				{children}
			</Box>
		</Box>
	);
};
