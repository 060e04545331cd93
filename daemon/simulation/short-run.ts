import {checkAlways, checkAtRest} from '../core/check.js';
import type {BreachOf, Stranger} from '../core/network-truth.js';
import {KEPT_AFTER_RESTORE_MS} from '../core/restored.js';
import {type Chance, chanceOf} from './chance.js';
import type {Settings} from './coordinator.js';
import {createFaults} from './faults.js';
import type {ScrubPlan} from './node-process.js';
import {digestOfWorld, truthOf} from './truth.js';
import {filesIn} from './whole-catalog.js';
import {createUsers, WrongBytes} from './users.js';
import {createVirtualTime} from './virtual-time.js';
import {createWitness} from './witness.js';
import {createWorld, type World} from './world.js';

export type ShortOptions = {
	seed: number;
	/** How long things go wrong. */
	faultyDays: number;
	/** Told of all that happens, as it does. */
	trace?: (text: string) => void;
};

export type ShortResult = {
	seed: number;
	/** What went wrong; nothing where all promises were kept. */
	problem?: string;
	/** One number for the state at the end: the same for the same seed. */
	digest: string;
	/** How long it took after the last fault until all was as it should be. */
	healedAfterHours: number;
	faults: Record<string, number>;
	users: ReturnType<ReturnType<typeof createUsers>['counts']>;
	events: number;
};

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const MIB = 1024 ** 2;
const FAULT_EVERY_MS = 8 * MINUTE_MS;
const USE_EVERY_MS = 7 * MINUTE_MS;
const CHECK_EVERY_MS = HOUR_MS;
/** What nobody counts on goes after a day, where all nodes say what they have; the rest takes hours at most. */
const ORPHAN_AFTER_MINUTES = 26 * 60;
/** Where nobody helps, all nodes are asked within another day. */
const ORPHAN_ALONE_AFTER_MINUTES = 50 * 60;
const CHECK_AFTER_HOURS = [2.5, 3, 6, 12, 26, 30, 36, 52, 72];
const LEAST_HOURS = 3;
const ALONE_HOURS = 52;
/** Where nodes say what they have and scrub often, nothing else need find what is amiss. */
const SOON_HOURS = 6;
/** How many are left alone after the last fault: what is amiss is found by scrubs, audits and the daily comparison only. */
const ALONE_SHARE = 1 / 20;
/** In how many one node never answers again: what it holds must be made elsewhere. */
const MUTE_SHARE = 1 / 8;
/** In how many shards rot just when nothing else goes wrong any more: only scrubs find all of them soon. */
const DECAY_SHARE = 1 / 3;
const SHORT_SCRUB_MS = 2 * HOUR_MS;
/** What is bad is found by then: within a pass, whose looks are some minutes apart. */
const FOUND_AFTER_HOURS = 2.4;
const RESTORED_SHARE = 1 / 2;
const TRASH_MS = 4 * HOUR_MS;
const MOST_MEMBERS = 20;
const MOST_FILES = 40;

const settings = {
	replicas: 3,
	minReplicas: 2,
	chunkSizeBytes: 256,
	memoryBytes: 16 * MIB,
	repair: {graceMs: 15 * MINUTE_MS, atOnce: 4, bytesPerSecond: 0},
	trashMs: TRASH_MS,
	longestRestMs: 5 * MINUTE_MS,
	without: [],
} satisfies Settings;

/** Mostly each shard is read again soon, so that most networks are at rest soon; in some, what rots stays for long. */
const scrubOf = (chance: Chance): ScrubPlan => ({
	periodMs: chance.isLucky(0.9) ? SHORT_SCRUB_MS : 24 * HOUR_MS,
	lookMs: 15 * MINUTE_MS,
});

const tellOf = (breaches: readonly BreachOf<string>[]): string =>
	breaches
		.slice(0, 5)
		.map(({invariant, problem, ...about}) => `${invariant}: ${problem} ${JSON.stringify(about)}`)
		.join('\n');

