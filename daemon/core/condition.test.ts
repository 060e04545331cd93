import test from 'ava';
import {nodeOf} from '../ports/catalog-samples.suite.js';
import {isInMaintenance, mayTakeShards} from './condition.js';
import type {NodeRecord} from './model.js';

const maintenance = {from: 100, until: 200, by: 'ada'};

test('A node is in maintenance from the beginning of its window until just before the end', t => {
	const record = {maintenance};
	t.deepEqual(
		[99, 100, 199, 200].map(now => isInMaintenance(record, now)),
		[false, true, true, false],
	);
	t.false(isInMaintenance({}, 100));
});

test('A node that is kept out, not trusted, drained or in maintenance is given no shards', t => {
	const now = 150;
	const reasons: Partial<NodeRecord>[] = [
		{bannedAt: 1},
		{suspension: {since: 1, reason: 'corrupt', passesLeft: 3}},
		{drain: {startedAt: 1, by: 'ada', shards: 4, leaves: false}},
		{maintenance},
	];
	t.true(mayTakeShards(nodeOf(1), now));
	for (const reason of reasons) t.false(mayTakeShards(nodeOf(1, reason), now), JSON.stringify(reason));
});
