import {copyFile, cp, readdir, readFile, rm, truncate, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {newFolder, open, deed, verify, current, head, written} from './audit-testing.suite.js';

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
