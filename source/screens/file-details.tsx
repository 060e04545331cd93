import {Box} from 'ink';
import type {ReactElement} from 'react';
import {type Line, Lines, Rows} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';
import type {Action, Area, Console, Description, View} from '../console/view.js';
import {createDeleteDialog} from '../dialogs/delete-files.js';
import {downloadOpened} from '../dialogs/download-opened.js';
import {createShareDialog} from '../dialogs/share-files.js';
import {formatSize} from '../format.js';
import type {OpenedFile} from '../client/opened-files.js';
import {printable} from '../terminal/text.js';
import {type ChunkList, createChunkList} from './chunk-list.js';
import {countWords, type FileCheck, type FileChecks} from './file-checks.js';
import {briefLines, chunksText, factLines, fileSentence} from './file-facts.js';
import {readersLegend, shareProblem} from './file-readers.js';
import {createChunkWhy} from './chunk-why.js';
import {createFileWatch, type FileWatch} from './file-watch.js';
import {chunkWords, redundancySentence, shardWords} from './redundancy.js';
import {
	checkLines,
	chunkLine,
	mapBlock,
	mapNote,
	problemLines,
	shardLines,
	verifiedWords,
} from './replication-lines.js';
import {createReplication, type Replication} from './replication.js';

/** What the pane is painted from. */
type Parts = {
	console: Console;
	watch: FileWatch;
	replication: Replication;
	chunks: ChunkList;
	check: FileCheck | undefined;
};

const WIDE_COLUMNS = 110;
const FACT_ROWS = 9;
const note = (text: string): Line => ({pieces: [{text, tone: 'muted'}]});
const head = (text: string): Line => ({pieces: [{text, isBold: true}]});

/** What is said in place of the map where there is none. */
const placeholder = ({watch, replication}: Parts, width: number): Line[] | undefined => {
	if (watch.isGone()) return problemLines('The file is no longer stored. Esc goes back.', width);
	if (watch.file().chunks_count === 0) return [note('An empty file has no chunk: there is nothing to keep.')];
	if (replication.states()) return undefined;
	const problem = replication.problem();
	return problem === undefined ? [note('Asking where its chunks are.')] : problemLines(problem, width);
};

/** The check, the map and its legend; while a check is under way the map shows what that found so far. */
const mapSection = (parts: Parts, area: Area): Line[] => {
	const {console, replication, check, chunks} = parts;
	const {theme} = console;
	const instead = placeholder(parts, area.columns);
	const checked = check ? checkLines(check, area.columns, theme) : [];
	const problem = instead ? undefined : replication.problem();
	const above = [...checked, ...(problem === undefined ? [] : problemLines(problem, area.columns).slice(0, 1))];
	if (instead) return [...above, ...instead];
	const isCheck = check?.state === 'running';
	const states = isCheck ? check.states : replication.states();
	if (!states) return above;
	const room = {columns: area.columns, rows: Math.max(1, area.rows - above.length)};
	return [...above, ...mapBlock({states, isCheck, chosen: chunks.chosen(), area: room, theme})];
};

const listLines = ({console, replication, chunks, check}: Parts, {columns, rows}: Area): Line[] =>
	chunks.window(rows).map(index =>
		chunkLine(
			{
				index,
				state: replication.states()?.get(index),
				chunk: replication.chunk(index),
				checked: check?.states.get(index),
			},
			index === chunks.chosen(),
			columns,
			console.theme,
		),
	);

const shardSection = ({console, replication, chunks}: Parts, {columns, rows}: Area): Line[] => {
	const chosen = chunks.chosen();
	if (chosen === undefined) return [];
	return shardLines(replication.chunk(chosen), columns, console.clock.now(), console.theme).slice(0, rows);
};

const shardTitle = ({chunks, replication}: Parts): string => {
	const index = chunks.chosen();
	if (index === undefined) return 'Its nodes';
	const chunk = replication.chunk(index);
	return chunk ? `Chunk ${index}, ${formatSize(chunk.size)}: its nodes` : `Chunk ${index}: its nodes`;
};

