import {median, table} from './measure.js';
import {digits, ratioDigits, type Verdict} from './report.js';
import type {ShardFigures} from './shards.js';

const MB = 1e6;
const KIB = 1024;

const sizeText = (bytes: number): string => (bytes >= KIB * KIB ? `${bytes / KIB / KIB} MiB` : `${bytes / KIB} KiB`);

/** Each process beside the first, which is nginx where there is one: run by run, since only those compare. */
export const shardsReportOf = (figures: ShardFigures): {text: string; verdicts: Verdict[]} => {
	const rows: string[][] = [['', 'shards/s', 'MB/s', 'CPU ms/shard', `/ ${figures[0]?.keeper ?? ''}`]];
	for (const sizeBytes of new Set(figures.map(each => each.sizeBytes))) {
		const some = figures.filter(each => each.sizeBytes === sizeBytes);
		for (const operation of ['put', 'get'] as const) {
			rows.push([''], [`${operation.toUpperCase()} of ${some[0]?.shards ?? 0} shards of ${sizeText(sizeBytes)}`]);
			for (const each of some) {
				const perSecond = median(each[operation].map(({seconds}) => each.shards / seconds));
				const cpuMs = median(each[operation].map(({cpuSeconds}) => (cpuSeconds * 1000) / each.shards));
				const first = some[0]?.[operation] ?? [];
				const ratio = median(each[operation].map(({seconds}, run) => (first[run]?.seconds ?? Number.NaN) / seconds));
				const cells = [digits(perSecond), digits((perSecond * sizeBytes) / MB), digits(cpuMs), ratioDigits(ratio)];
				rows.push([`  ${each.keeper}`, ...cells]);
			}
		}
	}

	return {text: table(rows), verdicts: []};
};
