import {median, spread, table} from './measure.js';
import type {PhaseName, Sample} from './phases.js';

const MB = 1e6;
const GIB = 1024 ** 3;

export type Runs = {floor: Sample[]; ours: Sample[]};
export type Results = Map<PhaseName, Runs>;

/** What a figure must reach: a part of the floor's, or no more than so much of it, or than so much. */
type Bar = {leastOfFloor: number} | {mostOfFloor: number} | {most: number};

type Figure = {
	phase: PhaseName;
	label: string;
	floor: number[];
	ours: number[];
	/** A peak counts as the highest of the runs, all else as their median. */
	isPeak: boolean;
	bar?: Bar;
};

export type Verdict = {phase: string; label: string; value: number; bar: string; passes: boolean};

const ratioBars: Partial<Record<PhaseName, number>> = {
	upload: 0.95,
	download: 0.95,
	readers: 0.95,
	'small up': 0.8,
	'small down': 0.8,
};
/** Of the CPU of all processes but the client. */
const UPLOAD_CPU_RATIO = 1.15;
const COORDINATOR_PEAK_MB = 400;
const NODE_PEAK_MB = 200;

const speedOf = (phase: PhaseName): {label: string; of: (sample: Sample) => number} =>
	phase.startsWith('small')
		? {label: 'files/s', of: ({files, seconds}) => files / seconds}
		: {label: 'MB/s', of: ({bytes, seconds}) => bytes / MB / seconds};

/** A figure of each run on both sides. */
const figure = (
	phase: PhaseName,
	label: string,
	{floor, ours}: Runs,
	of: (sample: Sample) => number,
	options: {isPeak?: boolean; bar?: Bar} = {},
): Figure => ({phase, label, floor: floor.map(of), ours: ours.map(of), isPeak: false, ...options});

const cpuFigures = (phase: PhaseName, runs: Runs): Figure[] => {
	const perGiB = (seconds: number, {bytes}: Sample): number => (seconds * GIB) / bytes;
	const members = (runs.ours[0] ?? runs.floor[0])?.members ?? [];
	return [
		...members.map(({label}, at) =>
			figure(phase, `CPU s/GiB, ${label}`, runs, sample => perGiB(sample.members[at]?.cpuSeconds ?? 0, sample)),
		),
		figure(
			phase,
			'CPU s/GiB, all of them',
			runs,
			sample =>
				perGiB(
					sample.members.reduce((total, {cpuSeconds}) => total + cpuSeconds, 0),
					sample,
				),
			phase === 'upload' ? {bar: {mostOfFloor: UPLOAD_CPU_RATIO}} : {},
		),
		figure(phase, 'CPU s/GiB, client apart', runs, sample => perGiB(sample.clientCpuSeconds, sample)),
	];
};

const peakFigures = (phase: PhaseName, runs: Runs): Figure[] =>
	((runs.ours[0] ?? runs.floor[0])?.members ?? []).map(({label}, at) =>
		figure(phase, `peak MB, ${label}`, runs, ({members}) => (members[at]?.peakBytes ?? 0) / MB, {
			isPeak: true,
			bar: {most: at === 0 ? COORDINATOR_PEAK_MB : NODE_PEAK_MB},
		}),
	);

const figuresOf = (phase: PhaseName, runs: Runs): Figure[] => {
	const speed = speedOf(phase);
	const leastOfFloor = ratioBars[phase];
	return [
		figure(phase, speed.label, runs, speed.of, leastOfFloor === undefined ? {} : {bar: {leastOfFloor}}),
		...cpuFigures(phase, runs),
		...peakFigures(phase, runs),
	];
};

/** Ours as a part of the floor's: the median of what each run says, since only figures of one run compare. */
const ratioOf = ({floor, ours}: Figure): number | undefined =>
	floor.length > 0 && floor.length === ours.length
		? median(ours.map((value, run) => value / (floor[run] ?? Number.NaN)))
		: undefined;

const verdictOf = (of: Figure): Verdict | undefined => {
	const {phase, label, ours, bar} = of;
	if (!bar || ours.length === 0) return undefined;
	if ('most' in bar) {
		const value = Math.max(...ours);
		return {phase, label, value, bar: `<= ${bar.most}`, passes: value <= bar.most};
	}

	const value = ratioOf(of);
	if (value === undefined) return undefined;
	const ratio = {phase, label: `${label} / floor`, value};
	return 'mostOfFloor' in bar
		? {...ratio, bar: `<= ${bar.mostOfFloor}`, passes: value <= bar.mostOfFloor}
		: {...ratio, bar: `>= ${bar.leastOfFloor}`, passes: value >= bar.leastOfFloor};
};

