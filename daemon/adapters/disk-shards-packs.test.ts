import {randomBytes} from 'node:crypto';
import {statSync} from 'node:fs';
import {basename, join} from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import type {Digest} from '../../source/protocol/ids.js';
import {MOST_PACK_BYTES, MOST_PACKED_SHARDS} from '../core/shard-pack.js';
import {digestOf, shardStoreSuite} from '../ports/shard-store.suite.js';
import type {ShardStore} from '../ports/shard-store.js';
import type {DiskShards} from './disk-shards.js';
import {agrees, bodiesOf, packOf, placeOf, putTogether} from './disk-shards-packs-testing.suite.js';
import {
	collect,
	failingFiles,
	filesIn,
	flipByte,
	newFolder,
	openDisk,
	openFolder,
	refused,
} from './disk-shards-testing.suite.js';

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
	t.deepEqual(await filesIn(folder, 'chunks'), [packOf(folder, bodies)]);

	const [alone, large] = [randomBytes(1000), randomBytes(300_000)];
	await store.put(digestOf(alone), alone);
	await store.put(digestOf(large), large);
	const names = [packOf(folder, bodies), `${digestOf(alone)}.chunk`, `${digestOf(large)}.chunk`];
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
	for (let at = 0; at < many.length; at += 34) await putTogether(store, many.slice(at, at + 34));
	// Three parts of 34 fit in the first.
	const packs = [many.slice(0, 102), many.slice(102)];
	t.deepEqual(await filesIn(folder, 'chunks'), packs.map(part => packOf(folder, part)).sort());
	await agrees(t, folder, store, many);

	const large = bodiesOf(48, 200_000);
	for (let at = 0; at < large.length; at += 16) await putTogether(store, large.slice(at, at + 16));
	const sizes = (await filesIn(folder, 'chunks')).map(name => statSync(join(folder, 'chunks', name)).size);
	t.true(Math.max(...sizes) <= MOST_PACK_BYTES);
	t.true(Math.max(...sizes) > 32 * 200_000);
	t.is(sizes.length, 3);
	await agrees(t, folder, store, [...many, ...large]);
});

test('what is removed stands in the name, then what is left moves, then the file goes; the room comes back', async t => {
	const folder = await newFolder(t);
	const store = await openDisk(folder);
	const emptyBytes = (await store.figures()).usedBytes;
	const bodies = bodiesOf(5, 20_000);
	await putTogether(store, bodies);
	const whole = packOf(folder, bodies);
	const fullBytes = (await store.figures()).usedBytes;
	const names: string[] = [];
	for (const [index, body] of bodies.entries()) {
		await store.remove(digestOf(body));
		names.push((await filesIn(folder, 'chunks')).join());
		t.is(await store.stat(digestOf(body)), undefined);
		await refused(t, 'SHARD_NOT_FOUND', async () => store.get(digestOf(body)));
		await agrees(t, folder, store, bodies.slice(index + 1));
	}

	t.deepEqual(names, [whole.replace('.', '.1.'), whole.replace('.', '.3.'), names[2], names[3], '']);
	for (const name of names.slice(2, 4)) t.regex(name, /^[\da-f]{64}\.pack$/);
	t.is(new Set([whole, ...names.slice(2)]).size, 4);
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

test('at a start, packs are read only where the index does not say all that is in them', async t => {
	const folder = await newFolder(t);
	const [known, grown, added, unknown] = [bodiesOf(4, 2000), bodiesOf(3), bodiesOf(3), bodiesOf(3)];
	await putTogether(await openDisk(folder), known);
	const node = await openFolder(folder);
	await putTogether(node.shards, grown);
	await node.save();
	// Removed since the index was written: the names say so.
	await node.shards.remove(digestOf(known[1]));
	await putTogether(node.shards, added);
	await putTogether(await openDisk(folder), unknown);

	const opened: string[] = [];
	const files = failingFiles((operation, path) => {
		if (operation === 'open' && path.endsWith('.pack')) opened.push(basename(path));
		return undefined;
	});
	const again = await openFolder(folder, {files});
	const names = [packOf(folder, [...grown, ...added]), packOf(folder, unknown)];
	t.deepEqual(opened.sort(), names.sort());
	const left = [...known.filter(body => body !== known[1]), ...grown, ...added, ...unknown];
	t.deepEqual(await collect(again.shards.list()), left.map(digestOf).sort());
	for (const body of left) t.is(Buffer.compare(await again.shards.get(digestOf(body)), body), 0);
	await again.save();
	opened.length = 0;
	await openFolder(folder, {files});
	t.deepEqual(opened, []);
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
