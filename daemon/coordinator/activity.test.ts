import {appendFile, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import type {Log} from '../ports/log.js';
import {manualClock} from '../testing/manual-clock.js';
import {type ActivityOptions, openActivity} from './activity.js';
import {systemActivityFiles} from './activity-segments.js';

const golden = new URL('../../../fixtures/activity/activity.jsonl', import.meta.url);
const startMs = Date.UTC(2026, 10, 22, 12, 0, 0);

const newFolder = async (t: ExecutionContext): Promise<string> => {
	const folder = await mkdtemp(join(tmpdir(), 'pjas-activity-'));
	t.teardown(async () => rm(folder, {recursive: true, force: true}));
	return folder;
};

const listingLog = (): {log: Log; lines: string[]} => {
	const lines: string[] = [];
	const at = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
	const log: Log = {debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => log};
	return {log, lines};
};

const open = async (folder: string, options: Partial<ActivityOptions> = {}) => {
	const clock = manualClock(startMs);
	const {log, lines} = listingLog();
	const activity = await openActivity({folder, clock, log, ...options});
	return {activity, clock, lines};
};

const current = (folder: string) => join(folder, 'activity.jsonl');
const previous = (folder: string) => join(folder, 'activity.1.jsonl');

test('entries are there at once, oldest first, and stay over restarts with growing ids', async t => {
	const folder = join(await newFolder(t), 'made', 'when missing');
	const first = await open(folder);
	t.deepEqual(first.activity.add('INFO', 'one'), {id: 1, timestampMs: startMs, level: 'INFO', message: 'one'});
	await first.clock.advance(1000);
	first.activity.add('WARN', 'two', {node: 'pjas-0a1b2c3d', file: undefined});
	t.deepEqual(
		first.activity.newest(10).map(({message}) => message),
		['one', 'two'],
	);
	await first.activity.close();
	first.activity.add('INFO', 'after the end: in memory only');

	const second = await open(folder);
	t.deepEqual(second.activity.newest(1), [
		{id: 2, timestampMs: startMs + 1000, level: 'WARN', message: 'two', node: 'pjas-0a1b2c3d'},
	]);
	t.is(second.activity.add('ERROR', 'three').id, 3);
	await second.activity.close();
	t.deepEqual(second.lines, []);
	t.deepEqual(
		(await open(folder)).activity.newest(10).map(({id}) => id),
		[1, 2, 3],
	);
});

test('pages go back from any id and are filtered', async t => {
	const {activity} = await open(await newFolder(t));
	for (let number = 1; number <= 30; number++) {
		activity.add(number % 3 === 0 ? 'WARN' : 'INFO', number % 2 === 0 ? `Node even ${number}` : `node odd ${number}`);
	}

	const ids = (entries: {id: number}[]) => entries.map(({id}) => id);
	t.deepEqual(ids(activity.before(10, 3)), [7, 8, 9]);
	t.deepEqual(ids(activity.before(2, 3)), [1]);
	t.deepEqual(ids(activity.before(1, 3)), []);
	t.deepEqual(ids(activity.before(Number.MAX_SAFE_INTEGER, 2)), [29, 30]);
	t.deepEqual(ids(activity.before(31, 3, {level: 'WARN'})), [24, 27, 30]);
	t.deepEqual(ids(activity.before(31, 2, {text: 'NODE EVEN', level: 'WARN'})), [24, 30]);
	t.deepEqual(ids(activity.newest(2, {text: 'odd'})), [27, 29]);
	t.deepEqual(activity.newest(5, {text: 'nothing like it'}), []);
	t.deepEqual(activity.newest(0), []);
});

test('what is about a node or a file is found, together with every other filter', async t => {
	const {activity} = await open(await newFolder(t));
	for (let number = 1; number <= 24; number++) {
		activity.add(number % 2 === 0 ? 'WARN' : 'INFO', `entry ${number}`, {
			node: number % 3 === 0 ? 'pjas-0a1b2c3d' : undefined,
			file: number % 4 === 0 ? '0193d2a4b5c60011223344556677889a' : undefined,
		});
	}

	const found = (...query: Parameters<typeof activity.before>) => activity.before(...query).map(({id}) => id);
	const node = 'pjas-0a1b2c3d';
	const file = '0193d2a4b5c60011223344556677889a';
	t.deepEqual(found(Infinity, 3, {node}), [18, 21, 24]);
	t.deepEqual(found(24, 9, {file}), [4, 8, 12, 16, 20]);
	t.deepEqual(found(Infinity, 9, {node, file}), [12, 24]);
	t.deepEqual(found(Infinity, 9, {node, level: 'INFO', text: 'ENTRY 1'}), [15]);
	t.deepEqual(found(Infinity, 9, {node: 'pjas-0a1b2c3'}), []);
});

test('the format on disk is the golden one', async t => {
	const folder = await newFolder(t);
	const {activity, clock} = await open(folder);
	activity.add('INFO', 'Node attic joined', {node: 'pjas-0123456789abcdef0123456789abcdef'});
	await clock.advance(1500);
	activity.add('INFO', '"Grüße 🎉.txt" uploaded: 3 chunks on their nodes', {file: '0193d2a4b5c60011223344556677889a'});
	activity.add('WARN', 'a \u001B[31mred\u0007 line\nand\u2028another', {node: 'pjas-0a1b2c3d'});
	activity.add('ERROR', 'back\\slash', {node: 'pjas-0a1b2c3d', file: '0193d2a4b5c60011223344556677889a'});
	await activity.close();
	const written = await readFile(current(folder), 'utf8');
	t.is(written, await readFile(golden, 'utf8'));

	await writeFile(current(folder), await readFile(golden));
	const again = await open(folder);
	t.deepEqual(again.activity.newest(10), activity.newest(10));
	t.deepEqual(again.lines, []);
});

test('a message is bounded and made harmless', async t => {
	const folder = await newFolder(t);
	const {activity} = await open(folder);
	for (const text of ['x'.repeat(5_000_000), '\u0000'.repeat(999), `${'x'.repeat(998)}🎉🎉`, '🎉'.repeat(600)]) {
		const {message} = activity.add('INFO', text);
		t.true(message.length <= 1000 && message.endsWith('…'), `${message.length}`);
		t.is(Buffer.from(message).toString(), message, 'no half characters');
		t.notRegex(message, /\p{Cc}/u);
	}

	t.is(activity.add('INFO', 'x'.repeat(1000)).message.length, 1000);
	t.is(activity.add('INFO', 'x'.repeat(1000)).message.at(-1), 'x');
	await activity.close();
	t.is((await open(folder)).activity.newest(10).length, 6);
});

test('only the newest are kept, in memory and on disk', async t => {
	const folder = await newFolder(t);
	let written = 0;
	for (let start = 0; start < 4; start++) {
		const {activity, lines} = await open(folder, {capacity: 10});
		const ids = activity.newest(100).map(({id}) => id);
		t.deepEqual(
			ids,
			Array.from({length: Math.min(10, written)}, (_, index) => written - Math.min(10, written) + 1 + index),
		);
		for (let count = 0; count < 27; count++) {
			t.is(activity.add('INFO', `entry ${written + 1}`).id, ++written);
			if (count % 4 === 0) await new Promise(resolve => setTimeout(resolve, 2));
		}

		t.is(activity.newest(100).length, 10);
		await activity.close();
		t.deepEqual(lines, []);
		t.deepEqual((await readdir(folder)).sort(), ['activity.1.jsonl', 'activity.jsonl']);
		for (const path of [current(folder), previous(folder)]) {
			t.true((await readFile(path, 'utf8')).split('\n').length <= 11);
		}
	}
});

test('what is written in one turn goes to disk in one write', async t => {
	const writes: string[] = [];
	const files = {
		...systemActivityFiles,
		appendFile: async (path: string, text: string) => {
			writes.push(text);
			await systemActivityFiles.appendFile(path, text);
		},
	};
	const {activity} = await open(await newFolder(t), {files});
	for (let count = 0; count < 500; count++) activity.add('INFO', `entry ${count}`);
	await activity.close();
	t.is(writes.length, 1);
	t.is(writes[0]?.split('\n').length, 501);
});

test('a torn last line is dropped, told, and does not harm the next one', async t => {
	const folder = await newFolder(t);
	const first = await open(folder);
	first.activity.add('INFO', 'whole');
	await first.activity.close();
	const whole = await readFile(current(folder), 'utf8');

	for (const torn of ['{"id":2,"timestampMs":17', whole.slice(0, -1), '\u0000\u0000\u0000', '{}']) {
		await writeFile(current(folder), whole + torn);
		const {activity, lines} = await open(folder);
		t.deepEqual(lines, ['info: the last line of the activity log was not whole and is dropped']);
		t.is(await readFile(current(folder), 'utf8'), whole);
		t.is(activity.add('INFO', 'next').id, 2);
		await activity.close();
		const again = await open(folder);
		t.deepEqual(
			again.activity.newest(10).map(({message}) => message),
			['whole', 'next'],
		);
		t.deepEqual(again.lines, []);
	}
});

test('lines that are none of its own are passed over', async t => {
	const folder = await newFolder(t);
	const first = await open(folder);
	for (const message of ['one', 'two', 'three']) first.activity.add('INFO', message);
	await first.activity.close();
	const [one, two, three] = (await readFile(current(folder), 'utf8')).split('\n') as [string, string, string];
	const strange = ['', 'nonsense', '[]', 'null', '{"id":"4"}', '{"id":-1}', one.replace('INFO', 'LOUD'), two, '\uFFFD'];
	await writeFile(current(folder), `${[one, two, ...strange, three].join('\n')}\n`);
	const {activity, lines} = await open(folder);
	t.deepEqual(
		activity.newest(10).map(({message}) => message),
		['one', 'two', 'three'],
	);
	t.deepEqual(lines, ['warn: the activity log has lines that are none of its own']);
});

test('a disk that refuses is told of once, and gets everything when it takes again', async t => {
	const folder = await newFolder(t);
	let isFull = true;
	let tries = 0;
	let failures = 0;
	const files = {
		...systemActivityFiles,
		appendFile: async (path: string, text: string) => {
			tries++;
			if (!isFull) return systemActivityFiles.appendFile(path, text);
			// A full disk takes a part.
			await appendFile(path, text.slice(0, 30));
			failures++;
			throw Object.assign(new Error('no space left'), {code: 'ENOSPC'});
		},
	};
	const {activity, clock, lines} = await open(folder, {files, capacity: 20});
	const until = async (isSo: () => boolean) => {
		while (!isSo()) await new Promise(resolve => setTimeout(resolve, 2));
	};

	activity.add('INFO', 'entry 1');
	await until(() => lines.length === 1);
	for (let count = 2; count <= 50; count++) activity.add('INFO', `entry ${count}`);
	await new Promise(resolve => setTimeout(resolve, 20));
	t.is(tries, 1, 'it is not tried again at once');
	await clock.advance(6000);
	activity.add('INFO', 'entry 51');
	await until(() => tries === 2 && failures === 2);
	t.deepEqual(lines, ['error: the activity log cannot be written: its newest entries are only in memory']);
	t.is(activity.newest(100).length, 20);

	isFull = false;
	await clock.advance(6000);
	activity.add('INFO', 'entry 52');
	await until(() => lines.length === 2);
	await activity.close();
	t.is(lines[1], 'info: the activity log is written again');
	const again = await open(folder, {capacity: 20});
	t.deepEqual(again.activity.newest(100), activity.newest(100));
	t.deepEqual(again.lines, []);
});

test('a folder that cannot be used leaves the log in memory', async t => {
	const folder = await newFolder(t);
	await writeFile(join(folder, 'file'), '');
	const {activity, lines} = await open(join(folder, 'file', 'within'));
	activity.add('INFO', 'kept');
	await activity.close();
	t.is(activity.newest(1)[0]?.message, 'kept');
	t.is(lines.filter(line => line.startsWith('error')).length, 1);
});

test('a file that is pulled away while it runs is written anew', async t => {
	const folder = await newFolder(t);
	const {activity, clock} = await open(folder, {capacity: 3});
	for (let count = 1; count <= 9; count++) {
		activity.add('INFO', `entry ${count}`);
		await clock.advance(1000);
		await new Promise(resolve => setTimeout(resolve, 10));
		if (count % 2 === 0) await rm(current(folder), {force: true});
	}

	await activity.close();
	t.is((await open(folder)).activity.newest(1)[0]?.message, 'entry 9');
});
