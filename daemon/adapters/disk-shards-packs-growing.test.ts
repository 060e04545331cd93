import {randomBytes} from 'node:crypto';
import {appendFile, readFile, rename, stat, truncate, unlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {digestOf} from '../ports/shard-store.suite.js';
import {recordingLog} from '../testing/recording-log.js';
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
	systemError,
} from './disk-shards-testing.suite.js';

test('what comes next is added to the pack with one flush, and an earlier run adds nothing any more', async t => {
	const folder = await newFolder(t);
	const steps: string[] = [];
	const files = failingFiles((operation, path) => {
		if (/^(write|writeTogether|sync|datasync|rename)$/.test(operation)) steps.push(`${operation} ${path.slice(-5)}`);
		return undefined;
	});
	const store = await openDisk(folder, {files});
	const bodies = bodiesOf(9);
	await putTogether(store, bodies.slice(0, 3));
	steps.length = 0;
	await putTogether(store, bodies.slice(3, 7));
	t.deepEqual(
		steps,
		process.platform === 'linux' ? ['writeTogether .pack'] : ['writeTogether .pack', 'datasync .pack'],
	);
	t.deepEqual(await filesIn(folder, 'chunks'), [packOf(folder, bodies.slice(0, 7))]);
	await agrees(t, folder, store, bodies.slice(0, 7));

	const again = await openDisk(folder);
	await putTogether(again, bodies.slice(7));
	t.deepEqual(
		await filesIn(folder, 'chunks'),
		[packOf(folder, bodies.slice(0, 7)), packOf(folder, bodies.slice(7))].sort(),
	);
	await agrees(t, folder, again, bodies);
});

test('of a crash while a pack is added to, only what was added last can be torn, and none of it is given wrong', async t => {
	await fc.assert(
		fc.asyncProperty(fc.constantFrom('cut', 'zeros', 'byte', 'more'), fc.nat(), async (kind, chosen) => {
			const folder = await newFolder(t);
			const store = await openDisk(folder);
			const [first, last] = [bodiesOf(3, 300), bodiesOf(3, 300)];
			await putTogether(store, first);
			const path = await onlyPackIn(folder);
			const {size: begin} = await stat(path);
			await putTogether(store, last);
			const whole = await readFile(path);
			const {length: end} = whole;
			const at = begin + (chosen % (end - begin));
			if (kind === 'byte') await flipByte(path, at);
			if (kind === 'more') await appendFile(path, randomBytes(chosen % 500));
			if (kind === 'cut' || kind === 'zeros') await truncate(path, at);
			if (kind === 'zeros') await truncate(path, end);

			const left = await readFile(path);
			const log = recordingLog();
			const again = await openDisk(folder, {log});
			const found = new Set(await collect(again.list()));
			const kept = [...first, ...last].filter(body => found.has(digestOf(body)));
			t.true(first.every(body => kept.includes(body)));
			// Of an addition of which nothing came to the disk there is nothing to tell.
			const isHurt = !left.equals(whole) && !left.equals(whole.subarray(0, begin));
			t.is(log.messages('warn').join().includes('is not whole'), isHurt);
			if (kind === 'byte') t.true(kept.length === 3 || kept.length === 5);
			if (kind === 'more') t.is(kept.length, 6);
			await agrees(t, folder, again, kept);
			await putTogether(again, last);
			await agrees(t, folder, again, [...first, ...last]);
			for (const body of [...first, ...last]) await again.remove(digestOf(body));
			t.deepEqual(await filesIn(folder, 'chunks'), []);
		}),
		{
			numRuns: 60,
			examples: [
				['cut', 0],
				['zeros', 0],
				['more', 0],
			] as const,
		},
	);
});

test('what was torn is looked at again where it could not be marked as such', async t => {
	const folder = await newFolder(t);
	const store = await openDisk(folder);
	const [first, last] = [bodiesOf(9), bodiesOf(3)];
	await putTogether(store, first);
	await putTogether(store, last);
	const {path, offset} = placeOf(folder, digestOf(last[1]));
	await flipByte(path, offset);
	const files = failingFiles((operation, to) => (operation === 'rename' && to.endsWith('.pack') ? 'EROFS' : undefined));
	const kept = [...first, last[0], last[2]].map(digestOf).sort();
	for (let start = 0; start < 2; start++) {
		const log = recordingLog();
		const {shards, save} = await openFolder(folder, {files, log});
		t.regex(log.messages('warn').join(), /could not be removed from a pack/);
		t.deepEqual(await collect(shards.list()), kept);
		await save();
	}

	await agrees(t, folder, (await openFolder(folder)).shards, [...first, last[0], last[2]]);
});

