import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {benchCatalog} from './catalog.js';
import {consoleReportOf} from './console-figures.js';
import {benchConsole} from './console.js';
import {startFloor} from './floor.js';
import {machineLines, spaceProblem} from './machine.js';
import {type NetworkOptions, startNetwork} from './network.js';
import {type Options, optionsOf, type Part, usage, UsageError} from './options.js';
import type {Party} from './party.js';
import {type Keep, runBig, runMany, runManyByTus, runSmall, warmUp} from './phases.js';
import {profileSummary} from './profile.js';
import {benchLatency, latencyReportOf} from './latency.js';
import {benchRepair, repairReportOf} from './repair.js';
import {
	accountsComparison,
	comparisonReportOf,
	conclusionOf,
	linksComparison,
	tusComparison,
	reportOf,
	type Results,
} from './report.js';

/**
`npm run bench`: what the network does on this machine, beside what a bare pipeline does in the same run. Exit code 1
where a bar is missed, 2 where the command line is wrong.
*/
type Print = (text: string) => void;

/** In this order: small files come first, since removing large ones slows the making of small ones for a while. */
const loads = [
	{part: 'small', run: runSmall},
	{part: 'upload', run: runBig},
	{part: 'many', run: runMany},
] as const satisfies {part: Part; run: typeof runBig}[];

const isLoad = (part: Part): boolean => part === 'upload' || part === 'small' || part === 'many';

const wants = ({only}: Options, part: Part): boolean =>
	only.length === 0 || only.includes(part) || (isLoad(part) && only.every(each => each === 'floor'));

const keeper = (results: Results, print: Print): Keep => {
	return (phase, {name}, sample) => {
		const runs = results.get(phase) ?? {floor: [], ours: []};
		results.set(phase, runs);
		runs[name].push(sample);
		const speed = `${(sample.bytes / 1e6 / sample.seconds).toFixed(0)} MB/s`;
		print(`  ${phase.padEnd(10)} ${name.padEnd(5)} run ${runs[name].length}: ${sample.seconds.toFixed(2)} s, ${speed}`);
	};
};

const runLoads = async (options: Options, parties: readonly Party[], print: Print): Promise<Results> => {
	const results: Results = new Map();
	const keep = keeper(results, print);
	await warmUp(parties);
	for (const {run} of loads.filter(({part}) => wants(options, part))) {
		for (let count = 0; count < options.runs; count++) {
			await run(parties, options.load, keep);
		}
	}

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

type Compared = {
	plain: NetworkOptions;
	other: NetworkOptions;
	loads: readonly (typeof runBig)[];
	/** What the other one does without the plainer one. */
	alone?: readonly (typeof runBig)[];
};

/** A network beside a plainer one, which stands in the floor's place. */
const compareNetworks = async (
	options: Options,
	{plain, other, loads: compared, alone = []}: Compared,
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
		for (const run of compared) {
			for (let count = 0; count < options.runs; count++) await run(parties, options.load, keep);
		}

		for (const run of alone) {
			for (let count = 0; count < options.runs; count++) await run(parties.slice(1), options.load, keep);
		}

		return results;
	} finally {
		await Promise.all(parties.map(async party => party.stop()));
		await rm(folder, {recursive: true, force: true});
	}
};

/** The catalogue says in its lines whether it meets its bars. */
const catalogMeetsBars = async (print: Print): Promise<boolean> => {
	let meets = true;
	await benchCatalog(line => {
		meets &&= !line.endsWith('MISSED');
		print(line);
	});
	return meets;
};

const bench = async (options: Options): Promise<boolean> => {
	const print: Print = text => void (options.isJson ? process.stderr : process.stdout).write(`${text}\n`);
	const machine = await machineLines(options);
	print(machine.join('\n'));
	const wantsLoads = loads.some(({part}) => wants(options, part));
	const {manyBytes, manyByTusBytes} = options.load;
	const problem =
		(wantsLoads ? await spaceProblem(options, manyBytes) : undefined) ??
		(wants(options, 'tus') ? await spaceProblem(options, manyByTusBytes) : undefined);
	if (problem) throw new UsageError(problem);

	const results = wantsLoads ? await benchNetwork(options, print) : (new Map() as Results);
	const {text, verdicts} = reportOf(results);
	if (wantsLoads) print(`\n${text}\n`);

	// What accounts, tickets and all that goes with them cost.
	const accounts = wants(options, 'accounts')
		? await compareNetworks(options, {plain: {isOpen: true}, other: {}, loads: [runSmall, runBig]}, print)
		: (new Map() as Results);
	const accountsReport = comparisonReportOf(accounts, accountsComparison);
	if (accounts.size > 0) print(`\n${accountsReport.text}\n`);
	verdicts.push(...accountsReport.verdicts);

	const links = wants(options, 'links')
		? await compareNetworks(options, {plain: {}, other: {isLinked: true}, loads: [runSmall, runBig]}, print)
		: (new Map() as Results);
	const linksReport = comparisonReportOf(links, linksComparison);
	if (links.size > 0) print(`\n${linksReport.text}\n`);
	verdicts.push(...linksReport.verdicts);

	const tus = wants(options, 'tus')
		? await compareNetworks(options, {plain: {}, other: {isByTus: true}, loads: [runBig], alone: [runManyByTus]}, print)
		: (new Map() as Results);
	const tusReport = comparisonReportOf(tus, tusComparison);
	if (tus.size > 0) print(`\n${tusReport.text}\n`);
	verdicts.push(...tusReport.verdicts);

	const repair = wants(options, 'repair') ? await benchRepair(options, print) : undefined;
	const repairReport = repair && repairReportOf(repair);
	if (repairReport) print(`\n${repairReport.text}\n`);
	verdicts.push(...(repairReport?.verdicts ?? []));

	const latency = wants(options, 'latency') ? await benchLatency(options, print) : [];
	const latencyReport = latencyReportOf(latency);
	if (latency.length > 0) print(`\n${latencyReport.text}\n`);
	verdicts.push(...latencyReport.verdicts);

	const catalogPasses = !wants(options, 'catalog') || (await catalogMeetsBars(print));
	const console = wants(options, 'console') ? await benchConsole(options, print) : new Map<never, never>();
	const consoleReport = consoleReportOf(console);
	if (console.size > 0) print(`\n${consoleReport.text}\n`);
	verdicts.push(...consoleReport.verdicts);

	print(`\n${conclusionOf(verdicts)}${catalogPasses ? '' : '\nFAIL  the catalogue misses a bar, see above'}`);
	if (options.isJson) {
		process.stdout.write(
			`${JSON.stringify({machine, phases: Object.fromEntries(results), accounts: Object.fromEntries(accounts), links: Object.fromEntries(links), tus: Object.fromEntries(tus), repair, latency, console: Object.fromEntries(console), verdicts, catalogPasses})}\n`,
		);
	}

	return catalogPasses && verdicts.every(({passes}) => passes);
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
