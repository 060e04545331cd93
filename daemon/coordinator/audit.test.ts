import {appendFile, copyFile, readdir, readFile, rename, rm, stat} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {isPjasError} from '../../source/protocol/errors.js';
import {eventually} from '../testing/requests.js';
import {type AuditFiles, diskAuditFiles} from './audit-files.js';
import {newFolder, open, deed, verify, current, head, written} from './audit-testing.suite.js';

const golden = new URL('../../../fixtures/audit/', import.meta.url);

test('entries are on disk when they are said to be, stay over restarts, and are read back in pages', async t => {
	const folder = await newFolder(t);
	const first = await open(folder);
	await Promise.all(Array.from({length: 25}, async (_, index) => first.audit.add(deed(index + 1))));
	t.is((await readFile(current(folder), 'utf8')).split('\n').length, 26);
	t.deepEqual(await first.audit.page(1), [
		{
			seq: 25,
			time: '2026-11-25T12:00:00.000Z',
			...deed(25),
			prev: (await first.audit.page(1))[0]?.prev ?? '',
		},
	]);
	await first.audit.close();
	await t.throwsAsync(async () => first.audit.add(deed(26)), {code: 'AUDIT_UNAVAILABLE'});

	const second = await open(folder);
	await second.audit.add(deed(26));
	const seqs = async (limit: number, before?: number) => (await second.audit.page(limit, before)).map(({seq}) => seq);
	t.deepEqual(await seqs(3), [26, 25, 24]);
	t.deepEqual(await seqs(3, 24), [23, 22, 21]);
	t.deepEqual(await seqs(10, 4), [3, 2, 1]);
	t.deepEqual(await seqs(10, 1), []);
	await second.audit.close();
	t.deepEqual(second.log.messages('warn', 'error'), []);
	t.like(await verify(folder), {entries: 26, problems: []});
});

test('the format on disk is the golden one', async t => {
	const folder = await newFolder(t);
	const {audit, clock} = await open(folder);
	await audit.add({who: 'ann', did: 'sign-in', from: '192.0.2.7', result: 'ok'});
	await clock.advance(1500);
	await audit.add({who: '', did: 'sign-in', what: 'Jürgen 🎉', from: '2001:db8::1', result: 'refused'});
	await audit.add({who: 'ann', did: 'file.delete', what: 'a \u001B[31mred\n name\u202E', result: 'ok'});
	await audit.close();
	t.deepEqual((await readdir(folder)).sort(), ['audit.head', 'audit.jsonl']);
	for (const name of ['audit.jsonl', 'audit.head']) {
		t.is(await readFile(path.join(folder, name), 'utf8'), await readFile(new URL(name, golden), 'utf8'), name);
		t.is((await stat(path.join(folder, name))).mode & 0o777, 0o600);
	}

	t.deepEqual((await verify(folder)).problems, []);
});

test('what a name holds is neither obeyed nor without a bound', async t => {
	const folder = await newFolder(t);
	const {audit} = await open(folder);
	for (const what of [
		'x'.repeat(1_000_000),
		'\u0000'.repeat(299),
		`${'x'.repeat(298)}🎉🎉`,
		'"}\n{"seq":9',
		'\u2028\u202E\uD800',
	]) {
		await audit.add({...deed(1), what, who: what, from: what});
	}

	await audit.close();
	const text = await readFile(current(folder), 'utf8');
	const lines = text.trimEnd().split('\n');
	t.is(lines.length, 5);
	for (const line of lines) t.true(line.length < 2000 && !/[\p{Cc}\p{Zl}\u202E]/u.test(line));
	t.like(await verify(folder), {entries: 5, problems: []});
});

test('full segments follow each other in one chain, and only the oldest are dropped beyond the total', async t => {
	const folder = await newFolder(t);
	const sizes = {segmentBytes: 1000, totalBytes: 5000};
	for (let start = 0; start < 3; start++) {
		const {audit, log} = await open(folder, sizes);
		for (let number = 1; number <= 30; number++) await audit.add(deed(number));
		t.regex(log.messages('warn').join(), /oldest entries are dropped/);
		t.deepEqual(log.messages('error'), []);
		const all = await audit.page(1000);
		const newest = all[0]?.seq ?? 0;
		t.deepEqual(
			all.map(({seq}) => seq),
			Array.from({length: all.length}, (_, index) => newest - index),
		);
		t.true(all.some(({did}) => did === 'audit.dropped'));
		const middle = all[10]?.seq ?? 0;
		t.deepEqual(await audit.page(5, middle), all.slice(11, 16));
		await audit.close();
		t.deepEqual((await verify(folder)).problems, []);
	}

	const files = (await readdir(folder)).filter(name => name.endsWith('.jsonl'));
	const total = (await Promise.all(files.map(async name => (await stat(path.join(folder, name))).size))).reduce(
		(a, b) => a + b,
	);
	t.true(files.length > 3 && total < 7000, `${files.join()} ${total}`);

	const [oldest = '', second = ''] = files.sort();
	await rm(path.join(folder, oldest));
	t.like((await verify(folder)).problems[0], {segment: second, line: 1});
});

