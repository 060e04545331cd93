import {randomBytes} from 'node:crypto';
import type {IncomingMessage, ServerResponse} from 'node:http';
import {buffer as bufferOf} from 'node:stream/consumers';
import {setImmediate as nextTurn} from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import {batchSearch, MOST_BATCH_BYTES, MOST_BATCHED_SHARD_BYTES, parseBatch} from '../core/shard-batch.js';
import type {ShardStore} from '../ports/shard-store.js';
import {digestOf, shardStoreSuite} from '../ports/shard-store.suite.js';
import {startFaultyNode} from '../testing/faulty-node.js';
import {startMemoryNode} from '../testing/memory-node.js';
import {bodies, type Body, codesOf, open, serve} from './http-shards-testing.suite.js';

const putAll = async (store: ShardStore, all: readonly Body[], signals: readonly (AbortSignal | undefined)[] = []) =>
	Promise.allSettled(
		all.map(async ({digest, bytes}, index) => {
			const signal = signals[index];
			return store.put(digest, bytes, signal && {signal});
		}),
	);

/** Each put of the suite goes with two more of the same shard. */
const putsThrice = (store: ShardStore): ShardStore => ({
	...store,
	async put(...asked) {
		for (const put of await Promise.allSettled([store.put(...asked), store.put(...asked), store.put(...asked)])) {
			if (put.status === 'rejected') throw put.reason;
		}
	},
});

shardStoreSuite(test, 'http, several at once', async t => {
	const node = await startMemoryNode();
	t.teardown(node.close);
	return putsThrice(open(t, node.url));
});

test('puts of the same moment go in one request, those that come meanwhile in the next, and large ones by themselves', async t => {
	const node = await startFaultyNode();
	t.teardown(node.close);
	const store = open(t, node.url);
	const first = bodies(5);
	t.deepEqual(codesOf(await putAll(store, first)), Array(5).fill('kept'));
	t.is(node.counts.put, 1);
	for (const {digest, bytes} of first) t.deepEqual(Buffer.from(await store.get(digest)), bytes);

	t.deepEqual(codesOf(await putAll(store, bodies(100))), Array(100).fill('kept'));
	t.is(node.counts.put, 1 + 4, 'at most 32 go together');
	await putAll(store, bodies(20, MOST_BATCHED_SHARD_BYTES));
	t.is(node.counts.put, 5 + 3, 'at most 2 MiB go together');
	await putAll(store, bodies(3, MOST_BATCHED_SHARD_BYTES + 1));
	t.is(node.counts.put, 8 + 3);
});

test('puts that come a moment after each other go together, but do not wait for ever', async t => {
	const node = await startFaultyNode();
	t.teardown(node.close);
	const store = open(t, node.url);
	const puts: Promise<void>[] = [];
	for (const {digest, bytes} of bodies(4)) {
		puts.push(store.put(digest, bytes));
		await nextTurn();
	}

	await Promise.all(puts);
	t.is(node.counts.put, 1);

	const kept = new Set<string>();
	for (const {digest, bytes} of bodies(500, 10)) {
		puts.push(store.put(digest, bytes).then(() => void kept.add(digest)));
		await nextTurn();
		if (kept.size > 0) break;
	}

	t.true(kept.size > 0, 'the first are kept while others go on coming');
	await Promise.all(puts);
});

test('a shard that is wrong does not fail those that went with it', async t => {
	const node = await startMemoryNode();
	t.teardown(node.close);
	const all = bodies(4);
	all[2]?.bytes.fill(0);
	const settled = await putAll(open(t, node.url), all);
	t.deepEqual(codesOf(settled), ['kept', 'kept', 'DIGEST_MISMATCH', 'kept']);
	t.is(node.shards.kept.size, 3);
});

test('what befalls the request befalls all that are in it, and the node is of use again afterwards', async t => {
	const node = await startFaultyNode();
	t.teardown(node.close);
	const store = open(t, node.url);
	for (const [fault, code] of [
		['full', 'INSUFFICIENT_STORAGE'],
		['cut-off', 'NODE_FAILED'],
		['reset', 'NODE_FAILED'],
	] as const) {
		node.fault(fault);
		t.deepEqual(codesOf(await putAll(store, bodies(3))), [code, code, code], fault);
		node.fault(undefined);
		t.deepEqual(codesOf(await putAll(store, bodies(3))), ['kept', 'kept', 'kept']);
	}
});

