import process from 'node:process';
import test from 'ava';
import {crowdReportOf} from './crowd.js';

import {type GrowthFigures, growthReportOf} from './growth-report.js';
import {hasProc, median, parseCpuTicks, parsePeakKiB, spread, table, usageOf} from './measure.js';

test('the median of an even count lies between the two in the middle', t => {
	t.is(median([3, 1, 2]), 2);
	t.is(median([4, 1, 3, 2]), 2.5);
	t.is(median([7]), 7);
	t.is(median([]), Number.NaN);
});

test('the spread is how far the extremes lie apart, as a part of the median', t => {
	t.is(spread([90, 100, 120]), 0.3);
	t.is(spread([5]), 0);
	t.is(spread([]), 0);
});

test('CPU ticks are read behind a name with brackets and spaces', t => {
	t.is(parseCpuTicks('42 (a) b) (c) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 7 7 20 0 11 0 1000'), 300);
});

test('the peak of memory is read out of a status', t => {
	t.is(parsePeakKiB('Name:\tnode\nVmPeak:\t  999 kB\nVmHWM:\t   1234 kB\nVmRSS:\t  12 kB\n'), 1234);
	t.is(parsePeakKiB('Name:\tkthread\n'), 0);
});

test('a table sets its first column left and the others right, and a title stretches nothing', t => {
	t.is(
		table([['', 'floor', 'ours'], ['a title wider than all'], ['MB/s', '200', '150.5']]),
		['      floor   ours', 'a title wider than all', 'MB/s    200  150.5'].join('\n'),
	);
});

test('this process has used time and memory', t => {
	const {cpuSeconds, peakBytes} = usageOf(process.pid);
	t.true(cpuSeconds > 0 || !hasProc);
	t.true(peakBytes > 10e6);
});

const grown: GrowthFigures = {
	...{
		wantedChunks: 1000,
		madeChunks: 1000,
		nodes: 10,
		startSeconds: 2,
		emptySeconds: 1,
		emptyPeakMb: 90,
		grownPeakMb: 900,
	},
	asked: [{title: 'the stats', empty: [1, 1, 2], grown: [1, 3, 6]}],
	placementMs: {empty: 0.1, grown: 0.4},
	results: new Map(),
};

test('a network with a past is held against an empty one, answer by answer', t => {
	const {text, verdicts} = growthReportOf(grown);
	const stats = verdicts.find(({label}) => label.startsWith('ms for the stats'));
	t.like(stats, {value: 3, passes: false});
	t.true(verdicts.filter(each => each !== stats).every(({passes}) => passes));
	t.regex(text, /ms for the stats +1\.00 +3\.00 +3\.000 +<= 2 +FAIL/);
});

test('a network that never got its past, or did not start with it, says where it ended and fails', t => {
	const ended = growthReportOf({
		...grown,
		madeChunks: 700,
		startSeconds: Number.NaN,
		startProblem: 'no memory',
		asked: [],
	});
	t.deepEqual(
		ended.verdicts.map(({label, value, passes}) => ({label, value, passes})),
		[
			{label: 'chunks made', value: 700, passes: false},
			{label: 'the coordinator starts', value: 0, passes: false},
		],
	);
	t.regex(ended.text, /700 of 1,000 chunks\n.*did not start with 700 chunks: no memory/);
});

test('of a crowd the slowest is held against the one in the middle', t => {
	const members = [{label: 'coordinator', cpuSeconds: 1, peakBytes: 460e6}];
	const sample = {seconds: 1, bytes: 1e6, files: 3, members, clientCpuSeconds: 1};
	const {verdicts} = crowdReportOf([{title: '3 uploads at once', sample, speeds: [4e6, 10e6, 10e6]}]);
	t.deepEqual(
		verdicts.map(({value, passes}) => ({value, passes})),
		[
			{value: 460, passes: false},
			{value: 0.4, passes: false},
		],
	);
});
