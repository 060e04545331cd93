import {type LargeResult, YEAR_MS} from './large-run.js';
import type {LargePlan} from './options.js';
import type {ShortResult} from './short-run.js';

const MINUTE_MS = 60_000;

/** The value below which a share of sorted values lies. */
export const quantileOf = (sorted: readonly number[], share: number): number | undefined =>
	sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

const sumsOf = (records: readonly Record<string, number>[]): string => {
	const sums = new Map<string, number>();
	for (const record of records) {
		for (const [name, count] of Object.entries(record)) sums.set(name, (sums.get(name) ?? 0) + count);
	}

	return [...sums]
		.sort(([one], [other]) => (one < other ? -1 : 1))
		.map(([name, count]) => `${count} ${name}`)
		.join(', ');
};

export const shortReportOf = (results: readonly ShortResult[]): string => {
	const broken = results.filter(({problem}) => problem !== undefined);
	const hours = results.map(({healedAfterHours}) => healedAfterHours).sort((a, b) => a - b);
	return [
		`${results.length} seeds, ${broken.length} broken${broken.length > 0 ? `: ${broken.map(({seed}) => seed).join(' ')}` : ''}`,
		`faults: ${sumsOf(results.map(({faults}) => faults))}`,
		`people: ${sumsOf(results.map(({users}) => users))}`,
		`at rest after the last fault: p50 ${quantileOf(hours, 0.5) ?? 0} h, at most ${hours.at(-1) ?? 0} h`,
	].join('\n');
};

const minutes = (ms: number | undefined) => (ms === undefined ? 'none' : `${(ms / MINUTE_MS).toFixed(1)} min`);

type Machine = {cpuSeconds: number; peakMib: number; plannerUs: number};

export const largeReportOf = (plan: LargePlan, result: LargeResult, machine: Machine): string => {
	const {nodes, years, seed} = plan;
	const {chunks, lostChunks, reducedMs, copiesMade, shardsMoved, bytesMoved, counts, digest, events, world} = result;
	const chunkYears = chunks * years;
	const days = (years * YEAR_MS) / 86_400_000;
	const rate = lostChunks === 0 ? `0 (below ${(3 / chunkYears).toExponential(1)} at 95%)` : lostChunks / chunkYears;
	return [
		`seed ${seed}: ${nodes} nodes, ${chunks} chunks of 10 MiB in three copies, ${years} years, grace ${plan.graceMinutes} min`,
		`what happened        ${Object.entries(counts)
			.map(([name, count]) => `${count} ${name}`)
			.join(', ')}; ${world.members.size} nodes in all`,
		`chunks lost          ${lostChunks}; in a chunk-year ${rate}`,
		`copies made          ${copiesMade}, and ${shardsMoved} shards moved${plan.without.length > 0 ? `; without ${plan.without.join(', ')}` : ''}`,
		`healing traffic      ${(bytesMoved / nodes / days / 1024 ** 2).toFixed(2)} MiB written for each node and day`,
		`reduced redundancy   p50 ${minutes(quantileOf(reducedMs, 0.5))}, p99 ${minutes(quantileOf(reducedMs, 0.99))}`,
		`planner              ${machine.plannerUs.toFixed(0)} µs for a chunk, with all nodes to choose from`,
		`this machine         ${machine.cpuSeconds.toFixed(0)} s of CPU, at most ${machine.peakMib.toFixed(0)} MiB, ${events} events`,
		`end state            ${digest}`,
	].join('\n');
};
