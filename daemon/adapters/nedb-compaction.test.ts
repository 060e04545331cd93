import {EventEmitter, once} from 'node:events';
import {cp, readdir, readFile, stat} from 'node:fs/promises';
import path from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import {isPjasError} from '../../source/protocol/errors.js';
import type {Catalog} from '../ports/catalog.js';
import {answersOf} from '../ports/catalog-history.suite.js';
import {chunkIdOfFile, chunkOf, fileIdOf, fileOf, nodeOf, removalAt} from '../ports/catalog-samples.suite.js';
import {collect} from '../ports/catalog.suite.js';
import {memoryCatalog} from './memory-catalog.js';
import {faultyFiles, keepingLog, openCatalogIn, spawnOn, temporaryFolder} from './nedb-testing.suite.js';

const sizeOf = async (folder: string) => (await stat(path.join(folder, 'catalog.db'))).size;

/** Puts a new revision of a chunk. */
const touch = async (catalog: Catalog, file: number, index: number, node: number) => {
	const revision = (await catalog.getChunk(chunkIdOfFile(file, index)))?.revision ?? 0;
	return catalog.putChunk(chunkOf(file, index, [node], {revision}));
};

test('a compaction gives the room of replaced lines back and changes no answer', async t => {
	const folder = await temporaryFolder(t);
	const catalog = await openCatalogIn(t, folder);
	await catalog.commitUpload(fileOf(1), [chunkOf(1, 0), chunkOf(1, 1)]);
	await catalog.putNode(nodeOf(1));
	await catalog.putRemovals([removalAt(1, 1), removalAt(1, 2)]);
	for (let round = 0; round < 20; round++) await touch(catalog, 1, 0, round);
	await catalog.dropRemovals([removalAt(1, 1)._id]);
	await catalog.putFile(fileOf(2));
	await catalog.removeFile(fileIdOf(2));
	const before = await sizeOf(folder);
	const answers = await answersOf(catalog);
	await catalog.compact();
	const after = await sizeOf(folder);
	t.true(after < before / 3);
	t.deepEqual(await answersOf(catalog), answers);
	await catalog.putNode(nodeOf(2));
	const last = await answersOf(catalog);
	await catalog.close();
	const again = await openCatalogIn(t, folder);
	t.deepEqual(await answersOf(again), last);
	await again.compact();
	t.is((await stat(path.join(folder, 'catalog.db'))).mode & 0o777, 0o600);
	t.deepEqual(await readdir(folder), ['catalog.db']);
});

/** The same random writes, one after the other, in both. */
const writeBoth = async (catalog: Catalog, model: Catalog, round: number): Promise<void> => {
	const file = 1 + (round % 40);
	const write = async (to: Catalog) => {
		if (round % 7 === 0) await to.removeChunks([chunkIdOfFile(file, 1), chunkIdOfFile(file, 3)]);
		else if (round % 11 === 0) await to.removeFile(fileIdOf(file));
		else if (round % 13 === 0) await to.commitUpload(fileOf(1000 + round), [chunkOf(1000 + round, 0)]);
		else await touch(to, file, round % 5, round % 9);
	};
	await Promise.all([write(catalog), write(model)]);
};

test('writes go on during a compaction, and none is lost or undone', async t => {
	const folder = await temporaryFolder(t);
	const catalog = await openCatalogIn(t, folder);
	const model = memoryCatalog();
	for (const each of [catalog, model]) {
		for (let file = 1; file <= 40; file++) {
			await each.commitUpload(
				fileOf(file),
				Array.from({length: 50}, (_, index) => chunkOf(file, index)),
			);
		}
	}

	let round = 0;
	for (let compactions = 0; compactions < 5; compactions++) {
		const state = {isDone: false};
		const compacting = catalog.compact().finally(() => (state.isDone = true));
		const start = round;
		while (!state.isDone) await writeBoth(catalog, model, ++round);
		await compacting;
		t.true(round > start);
	}

	const contents = async (of: Catalog) => ({
		answers: await answersOf(of),
		files: await of.files({limit: 10_000}),
		chunks: await Promise.all(Array.from({length: 41}, async (_, file) => collect(of.chunksOf(fileIdOf(file))))),
	});
	const expected = await contents(model);
	t.deepEqual(await contents(catalog), expected);
	await catalog.close();
	t.deepEqual(await contents(await openCatalogIn(t, folder)), expected);
});

