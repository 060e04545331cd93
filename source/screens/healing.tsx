import {Box} from 'ink';
import type {ReactElement} from 'react';
import {Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';
import {TableView} from '../components/table-view.js';
import {createTable, type Column, type Table} from '../console/table.js';
import type {Area, Console, View} from '../console/view.js';
import {createChunkWhy} from './chunk-why.js';
import {createFileChecks, type FileChecks} from './file-checks.js';
import {createFileDetails} from './file-details.js';
import {chunkActions, pauseAction} from './healing-actions.js';
import {healingFigures} from './healing-figures.js';
import {seesAll} from './healing-rights.js';
import {healingRows, type HealingRow} from './healing-rows.js';
import {mutedLines, waiting} from './waiting.js';

const MINUTE_MS = 60_000;
const COMPACT_BELOW_ROWS = 17;
const COMPACT_FIGURES_ROWS = 5;

const columns: Column<HealingRow>[] = [
	{id: 'state', title: 'STATE', min: 10, priority: 0, cell: ({state}) => state, sortBy: ({state}) => state.text},
	{id: 'what', title: 'WHAT', min: 18, max: 48, grow: 1, priority: 0, cell: ({what}) => what, sortBy: ({what}) => what},
	{id: 'chunk', title: 'CHUNK', min: 5, priority: 2, align: 'right', cell: ({chunk}) => chunk},
	{
		id: 'copies',
		title: 'COPIES',
		min: 6,
		priority: 3,
		cell: ({copies}) => copies,
		sortBy: ({copies}) => (copies === '' ? Number.MAX_SAFE_INTEGER : Number.parseInt(copies, 10)),
	},
	{id: 'detail', title: 'HOW, OR WHY NOT', min: 20, grow: 4, priority: 1, cell: ({detail}) => detail},
	{id: 'when', title: 'WHEN', min: 10, priority: 4, cell: ({when}) => when},
];

const allWell = (console: Console): readonly string[] => {
	const state = console.live.get();
	if (state.stats === undefined) return ['Not known yet: the coordinator has not answered.'];
	if (!seesAll(state)) return ['Your files have all their copies, and nothing is done with your nodes.'];
	if (state.repair === undefined) return ['The coordinator has not told what it heals. r asks again.'];
	return state.stats.repair.paused
		? ['Healing is paused, and nothing waits for it.']
		: ['Nothing waits: every chunk has its copies, and no node needs care.'];
};

const titleOf = ({live}: Console): string => {
	const {stats} = live.get();
	if (!stats) return 'Healing';
	return stats.repair.paused ? 'Healing: PAUSED' : 'Healing: on';
};

type Parts = {console: Console; table: Table<HealingRow>};

/** What there is of rows and lists at most 100 of what waits, so that their number is not that of all. */
const listTitle = ({console, table}: Parts): string => {
	const {repair} = console.live.get();
	const untold = repair ? repair.waiting + repair.blocked - repair.short.length : 0;
	return `Under way and waiting: ${table.options.rows().length}${untold > 0 ? `, and ${untold} more that wait` : ''}`;
};

const render = (parts: Parts, area: Area): ReactElement => {
	const {console, table} = parts;
	const {theme, live, clock} = console;
	const width = insideOf(area).columns;
	const figures = healingFigures(live.get(), {theme, nowMs: clock.now(), width});
	const said = figures.length > 0 ? figures : mutedLines(waiting(console, 'what it heals'), width);
	const above = {
		columns: area.columns,
		rows: area.rows < COMPACT_BELOW_ROWS ? COMPACT_FIGURES_ROWS : Math.min(said.length + 2, area.rows - 8),
	};
	const list = {columns: area.columns, rows: area.rows - above.rows};
	return (
		<Box flexDirection="column">
			<Panel title={titleOf(console)} area={above} theme={theme}>
				<Lines theme={theme} lines={said} rows={insideOf(above).rows} />
			</Panel>
			<Panel title={listTitle(parts)} note="Enter shows why" area={list} theme={theme} isFocused>
				<TableView table={table} area={insideOf(list)} theme={theme} empty={allWell(console)} />
			</Panel>
		</Box>
	);
};

const describe = ({console, table}: Parts) => {
	const row = table.selected();
	const figures = healingFigures(console.live.get(), {theme: console.theme, nowMs: console.clock.now(), width: 200});
	const texts = figures.map(({pieces}) =>
		pieces
			.map(({text}) => text)
			.filter(text => !/^[█░#.]+$/.test(text))
			.join('')
			.replace(/\s+/g, ' ')
			.trim(),
	);
	const {state, what = '', chunk = '', copies = '', detail = '', when = ''} = row ?? {};
	const place = chunk === '' ? what : `chunk ${chunk} of ${what}`;
	const selection = [state?.text, place, copies === '' ? '' : `copies: ${copies}`, detail, when];
	return {
		title: titleOf(console),
		...(row && {selection: selection.filter(text => text !== '').join(', ')}),
		lines: [...texts, ...(row ? [] : allWell(console))],
	};
};

/** The rows are made anew where what they rest on is another, and by the minute, for their ages. */
const createRows = ({live, clock}: Console) => {
	let from: readonly unknown[] = [];
	let rows: readonly HealingRow[] = [];
	return () => {
		const {repair, moves, nodes, files, whoami} = live.get();
		const minute = Math.floor(clock.now() / MINUTE_MS);
		const now = [repair, moves, nodes, files?.list, whoami, minute];
		if (now.some((value, index) => value !== from[index])) {
			from = now;
			rows = healingRows(live.get(), clock.now());
		}

		return rows;
	};
};

const openTarget = (console: Console, checks: FileChecks, {target}: HealingRow) => {
	if ('chunk' in target) console.open(createChunkWhy(console, target.chunk));
	else if ('node' in target) console.go({screen: 'nodes', node: target.node});
	else console.open(createFileDetails({console, file: target.file, checks}));
};

/** What is healed: what is under way, what waits and why, how fast it goes, and all of it held or let go on. */
export const createHealingScreen = (console: Console): View => {
	const checks = createFileChecks(console);
	const table = createTable<HealingRow>({
		columns,
		rows: createRows(console),
		keyOf: ({key}) => key,
		textOf: ({state, what, detail}) => `${state.text} ${what} ${detail}`,
		changed: console.changed,
		open: row => openTarget(console, checks, row),
		copy({target}) {
			console.copy('chunk' in target ? target.chunk.file : 'node' in target ? target.node : target.file.file_id);
		},
	});
	const parts: Parts = {console, table};
	const chosenChunk = () => {
		const row = table.rows().length > 0 ? table.selected() : undefined;
		return row && 'chunk' in row.target ? row.target.chunk : undefined;
	};

	const [open, ...others] = table.actions();
	return {
		title: () => 'Healing',
		actions: () => [
			...(open ? [open] : []),
			pauseAction(console, 'healing.toggle'),
			...chunkActions(console, chosenChunk),
			{id: 'healing.reload', run: async () => console.live.reloadHealing()},
			...others,
		],
		isTyping: table.isTyping,
		key: table.key,
		back: table.reset,
		render: area => render(parts, area),
		describe: () => describe(parts),
		dispose: checks.close,
	};
};
