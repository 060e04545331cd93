import {once} from 'node:events';
import {mkdtemp, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {fork} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {keeper, type Print, runInTurn} from './compare.js';
import {askForked, endForked, type Forked, startForked} from './forked.js';
import type {GrowthFigures} from './growth-report.js';
import {placementsMs} from './growth-placement.js';
import type {BeatTask} from './growth-nodes.js';
import {usageOf} from './measure.js';
import {type Network, startNetwork} from './network.js';
import type {Options} from './options.js';
import {runBig, runSmall, warmUp} from './phases.js';
import type {Stats} from '../../source/protocol/api.js';

const REAL_NODES = 3;
const SMALL_BYTES = 64 * 1024;
const LISTED_FILES = 300;
const PAGE = 100;
const ASKED = 20;
const FILL_WITHIN_MS = 30 * 60_000;
const START_WITHIN_MS = 5 * 60_000;
const QUIET_WITHIN_MS = 5 * 60_000;
const QUIET_FOR_MS = 2000;
const QUIET_SHARE = 0.1;
const MB = 1e6;
const GROWN_SETTINGS = ['--repair-grace', '1h'];

type Sides = {empty: Network; grown: Network};

/** What the coordinator of a network has used. */
const coordinatorOf = ({members: [coordinator]}: Network) => usageOf(coordinator?.pid ?? 0);

const peakMb = (network: Network): number => coordinatorOf(network).peakBytes / MB;

/** Makes a past, in a process of its own. Returns how many chunks it came to in the time that it has, or until it failed. */
const fill = async (args: readonly string[], wanted: number, print: Print): Promise<number> => {
	const child = fork(fileURLToPath(new URL('growth-fill.js', import.meta.url)), args, {execArgv: []});
	let chunks = 0;
	let told = 0;
	child.on('message', (message: {chunks: number}) => {
		({chunks} = message);
		if (chunks < told + wanted / 10) return;
		told = chunks;
		print(`  growth        ${chunks.toLocaleString('en')} chunks are made`);
	});
	const [code] = (await once(child, 'exit')) as [number | null];
	if (code !== 0) print(`  growth        what makes the chunks ended with ${code ?? 'a signal'}`);
	return code === 0 ? chunks : 0;
};

/** Waits until what a coordinator does at its start is done: its CPU is idle but for a tenth. Returns the seconds. */
const quiet = async (network: Network): Promise<number> => {
	const started = performance.now();
	const passed = () => performance.now() - started;
	for (let before = coordinatorOf(network).cpuSeconds; passed() < QUIET_WITHIN_MS;) {
		await delay(QUIET_FOR_MS);
		const now = coordinatorOf(network).cpuSeconds;
		if ((now - before) * 1000 < QUIET_SHARE * QUIET_FOR_MS) break;
		before = now;
	}

	return passed() / 1000;
};

const onlineNodes = async (network: Network): Promise<number> =>
	(await network.get<{stats: Stats}>('/api/stats')).stats.onlineNodes;

const msOf = async (work: () => Promise<unknown>): Promise<number> => {
	const start = performance.now();
	await work();
	return performance.now() - start;
};

/** Asks for a page of the listing that must have so many files. */
const list = async ({get}: Network, query: string, wanted: number): Promise<void> => {
	const {count} = await get<{count: number}>(`/api/files?limit=${PAGE}${query}`);
	if (count !== wanted) throw new Error(`The listing${query} has ${count} files, not ${wanted}`);
};

/** What people ask, by its title. */
const questions: {title: string; ask: (network: Network) => Promise<unknown>}[] = [
	{title: 'the newest page of the listing', ask: async network => list(network, '', PAGE)},
	{title: 'the stats', ask: async ({get}) => get('/api/stats')},
	{title: 'a search that finds at once', ask: async network => list(network, '&q=bench', PAGE)},
	{title: 'a search that finds nothing', ask: async network => list(network, '&q=nowhere', 0)},
	{title: 'an upload of 64 KiB alone', ask: async ({upload}) => upload(SMALL_BYTES)},
];

/** Asks both the same in turn. The first answers don't count. */
const askBoth = async ({empty, grown}: Sides, print: Print): Promise<GrowthFigures['asked']> => {
	const asked: GrowthFigures['asked'] = [];
	for (const {title, ask} of questions) {
		const ms: {empty: number[]; grown: number[]} = {empty: [], grown: []};
		for (let count = 0; count <= ASKED; count++) {
			const emptyMs = await msOf(async () => ask(empty));
			const grownMs = await msOf(async () => ask(grown));
			if (count === 0) continue;
			ms.empty.push(emptyMs);
			ms.grown.push(grownMs);
		}

		print(`  growth        asked for ${title}`);
		asked.push({title, ...ms});
	}

	return asked;
};

const measure = async (sides: Sides, options: Options, print: Print) => {
	const {empty, grown} = sides;
	const results: GrowthFigures['results'] = new Map();
	for (let count = 0; count < LISTED_FILES; count++) {
		await empty.upload(SMALL_BYTES);
		await grown.upload(SMALL_BYTES);
	}

	await warmUp([empty, grown]);
	const asked = await askBoth(sides, print);
	await runInTurn(options, [empty, grown], {loads: [runSmall, runBig], keep: keeper(results, print)});
	return {asked, results};
};

type Folders = {listings: string; standIns: Forked};

/** Gives a network its past, and starts its coordinator with it. */
const grow = async (
	network: Network,
	{growth, settings}: Options,
	{listings, standIns}: Folders,
	print: Print,
): Promise<Pick<GrowthFigures, 'madeChunks' | 'startSeconds' | 'startProblem'>> => {
	const nodes = growth.nodes - REAL_NODES;
	const origin = `http://127.0.0.1:${standIns.port}`;
	let madeChunks = 0;
	const meanwhile = async (dataFolder: string) => {
		const args = [dataFolder, listings, String(growth.chunks), String(nodes), origin, String(FILL_WITHIN_MS)];
		madeChunks = await fill(args, growth.chunks, print);
		if (madeChunks > 0) await askForked(standIns, {coordinatorPort: network.port} satisfies BeatTask);
	};
	try {
		const restart = {settings: [...settings, ...GROWN_SETTINGS], meanwhile, withinMs: START_WITHIN_MS};
		return {startSeconds: await network.restart(restart), madeChunks};
	} catch (error) {
		return {startSeconds: Number.NaN, madeChunks, startProblem: (error as Error).message};
	}
};

const compare = async (sides: Sides, options: Options, folders: Folders, print: Print): Promise<GrowthFigures> => {
	const {empty, grown} = sides;
	const {growth, settings} = options;
	const emptySeconds = await empty.restart({settings: [...settings, ...GROWN_SETTINGS]});
	const start = await grow(grown, options, folders, print);
	const figures: GrowthFigures = {
		wantedChunks: growth.chunks,
		nodes: growth.nodes,
		...start,
		...{emptySeconds, emptyPeakMb: Number.NaN, grownPeakMb: Number.NaN, asked: [], results: new Map()},
		placementMs: {empty: placementsMs(REAL_NODES), grown: placementsMs(growth.nodes)},
	};
	if (start.startProblem !== undefined || start.madeChunks === 0) return figures;
	print(`  growth        the coordinator answers ${start.startSeconds.toFixed(1)} s after its start`);
	const quietSeconds = await quiet(grown);
	const there = await onlineNodes(grown);
	print(`  growth        it is quiet ${quietSeconds.toFixed(0)} s later; ${there} of ${growth.nodes} nodes are online`);
	const peaks = {emptyPeakMb: peakMb(empty), grownPeakMb: peakMb(grown)};
	return {...figures, ...peaks, ...(await measure(sides, options, print))};
};

/**
A network with many chunks and nodes beside one that holds nothing. Both have three nodes of their own; the other nodes of the
grown one are stood in for by one process, and have no room, so that uploads go to the three on both sides.
*/
export const benchGrowth = async (options: Options, print: Print): Promise<GrowthFigures> => {
	const folder = await mkdtemp(join(options.folder, 'pjas-bench-'));
	const listings = join(folder, 'listings');
	const networks: Network[] = [];
	const standIns = await startForked('growth-nodes.js', [listings]);
	try {
		// Nodes without keys are let in where the network is open.
		const shared = {isOpen: true, settings: options.settings};
		const empty = await startNetwork(join(folder, 'empty'), {...shared, name: 'floor'});
		networks.push(empty);
		const grown = await startNetwork(join(folder, 'grown'), shared);
		networks.push(grown);
		return await compare({empty, grown}, options, {listings, standIns}, print);
	} catch (error) {
		for (const network of networks) print(await network.explain());
		throw error;
	} finally {
		await Promise.all(networks.map(async network => network.stop()));
		await endForked([standIns]);
		await rm(folder, {recursive: true, force: true});
	}
};