const listTitle = ({chunks}: Parts): string => {
	const {position, total} = chunks.place();
	return total === 0 ? 'Chunks' : `Chunks, the worst first: ${position + 1} of ${total}`;
};

/** Facts and map at the left, chunks and their nodes at the right. */
const renderWide = (parts: Parts, area: Area): ReactElement => {
	const {console, watch, replication} = parts;
	const {theme} = console;
	const left = Math.floor(area.columns * 0.55);
	const right = area.columns - left;
	const factArea = {columns: left, rows: Math.min(FACT_ROWS + 2, Math.max(4, Math.floor(area.rows / 2)))};
	const mapArea = {columns: left, rows: area.rows - factArea.rows};
	const shardArea = {columns: right, rows: Math.min(8, Math.max(5, Math.floor(area.rows / 3)))};
	const listArea = {columns: right, rows: area.rows - shardArea.rows};
	const facts = factLines(watch.file(), console, insideOf(factArea).columns, insideOf(factArea).rows);
	const states = replication.states();
	const panel = (
		title: string,
		panelArea: Area,
		lines: readonly Line[],
		more: {note?: string; isFocused?: boolean} = {},
	) => (
		<Panel title={title} area={panelArea} theme={theme} {...more}>
			<Lines theme={theme} lines={lines} rows={insideOf(panelArea).rows} />
		</Panel>
	);
	return (
		<Box width={area.columns} height={area.rows}>
			<Box flexDirection="column">
				{panel('File', factArea, facts, {note: 'Esc back'})}
				{panel('Replication map', mapArea, mapSection(parts, insideOf(mapArea)), states ? {note: mapNote(states)} : {})}
			</Box>
			<Box flexDirection="column">
				<Panel title={listTitle(parts)} area={listArea} theme={theme} isFocused>
					<Rows theme={theme} lines={listLines(parts, insideOf(listArea))} />
				</Panel>
				{panel(shardTitle(parts), shardArea, shardSection(parts, insideOf(shardArea)))}
			</Box>
		</Box>
	);
};

/** One below the other, without frames: where there is little room, every line counts. */
const renderNarrow = (parts: Parts, area: Area): ReactElement => {
	const {console, watch, replication} = parts;
	const {columns, rows} = area;
	const {theme} = console;
	const isTall = rows >= 18;
	const facts = isTall ? factLines(watch.file(), console, columns, 6) : briefLines(watch.file(), console, columns);
	const shards = shardSection(parts, {columns, rows: isTall ? 4 : 3});
	const shardPart = shards.length === 0 ? [] : [...(isTall ? [head(shardTitle(parts))] : []), ...shards];
	const mapRows = Math.max(2, Math.floor(rows / 4)) + (parts.check ? (isTall ? 2 : 1) : 0);
	const states = replication.states();
	const mapHead = isTall ? [head(`Replication map${states ? `: ${mapNote(states)}` : ''}`)] : [];
	const map = mapSection(parts, {columns, rows: mapRows}).slice(0, mapRows);
	const left = rows - facts.length - mapHead.length - map.length - shardPart.length;
	const listHead = isTall ? [head(listTitle(parts))] : [];
	const list = states ? listLines(parts, {columns, rows: Math.max(1, left - listHead.length)}) : [];
	const lines = [...facts, ...mapHead, ...map, ...(states ? listHead : []), ...list, ...shardPart];
	return (
		<Box width={columns} height={rows}>
			<Lines theme={theme} lines={lines} rows={rows} />
		</Box>
	);
};

