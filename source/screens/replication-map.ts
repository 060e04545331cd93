import type {Piece} from '../console/table.js';
import type {Tone} from '../console/theme.js';
import type {Area} from '../console/view.js';
import {chunkCode, chunkRank, type ChunkState, chunkTone, UNKNOWN_RANK, UNREADABLE_RANK} from './redundancy.js';

/** What is known of all chunks of a file, in five bytes each. */
export type ChunkStates = {
	count: number;
	put: (index: number, state: ChunkState) => void;
	/** `undefined` where nothing is known of it yet. */
	get: (index: number) => ChunkState | undefined;
	rank: (index: number) => number;
	/** How many are known. */
	known: () => number;
	/** Another number whenever anything in it changed. */
	revision: () => number;
};

/** A file of 10 TiB. Of a larger one, only so many chunks are looked at. */
export const MOST_CHUNKS = 1024 * 1024;

const CORRUPT = 1;
const MISSING = 2;
const clamp = (copies: number) => Math.min(255, copies);

export const createChunkStates = (chunks: number): ChunkStates => {
	const count = Math.max(0, Math.min(chunks, MOST_CHUNKS));
	const ranks = new Uint16Array(count).fill(UNKNOWN_RANK);
	const present = new Uint8Array(count);
	const wanted = new Uint8Array(count);
	const faults = new Uint8Array(count);
	let known = 0;
	let revision = 0;

	return {
		count,
		put(index, state) {
			const before = ranks[index];
			if (before === undefined) return;
			if (before === UNKNOWN_RANK) known++;
			ranks[index] = chunkRank(state);
			present[index] = clamp(state.present);
			wanted[index] = clamp(state.wanted);
			faults[index] = (state.hasCorrupt ? CORRUPT : 0) + (state.hasMissing ? MISSING : 0);
			revision++;
		},
		get(index) {
			if ((ranks[index] ?? UNKNOWN_RANK) === UNKNOWN_RANK) return undefined;
			const fault = faults[index] ?? 0;
			return {
				present: present[index] ?? 0,
				wanted: wanted[index] ?? 0,
				hasCorrupt: (fault & CORRUPT) !== 0,
				hasMissing: (fault & MISSING) !== 0,
			};
		},
		rank: index => ranks[index] ?? UNKNOWN_RANK,
		known: () => known,
		revision: () => revision,
	};
};

/** How many chunks have all their copies, how many fewer, and how many can't be read or aren't known. */
export type ChunkCounts = {full: number; short: number; unreadable: number; unknown: number};

export const countChunks = (states: ChunkStates): ChunkCounts => {
	const counts = {full: 0, short: 0, unreadable: 0, unknown: 0};
	for (let index = 0; index < states.count; index++) {
		const rank = states.rank(index);
		if (rank === 0) counts.full++;
		else if (rank === UNKNOWN_RANK) counts.unknown++;
		else if (rank === UNREADABLE_RANK) counts.unreadable++;
		else counts.short++;
	}

	return counts;
};

// A number keeps 53 bits: 32 for the index, and 21 for what comes before it.
const INDEX_RANGE = 2 ** 32;
const LAST = 2 ** 17;

/** The indexes of all chunks, the worst first; equals by their index, and those that aren't known last. */
export const worstFirst = (states: ChunkStates): Uint32Array => {
	const keys = new Float64Array(states.count);
	for (let index = 0; index < states.count; index++) {
		const rank = states.rank(index);
		keys[index] = (rank === UNKNOWN_RANK ? LAST : LAST - 1 - rank) * INDEX_RANGE + index;
	}

	return Uint32Array.from(keys.sort(), key => key % INDEX_RANGE);
};

/** The map's picture: lines of cells, each standing for one chunk or for several in a row. */
export type MapLayout = {chunksPerCell: number; cellsPerLine: number; cells: number; lines: number; labelWidth: number};

const TIDY = 10;

/** The map of so many chunks that fits an area, with as few chunks to a cell as it can be. */
export const layoutMap = (count: number, {columns, rows}: Area): MapLayout => {
	const labelWidth = String(Math.max(0, count - 1)).length + 1;
	const room = Math.max(1, columns - labelWidth);
	const cellsPerLine = room >= 2 * TIDY ? room - (room % TIDY) : room;
	let chunksPerCell = 1;
	while (Math.ceil(count / chunksPerCell) > cellsPerLine * Math.max(1, rows)) chunksPerCell *= 2;
	const cells = Math.ceil(count / chunksPerCell);
	return {chunksPerCell, cellsPerLine, cells, lines: Math.ceil(cells / cellsPerLine), labelWidth};
};

/** The worst of the chunks that a cell stands for; the first of several that are as bad. */
const worstIn = (states: ChunkStates, from: number, to: number): number => {
	let worst = from;
	for (let index = from + 1; index < to; index++) if (states.rank(index) > states.rank(worst)) worst = index;
	return worst;
};

type MapOptions = {
	/** The cell with this chunk is shown as the chosen one. */
	chosen?: number | undefined;
	/** What stands for a chunk of which nothing is known. */
	unknown?: string;
};

const cellOf = (states: ChunkStates, index: number, unknown: string): {text: string; tone: Tone} => {
	const state = states.get(index);
	return state ? {text: chunkCode(state), tone: chunkTone(state)} : {text: unknown, tone: 'muted'};
};

/** The map's lines, the number of each one's first chunk before it. */
export const mapLines = (states: ChunkStates, layout: MapLayout, options: MapOptions = {}): Piece[][] => {
	const {chunksPerCell, cellsPerLine, cells, lines, labelWidth} = layout;
	const {chosen, unknown = '?'} = options;
	const chosenCell = chosen === undefined ? -1 : Math.floor(chosen / chunksPerCell);

	return Array.from({length: lines}, (_, line) => {
		const label = String(line * cellsPerLine * chunksPerCell).padStart(labelWidth - 1);
		const pieces: (Piece & {text: string})[] = [{text: `${label} `, tone: 'muted'}];
		for (let cell = line * cellsPerLine; cell < Math.min(cells, (line + 1) * cellsPerLine); cell++) {
			const from = cell * chunksPerCell;
			const worst = worstIn(states, from, Math.min(states.count, from + chunksPerCell));
			const {text, tone} = cellOf(states, worst, unknown);
			const last = pieces.at(-1);
			if (cell === chosenCell) pieces.push({text, tone, isInverse: true});
			else if (last && last.tone === tone && last.isInverse !== true && pieces.length > 1) last.text += text;
			else pieces.push({text, tone});
		}

		return pieces;
	});
};

/** What the map's characters mean, as far as it shows them. */
export const legendOf = (states: ChunkStates, {unknown, isShort}: {unknown: string; isShort: boolean}): string => {
	const {unknown: unknownCount, unreadable} = countChunks(states);
	let hasCorrupt = false;
	for (let index = 0; index < states.count && !hasCorrupt; index++) hasCorrupt = states.get(index)?.hasCorrupt === true;
	return [
		isShort ? 'digit: copies' : 'digit: sound copies',
		...(hasCorrupt ? [isShort ? 'x: corrupt' : 'x: a copy is corrupt'] : []),
		...(unreadable > 0 ? [isShort ? '!: unreadable' : '!: not readable now'] : []),
		...(unknownCount > 0 ? [unknown] : []),
	].join('  ');
};
