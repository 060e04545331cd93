import test from 'ava';
import {shardStoreSuite} from '../ports/shard-store.suite.js';
import {chanceOf} from './chance.js';
import {createBodies, createDisk, type Disk} from './disk.js';
import {createVirtualTime} from './virtual-time.js';

const newDisk = (): Disk => createDisk({allocatedBytes: 2 ** 30, bodies: createBodies(), nowMinute: () => 0});

shardStoreSuite(test, 'a simulated disk', async () => Promise.resolve(newDisk()), {
	async tamper(store, digest) {
		(store as Disk).rot(digest);
		return Promise.resolve();
	},
});

test('chance is the same for the same seed and another for another', t => {
	const draw = (seed: number) => {
		const chance = chanceOf(seed);
		return [chance.float(), chance.int(1000), ...chance.bytes(4), chance.fork().float()];
	};

	t.deepEqual(draw(1), draw(1));
	t.notDeepEqual(draw(1), draw(2));
	t.notDeepEqual(draw(1), draw(2 ** 32 + 1), 'large seeds count whole');
});

test('chance is even', t => {
	const chance = chanceOf(5);
	const counts = Array.from({length: 10}, () => 0);
	for (let draws = 0; draws < 100_000; draws++) {
		const at = chance.int(10);
		counts[at] = (counts[at] ?? 0) + 1;
	}

	for (const count of counts) t.true(Math.abs(count - 10_000) < 500, String(counts));
});

test('time goes from one thing to the next, in order, and what was called off does not happen', async t => {
	const time = createVirtualTime();
	const seen: [number, string][] = [];
	const see = (what: string) => () => void seen.push([time.nowMs(), what]);
	time.timer(3000, see('last'));
	time.timer(1000, see('first'));
	time.timer(1000, see('second'));
	time.timer(2000, see('never'))();
	time.timer(1500, () => time.timer(100, see('from another')));
	await time.run(2500);
	t.is(time.nowMs(), 2500);
	await time.run(10_000);
	t.deepEqual(seen, [
		[1000, 'first'],
		[1000, 'second'],
		[1600, 'from another'],
		[3000, 'last'],
	]);
	t.is(time.events(), 5);
});

test('what follows at once is done before time goes on', async t => {
	const time = createVirtualTime();
	let doneAt = -1;
	time.timer(1000, () => {
		void (async () => {
			for (let turns = 0; turns < 1000; turns++) await Promise.resolve();
			doneAt = time.nowMs();
		})();
	});
	time.timer(1001, () => t.is(doneAt, 1000));
	await time.run(2000);
	t.is(doneAt, 1000);
});
