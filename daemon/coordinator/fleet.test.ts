import test from 'ava';
import {PjasError} from '../../source/protocol/errors.js';
import {MemoryShards} from '../adapters/memory-shards.js';
import {placeAmong} from '../core/place.js';
import {nodeIdOf, nodeOf} from '../ports/catalog-samples.suite.js';
import {manualClock} from '../testing/manual-clock.js';
import {createFleet, type Fleet} from './fleet.js';

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

const roomyOf = (fleet: Fleet) =>
	fleet
		.pool()
		.roomy(FREE_BYTES)
		.map(({id}) => id)
		.sort();

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
		t.deepEqual(roomyOf(fleet), roomyIds.slice(1));
		return Promise.resolve();
	});
});

test('whether so many nodes have room is known, be they as full as they may', t => {
	const fleet = fullFleet();
	t.true(fleet.hasRoom(FREE_BYTES, 5));
	t.false(fleet.hasRoom(FREE_BYTES, 6));
	t.false(fleet.hasRoom(FREE_BYTES + 1, 1));
	t.true(fleet.hasRoom(FREE_BYTES + 1, 0));
	t.true(fleet.hasRoom(0, NODES));
	const state = fleet.get(nodeIdOf(100));
	if (state) state.isOnline = false;
	t.false(fleet.hasRoom(FREE_BYTES, 5), 'one that is away has none');
});

test('a node that failed a moment ago has room still, though nothing is put there while others have it', async t => {
	const fleet = fullFleet();
	const [first] = roomyIds;
	if (first === undefined) throw new Error('there is no such node');
	const failed = async () => Promise.reject(new PjasError('NODE_FAILED', 'It failed'));
	await t.throwsAsync(fleet.use(first, {}, failed));
	t.true(fleet.hasRoom(FREE_BYTES, 5));
	t.deepEqual(roomyOf(fleet), roomyIds.slice(1));
});

test('nodes that go leave the room of others as it is, though work with them ends later', async t => {
	const fleet = fullFleet();
	const [first, second] = roomyIds;
	if (first === undefined || second === undefined) throw new Error('there is no such node');
	await fleet.use(first, {writeBytes: FREE_BYTES}, async () => {
		fleet.forget(first);
		t.true(fleet.hasRoom(FREE_BYTES, 4));
		return Promise.resolve();
	});
	t.deepEqual(roomyOf(fleet), roomyIds.slice(1));
	fleet.forget(second);
	fleet.forget(second);
	t.deepEqual(roomyOf(fleet), roomyIds.slice(2));
	fleet.set(nodeOf(NODES + 1, {freeBytes: FREE_BYTES})).isOnline = true;
	t.deepEqual(roomyOf(fleet), [...roomyIds.slice(2), nodeIdOf(NODES + 1)]);
	const state = fleet.get(nodeIdOf(1));
	if (state) state.record = {...state.record, freeBytes: FREE_BYTES};
	t.true(roomyOf(fleet).includes(nodeIdOf(1)), 'what a node says later counts');
});
