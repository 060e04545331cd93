import {createHash, randomBytes} from 'node:crypto';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {PjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import {systemFiles} from '../adapters/disk-shards-files.js';
import {openNodeFolder} from '../adapters/disk-shards-folder.js';
import {MemoryShards} from '../adapters/memory-shards.js';
import {scrubFile} from '../adapters/scrub-file.js';
import {systemClock, systemRandom} from '../adapters/system.js';
import {dueAtOf, placeOf} from '../core/scrub.js';
import {type ManualClock, manualClock} from '../testing/manual-clock.js';
import {recordingLog} from '../testing/recording-log.js';
import {silentLog} from '../testing/silent-log.js';
import type {ScrubState} from './folder.js';
import {createScrubber, type Scrubber, type ScrubberOptions} from './scrubber.js';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const PERIOD_MS = 10 * DAY_MS;
const SHARD_BYTES = 1000;

/** A store in memory that tells what was read again. */
const withShards = async (count: number) => {
	const memory = new MemoryShards();
	const verified: Digest[] = [];
	for (let number = 0; number < count; number++) {
		const body = randomBytes(SHARD_BYTES);
		await memory.put(createHash('sha256').update(body).digest('hex') as Digest, body);
	}

	const shards: ScrubberOptions['shards'] = {
		list: memory.list.bind(memory),
		stat: memory.stat.bind(memory),
		async verify(digest, options) {
			verified.push(digest);
			return memory.verify(digest, options);
		},
		figures: async () =>
			Promise.resolve({usedBytes: memory.usedBytes, allocatedBytes: 1e9, freeBytes: 1e9, count: memory.kept.size}),
	};
	return {memory, shards, verified, sorted: () => [...memory.kept.keys()].sort()};
};

const memoryFile = (kept: {state?: ScrubState | undefined} = {}) => ({
	kept,
	read: async () => Promise.resolve(kept.state),
	write: async (state: ScrubState) => Promise.resolve(void (kept.state = state)),
});

type Parts = Partial<ScrubberOptions> & Pick<ScrubberOptions, 'shards'>;

/** Runs a scrubber until the test, or whoever asks, ends it. */
const start = (t: ExecutionContext, clock: ManualClock, parts: Parts): Scrubber & {stop: () => Promise<void>} => {
	const scrubber = createScrubber({
		file: memoryFile(),
		settings: {periodMs: PERIOD_MS, bytesPerSecond: 0},
		isIdle: () => true,
		now: clock.now,
		clock,
		log: silentLog,
		...parts,
	});
	const ending = new AbortController();
	const running = scrubber.run(ending.signal);
	const stop = async () => {
		ending.abort(new Error('the test ends it'));
		await running;
	};
	t.teardown(stop);
	return {...scrubber, stop};
};

/** Lets time pass, in turns that leave the scrubber its own. */
const pass = async (clock: ManualClock, ms: number, stepMs = 10 * MINUTE_MS) => {
	for (let left = ms; left > 0; left -= stepMs) {
		await clock.advance(Math.min(left, stepMs));
		for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve));
	}
};

test('every shard is read again in its turn, and once in a pass', async t => {
	const clock = manualClock();
	const startedAt = clock.now();
	const {shards, verified, sorted} = await withShards(20);
	const scrubber = start(t, clock, {shards});
	await pass(clock, 5 * DAY_MS, 60 * MINUTE_MS);
	const due = sorted().filter(digest => dueAtOf(digest, startedAt, PERIOD_MS) <= clock.now() - 60 * MINUTE_MS);
	t.true(due.length > 0 && due.length < 20);
	t.deepEqual(verified.slice(0, due.length), due);
	t.true((scrubber.report()?.progress ?? 0) >= placeOf(due.at(-1) as Digest));
	t.is(scrubber.report()?.completed, undefined);

	await pass(clock, 4 * DAY_MS, 60 * MINUTE_MS);
	t.deepEqual(verified.slice(0, 20), sorted());
	const {completed} = scrubber.report() ?? {};
	t.is(completed?.started_at, startedAt);
	t.true((completed?.ended_at ?? Infinity) <= startedAt + PERIOD_MS);
});

