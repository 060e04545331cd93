import {type Breach, checkAlways, checkAtRest} from '../core/check.js';
import {chanceOf} from './chance.js';
import type {Settings} from './coordinator.js';
import {createFaults} from './faults.js';
import {digestOfWorld, filesIn, truthOf} from './truth.js';
import {createUsers, WrongBytes} from './users.js';
import {createVirtualTime} from './virtual-time.js';
import {createWorld} from './world.js';

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
const FAULT_EVERY_MS = 12 * MINUTE_MS;
const USE_EVERY_MS = 10 * MINUTE_MS;
const CHECK_EVERY_MS = HOUR_MS;
/** What nobody counts on goes after a day; the rest takes hours at most. */
const REST_WITHIN_HOURS = 72;
const ORPHAN_AFTER_MINUTES = 26 * 60;
const TRASH_MS = 4 * HOUR_MS;
const MOST_MEMBERS = 20;
const MOST_FILES = 40;

const settings: Settings = {
	replicas: 3,
	minReplicas: 2,
	chunkSizeBytes: 256,
	memoryBytes: 16 * MIB,
	repair: {graceMs: 15 * MINUTE_MS, atOnce: 4, bytesPerSecond: 0},
	trashMs: TRASH_MS,
	longestRestMs: 5 * MINUTE_MS,
	hasMoves: true,
};

const tellOf = (breaches: readonly Breach[]): string =>
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
	const world = createWorld({
		...{time, chance: chance.fork(), settings, trace},
		hesitates: true,
		figuresEveryMs: MINUTE_MS,
	});
	const {chunkSizeBytes} = settings;
	const users = createUsers({world, chance: chance.fork(), chunkSizeBytes, trashMs: TRASH_MS, trace});
	const faults = createFaults({world, users, chance: chance.fork(), trace, mostMembers: MOST_MEMBERS});
	let problem: string | undefined;
	let healedAfterHours = 0;
	let isCalm = false;

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

	const check = async () => {
		const breaches = checkAlways(await truthOf(world, users.owed(), ORPHAN_AFTER_MINUTES));
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

	const calm = () => {
		isCalm = true;
		faults.calm();
		// Members help out: there has to be a place for what is to be made good.
		for (let count = 0; count < 3; count++) world.join({allocatedBytes: 4096 * 1000, zone: `new zone ${count}`});
		world.tellAll();
	};

	/** What rots is found only by who reads it: somebody has all files checked. */
	const checkFiles = async () => {
		const coordinator = world.coordinator();
		if (!coordinator) return;
		for (const file of await filesIn(world.catalog)) {
			const lines = coordinator.checker.check(file, new AbortController().signal);
			for (let line = await lines.next(); !line.done; line = await lines.next());
		}
	};

	const restBreaches = async (): Promise<Breach[]> => {
		const truth = await truthOf(world, users.owed(), ORPHAN_AFTER_MINUTES);
		return [...checkAlways(truth), ...checkAtRest(truth, TRASH_MS + HOUR_MS)].filter(
			({invariant}) => invariant !== 'best-spread',
		);
	};

	const heal = async () => {
		calm();
		const calmAtMs = time.nowMs();
		await time.run(calmAtMs + HOUR_MS);
		checkFiles().catch((error: unknown) => fail(String(error)));
		for (const hours of [3, 6, 12, 26, 30, 36, 48, REST_WITHIN_HOURS]) {
			await time.run(calmAtMs + hours * HOUR_MS);
			const breaches = await restBreaches();
			healedAfterHours = hours;
			if (breaches.length === 0) return;
			if (hours === REST_WITHIN_HOURS) fail(tellOf(breaches));
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

		await time.run(time.nowMs() + HOUR_MS);
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
		faults: faults.counts(),
		users: users.counts(),
		events: time.events(),
	};
};
