import process from 'node:process';
import test from 'ava';
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
