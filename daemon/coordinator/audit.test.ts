import {
	appendFile,
	copyFile,
	cp,
	mkdtemp,
	readdir,
	readFile,
	rename,
	rm,
	stat,
	truncate,
	writeFile,
} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {isPjasError} from '../../source/protocol/errors.js';
import {manualClock} from '../testing/manual-clock.js';
import {recordingLog} from '../testing/recording-log.js';
import {eventually} from '../testing/requests.js';
import {type AuditEntry, type AuditOptions, openAudit} from './audit.js';
import {type AuditFiles, diskAuditFiles} from './audit-files.js';
import {verifyAudit} from './audit-verify.js';

const golden = new URL('../../../fixtures/audit/', import.meta.url);
const startMs = Date.UTC(2026, 10, 25, 12, 0, 0);

const newFolder = async (t: ExecutionContext): Promise<string> => {
	const folder = await mkdtemp(path.join(tmpdir(), 'pjas-audit-'));
	t.teardown(async () => rm(folder, {recursive: true, force: true}));
	return folder;
};

const open = async (folder: string, options: Partial<AuditOptions> = {}) => {
	const clock = manualClock(startMs);
	const log = recordingLog();
	const audit = await openAudit({folder, clock, log, ...options});
	return {audit, clock, log};
};

const deed = (number: number): AuditEntry => ({
	who: 'ann',
	did: 'file.delete',
	what: `file ${number}`,
	from: '192.0.2.7',
	result: number % 5 === 0 ? 'refused' : 'ok',
});

const verify = async (folder: string, headFile?: string) =>
	verifyAudit({folder, headFile}, async () => Promise.resolve());

const current = (folder: string) => path.join(folder, 'audit.jsonl');
const head = (folder: string) => path.join(folder, 'audit.head');

/** A log of so many entries, closed. */
const written = async (t: ExecutionContext, count: number, options: Partial<AuditOptions> = {}): Promise<string> => {
	const folder = await newFolder(t);
	const {audit} = await open(folder, options);
	for (let number = 1; number <= count; number++) await audit.add(deed(number));
	await audit.close();
	return folder;
};

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

test('an end that was cut off is found, and stays visible after the next start', async t => {
	const folder = await written(t, 6);
	const lines = (await readFile(current(folder), 'utf8')).split('\n');
	await writeFile(current(folder), `${lines.slice(0, 4).join('\n')}\n`);
	const cut = {segment: 'audit.jsonl', line: 5, problem: 'entries 5 to 6 are missing: the end of the log was cut off'};
	t.deepEqual((await verify(folder)).problems, [cut]);

	const {audit, log} = await open(folder);
	t.regex(log.messages('error').join(), /does not end as it did/);
	await audit.add(deed(7));
	t.is((await audit.page(2))[1]?.did, 'audit.broken');
	await audit.close();
	t.deepEqual((await verify(folder)).problems, [{...cut, problem: 'entries 5 to 6 are missing before this line'}]);
});

test('a last entry that was changed is found, and stays visible after the next start', async t => {
	const folder = await written(t, 4);
	const text = await readFile(current(folder), 'utf8');
	await writeFile(current(folder), text.replace('file 4', 'file 5'));
	t.like((await verify(folder)).problems, {0: {segment: 'audit.jsonl', line: 4}, length: 1});
	const {audit} = await open(folder);
	await audit.close();
	t.like((await verify(folder)).problems, {0: {segment: 'audit.jsonl', line: 4}, length: 1});
});

test('without its head the log says that its end can not be vouched for', async t => {
	const folder = await written(t, 4);
	await rm(head(folder));
	t.regex((await verify(folder)).problems[0]?.problem ?? '', /it is missing: nobody can tell/);
	const {audit, log} = await open(folder);
	t.regex(log.messages('warn').join(), /audit\.head is missing/);
	t.is((await audit.page(1))[0]?.did, 'audit.head-missing');
	await audit.close();
	t.deepEqual((await verify(folder)).problems, []);
	await writeFile(head(folder), '{}');
	t.regex((await verify(folder)).problems[0]?.problem ?? '', /not as it was written/);
});

test('a head that was noted elsewhere tells a log that was written anew', async t => {
	const folder = await written(t, 4);
	const elsewhere = path.join(folder, 'noted');
	await copyFile(head(folder), elsewhere);
	const {audit} = await open(folder);
	await audit.add(deed(5));
	await audit.close();
	t.deepEqual((await verify(folder, elsewhere)).problems, []);

	const forged = await newFolder(t);
	const other = await open(forged);
	for (let number = 10; number <= 16; number++) await other.audit.add(deed(number));
	await other.audit.close();
	t.deepEqual((await verify(forged)).problems, []);
	t.like((await verify(forged, elsewhere)).problems[0], {segment: 'audit.jsonl', line: 4});
});

