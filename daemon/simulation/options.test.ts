import test from 'ava';
import {planOf, UsageError} from './options.js';

test('without flags, one small network is simulated', t => {
	t.deepEqual(planOf([]), {kind: 'short', first: 1, last: 1, faultyDays: 0.1, isTraced: false});
	t.is(planOf(['--help']), undefined);
});

test('seeds are one, a range, or so many from one on', t => {
	t.like(planOf(['--seed', '7']), {first: 7, last: 7});
	t.like(planOf(['--seeds', '3..9']), {first: 3, last: 9});
	t.like(planOf(['--seed', '10', '--count', '5', '--days', '2', '--trace']), {first: 10, last: 14, faultyDays: 2});
});

test('a flag of the large network asks for one', t => {
	const plan = planOf(['--seed', '4', '--nodes', '10000', '--files', '100000', '--years', '0.5', '--deaths', '0.1']);
	t.like(plan, {kind: 'large', seed: 4, nodes: 10_000, files: 100_000, chunksPerFile: 10, years: 0.5});
	t.deepEqual(plan?.kind === 'large' && plan.rates, {naps: 6, outages: 0.2, deaths: 0.1, rot: 1, crashes: 12});
});

test('a large network can do without what takes long', t => {
	const without = (argv: string[]) => {
		const plan = planOf(argv);
		return plan?.kind === 'large' && plan.without;
	};
	t.deepEqual(without(['--without', 'scrubs,moves']), ['scrubs', 'moves']);
	t.deepEqual(without(['--nodes', '10']), ['moves', 'audits']);
	t.deepEqual(without(['--without', 'none']), []);
});

const wrong: [argv: string[], problem: RegExp][] = [
	[['--seed', '-1'], /--seed|ambiguous/],
	[['--seed', '1.5'], /--seed is 1\.5/],
	[['--seeds', '9..3'], /--seeds is 9\.\.3/],
	[['--seeds', '5'], /1\.\.500/],
	[['--seeds', '1..2', '--seed', '1'], /Leave --seed/],
	[['--count', '0'], /--count is 0/],
	[['--days', 'many'], /--days is many/],
	[['--nodes', '2'], /from 3 to/],
	[['--nodes', '10', '--trace'], /--trace is for small networks/],
	[['--nodes', '10', '--days', '1'], /--days is for small networks/],
	[['--files', '10000000', '--chunks', '10'], /too much memory/],
	[['--grace', '0'], /--grace is 0/],
	[['--without', 'moves,repairs'], /--without is moves,repairs. Allowed: none, or some of moves, audits, scrubs/],
	[['--colour'], /--colour/],
];

for (const [argv, problem] of wrong) {
	test(`${argv.join(' ')} is refused with what is allowed`, t => {
		t.regex(t.throws(() => planOf(argv), {instanceOf: UsageError}).message, problem);
	});
}
