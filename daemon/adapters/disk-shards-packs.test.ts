import {randomBytes} from 'node:crypto';
import {copyFile, open, readFile, rename, truncate, unlink, writeFile} from 'node:fs/promises';
import {basename, join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import type {Digest} from '../../source/protocol/ids.js';
import {MOST_PACKED_SHARDS, packHead, packHeadBytes, parsePackName} from '../core/shard-pack.js';
import {digestOf, shardStoreSuite} from '../ports/shard-store.suite.js';
import type {ShardStore} from '../ports/shard-store.js';
import {recordingLog} from '../testing/recording-log.js';
import {digestsIn, isRightAt, shardPlacesIn} from '../testing/shards-on-disk.js';
import type {DiskShards} from './disk-shards.js';
import {
	collect,
	type DiskOptions,
	failingFiles,
	filesIn,
	newFolder,
	openDisk,
	openFolder,
	refused,
} from './disk-shards-testing.suite.js';

const bodiesOf = (count: number, sizeBytes = 1000) =>
	Array.from({length: count}, () => randomBytes(sizeBytes)) as [Buffer, Buffer, Buffer, ...Buffer[]];

/** Puts them at once, so that they go into one pack. */
const putTogether = async (store: DiskShards, bodies: readonly Buffer[]): Promise<void> => {
	await Promise.all(bodies.map(async body => store.put(digestOf(body), body)));
};

const flipByte = async (path: string, at: number): Promise<void> => {
	const file = await open(path, 'r+');
	const {buffer} = await file.read(Buffer.alloc(1), 0, 1, at);
	await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, at);
	await file.close();
};

/** How the pack of these is called, in this order, where it is whole. */
const packOf = (bodies: readonly Buffer[]): string =>
	`${packHead(bodies.map(body => ({digest: digestOf(body), sizeBytes: body.length}))).id}.pack`;

const onlyPackIn = async (folder: string): Promise<string> => {
	const [name = '', ...more] = await filesIn(folder, 'chunks');
	if (!parsePackName(name) || more.length > 0) throw new Error('There is not just one pack');
	return join(folder, 'chunks', name);
};

const placeOf = (folder: string, digest: Digest) => {
	const place = shardPlacesIn(folder).find(each => each.digest === digest);
	if (!place) throw new Error(`${digest} is not on the disk`);
	return place;
};

/** That the store and its disk agree on which shards there are, each once, now and after the next start. */
const agrees = async (t: ExecutionContext, folder: string, store: DiskShards, bodies: readonly Buffer[]) => {
	const expected = bodies.map(digestOf).sort();
	t.deepEqual(await collect(store.list()), expected);
	t.deepEqual(digestsIn(folder), expected);
	t.true(shardPlacesIn(folder).every(isRightAt));
	const again = await openDisk(folder);
	t.deepEqual(await collect(again.list()), expected);
	for (const body of bodies) t.is(Buffer.compare(await again.get(digestOf(body)), body), 0);
	t.is((await again.figures()).usedBytes, (await store.figures()).usedBytes);
	t.deepEqual(await filesIn(folder, 'tmp'), []);
};

/** Opens a store whose disk fails at one operation while `failing.isOn`. */
const openFailing = async (folder: string, operation: string, code: string, options: DiskOptions = {}) => {
	const failing = {isOn: false};
	const files = failingFiles(asked => (failing.isOn && asked === operation ? code : undefined));
	return {store: await openDisk(folder, {files, ...options}), failing};
};

const folders = new WeakMap<object, string>();
const companion = Buffer.from('goes along with each');

/** A store that keeps each shard together with another one for a while, of which it doesn't tell. */
const packing = (store: DiskShards): ShardStore => {
	const along = new Set<Digest>();
	return {
		put: async (digest, body, options) => {
			const other = Buffer.concat([companion, body.subarray(0, 100)]);
			along.add(digestOf(other));
			const puts = [store.put(digest, body, options), store.put(digestOf(other), other)];
			await Promise.allSettled(puts);
			await store.remove(digestOf(other));
			await puts[0];
		},
		get: async (digest, options) => store.get(digest, options),
		stat: async (digest, options) => store.stat(digest, options),
		remove: async (digest, options) => store.remove(digest, options),
		async *list(after, options) {
			for await (const digest of store.list(after, options)) if (!along.has(digest)) yield digest;
		},
		verify: async (digest, options) => store.verify(digest, options),
		prove: async (digest, challenge, options) => store.prove(digest, challenge, options),
	};
};