test('those who wait behind a node that is silent hear of it with the first', async t => {
	const node = await startFaultyNode();
	t.teardown(node.close);
	node.fault('hang');
	const settled = await putAll(open(t, node.url, 300), bodies(80));
	t.deepEqual(codesOf(settled), Array(80).fill('NODE_TIMEOUT'));
	t.is(node.counts.put, 2, 'two were under way');
});

test('a node that knows of no batches gets its shards one by one from then on', async t => {
	const kept = new Map<string, Buffer>();
	const asked: string[] = [];
	let status = 404;
	const answer = async (request: IncomingMessage, response: ServerResponse) => {
		const bytes = await bufferOf(request);
		asked.push(request.method ?? '');
		if (request.method === 'PUT') kept.set(request.url?.slice('/shards/'.length) ?? '', bytes);
		response.writeHead(request.method === 'PUT' ? 201 : status, {'content-type': 'application/json'});
		response.end(JSON.stringify({success: request.method === 'PUT', code: 'ROUTE_NOT_FOUND'}));
	};
	const url = await serve(t, (request, response) => void answer(request, response));
	for (status of [401, 404, 405]) {
		asked.length = 0;
		const store = open(t, url);
		const all = bodies(3);
		t.deepEqual(codesOf(await putAll(store, all)), ['kept', 'kept', 'kept']);
		t.deepEqual(asked, ['POST', 'PUT', 'PUT', 'PUT']);
		for (const {digest, bytes} of all) t.deepEqual(kept.get(digest), bytes);
		await putAll(store, bodies(3));
		t.deepEqual(asked.slice(4), ['PUT', 'PUT', 'PUT']);
	}
});

test('an answer that is not about the shards that were sent keeps none of them', async t => {
	const right = {success: true};
	const answers: unknown[] = [
		{success: true},
		{success: true, shards: []},
		{success: true, shards: [right]},
		{success: true, shards: [right, right, right]},
		{success: true, shards: [right, 'yes']},
		{success: false, shards: [right, right]},
		{success: true, shards: [{success: false}, {success: false, code: 'SHARD_NOT_FOUND', error: 'evil \u001B[2J'}]},
		'<h1>Welcome</h1>',
	];
	for (const said of answers) {
		const url = await serve(t, (request, response) => {
			request.resume().once('end', () => response.writeHead(200).end(JSON.stringify(said)));
		});
		const settled = await putAll(open(t, url), bodies(2));
		t.deepEqual(codesOf(settled), ['NODE_FAILED', 'NODE_FAILED'], JSON.stringify(said));
		for (const each of settled) if (each.status === 'rejected') t.notRegex(String(each.reason), /evil/);
	}
});

test('a put that is given up leaves alone those that go with it, and settles with them', async t => {
	const held: ServerResponse[] = [];
	let onRequest: () => void = () => undefined;
	const url = await serve(t, (request, response) => {
		request.resume().once('end', () => {
			held.push(response);
			onRequest();
		});
	});
	const arrived = async () => new Promise<void>(resolve => (onRequest = resolve));
	const store = open(t, url);
	const [one, two, late] = [new AbortController(), new AbortController(), new AbortController()];
	const gone = new Error('gone');

	const isThere = arrived();
	let isSettled = false;
	const together = putAll(store, bodies(2), [one.signal, two.signal]).finally(() => (isSettled = true));
	await isThere;
	const waiting = putAll(store, bodies(1), [late.signal]);
	late.abort(gone);
	t.deepEqual(codesOf(await waiting), ['Error: gone'], 'who only waits goes at once');
	one.abort(gone);
	await new Promise(resolve => setImmediate(resolve));
	t.false(isSettled, 'its bytes may still be read');
	held[0]?.writeHead(200).end(JSON.stringify({success: true, shards: [{success: true}, {success: true}]}));
	t.deepEqual(codesOf(await together), ['Error: gone', 'kept']);

	const isThereAgain = arrived();
	const unwanted = putAll(store, bodies(2), [late.signal, two.signal]);
	const both = putAll(store, bodies(2), [two.signal, two.signal]);
	await isThereAgain;
	two.abort(gone);
	t.deepEqual(codesOf([...(await unwanted), ...(await both)]), Array(4).fill('Error: gone'), 'once nobody wants it');
});

