import test from 'ava';
import fc from 'fast-check';
import type {AlertCode} from '../../source/protocol/alerts-api.js';
import type {NodeId} from '../../source/protocol/ids.js';
import {type Alert, alertsAfter, alertsAtStart, type AlertState, type AlertView} from './alerts.js';

const LOOK_MS = 15_000;
const MINUTE_MS = 60_000;
const node = `pjas-${'0'.repeat(32)}` as NodeId;
const limits = {awayMs: 15 * MINUTE_MS, backupMs: 7 * 24 * 60 * MINUTE_MS};

const well: AlertView = {
	nodes: [{id: node, name: 'attic', isOnline: true, missedMs: 0, allocatedBytes: 1000, freeBytes: 500}],
	copies: {full: 10, partly: 0, one: 0, none: 0},
	repair: {isPaused: false, waiting: 0, blocked: 0, why: undefined, doneChunks: 0},
	failedSignIns: 0,
	backupAt: undefined,
	disk: {sizeBytes: 100 * 1024 ** 3, freeBytes: 50 * 1024 ** 3},
	heap: {liveBytes: 100, limitBytes: 1000},
};

const withNode = (change: Partial<AlertView['nodes'][number]>): AlertView => ({
	...well,
	nodes: well.nodes.map(each => ({...each, ...change})),
});

const idOf = (number: number) => `${node.slice(0, -1)}${number}` as NodeId;

/** A node by its number that is missed for so long. */
const away = (number: number, missedMs: number): AlertView =>
	withNode({id: idOf(number), isOnline: missedMs === 0, missedMs});

/** Looks every 15 seconds at what is then, and tells what opened and what was over, by when. */
const watch = (views: (now: number) => AlertView, untilMs: number, state: AlertState = alertsAtStart([], 0)) => {
	const told: {at: number; what: 'opened' | 'over'; alert: Alert}[] = [];
	let ids = 0;
	let current = state;
	for (let now = 0; now <= untilMs; now += LOOK_MS) {
		const change = alertsAfter(current, {view: views(now), limits, newId: () => `alert_${++ids}`}, now);
		current = change.state;
		for (const alert of change.opened) told.push({at: now, what: 'opened', alert});
		for (const alert of change.resolved) told.push({at: now, what: 'over', alert});
	}

	return {told, open: current.open};
};

/** What each alert is raised by: from when it is so, there must be word of it within five minutes. */
const causes: Record<AlertCode, (sinceMs: number) => AlertView> = {
	CHUNKS_LOST: () => ({...well, copies: {full: 9, partly: 0, one: 0, none: 1}}),
	CHUNKS_AT_ONE_COPY: () => ({...well, copies: {full: 8, partly: 0, one: 2, none: 0}}),
	REPAIR_STUCK: () => ({...well, repair: {isPaused: false, waiting: 1, blocked: 2, why: 'no room', doneChunks: 7}}),
	NODE_AWAY: sinceMs => withNode({isOnline: false, missedMs: limits.awayMs + sinceMs}),
	NODES_AWAY_AT_ONCE: sinceMs => ({
		...well,
		nodes: [60_000, 75_000, 90_000].flatMap((seenMs, number) => away(number, seenMs + sinceMs).nodes),
	}),
	DISK_NEARLY_FULL: () => ({...well, disk: {sizeBytes: 100 * 1024 ** 3, freeBytes: 1024 ** 3}}),
	MEMORY_NEARLY_FULL: () => ({...well, heap: {liveBytes: 700, limitBytes: 1000}}),
	NETWORK_NEARLY_FULL: () => withNode({freeBytes: 90}),
	NODE_NEARLY_FULL: () => ({
		...well,
		nodes: [...well.nodes, ...withNode({id: `${node.slice(0, -1)}1` as NodeId, freeBytes: 49}).nodes],
	}),
	SIGN_INS_FAIL: () => ({...well, failedSignIns: 20}),
	BACKUP_TOO_OLD: sinceMs => ({...well, backupAt: -limits.backupMs - sinceMs}),
};

/** A repair is stuck once nothing was repaired for so long. */
const STUCK_MS = 10 * MINUTE_MS;