test('a head in the middle that is wrong takes what stands behind it, and the pack stays', async t => {
	const folder = await newFolder(t);
	const store = await openDisk(folder);
	const [first, second, third] = [bodiesOf(3), bodiesOf(3), bodiesOf(3)];
	await putTogether(store, first);
	const path = await onlyPackIn(folder);
	const {size} = await stat(path);
	await putTogether(store, second);
	await putTogether(store, third);
	await flipByte(path, size + 20);
	const log = recordingLog();
	const again = await openDisk(folder, {log});
	t.regex(log.messages('warn').join(), /is not whole/);
	t.is(again.quarantined, 0);
	await agrees(t, folder, again, first);
	await putTogether(again, [...second, ...third]);
	await agrees(t, folder, again, [...first, ...second, ...third]);
});

test('a disk that refuses what is to be added keeps none of it, says so to each, and takes the next', async t => {
	for (const [operation, code, said] of [
		['open', 'EMFILE', 'NODE_FAILED'],
		['writeTogether', 'ENOSPC', 'INSUFFICIENT_STORAGE'],
		['writeTogether', 'EIO', 'NODE_FAILED'],
	] as const) {
		const folder = await newFolder(t);
		const {store, failing} = await openFailing(folder, operation, code);
		const [first, second] = [bodiesOf(3), bodiesOf(3)];
		await putTogether(store, first);
		const before = await store.figures();
		failing.isOn = true;
		await Promise.all(second.map(async body => refused(t, said, async () => store.put(digestOf(body), body))));
		failing.isOn = false;
		t.is((await store.figures()).usedBytes, before.usedBytes, operation);
		await agrees(t, folder, store, first);
		await putTogether(store, second);
		await agrees(t, folder, store, [...first, ...second]);
	}
});

test('what a disk has kept of shards that it refused does no harm, also where it can not be cut off', async t => {
	const folder = await newFolder(t);
	let isFailing = false;
	const files = filesWith(file => {
		const fail = async (): Promise<never> => Promise.reject(systemError('EIO'));
		const writePart = async (pieces: readonly Uint8Array[], at: number) => {
			await file.write(Buffer.concat(pieces), 0, 1800, at);
			return fail();
		};
		return isFailing ? {writeTogether: writePart, truncate: fail} : {};
	});
	const store = await openDisk(folder, {files});
	const [first, second] = [bodiesOf(3), bodiesOf(3)];
	await putTogether(store, first);
	const {size} = await stat(await onlyPackIn(folder));
	isFailing = true;
	await Promise.all(second.map(async body => refused(t, 'NODE_FAILED', async () => store.put(digestOf(body), body))));
	isFailing = false;
	for (const body of first) t.is(Buffer.compare(await store.get(digestOf(body)), body), 0);
	t.is((await stat(await onlyPackIn(folder))).size, size + 1800);
	await putTogether(store, second);
	const again = await openDisk(folder);
	await agrees(t, folder, again, [...first, ...second]);
});

test('where somebody took the pack away that is added to, the next begins another', async t => {
	const folder = await newFolder(t);
	const store = await openDisk(folder);
	const [first, second] = [bodiesOf(3), bodiesOf(3)];
	await putTogether(store, first);
	await unlink(await onlyPackIn(folder));
	await putTogether(store, second);
	t.deepEqual(await filesIn(folder, 'chunks'), [packOf(folder, second)]);
	t.is(await store.stat(digestOf(first[0])), undefined);
	await agrees(t, folder, store, second);

	await rename(join(folder, 'chunks'), join(folder, 'away'));
	for (const body of first) await refused(t, 'NODE_FAILED', async () => store.put(digestOf(body), body));
	await rename(join(folder, 'away'), join(folder, 'chunks'));
	await putTogether(store, first);
	await agrees(t, folder, store, [...first, ...second]);
});

test('what is removed can come into the same pack again', async t => {
	const folder = await newFolder(t);
	const store = await openDisk(folder);
	const bodies = bodiesOf(5);
	await putTogether(store, bodies);
	for (let round = 0; round < 3; round++) {
		for (const body of bodies.slice(0, 2)) await store.remove(digestOf(body));
		await agrees(t, folder, store, bodies.slice(2));
		await putTogether(store, bodies.slice(0, 2));
		await agrees(t, folder, store, bodies);
	}

	t.is((await filesIn(folder, 'chunks')).length, 2, 'the first has moved once more than half of it was removed');
});