const describe = ({console, watch, replication, chunks, check}: Parts): Description => {
	const file = watch.file();
	const index = chunks.chosen();
	const state = index === undefined ? undefined : replication.states()?.get(index);
	const chunk = index === undefined ? undefined : replication.chunk(index);
	const now = console.clock.now();
	const shards = chunk?.shards.map(
		({node_name: name, state: shard, verified_at: at}) =>
			`${printable(name)}: ${shardWords(shard)}, ${verifiedWords(at, now)}`,
	);
	const states = replication.states();
	const problem = watch.isGone() ? 'The file is no longer stored' : replication.problem();
	const {position, total} = chunks.place();
	return {
		title: `File ${printable(file.filename)}`,
		...(state && {selection: `chunk ${index ?? 0}, ${chunkWords(state)}, ${position + 1} of ${total}`}),
		lines: [
			...(problem === undefined ? [] : [printable(problem)]),
			fileSentence(file),
			`${chunksText(file.chunks_count)}. ${redundancySentence(file.redundancy)}`,
			...(check
				? [
						`Check ${check.state}, ${check.checkedChunks} of ${chunksText(file.chunks_count)}: ${countWords(check.counts)}`,
					]
				: []),
			...(states ? [`Map: ${mapNote(states)}`] : ['Asking where its chunks are']),
			...(shards ?? []),
		],
	};
};

type Options = {console: Console; file: OpenedFile; checks: FileChecks; isChecking?: boolean};

/** One file: facts, the replication map, its chunks with their nodes, and the check of all of it. */
export const createFileDetails = ({console, file, checks, isChecking = false}: Options): View => {
	const id = file.file_id;
	const replication = createReplication({console, fileId: id});
	const chunks = createChunkList({states: replication.states, changed: console.changed, onChoose: replication.want});
	const watch = createFileWatch({
		console,
		file,
		holders: replication.holders,
		onChange: replication.loadSoon,
		onReconnect: () => replication.isCutOff() && replication.load(),
	});
	const stopListening = checks.onEnd(check => check.file.file_id === id && replication.loadSoon());
	const isRunning = () => checks.of(id)?.state === 'running';
	const parts = (): Parts => ({console, watch, replication, chunks, check: checks.of(id)});
	const gone = () => (watch.isGone() ? 'The file is no longer stored. Esc goes back' : undefined);
	const current = () => [watch.file()];

	if (file.chunks_count > 0) replication.load();
	if (isChecking) checks.start(file);

	const close = () => console.close(view);
	const unchosen = () => (chunks.chosen() === undefined ? 'No chunk is chosen' : undefined);
	const openWhy = () => {
		const index = chunks.chosen();
		if (index !== undefined) console.open(createChunkWhy(console, {file: id, index}));
	};
	const changing = (): Action[] =>
		isRunning()
			? [{id: 'file.stop-check', run: () => checks.stop(id)}]
			: [
					{id: 'file.check', run: () => checks.start(watch.file()), problem: () => gone() ?? checks.problem(id)},
					{
						id: 'file.delete',
						run: () => console.open(createDeleteDialog(console, {files: current(), onStart: close})),
						problem: gone,
					},
				];

	const view: View = {
		title: () => `File ${printable(watch.file().filename)}`,
		legend: () => readersLegend,
		actions: () => [
			...changing(),
			{id: 'file.why', run: openWhy, problem: () => gone() ?? unchosen()},
			{id: 'file.download', run: () => downloadOpened(console, current()), problem: gone},
			{
				id: 'file.share',
				run: () => console.open(createShareDialog(console, current())),
				problem: () => gone() ?? shareProblem(console.live.get().whoami, current()),
			},
			{id: 'file.reload', run: replication.load},
			{id: 'list.copy', run: () => console.copy(id)},
			...chunks.actions(),
		],
		render: area => (area.columns >= WIDE_COLUMNS ? renderWide(parts(), area) : renderNarrow(parts(), area)),
		describe: () => describe(parts()),
		back() {
			if (isRunning()) console.notice({tone: 'info', text: 'The check goes on. Its end will be told here'});
			return false;
		},
		show: watch.start,
		hide: watch.stop,
		dispose() {
			stopListening();
			watch.stop();
			replication.close();
		},
	};
	return view;
};