shardStoreSuite(
	test,
	'disk, in packs',
	async t => {
		const folder = await newFolder(t);
		const store = packing(await openDisk(folder));
		folders.set(store, folder);
		return store;
	},
	{
		tamper: async (store, digest) => {
			const {path, offset} = placeOf(folders.get(store) ?? '', digest);
			await flipByte(path, offset);
		},
	},
);

test('small shards that come together are one file, flushed once; one that comes alone has its own', async t => {
	const folder = await newFolder(t);
	const steps: string[] = [];
	const files = failingFiles((operation, path) => {
		const place = path.endsWith('.part') ? 'file' : path.endsWith('chunks') ? 'folder' : 'pack';
		if (/^(write|writeTogether|sync|rename)$/.test(operation)) steps.push(`${operation} ${place}`);
		return undefined;
	});
	const store = await openDisk(folder, {files});
	steps.length = 0;
	const bodies = bodiesOf(5);
	await putTogether(store, bodies);
	t.deepEqual(steps, ['writeTogether file', 'rename pack', 'sync folder']);
	t.deepEqual(await filesIn(folder, 'chunks'), [packOf(bodies)]);

	const [alone, large] = [randomBytes(1000), randomBytes(300_000)];
	await store.put(digestOf(alone), alone);
	await store.put(digestOf(large), large);
	const names = [packOf(bodies), `${digestOf(alone)}.chunk`, `${digestOf(large)}.chunk`];
	t.deepEqual(await filesIn(folder, 'chunks'), names.sort());
	await agrees(t, folder, store, [...bodies, alone, large]);

	// Those that are there already are not written again.
	await putTogether(store, [...bodies, alone]);
	t.is((await filesIn(folder, 'chunks')).length, 3);
});

test('a pack takes no more than it may, and the next takes the rest', async t => {
	const folder = await newFolder(t);
	const store = await openDisk(folder, {smallBuffers: 100});
	const many = bodiesOf(MOST_PACKED_SHARDS + 8, 10);
	await putTogether(store, many);
	const large = bodiesOf(20, 200_000);
	await putTogether(store, large);
	const packs = [
		many.slice(0, MOST_PACKED_SHARDS),
		many.slice(MOST_PACKED_SHARDS),
		large.slice(0, 10),
		large.slice(10),
	];
	t.deepEqual(await filesIn(folder, 'chunks'), packs.map(packOf).sort());
	await agrees(t, folder, store, [...many, ...large]);
});

test('what is removed stands in the name, then what is left moves, then the file goes; the room comes back', async t => {
	const folder = await newFolder(t);
	const store = await openDisk(folder);
	const emptyBytes = (await store.figures()).usedBytes;
	const bodies = bodiesOf(5, 20_000);
	await putTogether(store, bodies);
	const fullBytes = (await store.figures()).usedBytes;
	const names: string[] = [];
	for (const [index, body] of bodies.entries()) {
		await store.remove(digestOf(body));
		names.push((await filesIn(folder, 'chunks')).join());
		t.is(await store.stat(digestOf(body)), undefined);
		await refused(t, 'SHARD_NOT_FOUND', async () => store.get(digestOf(body)));
		await agrees(t, folder, store, bodies.slice(index + 1));
	}

	const [whole, two, one] = [bodies, bodies.slice(3), bodies.slice(4)].map(packOf) as [string, string, string];
	t.deepEqual(names, [whole.replace('.', '.1.'), whole.replace('.', '.3.'), two, one, '']);
	t.true(fullBytes > emptyBytes);
	t.is((await store.figures()).usedBytes, emptyBytes);
	await putTogether(store, bodies);
	await agrees(t, folder, store, bodies);
});

test('a shard is read while what is left of its pack moves', async t => {
	const folder = await newFolder(t);
	const store = await openDisk(folder);
	for (let round = 0; round < 20; round++) {
		const bodies = bodiesOf(4, 5000);
		const [one, two, three, four] = bodies as unknown as [Buffer, Buffer, Buffer, Buffer];
		await putTogether(store, bodies);
		const [got, , , stat, isRight] = await Promise.all([
			store.get(digestOf(four)),
			store.remove(digestOf(one)),
			store.remove(digestOf(two)).then(async () => store.remove(digestOf(three))),
			store.stat(digestOf(four)),
			store.verify(digestOf(four)),
		]);
		t.is(Buffer.compare(got, four), 0);
		t.deepEqual(stat, {sizeBytes: 5000});
		t.true(isRight);
		t.is(Buffer.compare(await store.get(digestOf(four)), four), 0);
		await store.remove(digestOf(four));
	}

	t.deepEqual(await filesIn(folder, 'chunks'), []);
});

