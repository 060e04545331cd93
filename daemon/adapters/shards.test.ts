import {execFile} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {constants} from 'node:fs';
import {open, readFile, rename, unlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {Readable} from 'node:stream';
import {promisify} from 'node:util';
import test from 'ava';
import {isPjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import {listingDigest} from '../core/listing.js';
import {MAX_SHARD_BYTES} from '../core/limits.js';
import {digestOf, shardStoreSuite} from '../ports/shard-store.suite.js';
import {recordingLog} from '../testing/recording-log.js';
import {AlignedPool} from './aligned-pool.js';
import {DiskShards, type DiskShardsOptions} from './disk-shards.js';
import type {DiskFile} from './disk-shards-file.js';
import {type DiskFiles, FolderSync, systemFiles} from './disk-shards-files.js';
import {
	collect,
	failingFiles,
	filesIn,
	GIB,
	newFolder,
	openFolder,
	refused,
	systemError,
} from './disk-shards-testing.suite.js';
import {diskFloorBytes, Space} from './disk-shards-space.js';
import {MemoryShards} from './memory-shards.js';
import {systemClock} from './system.js';

const MIB = 1024 ** 2;
const DSYNC = process.platform === 'linux' ? constants.O_DSYNC : 0;

const flipByte = async (path: string): Promise<void> => {
	const file = await open(path, 'r+');
	const {buffer} = await file.read(Buffer.alloc(1), 0, 1, 5);
	await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, 5);
	await file.close();
};

type DiskOptions = Partial<DiskShardsOptions> & {allocatedBytes?: number};

const openDisk = async (folder: string, {allocatedBytes = GIB, ...options}: DiskOptions = {}): Promise<DiskShards> => {
	const space = new Space({files: options.files ?? systemFiles, clock: systemClock, folder, allocatedBytes});
	return DiskShards.open({folder, space, log: recordingLog(), clock: systemClock, ...options});
};

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

test("a folder's flush waits for those who are about to change it, and serves nobody who came after it began", async t => {
	const begun: (() => void)[] = [];
	const file = {sync: async () => new Promise<void>(resolve => begun.push(resolve)), close: () => undefined};
	const folder = new FolderSync({...systemFiles, openAtOnce: () => file as unknown as DiskFile}, 'chunks');
	const turns = async () => {
		for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
	};

	let endWriting: () => void = () => undefined;
	const writing = new Promise<void>(resolve => (endWriting = resolve));
	const failing = folder.expectAfter(Promise.reject(new Error('no room')));
	const done: string[] = [];
	const first = folder.sync().then(() => done.push('first'));
	const second = folder.expectAfter(writing).then(async () => folder.sync());
	const secondDone = second.then(() => done.push('second'));
	await t.throwsAsync(failing, {message: 'no room'});
	await turns();
	t.is(begun.length, 0, 'one is still about to change the folder');

	endWriting();
	await turns();
	t.is(begun.length, 1);
	const late = folder.sync().then(() => done.push('late'));
	await turns();
	t.deepEqual([begun.length, done], [1, []]);

	begun[0]?.();
	await Promise.all([first, secondDone]);
	await turns();
	t.deepEqual([begun.length, done], [2, ['first', 'second']]);
	begun[1]?.();
	await late;
	t.deepEqual(done, ['first', 'second', 'late']);
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

		t.is((await filesIn(folder, 'chunks')).length, fits);
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