/**
A small network for some days: first everything goes wrong that its scheme allows, then nothing, and it must be whole again.
The same seed gives the same run.
*/
export const runShort = async ({seed, faultyDays, trace: tell}: ShortOptions): Promise<ShortResult> => {
	const chance = chanceOf(seed);
	const time = createVirtualTime();
	const trace = (text: string) => tell?.(`${(time.nowMs() / 1000).toFixed(3).padStart(12)} ${text}`);
	const scrub = scrubOf(chance);
	const witness = createWitness({
		world: () => world,
		minReplicas: settings.minReplicas,
		onBreaches: breaches => fail(tellOf(breaches)),
		onCopy: () => faults.noteCopy(),
	});
	const world: World = createWorld({
		...{time, chance: chance.fork(), settings: {...settings, scrub}, trace},
		hesitates: () => !isCalm,
		figuresEveryMs: MINUTE_MS,
		watch: catalog => witness.watch(catalog),
		onArrival: arrival => witness.noteArrival(arrival),
		onRemoval: removal => witness.noteRemoval(removal),
	});
	const {chunkSizeBytes} = settings;
	const users = createUsers({world, chance: chance.fork(), chunkSizeBytes, trashMs: TRASH_MS, trace});
	const faults = createFaults({world, users, chance: chance.fork(), trace, mostMembers: MOST_MEMBERS});
	let problem: string | undefined;
	let healedAfterHours = 0;
	let isCalm = false;
	let calmAtMs: number | undefined;
	const isAlone = chance.isLucky(ALONE_SHARE);
	const isScrubbedSoon = scrub.periodMs === SHORT_SCRUB_MS;
	const orphanMinutes = isAlone ? ORPHAN_ALONE_AFTER_MINUTES : ORPHAN_AFTER_MINUTES;
	let lost: Stranger[] = [];

	const fail = (text: string) => {
		problem ??= text;
		trace(`PROBLEM ${text}`);
	};

	/** Calls `work` again and again, as long as things go wrong, at times that chance gives. */
	const often = (everyMs: number, work: () => Promise<void>, at: (mean: number) => number = chance.fork().wait) => {
		const next = () =>
			void time.timer(at(everyMs), () => {
				if (isCalm) return;
				work().catch((error: unknown) => fail(error instanceof WrongBytes ? error.message : String(error)));
				next();
			});
		next();
	};

	const strangers = () => [...faults.strangers(), ...lost];

	const truth = async () => {
		const scrubbed = calmAtMs !== undefined &&
			isScrubbedSoon &&
			world.setBackMs() === 0 && {
				sinceMinute: calmAtMs / MINUTE_MS,
				withinMinutes: FOUND_AFTER_HOURS * 60,
			};
		return truthOf(world, {
			acknowledged: users.owed(),
			oldMinutes: orphanMinutes,
			strangers: strangers(),
			unwanted: witness.unwanted(),
			...(scrubbed && {scrubbed}),
		});
	};

	const check = async () => {
		const breaches = checkAlways(await truth());
		if (breaches.length > 0) fail(tellOf(breaches));
	};

	const use = async () => {
		if (users.promised.size === 0 || (chance.isLucky(0.4) && users.promised.size < MOST_FILES)) return users.upload();
		if (chance.isLucky(0.3)) return users.deleteOne();
		return chance.isLucky(0.2) ? users.restoreOne() : users.downloadOne();
	};

	const populate = () => {
		const zones = 3 + chance.int(4);
		for (let count = 5 + chance.int(10); count > 0; count--) {
			const zone = `zone ${chance.int(zones)}`;
			world.join({allocatedBytes: 4096 * (20 + chance.int(200)), zone, owner: zone});
		}

		world.boot();
	};

	/** The catalogue is lost, and the one of a backup takes its place. What came since is nobody's, and is kept. */
	const restore = async () => {
		const before = await truthOf(world, {oldMinutes: orphanMinutes});
		world.restore();
		const restoredAt = world.restoredAt() ?? 0;
		const known = new Set((await filesIn(world.catalog)).map(({_id}) => _id));
		const unknown = [...before.chunks].filter(({file}) => !known.has(file) && users.promised.has(file));
		lost = unknown
			.flatMap(({shards}) => shards)
			.filter(({node, digest}) => before.disks.get(node)?.state(digest) !== undefined)
			.map(({node, digest}) => ({node, digest, keptUntil: restoredAt + KEPT_AFTER_RESTORE_MS}));
		await users.afterRestore();
	};

	const calm = async () => {
		isCalm = true;
		if (world.backedUpAt() !== undefined && chance.isLucky(RESTORED_SHARE)) await restore();
		faults.calm();
		// Members help out: there has to be a place for what is to be made good.
		for (let count = 0; count < 3; count++) world.join({allocatedBytes: 4096 * 1000, zone: `new zone ${count}`});
		if (!isAlone) world.tellAll();
		if (isScrubbedSoon && chance.isLucky(DECAY_SHARE)) await faults.decay();
		if (chance.isLucky(MUTE_SHARE)) await faults.silence();
	};

	const heal = async () => {
		await calm();
		const startMs = time.nowMs();
		calmAtMs = startMs;
		const lastHours = !isAlone && isScrubbedSoon ? SOON_HOURS : Math.max(...CHECK_AFTER_HOURS);
		for (const hours of CHECK_AFTER_HOURS) {
			await time.run(startMs + hours * HOUR_MS);
			const now = await truth();
			const always = checkAlways(now);
			const breaches = [...always, ...checkAtRest(now, TRASH_MS + HOUR_MS)];
			healedAfterHours = hours;
			if (breaches.length === 0 && hours >= (isAlone ? ALONE_HOURS : LEAST_HOURS)) return;
			if (always.length === 0 && hours < lastHours) continue;
			fail(`after ${hours} hours without faults: ${tellOf(breaches)}`);
			return;
		}
	};

	const readAll = async () => {
		let read = 0;
		const all = [...users.promised.values()].filter(({trashedAt}) => trashedAt === undefined);
		for (const file of all) {
			users.readWhole(file).then(
				() => read++,
				(error: unknown) => fail(`file ${file.id}: ${String(error)}`),
			);
		}

		const endMs = time.nowMs() + HOUR_MS;
		while (read < all.length && time.nowMs() < endMs) await time.run(time.nowMs() + MINUTE_MS);
		if (read < all.length) fail(`${all.length - read} files could not be read to their end`);
	};

	populate();
	await time.run(MINUTE_MS);
	often(FAULT_EVERY_MS, faults.strike);
	often(USE_EVERY_MS, use);
	often(CHECK_EVERY_MS, check, everyMs => everyMs);
	for (let hour = 1; hour <= faultyDays * 24 && !problem; hour++) await time.run(hour * HOUR_MS);
	if (!problem) await check();
	if (!problem) await heal();
	if (!problem) await readAll();

	return {
		seed,
		...(problem !== undefined && {problem}),
		digest: await digestOfWorld(world),
		healedAfterHours,
		faults: {...faults.counts(), ...(world.restoredAt() !== undefined && {restore: 1})},
		users: users.counts(),
		events: time.events(),
	};
};
