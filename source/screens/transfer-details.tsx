import type {Line} from '../components/lines.js';
import {Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';
import {bar, graph} from '../components/pictures.js';
import {dateTime} from '../console/age.js';
import type {Piece} from '../console/table.js';
import {fit} from '../console/table-layout.js';
import type {Theme, Tone} from '../console/theme.js';
import type {Action, Area, Console, View} from '../console/view.js';
import {formatSize} from '../format.js';
import {displayWidth, printable} from '../terminal/text.js';
import {CHUNK_SIZE_BYTES} from '../protocol/chunking.js';
import type {Transfer} from '../transfers/transfer.js';
import {wrap} from './file-facts.js';
import {layoutMap} from './replication-map.js';
import {
	chunksText,
	percentOf,
	rateText,
	remainingText,
	remarkOf,
	shareOf,
	sizeText,
	statePiece,
	toneOf,
	transferSentence,
} from './transfer-facts.js';
import type {TransferRates} from './transfer-rates.js';

const LABEL_WIDTH = 11;
const MOST_BAR = 40;
const GRAPH_ROWS = 3;
/** A graph of fewer values tells nothing that the figures don't. */
const LEAST_VALUES = 8;
const LEAST_GRAPH_ROWS = 8;
const blank: Line = {pieces: [{text: ' '}]};

/** A text in lines that end between words; a word that is too long is cut. */
export const wrapWords = (text: string, width: number): string[] => {
	const lines: string[] = [];
	let line = '';
	for (const word of printable(text).split(' ')) {
		const joined = line === '' ? word : `${line} ${word}`;
		if (displayWidth(joined) <= width) {
			line = joined;
			continue;
		}

		if (line !== '') lines.push(line);
		const parts = wrap(word, width);
		line = parts.pop() ?? '';
		lines.push(...parts);
	}

	return line === '' ? lines : [...lines, line];
};

type Cell = {text: string; tone: Tone};

const cellsOf = ({glyphs}: Theme) => ({
	done: {text: glyphs.barFull, tone: 'ok'} satisfies Cell,
	begun: {text: glyphs.pointer, tone: 'accent'} satisfies Cell,
	open: {text: glyphs.barEmpty, tone: 'muted'} satisfies Cell,
});

/** Cells of one kind that follow one another are one piece. */
const joined = (cells: readonly Cell[]): Piece[] => {
	const pieces: Cell[] = [];
	for (const cell of cells) {
		const last = pieces.at(-1);
		if (last?.tone === cell.tone) last.text += cell.text;
		else pieces.push({...cell});
	}

	return pieces;
};

/** Chunk by chunk: what is through, what is under way, and what is to come. One cell for many where they don't fit. */
export const chunkMap = (transfer: Transfer, area: Area, theme: Theme): Line[] => {
	const {chunks, doneChunks, doneBytes} = transfer;
	if (chunks === undefined || chunks === 0) return [];
	const layout = layoutMap(chunks, {columns: area.columns, rows: area.rows - 1});
	const {done, begun, open} = cellsOf(theme);
	const {chunksPerCell, cellsPerLine, cells, labelWidth} = layout;
	const hasBegun = doneBytes > doneChunks * CHUNK_SIZE_BYTES && doneChunks < chunks;
	const cellOf = (cell: number): Cell => {
		const from = cell * chunksPerCell;
		const to = Math.min(chunks, from + chunksPerCell);
		if (doneChunks >= to) return done;
		return doneChunks > from || (doneChunks === from && hasBegun) ? begun : open;
	};

	const lines = Array.from({length: layout.lines}, (_, line): Line => {
		const from = line * cellsPerLine;
		const label = `${String(from * chunksPerCell).padStart(labelWidth - 1)} `;
		const count = Math.min(cellsPerLine, cells - from);
		const row = joined(Array.from({length: count}, (_unused, index) => cellOf(from + index)));
		return {pieces: [{text: label, tone: 'muted'}, ...row]};
	});
	const many = chunksPerCell > 1 ? `  1 cell is ${chunksPerCell} chunks` : '';
	const legend: Piece[] = [
		...[done, {text: ' done  ', tone: 'muted' as const}],
		...[begun, {text: ' begun  ', tone: 'muted' as const}],
		...[open, {text: ` to come${many}`, tone: 'muted' as const}],
	];
	return [...lines, {pieces: fit(legend, area.columns, theme.glyphs.ellipsis)}];
};

type Shown = {transfer: Transfer; rates: readonly number[]; theme: Theme; area: Area};

const factLines = ({transfer, theme, area}: Shown): Line[] => {
	const {ellipsis} = theme.glyphs;
	const width = Math.max(1, area.columns - LABEL_WIDTH);
	const fact = (label: string, values: readonly (string | readonly Piece[])[]): Line[] =>
		values.map((value, index) => ({
			pieces: [
				...fit({text: index === 0 ? label : '', tone: 'muted'}, LABEL_WIDTH, ellipsis),
				...fit(value, width, ellipsis),
			],
		}));
	const {state, kind, name, path, fileId, doneBytes, queuedAtMs, endedAtMs} = transfer;
	const percent = percentOf(transfer);
	const barWidth = Math.max(1, Math.min(MOST_BAR, width - percent.length - 1));
	const speed = [rateText(transfer), ...(remainingText(transfer) === '' ? [] : [`${remainingText(transfer)} left`])];
	const remark = remarkOf(transfer);
	return [
		...fact('name', wrap(name, width).slice(0, 4)),
		...fact(kind, [[statePiece(transfer)]]),
		...fact('progress', [[...bar(shareOf(transfer), barWidth, theme, toneOf(transfer)), {text: ` ${percent}`}]]),
		...fact('', [`${formatSize(doneBytes)} of ${sizeText(transfer)}`]),
		...fact('chunks', [chunksText(transfer)]),
		...(state === 'active' ? fact('speed', [speed.join(', ')]) : []),
		...(remark === undefined ? [] : fact(state === 'failed' ? 'problem' : 'note', wrapWords(remark, width))),
		...fact(kind === 'upload' ? 'from' : 'to', wrap(path, width).slice(0, 6)),
		...(fileId === undefined ? [] : fact('file id', wrap(fileId, width))),
		...fact('queued', [dateTime(queuedAtMs)]),
		...(endedAtMs === undefined ? [] : fact('ended', [dateTime(endedAtMs)])),
	];
};

/** All that is known of a transfer, in at most as many lines as there is room: its facts, its chunks and its speed. */
export const transferLines = (shown: Shown): Line[] => {
	const {transfer, rates, theme, area} = shown;
	const facts = factLines(shown);
	const left = area.rows - facts.length - 1;
	const hasGraph = rates.length >= LEAST_VALUES && left >= LEAST_GRAPH_ROWS;
	const mapRows = left - (hasGraph ? GRAPH_ROWS + 2 : 0);
	const map = mapRows >= 2 ? chunkMap(transfer, {columns: area.columns, rows: mapRows}, theme) : [];
	const values = rates.slice(-area.columns);
	const picture = hasGraph
		? [
				blank,
				{pieces: [{text: `speed, at most ${formatSize(Math.max(...values))}/s`, tone: 'muted' as const}]},
				...graph(values, GRAPH_ROWS, theme).map((text): Line => ({pieces: [{text, tone: 'accent'}]})),
			]
		: [];
	return [...facts, ...(map.length === 0 ? [] : [blank, ...map]), ...picture].slice(0, area.rows);
};

type Details = {console: Console; id: number; rates: TransferRates; actionsOf: (id: number) => readonly Action[]};

/** One transfer, chunk by chunk. */
export const createTransferDetails = ({console, id, rates, actionsOf}: Details): View => {
	const transfer = () => console.transfers.get().find(each => each.id === id);
	const gone = 'It is no longer in the list. Esc goes back.';
	let stop = () => {};

	return {
		title: () => 'Transfer',
		actions: () => actionsOf(id),
		render(area) {
			const {theme} = console;
			const now = transfer();
			const inside = insideOf(area);
			const lines = now
				? transferLines({transfer: now, rates: rates.of(id), theme, area: inside})
				: [{pieces: [{text: gone, tone: 'muted' as const}]}];
			return (
				<Panel title={now?.name === undefined ? 'Transfer' : printable(now.name)} area={area} theme={theme} isFocused>
					<Lines theme={theme} lines={lines} rows={inside.rows} />
				</Panel>
			);
		},
		describe() {
			const now = transfer();
			return {
				title: 'Transfer',
				selection: now ? transferSentence(now) : gone,
				lines: now ? [`Path: ${now.path}`] : [],
			};
		},
		show() {
			stop = console.transfers.subscribe(() => rates.sample(console.transfers.get()));
		},
		hide: () => stop(),
		dispose: () => stop(),
	};
};