test('a clock that is set back puts no shard off', async t => {
	const clock = manualClock();
	const {shards, verified, sorted} = await withShards(10);
	start(t, clock, {shards});
	await pass(clock, 60 * MINUTE_MS);
	clock.jump(-PERIOD_MS);
	await pass(clock, PERIOD_MS, 60 * MINUTE_MS);
	t.deepEqual(verified.slice(0, 10), sorted());
});

test('it goes on where it was after a restart, and is slow in between', async t => {
	const clock = manualClock();
	const {shards, verified, sorted} = await withShards(10);
	const file = memoryFile();
	const settings = {periodMs: 1, bytesPerSecond: SHARD_BYTES / 10};
	const first = start(t, clock, {shards, file, settings});
	await pass(clock, 35_000, 1000);
	await first.stop();
	const before = verified.length;
	t.true(before >= 3 && before <= 4, `${before} shards in 35 seconds, at 10 seconds each`);
	t.is(file.kept.state?.upTo, sorted()[before - 1]);

	const second = start(t, clock, {shards, file, settings});
	await pass(clock, 5_000, 1000);
	await second.stop();
	t.deepEqual(verified, sorted().slice(0, verified.length));
	t.is(verified.length, before + 1);
});

test('it waits while the node is busy', async t => {
	const clock = manualClock();
	const {shards, verified} = await withShards(5);
	let isIdle = false;
	start(t, clock, {shards, settings: {periodMs: 1, bytesPerSecond: 0}, isIdle: () => isIdle});
	await pass(clock, 10 * MINUTE_MS, MINUTE_MS);
	t.deepEqual(verified, []);
	isIdle = true;
	await pass(clock, MINUTE_MS, 1000);
	t.true(verified.length >= 5);
});

test('what went bad is told until the coordinator has heard of it', async t => {
	const clock = manualClock();
	const {memory, shards, sorted} = await withShards(5);
	const [bad] = sorted() as [Digest];
	memory.kept.set(bad, Buffer.from('other bytes'));
	const file = memoryFile();
	const first = start(t, clock, {shards, file, settings: {periodMs: PERIOD_MS, bytesPerSecond: 0}});
	await pass(clock, 9 * DAY_MS, 60 * MINUTE_MS);
	t.deepEqual(first.report()?.faults, [{digest: bad, kind: 'corrupt'}]);
	await first.stop();

	const second = start(t, clock, {shards, file});
	await pass(clock, MINUTE_MS);
	const report = second.report();
	t.deepEqual(report?.faults, [{digest: bad, kind: 'corrupt'}], 'over a restart too');
	if (report) await second.acknowledge(report);
	t.deepEqual(second.report()?.faults, []);
	t.deepEqual(file.kept.state?.faults, []);
});

test('a shard that the disk does not give is tried again before it is told of, and is not taken out', async t => {
	const clock = manualClock();
	const {memory, shards, sorted, verified} = await withShards(3);
	const [first] = sorted() as [Digest];
	const failing: ScrubberOptions['shards'] = {
		...shards,
		async verify(digest, options) {
			if (digest !== first) return shards.verify(digest, options);
			verified.push(digest);
			throw new PjasError('SHARD_UNREADABLE', 'the disk fails');
		},
	};
	const scrubber = start(t, clock, {shards: failing, settings: {periodMs: 1, bytesPerSecond: 0}});
	await pass(clock, 30_000, 1000);
	t.deepEqual(verified, [first]);
	t.deepEqual(scrubber.report()?.faults, []);
	await pass(clock, 2 * MINUTE_MS, 1000);
	t.deepEqual(scrubber.report()?.faults, [{digest: first, kind: 'unreadable'}]);
	t.true(memory.kept.has(first));
	t.true(verified.length >= 4, 'the others are read all the same');
});

