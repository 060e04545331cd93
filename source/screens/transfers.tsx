import {Box} from 'ink';
import type {ReactElement} from 'react';
import {type Line, Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';
import {bar} from '../components/pictures.js';
import {TableView} from '../components/table-view.js';
import {type Column, createTable, type Table} from '../console/table.js';
import type {Theme} from '../console/theme.js';
import type {Action, Area, Console, View} from '../console/view.js';
import type {Transfer} from '../transfers/transfer.js';
import {createTransferActions} from './transfer-actions.js';
import {createTransferDetails, transferLines, wrapWords} from './transfer-details.js';
import {
	chunksText,
	percentOf,
	rateText,
	remainingText,
	remarkOf,
	shareOf,
	sizeText,
	statePiece,
	stateWord,
	summaryOf,
	toneOf,
	transferSentence,
} from './transfer-facts.js';
import {createTransferRates, type TransferRates} from './transfer-rates.js';

const SIDE_FROM_COLUMNS = 114;
const LEAST_SIDE_COLUMNS = 40;
const SIDE_SHARE = 0.34;
const PERCENT_WIDTH = 5;
/** Lines of the remark on the chosen one, below the list. */
const REMARK_ROWS = 2;
const LEAST_ROWS_FOR_REMARK = 8;

const columnsOf = (theme: Theme): Column<Transfer>[] => [
	{
		id: 'name',
		title: 'NAME',
		min: 10,
		max: 60,
		grow: 4,
		priority: 0,
		cell: ({name}) => name,
		sortBy: ({name}) => name,
	},
	{id: 'kind', title: '', min: 4, priority: 1, cell: ({kind}) => (kind === 'upload' ? 'up' : 'down')},
	{id: 'state', title: 'STATE', min: 11, priority: 2, cell: statePiece, sortBy: stateWord},
	{
		id: 'done',
		title: 'DONE',
		min: 9,
		max: 26,
		grow: 2,
		priority: 3,
		isDescending: true,
		cell: (transfer, width) => [
			...bar(shareOf(transfer), width - PERCENT_WIDTH, theme, toneOf(transfer)),
			{text: percentOf(transfer).padStart(PERCENT_WIDTH)},
		],
		sortBy: shareOf,
	},
	{
		id: 'rate',
		title: 'SPEED',
		min: 10,
		priority: 4,
		align: 'right',
		isDescending: true,
		cell: rateText,
		sortBy: ({rate}) => rate,
	},
	{
		id: 'left',
		title: 'LEFT',
		min: 7,
		priority: 5,
		align: 'right',
		cell: remainingText,
		sortBy: ({remainingMs}) => remainingMs ?? Number.MAX_SAFE_INTEGER,
	},
	{
		id: 'size',
		title: 'SIZE',
		min: 8,
		priority: 6,
		align: 'right',
		isDescending: true,
		cell: sizeText,
		sortBy: ({sizeBytes}) => sizeBytes ?? -1,
	},
	{id: 'chunks', title: 'CHUNKS', min: 9, priority: 7, align: 'right', cell: chunksText},
	{
		id: 'problem',
		title: 'NOTE',
		min: 14,
		max: 120,
		grow: 3,
		priority: 8,
		cell: transfer => ({text: remarkOf(transfer) ?? '', tone: toneOf(transfer)}),
	},
];

const groups: Record<Transfer['state'], number> = {
	active: 0,
	waiting: 0,
	failed: 1,
	queued: 2,
	paused: 2,
	done: 3,
	cancelled: 3,
};

/** What goes on first, then what needs somebody, then what waits for its turn; at last what ended, the newest first. */
const inOrder = (list: readonly Transfer[]): readonly Transfer[] => {
	const grouped: Transfer[][] = [[], [], [], []];
	for (const transfer of list) grouped[groups[transfer.state]]?.push(transfer);
	grouped[3]?.sort((a, b) => (b.endedAtMs ?? 0) - (a.endedAtMs ?? 0));
	return grouped.flat();
};

/** The rows in order, put in order again only where the queue is another. */
const createRows = ({transfers}: Console) => {
	let from: readonly Transfer[] | undefined;
	let rows: readonly Transfer[] = [];
	return (): readonly Transfer[] => {
		const list = transfers.get();
		if (list !== from) rows = inOrder(list);
		from = list;
		return rows;
	};
};

const emptyLines = ({isReadOnly}: Console): readonly string[] => [
	'Nothing is transferred.',
	...(isReadOnly ? [] : ['u chooses files to upload.']),
	'On the files screen (3), d downloads the chosen or marked files.',
];

type Parts = {console: Console; table: Table<Transfer>; rates: TransferRates};

/** Why the chosen one waits or failed, where no details stand beside the list. */
const remarkLines = ({table}: Parts, {columns, rows}: Area): Line[] => {
	const transfer = table.selected();
	const remark = transfer && remarkOf(transfer);
	if (!remark || rows < LEAST_ROWS_FOR_REMARK) return [];
	return wrapWords(remark, columns - 2)
		.slice(0, REMARK_ROWS)
		.map(text => ({pieces: [{text: `  ${text}`, tone: toneOf(transfer)}]}));
};

const List = ({parts, area, hasSide}: {parts: Parts; area: Area; hasSide: boolean}) => {
	const {console, table} = parts;
	const inside = insideOf(area);
	const remark = hasSide ? [] : remarkLines(parts, inside);
	const summary = summaryOf(console.transfers.get());
	return (
		<Panel title="Transfers" note={summary} area={area} theme={console.theme} isFocused>
			<TableView
				table={table}
				area={{columns: inside.columns, rows: inside.rows - remark.length}}
				theme={console.theme}
				empty={emptyLines(console)}
			/>
			<Lines theme={console.theme} lines={remark} />
		</Panel>
	);
};

const render = (parts: Parts, area: Area): ReactElement => {
	const {console, table, rates} = parts;
	const transfer = table.selected();
	if (area.columns < SIDE_FROM_COLUMNS || !transfer) return <List parts={parts} area={area} hasSide={false} />;
	const columns = Math.max(LEAST_SIDE_COLUMNS, Math.floor(area.columns * SIDE_SHARE));
	const side = {columns, rows: area.rows};
	const inside = insideOf(side);
	const {theme} = console;
	return (
		<Box>
			<List parts={parts} area={{columns: area.columns - columns, rows: area.rows}} hasSide />
			<Panel title="Chosen" area={side} theme={theme}>
				<Lines
					theme={theme}
					rows={inside.rows}
					lines={transferLines({transfer, rates: rates.of(transfer.id), theme, area: inside})}
				/>
			</Panel>
		</Box>
	);
};

const describe = ({console, table}: Parts) => {
	const list = console.transfers.get();
	const transfer = table.selected();
	const mark = transfer && table.isMarked(transfer) ? ', marked' : '';
	const none = list.length === 0 ? emptyLines(console) : ['Nothing passes the filter. Esc takes it away.'];
	return {
		title: 'Transfers',
		...(transfer && {selection: `${transferSentence(transfer)}${mark}`}),
		lines: [
			...(transfer ? [summaryOf(list)] : none),
			...(table.filter() === '' ? [] : [`Filter: ${table.filter()}`]),
			...(table.markedCount() === 0 ? [] : [`${table.markedCount()} marked`]),
		],
	};
};

/** The queue of uploads and downloads: how far each one is, and what can be done with it. */
export const createTransfersScreen = (console: Console): View => {
	const rates = createTransferRates(console.clock);
	const copy = ({fileId, path}: Transfer) => console.copy(fileId ?? path);
	const one = (id: number) => console.transfers.get().filter(transfer => transfer.id === id);
	const actionsOf = (id: number): readonly Action[] => [
		...createTransferActions(console, () => one(id)),
		{id: 'list.copy', run: () => one(id).forEach(copy)},
	];
	const table = createTable<Transfer>({
		columns: columnsOf(console.theme),
		rows: createRows(console),
		keyOf: ({id}) => String(id),
		textOf: transfer => `${transfer.name} ${transfer.kind} ${stateWord(transfer)} ${transfer.state} ${transfer.path}`,
		changed: console.changed,
		copy,
		open: ({id}) => console.open(createTransferDetails({console, id, rates, actionsOf})),
		canMark: true,
	});
	const parts: Parts = {console, table, rates};
	const [open, ...others] = table.actions();
	const actions = [
		...createTransferActions(console, table.chosen, table.clearMarks),
		...(open ? [open] : []),
		...others,
	];
	let stop = () => {};

	return {
		title: () => 'Transfers',
		actions: () => actions,
		isTyping: table.isTyping,
		key: table.key,
		back: table.reset,
		render: area => render(parts, area),
		describe: () => describe(parts),
		show() {
			stop = console.transfers.subscribe(() => rates.sample(console.transfers.get()));
		},
		hide: () => stop(),
		dispose: () => stop(),
	};
};
