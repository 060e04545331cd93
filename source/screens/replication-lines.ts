import {bar} from '../components/pictures.js';
import type {Line} from '../components/lines.js';
import {age, dateTime, timeOfDay} from '../console/age.js';
import type {Piece} from '../console/table.js';
import {fit} from '../console/table-layout.js';
import type {Theme} from '../console/theme.js';
import type {Area} from '../console/view.js';
import {formatSize} from '../format.js';
import type {ChunkView} from '../protocol/api.js';
import {countWords, type FileCheck} from './file-checks.js';
import {chunksText, wrap} from './file-facts.js';
import {type ChunkState, chunkTone, chunkWords, shardTone, shardWords} from './redundancy.js';
import {type ChunkStates, countChunks, layoutMap, legendOf, mapLines} from './replication-map.js';

/** The replication map and what belongs to it, as lines of exactly that width. */

const muted = (text: string, width: number, theme: Theme): Line => ({
	pieces: fit({text, tone: 'muted'}, width, theme.glyphs.ellipsis),
});

type MapBlock = {
	states: ChunkStates;
	/** Whether it shows what a check found, so that what is not known was not checked yet. */
	isCheck: boolean;
	chosen?: number | undefined;
	area: Area;
	theme: Theme;
};

/** The map, and below it what its characters mean. */
export const mapBlock = ({states, isCheck, chosen, area, theme}: MapBlock): Line[] => {
	const legendRows = area.rows > 3 ? 2 : area.rows > 1 ? 1 : 0;
	const rows = Math.max(1, area.rows - legendRows);
	const layout = layoutMap(states.count, {columns: area.columns, rows});
	const unknown = isCheck ? '.' : '?';
	const map = mapLines(states, layout, {chosen, unknown}).map((pieces): Line => ({pieces}));
	const isShort = legendRows === 1;
	const unknownWords = isCheck ? '.: not checked' : '?: not loaded';
	const long = legendOf(states, {unknown: unknownWords, isShort});
	const legend = long.length > area.columns ? legendOf(states, {unknown: unknownWords, isShort: true}) : long;
	const {chunksPerCell} = layout;
	const scale = isShort ? `${chunksPerCell} chunks a cell` : `Each cell is ${chunksPerCell} chunks, the worst shown`;
	const all = chunksPerCell === 1 ? [legend] : [legend, scale];
	const words = isShort ? [all.toReversed().join('  ')] : all;
	return [...map, ...words.slice(0, legendRows).map(text => muted(text, area.columns, theme))];
};

/** How many chunks are how well, for the map's title. */
export const mapNote = (states: ChunkStates): string => {
	const {full, short, unreadable, unknown} = countChunks(states);
	return [
		...(unreadable > 0 ? [`${unreadable} not readable`] : []),
		...(short > 0 ? [`${short} short`] : []),
		`${full} full`,
		...(unknown > 0 ? [`${unknown} not loaded`] : []),
	].join(', ');
};

const BAR_WIDTH = 20;

/** How a check does, or how the last one ended, in two lines. */
export const checkLines = (check: FileCheck, width: number, theme: Theme): Line[] => {
	const {file, state, checkedChunks, counts, endedAtMs = 0, problem} = check;
	const {ellipsis} = theme.glyphs;
	const barWidth = Math.min(BAR_WIDTH, Math.max(4, width - 40));
	const of = `${checkedChunks} of ${chunksText(file.chunks_count)}`;
	const hasFaults = counts.missing + counts.corrupt > 0;
	const sums: Piece = {
		text: `Shards: ${countWords(counts)}`,
		tone: hasFaults ? 'bad' : counts.unreachable > 0 ? 'warn' : 'ok',
	};
	const heads: Record<FileCheck['state'], Piece[]> = {
		running: [
			{text: 'Checking '},
			...bar(checkedChunks / Math.max(1, file.chunks_count), barWidth, theme),
			{text: ` ${of}`},
			{text: '  x stops it', tone: 'muted'},
		],
		done: [{text: `Checked at ${timeOfDay(endedAtMs)}: ${of}`}],
		stopped: [{text: `The check was stopped at ${timeOfDay(endedAtMs)}, after ${of}`}],
		failed: [{text: problem ?? '', tone: 'bad'}],
	};
	return [{pieces: fit(heads[state], width, ellipsis)}, {pieces: fit(sums, width, ellipsis)}];
};

