import {Box} from 'ink';
import type {ReactElement, ReactNode} from 'react';
import type {LogEntry, NodeView} from '../client/api.js';
import {type Line, Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';
import {graph} from '../components/pictures.js';
import {TableView} from '../components/table-view.js';
import {age, timeOfDay} from '../console/age.js';
import {fit} from '../console/table-layout.js';
import {wrap} from '../console/wrap.js';
import {printable} from '../terminal/text.js';
import {waiting} from './waiting.js';
import {type Column, createTable, type Table} from '../console/table.js';
import type {Action, Area, Console, View} from '../console/view.js';
import {levelTone} from './log-line.js';
import {nodeActions} from './node-actions.js';
import {nodeFacts} from './node-facts.js';
import {createMoreOfNode, type NodeShard} from './node-more.js';

const MOST_SAMPLES = 240;
const WIDE_FROM_COLUMNS = 100;
const PICTURE_ROWS = 2;

const sections = ['facts', 'shards', 'log'] as const;
type Section = (typeof sections)[number];

/** How a node did while it was watched, newest last. */
type Samples = {latencyMs: number[]; inFlight: number[]};

const logColumns: Column<LogEntry>[] = [
	{id: 'time', title: 'TIME', min: 8, priority: 0, cell: entry => timeOfDay(entry.timestamp_ms)},
	{
		id: 'level',
		title: 'LEVEL',
		min: 5,
		priority: 1,
		cell: ({level}) => ({text: level, tone: levelTone[level]}),
	},
	{id: 'message', title: 'MESSAGE', min: 12, grow: 1, priority: 0, cell: ({message}) => message},
];

const shardColumns = (now: () => number): Column<NodeShard>[] => [
	{id: 'file', title: 'FILE', min: 12, grow: 1, priority: 0, cell: ({filename}) => filename},
	{id: 'chunk', title: 'CHUNK', min: 6, priority: 2, align: 'right', cell: ({index}) => String(index)},
	{
		id: 'state',
		title: 'STATE',
		min: 8,
		priority: 0,
		cell: ({state}) => ({
			text: state,
			tone: state === 'online' ? 'ok' : state === 'offline' || state === 'suspended' ? 'warn' : 'bad',
		}),
	},
	{
		id: 'copies',
		title: 'COPIES',
		min: 6,
		priority: 3,
		cell: ({present, wanted}) => ({text: `${present} of ${wanted}`, tone: present < wanted ? 'warn' : 'plain'}),
	},
	{
		id: 'verified',
		title: 'VERIFIED',
		min: 8,
		priority: 1,
		cell: ({verified_at: at}) => age(now() - at),
	},
];

const graphLines = ({latencyMs, inFlight}: Samples, {theme}: Console, columns: number): Line[] => {
	const draw = (label: string, values: readonly number[], unit: string): Line[] => {
		const shown = values.slice(-Math.max(1, columns));
		const top = Math.max(0, ...shown);
		return [
			{
				pieces: fit(
					{text: `${label}, highest ${Math.round(top * 10) / 10}${unit}`, tone: 'muted'},
					columns,
					theme.glyphs.ellipsis,
				),
			},
			...graph(shown, PICTURE_ROWS, theme).map((text): Line => ({pieces: [{text, tone: 'accent'}]})),
		];
	};

	return [...draw('latency, while watched', latencyMs, ' ms'), ...draw('requests in flight', inFlight, '')];
};

/** Writes down how the node does, each time that it changes. */
const createWatch = (console: Console, id: string, onChange: () => void) => {
	const samples: Samples = {latencyMs: [], inFlight: []};
	let seen: NodeView | undefined;
	const find = () => console.live.get().nodes?.find(node => node.node_id === id);
	const look = () => {
		const node = find();
		if (!node || node === seen) return;
		if (seen) onChange();
		seen = node;
		samples.latencyMs.push(node.latency_ms ?? 0);
		samples.inFlight.push(node.in_flight);
		for (const list of [samples.latencyMs, samples.inFlight]) if (list.length > MOST_SAMPLES) list.shift();
	};

	look();
	return {samples, find, stop: console.live.subscribe(look)};
};

const nothing: readonly never[] = [];

/** One node: facts and graphs, the state of its shards, and what the log says of it. */
export const createNodeDetails = (console: Console, id: string): View => {
	const {theme, clock} = console;
	const more = createMoreOfNode(console, id);
	let isSeen = true;
	let isOld = false;
	const {samples, find, stop} = createWatch(console, id, () => {
		if (isSeen) more.refreshSoon();
		else isOld = true;
	});
	let section: Section = 'facts';
	const shards = createTable<NodeShard>({
		columns: shardColumns(clock.now),
		rows: () => more.get().listed ?? nothing,
		keyOf: ({file_id: file, index, digest}) => `${file} ${index} ${digest}`,
		textOf: ({filename, state, file_id: file}) => `${filename} ${state} ${file}`,
		changed: console.changed,
		open: ({file_id: file}) => console.go({screen: 'files', file}),
	});
	const log = createTable<LogEntry>({
		columns: logColumns,
		rows: () => more.get().log ?? nothing,
		keyOf: entry => String(entry.id),
		textOf: ({level, message}) => `${level} ${message}`,
		changed: console.changed,
	});
	const tables: Record<Section, Table<NodeShard> | Table<LogEntry> | undefined> = {facts: undefined, shards, log};
	more.refresh();

	const turn = (step: number) => {
		section = sections[(sections.indexOf(section) + step + sections.length) % sections.length] ?? 'facts';
		console.changed();
	};

	const care = nodeActions(console, find);
	const own: readonly Action[] = [
		{id: 'list.right', run: () => turn(1)},
		{id: 'list.left', run: () => turn(-1)},
		{
			id: 'retry',
			run() {
				console.live.retryNow();
				more.refresh();
			},
		},
	];

	const shardsTitle = () => {
		const {listed = nothing, isListComplete} = more.get();
		const part = listed.length > 0 && !isListComplete ? ` (of the first ${listed.length})` : '';
		return `Its shards, faulty ones first${part}`;
	};

	const titles = (): Record<Section, string> => ({
		facts: `Node ${find()?.name ?? id}`,
		shards: shardsTitle(),
		log: 'Its log, the newest first',
	});

	const body = (which: Section, node: NodeView, inside: Area): ReactNode => {
		const {problem, shards: counts, listed} = more.get();
		const empty = (text: string, isHere: boolean) =>
			problem === undefined ? (isHere ? [text] : waiting(console, 'it')) : [problem];
		if (which === 'log') {
			const said = empty('The log says nothing of this node.', more.get().log !== undefined);
			return <TableView table={log} area={inside} theme={theme} empty={said} />;
		}

		if (which === 'shards') {
			const {start, rows, total} = shards.window(inside.rows - 2);
			if (start + rows.length >= total) more.fetchNext();
			const said = empty('It keeps no shard of any file.', listed !== undefined);
			return <TableView table={shards} area={inside} theme={theme} empty={said} />;
		}

		const facts = nodeFacts(node, counts, {theme, nowMs: clock.now(), width: inside.columns});
		const said = problem === undefined ? [] : wrap(printable(problem), inside.columns);
		const trouble = said.map((text): Line => ({pieces: [{text, tone: 'bad'}]}));
		const lines = [...trouble, ...facts, ...graphLines(samples, console, inside.columns)];
		return <Lines theme={theme} lines={lines} rows={inside.rows} />;
	};

	const missing = (columns: number): Line[] => {
		const isKnown = console.live.get().nodes !== undefined;
		const said = isKnown ? [`There is no node ${id} any more. Esc goes back.`] : waiting(console, 'its nodes');
		return said
			.flatMap(text => wrap(printable(text), columns))
			.map(text => ({pieces: [{text, tone: isKnown ? 'warn' : 'muted'}]}));
	};

	const panel = (which: Section, node: NodeView, area: Area): ReactElement => (
		<Panel
			title={titles()[which]}
			note={which === section ? 'h l: facts, shards, log' : ''}
			area={area}
			theme={theme}
			isFocused={which === section}
		>
			{body(which, node, insideOf(area))}
		</Panel>
	);

	const wide = (node: NodeView, {columns, rows}: Area): ReactElement => {
		const left = Math.floor(columns * 0.45);
		const above = Math.ceil(rows / 2);
		return (
			<Box>
				{panel('facts', node, {columns: left, rows})}
				<Box flexDirection="column">
					{panel('shards', node, {columns: columns - left, rows: above})}
					{panel('log', node, {columns: columns - left, rows: rows - above})}
				</Box>
			</Box>
		);
	};

	return {
		title: () => titles().facts,
		actions: () => [
			...(tables[section]?.actions() ?? []).filter(({id: action}) => !own.some(each => each.id === action)),
			...care,
			{id: 'list.copy', run: () => console.copy(id)},
			...own,
		],
		isTyping: () => tables[section]?.isTyping() ?? false,
		key: event => tables[section]?.key(event) ?? false,
		back: () => tables[section]?.reset() ?? false,
		render(area) {
			const node = find();
			if (node) return area.columns >= WIDE_FROM_COLUMNS ? wide(node, area) : panel(section, node, area);
			return (
				<Panel title="Node" note="Esc back" area={area} theme={theme} isFocused>
					<Lines theme={theme} lines={missing(insideOf(area).columns)} rows={insideOf(area).rows} />
				</Panel>
			);
		},
		describe() {
			const node = find();
			const facts = node ? nodeFacts(node, more.get().shards, {theme, nowMs: clock.now(), width: 200}) : [];
			const lines = facts.map(({pieces}) => pieces.map(({text}) => text.trim()).join(' '));
			const {problem} = more.get();
			const shard = section === 'shards' ? shards.selected() : undefined;
			const entry = section === 'log' ? log.selected() : undefined;
			const selection = shard
				? `chunk ${shard.index} of ${shard.filename}: ${shard.state}, ${shard.present} of ${shard.wanted} copies`
				: entry && `${timeOfDay(entry.timestamp_ms)} ${entry.level} ${entry.message}`;
			return {
				title: titles()[section],
				lines: problem === undefined ? lines : [problem, ...lines],
				...(selection !== undefined && {selection}),
			};
		},
		show() {
			isSeen = true;
			if (isOld) more.refreshSoon();
			isOld = false;
		},
		hide() {
			isSeen = false;
		},
		dispose() {
			stop();
			more.stop();
		},
	};
};