export const digits = (value: number): string =>
	value.toFixed(Math.abs(value) < 100 ? (Math.abs(value) < 10 ? 2 : 1) : 0);

/** Ratios to three places, so that one just under its bar doesn't look as if it met it. */
export const ratioDigits = (value: number): string => value.toFixed(3);

const cells = (values: number[], isPeak: boolean): [string, string] =>
	values.length === 0
		? ['–', '']
		: [digits(isPeak ? Math.max(...values) : median(values)), `(${values.map(digits).join(' ')})`];

const rowOf = (of: Figure): string[] => {
	const ratio = ratioOf(of);
	const verdict = verdictOf(of);
	return [
		`  ${of.label}`,
		...cells(of.floor, of.isPeak),
		...cells(of.ours, of.isPeak),
		ratio === undefined ? '' : ratioDigits(ratio),
		verdict?.bar ?? '',
		verdict ? (verdict.passes ? 'PASS' : 'FAIL') : '',
	];
};

const NOISY_FROM = 0.25;

const noiseOf = (speed: Figure | undefined): string[] => {
	const parts = (['floor', 'ours'] as const)
		.map(side => ({side, apart: spread(speed?.[side] ?? [])}))
		.filter(({apart}) => apart > NOISY_FROM)
		.map(({side, apart}) => `${side} ${Math.round(apart * 100)}%`);
	return parts.length === 0 ? [] : [`  noisy: the runs lie apart by ${parts.join(', ')} of their median`];
};

const titles: Record<PhaseName, string> = {
	upload: 'upload of one large file',
	download: 'download of one large file',
	readers: '8 readers of one large file at once, their speeds together',
	'small up': 'upload of small files, 8 at once',
	'small down': 'download of small files, 8 at once',
	'many up': 'uploads of large files, all at once',
};

/** The figures of all phases as one table: ours beside the floor, medians, all runs, bars. */
export const reportOf = (results: Results): {text: string; verdicts: Verdict[]} => {
	const rows: string[][] = [['', 'floor', '(runs)', 'ours', '(runs)', 'ratio', 'bar', '']];
	const verdicts: Verdict[] = [];
	for (const [phase, runs] of results) {
		const figures = figuresOf(phase, runs);
		rows.push([''], [`${phase}: ${titles[phase]}`], ...figures.map(rowOf), ...noiseOf(figures[0]).map(line => [line]));
		verdicts.push(...figures.map(verdictOf).filter(verdict => verdict !== undefined));
	}

	return {text: table(rows), verdicts};
};

/** Two of our networks, of which the plainer one stands in the floor's place. */
export type Comparison = {
	plain: string;
	other: string;
	/** What the other must reach of the plain one's speed. */
	leastRatio: number;
};

export const accountsComparison: Comparison = {plain: 'without', other: 'accounts', leastRatio: 0.9};
export const linksComparison: Comparison = {plain: 'direct', other: 'links', leastRatio: 0.5};
export const tusComparison: Comparison = {plain: 'form', other: 'tus', leastRatio: 0.9};

/** Speed and CPU of one of two networks beside the other's; of what it does without the other, its memory as well. */
export const comparisonReportOf = (
	results: Results,
	{plain, other, leastRatio}: Comparison,
): {text: string; verdicts: Verdict[]} => {
	const rows: string[][] = [['', plain, '(runs)', other, '(runs)', 'ratio', 'bar', '']];
	const verdicts: Verdict[] = [];
	for (const [phase, runs] of results) {
		const {label, of} = speedOf(phase);
		const speed = figure(phase, label, runs, of, {bar: {leastOfFloor: leastRatio}});
		const verdict = verdictOf(speed);
		const peaks = runs.floor.length === 0 ? peakFigures(phase, runs) : [];
		rows.push([''], [`${phase}, ${other}`], ...[speed, ...cpuFigures(phase, runs), ...peaks].map(rowOf));
		if (verdict) verdicts.push({...verdict, label: `${label}, ${other} / ${plain}`});
		verdicts.push(...peaks.map(verdictOf).filter(found => found !== undefined));
	}

	return {text: table(rows), verdicts};
};

/** What failed, or that nothing did. */
export const conclusionOf = (verdicts: readonly Verdict[]): string => {
	const failed = verdicts.filter(({passes}) => !passes);
	const lines = failed.map(
		({phase, label, value, bar}) =>
			`FAIL  ${phase}: ${label} is ${bar.startsWith('>=') ? ratioDigits(value) : digits(value)}, bar ${bar}`,
	);
	const count = `${verdicts.length - failed.length} bars passed, ${failed.length} failed`;
	return [...lines, verdicts.length === 0 ? 'No bar was measured against' : count].join('\n');
};