test('a crash between the steps of a move leaves each shard once, and none that was removed', async t => {
	const bodies = bodiesOf(3, 20_000);
	const [one, two, three] = bodies;
	const folder = await newFolder(t);
	const store = await openDisk(folder);
	await putTogether(store, bodies);
	await store.remove(digestOf(one));
	const path = await onlyPackIn(folder);
	const before = join(folder, 'before');
	await copyFile(path, before);
	await store.remove(digestOf(two));
	t.deepEqual(await filesIn(folder, 'chunks'), [packOf([three])]);
	// The new one is there, and the old one still is: it was not said yet that the second is removed.
	await rename(before, path);
	const again = await openDisk(folder);
	t.deepEqual(await collect(again.list()), [two, three].map(digestOf).sort());
	await agrees(t, folder, again, [two, three]);
	await again.remove(digestOf(three));
	await agrees(t, folder, await openDisk(folder), [two]);
});

test('at a start, heads of packs are read only where the index does not say what is in them', async t => {
	const folder = await newFolder(t);
	const node = await openFolder(folder);
	const [known, unknown] = [bodiesOf(4, 2000), bodiesOf(3)];
	await putTogether(node.shards, known);
	await node.save();
	// Removed since the index was written: the names say so.
	await node.shards.remove(digestOf(known[1]));
	await putTogether(node.shards, unknown);

	const opened: string[] = [];
	const files = failingFiles((operation, path) => {
		if (operation === 'open' && path.endsWith('.pack')) opened.push(basename(path));
		return undefined;
	});
	const again = await openFolder(folder, {files});
	t.deepEqual(opened, [packOf(unknown)]);
	const left = known.filter(body => body !== known[1]);
	t.deepEqual(await collect(again.shards.list()), [...left, ...unknown].map(digestOf).sort());
	for (const body of [...left, ...unknown]) t.is(Buffer.compare(await again.shards.get(digestOf(body)), body), 0);
	await again.save();
	opened.length = 0;
	await openFolder(folder, {files});
	t.deepEqual(opened, []);
});

test('an index that says wrong things of a pack is not believed', async t => {
	const folder = await newFolder(t);
	const node = await openFolder(folder);
	const bodies = bodiesOf(3);
	await putTogether(node.shards, bodies);
	await node.save();
	const path = join(folder, 'node_metadata.json');
	const index = JSON.parse(await readFile(path, 'utf8')) as {packs: Record<string, string>};
	const [id, contents] = Object.entries(index.packs)[0] ?? ['', ''];
	t.is(`${id}.pack`, packOf(bodies));
	for (const wrong of [contents.replace('.1000', '.999'), contents.slice(0, -1), '', 'x', 7, null, [contents]]) {
		await writeFile(path, JSON.stringify({...index, packs: {[id]: wrong, none: contents}}));
		const again = (await openFolder(folder)).shards;
		t.deepEqual(await collect(again.list()), bodies.map(digestOf).sort());
		for (const body of bodies) t.true(await again.verify(digestOf(body)));
	}
});

test('a shard that has a file of its own as well is kept there alone', async t => {
	const folder = await newFolder(t);
	const bodies = bodiesOf(3);
	const [one] = bodies;
	await putTogether(await openDisk(folder), bodies);
	await writeFile(join(folder, 'chunks', `${digestOf(one)}.chunk`), one);
	await agrees(t, folder, await openDisk(folder), bodies);
	t.is(placeOf(folder, digestOf(one)).offset, 0);
});

test('a wrong shard of a pack goes to quarantine alone', async t => {
	const folder = await newFolder(t);
	const store = await openDisk(folder);
	const bodies = bodiesOf(3);
	const [one, two, three] = bodies;
	await putTogether(store, bodies);
	const {path, offset} = placeOf(folder, digestOf(two));
	await flipByte(path, offset + 500);
	t.true(await store.verify(digestOf(one)));
	t.false(await store.verify(digestOf(two)));
	t.true(await store.verify(digestOf(three)));
	const [aside = ''] = await filesIn(folder, 'quarantine');
	t.true(aside.startsWith(digestOf(two)));
	const wrong = await readFile(join(folder, 'quarantine', aside));
	t.deepEqual([wrong.length, wrong[500]], [1000, (two[500] ?? 0) ^ 1]);
	await agrees(t, folder, store, [one, three]);
	await store.put(digestOf(two), two);
	await agrees(t, folder, store, bodies);
});

