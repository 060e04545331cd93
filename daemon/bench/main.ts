import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {keeper, type Print, type RunLoad, runInTurn} from './compare.js';
import {startFloor} from './floor.js';
import {machineLines, spaceProblem, storedByLoads} from './machine.js';
import {startNetwork} from './network.js';
import {type Options, optionsOf, type Part, usage, UsageError} from './options.js';
import type {Party} from './party.js';
import {runBigRead, runMany, runSmall, warmUp} from './phases.js';
import {profileSummary} from './profile.js';
import {conclusionOf, reportOf, type Results, type Verdict} from './report.js';
import {sections, sectionsProblem} from './sections.js';

/**
`npm run bench`: what the network does on this machine, beside what a bare pipeline does in the same run. Exit code 1
where a bar is missed, 2 where the command line is wrong.
*/
/** In this order: small files come first, since removing large ones slows the making of small ones for a while. */
const loads = [
	{part: 'small', run: runSmall},
	{part: 'upload', run: runBigRead},
	{part: 'many', run: runMany},
] as const satisfies {part: Part; run: RunLoad}[];

const isLoad = (part: Part): boolean => part === 'upload' || part === 'small' || part === 'many';

const wants = ({only}: Options, part: Part): boolean =>
	only.length === 0 || only.includes(part) || (isLoad(part) && only.every(each => each === 'floor'));

const runLoads = async (options: Options, parties: readonly Party[], print: Print): Promise<Results> => {
	const results: Results = new Map();
	const keep = keeper(results, print);
	await warmUp(parties);
	const wanted = loads.filter(({part}) => wants(options, part)).map(({run}) => run);
	await runInTurn(options, parties, {loads: wanted, keep});
	return results;
};

/** Starts both sides, measures, and leaves nothing behind, also where it fails. */
const benchNetwork = async (options: Options, print: Print): Promise<Results> => {
	const {settings} = options;
	const folder = await mkdtemp(join(options.folder, 'pjas-bench-'));
	const profileFolder = options.isProfiled ? await mkdtemp(join(tmpdir(), 'pjas-profile-')) : undefined;
	const parties: Party[] = [];
	const endNow = async (): Promise<void> => {
		await Promise.all(parties.map(async party => party.stop()));
		await rm(folder, {recursive: true, force: true});
	};

	// A signal makes what is running fail, so that both ways come here.
	let ending: Promise<void> | undefined;
	const end = async (): Promise<void> => (ending ??= endNow());
	for (const signal of ['SIGINT', 'SIGTERM'] as const) {
		process.once(signal, () => void end().finally(() => process.exit(1)));
	}

	try {
		parties.push(await startFloor(folder));
		if (!options.only.includes('floor')) parties.push(await startNetwork(folder, {profileFolder, settings}));
		return await runLoads(options, parties, print);
	} catch (error) {
		for (const party of parties) {
			print(await party.explain());
		}

		throw error;
	} finally {
		await end();
		if (profileFolder) print(await profileSummary(profileFolder));
	}
};

const bench = async (options: Options): Promise<boolean> => {
	const print: Print = text => void (options.isJson ? process.stderr : process.stdout).write(`${text}\n`);
	const {folder, load} = options;
	const machine = await machineLines(options);
	print(machine.join('\n'));
	const wantsLoads = loads.some(({part}) => wants(options, part));
	const problem =
		(wantsLoads ? await spaceProblem(folder, storedByLoads(load, load.manyBytes)) : undefined) ??
		(await sectionsProblem(
			sections.filter(({part}) => wants(options, part)),
			options,
		));
	if (problem) throw new UsageError(problem);

	const verdicts: Verdict[] = [];
	const figures: Record<string, unknown> = {};
	if (wantsLoads) {
		const results = await benchNetwork(options, print);
		const report = reportOf(results);
		print(`\n${report.text}\n`);
		verdicts.push(...report.verdicts);
		figures['phases'] = Object.fromEntries(results);
	}

	for (const {part, run} of sections.filter(({part}) => wants(options, part))) {
		const measured = await run(options, print);
		if (measured.text !== undefined) print(`\n${measured.text}\n`);
		verdicts.push(...measured.verdicts);
		figures[part] = measured.figures;
	}

	print(`\n${conclusionOf(verdicts)}`);
	if (options.isJson) process.stdout.write(`${JSON.stringify({machine, ...figures, verdicts})}\n`);
	return verdicts.every(({passes}) => passes);
};

try {
	const options = optionsOf(process.argv.slice(2));
	if (options) process.exitCode = (await bench(options)) ? 0 : 1;
	else process.stdout.write(usage);
} catch (error) {
	if (!(error instanceof UsageError)) throw error;
	process.stderr.write(`${error.message}\n\n${usage}`);
	process.exitCode = 2;
}