for (const [code, cause] of Object.entries(causes)) {
	test(`${code} is opened once within five minutes, says what to do, and is over within five minutes`, t => {
		const fromMs = 10 * MINUTE_MS;
		const toMs = 60 * MINUTE_MS;
		const {told} = watch(
			now => (now >= fromMs && now < toMs ? cause(now - fromMs) : {...well, backupAt: now}),
			90 * MINUTE_MS,
		);
		t.deepEqual(
			told.map(({what, alert}) => [what, alert.code]),
			[
				['opened', code],
				['over', code],
			],
			JSON.stringify(told),
		);
		const [opened, over] = told;
		const dueMs = fromMs + (code === 'REPAIR_STUCK' ? STUCK_MS : 0);
		t.true(opened && opened.at >= dueMs && opened.at <= dueMs + 5 * MINUTE_MS);
		t.true(over && over.at >= toMs && over.at <= toMs + 5 * MINUTE_MS);
		t.is(over?.alert.id, opened?.alert.id);
		t.regex(opened?.alert.text ?? '', /^[A-Z\d].*[^.]$/);
		t.true((opened?.alert.remedy.length ?? 0) > 10);
	});
}

test('nothing is wrong with a network that is well, nor with one that is empty', t => {
	const empty: AlertView = {
		...well,
		nodes: [],
		copies: {full: 0, partly: 0, one: 0, none: 0},
		disk: undefined,
		heap: well.heap,
	};
	for (const view of [well, empty]) t.deepEqual(watch(() => view, 30 * MINUTE_MS).told, []);
});

test('what goes to and fro around a threshold opens one alert at most, whatever its way', t => {
	const inBand = [
		(share: number) => withNode({freeBytes: 100 + 19 * share}),
		(share: number) => withNode({allocatedBytes: 1000, freeBytes: 51 + 28 * share}),
		// Of a small disk: 5% and 10%.
		(share: number) => ({...well, disk: {sizeBytes: 1000, freeBytes: 50 + 49 * share}}),
		(share: number) => ({...well, heap: {liveBytes: 601 + 98 * share, limitBytes: 1000}}),
		(share: number) => ({...well, failedSignIns: 6 + Math.floor(14 * share)}),
		(share: number) => ({...well, copies: {full: 1, partly: 0, one: Math.round(share), none: 0}}),
	];
	fc.assert(
		fc.property(
			fc.constantFrom(...inBand.keys()),
			fc.array(fc.double({min: 0, max: 1, noNaN: true}), {minLength: 1, maxLength: 200}),
			(at, shares) => {
				// A count of chunks goes to and fro quicker than either way counts.
				const isOfChunks = at === inBand.length - 1;
				const ways = isOfChunks ? shares.map((_, index) => index % 2) : shares;
				const view = (now: number) => inBand[at]?.(ways[Math.floor(now / LOOK_MS) % ways.length] ?? 0) ?? well;
				const {told} = watch(view, (ways.length - 1) * LOOK_MS);
				const codes = new Set(told.map(({alert}) => alert.code));
				return told.every(({what}) => what === 'opened') && told.length === codes.size;
			},
		),
	);
	t.pass();
});

test('whatever happens, an alert opens before it is over, is over once, and no two of the same are open', t => {
	const views = fc.record({
		isOnline: fc.boolean(),
		missedMs: fc.integer({min: 0, max: 3_600_000}),
		freeBytes: fc.integer({min: 0, max: 1000}),
		one: fc.integer({min: 0, max: 2}),
		none: fc.integer({min: 0, max: 2}),
		blocked: fc.integer({min: 0, max: 2}),
		doneChunks: fc.integer({min: 0, max: 3}),
		failedSignIns: fc.integer({min: 0, max: 40}),
		isGone: fc.boolean(),
	});
	fc.assert(
		fc.property(fc.array(fc.tuple(views, fc.integer({min: 1, max: 40})), {minLength: 1, maxLength: 30}), phases => {
			const timeline = phases.flatMap(([phase, looks]) => Array.from({length: looks}, () => phase));
			const {told, open} = watch(
				now => {
					const phase = timeline[now / LOOK_MS];
					if (!phase) return well;
					const {isOnline, missedMs, freeBytes, one, none, blocked, doneChunks, failedSignIns, isGone} = phase;
					return {
						...withNode({isOnline, missedMs, freeBytes}),
						...(isGone && {nodes: []}),
						copies: {full: 1, partly: 0, one, none},
						repair: {isPaused: false, waiting: 0, blocked, why: undefined, doneChunks},
						failedSignIns,
					};
				},
				(timeline.length - 1) * LOOK_MS,
			);
			const openIds = new Set<string>();
			const openKeys = new Set<string>();
			for (const {what, alert} of told) {
				const key = `${alert.code} ${alert.node ?? ''}`;
				const isFit = what === 'opened' ? !openKeys.has(key) && !openIds.has(alert.id) : openIds.has(alert.id);
				if (!isFit) return false;
				openKeys[what === 'opened' ? 'add' : 'delete'](key);
				openIds[what === 'opened' ? 'add' : 'delete'](alert.id);
			}

			return open.length === openIds.size && open.every(({id}) => openIds.has(id));
		}),
	);
	t.pass();
});

