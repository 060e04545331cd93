import {randomBytes} from 'node:crypto';
import type {ServerResponse} from 'node:http';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import type {Digest} from '../../source/protocol/ids.js';
import {
	batchPaths,
	batchSearch,
	fetchedText,
	MOST_BATCH_BYTES,
	MOST_BATCHED_SHARD_BYTES,
	parseFetchedText,
	SHARDS_HEADER,
	SHARDS_TYPE,
} from '../core/shard-batch.js';
import type {ShardStore} from '../ports/shard-store.js';
import {digestOf, shardStoreSuite} from '../ports/shard-store.suite.js';
import {startFaultyNode} from '../testing/faulty-node.js';
import {startMemoryNode} from '../testing/memory-node.js';
import {bodies, type Body, codesOf, open, serve} from './http-shards-testing.suite.js';

type Asked = {digest: Digest; into: Uint8Array; signal?: AbortSignal};

const askedFor = (all: readonly Body[]): Asked[] =>
	all.map(({digest, bytes}) => ({digest, into: new Uint8Array(bytes.length)}));

const getAll = async (store: ShardStore, all: readonly Asked[]) =>
	Promise.allSettled(all.map(async ({digest, ...options}) => store.get(digest, options)));

const codesOfAll = async (store: ShardStore, all: readonly Asked[]) => codesOf(await getAll(store, all), 'got');

/** Each get of the suite goes with two more of the same shard, each into a buffer of its own. */
const getsThrice = (store: ShardStore): ShardStore => ({
	...store,
	async get(digest, {into, onFilled, signal} = {}) {
		const plain = {...(into && {into}), ...(signal && {signal})};
		const beside = async () => store.get(digest, into ? {...plain, into: new Uint8Array(into.length)} : plain);
		const first = store.get(digest, {...plain, ...(onFilled && {onFilled})});
		const [, ...rest] = await Promise.allSettled([first, beside(), beside()]);
		const bytes = await first;
		for (const each of rest) if (each.status === 'rejected') throw each.reason;
		return bytes;
	},
});

shardStoreSuite(test, 'http, several gets at once', async t => {
	const node = await startMemoryNode();
	t.teardown(node.close);
	return getsThrice(open(t, node.url));
});

const startFilled = async (t: ExecutionContext, all: readonly Body[]) => {
	const node = await startFaultyNode();
	t.teardown(node.close);
	const store = open(t, node.url);
	await Promise.all(all.map(async ({digest, bytes}) => store.put(digest, bytes)));
	return {node, store};
};

test('gets of the same moment go in one request, those that come meanwhile in the next, and large ones by themselves', async t => {
	const [small, large] = [bodies(105), bodies(3, MOST_BATCHED_SHARD_BYTES + 1)];
	const {node, store} = await startFilled(t, [...small, ...large]);
	const first = askedFor(small.slice(0, 5));
	t.deepEqual(await codesOfAll(store, first), Array(5).fill('got'));
	t.is(node.counts.get, 1);
	first.forEach(({into}, index) => t.deepEqual(Buffer.from(into), small[index]?.bytes));

	t.deepEqual(await codesOfAll(store, askedFor(small.slice(5))), Array(100).fill('got'));
	t.is(node.counts.get, 1 + 4, 'at most 32 go together');
	t.deepEqual(await codesOfAll(store, askedFor(large)), Array(3).fill('got'));
	t.is(node.counts.get, 5 + 3);
	await Promise.all(small.slice(0, 3).map(async ({digest}) => store.get(digest)));
	t.is(node.counts.get, 8 + 3, 'those without a buffer go alone: nobody knows how large they are');
});

test('a shard that is not there, or longer than it should be, does not fail those that are asked for with it', async t => {
	const all = bodies(4);
	const {store} = await startFilled(t, all);
	const asked = askedFor([...all, ...bodies(1)]);
	const [, short] = asked;
	if (short) short.into = new Uint8Array(999);
	const settled = await getAll(store, asked);
	t.deepEqual(codesOf(settled, 'got'), ['got', 'SHARD_CORRUPT', 'got', 'got', 'SHARD_NOT_FOUND']);
	for (const index of [0, 2, 3]) t.deepEqual(Buffer.from(asked[index]?.into ?? []), all[index]?.bytes);
});