type ChunkLine = {
	index: number;
	state: ChunkState | undefined;
	chunk: ChunkView | undefined;
	checked: ChunkState | undefined;
};

const checkedWords = ({present, hasCorrupt, hasMissing}: ChunkState): string => {
	if (hasCorrupt) return `${present} right, one wrong`;
	return hasMissing ? `${present} right, one missing` : `${present} right`;
};

/** A chunk as a line of the list. */
export const chunkLine = (line: ChunkLine, isChosen: boolean, width: number, theme: Theme): Line => {
	const {index, state, chunk, checked} = line;
	const {ellipsis, pointer} = theme.glyphs;
	const words: Piece = state
		? {text: chunkWords(state), tone: chunkTone(state)}
		: {text: 'not loaded yet', tone: 'muted'};
	const size: Piece[] = chunk && !checked ? [{text: `, ${formatSize(chunk.size)}`, tone: 'muted'}] : [];
	const check: Piece[] = checked
		? [
				{text: '  check: ', tone: 'muted'},
				{text: checkedWords(checked), tone: chunkTone(checked)},
			]
		: [];
	return {
		isInverse: isChosen,
		pieces: fit(
			[{text: `${isChosen ? pointer : ' '} `}, {text: `chunk ${index}  `.padEnd(12)}, words, ...size, ...check],
			width,
			ellipsis,
		),
	};
};

/** When a shard was last verified: how long ago, and with room also the day. */
export const verifiedWords = (verifiedAtMs: number, nowMs: number, isShort = false): string => {
	if (verifiedAtMs === 0) return 'never verified';
	const ago = age(nowMs - verifiedAtMs);
	const words = ago === 'now' ? 'just now' : `${ago} ago`;
	return isShort ? `verified ${words}` : `verified ${dateTime(verifiedAtMs)} (${words})`;
};

const SHARD_WORDS_WIDTH = 19;
/** From so many columns on there is room for the day of a verification. */
const LONG_COLUMNS = 76;

/** The nodes of a chunk: what each keeps, and when that was last verified. */
export const shardLines = (chunk: ChunkView | undefined, width: number, nowMs: number, theme: Theme): Line[] => {
	const {ellipsis} = theme.glyphs;
	if (!chunk) return [muted('Asking which nodes keep it.', width, theme)];
	if (chunk.shards.length === 0) return [{pieces: fit({text: 'No node keeps it.', tone: 'bad'}, width, ellipsis)}];
	const isShort = width < LONG_COLUMNS;
	const nameWidth = Math.min(24, Math.max(8, width - (isShort ? 42 : 62)));
	const byName = chunk.shards.toSorted((a, b) => (a.node_name < b.node_name ? -1 : 1));
	return byName.map(({node_name: name, state, verified_at: verifiedAt}) => ({
		pieces: fit(
			[
				...fit({text: name, isBold: true}, nameWidth, ellipsis),
				{text: '  '},
				...fit({text: shardWords(state), tone: shardTone(state)}, SHARD_WORDS_WIDTH, ellipsis),
				{text: ` ${verifiedWords(verifiedAt, nowMs, isShort)}`, tone: 'muted'},
			],
			width,
			ellipsis,
		),
	}));
};

/** What went wrong, in as many lines as it needs. */
export const problemLines = (problem: string, width: number): Line[] =>
	wrap(problem, width).map(text => ({pieces: [{text, tone: 'bad'}]}));
