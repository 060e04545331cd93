import {randomBytes} from 'node:crypto';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {type ErrorCode, isPjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import type {ShardStore} from '../ports/shard-store.js';
import {digestOf, shardStoreSuite} from '../ports/shard-store.suite.js';
import {startClassicNode} from '../testing/classic-node.js';
import {type Fault, startFaultyNode} from '../testing/faulty-node.js';
import {startMemoryNode} from '../testing/memory-node.js';
import {classicShards} from './classic-shards.js';
import {createNodeAgent} from './http-shards-call.js';
import {httpShards} from './http-shards.js';
import {MemoryShards} from './memory-shards.js';

const openHttp = (t: ExecutionContext, baseUrl: string, timeoutMs = 10_000): ShardStore => {
	const agent = createNodeAgent(baseUrl, 16);
	t.teardown(() => agent.destroy());
	return httpShards({baseUrl, agent, timeoutMs});
};

const openClassic = (t: ExecutionContext, baseUrl: string, timeoutMs = 10_000): ShardStore => {
	const agent = createNodeAgent(baseUrl, 1);
	t.teardown(() => agent.destroy());
	return classicShards({baseUrl, agent, timeoutMs});
};

const newFolder = async (t: ExecutionContext): Promise<string> => {
	const folder = await mkdtemp(join(tmpdir(), 'pjas-classic-'));
	t.teardown(async () => rm(folder, {recursive: true, force: true}));
	return folder;
};

const behind = new WeakMap<ShardStore, MemoryShards>();

shardStoreSuite(
	test,
	'http',
	async t => {
		const node = await startMemoryNode();
		t.teardown(node.close);
		const store = openHttp(t, node.url);
		behind.set(store, node.shards);
		return store;
	},
	{
		tamper: async (store, digest) => {
			const {kept} = behind.get(store) ?? new MemoryShards();
			kept.set(digest, randomBytes(kept.get(digest)?.length ?? 0));
			return Promise.resolve();
		},
	},
);

shardStoreSuite(
	test,
	'classic',
	async t => {
		const node = await startClassicNode({folder: await newFolder(t)});
		t.teardown(node.stop);
		return openClassic(t, node.url);
	},
	{removes: false, lists: false},
);

// Our own node answers classic coordinators too.
shardStoreSuite(
	test,
	'classic calls to our node',
	async t => {
		const node = await startMemoryNode();
		t.teardown(node.close);
		return openClassic(t, node.url);
	},
	{removes: false, lists: false, histories: 5},
);

const body = randomBytes(300_000);
const digest = digestOf(body);

const failsWith = async (t: ExecutionContext, code: ErrorCode, act: Promise<unknown>): Promise<void> => {
	const error = await t.throwsAsync(act);
	t.true(isPjasError(error, code), `${code} was to be thrown, not ${String(error)}`);
};

// What is timed comes first, and alone.
test.serial(
	'each fault of a node is an error with the right code, and the node is of use again afterwards',
	async t => {
		const shards = new MemoryShards();
		const node = await startFaultyNode({target: shards});
		t.teardown(node.close);
		const patient = openHttp(t, node.url);
		await patient.put(digest, body);

		const outcomes: [Fault, ErrorCode, ErrorCode | 'wrong'][] = [
			['reset', 'NODE_FAILED', 'NODE_FAILED'],
			['hang', 'NODE_TIMEOUT', 'NODE_TIMEOUT'],
			['hang-after-body', 'NODE_TIMEOUT', 'NODE_TIMEOUT'],
			['full', 'INSUFFICIENT_STORAGE', 'NODE_FAILED'],
			['cut-off', 'NODE_FAILED', 'NODE_FAILED'],
			['wrong-bytes', 'DIGEST_MISMATCH', 'wrong'],
		];
		for (const [fault, putCode, getCode] of outcomes) {
			const other = randomBytes(200_000);
			const store = putCode === 'NODE_TIMEOUT' ? openHttp(t, node.url, 300) : patient;
			node.fault(fault);
			await failsWith(t, putCode, store.put(digestOf(other), other));
			if (getCode === 'wrong') t.not(Buffer.compare(await store.get(digest), body), 0);
			else await failsWith(t, getCode, store.get(digest));
			t.is(shards.kept.has(digestOf(other)), fault === 'hang-after-body');

			node.fault(undefined);
			await patient.put(digestOf(other), other);
			t.is(Buffer.compare(await patient.get(digest), body), 0);
			await patient.remove(digestOf(other));
		}
	},
);

test.serial('a fault can be of one kind of request only', async t => {
	const node = await startFaultyNode();
	t.teardown(node.close);
	node.fault('hang', 'verify');
	const store = openHttp(t, node.url);
	await store.put(digest, body);
	t.deepEqual(await store.stat(digest), {sizeBytes: body.length});
	await failsWith(t, 'NODE_TIMEOUT', openHttp(t, node.url, 200).verify(digest));
	t.deepEqual(node.counts, {put: 1, get: 0, stat: 1, remove: 0, list: 0, verify: 1, prove: 0, other: 0});
});

test.serial('a slow node is waited for as long as anything moves', async t => {
	const node = await startFaultyNode();
	t.teardown(node.close);
	const store = openHttp(t, node.url, 1000);
	await store.put(digest, body);
	node.fault({bytesPerSecond: 150_000});
	const startMs = performance.now();
	t.is(Buffer.compare(await store.get(digest), body), 0);
	t.true(performance.now() - startMs > 1500);
});

test('a node that is away refuses connections, and is found again when it is back', async t => {
	const shards = new MemoryShards();
	const node = await startFaultyNode({target: shards});
	t.teardown(node.close);
	const store = openHttp(t, node.url);
	await store.put(digest, body);
	await node.leave();
	const error = await t.throwsAsync(store.get(digest));
	t.true(isPjasError(error, 'NODE_FAILED'));
	t.is((error.cause as NodeJS.ErrnoException).code, 'ECONNREFUSED');
	await node.comeBack();
	t.is(Buffer.compare(await store.get(digest), body), 0);
});

test('a front before a node passes on what is right', async t => {
	const node = await startMemoryNode();
	t.teardown(node.close);
	const front = await startFaultyNode({target: node.url});
	t.teardown(front.close);
	const store = openHttp(t, front.url);
	await store.put(digest, body);
	t.is(Buffer.compare(await store.get(digest), body), 0);
	t.is(await store.stat(digestOf(Buffer.from('nothing'))), undefined);
	t.true(await store.verify(digest));
	const listed: Digest[] = [];
	for await (const each of store.list()) listed.push(each);
	t.deepEqual(listed, [digest]);
	await store.remove(digest);
	t.is(node.shards.kept.size, 0);
});

test('what a classic node lost or got wrong is not found there, and can be put again', async t => {
	const node = await startClassicNode({folder: await newFolder(t)});
	t.teardown(node.stop);
	const store = openClassic(t, node.url);
	await store.put(digest, body);
	await writeFile(node.chunkPath(digest), 'other bytes');
	await failsWith(t, 'SHARD_NOT_FOUND', store.get(digest));
	await failsWith(t, 'SHARD_NOT_FOUND', store.verify(digest));
	t.is(await store.stat(digest), undefined);
	await store.put(digest, body);
	t.true(await store.verify(digest));
	await rm(node.chunkPath(digest));
	t.is(await store.stat(digest), undefined);
});

test('a classic node keeps its chunks over a restart, under a new id', async t => {
	const folder = await newFolder(t);
	const first = await startClassicNode({folder});
	await openClassic(t, first.url).put(digest, body);
	await first.stop();
	const second = await startClassicNode({folder});
	t.teardown(second.stop);
	t.not(second.nodeId, first.nodeId);
	t.is(Buffer.compare(await openClassic(t, second.url).get(digest), body), 0);
});

test('a classic node that is full, or away behind its tunnel, says so', async t => {
	const node = await startClassicNode({folder: await newFolder(t), allocatedBytes: 400_000});
	t.teardown(node.stop);
	const store = openClassic(t, node.url);
	await store.put(digest, body);
	const other = randomBytes(200_000);
	await failsWith(t, 'INSUFFICIENT_STORAGE', store.put(digestOf(other), other));
	t.is(Buffer.compare(await store.get(digest), body), 0);
});

test('a chunk that a classic node kept in part is found to be wrong, and is mended by another put', async t => {
	const node = await startClassicNode({folder: await newFolder(t), keepsTornBodies: true});
	t.teardown(node.stop);
	const front = await startFaultyNode({target: node.url});
	t.teardown(front.close);
	front.fault('wrong-bytes', 'put');
	const store = openClassic(t, front.url);
	await store.put(digest, body);
	t.false(await store.verify(digest));
	t.not(Buffer.compare(await store.get(digest), body), 0);
	front.fault(undefined);
	await store.put(digest, body);
	t.true(await store.verify(digest));
});