test('a self-check reads everything at once, whether the node is busy or not, and once for each request', async t => {
	const clock = manualClock();
	const {shards, verified, sorted} = await withShards(8);
	const file = memoryFile();
	const scrubber = start(t, clock, {shards, file, isIdle: () => false});
	await pass(clock, MINUTE_MS, 1000);
	t.deepEqual(verified, []);
	scrubber.checkSelf(77);
	await pass(clock, 10_000, 1000);
	t.deepEqual(verified, sorted());
	scrubber.checkSelf(77);
	await pass(clock, 10 * MINUTE_MS, 1000);
	t.is(verified.length, 8);
	await scrubber.stop();

	const next = start(t, clock, {shards, file, isIdle: () => false});
	next.checkSelf(77);
	await pass(clock, MINUTE_MS, 1000);
	t.is(verified.length, 8, 'it was done before the restart');
	next.checkSelf(78);
	await pass(clock, MINUTE_MS, 1000);
	t.is(verified.length, 16);
});

test('a node that can’t keep up says so, once a day', async t => {
	const clock = manualClock();
	const {shards} = await withShards(3);
	const log = recordingLog();
	const {entries} = log;
	const huge = {
		...shards,
		figures: async () => Promise.resolve({usedBytes: 1e15, allocatedBytes: 1e15, freeBytes: 0, count: 3}),
	};
	start(t, clock, {shards: huge, settings: {periodMs: PERIOD_MS, bytesPerSecond: 1000}, log});
	await pass(clock, 2 * DAY_MS, 60 * MINUTE_MS);
	const told = entries.filter(({message}) => message.includes('will not read every shard in time'));
	t.true(told.length >= 2 && told.length <= 3, `${told.length} times`);
});

test('what can’t be read any more of how far it was is said, and the scrub begins anew', async t => {
	const folder = await mkdtemp(join(tmpdir(), 'pjas-scrub-'));
	t.teardown(async () => rm(folder, {recursive: true}));
	const log = recordingLog();
	const {entries} = log;
	const file = scrubFile({files: systemFiles, folder, log});
	t.is(await file.read(), undefined);
	t.is(entries.length, 0, 'a new node has none');
	const state: ScrubState = {
		startedAt: 5,
		upTo: 'a'.repeat(64) as Digest,
		completed: {startedAt: 1, endedAt: 4},
		selfCheck: 3,
		isSelfCheck: false,
		faults: [{digest: 'b'.repeat(64) as Digest, kind: 'corrupt'}],
	};
	await file.write(state);
	t.like(await file.read(), state);
	const text = await readFile(join(folder, 'scrub.json'), 'utf8');
	await writeFile(join(folder, 'scrub.json'), text.slice(0, 40));
	t.is(await file.read(), undefined);
	t.regex(entries.at(-1)?.message ?? '', /scrub\.json can't be read: the scrub begins anew/);
});

test('bit rot on a real disk is found, and the shard is in quarantine', async t => {
	const folder = await mkdtemp(join(tmpdir(), 'pjas-scrub-'));
	t.teardown(async () => rm(folder, {recursive: true}));
	const clock = manualClock();
	const opened = await openNodeFolder({
		folder,
		allocatedBytes: 1e8,
		log: silentLog,
		clock: systemClock,
		random: systemRandom,
	});
	const bodies = [randomBytes(5000), randomBytes(5000)];
	const digests = bodies.map(body => createHash('sha256').update(body).digest('hex') as Digest);
	for (const [at, body] of bodies.entries()) await opened.shards.put(digests[at] as Digest, body);
	const rotten = Buffer.from(bodies[0] as Buffer);
	rotten[1234] = (rotten[1234] ?? 0) ^ 4;
	await writeFile(join(folder, 'chunks', `${digests[0]}.chunk`), rotten);
	const settings = {periodMs: 1, bytesPerSecond: 0};
	const scrubber = start(t, clock, {shards: opened.shards, file: opened.scrub, settings});
	for (let turn = 0; turn < 2000 && (scrubber.report()?.faults ?? []).length === 0; turn++)
		await pass(clock, 1000, 1000);
	t.deepEqual(scrubber.report()?.faults, [{digest: digests[0], kind: 'corrupt'}]);
	t.is(opened.shards.quarantined, 1);
	t.is(opened.shards.count, 1);
});