test('an alert that was open before a restart stays the same one, and is over when it is; that of a node that left is over at once', t => {
	const before = watch(causes.NODE_AWAY, MINUTE_MS).open;
	const [alert] = before;
	const still = watch(causes.NODE_AWAY, 10 * MINUTE_MS, alertsAtStart(before, 0));
	t.deepEqual([still.told, still.open.map(({id}) => id)], [[], [alert?.id]]);
	const over = watch(() => well, 5 * MINUTE_MS, alertsAtStart(before, 0));
	t.deepEqual(
		over.told.map(({at, what}) => [at, what]),
		[[MINUTE_MS, 'over']],
	);
	const left = watch(() => ({...well, nodes: []}), 0, alertsAtStart(before, 0));
	t.deepEqual([left.told.length, left.open], [1, []]);
});

test('the worst stands first, and words keep up with what they are about', t => {
	const many = (one: number): AlertView => ({
		...withNode({isOnline: false, missedMs: limits.awayMs}),
		copies: {full: 0, partly: 0, one, none: 0},
	});
	const {open, told} = watch(now => many(now < 5 * MINUTE_MS ? 1 : 2), 10 * MINUTE_MS);
	t.deepEqual(
		open.map(({code, text}) => [code, text]),
		[
			['CHUNKS_AT_ONE_COPY', '2 chunks have one copy left that counts'],
			['NODE_AWAY', 'Node attic is away for more than 15 minutes'],
		],
	);
	t.is(told.length, 2);
});

test('nodes that go at once are one alert; one that was gone before, and one that stays away after, are told of by themselves', t => {
	const [goneMs, backMs] = [30 * MINUTE_MS, 70 * MINUTE_MS];
	const {told} = watch(now => {
		const isGone = now >= goneMs && now < backMs;
		const missedMs = [
			now,
			...[0, 20_000, 40_000, 60_000].map(late => (isGone ? Math.max(0, now - goneMs - late) : 0)),
			Math.max(0, now - goneMs),
			0,
		];
		return {...well, nodes: missedMs.flatMap((missed, number) => away(number, missed).nodes)};
	}, 90 * MINUTE_MS);
	t.deepEqual(
		told.map(({at, what, alert}) => [Math.ceil(at / MINUTE_MS), what, alert.code, alert.node ?? '']),
		[
			[15, 'opened', 'NODE_AWAY', idOf(0)],
			[32, 'opened', 'NODES_AWAY_AT_ONCE', ''],
			[70, 'opened', 'NODE_AWAY', idOf(5)],
			[71, 'over', 'NODES_AWAY_AT_ONCE', ''],
		],
	);
	t.regex(told[1]?.alert.text ?? '', /^5 of 6 nodes went away at once/);
});

test('neither two nodes of two, nor half of four, nor most of them one after the other, went at once', t => {
	const gone = (...missed: number[]) =>
		watch(
			now => ({...well, nodes: missed.flatMap((ms, number) => away(number, ms < 0 ? 0 : ms + now).nodes)}),
			10 * MINUTE_MS,
		).told.map(({alert}) => alert.code);
	t.deepEqual(gone(1, 1), []);
	t.deepEqual(gone(1, 1, -1, -1), []);
	t.deepEqual(gone(1, 3 * MINUTE_MS, -1), []);
	t.deepEqual(gone(1, 2 * MINUTE_MS, -1), ['NODES_AWAY_AT_ONCE']);
});

test('a repair that goes on, however slowly, is not stuck; one that is paused with work left is', t => {
	const busy = watch(
		now => ({
			...well,
			repair: {isPaused: false, waiting: 5, blocked: 1, why: 'x', doneChunks: Math.floor(now / 300_000)},
		}),
		60 * MINUTE_MS,
	);
	t.deepEqual(busy.told, []);
	const paused = watch(
		() => ({...well, repair: {isPaused: true, waiting: 5, blocked: 0, why: undefined, doneChunks: 0}}),
		20 * MINUTE_MS,
	);
	t.regex(paused.open[0]?.text ?? '', /repair is paused/);
	t.regex(paused.open[0]?.remedy ?? '', /repair resume/);
});
