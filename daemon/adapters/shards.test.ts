import {execFile} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {constants} from 'node:fs';
import {readFile, unlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {Readable} from 'node:stream';
import {promisify} from 'node:util';
import test from 'ava';
import type {Digest} from '../../source/protocol/ids.js';
import {listingDigest} from '../core/listing.js';
import {MAX_SHARD_BYTES} from '../core/limits.js';
import {digestOf, shardStoreSuite} from '../ports/shard-store.suite.js';
import {recordingLog} from '../testing/recording-log.js';
import {type DiskFiles, systemFiles} from './disk-shards-files.js';
import {
	collect,
	failingFiles,
	filesIn,
	flipByte,
	newFolder,
	openDisk,
	openFolder,
	refused,
	systemError,
} from './disk-shards-testing.suite.js';
import {MemoryShards} from './memory-shards.js';

const MIB = 1024 ** 2;
const DSYNC = process.platform === 'linux' ? constants.O_DSYNC : 0;

shardStoreSuite(test, 'memory', async () => Promise.resolve(new MemoryShards()), {
	tamper: async (store, digest) => {
		if (!(store instanceof MemoryShards)) throw new TypeError('another store');
		const body = store.kept.get(digest) ?? new Uint8Array();
		body[0] = (body[0] ?? 0) ^ 1;
		return Promise.resolve();
	},
});

const folders = new WeakMap<object, string>();

shardStoreSuite(
	test,
	'disk',
	async t => {
		const folder = await newFolder(t);
		const store = await openDisk(folder);
		folders.set(store, folder);
		return store;
	},
	{tamper: async (store, digest) => flipByte(join(folders.get(store) ?? '', 'chunks', `${digest}.chunk`))},
);

test('a memory store refuses what goes beyond its allocation', async t => {
	const store = new MemoryShards({allocatedBytes: 1500});
	const [one, other] = [randomBytes(1000), randomBytes(1000)];
	await store.put(digestOf(one), one);
	await refused(t, 'INSUFFICIENT_STORAGE', async () => store.put(digestOf(other), other));
	await store.put(digestOf(one), one);
	t.is(store.usedBytes, 1000);
});

test('a file system that refuses direct writing is written to through its cache, and asked once', async t => {
	for (const refusal of ['open', 'write']) {
		const folder = await newFolder(t);
		let direct = 0;
		const isDirect = new Set<string>();
		const files = failingFiles((operation, path) =>
			operation === refusal && isDirect.has(path) ? 'EINVAL' : undefined,
		);
		const store = await openDisk(folder, {
			files: {
				...files,
				openAtOnce: (path, flags, mode) => {
					isDirect.delete(path);
					if (typeof flags === 'number' && flags & constants.O_DIRECT) {
						direct++;
						isDirect.add(path);
					}

					return files.openAtOnce(path, flags, mode);
				},
			},
		});
		for (const sizeBytes of [MAX_SHARD_BYTES, 1_000_000, 10]) {
			const body = randomBytes(sizeBytes);
			t.is(await store.receive(digestOf(body), Readable.from([body])), 'created');
			t.is(Buffer.compare(await store.get(digestOf(body)), body), 0);
		}

		t.is(direct, 1);
	}
});

test('a shard is on disk before anybody is told that it is kept', async t => {
	const folder = await newFolder(t);
	for (const sizeBytes of [0, 1000, 1_000_000]) {
		const steps: string[] = [];
		const createdWith: number[] = [];
		const files = failingFiles((operation, path) => {
			const place = /\/tmp\/\d+\.part$/.test(path) ? 'file' : path.endsWith('chunks') ? 'folder' : 'shard';
			if (['write', 'datasync', 'sync', 'rename'].includes(operation)) steps.push(`${operation} ${place}`);
			return undefined;
		});
		const store = await openDisk(folder, {
			files: {
				...files,
				openAtOnce: (path, flags, mode) => {
					if (typeof flags === 'number' && flags & constants.O_CREAT) createdWith.push(flags);
					return files.openAtOnce(path, flags, mode);
				},
			},
		});
		const body = randomBytes(sizeBytes);
		steps.length = 0;
		await store.receive(digestOf(body), Readable.from(sizeBytes === 0 ? [] : [body]), sizeBytes);
		const isFlushedByWriting = sizeBytes > 0 && createdWith.every(flags => flags & DSYNC);
		t.deepEqual(steps, [
			...(sizeBytes === 0 ? [] : ['write file']),
			...(isFlushedByWriting ? [] : ['datasync file']),
			'rename shard',
			'sync folder',
		]);
		t.is(isFlushedByWriting, sizeBytes === 1000 && DSYNC !== 0);
		t.is(createdWith.length, 1);
		steps.length = 0;
		await store.remove(digestOf(body));
		t.deepEqual(steps, ['sync folder']);
	}
});

test('shards that arrive together share the flushes of their folder', async t => {
	const folder = await newFolder(t);
	let flushes = 0;
	const files = failingFiles((operation, path) => {
		if (operation === 'sync' && path.endsWith('chunks')) flushes++;
		return undefined;
	});
	const store = await openDisk(folder, {files});
	const bodies = Array.from({length: 60}, () => randomBytes(100));
	await Promise.all(bodies.map(async body => store.put(digestOf(body), body)));
	t.is(store.count, 60);
	t.true(flushes > 0 && flushes < 50, `${flushes} flushes`);
});

test('a stream is kept as it comes, in pieces of any size', async t => {
	const store = await openDisk(await newFolder(t));
	for (const sizeBytes of [0, 1, 70_000, 262_144, 262_145, 3_000_001]) {
		const body = randomBytes(sizeBytes);
		const pieces = [body.subarray(0, 7), body.subarray(7, 65_000), body.subarray(65_000)].filter(
			piece => piece.length > 0,
		);
		const isTold = sizeBytes % 2 === 0;
		const stream = Readable.from(pieces, {objectMode: false});
		t.is(await store.receive(digestOf(body), stream, isTold ? sizeBytes : undefined), 'created');
		t.is(Buffer.compare(await store.get(digestOf(body)), body), 0);
		t.is(await store.receive(digestOf(body), Readable.from([body], {objectMode: false})), 'exists');

		const opened = await store.open(digestOf(body));
		t.is(Buffer.compare(opened.bytes, body), 0);
		opened.release();
	}
});

test('a body without a name is kept under the digest that it has', async t => {
	const store = await openDisk(await newFolder(t));
	const body = randomBytes(5000);
	const received = await store.receiveUnnamed(Readable.from([body]), body.length);
	t.deepEqual(received, {digest: digestOf(body), sizeBytes: 5000, outcome: 'created'});
	t.is((await store.receiveUnnamed(Readable.from([body]), body.length)).outcome, 'exists');
});

test('a body that is wrong, too long, too short or broken off leaves nothing behind', async t => {
	const folder = await newFolder(t);
	const store = await openDisk(folder);
	const before = await store.figures();
	const body = randomBytes(400_000);
	const digest = digestOf(body);
	const streamOf = (...pieces: Uint8Array[]) => Readable.from(pieces, {objectMode: false});

	await refused(t, 'DIGEST_MISMATCH', async () => store.receive(digest, streamOf(randomBytes(400_000)), 400_000));
	await refused(t, 'BODY_TOO_LARGE', async () => store.receive(digest, streamOf(body, body), 400_000));
	await refused(t, 'BODY_TOO_LARGE', async () => store.receive(digest, streamOf(body), MAX_SHARD_BYTES + 1));
	const endless = () =>
		Readable.from(
			(function* () {
				for (;;) yield body;
			})(),
		);
	await refused(t, 'BODY_TOO_LARGE', async () => store.receive(digest, endless()));
	await refused(t, 'UPLOAD_INCOMPLETE', async () => store.receive(digest, streamOf(body.subarray(1)), 400_000));
	await refused(t, 'UPLOAD_INCOMPLETE', async () => store.receiveUnnamed(streamOf(body.subarray(1)), 400_000));

	const broken = new Readable({read: () => undefined});
	broken.push(body.subarray(0, 1000));
	const receiving = store.receive(digest, broken, 400_000);
	setImmediate(() => broken.destroy(systemError('ECONNRESET')));
	t.is((await t.throwsAsync<NodeJS.ErrnoException>(receiving)).code, 'ECONNRESET');

	const stalled = new Readable({read: () => undefined});
	const controller = new AbortController();
	const reason = new Error('too slow');
	const waiting = store.receive(digest, stalled, 400_000, {signal: controller.signal});
	setImmediate(() => controller.abort(reason));
	t.is(await t.throwsAsync(waiting), reason);
	t.false(stalled.destroyed);

	// There is a shard already: the body is looked at all the same.
	await store.put(digest, body);
	await refused(t, 'DIGEST_MISMATCH', async () => store.receive(digest, streamOf(randomBytes(400_000)), 400_000));
	t.true(await store.verify(digest));
	await store.remove(digest);

	t.deepEqual(await filesIn(folder, 'tmp'), []);
	t.deepEqual(await filesIn(folder, 'chunks'), []);
	t.is((await store.figures()).usedBytes, before.usedBytes);
	t.is(await store.receive(digest, streamOf(body), 400_000), 'created');
});

test('while there is no buffer, a stream is not read', async t => {
	const store = await openDisk(await newFolder(t), {largeBuffers: 1});
	const [one, other] = [randomBytes(1 * MIB), randomBytes(1 * MIB)];
	const slow = new Readable({read: () => undefined});
	slow.push(one.subarray(0, 100));
	const first = store.receive(digestOf(one), slow, one.length);

	let reads = 0;
	const second = new Readable({
		read() {
			reads++;
			this.push(other);
			this.push(null);
		},
	});
	const waiting = store.receive(digestOf(other), second, other.length);
	await new Promise(resolve => setTimeout(resolve, 50));
	t.is(reads, 0);
	// A small shard has buffers of its own.
	await store.put(digestOf(Buffer.from('small')), Buffer.from('small'));

	slow.push(one.subarray(100));
	slow.push(null);
	t.is(await first, 'created');
	t.is(await waiting, 'created');
});

test('puts and removals of one shard at once leave the file and the memory of it agreed', async t => {
	const folder = await newFolder(t);
	const store = await openDisk(folder);
	const body = randomBytes(3000);
	const digest = digestOf(body);
	for (let round = 0; round < 30; round++) {
		await Promise.all([
			store.put(digest, body),
			store.remove(digest),
			store.put(digest, body),
			...(round % 2 ? [store.remove(digest)] : []),
		]);
		const isListed = (await collect(store.list())).length === 1;
		t.is((await filesIn(folder, 'chunks')).length === 1, isListed);
		t.is((await store.stat(digest)) !== undefined, isListed);
		const {usedBytes, count} = await store.figures();
		t.is(count, isListed ? 1 : 0);
		t.true(usedBytes >= 0);
	}
});

test('a start removes what was half written, says so, and finds what is there', async t => {
	const folder = await newFolder(t);
	const first = await openDisk(folder);
	const bodies = Array.from({length: 50}, (_, index) => randomBytes(1000 + index));
	for (const body of bodies) await first.put(digestOf(body), body);
	const digests = bodies.map(digestOf).sort();
	t.is(first.listingDigest(), listingDigest(digests));

	await writeFile(join(folder, 'tmp', '17.part'), 'half');
	await writeFile(join(folder, 'chunks', 'notes.txt'), 'mine');
	const gone = digests[7] as Digest;
	await unlink(join(folder, 'chunks', `${gone}.chunk`));
	const left = digests.filter(digest => digest !== gone);

	let looks = 0;
	const files: DiskFiles = {
		...systemFiles,
		stat: (async path => {
			if (String(path).endsWith('.chunk')) looks++;
			return systemFiles.stat(path);
		}) as DiskFiles['stat'],
	};
	const log = recordingLog();
	const knownSizes = new Map<string, number>([...first.sizes()].filter(([digest]) => digest !== digests[3]));
	const second = await openDisk(folder, {log, files, knownSizes});
	t.deepEqual(await filesIn(folder, 'tmp'), []);
	t.deepEqual(await collect(second.list()), left);
	t.is(looks, 1, 'only the unknown one');
	t.is(second.listingDigest(), listingDigest(left));
	t.deepEqual(log.messages('warn').length, 2);
	t.regex(log.messages('warn').join(), /temporary files.*no shards/);
	t.deepEqual(await readFile(join(folder, 'chunks', 'notes.txt'), 'utf8'), 'mine');

	const third = await openDisk(folder);
	t.deepEqual(await collect(third.list()), left);
	t.deepEqual(new Map(third.sizes()), new Map(second.sizes()));
	t.is((await third.figures()).usedBytes, (await second.figures()).usedBytes);
});

test('what a node says it uses is what du says, to one in a hundred', async t => {
	const folder = await newFolder(t);
	const node = await openFolder(folder);
	const bodies = Array.from({length: 120}, (_, index) => randomBytes(100 + ((index * 7919) % 300_000)));
	for (const body of bodies) await node.shards.put(digestOf(body), body);
	for (const body of bodies.slice(0, 30)) await node.shards.remove(digestOf(body));
	for (let index = 0; index < 20; index++) await node.aliases.set(`chunk ${index}`, digestOf(bodies[50] as Buffer));
	await flipByte(join(folder, 'chunks', `${digestOf(bodies[40] as Buffer)}.chunk`));
	t.false(await node.shards.verify(digestOf(bodies[40] as Buffer)));
	await node.save();

	const {stdout} = await promisify(execFile)('du', ['-s', '-B1', folder]);
	const duBytes = Number(stdout.split('\t')[0]);
	for (const open of [node, await openFolder(folder)]) {
		const {usedBytes} = await open.shards.figures();
		t.true(Math.abs(usedBytes - duBytes) <= duBytes / 100, `${usedBytes} is not ${duBytes}`);
	}
});

test('the quarantine keeps the newest and lets go of the oldest', async t => {
	const folder = await newFolder(t);
	const store = await openDisk(folder);
	for (let index = 0; index < 70; index++) {
		const body = Buffer.from(`shard ${index}`);
		await store.put(digestOf(body), body);
		await flipByte(join(folder, 'chunks', `${digestOf(body)}.chunk`));
		t.false(await store.verify(digestOf(body)));
	}

	const names = await filesIn(folder, 'quarantine');
	t.is(names.length, 64);
	t.false(names.some(name => name.startsWith(digestOf(Buffer.from('shard 0')))));
	t.true(names.some(name => name.startsWith(digestOf(Buffer.from('shard 69')))));
	t.is((await openDisk(folder)).quarantined, 64);
});
