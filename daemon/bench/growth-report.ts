import {median, table} from './measure.js';
import {comparisonReportOf, digits, type Comparison, type Results, ratioDigits, type Verdict} from './report.js';

/** What a network with a past does, beside an empty one. */
export type GrowthFigures = {
	wantedChunks: number;
	/** What came of it in the time that there is; 0 where that ended in a failure. */
	madeChunks: number;
	nodes: number;
	/** Until the coordinator answered. */
	startSeconds: number;
	emptySeconds: number;
	/** Why it did not start. */
	startProblem?: string;
	/** The coordinator's, from its start until it was quiet. */
	emptyPeakMb: number;
	grownPeakMb: number;
	/** How long answers took. */
	asked: {title: string; empty: number[]; grown: number[]}[];
	/** The choice of nodes by itself. */
	placementMs: {empty: number; grown: number};
	results: Results;
};

const MB = 1e6;
const START_MOST_SECONDS = 15;
const PEAK_MOST_MB = 1200;
const ASKED_MOST_RATIO = 2;

const growthComparison: Comparison = {plain: 'empty', other: 'grown', leastRatio: 0.9};

const most = (label: string, value: number, bar: number): Verdict => ({
	...{phase: 'growth', label, value},
	...{bar: `<= ${bar}`, passes: value <= bar},
});

const outcomeOf = ({bar, passes}: Verdict): string[] => [bar, passes ? 'PASS' : 'FAIL'];

const count = (value: number): string => value.toLocaleString('en');

/** Where it ended, for a network that did not come that far. */
const endOf = ({wantedChunks, madeChunks, startProblem}: GrowthFigures): {lines: string[]; verdicts: Verdict[]} => {
	const verdicts: Verdict[] = [];
	const lines: string[] = [];
	if (madeChunks < wantedChunks) {
		const bar = `>= ${wantedChunks}`;
		verdicts.push({phase: 'growth', label: 'chunks made', value: madeChunks, bar, passes: false});
		lines.push(`the catalogue took in ${count(madeChunks)} of ${count(wantedChunks)} chunks`);
	}

	if (startProblem !== undefined) {
		verdicts.push({phase: 'growth', label: 'the coordinator starts', value: 0, bar: '>= 1', passes: false});
		lines.push(`the coordinator did not start with ${count(madeChunks)} chunks: ${startProblem}`);
	}

	return {lines, verdicts};
};

/** The highest of all runs, which each begin anew to count. */
const busyPeakMb = (results: Results, side: 'floor' | 'ours'): number =>
	Math.max(
		...[...results.values()].flatMap(runs => runs[side].map(({members: [first]}) => (first?.peakBytes ?? 0) / MB)),
	);

export const growthReportOf = (figures: GrowthFigures): {text: string; verdicts: Verdict[]} => {
	const {madeChunks, nodes, startSeconds, emptySeconds, emptyPeakMb, grownPeakMb, asked, placementMs, results} =
		figures;
	const end = endOf(figures);
	const title = `growth: ${count(madeChunks)} chunks on ${count(nodes)} nodes`;
	if (asked.length === 0) return {text: [title, ...end.lines].join('\n  '), verdicts: end.verdicts};
	const start = most('s until the coordinator answers', startSeconds, START_MOST_SECONDS);
	const peak = most('peak MB of the coordinator at its start', grownPeakMb, PEAK_MOST_MB);
	const busyPeak = most('peak MB of the coordinator at work', busyPeakMb(results, 'ours'), PEAK_MOST_MB);
	const answers = asked.map(each => {
		const ratio = median(each.grown.map((ms, at) => ms / (each.empty[at] ?? Number.NaN)));
		return {each, verdict: most(`ms for ${each.title}, grown / empty`, ratio, ASKED_MOST_RATIO)};
	});
	const rows = [
		['', 'empty', 'grown', 'ratio', 'bar', ''],
		[title],
		['  s until the coordinator answers', digits(emptySeconds), digits(startSeconds), '', ...outcomeOf(start)],
		['  peak MB at its start', digits(emptyPeakMb), digits(grownPeakMb), '', ...outcomeOf(peak)],
		['  peak MB at work', digits(busyPeakMb(results, 'floor')), digits(busyPeak.value), '', ...outcomeOf(busyPeak)],
		...answers.map(({each, verdict}) => {
			const cells = [digits(median(each.empty)), digits(median(each.grown)), ratioDigits(verdict.value)];
			return [`  ms for ${each.title}`, ...cells, ...outcomeOf(verdict)];
		}),
		['  ms to choose a chunk’s nodes', ratioDigits(placementMs.empty), ratioDigits(placementMs.grown), '', '', ''],
	];
	const speeds = comparisonReportOf(results, growthComparison);
	return {
		text: [table(rows), ...end.lines, '', speeds.text].join('\n'),
		verdicts: [start, peak, busyPeak, ...answers.map(({verdict}) => verdict), ...end.verdicts, ...speeds.verdicts],
	};
};
