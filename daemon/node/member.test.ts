import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {wishesSchema} from '../../source/protocol/node-care.js';
import {systemFiles} from '../adapters/disk-shards-files.js';
import {memberFile, trafficFile} from '../adapters/member-file.js';
import type {Limits} from '../core/member-limits.js';
import {type ManualClock, manualClock} from '../testing/manual-clock.js';
import {recordingLog} from '../testing/recording-log.js';
import {type Member, openMember} from './member.js';
import {createThrottle, type Throttle} from './throttle.js';

const MIB = 1024 ** 2;
const noLimits: Limits = {
	...{space: 1024 * MIB, up: 0, down: 0, schedule: 'none', monthly_cap: 0, hours: 'always'},
	remote_limits: 'off',
};

/** How much goes in a while, where several send pieces as fast as they may. */
const flood = async (clock: ManualClock, throttle: Throttle, senders: number, ms: number): Promise<number> => {
	const endMs = clock.now() + ms;
	let sentBytes = 0;
	const send = async () => {
		for (;;) {
			const piece = throttle.pieceBytes();
			await throttle.take(piece);
			if (clock.now() > endMs) return;
			sentBytes += piece;
		}
	};
	const sending = Array.from({length: senders}, async () => send());
	await clock.advance(ms + 10_000);
	await Promise.all(sending);
	return sentBytes;
};

test('a rate is held within 5%, whatever it is and however many share it', async t => {
	const rates = fc.integer({min: 32 * 1024, max: 100 * MIB});
	await fc.assert(
		fc.asyncProperty(rates, fc.integer({min: 1, max: 6}), async (rate, senders) => {
			const clock = manualClock();
			const throttle = createThrottle(
				clock,
				() => rate,
				() => undefined,
			);
			const sentBytes = await flood(clock, throttle, senders, 5_000);
			return Math.abs(sentBytes / 5 / rate - 1) < 0.05;
		}),
		{numRuns: 15},
	);
	t.pass();
});

test('a rate that changes holds for those that wait already, and none lets all of them go', async t => {
	const clock = manualClock();
	let rate = 32 * 1024;
	let counted = 0;
	const throttle = createThrottle(
		clock,
		() => rate,
		bytes => (counted += bytes),
	);
	// Sixty seconds' worth, by the rate at which they came.
	const waiting = Array.from({length: 30}, async () => throttle.take(64 * 1024));
	await clock.advance(1_000);
	rate = 10 * MIB;
	await clock.advance(1_000);
	await Promise.all(waiting);
	t.is(counted, 30 * 64 * 1024);

	rate = 0;
	t.is(throttle.take(MIB), undefined);
	t.false(throttle.isLimited());
	rate = 32 * 1024;
	let isThrough = false;
	void throttle.take(MIB);
	void throttle.take(1)?.then(() => (isThrough = true));
	await clock.advance(31_000);
	t.false(isThrough);
	await clock.advance(2_000);
	t.true(isThrough);
});

type Opened = {member: Member; clock: ManualClock; folder: string; allocated: number[]; lines: () => string[]};

const open = async (
	t: ExecutionContext,
	{
		configured = {},
		folder,
		clock = manualClock(),
	}: {configured?: Partial<Limits>; folder?: string; clock?: ManualClock} = {},
): Promise<Opened> => {
	const path = folder ?? (await mkdtemp(join(tmpdir(), 'pjas-member-')));
	if (!folder) t.teardown(async () => rm(path, {recursive: true}));
	const log = recordingLog();
	const place = {files: systemFiles, folder: path, log};
	const allocated: number[] = [];
	const member = await openMember({
		folder: {
			member: memberFile(place),
			traffic: trafficFile(place),
			allocate: async bytes => Promise.resolve(void allocated.push(bytes)),
		},
		configured: {...noLimits, ...configured},
		timeZone: 'UTC',
		clock,
		log,
	});
	return {member, clock, folder: path, allocated, lines: () => log.entries.map(({message}) => message)};
};

test('what is set while a node runs holds at once and over a restart, and is told', async t => {
	const {member, folder, allocated} = await open(t);
	let told = 0;
	member.onChange(() => told++);
	await member.set({up: '2MB', space: '500MB', hours: '01:00-09:00'});
	t.is(told, 1);
	t.like(member.limits(), {up: 2 * MIB, space: 500 * MIB, hours: '01:00-09:00'});
	t.deepEqual(member.report(), {
		up: 2 * MIB,
		down: 0,
		resting: 'off-hours',
		hours: {text: '01:00-09:00', time_zone: 'UTC'},
		limits: {
			...{space: 500 * MIB, up: 2 * MIB, down: 0, schedule: 'none', monthly_cap: 0, hours: '01:00-09:00'},
		},
		remote: {allowed: false, heard: 0},
	});
	t.is(allocated.at(-1), 500 * MIB);
	await member.pause(true);
	t.is(member.resting(), 'paused');

	const again = await open(t, {folder});
	t.is(again.member.resting(), 'paused');
	t.is(again.member.limits().up, 2 * MIB);
	t.regex(again.lines().join('\n'), /as it was set while the node ran: .*up 2 MiB\/s/);
	const later = await open(t, {folder, configured: {up: MIB}});
	t.is(later.member.limits().up, MIB, 'what is configured later goes before it');
	t.is(later.member.limits().space, 500 * MIB);
	t.regex(later.lines().join('\n'), /another value is configured now than when this was set: up 1 MiB\/s holds/);
	await later.member.set({space: 'default'});
	t.is(later.member.limits().space, noLimits.space);
	t.is((await open(t, {folder})).member.limits().space, noLimits.space);
});

