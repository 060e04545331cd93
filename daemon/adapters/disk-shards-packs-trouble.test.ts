import {randomBytes} from 'node:crypto';
import {copyFile, readFile, rename, truncate, unlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {packHeadBytes} from '../core/shard-pack.js';
import {digestOf} from '../ports/shard-store.suite.js';
import {recordingLog} from '../testing/recording-log.js';
import {shardPlacesIn} from '../testing/shards-on-disk.js';
import {
	agrees,
	bodiesOf,
	filesWith,
	onlyPackIn,
	openFailing,
	packOf,
	placeOf,
	putTogether,
} from './disk-shards-packs-testing.suite.js';
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
	t.deepEqual(await filesIn(folder, 'chunks'), [packOf(folder, [three])]);
	// The new one is there, and the old one still is: it was not said yet that the second is removed.
	await rename(before, path);
	const again = await openDisk(folder);
	t.deepEqual(await collect(again.list()), [two, three].map(digestOf).sort());
	await agrees(t, folder, again, [two, three]);
	await again.remove(digestOf(three));
	await agrees(t, folder, await openDisk(folder), [two]);
});

test('an index that says wrong things of a pack is not believed', async t => {
	const folder = await newFolder(t);
	const node = await openFolder(folder);
	const bodies = bodiesOf(5);
	await putTogether(node.shards, bodies.slice(0, 3));
	await putTogether(node.shards, bodies.slice(3));
	await node.save();
	const path = join(folder, 'node_metadata.json');
	const index = JSON.parse(await readFile(path, 'utf8')) as {packs: Record<string, [string, string, string]>};
	const [id, contents] = Object.entries(index.packs)[0] ?? ['', ['', '', '']];
	const [sum, one, two] = contents;
	t.is(`${id}.pack`, packOf(folder, bodies));
	const shortened = [one, two].map(text => text.replace('.1000', '.999'));
	for (const wrong of [
		[sum, shortened[0], two],
		[sum, one, shortened[1]],
		[sum, one],
		[id, one],
		[sum, two, one],
		[id, one, two],
		[sum, one, 7],
		[sum],
		[],
		'x',
		7,
		null,
	]) {
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

test('of two of one shard, the right one stays, whichever is found first', async t => {
	for (let round = 0; round < 8; round++) {
		const folder = await newFolder(t);
		const bodies = bodiesOf(3);
		const [one, two, three] = bodies;
		const other = randomBytes(1000);
		const {store, failing} = await openFailing(folder, 'write', 'EROFS');
		await (round % 2 ? putTogether(store, bodies) : store.put(digestOf(two), two));
		const {path, offset} = placeOf(folder, digestOf(two));
		await flipByte(path, offset);
		failing.isOn = true;
		// One that has a file of its own is moved, which works.
		t.false(await store.verify(digestOf(two)));
		failing.isOn = false;
		await putTogether(store, [two, other]);
		const again = await openDisk(folder);
		t.is(Buffer.compare(await again.get(digestOf(two)), two), 0);
		await agrees(t, folder, again, round % 2 ? [one, two, three, other] : [two, other]);
	}
});

test('a pack whose head the disk does not give stays where it is, and the node starts', async t => {
	const folder = await newFolder(t);
	const [lost, sound] = [bodiesOf(3), bodiesOf(3)];
	for (const bodies of [lost, sound]) await putTogether(await openDisk(folder), bodies);
	const name = packOf(folder, lost);
	const files = failingFiles((operation, path) => (operation === 'read' && path.endsWith(name) ? 'EIO' : undefined));
	const log = recordingLog();
	const store = await openDisk(folder, {files, log});
	t.regex(log.messages('error').join(), /does not give the head of a pack/);
	t.deepEqual(await collect(store.list()), sound.map(digestOf).sort());
	t.is(store.quarantined, 0);
	await agrees(t, folder, await openDisk(folder), [...lost, ...sound]);
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
	const [spoiled, sound] = [bodiesOf(3), bodiesOf(3)];
	for (const bodies of [spoiled, sound]) await putTogether(await openDisk(folder), bodies);
	await flipByte(join(folder, 'chunks', packOf(folder, spoiled)), 20);
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
		const whole = packOf(folder, bodies);
		const left = bodies.slice(4);
		failing.isOn = true;
		for (const body of bodies.slice(0, 4)) await store.remove(digestOf(body));
		failing.isOn = false;
		t.deepEqual(await filesIn(folder, 'chunks'), [whole.replace('.', '.f.')], operation);
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
	const files = filesWith(file => ({
		writeTogether: async (pieces, at) => file.write(Buffer.concat(pieces), 0, 700, at),
	}));
	const store = await openDisk(folder, {files});
	const bodies = bodiesOf(6);
	await putTogether(store, bodies.slice(0, 3));
	await putTogether(store, bodies.slice(3));
	t.is(await onlyPackIn(folder), join(folder, 'chunks', packOf(folder, bodies)));
	await agrees(t, folder, store, bodies);
});