const sizes = fc.oneof(fc.integer({min: 0, max: 300}), fc.constantFrom(MOST_BATCHED_SHARD_BYTES, 65_552));
const parts = fc.array(
	fc.record({sizeBytes: sizes, isRight: fc.oneof({weight: 4, arbitrary: fc.constant(true)}, fc.constant(false))}),
	{minLength: 1, maxLength: 12},
);

test('a node keeps of a batch what is right, and nothing of one that is too long, too short or too large', async t => {
	const node = await startMemoryNode();
	t.teardown(node.close);
	const property = fc.asyncProperty(parts, fc.constantFrom(0, 0, 0, -1, 1, 70_000), async (all, excess) => {
		node.shards.kept.clear();
		const batch = all.map(({sizeBytes, isRight}) => {
			const bytes = randomBytes(sizeBytes);
			return {bytes, sizeBytes, isRight, digest: digestOf(isRight ? bytes : randomBytes(9))};
		});
		const whole = Buffer.concat(batch.map(({bytes}) => bytes));
		const body = Buffer.concat([whole, Buffer.alloc(Math.max(0, excess))]).subarray(0, whole.length + excess);
		const answer = await fetch(`${node.url}/shards${batchSearch('put', batch)}`, {method: 'POST', body});
		const {shards, code} = (await answer.json()) as {shards?: {success: boolean; code?: string}[]; code?: string};
		if (whole.length > MOST_BATCH_BYTES || body.length !== whole.length) {
			t.true(['INVALID_REQUEST', 'UPLOAD_INCOMPLETE', 'BODY_TOO_LARGE'].includes(code ?? ''), code);
			t.is(node.shards.kept.size, 0);
			return;
		}

		t.is(answer.status, 200);
		t.deepEqual(
			shards?.map(each => each.code ?? each.success),
			batch.map(({isRight}) => isRight || 'DIGEST_MISMATCH'),
		);
		for (const {isRight, digest} of batch) t.is(node.shards.kept.has(digest), isRight);
	});
	await fc.assert(property, {numRuns: 60});
});

test('a query that names no batch is refused before anything is read', async t => {
	const node = await startMemoryNode();
	t.teardown(node.close);
	const [{digest, bytes}] = bodies(1, 10) as [Body];
	const queries = [
		'',
		'?put=',
		'?put=,',
		`?put=${digest}`,
		`?put=${digest}.`,
		`?put=${digest}.-1`,
		`?put=${digest}.1e1`,
		`?put=${digest}.0010.0`,
		`?put=${digest}.${MOST_BATCHED_SHARD_BYTES + 1}`,
		`?put=${digest}.999999999999`,
		`?put=${digest.toUpperCase()}.10`,
		`?put=${digest}.10,`,
		`?put=%ff${digest}.10`,
		`?put=${Array(33).fill(`${digest}.0`).join(',')}`,
		`?put=${Array(9).fill(`${digest}.${MOST_BATCHED_SHARD_BYTES}`).join(',')}`,
	];
	for (const query of queries) {
		const answer = await fetch(`${node.url}/shards${query}`, {method: 'POST', body: bytes});
		t.is(answer.status, 400, query);
		t.is(((await answer.json()) as {code: string}).code, 'INVALID_REQUEST');
	}

	t.is(node.shards.kept.size, 0);
	const twice = await fetch(`${node.url}/shards?put=${digest}.10,${digest}.10`, {
		method: 'POST',
		body: Buffer.concat([bytes, bytes]),
		headers: {'x-request-id': 'given'},
	});
	t.deepEqual(await twice.json(), {success: true, shards: [{success: true}, {success: true}]});
	t.is(twice.headers.get('x-request-id'), 'given');
});

test('what a batch is named by comes back as it was, and no text breaks the parser', t => {
	const shard = fc.record({
		digest: fc.uint8Array({maxLength: 5}).map(digestOf),
		sizeBytes: fc.integer({min: 0, max: MOST_BATCHED_SHARD_BYTES}),
	});
	fc.assert(
		fc.property(fc.array(shard, {minLength: 1, maxLength: 8}), shards => {
			t.deepEqual(parseBatch(batchSearch('put', shards).slice('?put='.length)), shards);
		}),
	);
	fc.assert(
		fc.property(fc.string(), text => {
			t.is(parseBatch(text), undefined);
		}),
	);
});
