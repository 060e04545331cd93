import test from 'ava';
import {MemoryShards} from '../adapters/memory-shards.js';
import {placeAmong} from '../core/place.js';
import {nodeIdOf, nodeOf} from '../ports/catalog-samples.suite.js';
import {manualClock} from '../testing/manual-clock.js';
import {createFleet} from './fleet.js';

const NODES = 500;
const FREE_BYTES = 1000;

/** Every hundredth of its nodes has room. */
const fullFleet = () => {
	const fleet = createFleet({dial: () => new MemoryShards(), clock: manualClock()});
	for (let number = 1; number <= NODES; number++) {
		const freeBytes = number % 100 === 0 ? FREE_BYTES : 0;
		fleet.set(nodeOf(number, {freeBytes, zone: `zone ${number}`})).isOnline = true;
	}

	return fleet;
};

const roomyIds = [100, 200, 300, 400, 500].map(nodeIdOf);

test('the few nodes that have room are found among many that have none, wherever chance looks first', t => {
	for (const random of [() => 0, () => 0.5, Math.random]) {
		const chosen = placeAmong({pool: fullFleet().pool(), count: 3, sizeBytes: FREE_BYTES, random});
		t.is(new Set(chosen.map(({id}) => id)).size, 3);
		t.true(chosen.every(({id}) => roomyIds.includes(id)));
	}
});

test('those that have room are the same whether all were looked at before or not', t => {
	const pool = fullFleet().pool();
	const ids = () => pool.roomy(FREE_BYTES).map(({id}) => id);
	t.deepEqual(ids(), roomyIds);
	t.is(pool.all().length, NODES);
	t.deepEqual(ids(), roomyIds);
	t.deepEqual(pool.roomy(FREE_BYTES + 1), []);
});

test('what is on its way to a node is no room', async t => {
	const fleet = fullFleet();
	const [first] = roomyIds;
	if (first === undefined) throw new Error('there is no such node');
	await fleet.use(first, {writeBytes: 1}, async () => {
		t.deepEqual(
			fleet
				.pool()
				.roomy(FREE_BYTES)
				.map(({id}) => id),
			roomyIds.slice(1),
		);
		return Promise.resolve();
	});
});
