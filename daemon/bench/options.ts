import {tmpdir} from 'node:os';
import {resolve} from 'node:path';
import {parseArgs} from 'node:util';
import {parseSize} from '../../source/protocol/units.js';
import type {Load} from './phases.js';

export const parts = [
	'floor',
	'upload',
	'small',
	'many',
	'accounts',
	'links',
	'tus',
	'repair',
	'catalog',
	'console',
	'latency',
	'growth',
	'crowd',
	'nginx',
] as const;
export type Part = (typeof parts)[number];

export type Options = {
	runs: number;
	load: Load;
	/** What is stored before a node dies; without it, what the disk has room for. */
	repairBytes: number | undefined;
	/** What a network holds already that is compared with an empty one. */
	growth: {chunks: number; nodes: number};
	/** How many people send and fetch at once, each a file of so many bytes. */
	crowd: {files: number; bytes: number};
	/** What the coordinator is told besides. */
	settings: readonly string[];
	only: readonly Part[];
	folder: string;
	isProfiled: boolean;
	isJson: boolean;
};

/** Three of its own, and as many more as a chunk has copies. */
const LEAST_GROWTH_NODES = 6;

export const usage = `npm run bench -- [flags]
  --runs N         how often each part runs; default 3
  --size SIZE      the large file's size; default 1GiB
  --small N        how many files of 64 KiB; default 1000
  --many N         how many uploads at once; default 20
  --many-size SIZE how large each of those is; default 200MiB, by tus 500MiB
  --only PART      ${parts.join(', ')}; may be given several times.
                   upload is the large file up and down; floor is the floor's side without ours;
                   accounts is a network with them beside one without; links is one whose nodes open
                   links beside one that reaches them at addresses; tus is uploads by tus beside plain ones, and many
                   of them at once; repair is what a node's death costs; latency is how long a first byte, an
                   answer and an event take; growth is a network that holds much already beside an empty one; crowd is
                   many uploads at once and then many downloads; nginx is one node's shards beside nginx on the same disk
  --repair-size SIZE  what 6 nodes keep before one of them dies; default 20GiB, or less where the disk is small
  --growth-chunks N  how many chunks the grown network holds; default 1000000
  --growth-nodes N how many nodes it has, at least ${LEAST_GROWTH_NODES}; default 1000
  --crowd N        how many uploads and downloads at once; default 100
  --crowd-size SIZE  how large each of those is; default 100MiB
  --cache SIZE     what the coordinator keeps of small chunks; default its own. With 0B, each read is from the nodes
  --folder DIR     where to keep the data meanwhile; default the system's temporary folder
  --profile        write CPU profiles of ours and say what took the time; the figures suffer by it
  --json           print the figures as JSON on standard output, all else on standard error
  --help           print this
`;

const flags = {
	runs: {type: 'string', default: '3'},
	size: {type: 'string', default: '1GiB'},
	small: {type: 'string', default: '1000'},
	many: {type: 'string', default: '20'},
	'many-size': {type: 'string'},
	'repair-size': {type: 'string'},
	'growth-chunks': {type: 'string', default: '1000000'},
	'growth-nodes': {type: 'string', default: '1000'},
	crowd: {type: 'string', default: '100'},
	'crowd-size': {type: 'string', default: '100MiB'},
	cache: {type: 'string'},
	only: {type: 'string', multiple: true},
	folder: {type: 'string', default: tmpdir()},
	profile: {type: 'boolean', default: false},
	json: {type: 'boolean', default: false},
	help: {type: 'boolean', default: false},
} as const;

const MANY_BYTES = 200 * 1024 * 1024;
const MANY_BY_TUS_BYTES = 500 * 1024 * 1024;

/** What is wrong with the command line, for a person. */
export class UsageError extends Error {}

const countOf = (flag: string, text: string): number => {
	if (!/^[1-9]\d{0,7}$/.test(text))
		throw new UsageError(`--${flag} is ${text}. Allowed: a whole number from 1, of 8 digits at most`);
	return Number(text);
};

const growthOf = (chunks: string, nodes: string): Options['growth'] => {
	const growth = {chunks: countOf('growth-chunks', chunks), nodes: countOf('growth-nodes', nodes)};
	if (growth.nodes >= LEAST_GROWTH_NODES) return growth;
	throw new UsageError(`--growth-nodes is ${nodes}. Allowed: a whole number from ${LEAST_GROWTH_NODES}`);
};

const sizeOf = (flag: string, text: string): number => {
	const bytes = parseSize(text, 'B');
	if (!bytes) throw new UsageError(`--${flag} is ${text}. Allowed: a size such as 64MiB or 1GiB`);
	return bytes;
};

const partOf = (text: string): Part => {
	const part = parts.find(name => name === text);
	if (!part) throw new UsageError(`--only is ${text}. Allowed: ${parts.join(', ')}`);
	return part;
};

const valuesOf = (argv: string[]) => {
	try {
		return parseArgs({args: argv, options: flags}).values;
	} catch (error) {
		throw new UsageError((error as Error).message, {cause: error});
	}
};

/**
What a command line asks for, or `undefined` where it asks for help.

@throws {UsageError}
*/
export const optionsOf = (argv: string[]): Options | undefined => {
	const {runs, size, small, many, cache, only, folder, profile, json, help, ...sizes} = valuesOf(argv);
	if (help) return undefined;
	const {'repair-size': repair, 'many-size': manySize} = sizes;
	const manyBytes = manySize === undefined ? undefined : sizeOf('many-size', manySize);
	return {
		runs: countOf('runs', runs),
		load: {
			bigBytes: sizeOf('size', size),
			smallFiles: countOf('small', small),
			smallBytes: 64 * 1024,
			manyFiles: countOf('many', many),
			manyBytes: manyBytes ?? MANY_BYTES,
			manyByTusBytes: manyBytes ?? MANY_BY_TUS_BYTES,
		},
		growth: growthOf(sizes['growth-chunks'], sizes['growth-nodes']),
		crowd: {files: countOf('crowd', sizes.crowd), bytes: sizeOf('crowd-size', sizes['crowd-size'])},
		repairBytes: repair === undefined ? undefined : sizeOf('repair-size', repair),
		settings: cache === undefined ? [] : ['--cache', cache],
		only: only?.map(partOf) ?? [],
		folder: resolve(folder),
		isProfiled: profile,
		isJson: json,
	};
};