test('packs that begin with the same shards are never taken for each other', async t => {
	const folder = await newFolder(t);
	const store = await openDisk(folder);
	const [first, second, third] = [bodiesOf(3), bodiesOf(4), bodiesOf(2)];
	await putTogether(store, first);
	await putTogether(store, second);
	// What is left is what the pack began with.
	await Promise.all(second.map(async body => store.remove(digestOf(body))));
	await agrees(t, folder, store, first);

	await putTogether(store, [...second, ...third]);
	await Promise.all(first.map(async body => store.remove(digestOf(body))));
	await putTogether(await openDisk(folder), first);
	await agrees(t, folder, await openDisk(folder), [...first, ...second, ...third]);
});

test('a wrong shard that could not leave the pack that is added to does not stand in the way of the right one', async t => {
	const folder = await newFolder(t);
	const {store, failing} = await openFailing(folder, 'write', 'EROFS');
	const bodies = bodiesOf(3);
	const [one, two, three] = bodies;
	const other = randomBytes(1000);
	await putTogether(store, bodies);
	const {path, offset} = placeOf(folder, digestOf(two));
	await flipByte(path, offset);
	failing.isOn = true;
	t.false(await store.verify(digestOf(two)));
	failing.isOn = false;
	await putTogether(store, [two, other]);
	t.is(Buffer.compare(await store.get(digestOf(two)), two), 0);
	await agrees(t, folder, await openDisk(folder), [one, two, three, other]);
});

test('those of one pack that are removed at once are so with one change of its name', async t => {
	const folder = await newFolder(t);
	const steps: string[] = [];
	const files = failingFiles((operation, path) => {
		if (/^(sync|rename)$/.test(operation)) steps.push(`${operation} ${path.slice(-6)}`);
		return undefined;
	});
	const store = await openDisk(folder, {files});
	const bodies = bodiesOf(20);
	await putTogether(store, bodies);
	steps.length = 0;
	await Promise.all(bodies.slice(0, 9).map(async body => store.remove(digestOf(body))));
	t.deepEqual(steps, ['rename f.pack', 'sync chunks']);
	await agrees(t, folder, store, bodies.slice(9));
	await Promise.all(bodies.map(async body => store.remove(digestOf(body))));
	t.deepEqual(await filesIn(folder, 'chunks'), []);
});

test('of removals at once that the disk refuses, each is refused, and all the shards are still there', async t => {
	const folder = await newFolder(t);
	const {store, failing} = await openFailing(folder, 'rename', 'EROFS');
	const bodies = bodiesOf(20);
	await putTogether(store, bodies);
	failing.isOn = true;
	await Promise.all(
		bodies.slice(0, 9).map(async body => refused(t, 'NODE_FAILED', async () => store.remove(digestOf(body)))),
	);
	failing.isOn = false;
	await agrees(t, folder, store, bodies);
	await Promise.all(bodies.slice(0, 9).map(async body => store.remove(digestOf(body))));
	await agrees(t, folder, store, bodies.slice(9));
});

test('a removal that is refused takes no part in the next', async t => {
	const folder = await newFolder(t);
	let refusals = 0;
	const files = failingFiles(operation => (operation === 'rename' && refusals-- > 0 ? 'EROFS' : undefined));
	const store = await openDisk(folder, {files});
	const bodies = bodiesOf(20);
	await putTogether(store, bodies);
	// The change of the name, and that back.
	refusals = 2;
	const outcomes = await Promise.allSettled(bodies.slice(0, 3).map(async body => store.remove(digestOf(body))));
	t.deepEqual(
		outcomes.map(({status}) => status),
		['rejected', 'fulfilled', 'fulfilled'],
	);
	await agrees(t, folder, store, [bodies[0], ...bodies.slice(3)]);
});

test('a pack of an earlier run is read while this one adds to another', async t => {
	const folder = await newFolder(t);
	const old = bodiesOf(4);
	await putTogether(await openDisk(folder), old);
	const content = await readFile(await onlyPackIn(folder));
	const store = await openDisk(folder);
	for (let round = 0; round < 10; round++) {
		const bodies = bodiesOf(4);
		const [got] = await Promise.all([store.get(digestOf(old[1])), putTogether(store, bodies)]);
		t.is(Buffer.compare(got, old[1]), 0);
	}

	t.is((await filesIn(folder, 'chunks')).length, 2);
	t.deepEqual(await readFile(join(folder, 'chunks', packOf(folder, old))), content);
	await writeFile(join(folder, 'chunks', 'note.txt'), 'not a pack');
	t.is(store.count, 44);
});
