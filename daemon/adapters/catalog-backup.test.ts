import {once} from 'node:events';
import {appendFile, readdir, readFile, stat, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {createInterface} from 'node:readline';
import test, {type ExecutionContext} from 'ava';
import {type ErrorCode, isPjasError} from '../../source/protocol/errors.js';
import {answersOf} from '../ports/catalog-history.suite.js';
import {chunkIdOfFile, chunkOf, fileIdOf, fileOf} from '../ports/catalog-samples.suite.js';
import {collect, refused} from '../ports/catalog.suite.js';
import {backupCatalog, readRestoredAt, restoreCatalog} from './catalog-backup.js';
import {writeGolden} from './catalog-golden.suite.js';
import {memoryCatalog} from './memory-catalog.js';
import {faultyFiles, openCatalogIn, spawnOn, temporaryFolder} from './nedb-testing.suite.js';

const golden = new URL('../../../fixtures/catalog/backup.v1', import.meta.url);
const key = `${'ab'.repeat(32)}\n`;

const backupTime = {now: () => 1_700_000_000_000};
const restoreTime = {now: () => 1_700_000_100_000};

/** A data folder with the golden records and a master key, whose catalogue is open. */
const goldenFolder = async (t: ExecutionContext): Promise<string> => {
	const folder = await temporaryFolder(t);
	await writeGolden(await openCatalogIn(t, folder));
	await writeFile(path.join(folder, 'master.key'), key);
	return folder;
};

const restore = async (fromFile: string, dataFolder: string) =>
	restoreCatalog({fromFile, dataFolder, clock: restoreTime});

const backup = async (dataFolder: string, toFile: string) => backupCatalog({dataFolder, toFile, clock: backupTime});

const refusedWith = async (t: ExecutionContext, code: ErrorCode, message: RegExp, act: () => Promise<unknown>) => {
	await refused(t, code, async () => {
		try {
			await act();
		} catch (error) {
			t.regex((error as Error).message, message);
			throw error;
		}
	});
};

test('a backup made today has the bytes of the golden file, and mode 0600', async t => {
	const folder = await goldenFolder(t);
	const file = path.join(await temporaryFolder(t), 'backup');
	const {createdAt, files, sizeBytes} = await backup(folder, file);
	const bytes = await readFile(file);
	t.is(bytes.toString(), await readFile(golden, 'utf8'));
	t.deepEqual(files, ['master.key', 'catalog.db']);
	t.is(createdAt, '2023-11-14T22:13:20.000Z');
	t.is(sizeBytes, bytes.length);
	t.is((await stat(file)).mode & 0o777, 0o600);
	t.deepEqual(await readdir(path.dirname(file)), ['backup']);
});

test('a backup of the first version is restored, with its key and a note of when', async t => {
	const folder = path.join(await temporaryFolder(t), 'data');
	t.deepEqual(await restore(golden.pathname, folder), {
		backupCreatedAt: '2023-11-14T22:13:20.000Z',
		files: ['master.key', 'catalog.db'],
	});
	const expected = memoryCatalog();
	await writeGolden(expected);
	t.deepEqual(await answersOf(await openCatalogIn(t, folder)), await answersOf(expected));
	t.is(await readFile(path.join(folder, 'master.key'), 'utf8'), key);
	t.deepEqual(JSON.parse(await readFile(path.join(folder, 'restored.json'), 'utf8')), {
		restored_at: '2023-11-14T22:15:00.000Z',
		backup_created_at: '2023-11-14T22:13:20.000Z',
	});
	t.is(await readRestoredAt(folder), Date.parse('2023-11-14T22:15:00.000Z'));
	t.deepEqual((await readdir(folder)).sort(), ['catalog.db', 'master.key', 'restored.json']);
	for (const name of await readdir(folder)) t.is((await stat(path.join(folder, name))).mode & 0o777, 0o600);
});

test('a backup is made without a coordinator, without a key, of an empty catalogue, and without a torn line', async t => {
	const folder = await temporaryFolder(t);
	const catalog = await openCatalogIn(t, folder);
	t.deepEqual((await backup(folder, path.join(folder, 'empty'))).files, ['catalog.db']);
	await catalog.putFile(fileOf(1));
	await catalog.close();
	await appendFile(path.join(folder, 'catalog.db'), `{"_id":"f/${'x'.repeat(100_000)}`);
	await backup(folder, path.join(folder, 'torn'));
	for (const [name, count] of [
		['empty', 0],
		['torn', 1],
	] as const) {
		const restored = path.join(folder, `from-${name}`);
		await restore(path.join(folder, name), restored);
		t.is((await openCatalogIn(t, restored)).totals().files, count);
	}
});

const writeForEver = `
	const catalog = await openIt({compactRatio: 1.5, compactMinBytes: 200_000});
	let revision = 0;
	for (let file = 1; ; file++) {
		const chunks = Array.from({length: 20}, (_, index) => samples.chunkOf(file, index));
		const touch = catalog.putChunk(samples.chunkOf(0, 0, [file], {revision}));
		await Promise.all([catalog.commitUpload(samples.fileOf(file), chunks), touch]);
		revision++;
		if (file > 100) await catalog.removeChunks(chunks.slice(1).map(({_id}) => _id));
		console.log(file);
	}
`;

test('a backup made while another process writes and compacts is whole, with all that was acknowledged', async t => {
	const folder = await temporaryFolder(t);
	const places = await temporaryFolder(t);
	const child = spawnOn(folder, writeForEver);
	t.teardown(() => child.kill('SIGKILL'));
	if (!child.stdout) throw new Error('The process has no output');
	const lines = createInterface({input: child.stdout});
	let acknowledged = 0;
	lines.on('line', line => (acknowledged = Number(line)));
	await once(lines, 'line');
	const backups: {file: string; acknowledged: number}[] = [];
	for (let round = 0; round < 12; round++) {
		while (acknowledged < (backups.at(-1)?.acknowledged ?? 0) + 25) await once(lines, 'line');
		const file = path.join(places, `backup-${round}`);
		backups.push({file, acknowledged});
		await backup(folder, file);
	}

	child.kill('SIGKILL');
	for (const {file, acknowledged: number} of backups) {
		const restored = `${file}-restored`;
		await restore(file, restored);
		const catalog = await openCatalogIn(t, restored);
		const files = await catalog.files({limit: 100_000});
		t.true(files.length >= number);
		t.true(((await catalog.getChunk(chunkIdOfFile(0, 0)))?.revision ?? 0) >= number);
		t.truthy(await catalog.getFile(fileIdOf(number)));
		for (const {_id} of files) t.true([1, 20].includes((await collect(catalog.chunksOf(_id))).length));
		await catalog.close();
	}
});

test('a backup made while writes fail and are cut off again is whole, with nothing in it by halves', async t => {
	const folder = await temporaryFolder(t);
	const {files, fail} = faultyFiles();
	const catalog = await openCatalogIn(t, folder, {files});
	const upload = async (file: number) =>
		catalog.commitUpload(
			fileOf(file),
			Array.from({length: 500}, (_, index) => chunkOf(file, index)),
		);
	for (let file = 1; file <= 10; file++) await upload(file);
	let number = 10;
	const state = {isDone: false};
	const write = async () => {
		while (!state.isDone) {
			fail('datasync');
			await refused(t, 'CATALOG_UNAVAILABLE', async () => upload(++number));
			await catalog.putFile(fileOf(1, {revision: (await catalog.getFile(fileIdOf(1)))?.revision ?? 0}));
		}
	};
	const writing = write();
	const made: number[] = [];
	for (let round = 0; round < 8 || (made.length === 0 && round < 100); round++) {
		try {
			await backup(folder, path.join(folder, `backup-${round}`));
			made.push(round);
		} catch (error) {
			t.true(isPjasError(error, 'CATALOG_CORRUPT') && error.message.endsWith('try again'), String(error));
		}
	}

	state.isDone = true;
	await writing;
	t.true(made.length > 0);
	for (const round of made) {
		const restored = path.join(folder, `restored-${round}`);
		await restore(path.join(folder, `backup-${round}`), restored);
		const opened = await openCatalogIn(t, restored);
		const all = await opened.files({limit: 10_000});
		t.true(all.length >= 10);
		for (const {_id} of all) t.is((await collect(opened.chunksOf(_id))).length, 500);
		await opened.close();
	}
});

test('a backup overwrites nothing, and is not made of nothing', async t => {
	const folder = await goldenFolder(t);
	const file = path.join(folder, 'there');
	await writeFile(file, 'precious');
	await refusedWith(t, 'INVALID_CONFIGURATION', /choose another/, async () => backup(folder, file));
	t.is(await readFile(file, 'utf8'), 'precious');

	const empty = await temporaryFolder(t);
	await refusedWith(t, 'INVALID_CONFIGURATION', /no catalogue/, async () => backup(empty, path.join(empty, 'new')));
	t.deepEqual(await readdir(empty), []);

	await writeFile(path.join(folder, 'busy.partial'), '');
	const busy = async () => backup(folder, path.join(folder, 'busy'));
	await refusedWith(t, 'INVALID_CONFIGURATION', /being made, or was interrupted/, busy);
	const nowhere = async () => backup(folder, path.join(folder, 'no', 'such', 'folder'));
	await refusedWith(t, 'CATALOG_UNAVAILABLE', /could not be written/, nowhere);
});

test('of two backups to one name at once, one is refused', async t => {
	const folder = await goldenFolder(t);
	const results = await Promise.allSettled([1, 2, 3].map(async () => backup(folder, path.join(folder, 'same'))));
	t.is(results.filter(({status}) => status === 'fulfilled').length, 1);
	t.is(await readFile(path.join(folder, 'same'), 'utf8'), await readFile(golden, 'utf8'));
});

test('a catalogue that is damaged is not backed up as if it were whole', async t => {
	const folder = await temporaryFolder(t);
	await writeFile(
		path.join(folder, 'catalog.db'),
		'{"_id":"f/1","is":"file"}\n{"_id":"f/2","is"\n{"_id":"f/3","is":"file"}\n',
	);
	await refusedWith(t, 'CATALOG_CORRUPT', /Line 2 of catalog\.db/, async () =>
		backup(folder, path.join(folder, 'new')),
	);
	t.deepEqual(await readdir(folder), ['catalog.db']);
});

test('a backup that is not whole is refused before anything is written', async t => {
	const folder = await temporaryFolder(t);
	const data = path.join(folder, 'data');
	const whole = await readFile(golden);
	const file = path.join(folder, 'backup');
	const refusedBytes = async (bytes: Uint8Array, message = /no whole backup/) => {
		await writeFile(file, bytes);
		await refusedWith(t, 'CATALOG_CORRUPT', message, async () => restore(file, data));
	};
	for (let place = 0; place < whole.length; place += 41) {
		const changed = Buffer.from(whole);
		changed[place] = (changed[place] ?? 0) ^ 1;
		await refusedBytes(changed, /no whole backup|newer version/);
		await refusedBytes(whole.subarray(0, place));
	}

	await refusedBytes(whole.subarray(0, -1));
	await refusedBytes(Buffer.concat([whole, Buffer.from('\n')]));
	await refusedBytes(Buffer.from(whole.toString().replace('"version":1', '"version":2')), /newer version/);
	await refusedWith(t, 'INVALID_CONFIGURATION', /no backup/, async () => restore(path.join(folder, 'absent'), data));
	t.deepEqual(await readdir(folder), ['backup']);
});

test('a restore touches no folder that has a catalogue or another key', async t => {
	for (const name of ['catalog.db', 'catalog.db~', 'catalog.db.compact', 'master.key']) {
		const folder = await temporaryFolder(t);
		await writeFile(path.join(folder, name), '');
		await refusedWith(t, 'INVALID_CONFIGURATION', /already/, async () => restore(golden.pathname, folder));
		t.deepEqual(await readdir(folder), [name]);
		t.is((await stat(path.join(folder, name))).size, 0);
	}
});

test('a restore that was interrupted before its catalogue was there can be done again', async t => {
	const folder = await temporaryFolder(t);
	await writeFile(path.join(folder, 'master.key'), key);
	await writeFile(path.join(folder, 'restored.json'), '{}\n');
	await writeFile(path.join(folder, 'catalog.db.partial'), '{"_id":"f');
	await restore(golden.pathname, folder);
	t.is((await openCatalogIn(t, folder)).totals().files, 1);
	t.deepEqual((await readdir(folder)).sort(), ['catalog.db', 'master.key', 'restored.json']);
});

test('that a catalogue came out of a backup is known as long as its note is there, whatever that says', async t => {
	const folder = await temporaryFolder(t);
	t.is(await readRestoredAt(folder), undefined);
	await writeFile(path.join(folder, 'restored.json'), '{"restored_');
	t.is(await readRestoredAt(folder), Math.floor((await stat(path.join(folder, 'restored.json'))).mtimeMs));
});
