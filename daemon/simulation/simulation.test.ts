import test from 'ava';
import {runShort, type ShortResult} from './short-run.js';

const SEEDS = 500;
const FAULTY_DAYS = 0.25;

/** Seeds that showed a fault once, and how long things went wrong in that run. */
const remembered: readonly [seed: number, faultyDays: number, fault: string][] = [
	[12, 0.25, 'a node that came back while its copies were given up kept them for ever'],
];

const tellOf = ({seed, problem, digest}: ShortResult, faultyDays: number): string =>
	`seed ${seed}, end state ${digest}: ${problem}\nagain: npm run simulate -- --seed ${seed} --days ${faultyDays} --trace`;

test('networks in which everything goes wrong keep their promises, and are whole again once nothing does', async t => {
	t.timeout(15 * 60_000);
	const sums: Record<string, number> = {};
	for (let seed = 1; seed <= SEEDS; seed++) {
		const result = await runShort({seed, faultyDays: FAULTY_DAYS});
		if (result.problem !== undefined) t.fail(tellOf(result, FAULTY_DAYS));
		for (const [name, count] of Object.entries({...result.faults, ...result.users})) {
			sums[name] = (sums[name] ?? 0) + count;
		}
	}

	for (const [name, count] of Object.entries(sums)) t.true(count > SEEDS / 10, `only ${count} times: ${name}`);
	t.log(sums);
});

for (const [seed, faultyDays, fault] of remembered) {
	test(`seed ${seed}, where ${fault}`, async t => {
		t.timeout(60_000);
		const result = await runShort({seed, faultyDays});
		t.is(result.problem, undefined, tellOf(result, faultyDays));
	});
}

test('the same seed gives the same run, to the last record', async t => {
	t.timeout(60_000);
	const first: string[] = [];
	const second: string[] = [];
	const one = await runShort({seed: 7, faultyDays: FAULTY_DAYS, trace: text => first.push(text)});
	const other = await runShort({seed: 7, faultyDays: FAULTY_DAYS, trace: text => second.push(text)});
	t.deepEqual(other, one);
	t.deepEqual(second, first);
	const another = await runShort({seed: 8, faultyDays: FAULTY_DAYS});
	t.not(another.digest, one.digest);
});
