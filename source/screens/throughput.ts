import type {Throughput} from '../client/live-state.js';
import type {Line} from '../components/lines.js';
import {graph} from '../components/pictures.js';
import {fit} from '../console/table-layout.js';
import type {Theme} from '../console/theme.js';
import {wrap} from '../console/wrap.js';
import type {Area} from '../console/view.js';
import {formatSize} from '../format.js';

const WINDOW_MS = 300_000;
const RECENT_MS = 2_500;

/** The rates of the last five minutes, in so many columns: of each its highest. */
const columnsOf = (
	samples: readonly Throughput[],
	pick: (sample: Throughput) => number,
	nowMs: number,
	columns: number,
) => {
	const width = WINDOW_MS / columns;
	// On whole steps, so that the picture moves on by columns and does not flicker between them.
	const end = Math.ceil(nowMs / width) * width;
	const values = new Array<number>(columns).fill(0);
	for (const sample of samples) {
		const column = columns - 1 - Math.floor((end - sample.atMs) / width);
		if (column >= 0 && column < columns) values[column] = Math.max(values[column] ?? 0, pick(sample));
	}

	return values;
};

const recentOf = (samples: readonly Throughput[], nowMs: number): Throughput | undefined => {
	const last = samples.at(-1);
	return last && nowMs - last.atMs <= RECENT_MS ? last : undefined;
};

/** What is said of it in words. */
export type ThroughputWords = {
	/** What is drawn as up, and what as down. */
	up: string;
	down: string;
	/** Where there was nothing. */
	none: string;
};

const networkWords: ThroughputWords = {up: 'in', down: 'out', none: 'No upload or download in the last five minutes.'};

/** What goes through now, in words. */
const rateText = (samples: readonly Throughput[], nowMs: number, {up, down}: ThroughputWords): string => {
	const recent = recentOf(samples, nowMs);
	return `${up} ${formatSize(recent?.inRate ?? 0)}/s, ${down} ${formatSize(recent?.outRate ?? 0)}/s`;
};

const LEAST_ROWS_FOR_LABELS = 4;
const LABEL_WIDTH = 5;

/** Two graphs of the last five minutes: what came in, and what went out. */
export const throughputLines = (
	samples: readonly Throughput[],
	nowMs: number,
	area: Area,
	theme: Theme,
	words: ThroughputWords = networkWords,
): Line[] => {
	if (samples.every(({atMs}) => nowMs - atMs > WINDOW_MS)) {
		const lines = wrap(words.none, area.columns);
		return lines.map((text): Line => ({pieces: [{text, tone: 'muted'}]}));
	}

	if (area.rows < LEAST_ROWS_FOR_LABELS) {
		const row = (label: string, pick: (sample: Throughput) => number, tone: 'accent' | 'ok'): Line => {
			const values = columnsOf(samples, pick, nowMs, Math.max(1, area.columns - LABEL_WIDTH));
			const [text = ''] = graph(values, 1, theme);
			return {
				pieces: [
					{text: label.padEnd(LABEL_WIDTH), tone: 'muted'},
					{text, tone},
				],
			};
		};

		const rates: Line = {
			pieces: fit({text: rateText(samples, nowMs, words), tone: 'muted'}, area.columns, theme.glyphs.ellipsis),
		};
		return [row('up', ({inRate}) => inRate, 'accent'), row('down', ({outRate}) => outRate, 'ok'), rates];
	}

	const rows = Math.max(1, Math.floor((area.rows - 2) / 2));
	const recent = recentOf(samples, nowMs);
	const draw = (label: string, pick: (sample: Throughput) => number, tone: 'accent' | 'ok'): Line[] => {
		const values = columnsOf(samples, pick, nowMs, Math.max(1, area.columns));
		const rate = `${label} ${formatSize(recent ? pick(recent) : 0)}/s`;
		const whole = `${rate}, highest ${formatSize(Math.max(...values))}/s`;
		const text = whole.length <= area.columns ? whole : rate;
		return [
			...graph(values, rows, theme).map((line): Line => ({pieces: [{text: line, tone}]})),
			{pieces: fit({text, tone: 'muted'}, area.columns, theme.glyphs.ellipsis)},
		];
	};

	return [...draw('up', ({inRate}) => inRate, 'accent'), ...draw('down', ({outRate}) => outRate, 'ok')];
};