test('a shard that is shorter than its buffer comes as long as it is', async t => {
	const all = bodies(3, 10);
	const {store} = await startFilled(t, all);
	const asked = all.map(({digest}) => ({digest, into: new Uint8Array(12).fill(7)}));
	const settled = await getAll(store, asked);
	settled.forEach((each, index) => {
		t.deepEqual(each.status === 'fulfilled' && Buffer.from(each.value), all[index]?.bytes);
		t.deepEqual([...(asked[index]?.into.subarray(10) ?? [])], [7, 7]);
	});
});

test('what befalls the request befalls all that are in it, and the node is of use again afterwards', async t => {
	const all = bodies(3);
	const {node, store} = await startFilled(t, all);
	for (const fault of ['cut-off', 'reset'] as const) {
		node.fault(fault, 'get');
		t.deepEqual(await codesOfAll(store, askedFor(all)), Array(3).fill('NODE_FAILED'), fault);
		node.fault(undefined);
		t.deepEqual(await codesOfAll(store, askedFor(all)), Array(3).fill('got'));
	}
});

test('those who wait behind a node that is silent hear of it with the first', async t => {
	const node = await startFaultyNode();
	t.teardown(node.close);
	node.fault('hang');
	t.deepEqual(await codesOfAll(open(t, node.url, 300), askedFor(bodies(80))), Array(80).fill('NODE_TIMEOUT'));
	t.is(node.counts.get, 2, 'two were under way');
});

test('a node that knows of no batches is asked for its shards one by one from then on', async t => {
	const all = bodies(3);
	const asked: string[] = [];
	let status = 404;
	const url = await serve(t, ({method = '', url: path = ''}, response) => {
		asked.push(method);
		const found = all.find(({digest}) => path === `/shards/${digest}`);
		if (found) response.writeHead(200, {'content-type': 'application/octet-stream'}).end(found.bytes);
		else response.writeHead(status, {'content-type': 'application/json'}).end('{"code":"ROUTE_NOT_FOUND"}');
	});
	for (status of [401, 404, 405]) {
		asked.length = 0;
		const store = open(t, url);
		t.deepEqual(await codesOfAll(store, askedFor(all)), ['got', 'got', 'got']);
		t.deepEqual(asked, ['POST', 'GET', 'GET', 'GET']);
		await codesOfAll(store, askedFor(all));
		t.deepEqual(asked.slice(4), ['GET', 'GET', 'GET']);
	}
});

test('an answer that is not about the shards that were asked for gives none of them', async t => {
	const all = bodies(2, 10);
	const bytes = Buffer.concat(all.map(each => each.bytes));
	const headers = (said: string) => ({'content-type': SHARDS_TYPE, [SHARDS_HEADER]: said});
	const answers: [Record<string, string>, Buffer][] = [
		[{'content-type': SHARDS_TYPE}, bytes],
		[{'content-type': 'application/octet-stream', [SHARDS_HEADER]: '10,10'}, bytes],
		[headers(''), bytes],
		[headers('10'), bytes],
		[headers('10,10,10'), bytes],
		[headers('11,9'), bytes],
		[headers('10,-1'), bytes],
		[headers('10,1e1'), bytes],
		[headers('10,evil'), bytes],
		[headers('10,10'), bytes.subarray(1)],
		[headers('10,10'), Buffer.concat([bytes, bytes])],
		[headers('NO_SUCH_CODE,INTERNAL_ERROR'), Buffer.alloc(0)],
		[{'content-type': 'text/html'}, Buffer.from('<h1>Welcome</h1>')],
	];
	for (const [said, body] of answers) {
		const url = await serve(t, (_request, response) => response.writeHead(200, said).end(body));
		t.deepEqual(await codesOfAll(open(t, url), askedFor(all)), ['NODE_FAILED', 'NODE_FAILED'], JSON.stringify(said));
	}
});