test('a write that fails during a compaction is not in what it makes', async t => {
	const folder = await temporaryFolder(t);
	const {files, fail, watch} = faultyFiles();
	const catalog = await openCatalogIn(t, folder, {files});
	await catalog.commitUpload(fileOf(1), [chunkOf(1, 0), chunkOf(1, 1)]);
	const answers = await answersOf(catalog);
	const change = async () =>
		Promise.all([
			catalog.putFile(fileOf(1, {revision: 1, name: 'lost'})),
			catalog.putChunk(chunkOf(1, 0, [4], {revision: 1})),
			catalog.removeChunks([chunkIdOfFile(1, 1)]),
			catalog.putFile(fileOf(2)),
		]);
	const events = new EventEmitter();
	let appended = 0;
	let failing: Promise<unknown> = Promise.resolve();
	watch(async verb => {
		if (verb === 'appendFile' && ++appended === 1) {
			// The page of chunks is read. The page of files is read while this write waits for the disk.
			fail('datasync');
			failing = t.throwsAsync(change);
			await once(events, 'datasync');
		} else if (verb === 'appendFile') events.emit('second page');
		else if (verb === 'datasync') {
			const secondPage = once(events, 'second page');
			events.emit('datasync');
			await secondPage;
		}
	});
	await catalog.compact();
	await failing;
	t.is(appended, 3, 'two pages, and the write between them');
	t.deepEqual(await answersOf(catalog), answers);
	await catalog.close();
	t.deepEqual(await answersOf(await openCatalogIn(t, folder)), answers);
});

test('a copy of the folder made at any step of a compaction opens with all that was stored', async t => {
	const folder = await temporaryFolder(t);
	const copies: {folder: string; revision: number}[] = [];
	const {files, watch} = faultyFiles();
	const catalog = await openCatalogIn(t, folder, {files});
	let revision = 0;
	const write = async () => {
		revision = (await catalog.putChunk(chunkOf(1, 0, [revision], {revision}))).revision;
	};
	for (let round = 0; round < 10; round++) await write();
	watch(async verb => {
		if (verb === 'datasync') return;
		const copy = await temporaryFolder(t);
		const stored = revision;
		await cp(folder, copy, {recursive: true});
		copies.push({folder: copy, revision: stored});
	});
	const state = {isDone: false};
	const compacting = catalog.compact().finally(() => (state.isDone = true));
	while (!state.isDone) await write();
	await compacting;
	t.true(copies.length >= 6);
	for (const copy of copies) {
		const opened = await openCatalogIn(t, copy.folder);
		const found = (await opened.getChunk(chunkIdOfFile(1, 0)))?.revision ?? 0;
		t.true(found >= copy.revision && found <= revision);
		await opened.close();
	}
});

/** Says in a file, at once, what was acknowledged: what waits in a pipe is lost with its process. */
const writeForEver = `
	const {openSync, writeSync} = await import('node:fs');
	const catalog = await openIt({compactRatio: 1.2, compactMinBytes: 0});
	let number = Number(args[0]);
	const said = openSync(args[1], 'a');
	const say = line => writeSync(said, line + '\\n');
	const touch = async index => {
		const stored = await catalog.getChunk(samples.chunkIdOfFile(0, index));
		const {revision} = await catalog.putChunk(samples.chunkOf(0, index, [1, 2], {revision: stored?.revision ?? 0}));
		say('chunk ' + index + ' ' + revision);
	};
	const upload = async file => {
		await catalog.commitUpload(samples.fileOf(file), [0, 1, 2].map(index => samples.chunkOf(file, index)));
		say('file ' + file);
		if (file % 3 > 0 && await catalog.removeFile(samples.fileIdOf(file))) say('gone ' + file);
	};
	console.log('writing');
	for (;;) await Promise.all([0, 1, 2, 3].flatMap(index => [touch(index), upload(++number)]));
`;

type Seen = {chunks: Map<number, number>; files: Set<number>; gone: Set<number>; last: number};

const readLine = (seen: Seen, line: string): void => {
	const [word, number, revision] = line.split(' ');
	if (word === 'chunk') seen.chunks.set(Number(number), Number(revision));
	if (word === 'file') seen.files.add(Number(number));
	if (word === 'gone') seen.gone.add(Number(number));
	seen.last = Math.max(seen.last, Number(number));
};

const checkAfterKill = async (t: ExecutionContext, catalog: Catalog, seen: Seen): Promise<void> => {
	for (const [index, revision] of seen.chunks) {
		const stored = (await catalog.getChunk(chunkIdOfFile(0, index)))?.revision ?? 0;
		t.true(stored >= revision, `chunk ${index} has revision ${stored}, and ${revision} was acknowledged`);
		t.true(stored <= revision + 1, `chunk ${index} has revision ${stored}, and ${revision + 1} was asked for`);
		seen.chunks.set(index, stored);
	}

	const files = await catalog.files({limit: 1_000_000});
	const there = new Set(files.map(file => file._id));
	for (const file of seen.files) {
		// One that is being removed may be there or not.
		if (file % 3 === 0) t.true(there.has(fileIdOf(file)), `file ${file} was acknowledged`);
	}

	for (const file of seen.gone) t.false(there.has(fileIdOf(file)), `file ${file} was removed`);
	for (const {_id} of files) t.is((await collect(catalog.chunksOf(_id))).length, 3);
};