test('a torn last line is dropped, told, and does not harm the next one', async t => {
	const folder = await written(t, 3);
	for (const torn of ['{"seq":4', '\0\0\0', 'x'.repeat(100_000)]) {
		await appendFile(current(folder), torn);
		t.like((await verify(folder)).problems[0], {segment: 'audit.jsonl', problem: 'this line is not whole'});
		const {audit, log} = await open(folder);
		t.regex(log.messages('warn').join(), /was not whole and is dropped/);
		await audit.add(deed(4));
		await audit.close();
		t.deepEqual((await verify(folder)).problems, []);
	}
});

test('a crash before the head was written loses no entry and alarms nobody', async t => {
	const folder = await written(t, 3);
	await copyFile(head(folder), `${head(folder)}.old`);
	const {audit} = await open(folder);
	await audit.add(deed(4));
	await audit.close();
	await rename(`${head(folder)}.old`, head(folder));
	t.like(await verify(folder), {entries: 4, problems: []});
	const again = await open(folder);
	t.deepEqual(again.log.messages('warn', 'error'), []);
	await again.audit.add(deed(5));
	await again.audit.close();
	t.like(await verify(folder), {entries: 5, problems: []});
});

test('a crash while segments changed places loses nothing', async t => {
	const folder = await written(t, 10, {segmentBytes: 800});
	await rename(current(folder), path.join(folder, 'audit.000000000009.jsonl'));
	t.deepEqual((await verify(folder)).problems, []);
	const {audit, log} = await open(folder);
	await audit.add(deed(11));
	await audit.close();
	t.deepEqual(log.messages('warn', 'error'), []);
	t.like(await verify(folder), {entries: 11, problems: []});
});

test('a disk that refuses is told to whoever adds, nothing half-written stays, and it goes on when the disk does', async t => {
	const folder = await newFolder(t);
	let isRefusing = false;
	const files: AuditFiles = {
		...diskAuditFiles,
		async open(file, flags) {
			const handle = await diskAuditFiles.open(file, flags);
			return Object.assign(Object.create(handle) as typeof handle, {
				appendFile: async (text: string) => {
					await handle.appendFile(isRefusing ? text.slice(0, 20) : text);
					if (isRefusing) throw Object.assign(new Error('no space'), {code: 'ENOSPC'});
				},
				close: async () => handle.close(),
				datasync: async () => handle.datasync(),
				sync: async () => handle.sync(),
				truncate: async (sizeBytes: number) => handle.truncate(sizeBytes),
			});
		},
	};
	const {audit, log} = await open(folder, {files});
	await audit.add(deed(1));
	isRefusing = true;
	const error = await t.throwsAsync(async () => audit.add(deed(2)));
	t.true(isPjasError(error, 'AUDIT_UNAVAILABLE'));
	t.regex(log.messages('error').join(), /could not be written/);
	isRefusing = false;
	await audit.add(deed(3));
	t.deepEqual(
		(await audit.page(9)).map(({what}) => what),
		['file 3', 'file 1'],
	);
	await audit.close();
	t.deepEqual((await verify(folder)).problems, []);
});

test('the head follows within a moment, not with every entry', async t => {
	const folder = await newFolder(t);
	const {audit, clock} = await open(folder);
	const before = await readFile(head(folder), 'utf8');
	await audit.add(deed(1));
	await audit.add(deed(2));
	t.is(await readFile(head(folder), 'utf8'), before);
	await clock.advance(250);
	await audit.page(1);
	await eventually(t, async () => (await readFile(head(folder), 'utf8')) !== before, 'the head follows');
	t.regex(await readFile(head(folder), 'utf8'), /^\{"seq":2,/);
	await audit.close();
});

test('pages are whole while segments change places', async t => {
	const {audit} = await open(await newFolder(t), {segmentBytes: 500, totalBytes: 3000});
	const adding = (async () => {
		for (let number = 1; number <= 100; number++) await audit.add(deed(number));
	})();
	for (let tries = 0; tries < 50; tries++) {
		const seqs = (await audit.page(8)).map(({seq}) => seq);
		const newest = seqs[0] ?? 0;
		t.deepEqual(
			seqs,
			Array.from({length: seqs.length}, (_, index) => newest - index),
		);
	}

	await adding;
	await audit.close();
});

test('a page that is read just as a segment changes its name waits until it has its new one', async t => {
	let letGo: () => void = () => undefined;
	let renamed: () => void = () => undefined;
	const isRenamed = new Promise<void>(resolve => (renamed = resolve));
	const files: AuditFiles = {
		...diskAuditFiles,
		async rename(from, to) {
			await diskAuditFiles.rename(from, to);
			if (!from.endsWith('audit.jsonl')) return;
			renamed();
			await new Promise<void>(resolve => (letGo = resolve));
		},
	};
	const folder = await newFolder(t);
	const {audit} = await open(folder, {segmentBytes: 1, files});
	await audit.add(deed(1));
	const adding = audit.add(deed(2));
	await isRenamed;
	const page = audit.page(8);
	// So long that it has looked for the file, and not found it.
	for (let waits = 0; waits < 20; waits++) await diskAuditFiles.syncFolder(folder);
	letGo();
	t.deepEqual((await page).map(({seq}) => seq).slice(-1), [1]);
	await adding;
	await audit.close();
});
