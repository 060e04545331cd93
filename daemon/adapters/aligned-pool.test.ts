import test from 'ava';
import {AlignedPool} from './aligned-pool.js';
import {refused} from './disk-shards-testing.suite.js';

test('a pool lends what it has, and whoever comes then waits its turn', async t => {
	const pool = new AlignedPool({count: 2, bufferBytes: 5000, maxWaiting: 2});
	t.is(pool.bufferBytes, 8192);
	const first = await pool.acquire();
	const second = await pool.acquire();
	t.not(first.bytes.byteOffset, second.bytes.byteOffset);
	t.is(first.bytes.length, 8192);
	t.is(first.bytes.byteOffset % 4096, 0);

	const order: string[] = [];
	const third = pool.acquire().then(buffer => {
		order.push('third');
		return buffer;
	});
	const controller = new AbortController();
	const reason = new Error('enough');
	const given = pool.acquire(controller.signal);
	await refused(t, 'TOO_MANY_REQUESTS', async () => pool.acquire());
	controller.abort(reason);
	t.is(await t.throwsAsync(given), reason);
	const fourth = pool.acquire().then(buffer => {
		order.push('fourth');
		return buffer;
	});

	first.release();
	first.release();
	t.is((await third).bytes, first.bytes);
	second.release();
	await fourth;
	t.deepEqual(order, ['third', 'fourth']);
	t.is(pool.inUse, 2);
});
