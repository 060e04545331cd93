import {randomBytes} from 'node:crypto';
import {mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {manualClock} from '../../daemon/testing/manual-clock.js';
import {startTestNetwork} from '../../daemon/testing/network.js';
import {createApi} from '../client/api.js';
import {type Clock, systemClock} from '../client/clock.js';
import {AnswerError, UnreachableError} from '../client/errors.js';
import {createEntries, MAX_DONE, MAX_TRANSFERS} from './entries.js';
import {createEntry} from './entry.js';
import {startFront} from './front.suite.js';
import {createNotifier} from './notifier.js';
import {createTransfers} from './queue.js';
import {createRate} from './rate.js';
import {backoffMs, judge} from './retry.js';
import type {Transfer, Transfers} from './transfer.js';

const MIB = 1024 * 1024;

/** The machine's time, but nobody waits long. */
const hastyClock: Clock = {now: () => Date.now(), timer: (ms, run) => systemClock.timer(Math.min(ms, 20), run)};
/** The machine's time, but what waits for the coordinator waits for ever. */
const patientClock: Clock = {
	now: () => Date.now(),
	timer: (ms, run) => (ms >= 1000 ? () => undefined : systemClock.timer(ms, run)),
};

type Options = {atOnce?: number; clock?: Clock};

const arrange = async (t: ExecutionContext, {atOnce = 3, clock = hastyClock}: Options = {}) => {
	const network = await startTestNetwork(t);
	const front = await startFront(t, network.url);
	const folder = await mkdtemp(path.join(tmpdir(), 'pjas-queue-'));
	const api = createApi(front.url);
	const transfers = createTransfers({api, clock, random: () => 0.5, atOnce});
	t.teardown(async () => {
		await transfers.close();
		await rm(folder, {recursive: true});
	});

	const reached = async (what: (list: readonly Transfer[]) => boolean) =>
		new Promise<readonly Transfer[]>(resolve => {
			const check = () => {
				if (!what(transfers.get())) return;
				stop();
				resolve(transfers.get());
			};
			const stop = transfers.subscribe(check);
			check();
		});

	const write = async (name: string, bytes: Uint8Array) => {
		await mkdir(path.dirname(path.join(folder, name)), {recursive: true});
		await writeFile(path.join(folder, name), bytes);
		return path.join(folder, name);
	};

	/** Puts files of a size into the network, past the queue. */
	const store = async (count: number, sizeBytes: number) => {
		const stored = [];
		for (let index = 0; index < count; index++) {
			const bytes = randomBytes(sizeBytes);
			const body = (async function* () {
				yield Promise.resolve(bytes);
			})();
			const name = `file ${index}`;
			const {file_id: id} = await api.upload({name, body, signal: new AbortController().signal});
			stored.push({id, name, sizeBytes, bytes, path: path.join(folder, `got ${index}`)});
		}

		return stored;
	};

	return {front, api, folder, transfers, reached, write, store};
};

const allAre = (state: Transfer['state']) => (list: readonly Transfer[]) => list.every(each => each.state === state);
const states = (transfers: Transfers) => transfers.get().map(({state}) => state);
const partsIn = async (folder: string) => (await readdir(folder)).filter(name => name.includes('.part-'));

test('a folder goes up and comes back byte for byte', async t => {
	const {api, folder, transfers, reached, write} = await arrange(t);
	const contents = new Map([
		['box/empty', new Uint8Array()],
		['box/deep/er/one', randomBytes(1)],
		['box/long', randomBytes(10 * MIB + 1)],
		['single.txt', Buffer.from('text')],
	]);
	for (const [name, bytes] of contents) await write(name, bytes);
	let notified = 0;
	transfers.subscribe(() => notified++);
	const before = transfers.get();
	await transfers.upload([path.join(folder, 'box'), path.join(folder, 'single.txt')]);
	t.true(transfers.isBusy());
	const uploaded = await reached(allAre('done'));
	t.false(transfers.isBusy());
	t.true(notified > 0);
	t.deepEqual(before, []);
	t.deepEqual(
		uploaded.map(({name, sizeBytes, doneBytes, chunks, doneChunks}) => [
			name,
			sizeBytes,
			doneBytes,
			chunks,
			doneChunks,
		]),
		[
			['box/deep/er/one', 1, 1, 1, 1],
			['box/empty', 0, 0, 0, 0],
			['box/long', 10 * MIB + 1, 10 * MIB + 1, 2, 2],
			['single.txt', 4, 4, 1, 1],
		],
	);
	t.is((await api.files({limit: 10})).total, 4);

	for (const {fileId = '', id, name, sizeBytes} of uploaded) {
		transfers.download({id: fileId, name, sizeBytes: sizeBytes ?? 0}, path.join(folder, `got ${id}`));
	}

	await reached(allAre('done'));
	for (const {id, name} of uploaded) {
		t.true(Buffer.from(contents.get(name) ?? 'none').equals(await readFile(path.join(folder, `got ${id}`))), name);
	}
});

test('a download goes on by itself where it stopped when the coordinator is back', async t => {
	const {front, transfers, reached, store} = await arrange(t);
	const [file] = await store(1, 12 * MIB);
	if (!file) throw new Error('no file');
	front.goAwayAfter(5 * MIB);
	transfers.download(file, file.path);
	const [waiting] = await reached(allAre('waiting'));
	t.regex(waiting?.problem ?? '', /can't be reached|cut/);
	t.true((waiting?.doneBytes ?? 0) > 0);
	await front.comeBack();
	await reached(allAre('done'));
	t.true(file.bytes.equals(await readFile(file.path)));
	t.regex(front.ranges.at(-1) ?? '', /^bytes=[1-9]\d*-$/);
	t.true(front.sentBytes() <= file.sizeBytes + 2 * MIB, String(front.sentBytes()));
});

test('an upload that finds nobody waits, and starts when it is woken', async t => {
	const {front, api, transfers, reached, write} = await arrange(t, {clock: patientClock, atOnce: 2});
	const paths = await Promise.all(['a', 'b', 'c'].map(async name => write(name, randomBytes(MIB))));
	await front.goAway();
	await transfers.upload(paths);
	// What waits keeps its place: the third would fare no better.
	await reached(list => list.map(({state}) => state).join() === 'waiting,waiting,queued');
	await front.comeBack();
	transfers.wake();
	await reached(allAre('done'));
	t.is((await api.files({limit: 10})).total, 3);
});

test('transfers go in order, and only a few at once', async t => {
	const {front, transfers, reached, store} = await arrange(t, {atOnce: 2});
	const files = await store(6, MIB);
	for (const file of files) transfers.download(file, file.path);
	t.deepEqual(states(transfers), ['active', 'active', 'queued', 'queued', 'queued', 'queued']);
	await reached(allAre('done'));
	t.is(front.mostAtOnce(), 2);
	const place = front.asked.map(asked => files.findIndex(({id}) => asked.includes(id)));
	t.deepEqual([...place].sort(), [0, 1, 2, 3, 4, 5]);
	t.true(
		place.every((index, at) => Math.abs(index - at) <= 1),
		place.join(),
	);
});

test('a download is paused, resumed, cancelled, tried again and cleared', async t => {
	const {front, folder, transfers, reached, store} = await arrange(t, {atOnce: 1});
	const [file, next] = await store(2, 4 * MIB);
	if (!file || !next) throw new Error('no files');
	const isUnderWay = (list: readonly Transfer[]) => (list[0]?.doneBytes ?? 0) >= MIB;
	front.holdAfter(2 * MIB);
	transfers.download(file, file.path);
	await reached(isUnderWay);
	transfers.pause(1);
	t.deepEqual(states(transfers), ['paused']);
	t.true(transfers.isBusy());
	transfers.download(next, next.path);
	// It starts once the one before has let go, whose bytes are kept then.
	await reached(list => list[1]?.state === 'active');
	t.is((await partsIn(folder)).filter(name => name.startsWith('got 0')).length, 2);

	transfers.cancel(2);
	front.holdAfter(undefined);
	transfers.resume(1);
	await reached(list => list[0]?.state === 'done');
	t.true(file.bytes.equals(await readFile(file.path)));
	t.deepEqual(front.ranges.filter(range => range !== '').length, 1);
	t.deepEqual(await partsIn(folder), []);

	front.holdAfter(2 * MIB);
	transfers.retry(2);
	await reached(list => (list[1]?.doneBytes ?? 0) >= MIB);
	transfers.cancel(2);
	// A second try waits until what the first one left is gone.
	front.holdAfter(undefined);
	transfers.retry(2);
	t.deepEqual(states(transfers), ['done', 'queued']);
	await reached(allAre('done'));
	t.true(next.bytes.equals(await readFile(next.path)));
	transfers.pause(1);
	transfers.cancel(1);
	transfers.retry(1);
	t.deepEqual(states(transfers), ['done', 'done']);
	transfers.clear(1);
	t.deepEqual(
		transfers.get().map(({id}) => id),
		[2],
	);
	transfers.clear();
	t.deepEqual(transfers.get(), []);
});

test('whatever is asked for in whatever order, all downloads become whole in the end and leave nothing', async t => {
	const {api, folder, store} = await arrange(t);
	const files = await store(4, 2 * MIB);
	const verb = fc.constantFrom('pause', 'resume', 'cancel', 'retry', 'wake');
	const step = fc.record({verb, id: fc.integer({min: 1, max: files.length}), turns: fc.nat(40)});
	const play = async (
		steps: readonly {verb: 'pause' | 'resume' | 'cancel' | 'retry' | 'wake'; id: number; turns: number}[],
	) => {
		const transfers = createTransfers({api, clock: hastyClock, random: () => 0, atOnce: 2});
		for (const file of files) transfers.download(file, file.path);
		for (const {verb, id, turns} of steps) {
			transfers[verb](id);
			for (let turn = 0; turn < turns; turn++) await new Promise<void>(resolve => setImmediate(resolve));
		}

		await new Promise<void>(resolve => {
			const check = () => {
				for (const {id} of transfers.get()) {
					transfers.resume(id);
					transfers.retry(id);
				}

				if (allAre('done')(transfers.get())) resolve();
			};
			transfers.subscribe(check);
			check();
		});
		await transfers.close();
		for (const {path: at, bytes} of files) {
			if (!bytes.equals(await readFile(at))) throw new Error(`${at} is another`);
			await rm(at);
		}

		if ((await partsIn(folder)).length > 0) throw new Error((await readdir(folder)).join());
	};

	await fc.assert(fc.asyncProperty(fc.array(step, {maxLength: 30}), play), {numRuns: 10, endOnFailure: true});
	t.pass();
});

test('what can not be done fails in words and harms no other', async t => {
	const {api, folder, transfers, reached, store, write} = await arrange(t);
	const [file, gone, good] = await store(3, MIB);
	if (!file || !gone || !good) throw new Error('no files');
	await api.removeFile(gone.id);
	await writeFile(file.path, 'mine');
	transfers.download(file, file.path);
	transfers.download(gone, gone.path);
	transfers.download(good, good.path);
	transfers.download(good, good.path);
	const list = await reached(each => each.every(({state}) => state === 'failed' || state === 'done'));
	t.deepEqual(
		list.map(({state}) => state),
		['failed', 'failed', 'done', 'failed'],
	);
	t.regex(list[0]?.problem ?? '', /exists already: choose another name/);
	t.regex(list[1]?.problem ?? '', /not found/i);
	t.regex(list[3]?.problem ?? '', /already/);
	t.is(await readFile(file.path, 'utf8'), 'mine');
	await rm(file.path);
	transfers.retry(1);
	await reached(each => each[0]?.state === 'done');
	transfers.clear();

	await mkdir(path.join(folder, 'empty'));
	await t.throwsAsync(transfers.upload([path.join(folder, 'empty')]), {message: /no file in .*empty/});
	await t.throwsAsync(transfers.upload([path.join(folder, 'none')]), {message: /none is not there/});
	t.deepEqual(transfers.get(), []);
	await transfers.upload([path.join(folder, 'none'), await write('some', randomBytes(1))]);
	const mixed = await reached(each => each[1]?.state === 'done');
	t.is(mixed[0]?.state, 'failed');
	t.regex(mixed[0]?.problem ?? '', /none is not there/);
});

test('answers that may pass are tried five times, others once', async t => {
	const {front, transfers, reached, store, write} = await arrange(t);
	const [file] = await store(1, MIB);
	if (!file) throw new Error('no file');
	front.refuse({status: 503, headers: {'retry-after': '1'}, code: 'NO_NODES_AVAILABLE'});
	transfers.download(file, file.path);
	await reached(allAre('failed'));
	t.is(front.refusals(), 5);
	t.regex(transfers.get()[0]?.problem ?? '', /Not now/);
	front.refuse({status: 507, code: 'INSUFFICIENT_STORAGE'});
	await transfers.upload([await write('x', randomBytes(5))]);
	await reached(allAre('failed'));
	t.is(front.refusals(), 6);
	front.refuse(undefined);
	transfers.retry(1);
	transfers.retry(2);
	await reached(allAre('done'));
});

test('closing stops all and keeps what there is; another queue goes on with it', async t => {
	const {front, api, folder, transfers, reached, store} = await arrange(t);
	const [file] = await store(1, 4 * MIB);
	if (!file) throw new Error('no file');
	front.holdAfter(2 * MIB);
	transfers.download(file, file.path);
	await reached(list => (list[0]?.doneBytes ?? 0) >= MIB);
	await transfers.close();
	t.deepEqual(states(transfers), ['paused']);
	t.is((await partsIn(folder)).length, 2);
	t.throws(() => transfers.download(file, file.path), {message: /stopped/});
	await transfers.close();

	front.holdAfter(undefined);
	const other = createTransfers({api, clock: hastyClock, random: () => 0});
	t.teardown(other.close);
	other.download(file, file.path);
	await new Promise<void>(resolve => {
		other.subscribe(() => {
			if (other.get()[0]?.state === 'done') resolve();
		});
	});
	t.regex(front.ranges.at(-1) ?? '', /^bytes=[1-9]\d*-$/);
	t.true(file.bytes.equals(await readFile(file.path)));
});

test('the queue is bounded, and of what ended the oldest goes', async t => {
	const {front, folder, transfers, reached} = await arrange(t, {clock: patientClock});
	await front.goAway();
	const queue = () => transfers.download({id: '0'.repeat(32), name: 'x', sizeBytes: 1}, path.join(folder, 'x'));
	for (let count = 0; count < MAX_TRANSFERS; count++) queue();
	t.throws(queue, {message: /the queue holds 10000 transfers/});
	transfers.cancel(MAX_TRANSFERS);
	await reached(list => list.at(-1)?.state === 'cancelled');
	queue();
	t.throws(() => transfers.retry(MAX_TRANSFERS), {message: /the queue holds 10000 transfers/});

	const entries = createEntries();
	for (let id = 1; id <= MAX_DONE + 2; id++) {
		const about = {kind: 'upload', name: 'x', path: 'x', queuedAtMs: 0, overwrite: false, isSealed: false} as const;
		const entry = createEntry({...about, id, fileId: undefined, sizeBytes: 0});
		entries.add(entry);
		if (id === 2) continue;
		entry.state = 'done';
		entries.touch(entry);
	}

	t.is(entries.snapshots().length, MAX_DONE + 1);
	t.deepEqual(
		entries
			.snapshots()
			.slice(0, 2)
			.map(({id}) => id),
		[2, 3],
	);
});

test('listeners hear of what somebody did at once, and of progress ten times a second at most', async t => {
	const clock = manualClock();
	const notifier = createNotifier(clock);
	let heard = 0;
	const stop = notifier.subscribe(() => heard++);
	for (let ms = 0; ms < 1000; ms += 10) {
		notifier.changed();
		await clock.advance(10);
	}

	t.true(heard <= 11 && heard >= 9, String(heard));
	heard = 0;
	notifier.changedNow();
	notifier.changedNow();
	await Promise.resolve();
	t.is(heard, 1);
	stop();
	notifier.changedNow();
	await Promise.resolve();
	t.is(heard, 1);
	notifier.changed();
	t.is(clock.sleepers(), 0);
});

test('a rate is smooth, and comes to nothing where nothing comes', t => {
	const rate = createRate();
	rate.add(0, 5_000_000);
	t.is(rate.value(), 0);
	for (let ms = 100; ms <= 3000; ms += 100) rate.add(ms, 5_000_000 + ms * 1000);
	t.is(rate.value(), 1_000_000);
	rate.add(3100, 8_000_000 + 1_000_000);
	t.true(rate.value() > 1_000_000 && rate.value() < 2_000_000);
	// The clock was set back.
	rate.add(50, 9_000_000);
	for (let ms = 100; ms <= 60_000; ms += 100) rate.add(ms, 9_000_000);
	t.is(rate.value(), 0);
});

test('a wait is between 1 and 30 s, or as the coordinator says', t => {
	for (const chance of [0, 0.5, 0.999]) {
		for (let tries = 0; tries < 2000; tries++) {
			const ms = backoffMs(tries, () => chance);
			t.true(ms >= 1000 && ms <= 30_000);
		}
	}

	const random = () => 0;
	const busy = new AnswerError('busy', {status: 429, retryAfterMs: 7000});
	t.deepEqual(judge(busy, 1, random), {kind: 'waiting', afterMs: 7000, isFixed: true});
	t.deepEqual(judge(busy, 5, random), {kind: 'failed'});
	t.is(judge(new UnreachableError('away'), 1000, random).kind, 'waiting');
	for (const code of ['FILE_NOT_FOUND', 'INSUFFICIENT_STORAGE', 'INVALID_REQUEST', undefined]) {
		t.is(judge(new AnswerError('no', code === undefined ? {} : {code}), 1, random).kind, 'failed');
	}
});