test('a limit that is none changes nothing, and says what is allowed', async t => {
	const {member} = await open(t);
	const error = await t.throwsAsync(async () => member.set({down: '5MB', up: 'fast'}));
	t.regex(error.message, /^up can't be "fast"\. Allowed: 0 for any, or a size a second/);
	t.is(member.limits().down, 0);
	const changes = await Promise.allSettled([member.set({up: '1MB'}), member.set({down: '2MB'}), member.pause(true)]);
	t.true(changes.every(({status}) => status === 'fulfilled'));
	t.like(member.limits(), {up: MIB, down: 2 * MIB});
	t.is(member.resting(), 'paused', 'changes at the same moment all hold');
});

test('limits are taken over from afar where the member lets it, once, and not where another was set on the machine since', async t => {
	const clock = manualClock(10_000_000);
	const {member, folder, lines} = await open(t, {clock});
	/** The coordinator's clock is an hour behind. */
	const hear = async (limits: Record<string, [secondsAgo: number, value: number | string]>) => {
		const now = clock.now() - 3_600_000;
		const wishes = Object.entries(limits).map(([name, [secondsAgo, value]]) => {
			return [name, {at: now - secondsAgo * 1000, by: 'ann', value}];
		});
		await member.hearWishes({now, limits: wishesSchema.parse(Object.fromEntries(wishes))});
	};
	await hear({up: [0, MIB]});
	t.is(member.limits().up, 0, 'nobody may, unless it is said');
	await clock.advance(10_000);
	await member.set({remote_limits: 'on', down: '5MB'});
	await clock.advance(1000);
	let told = 0;
	member.onChange(() => told++);
	await hear({up: [20, MIB], down: [2, MIB], space: [0, 10]});
	t.like(member.limits(), {up: MIB, down: 5 * MIB, space: noLimits.space});
	t.is(told, 1);
	t.deepEqual(member.report().remote, {allowed: true, heard: clock.now() - 3_600_000});
	t.regex(lines().join('\n'), /set from afar: up 1 MiB\/s\n.*can't be here: space/);
	await member.set({up: '3MB'});
	await hear({up: [20, MIB]});
	t.is(member.limits().up, 3 * MIB, 'what was heard already is not heard again');

	const again = await open(t, {folder, clock});
	t.deepEqual(again.member.report().remote, member.report().remote);
	t.is(again.member.limits().up, 3 * MIB);
	const kept = JSON.parse(await readFile(join(folder, 'member.json'), 'utf8')) as {set: object};
	t.deepEqual(Object.keys(kept.set).sort(), ['down', 'up'], 'a version of before would not read any other');
	await writeFile(join(folder, 'member.json'), JSON.stringify({version: 1, isPaused: true, leaving: 'no', set: {}}));
	t.is((await open(t, {folder})).member.resting(), 'paused', 'what one of before has written is read');
});

test('a month is counted over restarts, and its cap ends what can wait, then all', async t => {
	const clock = manualClock(Date.parse('2026-11-30T23:50:00Z'));
	const {member, folder} = await open(t, {configured: {monthly_cap: 1000 * MIB}, clock});
	const ending = new AbortController();
	const running = member.run(ending.signal);
	let told = 0;
	member.onChange(() => told++);
	void member.down.take(800 * MIB);
	member.count({up: 99 * MIB, down: 0});
	t.is(member.resting(), undefined);
	await clock.advance(11_000);
	t.is(told, 0);
	const isWritten = async () => (await readFile(join(folder, 'line.json'), 'utf8').catch(() => '')).includes('day');
	while (!(await isWritten())) await new Promise(resolve => setImmediate(resolve));
	const later = await open(t, {folder, configured: {monthly_cap: 1000 * MIB}, clock});
	t.deepEqual(later.member.traffic().month, {up: 99 * MIB, down: 800 * MIB}, 'also where it was killed');

	void member.up.take(MIB);
	t.is(member.resting(), 'near-cap');
	// The clock stands still where a file is being written.
	while (told === 0) await clock.advance(1_000);
	t.is(told, 1);
	void member.up.take(100 * MIB);
	t.is(member.resting(), 'over-cap');
	await clock.advance(600_000);
	t.is(member.resting(), undefined, 'the next month begins');
	t.is(member.traffic().date, '2026-12-01');
	member.count({up: 7, down: 0});
	ending.abort();
	await running;
	await member.save();
	t.is((await open(t, {folder, clock})).member.traffic().month.up, 7);
});

test('files of the member that are torn or were changed to what can not be are as if there were none', async t => {
	const {member, folder} = await open(t);
	await member.set({up: '2MB'});
	const file = join(folder, 'member.json');
	const text = await readFile(file, 'utf8');
	for (const wrong of [text.slice(0, 20), text.replace('2097152', '5'), '[]']) {
		await writeFile(file, wrong);
		await writeFile(join(folder, 'line.json'), wrong);
		const again = await open(t, {folder});
		t.is(again.member.limits().up, 0);
		t.regex(again.lines().join('\n'), /member\.json can't be read[^]*line\.json can't be read/);
	}
});
