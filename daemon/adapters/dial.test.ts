import {randomBytes} from 'node:crypto';
import {setTimeout as delay} from 'node:timers/promises';
import test from 'ava';
import {isPjasError} from '../../source/protocol/errors.js';
import type {NodeId} from '../../source/protocol/ids.js';
import type {NodeRecord} from '../core/model.js';
import {digestOf} from '../ports/shard-store.suite.js';
import {startMemoryNode} from '../testing/memory-node.js';
import {startRawServer} from '../testing/raw-server.js';
import {createDial} from './dial.js';

const body = randomBytes(100_000);
const digest = digestOf(body);

const recordOf = (address: string, kind: NodeRecord['kind'] = 'direct'): NodeRecord => ({
	_id: 'pjas-00000001' as NodeId,
	kind,
	name: '',
	owner: '',
	zone: '',
	address,
	version: '2.0.0',
	allocatedBytes: 0,
	usedBytes: 0,
	freeBytes: 0,
	shardCount: 0,
	registeredAt: 0,
	lastSeenAt: 0,
	revision: 1,
});

test('a dialled node keeps its store and connections until its address or kind changes', async t => {
	const [first, second] = [await startMemoryNode(), await startMemoryNode()];
	t.teardown(first.close);
	t.teardown(second.close);
	const dial = createDial({timeoutMs: 10_000});
	t.teardown(dial.close);
	const store = dial(recordOf(first.url));
	t.is(dial({...recordOf(first.url), lastSeenAt: 5, revision: 2}), store);
	await store.put(digest, body);
	t.is(first.connections(), 1);

	const moved = dial(recordOf(second.url));
	t.not(moved, store);
	while (first.connections() > 0) await delay(5);
	t.is(await moved.stat(digest), undefined);
	t.true(isPjasError(await t.throwsAsync(store.get(digest)), 'NODE_FAILED'));

	const classic = dial(recordOf(second.url, 'classic'));
	await classic.put(digest, body);
	t.is(Buffer.compare(second.shards.kept.get(digest) ?? body.subarray(1), body), 0);
	t.true(isPjasError(await t.throwsAsync(classic.remove(digest)), 'OPERATION_UNSUPPORTED'));
	dial.close();
	while (second.connections() > 0) await delay(5);
	t.true(
		isPjasError(
			t.throws(() => dial(recordOf(first.url))),
			'SHUTTING_DOWN',
		),
	);
});

test('what is under way when the dial closes fails at once', async t => {
	const {url} = await startRawServer(t, () => undefined);
	const dial = createDial({timeoutMs: 10_000, maxSockets: 2});
	const all = Array.from({length: 5}, async () => dial(recordOf(url)).get(digest));
	const settled = Promise.allSettled(all);
	await delay(50);
	dial.close();
	const reasons = (await settled).map(each => (each.status === 'rejected' ? String(each.reason) : each.status));
	t.true(
		reasons.every(reason => !/fulfilled|NODE_TIMEOUT|silent/.test(reason)),
		reasons.join(),
	);
});
