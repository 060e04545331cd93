import {appendFile, readdir, readFile, stat, truncate, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {isPjasError, PjasError} from '../../source/protocol/errors.js';
import {answersOf} from '../ports/catalog-history.suite.js';
import {chunkIdOfFile, chunkOf, fileIdOf, fileOf, nodeIdOf, nodeOf, removalAt} from '../ports/catalog-samples.suite.js';
import type {Document} from './catalog-documents.js';
import {writeGolden, writeGoldenUploads} from './catalog-golden.suite.js';
import {memoryCatalog} from './memory-catalog.js';
import {KeptDocuments} from './kept-documents.js';
import {loadNedbStore} from './nedb-store.js';
import {faultyFiles, keepingLog, openCatalogIn, runOnSmallDisk, temporaryFolder} from './nedb-testing.suite.js';

const golden = new URL('../../../fixtures/catalog/catalog.v1.db', import.meta.url);

const goldenUploads = new URL('../../../fixtures/catalog/uploads.v1.db', import.meta.url);

const fileIn = (folder: string) => path.join(folder, 'catalog.db');

/** A folder whose catalogue has three files with a chunk each, and is closed. */
const filledFolder = async (t: ExecutionContext): Promise<string> => {
	const folder = await temporaryFolder(t);
	const catalog = await openCatalogIn(t, folder);
	for (const number of [1, 2, 3]) await catalog.commitUpload(fileOf(number), [chunkOf(number, 0)]);
	await catalog.close();
	return folder;
};

const messageOf = async (t: ExecutionContext, act: () => Promise<unknown>): Promise<string> => {
	const error = await t.throwsAsync(act, {instanceOf: PjasError, code: 'CATALOG_CORRUPT'});
	return error.message;
};

const unavailable = async (t: ExecutionContext, act: () => Promise<unknown>, retryAfterSeconds: number) => {
	const error = await t.throwsAsync(act, {instanceOf: PjasError, code: 'CATALOG_UNAVAILABLE'});
	t.is(error.retryAfterSeconds, retryAfterSeconds);
};

test('the lines written today are those of the golden file', async t => {
	const folder = await temporaryFolder(t);
	await writeGolden(await openCatalogIn(t, folder));
	t.is(await readFile(fileIn(folder), 'utf8'), await readFile(golden, 'utf8'));
	t.is((await stat(fileIn(folder))).mode & 0o777, 0o600);
});

test('a catalogue of the first version opens, with all that is in it', async t => {
	const folder = await temporaryFolder(t);
	await writeFile(fileIn(folder), await readFile(golden));
	const catalog = await openCatalogIn(t, folder);
	const expected = memoryCatalog();
	await writeGolden(expected);
	t.deepEqual(await answersOf(catalog), await answersOf(expected));
	t.is((await catalog.getFile(fileIdOf(1)))?.name, 'Fr\u00fchling\u2028 \u0085 \u2029 "1".txt');
	t.is((await catalog.getNode(nodeIdOf(1)))?.classicId, 'node-1');
});

test('the lines of unfinished uploads are those of the golden file, and come back as they were', async t => {
	const folder = await temporaryFolder(t);
	await writeGoldenUploads(await openCatalogIn(t, folder));
	t.is(await readFile(fileIn(folder), 'utf8'), await readFile(goldenUploads, 'utf8'));

	const other = await temporaryFolder(t);
	await writeFile(fileIn(other), await readFile(goldenUploads));
	const catalog = await openCatalogIn(t, other);
	const expected = memoryCatalog();
	await writeGoldenUploads(expected);
	t.deepEqual(await catalog.allSmall('upload'), await expected.allSmall('upload'));
	t.is((await catalog.allSmall('upload')).length, 2);
	t.deepEqual(await answersOf(catalog), await answersOf(expected));
});

test('a folder that is not there is made', async t => {
	const folder = path.join(await temporaryFolder(t), 'new', 'folder');
	const catalog = await openCatalogIn(t, folder);
	await catalog.putNode(nodeOf(1));
	t.is((await stat(folder)).mode & 0o777, 0o700);
});

test('a torn last line is cut off, wherever it was torn, and said in the log', async t => {
	const folder = await filledFolder(t);
	const whole = await readFile(fileIn(folder));
	const last = whole.subarray(whole.lastIndexOf('\n', -2) + 1);
	for (const tornBytes of [1, 2, 40, last.length - 2, last.length - 1]) {
		await writeFile(fileIn(folder), Buffer.concat([whole, last.subarray(0, tornBytes)]));
		const {log, entries} = keepingLog();
		const catalog = await openCatalogIn(t, folder, {log});
		t.is(catalog.totals().files, 3);
		const warning = entries.find(({level}) => level === 'warn');
		t.deepEqual(warning?.fields, {lostBytes: tornBytes});
		await catalog.putNode(nodeOf(1));
		await catalog.close();
		const again = await openCatalogIn(t, folder);
		t.deepEqual(await again.nodes(), [nodeOf(1, {revision: 1})]);
		await again.close();
	}
});

test('a file cut off anywhere opens, with the records whose lines are whole, in their order', async t => {
	const folder = await temporaryFolder(t);
	const writer = await openCatalogIn(t, folder);
	const chunks = [0, 1, 2].map(index => chunkOf(1, index));
	await writer.commitUpload(fileOf(1), chunks);
	await writer.close();
	const {size} = await stat(fileIn(folder));
	for (let cut = size - 1; cut >= 0; cut -= 97) {
		await truncate(fileIn(folder), Math.min(cut, (await stat(fileIn(folder))).size));
		const catalog = await openCatalogIn(t, folder);
		const {files, chunks: count} = catalog.totals();
		t.true(files === 0 || count === chunks.length);
		await catalog.close();
	}
});

test('a damaged line within the file is refused, with its number and what to do, and nothing is changed', async t => {
	const folder = await filledFolder(t);
	const lines = (await readFile(fileIn(folder), 'utf8')).split('\n');
	const spoilt: [string, RegExp][] = [
		['{"_id":"c/x","is":"chu', /^Line 2 of catalog\.db is damaged\..* backup/],
		['\0'.repeat(50), /^Line 2 .*damaged/],
		['null', /^Line 2 .*damaged/],
		['{"a":1}', /^Line 2 .*damaged/],
		['{"_id":"f/x","is":"file","name":"a\u2028b"}', /^Line 2 .*damaged/],
		['{"_id":"c/x","is":"chunk","scheme":"replicas:3"}', /^Line 2 .*damaged/],
		['{"_id":"c/x","is":"chunk","scheme":"replicas:3","shards":[null]}', /^The record c\/x of .*damaged/],
		['{"_id":"f/x","is":"file"}', /^The record f\/x of catalog\.db is damaged\..* backup/],
		['{"_id":"u/x","is":"user"}', /^Line 2 .*does not know.*newer/],
	];
	for (const [line, message] of spoilt) {
		const text = lines.with(1, line).join('\n');
		await writeFile(fileIn(folder), text);
		t.regex(await messageOf(t, async () => openCatalogIn(t, folder)), message);
		t.is(await readFile(fileIn(folder), 'utf8'), text);
	}

	const bytes = Buffer.from(lines.join('\n'));
	bytes[bytes.indexOf('text/plain')] = 0xff;
	await writeFile(fileIn(folder), bytes);
	t.regex(await messageOf(t, async () => openCatalogIn(t, folder)), /damaged/);
});

test('a start writes nothing, and a full disk does not stand in its way', async t => {
	const folder = await filledFolder(t);
	const {ino, mtimeMs, size} = await stat(fileIn(folder));
	const catalog = await openCatalogIn(t, folder);
	await catalog.close();
	const after = await stat(fileIn(folder));
	t.deepEqual({ino: after.ino, mtimeMs: after.mtimeMs, size: after.size}, {ino, mtimeMs, size});

	const script = `
		const catalog = await openIt();
		const error = await catalog.removeFile(samples.fileIdOf(1)).catch(error => error);
		console.log(JSON.stringify([catalog.totals().files, error.code]));
	`;
	t.deepEqual(JSON.parse(await runOnSmallDisk(folder, 1, script)), [3, 'CATALOG_UNAVAILABLE']);
	t.is((await stat(fileIn(folder))).size, size);
});

test('NeDB is given what was read already, and reads nothing itself', async t => {
	const file = path.join(await temporaryFolder(t), 'catalog.db');
	await writeFile(file, 'no document\n');
	const documents: Document[] = [3, 1, 2].map(number => ({_id: `n/${number}`, is: 'node'}));
	const kept = new KeptDocuments();
	for (const document of documents) kept.set(document);
	const store = await loadNedbStore(file, kept);
	t.deepEqual(
		store.find(['n/4', 'n/3', 'n/2', 'n/1']),
		[3, 2, 1].map(number => ({_id: `n/${number}`, is: 'node'})),
	);
});

test('what the live documents take is known at a start as it was before it', async t => {
	const folder = await temporaryFolder(t);
	const catalog = await openCatalogIn(t, folder);
	for (const number of [1, 2, 3]) await catalog.commitUpload(fileOf(number), [chunkOf(number, 0)]);
	const file = await catalog.getFile(fileIdOf(1));
	if (file) await catalog.putFile({...file, name: 'another name \u2028 in two lines'});
	await catalog.removeFile(fileIdOf(2));
	const {liveBytes, fileBytes} = catalog.figures();
	t.true(liveBytes < fileBytes);
	await catalog.close();
	t.is((await openCatalogIn(t, folder)).figures().liveBytes, liveBytes);
});

test('a catalogue is not opened until all that was read from it is durable', async t => {
	const folder = await filledFolder(t);
	for (const verb of ['open', 'sync', 'syncFolder'] as const) {
		const {files, fail} = faultyFiles();
		fail(verb);
		const options = {instanceOf: PjasError, code: 'CATALOG_UNAVAILABLE'};
		await t.throwsAsync(async () => openCatalogIn(t, folder, {files}), options, verb);
		const catalog = await openCatalogIn(t, folder, {files});
		t.is(catalog.totals().files, 3);
		await catalog.close();
	}
});

test('what an interrupted compaction left is removed', async t => {
	const folder = await filledFolder(t);
	for (const suffix of ['~', '.compact']) await writeFile(fileIn(folder) + suffix, '{"_id":"f/ha');
	const catalog = await openCatalogIn(t, folder);
	t.is(catalog.totals().files, 3);
	t.deepEqual(await readdir(folder), ['catalog.db']);
});

test('where only what a compaction left is there, nothing is made of it and nothing removed', async t => {
	for (const suffix of ['~', '.compact']) {
		const folder = await temporaryFolder(t);
		await writeFile(fileIn(folder) + suffix, '');
		t.regex(await messageOf(t, async () => openCatalogIn(t, folder)), /catalog\.db is gone/);
		t.deepEqual(await readdir(folder), [`catalog.db${suffix}`]);
	}
});

test('a failed fsync is undone in memory and in the file, and a later write succeeds', async t => {
	const folder = await temporaryFolder(t);
	const {files, fail} = faultyFiles();
	const catalog = await openCatalogIn(t, folder, {files});
	await catalog.commitUpload(fileOf(1), [chunkOf(1, 0), chunkOf(1, 1)]);
	await catalog.putRemovals([removalAt(1, 1)]);
	const answers = await answersOf(catalog);
	const bytes = await readFile(fileIn(folder));

	fail('datasync');
	const results = await Promise.allSettled([
		catalog.commitUpload(fileOf(2), [chunkOf(2, 0)]),
		catalog.putChunk(chunkOf(1, 0, [4], {revision: 1})),
		catalog.putChunk(chunkOf(1, 0, [5], {revision: 1})), // Loses against one that is undone: it may be tried again too.
		catalog.putChunk(chunkOf(1, 0, [5], {revision: 2})),
		catalog.removeChunks([chunkIdOfFile(1, 1)]),
		catalog.putChunk(chunkOf(1, 1, [5])),
		catalog.putRemovals([removalAt(1, 1, 5), removalAt(1, 2, 5)]),
		catalog.removeFile(fileIdOf(1)),
		catalog.removeFile(fileIdOf(1)),
	]);
	for (const result of results)
		t.true(result.status === 'rejected' && isPjasError(result.reason, 'CATALOG_UNAVAILABLE'));
	t.deepEqual(await answersOf(catalog), answers);
	t.deepEqual(await readFile(fileIn(folder)), bytes);

	t.is((await catalog.putChunk(chunkOf(1, 0, [4], {revision: 1}))).revision, 2);
	t.true(await catalog.removeFile(fileIdOf(1)));
	const last = await answersOf(catalog);
	await catalog.close();
	t.deepEqual(await answersOf(await openCatalogIn(t, folder)), last);
});

test('while a write is on its way to the disk, readers see what was there before', async t => {
	const {files, watch, fail} = faultyFiles();
	const catalog = await openCatalogIn(t, await temporaryFolder(t), {files});
	await catalog.commitUpload(fileOf(1), [chunkOf(1, 0, [1]), chunkOf(1, 1, [1])]);
	const answers = await answersOf(catalog);
	const seen: unknown[] = [];
	watch(async verb => {
		if (verb === 'datasync') seen.push(await answersOf(catalog));
	});
	const change = async () =>
		Promise.all([
			catalog.putChunk(chunkOf(1, 0, [2], {revision: 1})),
			catalog.removeChunks([chunkIdOfFile(1, 1)]),
			catalog.putFile(fileOf(2)),
		]);
	fail('datasync');
	await unavailable(t, change, 10);
	await change();
	t.deepEqual(seen, [answers, answers]);
	t.notDeepEqual(await answersOf(catalog), answers);
});

test('where it is not certain that a failed write is undone, nothing is written until the next start', async t => {
	for (const verb of ['truncate', 'sync'] as const) {
		const folder = await temporaryFolder(t);
		const {files, fail} = faultyFiles();
		const catalog = await openCatalogIn(t, folder, {files});
		await catalog.putFile(fileOf(1));
		const answers = await answersOf(catalog);
		fail('datasync');
		fail(verb);
		await unavailable(t, async () => catalog.putFile(fileOf(2)), 60);
		await unavailable(t, async () => catalog.removeFile(fileIdOf(1)), 60);
		await t.throwsAsync(async () => catalog.compact(), {instanceOf: PjasError, code: 'CATALOG_UNAVAILABLE'});
		t.deepEqual(await answersOf(catalog), answers);
		await catalog.close();
		const again = await openCatalogIn(t, folder);
		t.truthy(await again.getFile(fileIdOf(1)));
		await again.putNode(nodeOf(1));
	}
});

test('a write that cannot be appended is refused and undone', async t => {
	const folder = await filledFolder(t);
	const {files, fail} = faultyFiles();
	const catalog = await openCatalogIn(t, folder, {files});
	const answers = await answersOf(catalog);
	fail('appendFile', 3);
	await unavailable(t, async () => catalog.putFile(fileOf(1, {revision: 1, name: 'lost'})), 10);
	await unavailable(t, async () => catalog.removeChunks([chunkIdOfFile(1, 0)]), 10);
	await unavailable(t, async () => catalog.putFile(fileOf(9)), 10);
	t.deepEqual(await answersOf(catalog), answers);
	await catalog.putFile(fileOf(9));
	await catalog.close();
	t.is((await openCatalogIn(t, folder)).totals().files, 4);
});

test('writes stop where something else writes the file, and readers are told what is certain', async t => {
	const folder = await filledFolder(t);
	const catalog = await openCatalogIn(t, folder);
	const answers = await answersOf(catalog);
	await appendFile(fileIn(folder), 'not ours');
	await unavailable(t, async () => catalog.putFile(fileOf(1, {revision: 1})), 60);
	await unavailable(t, async () => catalog.putFile(fileOf(4)), 60);
	t.deepEqual(await answersOf(catalog), answers);
});

const fillDisk = `
	const catalog = await openIt();
	const stored = [];
	let failures = 0;
	for (let number = 1; number < 400; number += 3) {
		const numbers = [number, number + 1, number + 2];
		const put = file => catalog.commitUpload(samples.fileOf(file), [samples.chunkOf(file, 0)]).then(() => stored.push(file));
		for (const {reason} of await Promise.allSettled(numbers.map(put))) {
			if (reason && reason.code !== 'CATALOG_UNAVAILABLE') throw reason;
			if (reason) failures++;
		}

		const update = () => catalog.putChunk(samples.chunkOf(1, 0, [number], {revision: 1}));
		if (failures > 0) await update().catch(() => undefined);
	}

	await catalog.removeFile(samples.fileIdOf(1)); // Short enough to fit in.
	const {files} = catalog.totals();
	console.log(JSON.stringify({stored, failures, files}));
`;

(process.platform === 'win32' ? test.skip : test)(
	'on a full disk nothing stored is lost and nothing is half written',
	async t => {
		const folder = await temporaryFolder(t);
		const report = JSON.parse(await runOnSmallDisk(folder, 64, fillDisk)) as {
			stored: number[];
			failures: number;
			files: number;
		};
		t.true(report.failures > 100);
		t.true(report.stored.length > 30);
		t.is(report.files, report.stored.length - 1);
		const catalog = await openCatalogIn(t, folder);
		const stored = report.stored.filter(number => number !== 1).sort((a, b) => b - a);
		t.deepEqual(
			(await catalog.files({limit: 1000})).map(file => file._id),
			stored.map(fileIdOf),
		);
		t.is(catalog.totals().chunks, report.stored.length);
	},
);
