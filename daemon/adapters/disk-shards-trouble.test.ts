import {randomBytes} from 'node:crypto';
import {rename, unlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {Readable} from 'node:stream';
import test from 'ava';
import {isPjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import {digestOf} from '../ports/shard-store.suite.js';
import {recordingLog} from '../testing/recording-log.js';
import {type DiskFiles, systemFiles} from './disk-shards-files.js';
import {collect, failingFiles, filesIn, GIB, newFolder, openDisk, refused} from './disk-shards-testing.suite.js';
import {diskFloorBytes} from './disk-shards-space.js';

const MIB = 1024 ** 2;

test('twenty puts at the edge of the allocation never pass it', async t => {
	for (const sizeBytes of [60_000, 300_000]) {
		const folder = await newFolder(t);
		const fits = 7;
		const emptyBytes = (await (await openDisk(folder)).figures()).usedBytes;
		const blockBytes = Math.ceil(sizeBytes / 4096) * 4096;
		const allocatedBytes = emptyBytes + fits * blockBytes + blockBytes - 1;
		const store = await openDisk(folder, {allocatedBytes});
		const bodies = Array.from({length: 20}, () => randomBytes(sizeBytes));
		const outcomes = await Promise.allSettled(
			bodies.map(async (body, index) =>
				index % 2 ? store.put(digestOf(body), body) : store.receive(digestOf(body), Readable.from([body]), sizeBytes),
			),
		);
		const kept = outcomes.filter(({status}) => status === 'fulfilled').length;
		t.is(kept, fits);
		for (const outcome of outcomes) {
			t.true(outcome.status === 'fulfilled' || isPjasError(outcome.reason, 'INSUFFICIENT_STORAGE'));
		}

		t.is((await collect((await openDisk(folder, {allocatedBytes})).list())).length, fits);
		t.deepEqual(await filesIn(folder, 'tmp'), []);
		const {usedBytes, freeBytes} = await store.figures();
		t.true(usedBytes <= allocatedBytes);
		t.true(freeBytes < blockBytes);
	}
});

test('the last of a disk is left alone', async t => {
	t.is(diskFloorBytes(1000 * GIB), 10 * GIB);
	t.is(diskFloorBytes(50 * GIB), GIB);
	t.is(diskFloorBytes(4 * GIB), 0.4 * GIB);

	const folder = await newFolder(t);
	let freeBytes = GIB + MIB;
	const files: DiskFiles = {
		...systemFiles,
		statfs: (async () =>
			Promise.resolve({bsize: 1, blocks: 50 * GIB, bavail: freeBytes})) as unknown as DiskFiles['statfs'],
	};
	const store = await openDisk(folder, {files, allocatedBytes: 10 * GIB});
	t.true((await store.figures()).freeBytes <= MIB);
	const [small, large] = [randomBytes(300_000), randomBytes(2 * MIB)];
	await store.put(digestOf(small), small);
	await refused(t, 'INSUFFICIENT_STORAGE', async () => store.put(digestOf(large), large));
	await store.remove(digestOf(small));
	freeBytes = GIB - 1;
	const later = await openDisk(folder, {files, allocatedBytes: 10 * GIB});
	t.is((await later.figures()).freeBytes, 0);
	await refused(t, 'INSUFFICIENT_STORAGE', async () => later.put(digestOf(small), small));
});

test('a disk that is full in the middle of writing is answered, and nothing is left behind', async t => {
	for (const [at, sizeBytes] of [
		['open', 1000],
		['write', 1000],
		['write', 1_000_000],
		['truncate', 1_000_001],
		['datasync', 1_000_000],
		['rename', 1000],
		['sync', 1000],
	] as const) {
		const folder = await newFolder(t);
		let isFull = false;
		const files = failingFiles(operation => (isFull && operation === at ? 'ENOSPC' : undefined));
		const store = await openDisk(folder, {files});
		const before = await store.figures();
		const body = randomBytes(sizeBytes);
		isFull = true;
		await refused(t, 'INSUFFICIENT_STORAGE', async () =>
			store.receive(digestOf(body), Readable.from([body]), sizeBytes),
		);
		isFull = false;
		t.deepEqual(await filesIn(folder, 'tmp'), [], at);
		t.deepEqual(await filesIn(folder, 'chunks'), [], at);
		t.deepEqual((await store.figures()).usedBytes, before.usedBytes, at);
		t.is(await store.receive(digestOf(body), Readable.from([body]), sizeBytes), 'created');
	}
});

test('a folder that is gone is said to be gone, and what it held is not forgotten', async t => {
	const folder = await newFolder(t);
	const log = recordingLog();
	const store = await openDisk(folder, {log});
	const [body, other] = [randomBytes(1000), randomBytes(1000)];
	const digest = digestOf(body);
	await store.put(digest, body);

	await rename(join(folder, 'chunks'), join(folder, 'away'));
	for (const act of [
		async () => store.get(digest),
		async () => store.stat(digest),
		async () => store.open(digest),
		async () => store.verify(digest),
		async () => store.put(digestOf(other), other),
	]) {
		const error = await refused(t, 'NODE_FAILED', act);
		t.regex(error.message, /folder is gone/);
		t.false(error.message.includes(folder));
	}

	await rename(join(folder, 'away'), join(folder, 'chunks'));
	t.is(Buffer.compare(await store.get(digest), body), 0);
	await store.put(digestOf(other), other);
	t.true(log.messages('error').length > 0);
});

test('a disk that has become read-only is said to be so', async t => {
	let isReadOnly = false;
	const files = failingFiles((operation, path) =>
		isReadOnly && operation === 'open' && path.endsWith('.part') ? 'EROFS' : undefined,
	);
	const store = await openDisk(await newFolder(t), {files});
	const [body, other] = [randomBytes(1000), randomBytes(1000)];
	await store.put(digestOf(body), body);
	isReadOnly = true;
	const error = await refused(t, 'NODE_FAILED', async () => store.put(digestOf(other), other));
	t.regex(error.message, /read-only/);
	t.is(Buffer.compare(await store.get(digestOf(body)), body), 0);
});

test('a shard that somebody took away or cut short is missed when it is asked for', async t => {
	const folder = await newFolder(t);
	const store = await openDisk(folder);
	const bodies = Array.from({length: 4}, () => randomBytes(5000));
	for (const body of bodies) await store.put(digestOf(body), body);
	const [got, asked, putAgain, cut] = bodies.map(digestOf) as [Digest, Digest, Digest, Digest];
	for (const digest of [got, asked, putAgain]) await unlink(join(folder, 'chunks', `${digest}.chunk`));
	await writeFile(join(folder, 'chunks', `${cut}.chunk`), 'cut');

	await refused(t, 'SHARD_NOT_FOUND', async () => store.get(got));
	t.is(await store.stat(asked), undefined);
	await store.put(putAgain, bodies[2] as Buffer);
	t.true(await store.verify(putAgain));
	await store.put(cut, bodies[3] as Buffer);
	t.true(await store.verify(cut));
	t.deepEqual(await collect(store.list()), [putAgain, cut].sort());
});

test('a shard that the disk does not give is called unreadable, and is still there', async t => {
	let isBroken = false;
	const files = failingFiles((operation, path) =>
		isBroken && operation === 'read' && path.endsWith('.chunk') ? 'EIO' : undefined,
	);
	const folder = await newFolder(t);
	const store = await openDisk(folder, {files});
	const body = randomBytes(1000);
	await store.put(digestOf(body), body);
	isBroken = true;
	const challenge = {nonce: '0'.repeat(64), offset: 0, length: 10};
	await refused(t, 'SHARD_UNREADABLE', async () => store.get(digestOf(body)));
	await refused(t, 'SHARD_UNREADABLE', async () => store.verify(digestOf(body)));
	await refused(t, 'SHARD_UNREADABLE', async () => store.prove(digestOf(body), challenge));
	t.deepEqual(await store.stat(digestOf(body)), {sizeBytes: 1000});
	t.is((await filesIn(folder, 'quarantine')).length, 0);
	isBroken = false;
	t.true(await store.verify(digestOf(body)));
});
