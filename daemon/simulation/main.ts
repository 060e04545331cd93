import {setFlagsFromString} from 'node:v8';
import {type ChunkRecord, wantedShards} from '../core/model.js';
import {planRepair} from '../core/repair.js';
import {chanceOf} from './chance.js';
import {type LargeResult, runLarge} from './large-run.js';
import {type LargePlan, planOf, type ShortPlan, usage, UsageError} from './options.js';
import {largeReportOf, shortReportOf} from './report.js';
import {runShort, type ShortResult} from './short-run.js';
import {filePages} from './whole-catalog.js';

/**
`npm run simulate`: networks in virtual time, with faults from a seed. Exit code 1 where a promise was broken, 2 where the
command line is wrong.
*/
const print = (text: string) => void process.stdout.write(`${text}\n`);

const PLANNED_CHUNKS = 500;
/** How much garbage there may be beside what is in use: left alone, V8 lets a large heap grow to more than twice that. */
const GARBAGE_PERCENT = 50;

const simulateSmall = async ({first, last, faultyDays, isTraced}: ShortPlan): Promise<boolean> => {
	const results: ShortResult[] = [];
	let broken = 0;
	for (let seed = first; seed <= last; seed++) {
		const result = await runShort({seed, faultyDays, ...(isTraced && {trace: print})});
		if (result.problem !== undefined) {
			broken++;
			print(`seed ${seed}, end state ${result.digest}: ${result.problem}`);
			print(`again: npm run simulate -- --seed ${seed} --days ${faultyDays} --trace`);
		}

		if (last - first < 20) print(`seed ${seed}: end state ${result.digest}`);
		else if ((seed - first) % 500 === 499) print(`${seed - first + 1} seeds, ${broken} broken`);
		results.push(result);
	}

	print(shortReportOf(results));
	return broken === 0;
};

/** How long the planner takes for a chunk that lost a copy, in microseconds, with all nodes to choose from. */
const plannerTimeUs = async ({world}: LargeResult): Promise<number> => {
	const coordinator = world.coordinator();
	if (!coordinator) return Number.NaN;
	const chunks: ChunkRecord[] = [];
	for await (const page of filePages(world.catalog, PLANNED_CHUNKS)) {
		for (const chunk of page.chunks) if (chunk.shards.length >= wantedShards(chunk.scheme)) chunks.push(chunk);
		if (chunks.length >= PLANNED_CHUNKS) break;
	}

	const short = chunks.slice(0, PLANNED_CHUNKS).map(chunk => ({...chunk, shards: chunk.shards.slice(1)}));
	const pool = coordinator.fleet.pool();
	const byId = new Map(pool.all().map(node => [node.id, {...node, presence: 'online' as const, since: 0}]));
	const view = {node: (id: ChunkRecord['shards'][number]['node']) => byId.get(id), pool, graceMs: 0};
	const startMs = performance.now();
	planRepair({...view, chunks: short}, world.wallMs(), chanceOf(1).float);
	return ((performance.now() - startMs) * 1000) / Math.max(1, short.length);
};

const simulateLarge = async (plan: LargePlan): Promise<boolean> => {
	const {graceMinutes, ...rest} = plan;
	setFlagsFromString(`--heap-growing-percent=${GARBAGE_PERCENT}`);
	const progress = (text: string) => {
		const {user, system} = process.cpuUsage();
		const mib = process.memoryUsage().rss / 1024 ** 2;
		print(`${((user + system) / 1e6).toFixed(0).padStart(6)} s CPU ${mib.toFixed(0).padStart(5)} MiB  ${text}`);
	};
	const result = await runLarge({...rest, graceMs: graceMinutes * 60_000, progress});
	const plannerUs = await plannerTimeUs(result);
	const {user, system} = process.cpuUsage();
	const machine = {cpuSeconds: (user + system) / 1e6, peakMib: process.resourceUsage().maxRSS / 1024, plannerUs};
	print(largeReportOf(plan, result, machine));
	return true;
};

const main = async (): Promise<number> => {
	try {
		const plan = planOf(process.argv.slice(2));
		if (!plan) {
			process.stdout.write(usage);
			return 0;
		}

		const isKept = plan.kind === 'short' ? await simulateSmall(plan) : await simulateLarge(plan);
		return isKept ? 0 : 1;
	} catch (error) {
		if (!(error instanceof UsageError)) throw error;
		process.stderr.write(`${error.message}\n\n${usage}`);
		return 2;
	}
};

process.exitCode = await main();