test('the segment and the line of what was done to the log are named', async t => {
	const folder = await written(t, 12, {segmentBytes: 900});
	const names = (await readdir(folder)).filter(name => name.endsWith('.jsonl')).sort();
	const segment = names[1] ?? '';
	const file = path.join(folder, segment);
	const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
	const [one = '', two = '', three = '', ...rest] = lines;
	const seq = (JSON.parse(one) as {seq: number}).seq;
	const expected: [string, string[], {line: number; problem: RegExp}][] = [
		['changed', [one, two.replace('ann', 'bob'), three], {line: 2, problem: /changed/}],
		['changed first', [one.replace('ann', 'bob'), two, three], {line: 1, problem: /changed/}],
		['changed last', [one, two, three.replace('ann', 'bob')], {line: 3, problem: /changed/}],
		['another hash', [one, two.replace(/.{5}"\}$/, '00000"}'), three], {line: 2, problem: /changed/}],
		['missing', [one, three], {line: 2, problem: new RegExp(`^entry ${seq + 1} is missing`)}],
		['reordered', [one, three, two], {line: 2, problem: new RegExp(`^entry ${seq + 1} is missing`)}],
		['twice', [one, two, two, three], {line: 3, problem: /out of order/}],
		['strange', [one, '{"seq": 1}', two, three], {line: 2, problem: /no line of the audit log/}],
	];
	for (const [what, changed, {line, problem}] of expected) {
		await writeFile(file, `${[...changed, ...rest].join('\n')}\n`);
		const [found] = (await verify(folder)).problems;
		t.like(found, {segment, line}, what);
		t.regex(found?.problem ?? '', problem, what);
	}

	await writeFile(file, `${lines.join('\n')}\n`);
	t.deepEqual((await verify(folder)).problems, []);
});

test('any single edit of the log is found', async t => {
	const folder = await written(t, 8);
	const bytes = await readFile(current(folder));
	const lines = bytes.toString('latin1').split('\n').slice(0, -1);
	const at = fc.nat({max: bytes.length - 1});
	const place = fc.nat({max: lines.length - 1});
	const byte = fc.integer({min: 0, max: 255});
	const joined = (changed: readonly string[]) => Buffer.from(changed.map(line => `${line}\n`).join(''), 'latin1');
	const edits = fc.oneof(
		fc.tuple(at, byte).map(([where, value]) => {
			const copy = Buffer.from(bytes);
			copy[where] = value;
			return copy;
		}),
		fc
			.tuple(at, byte)
			.map(([where, value]) => Buffer.concat([bytes.subarray(0, where), Buffer.of(value), bytes.subarray(where)])),
		byte.map(value => Buffer.concat([bytes, Buffer.of(value)])),
		fc
			.tuple(at, fc.integer({min: 1, max: 300}))
			.map(([where, count]) => Buffer.concat([bytes.subarray(0, where), bytes.subarray(where + count)])),
		at.map(where => bytes.subarray(0, where)),
		place.map(where => joined(lines.toSpliced(where, 1))),
		fc.tuple(place, place).map(([where, to]) => joined(lines.toSpliced(to, 0, lines[where] ?? ''))),
		fc
			.tuple(place, place)
			.map(([one, other]) => joined(lines.with(one, lines[other] ?? '').with(other, lines[one] ?? ''))),
	);
	const check = fc.assert(
		fc.asyncProperty(edits, async edited => {
			fc.pre(!edited.equals(bytes));
			await writeFile(current(folder), edited);
			return (await verify(folder)).problems.length > 0;
		}),
		{numRuns: 400, includeErrorInReport: true},
	);
	await t.notThrowsAsync(check);
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

test('a log that a verification meets while it is written is found sound', async t => {
	const folder = await newFolder(t);
	const {audit} = await open(folder, {segmentBytes: 4000});
	const adding = (async () => {
		for (let number = 1; number <= 60; number++) await audit.add(deed(number));
	})();
	for (let tries = 0; tries < 10; tries++) t.deepEqual((await verify(folder)).problems, []);
	await adding;
	await audit.close();
});

test('nothing but the lines of a copied folder counts', async t => {
	const folder = await written(t, 9, {segmentBytes: 800});
	const copy = path.join(await newFolder(t), 'copy');
	await cp(folder, copy, {recursive: true});
	t.deepEqual(await verify(copy), await verify(folder));
	await truncate(current(copy), 0);
	t.true((await verify(copy)).problems.length > 0);
});
