import {median, table} from './measure.js';
import {digits, type Verdict} from './report.js';

type Bar = {
	title: string;
	label: string;
	most?: number;
	/** The highest of the runs counts, not their median. */ isPeak?: boolean;
};

const start = 'start, before any answer';
const bytes = 'bytes at 120x40 with 30 rows';
const slow = 'a line of 4 KB/s, all rows changed every 100 ms for 10 s';
const load = 'what it costs';
const lists = '5,000 nodes and 100,000 files';

/** Every figure of the console, with its bar where it has one. */
const bars = {
	nodeFloor: {title: start, label: 'floor: Node starts and ends, s'},
	firstFrame: {title: start, label: 'first frame, s', most: 0.9},
	firstFrameCpu: {title: start, label: 'first frame, s of CPU'},
	firstFrameUnbundled: {title: start, label: 'first frame without the bundle, s'},
	firstFrameBytes: {title: start, label: 'first frame, bytes', most: 10_000, isPeak: true},

	wholeFrameBytes: {title: bytes, label: 'all painted anew', most: 10_000, isPeak: true},
	unchangedBytes: {title: bytes, label: 'nothing changed for 10 s', most: 0, isPeak: true},
	cellBytes: {title: bytes, label: 'one cell changed', most: 100, isPeak: true},
	moveBytes: {title: bytes, label: 'cursor moved among nodes', most: 500, isPeak: true},
	filesMoveBytes: {title: bytes, label: 'cursor moved among files, facts beside', most: 500, isPeak: true},
	frameWrites: {title: bytes, label: 'writes a frame', most: 1, isPeak: true},
	erases: {title: bytes, label: 'erases after the first paint', most: 0, isPeak: true},

	slowLag: {title: slow, label: 'furthest behind, s', most: 1, isPeak: true},
	slowEnd: {title: slow, label: 'last value shown after, s', most: 1, isPeak: true},

	idleCpu: {title: load, label: 'CPU with heartbeats only, % of a core', most: 0.5},
	updateCpu: {title: load, label: 'CPU at one update a second, % of a core', most: 5},
	memory: {title: load, label: 'memory at its peak in an hour of updates, MB', most: 150, isPeak: true},
	resize: {title: load, label: 'resize drawn after, ms', most: 150},

	filterNodes: {title: lists, label: 'key to filtered nodes, ms', most: 50},
	filterNodesSlowest: {title: lists, label: 'the slowest of them, ms'},
	filterNodesCpu: {title: lists, label: 'CPU of one, ms'},
	filterFiles: {title: lists, label: 'key to filtered files, ms', most: 50},
	filterFilesSlowest: {title: lists, label: 'the slowest of them, ms'},
	filterFilesCpu: {title: lists, label: 'CPU of one, ms'},
	listsMemory: {title: lists, label: 'memory at its peak with them, MB'},
	moveFiles: {title: lists, label: 'cursor moved among the files, ms', most: 50},
} as const satisfies Record<string, Bar>;

export type FigureName = keyof typeof bars;
export type ConsoleFigures = Map<FigureName, number[]>;

const barOf = (name: FigureName): Bar => bars[name];

const valueOf = (name: FigureName, runs: readonly number[]): number =>
	barOf(name).isPeak === true ? Math.max(...runs) : median(runs);

const verdictOf = (name: FigureName, runs: readonly number[]): Verdict | undefined => {
	const {title, label, most} = barOf(name);
	if (most === undefined) return undefined;
	const value = valueOf(name, runs);
	return {phase: title, label, value, bar: `<= ${most}`, passes: value <= most};
};

const rowOf = (name: FigureName, runs: readonly number[]): string[] => {
	const verdict = verdictOf(name, runs);
	return [
		`  ${barOf(name).label}`,
		digits(valueOf(name, runs)),
		runs.length > 1 ? `(${runs.map(digits).join(' ')})` : '',
		verdict?.bar ?? '',
		verdict ? (verdict.passes ? 'PASS' : 'FAIL') : '',
	];
};

/** All that was measured, as a table with the bars beside it. */
export const consoleReportOf = (figures: ConsoleFigures): {text: string; verdicts: Verdict[]} => {
	const rows: string[][] = [['', 'console', '(runs)', 'bar', '']];
	const verdicts: Verdict[] = [];
	let title = '';
	for (const name of Object.keys(bars) as FigureName[]) {
		const runs = figures.get(name);
		if (!runs) continue;
		if (barOf(name).title !== title) rows.push([''], [barOf(name).title]);
		({title} = barOf(name));
		rows.push(rowOf(name, runs));
		const verdict = verdictOf(name, runs);
		if (verdict) verdicts.push(verdict);
	}

	return {text: table(rows), verdicts};
};
