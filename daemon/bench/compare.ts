import {mkdtemp, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {type NetworkOptions, startNetwork} from './network.js';
import type {Options} from './options.js';
import type {Party} from './party.js';
import {type Keep, type runBig, warmUp} from './phases.js';
import type {Results} from './report.js';

export type Print = (text: string) => void;
export type RunLoad = typeof runBig;

/** Keeps what is measured, and says each of it at once. */
export const keeper = (results: Results, print: Print): Keep => {
	return (phase, {name}, sample) => {
		const runs = results.get(phase) ?? {floor: [], ours: []};
		results.set(phase, runs);
		runs[name].push(sample);
		const speed = `${(sample.bytes / 1e6 / sample.seconds).toFixed(0)} MB/s`;
		print(`  ${phase.padEnd(10)} ${name.padEnd(5)} run ${runs[name].length}: ${sample.seconds.toFixed(2)} s, ${speed}`);
	};
};

/** Runs these one after the other, each as often as is asked for, both parties in turn. */
export const runInTurn = async (
	{runs, load}: Pick<Options, 'runs' | 'load'>,
	parties: readonly Party[],
	{loads, keep}: {loads: readonly RunLoad[]; keep: Keep},
): Promise<void> => {
	for (const run of loads) {
		for (let count = 0; count < runs; count++) await run(parties, load, keep);
	}
};

export type Compared = {
	plain: NetworkOptions;
	other: NetworkOptions;
	loads: readonly RunLoad[];
	/** What the other one does without the plainer one. */
	alone?: readonly RunLoad[];
};

/** A network beside a plainer one, which stands in the floor's place. */
export const compareNetworks = async (
	options: Options,
	{plain, other, loads, alone = []}: Compared,
	print: Print,
): Promise<Results> => {
	const {settings} = options;
	const folder = await mkdtemp(join(options.folder, 'pjas-bench-'));
	const parties: Party[] = [];
	try {
		parties.push(await startNetwork(join(folder, 'plain'), {...plain, settings, name: 'floor'}));
		parties.push(await startNetwork(join(folder, 'other'), {...other, settings}));
		const results: Results = new Map();
		const keep = keeper(results, print);
		await warmUp(parties);
		await runInTurn(options, parties, {loads, keep});
		await runInTurn(options, parties.slice(1), {loads: alone, keep});
		return results;
	} finally {
		await Promise.all(parties.map(async party => party.stop()));
		await rm(folder, {recursive: true, force: true});
	}
};