test('a wrong shard that could not leave its pack never comes back in place of the right one', async t => {
	const folder = await newFolder(t);
	const {store, failing} = await openFailing(folder, 'write', 'EROFS');
	const bodies = bodiesOf(3);
	const [one, two, three] = bodies;
	await putTogether(store, bodies);
	const {path, offset} = placeOf(folder, digestOf(two));
	await flipByte(path, offset);
	failing.isOn = true;
	t.false(await store.verify(digestOf(two)));
	failing.isOn = false;
	t.deepEqual(await filesIn(folder, 'quarantine'), []);
	t.is(await store.stat(digestOf(two)), undefined);
	await store.put(digestOf(two), two);
	t.is(Buffer.compare(await store.get(digestOf(two)), two), 0);
	await store.remove(digestOf(one));
	await agrees(t, folder, store, [two, three]);
});

test('a pack whose head is wrong goes to quarantine at the next start, and the others stay', async t => {
	const folder = await newFolder(t);
	const first = await openDisk(folder);
	const [spoiled, sound] = [bodiesOf(3), bodiesOf(3)];
	await putTogether(first, spoiled);
	await putTogether(first, sound);
	await flipByte(join(folder, 'chunks', packOf(spoiled)), 20);
	await writeFile(join(folder, 'chunks', `${'0'.repeat(64)}.pack`), '');
	const log = recordingLog();
	const store = await openDisk(folder, {log});
	t.regex(log.messages('error').join(), /can be read no more/);
	t.is(store.quarantined, 2);
	await agrees(t, folder, store, sound);
	await putTogether(store, spoiled);
	await agrees(t, folder, store, [...spoiled, ...sound]);
});

test('of a pack that was cut short, what is whole stays', async t => {
	const folder = await newFolder(t);
	const bodies = bodiesOf(4, 20_000);
	await putTogether(await openDisk(folder), bodies);
	const path = await onlyPackIn(folder);
	const last = shardPlacesIn(folder).sort((one, other) => other.offset - one.offset)[0];
	await truncate(path, packHeadBytes(4) + 79_999);
	const log = recordingLog();
	const store = await openDisk(folder, {log});
	t.regex(log.messages('warn').join(), /cut short/);
	const left = bodies.filter(body => digestOf(body) !== last?.digest);
	t.deepEqual(await collect(store.list()), left.map(digestOf).sort());
	for (const body of left) t.true(await store.verify(digestOf(body)));
	for (const body of left) await store.remove(digestOf(body));
	t.deepEqual(await filesIn(folder, 'chunks'), []);
});

test('a pack that somebody took away or cut short while the node runs is missed when one of it is asked for', async t => {
	for (const spoil of [unlink, async (path: string) => truncate(path, 500)]) {
		const folder = await newFolder(t);
		const log = recordingLog();
		const store = await openDisk(folder, {log});
		const bodies = bodiesOf(3);
		const [one, two] = bodies;
		const emptyBytes = (await store.figures()).usedBytes;
		await putTogether(store, bodies);
		await spoil(await onlyPackIn(folder));
		t.is(await store.stat(digestOf(one)), undefined);
		t.regex(log.messages('warn').join(), /gone or cut short/);
		await refused(t, 'SHARD_NOT_FOUND', async () => store.get(digestOf(two)));
		t.deepEqual(await collect(store.list()), []);
		t.is((await store.figures()).usedBytes, emptyBytes);
		await putTogether(store, bodies);
		await agrees(t, folder, await openDisk(folder), bodies);
	}

	const folder = await newFolder(t);
	const store = await openDisk(folder);
	const bodies = bodiesOf(4);
	await putTogether(store, bodies);
	await unlink(await onlyPackIn(folder));
	for (const body of bodies) await store.remove(digestOf(body));
	t.deepEqual(await collect(store.list()), []);
});

test('a folder that is gone takes no shard of a pack from what is known', async t => {
	const folder = await newFolder(t);
	const store = await openDisk(folder);
	const bodies = bodiesOf(3);
	await putTogether(store, bodies);
	await rename(join(folder, 'chunks'), join(folder, 'away'));
	await refused(t, 'NODE_FAILED', async () => store.get(digestOf(bodies[0])));
	await refused(t, 'NODE_FAILED', async () => store.stat(digestOf(bodies[0])));
	await refused(t, 'NODE_FAILED', async () => store.remove(digestOf(bodies[0])));
	await rename(join(folder, 'away'), join(folder, 'chunks'));
	await agrees(t, folder, store, bodies);
});

