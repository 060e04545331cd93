import {Box} from 'ink';
import type {ReactNode} from 'react';
import type {Stats} from '../client/api.js';
import type {LiveState} from '../client/live-state.js';
import {type Line, Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';
import {bar} from '../components/pictures.js';
import {TableView} from '../components/table-view.js';
import {createTable, type Column} from '../console/table.js';
import {fit} from '../console/table-layout.js';
import type {Tone} from '../console/theme.js';
import type {Action, Area, Console, View} from '../console/view.js';
import {formatSize} from '../format.js';
import {pauseAction} from './healing-actions.js';
import {logLine} from './log-line.js';
import {type Problem, problemsOf} from './problems.js';
import {spokenLine} from './spoken-line.js';
import {throughputLines} from './throughput.js';
import {mutedLines, waiting} from './waiting.js';

const FIGURES_ROWS = 8;
const COMPACT_FIGURES_ROWS = 5;
const COMPACT_BELOW_ROWS = 17;
const LEAST_BAR = 4;
const MOST_BAR = 20;
const REDRAW_AFTER_MS = 2_000;
const LABEL_WIDTH = 9;
const MINUTE_MS = 60_000;

const columns: Column<Problem>[] = [
	{
		id: 'severity',
		title: 'HOW BAD',
		min: 8,
		priority: 0,
		cell: ({severity}) =>
			severity === 'bad' ? {text: 'BAD', tone: 'bad', isBold: true} : {text: 'warning', tone: 'warn'},
	},
	{id: 'text', title: 'WHAT IS WRONG', min: 30, grow: 1, priority: 0, cell: ({text}) => text},
];

const share = (part: number, whole: number) => (whole === 0 ? 1 : part / whole);

const dataTone = ({redundancy: {partly, none}}: Stats): Tone => {
	if (none > 0) return 'bad';
	return partly > 0 ? 'warn' : 'ok';
};

const sizesText = (used: number, total: number) => `${formatSize(used)} of ${formatSize(total)}`;

/** The network's health and its storage as bars with figures. */
const figureLines = (state: LiveState, console: Console, width: number): Line[] => {
	const {stats} = state;
	if (!stats) return mutedLines(waiting(console, 'its figures'), width);
	const {theme} = console;
	const line = (label: string, fraction: number, tone: Tone, text: string): Line => {
		const barWidth = Math.min(MOST_BAR, Math.floor(width / 4), width - LABEL_WIDTH - text.length - 1);
		const drawn = barWidth < LEAST_BAR ? [] : [...bar(fraction, barWidth, theme, tone), {text: ' '}];
		const pieces = [{text: label.padEnd(LABEL_WIDTH), tone: 'muted' as const}, ...drawn, {text}];
		return {pieces: fit(pieces, width, theme.glyphs.ellipsis)};
	};
	const {full, partly, none} = stats.redundancy;
	const nodes = share(stats.onlineNodes, stats.totalNodes);
	const used = share(stats.usedStorage, stats.totalStorage);
	// What is worst stands where it is not cut off.
	const lost = none > 0 ? `${none} LOST, ` : '';
	const short = partly > 0 ? `, ${partly} short` : '';
	const plain = (label: string, text: string): Line => ({
		pieces: fit([{text: label.padEnd(LABEL_WIDTH), tone: 'muted'}, {text}], width, theme.glyphs.ellipsis),
	});
	return [
		line('nodes', nodes, nodes < 1 ? 'warn' : 'ok', `${stats.onlineNodes} of ${stats.totalNodes} online`),
		line('data', share(full, stats.chunks), dataTone(stats), `${lost}${full}/${stats.chunks} full${short}`),
		line('storage', used, used > 0.9 ? 'warn' : 'accent', sizesText(stats.usedStorage, stats.totalStorage)),
		plain('free', `${formatSize(stats.freeStorage)} on online nodes`),
		plain('files', `${stats.activeFiles}, ${formatSize(stats.fileBytes)}`),
		plain('traffic', `${formatSize(stats.bytesIn)} in, ${formatSize(stats.bytesOut)} out`),
	];
};

const newestLines = ({log}: LiveState, console: Console, {columns: width, rows}: Area): Line[] => {
	if (!log) return mutedLines(waiting(console, 'its log'), width);
	if (log.length === 0) return mutedLines(['Nothing has happened yet.'], width);
	return log
		.slice(-rows)
		.reverse()
		.map(entry => logLine(entry, width, console.theme));
};

/** Of the columns: the figures need theirs more than the graphs. */
const leftShare = (columns: number) => {
	if (columns < 70) return 0.6;
	return columns < 90 ? 0.55 : 0.5;
};

/** How the rows are shared out: figures above, what is wrong, and the newest activity where there is room. */
const shareRows = (rows: number, problems: number) => {
	const figureRows = rows < COMPACT_BELOW_ROWS ? COMPACT_FIGURES_ROWS : FIGURES_ROWS;
	const rest = Math.max(4, rows - figureRows);
	const wanted = Math.max(5, Math.min(problems + 4, rest - 4));
	const problemRows = rest - wanted >= 4 ? wanted : rest;
	return {figureRows, problemRows, activityRows: rest - problemRows};
};

/** The network at one glance: how it does, what is wrong, what happened last. */
export const createOverviewScreen = (console: Console): View => {
	let from: readonly unknown[] = [];
	let problems: readonly Problem[] = [];
	/** Made anew only where what it rests on is another. */
	const currentProblems = () => {
		const {connection, stats, nodes, faults, files, alerts} = console.live.get();
		const nowMs = console.clock.now();
		// Files only give faults their names, and ages are told by the minute.
		const names = faults.length > 0 ? files?.list : undefined;
		const minute = Math.floor(nowMs / MINUTE_MS);
		const now = [connection, stats, nodes, faults, alerts, names, console.transfers.get(), minute];
		if (now.some((value, index) => value !== from[index])) {
			from = now;
			problems = problemsOf(console.live.get(), console.transfers.get(), nowMs);
		}

		return problems;
	};

	const table = createTable<Problem>({
		columns,
		rows: currentProblems,
		keyOf: ({key}) => key,
		textOf: ({text}) => text,
		changed: console.changed,
		open({key, place, remedy}) {
			if (key !== 'stale') {
				console.go(place);
				if (remedy !== undefined) console.notice({tone: 'info', text: remedy});
				return;
			}

			console.live.retryNow();
			console.notice({tone: 'info', text: 'Asking the coordinator again'});
		},
	});

	let graphArea: Area = {columns: 1, rows: 1};
	let painted = '';
	/** What is seen of the throughput now, to be compared with what is painted. */
	const traffic = () => {
		const {throughput} = console.live.get();
		const nowMs = console.clock.now();
		return throughputLines(throughput, nowMs, graphArea, console.theme);
	};

	let stopTimer: (() => void) | undefined;
	/** The graph moves on where it would look another way: an idle network costs no frame. */
	const moveOn = () => {
		stopTimer = console.clock.timer(REDRAW_AFTER_MS, () => {
			if (JSON.stringify(traffic()) !== painted) console.changed();
			moveOn();
		});
	};

	const above = (state: LiveState, area: Area): ReactNode => {
		const left = {columns: Math.ceil(area.columns * leftShare(area.columns)), rows: area.rows};
		const right = {columns: area.columns - left.columns, rows: area.rows};
		graphArea = insideOf(right);
		const shown = traffic();
		painted = JSON.stringify(shown);
		return (
			<Box height={area.rows}>
				<Panel title="Network" area={left} theme={console.theme}>
					<Lines
						theme={console.theme}
						lines={figureLines(state, console, insideOf(left).columns)}
						rows={insideOf(left).rows}
					/>
				</Panel>
				<Panel title="Throughput" area={right} theme={console.theme}>
					<Lines theme={console.theme} lines={shown} rows={graphArea.rows} />
				</Panel>
			</Box>
		);
	};

	const nothingWrong = () =>
		console.live.get().stats ? ['Nothing is wrong.'] : ['Not known yet: the coordinator has not answered.'];

	const why: Action = {id: 'healing.why', run: () => console.go({screen: 'healing'})};
	const pause = pauseAction(console, 'healing.pause');

	return {
		title: () => 'Overview',
		actions: () => [...table.actions(), why, pause],
		isTyping: table.isTyping,
		key: table.key,
		back: table.reset,
		render(area) {
			const state = console.live.get();
			const {figureRows, problemRows, activityRows} = shareRows(area.rows, currentProblems().length);
			const problemArea = {columns: area.columns, rows: problemRows};
			const activityArea = {columns: area.columns, rows: activityRows};
			return (
				<Box flexDirection="column">
					{above(state, {columns: area.columns, rows: figureRows})}
					<Panel
						title="What is wrong"
						note="Enter goes where it is mended"
						area={problemArea}
						theme={console.theme}
						isFocused
					>
						<TableView table={table} area={insideOf(problemArea)} theme={console.theme} empty={nothingWrong()} />
					</Panel>
					{activityRows > 2 && (
						<Panel title="Newest activity" area={activityArea} theme={console.theme}>
							<Lines
								theme={console.theme}
								lines={newestLines(state, console, insideOf(activityArea))}
								rows={insideOf(activityArea).rows}
							/>
						</Panel>
					)}
				</Box>
			);
		},
		describe() {
			const problem = table.selected();
			const lines = figureLines(console.live.get(), console, 200).map(spokenLine);
			const selection = problem
				? `${problem.severity === 'bad' ? 'Bad' : 'Warning'}: ${problem.text}`
				: nothingWrong().join(' ');
			return {title: 'Overview', selection, lines};
		},
		show: moveOn,
		hide: () => stopTimer?.(),
		dispose: () => stopTimer?.(),
	};
};
