import {benchCatalog} from './catalog.js';
import {compareNetworks, type Compared, type Print} from './compare.js';
import {consoleReportOf} from './console-figures.js';
import {benchConsole} from './console.js';
import {benchCrowd, crowdReportOf} from './crowd.js';
import {benchGrowth} from './growth.js';
import {growthReportOf} from './growth-report.js';
import {benchLatency, latencyReportOf} from './latency.js';
import {spaceProblem, type Stored, storedByLoads} from './machine.js';
import type {Options, Part} from './options.js';
import {runBig, runManyByTus, runSmall} from './phases.js';
import {benchRepair, repairReportOf} from './repair.js';
import {benchShards} from './shards.js';
import {shardsReportOf} from './shards-report.js';
import {
	accountsComparison,
	type Comparison,
	comparisonReportOf,
	linksComparison,
	tusComparison,
	type Verdict,
} from './report.js';

type Measured = {figures: unknown; text?: string; verdicts: Verdict[]};

/** A part of the bench that starts what it measures by itself. */
type Section = {
	part: Part;
	run: (options: Options, print: Print) => Promise<Measured>;
	/** What the disk must have room for. */
	stored?: (options: Options) => Stored;
};

const comparing =
	(compared: Compared, comparison: Comparison): Section['run'] =>
	async (options, print) => {
		const results = await compareNetworks(options, compared, print);
		return {figures: Object.fromEntries(results), ...comparisonReportOf(results, comparison)};
	};

/** The catalogue says in its lines whether it meets its bars. */
const catalog: Section['run'] = async (_options, print) => {
	let missed = 0;
	await benchCatalog(line => {
		missed += Number(line.endsWith('MISSED'));
		print(line);
	});
	const bar = '<= 0';
	return {figures: {missed}, verdicts: [{phase: 'catalog', label: 'bars missed', value: missed, bar, passes: !missed}]};
};

/** In this order. */
export const sections: readonly Section[] = [
	{
		// What accounts, tickets and all that goes with them cost.
		part: 'accounts',
		run: comparing({plain: {isOpen: true}, other: {}, loads: [runSmall, runBig]}, accountsComparison),
	},
	{part: 'links', run: comparing({plain: {}, other: {isLinked: true}, loads: [runSmall, runBig]}, linksComparison)},
	{
		part: 'tus',
		run: comparing({plain: {}, other: {isByTus: true}, loads: [runBig], alone: [runManyByTus]}, tusComparison),
		stored: ({load}) => storedByLoads(load, load.manyByTusBytes),
	},
	{
		part: 'repair',
		async run(options, print) {
			const figures = await benchRepair(options, print);
			return {figures, ...repairReportOf(figures)};
		},
	},
	{
		part: 'latency',
		async run(options, print) {
			const figures = await benchLatency(options, print);
			return {figures, ...latencyReportOf(figures)};
		},
	},
	{
		part: 'growth',
		async run(options, print) {
			const figures = await benchGrowth(options, print);
			return {figures: {...figures, results: Object.fromEntries(figures.results)}, ...growthReportOf(figures)};
		},
		stored: ({load}) => ({bytes: 2 * load.bigBytes, flags: '--size'}),
	},
	{
		part: 'crowd',
		async run(options, print) {
			const figures = await benchCrowd(options, print);
			return {figures, ...crowdReportOf(figures)};
		},
		stored: ({crowd}) => ({bytes: crowd.files * crowd.bytes, flags: '--crowd and --crowd-size'}),
	},
	{
		part: 'nginx',
		async run(options, print) {
			const figures = await benchShards(options, print);
			return {figures, ...shardsReportOf(figures)};
		},
	},
	{part: 'catalog', run: catalog},
	{
		part: 'console',
		async run(options, print) {
			const figures = await benchConsole(options, print);
			return {figures: Object.fromEntries(figures), ...consoleReportOf(figures)};
		},
	},
];

/** What the disk lacks for one of these. */
export const sectionsProblem = async (wanted: readonly Section[], options: Options): Promise<string | undefined> => {
	for (const {stored} of wanted) {
		const problem = stored && (await spaceProblem(options.folder, stored(options)));
		if (problem !== undefined) return problem;
	}

	return undefined;
};