test('a disk that is full when a pack is written keeps none of it, and says so to each', async t => {
	for (const operation of ['open', 'writeTogether', 'rename', 'sync']) {
		const folder = await newFolder(t);
		const {store, failing} = await openFailing(folder, operation, 'ENOSPC');
		const before = await store.figures();
		const bodies = bodiesOf(3);
		failing.isOn = true;
		await Promise.all(
			bodies.map(async body => refused(t, 'INSUFFICIENT_STORAGE', async () => store.put(digestOf(body), body))),
		);
		failing.isOn = false;
		t.deepEqual(await filesIn(folder, 'chunks'), [], operation);
		t.is((await store.figures()).usedBytes, before.usedBytes, operation);
		await putTogether(store, bodies);
		await agrees(t, folder, store, bodies);
	}
});

test('where what is left of a pack can not move, the removal holds all the same', async t => {
	for (const [operation, code] of [
		['writeTogether', 'ENOSPC'],
		['read', 'EIO'],
	] as const) {
		const folder = await newFolder(t);
		const log = recordingLog();
		const {store, failing} = await openFailing(folder, operation, code, {log});
		const bodies = bodiesOf(5, 20_000);
		await putTogether(store, bodies);
		const left = bodies.slice(4);
		failing.isOn = true;
		for (const body of bodies.slice(0, 4)) await store.remove(digestOf(body));
		failing.isOn = false;
		t.deepEqual(await filesIn(folder, 'chunks'), [packOf(bodies).replace('.', '.f.')], operation);
		t.true(log.messages('warn').some(message => message.includes('could not be moved')));
		await agrees(t, folder, store, left);
		for (const body of left) await store.remove(digestOf(body));
		t.deepEqual(await filesIn(folder, 'chunks'), []);
	}
});

test('a removal that the disk refuses is refused, and the shard is still there', async t => {
	for (const operation of ['rename', 'sync']) {
		const folder = await newFolder(t);
		const {store, failing} = await openFailing(folder, operation, 'EROFS');
		const bodies = bodiesOf(3);
		await putTogether(store, bodies);
		failing.isOn = true;
		await refused(t, 'NODE_FAILED', async () => store.remove(digestOf(bodies[0])));
		failing.isOn = false;
		await agrees(t, folder, store, bodies);
		await store.remove(digestOf(bodies[0]));
		await agrees(t, folder, store, bodies.slice(1));
	}
});

test('a disk that takes a pack in several goes has it whole', async t => {
	const folder = await newFolder(t);
	const files = failingFiles(() => undefined);
	const store = await openDisk(folder, {
		files: {
			...files,
			openAtOnce: (path, flags, mode) => {
				const file = files.openAtOnce(path, flags, mode);
				return new Proxy(file, {
					get: (target, name): unknown => {
						if (name === 'writeTogether') {
							return async (pieces: Uint8Array[]) => target.write(Buffer.concat(pieces), 0, 700, 0);
						}

						const value: unknown = Reflect.get(target, name, target);
						return typeof value === 'function' ? (value.bind(target) as unknown) : value;
					},
				});
			},
		},
	});
	const bodies = bodiesOf(3);
	await putTogether(store, bodies);
	await agrees(t, folder, store, bodies);
});

test('whatever is put and removed at once, the store, its disk and the next start agree', async t => {
	const pool = Array.from({length: 12}, (_, index) => Buffer.alloc(index * 900 + 1, index));
	const step = fc.array(fc.record({isPut: fc.boolean(), at: fc.nat(pool.length - 1)}), {minLength: 1, maxLength: 8});
	await fc.assert(
		fc.asyncProperty(fc.array(step, {maxLength: 12}), async steps => {
			const folder = await newFolder(t);
			let store = await openDisk(folder);
			const kept = new Set<Buffer>();
			for (const [index, together] of steps.entries()) {
				// One thing is asked of each shard at a time, so that it is known what comes of it.
				const asked = new Map(together.map(({isPut, at}) => [pool[at] as Buffer, isPut]));
				await Promise.all(
					[...asked].map(async ([body, isPut]) =>
						isPut ? store.put(digestOf(body), body) : store.remove(digestOf(body)),
					),
				);
				for (const [body, isPut] of asked) kept[isPut ? 'add' : 'delete'](body);
				if (index % 3 === 2) store = await openDisk(folder);
			}

			await agrees(t, folder, store, [...kept]);
		}),
		{numRuns: 60},
	);
});
