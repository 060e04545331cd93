import type {Print} from './compare.js';
import {median, table} from './measure.js';
import {type Network, withNetwork} from './network.js';
import type {Options} from './options.js';
import {atOnce, checkAndClear, fetchWhole, type Sample, sampled, warmUp} from './phases.js';
import {digits, ratioDigits, type Verdict} from './report.js';

/** Many who send a file each at once, or fetch one. `speeds` is each one's, in bytes a second. */
export type CrowdFigures = {title: string; sample: Sample; speeds: number[]}[];

const MB = 1e6;
const COORDINATOR_PEAK_MB = 450;
/** What the slowest must have of the speed of the one in the middle. */
const SLOWEST_LEAST = 0.5;

/** All of them begin at once. */
const together = async (
	network: Network,
	{files, bytes}: Options['crowd'],
	one: (index: number) => Promise<void>,
): Promise<Omit<CrowdFigures[number], 'title'>> => {
	let speeds: number[] = [];
	const all = async () => {
		const start = performance.now();
		speeds = await atOnce(files, files, async index => {
			await one(index);
			return (bytes * 1000) / (performance.now() - start);
		});
	};
	const sample = await sampled(network, files * bytes, files, all);
	return {sample, speeds};
};

export const benchCrowd = async ({folder, crowd, settings}: Options, print: Print): Promise<CrowdFigures> =>
	withNetwork(folder, {settings}, print, async network => {
		await warmUp([network]);
		const ids: string[] = [];
		print(`  crowd: ${crowd.files} uploads at once`);
		const uploads = await together(network, crowd, async index => {
			ids[index] = await network.upload(crowd.bytes);
		});
		print(`  crowd: ${crowd.files} downloads at once`);
		const downloads = await together(network, crowd, async index => fetchWhole(network, ids[index] ?? '', crowd.bytes));
		await checkAndClear(network, ids, crowd.bytes);
		return [
			{title: `${crowd.files} uploads at once`, ...uploads},
			{title: `${crowd.files} downloads at once`, ...downloads},
		];
	});

export const crowdReportOf = (figures: CrowdFigures): {text: string; verdicts: Verdict[]} => {
	const verdicts: Verdict[] = [];
	const judge = (label: string, value: number, bar: string, passes: boolean): string[] => {
		verdicts.push({phase: 'crowd', label, value, bar, passes});
		return [bar, passes ? 'PASS' : 'FAIL'];
	};
	const rows = figures.flatMap(({title, sample, speeds}) => {
		const peakMb = (sample.members[0]?.peakBytes ?? 0) / MB;
		const [slowest, middle] = [Math.min(...speeds), median(speeds)];
		const part = slowest / middle;
		const peakBar = judge(
			`${title}, peak MB of the coordinator`,
			peakMb,
			`<= ${COORDINATOR_PEAK_MB}`,
			peakMb <= COORDINATOR_PEAK_MB,
		);
		const partBar = judge(`${title}, slowest / median`, part, `>= ${SLOWEST_LEAST}`, part >= SLOWEST_LEAST);
		return [
			[''],
			[`crowd: ${title}`],
			['  MB/s of all', digits(sample.bytes / MB / sample.seconds), '', ''],
			['  MB/s of each, median', digits(middle / MB), '', ''],
			['  MB/s of the slowest', digits(slowest / MB), '', ''],
			['  slowest / median', ratioDigits(part), ...partBar],
			['  peak MB of the coordinator', digits(peakMb), ...peakBar],
		];
	});
	return {text: table([['', '', 'bar', ''], ...rows]), verdicts};
};
