import {parseArgs} from 'node:util';
import {type LargePart, largeParts, type Rates} from './large-run.js';

export type ShortPlan = {kind: 'short'; first: number; last: number; faultyDays: number; isTraced: boolean};
export type LargePlan = {
	kind: 'large';
	seed: number;
	nodes: number;
	files: number;
	chunksPerFile: number;
	years: number;
	rates: Rates;
	without: LargePart[];
	graceMinutes: number;
};
export type Plan = ShortPlan | LargePlan;

export const usage = `npm run simulate -- [flags]
Many small networks in which everything goes wrong that their scheme allows:
  --seed N         one network; default 1
  --seeds A..B     all of these
  --count N        so many, from --seed on
  --days D         how long things go wrong in each; default 0.1
  --trace          print all that happens

One large network, for its figures, where any of these is given:
  --nodes N        default 10000
  --files F        default 1000
  --chunks C       chunks of 10 MiB in each file; default 10
  --years Y        default 1
  --naps R         shorter than the grace, for each node in a year; default 6
  --outages R      of 1 to 12 hours more than the grace; default 0.2
  --deaths R       default 0.05
  --rot R          shards that go bad on each node in a year; default 1
  --crashes R      of the coordinator in a year; default 12
  --without PARTS  some of moves,audits,scrubs, or none: each takes time to
                   simulate; default moves,audits
  --grace M        minutes that a lost copy is waited for; default 15

  --help           print this
`;

const flags = {
	seed: {type: 'string'},
	seeds: {type: 'string'},
	count: {type: 'string'},
	days: {type: 'string'},
	trace: {type: 'boolean', default: false},
	nodes: {type: 'string'},
	files: {type: 'string'},
	chunks: {type: 'string'},
	years: {type: 'string'},
	naps: {type: 'string'},
	outages: {type: 'string'},
	deaths: {type: 'string'},
	rot: {type: 'string'},
	crashes: {type: 'string'},
	without: {type: 'string'},
	grace: {type: 'string'},
	help: {type: 'boolean', default: false},
} as const;

const ofLarge = [
	'nodes',
	'files',
	'chunks',
	'years',
	'naps',
	'outages',
	'deaths',
	'rot',
	'crashes',
	'without',
	'grace',
] as const;
const ofShort = ['seeds', 'count', 'days'] as const;

/** What is wrong with the command line, for a person. */
export class UsageError extends Error {}

const MOST_SEED = Number.MAX_SAFE_INTEGER;

const wholeOf = (flag: string, text: string, least: number, most: number): number => {
	const value = Number(text);
	if (/^\d+$/.test(text) && value >= least && value <= most) return value;
	throw new UsageError(`--${flag} is ${text}. Allowed: a whole number from ${least} to ${most}`);
};

const numberOf = (flag: string, text: string, least: number, most: number): number => {
	const value = Number(text);
	if (/^\d+(\.\d+)?$/.test(text) && value >= least && value <= most) return value;
	throw new UsageError(`--${flag} is ${text}. Allowed: a number from ${least} to ${most}`);
};

const valuesOf = (argv: string[]) => {
	try {
		return parseArgs({args: argv, options: flags}).values;
	} catch (error) {
		throw new UsageError((error as Error).message, {cause: error});
	}
};

type Values = ReturnType<typeof valuesOf>;

const rangeOf = ({seed = '1', seeds, count}: Values): {first: number; last: number} => {
	if (seeds === undefined) {
		const first = wholeOf('seed', seed, 0, MOST_SEED);
		return {first, last: first + (count === undefined ? 1 : wholeOf('count', count, 1, 1_000_000)) - 1};
	}

	const [, from = '', to = ''] = /^(\d+)\.\.(\d+)$/.exec(seeds) ?? [];
	const [first, last] = [Number(from), Number(to)];
	if (from !== '' && first <= last && last <= MOST_SEED) return {first, last};
	throw new UsageError(`--seeds is ${seeds}. Allowed: the first and the last, as 1..500`);
};

const isPart = (text: string): text is LargePart => (largeParts as readonly string[]).includes(text);

const partsOf = (text: string): LargePart[] => {
	const parts = text === 'none' ? [] : text.split(',');
	if (parts.every(isPart)) return parts;
	throw new UsageError(`--without is ${text}. Allowed: none, or some of ${largeParts.join(', ')} with commas between`);
};

const largePlanOf = (values: Values): LargePlan => {
	const plan: LargePlan = {
		kind: 'large',
		seed: wholeOf('seed', values.seed ?? '1', 0, MOST_SEED),
		nodes: wholeOf('nodes', values.nodes ?? '10000', 3, 100_000),
		files: wholeOf('files', values.files ?? '1000', 1, 10_000_000),
		chunksPerFile: wholeOf('chunks', values.chunks ?? '10', 1, 10_000),
		years: numberOf('years', values.years ?? '1', 0.01, 100),
		rates: {
			naps: numberOf('naps', values.naps ?? '6', 0, 10_000),
			outages: numberOf('outages', values.outages ?? '0.2', 0, 10_000),
			deaths: numberOf('deaths', values.deaths ?? '0.05', 0, 100),
			rot: numberOf('rot', values.rot ?? '1', 0, 10_000),
			crashes: numberOf('crashes', values.crashes ?? '12', 0, 10_000),
		},
		without: partsOf(values.without ?? 'moves,audits'),
		graceMinutes: numberOf('grace', values.grace ?? '15', 3, 10_000),
	};
	const chunks = plan.files * plan.chunksPerFile;
	if (chunks > 10_000_000) {
		throw new UsageError(`${chunks} chunks take too much memory. Allowed: --files times --chunks up to 10000000`);
	}

	return plan;
};

/**
What a command line asks for, or `undefined` where it asks for help.

@throws {UsageError}
*/
export const planOf = (argv: string[]): Plan | undefined => {
	const values = valuesOf(argv);
	if (values.help) return undefined;
	const large = ofLarge.find(flag => values[flag] !== undefined);
	if (large === undefined) {
		if (values.seeds !== undefined && (values.seed !== undefined || values.count !== undefined)) {
			throw new UsageError('--seeds says which seeds already. Leave --seed and --count out');
		}

		const faultyDays = numberOf('days', values.days ?? '0.1', 0.01, 365);
		return {kind: 'short', ...rangeOf(values), faultyDays, isTraced: values.trace};
	}

	const short = values.trace ? 'trace' : ofShort.find(flag => values[flag] !== undefined);
	if (short !== undefined) throw new UsageError(`--${short} is for small networks, --${large} for a large one. Choose`);
	return largePlanOf(values);
};