test('a process that is killed at any moment leaves a file that opens, with all that was acknowledged', async t => {
	const folder = await temporaryFolder(t);
	const seen: Seen = {chunks: new Map(), files: new Set(), gone: new Set(), last: 0};
	let leftovers = 0;
	for (let round = 0; round < 8; round++) {
		const said = path.join(await temporaryFolder(t), 'said');
		const child = spawnOn(folder, writeForEver, String(seen.last + 100), said);
		if (!child.stdout) throw new Error('The process has no output');
		await once(child.stdout, 'data');
		await delay(150 + round * 37);
		const exited = once(child, 'exit');
		child.kill('SIGKILL');
		await exited;
		for (const line of (await readFile(said, 'utf8')).split('\n').slice(0, -1)) readLine(seen, line);
		leftovers += (await readdir(folder)).length - 1;
		const {log, entries} = keepingLog();
		const catalog = await openCatalogIn(t, folder, {log});
		await checkAfterKill(t, catalog, seen);
		await catalog.close();
		t.false(entries.some(({level}) => level === 'error'));
	}

	t.log(`${seen.files.size} files; ${leftovers} of 8 kills left a compaction behind`);
	t.true(seen.files.size > 50);
});

test('a compaction that fails is said, leaves the old file, and stands in no write’s way', async t => {
	for (const verb of ['open', 'appendFile', 'sync', 'rename'] as const) {
		const folder = await temporaryFolder(t);
		const {files, fail} = faultyFiles();
		const catalog = await openCatalogIn(t, folder, {files});
		await touch(catalog, 1, 0, 1);
		fail(verb);
		await t.throwsAsync(async () => catalog.compact(), {message: /ENOSPC/}, verb);
		t.deepEqual(await readdir(folder), ['catalog.db']);
		await touch(catalog, 1, 0, 2);
		await catalog.compact();
		await touch(catalog, 1, 0, 3);
		await catalog.close();
		const again = await openCatalogIn(t, folder);
		t.is((await again.getChunk(chunkIdOfFile(1, 0)))?.revision, 3);
	}
});

test('where the rename may not last, nothing is written until the next start', async t => {
	const folder = await temporaryFolder(t);
	const {files, fail} = faultyFiles();
	const catalog = await openCatalogIn(t, folder, {files});
	await touch(catalog, 1, 0, 1);
	fail('syncFolder');
	await t.throwsAsync(async () => catalog.compact(), {message: /ENOSPC/});
	const error = await t.throwsAsync(async () => touch(catalog, 1, 0, 2));
	t.true(isPjasError(error, 'CATALOG_UNAVAILABLE'));
	t.is((await catalog.getChunk(chunkIdOfFile(1, 0)))?.revision, 1);
});

test('a file that has grown is compacted in the background, and not again at once where that fails', async t => {
	const folder = await temporaryFolder(t);
	const {files, fail} = faultyFiles();
	const {log, entries} = keepingLog();
	const catalog = await openCatalogIn(t, folder, {files, log, compactMinBytes: 20_000});
	const said = (text: string) => entries.filter(({message}) => message.includes(text)).length;
	fail('rename');
	let largest = 0;
	for (let round = 0; round < 400; round++) {
		await touch(catalog, 1, 0, round);
		largest = Math.max(largest, await sizeOf(folder));
	}

	t.is(said('could not be compacted'), 1);
	t.true(said('was compacted') >= 3);
	t.true(largest > 20_000 && largest < 60_000, String(largest));
	const counted = said('compacted');
	for (let file = 2; file < 200; file++) await catalog.putFile(fileOf(file));
	await delay(50);
	t.true(said('compacted') <= counted + 1); // These lines are all alive.
});

test('a catalogue that is closed during a compaction ends it and leaves nothing of it', async t => {
	const folder = await temporaryFolder(t);
	const catalog = await openCatalogIn(t, folder);
	await catalog.commitUpload(
		fileOf(1),
		Array.from({length: 2000}, (_, index) => chunkOf(1, index)),
	);
	const compacting = catalog.compact();
	const ended = t.throwsAsync(compacting);
	await catalog.close();
	await ended;
	t.deepEqual(await readdir(folder), ['catalog.db']);
	await t.throwsAsync(async () => catalog.compact());
	t.is((await openCatalogIn(t, folder)).totals().chunks, 2000);
});
