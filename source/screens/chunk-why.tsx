import {Box} from 'ink';
import {type Line, Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';
import {TableView} from '../components/table-view.js';
import {age} from '../console/age.js';
import {createTable, type Column, type Piece} from '../console/table.js';
import {fit} from '../console/table-layout.js';
import type {Area, Console, View} from '../console/view.js';
import {wrap} from '../console/wrap.js';
import {formatSize} from '../format.js';
import {printable} from '../terminal/text.js';
import {type ChunkReason, copiesOf, type CopyView, reasonOf} from './chunk-reasons.js';
import {createChunkWatch, type ChunkWatch} from './chunk-watch.js';
import {chunkActions, pauseAction} from './healing-actions.js';
import type {ChunkPlace} from './healing-rows.js';
import {mutedLines, sentence, waiting} from './waiting.js';

const LABEL_WIDTH = 9;
/** Rows of the list of copies besides the copies: its frame, its head and its foot. */
const LIST_ROWS = 4;
const LEAST_LIST = 5;

const verifiedText = (at: number, nowMs: number): string => {
	if (at === 0) return 'never';
	const ago = age(nowMs - at);
	return ago === 'now' ? 'just now' : `${ago} ago`;
};

const columnsOf = (now: () => number): Column<CopyView>[] => [
	{
		id: 'node',
		title: 'NODE',
		min: 12,
		max: 32,
		grow: 1,
		priority: 0,
		cell: ({node_name: name}) => name,
		sortBy: ({node_name: name}) => name,
	},
	{id: 'state', title: 'ITS COPY', min: 18, grow: 3, priority: 0, cell: ({words}) => words},
	{
		id: 'counts',
		title: 'COUNTS',
		min: 6,
		priority: 2,
		cell: ({counts}) => (counts ? {text: 'yes', tone: 'ok'} : {text: 'no', tone: 'warn'}),
	},
	{
		id: 'verified',
		title: 'VERIFIED',
		min: 10,
		priority: 1,
		cell: ({verified_at: at}) => verifiedText(at, now()),
		sortBy: ({verified_at: at}) => at,
	},
	{id: 'owner', title: 'OWNER', min: 8, max: 20, priority: 3, cell: ({owner}) => owner},
];

type Parts = {console: Console; place: ChunkPlace; watch: ChunkWatch};

const titleOf = ({place, watch}: Parts): string => {
	const file = watch.file();
	return `Chunk ${place.index} of ${printable(file?.filename ?? place.file)}`;
};

const reasonIn = ({console, place, watch}: Parts): ChunkReason | undefined => {
	const chunk = watch.chunk();
	return chunk && reasonOf({chunk, place, state: console.live.get(), nowMs: console.clock.now()});
};

const countText = ({console, watch}: Parts): string => {
	const chunk = watch.chunk();
	if (!chunk) return '';
	const copies = copiesOf(chunk, console.live.get().nodes ?? [], console.clock.now());
	return `${copies.filter(({counts}) => counts).length} of ${chunk.wanted} count, ${formatSize(chunk.size)} each`;
};

/** What is said above the copies, and how many lines of that matter most: a reason takes the lines that it needs. */
const reasonLines = (parts: Parts, width: number): {lines: Line[]; first: number} => {
	const {console, place, watch} = parts;
	const {theme} = console;
	const problem = watch.problem();
	const trouble = problem === undefined ? [] : wrap(printable(problem), width);
	const failed = trouble.map((text): Line => ({pieces: [{text, tone: 'bad'}]}));
	const reason = reasonIn(parts);
	if (!reason) {
		const lines = problem === undefined ? mutedLines(waiting(console, 'its copies'), width) : failed;
		return {lines, first: lines.length};
	}

	const room = Math.max(1, width - LABEL_WIDTH);
	const line = (label: string, piece: Piece): Line => ({
		pieces: fit([{text: label.padEnd(LABEL_WIDTH), tone: 'muted'}, piece], width, theme.glyphs.ellipsis),
	});
	const wrapped = (label: string, text: string, tone: Piece['tone']): Line[] =>
		text === ''
			? []
			: wrap(printable(sentence(text)), room).map((part, at) =>
					line(at === 0 ? label : '', {text: part, ...(tone && {tone})}),
				);
	const first = [
		...failed,
		line('state', reason.state),
		...wrapped('why', reason.why, undefined),
		...wrapped('remedy', reason.remedy, 'accent'),
	];
	const lines = [...first, line('copies', {text: countText(parts)}), line('file', {text: place.file, tone: 'muted'})];
	return {lines, first: first.length};
};

/** One chunk: how it is and why, what helps, and each of its copies with its node. */
export const createChunkWhy = (console: Console, place: ChunkPlace): View => {
	const watch = createChunkWatch(console, place);
	const parts: Parts = {console, place, watch};
	let from: readonly unknown[] = [];
	let copies: readonly CopyView[] = [];
	const currentCopies = () => {
		const chunk = watch.chunk();
		const {nodes = []} = console.live.get();
		if (chunk !== from[0] || nodes !== from[1]) {
			from = [chunk, nodes];
			copies = chunk ? copiesOf(chunk, nodes, console.clock.now()) : [];
		}

		return copies;
	};

	const table = createTable<CopyView>({
		columns: columnsOf(console.clock.now),
		rows: currentCopies,
		keyOf: ({key}) => key,
		textOf: ({node_name: name, words, owner}) => `${name} ${words.text} ${owner}`,
		changed: console.changed,
		open: ({node_id: node}) => console.go({screen: 'nodes', node}),
		copy: () => console.copy(place.file),
	});
	const [open, ...others] = table.actions();
	const empty = () => [watch.chunk() ? 'No node keeps it.' : 'Not known yet.'];

	return {
		title: () => titleOf(parts),
		actions: () => [
			...chunkActions(console, () => place),
			...(open ? [open] : []),
			pauseAction(console, 'healing.toggle'),
			{id: 'healing.reload', run: watch.refresh},
			...others,
		],
		isTyping: table.isTyping,
		key: table.key,
		back: table.reset,
		render(area: Area) {
			const {theme} = console;
			const {lines: said, first} = reasonLines(parts, insideOf(area).columns);
			const listed = currentCopies().length + LIST_ROWS;
			const half = area.rows - Math.min(listed, Math.ceil(area.rows / 2));
			const most = Math.max(half, Math.min(first + 2, area.rows - LEAST_LIST));
			const above = {columns: area.columns, rows: Math.min(said.length + 2, most)};
			const list = {columns: area.columns, rows: area.rows - above.rows};
			return (
				<Box flexDirection="column">
					<Panel title={titleOf(parts)} note="Esc back" area={above} theme={theme}>
						<Lines theme={theme} lines={said} rows={insideOf(above).rows} />
					</Panel>
					<Panel title="Its copies" note="Enter opens the node" area={list} theme={theme} isFocused>
						<TableView table={table} area={insideOf(list)} theme={theme} empty={empty()} />
					</Panel>
				</Box>
			);
		},
		describe() {
			const copy = table.selected();
			const reason = reasonIn(parts);
			const problem = watch.problem();
			const selection =
				copy &&
				`${copy.node_name}: ${copy.words.text}, verified ${verifiedText(copy.verified_at, console.clock.now())}`;
			return {
				title: titleOf(parts),
				...(selection !== undefined && {selection}),
				lines: [
					...(problem === undefined ? [] : [problem]),
					...(reason ? [`${reason.state.text}. ${sentence(reason.why)} ${reason.remedy}`, countText(parts)] : empty()),
				],
			};
		},
		show: watch.start,
		hide: watch.stop,
		dispose: watch.stop,
	};
};
