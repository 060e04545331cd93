import {execFileSync} from 'node:child_process';
import {readFileSync, writeFileSync} from 'node:fs';

/** What a process has used: CPU since its start, memory at its peak since `resetPeak` (where the system can do that). */
export type Usage = {cpuSeconds: number; peakBytes: number};

const TICKS_PER_SECOND = 100; // Linux's USER_HZ, as /proc shows it on every architecture that Node runs on.

const procUsage = (pid: number): Usage => {
	const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
	const status = readFileSync(`/proc/${pid}/status`, 'utf8');
	return {cpuSeconds: parseCpuTicks(stat) / TICKS_PER_SECOND, peakBytes: parsePeakKiB(status) * 1024};
};

/** User and system ticks of a `/proc/<pid>/stat` line. The name in it may hold spaces and brackets. */
export const parseCpuTicks = (stat: string): number => {
	const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
	return Number(fields[11]) + Number(fields[12]);
};

/** The peak of resident memory in a `/proc/<pid>/status` text, in KiB. */
export const parsePeakKiB = (status: string): number => Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);

/** Without /proc: memory as it is now, not at its peak. */
const psUsage = (pid: number): Usage => {
	const [rssKiB = '0', time = '0'] = execFileSync('ps', ['-o', 'rss=,time=', '-p', String(pid)], {encoding: 'utf8'})
		.trim()
		.split(/\s+/);
	const cpuSeconds = time.split(/[-:]/).reduce((total, part) => total * 60 + Number(part), 0);
	return {cpuSeconds, peakBytes: Number(rssKiB) * 1024};
};

export const hasProc = process.platform === 'linux';

export const usageOf = (pid: number): Usage => (hasProc ? procUsage(pid) : psUsage(pid));

/** Starts a process's memory peak anew from what it uses now. Where that is refused, the peak since its start counts. */
export const resetPeak = (pid: number): void => {
	try {
		writeFileSync(`/proc/${pid}/clear_refs`, '5');
	} catch {
		// Another system, or not our process.
	}
};

export const median = (values: readonly number[]): number => {
	const sorted = values.toSorted((a, b) => a - b);
	const middle = sorted.length / 2;
	const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
	const high = sorted[Math.floor(middle)] ?? Number.NaN;
	return (low + high) / 2;
};

/** How far apart the runs are: the distance of the extremes as a part of the median. */
export const spread = (values: readonly number[]): number =>
	values.length < 2 ? 0 : (Math.max(...values) - Math.min(...values)) / median(values);

/** Lays rows out in columns; the first is set left, the others right. A row of one cell is a title, as wide as it is. */
export const table = (rows: readonly (readonly string[])[]): string => {
	const widths: number[] = [];
	for (const row of rows.filter(({length}) => length > 1)) {
		row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
	}

	const lineOf = (row: readonly string[]): string =>
		row
			.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
			.join('  ')
			.trimEnd();
	return rows.map(lineOf).join('\n');
};
