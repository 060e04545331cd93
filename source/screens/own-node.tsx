import {Box} from 'ink';
import type {ReactNode} from 'react';
import {type Line, Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';
import {createScroll} from '../console/scroll.js';
import {fit} from '../console/table-layout.js';
import type {Area, MemberConsole, View} from '../console/view.js';
import {limitFacts} from '../member-words.js';
import {limitNames} from '../protocol/member-limits.js';
import {printable} from '../terminal/text.js';
import {logLine} from './log-line.js';
import {ownActions} from './own-actions.js';
import {ownFacts, ownState} from './own-facts.js';
import {waitingForNode} from './own-waiting.js';
import {throughputLines, type ThroughputWords} from './throughput.js';
import {mutedLines} from './waiting.js';
import {spokenLine} from './spoken-line.js';

const WIDE_FROM_COLUMNS = 110;
const FACTS_SHARE = 0.6;
const LINE_ROWS = 8;
const LEAST_LOG_ROWS = 5;
const LIMIT_LABEL_WIDTH = 14;
const REDRAW_AFTER_MS = 2_000;

const lineWords: ThroughputWords = {
	up: 'up',
	down: 'down',
	none: 'It carried nothing while this was watched.',
};

/** The own node at one glance: what it gives and carries, how it stands, what its line does now, and what it said last. */
export const createOwnNodeScreen = (console: MemberConsole): View => {
	const {theme, clock, node} = console;
	const scroll = createScroll(console.changed);
	let lineArea: Area | undefined;
	let painted = '';

	const traffic = (area: Area) => throughputLines(node.get().throughput, clock.now(), area, theme, lineWords);

	let stopTimer: (() => void) | undefined;
	/** The graph moves on where it would look another way. */
	const moveOn = () => {
		stopTimer = clock.timer(REDRAW_AFTER_MS, () => {
			if (lineArea && JSON.stringify(traffic(lineArea)) !== painted) console.changed();
			moveOn();
		});
	};

	const factLines = (width: number): Line[] => {
		const {status} = node.get();
		if (!status) return mutedLines(waitingForNode(console, 'how it is'), width);
		return ownFacts(status, {theme, nowMs: clock.now(), width});
	};

	const facts = (area: Area): ReactNode => {
		const inside = insideOf(area);
		const lines = factLines(inside.columns);
		const top = scroll.top(lines.length, inside.rows);
		const {status} = node.get();
		return (
			<Panel
				title={status?.name ?? 'Node'}
				note={scroll.note() === '' ? '' : `j k: ${scroll.note()}`}
				area={area}
				theme={theme}
				isFocused
			>
				<Lines theme={theme} lines={lines.slice(top, top + inside.rows)} rows={inside.rows} />
			</Panel>
		);
	};

	/** The rows that the facts leave of an area. */
	const roomBelowFacts = ({columns, rows}: Area): number =>
		Math.max(0, rows - factLines(insideOf({columns, rows}).columns).length - 2);

	const limits = (area: Area): ReactNode => {
		const {columns: width, rows} = insideOf(area);
		const {status} = node.get();
		const lines = (status ? limitFacts(status) : []).map(([name, text]): Line => ({
			pieces: [
				{text: name.padEnd(LIMIT_LABEL_WIDTH), tone: 'muted'},
				...fit(text, Math.max(1, width - LIMIT_LABEL_WIDTH), theme.glyphs.ellipsis),
			],
		}));
		return (
			<Panel title="Its limits" note="c changes them" area={area} theme={theme}>
				<Lines theme={theme} lines={lines} rows={rows} />
			</Panel>
		);
	};

	const line = (area: Area): ReactNode => {
		lineArea = insideOf(area);
		const lines = traffic(lineArea);
		painted = JSON.stringify(lines);
		return (
			<Panel title="Its line" area={area} theme={theme}>
				<Lines theme={theme} lines={lines} rows={lineArea.rows} />
			</Panel>
		);
	};

	const newest = (area: Area): ReactNode => {
		const inside = insideOf(area);
		const {log} = node.get();
		const said = log === undefined ? waitingForNode(console, 'its log') : ['It has said nothing yet.'];
		const lines =
			log === undefined || log.length === 0
				? mutedLines(said, inside.columns)
				: log
						.slice(-inside.rows)
						.reverse()
						.map(entry => logLine(entry, inside.columns, theme));
		return (
			<Panel title="Newest in its log" area={area} theme={theme}>
				<Lines theme={theme} lines={lines} rows={inside.rows} />
			</Panel>
		);
	};

	const wide = ({columns, rows}: Area): ReactNode => {
		const left = Math.floor(columns * FACTS_SHARE);
		const right = columns - left;
		const spare = roomBelowFacts({columns: left, rows});
		const limitRows = spare >= limitNames.length + 2 ? spare : 0;
		return (
			<Box>
				<Box flexDirection="column">
					{facts({columns: left, rows: rows - limitRows})}
					{limitRows > 0 && limits({columns: left, rows: limitRows})}
				</Box>
				<Box flexDirection="column">
					{line({columns: right, rows: LINE_ROWS})}
					{newest({columns: right, rows: rows - LINE_ROWS})}
				</Box>
			</Box>
		);
	};

	/** Below one another, as far as there is room: the facts first. */
	const narrow = ({columns, rows}: Area): ReactNode => {
		const spare = roomBelowFacts({columns, rows});
		const lineRows = spare >= LINE_ROWS + LEAST_LOG_ROWS ? LINE_ROWS : 0;
		const logRows = spare - lineRows >= LEAST_LOG_ROWS ? spare - lineRows : 0;
		if (lineRows === 0) lineArea = undefined;
		return (
			<Box flexDirection="column">
				{facts({columns, rows: rows - lineRows - logRows})}
				{lineRows > 0 && line({columns, rows: lineRows})}
				{logRows > 0 && newest({columns, rows: logRows})}
			</Box>
		);
	};

	return {
		title: () => 'Node',
		actions: () => [...ownActions(console), ...scroll.actions()],
		render: area => (
			<Box width={area.columns} height={area.rows}>
				{area.columns >= WIDE_FROM_COLUMNS ? wide(area) : narrow(area)}
			</Box>
		),
		describe() {
			const {status} = node.get();
			const lines = factLines(200).map(spokenLine);
			// Another title once it has answered, so that what it says is read out.
			return {
				title: status ? `Node ${printable(status.name)}` : 'Node',
				lines,
				...(status && {selection: `${printable(status.name)}: ${ownState(status).text}`}),
			};
		},
		show: moveOn,
		hide() {
			stopTimer?.();
		},
		dispose() {
			stopTimer?.();
		},
	};
};