test('a get that is given up settles at once, its buffer is left alone, and those that go with it come', async t => {
	const held: ServerResponse[] = [];
	let onRequest: () => void = () => undefined;
	const url = await serve(t, (_request, response) => {
		held.push(response);
		onRequest();
	});
	const arrived = new Promise<void>(resolve => (onRequest = resolve));
	const store = open(t, url);
	const all = bodies(3, 1000) as [Body, Body, Body];
	const [one, two, three] = askedFor(all) as [Asked, Asked, Asked];
	const gone = new AbortController();
	let given: Promise<unknown> = Promise.resolve();
	const filled = new Promise<number>(onFilled => {
		const others = getAll(store, [one]);
		given = Promise.all([others, store.get(two.digest, {into: two.into, signal: gone.signal, onFilled})]);
	});
	const rest = getAll(store, [three]);
	await arrived;

	const bytes = Buffer.concat(all.map(each => each.bytes));
	const headers = {'content-type': SHARDS_TYPE, [SHARDS_HEADER]: '1000,1000,1000', 'content-length': bytes.length};
	held[0]?.writeHead(200, headers).write(bytes.subarray(0, 1300));
	t.is(await filled, 300);
	gone.abort(new Error('gone'));
	await t.throwsAsync(given, {message: 'gone'});
	held[0]?.end(bytes.subarray(1300));
	t.deepEqual(codesOf(await rest, 'got'), ['got']);
	t.deepEqual(Buffer.from(three.into), all[2].bytes);
	t.deepEqual(Buffer.from(two.into.subarray(0, 300)), all[1].bytes.subarray(0, 300));
	t.true(two.into.subarray(300).every(byte => byte === 0));
	t.is(held.length, 1);
});

// Of 8 bytes and more, so that no two are the same by chance.
const sizes = fc.oneof(fc.integer({min: 8, max: 300}), fc.constantFrom(MOST_BATCHED_SHARD_BYTES, 65_552));
const parts = fc.array(
	fc.record({
		sizeBytes: sizes,
		isThere: fc.oneof({weight: 4, arbitrary: fc.constant(true)}, fc.constant(false)),
		more: fc.constantFrom(0, 0, 0, 5, -1),
	}),
	{minLength: 1, maxLength: 12},
);

test('a node answers a batch with what it has, in order, and with nothing of one that is too large', async t => {
	const node = await startMemoryNode();
	t.teardown(node.close);
	const property = fc.asyncProperty(parts, async all => {
		const kept = all.map(({sizeBytes, isThere, more}) => {
			const bytes = randomBytes(sizeBytes);
			const digest = digestOf(bytes);
			if (isThere) node.shards.kept.set(digest, bytes);
			const askedBytes = Math.min(Math.max(0, sizeBytes + more), MOST_BATCHED_SHARD_BYTES);
			const said = askedBytes < sizeBytes ? 'SHARD_CORRUPT' : sizeBytes;
			return {digest, bytes, sizeBytes: askedBytes, said: isThere ? said : 'SHARD_NOT_FOUND'};
		});
		const answer = await fetch(node.url + batchPaths.get + batchSearch('get', kept), {method: 'POST'});
		const asked = kept.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0);
		if (asked > MOST_BATCH_BYTES) {
			t.is(((await answer.json()) as {code: string}).code, 'INVALID_REQUEST');
			return;
		}

		t.is(answer.status, 200);
		const header = answer.headers.get(SHARDS_HEADER) ?? '';
		t.is(header, fetchedText(kept.map(({said}) => said)));
		t.deepEqual(
			parseFetchedText(header, kept),
			kept.map(({said}) => said),
		);
		const read = kept.filter(({said}) => typeof said === 'number').map(({bytes}) => bytes);
		t.deepEqual(Buffer.from(await answer.arrayBuffer()), Buffer.concat(read));
	});
	await fc.assert(property, {numRuns: 30});
});

test('a query that names no batch is refused, by both ways through the node', async t => {
	const node = await startMemoryNode();
	t.teardown(node.close);
	const digest = digestOf(Buffer.from('x'));
	const queries = [
		'',
		'?get=',
		`?get=${digest}`,
		`?get=${digest}.${MOST_BATCHED_SHARD_BYTES + 1}`,
		`?get=${digest}.1,`,
	];
	for (const query of queries) {
		for (const headers of [{}, {'x-request-id': 'given'}]) {
			const answer = await fetch(node.url + batchPaths.get + query, {method: 'POST', headers});
			t.is(answer.status, 400, query);
			t.is(((await answer.json()) as {code: string}).code, 'INVALID_REQUEST');
		}
	}

	const answer = await fetch(`${node.url}${batchPaths.get}?get=${digest}.1`, {
		method: 'POST',
		headers: {'x-request-id': 'given'},
	});
	t.is(answer.headers.get(SHARDS_HEADER), 'SHARD_NOT_FOUND');
	t.is(answer.headers.get('x-request-id'), 'given');
});
