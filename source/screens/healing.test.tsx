import test from 'ava';
import {AnswerError} from '../client/errors.js';
import type {LiveState} from '../client/live-state.js';
import type {Whoami} from '../client/people-contract.js';
import type {ActionId} from '../console/keymap.js';
import {createTheme} from '../console/theme.js';
import type {View} from '../console/view.js';
import type {ChunkView} from '../protocol/api.js';
import {areas, fills, hostileNames} from '../testing/areas.js';
import {createTestConsole} from '../testing/console.js';
import {createManualClock} from '../testing/manual-clock.js';
import {renderToText} from '../testing/render.js';
import {
	sampleChunk,
	sampleFile,
	sampleMoves,
	sampleNode,
	sampleNowMs,
	sampleRepair,
	sampleStats,
} from '../testing/samples.js';
import {reasonOf} from './chunk-reasons.js';
import {createChunkWhy} from './chunk-why.js';
import {createHealingScreen} from './healing.js';

const MIB = 1024 ** 2;
const MINUTE_MS = 60_000;
const medium = {columns: 80, rows: 21};
const wide = {columns: 160, rows: 37};

const act = (view: View, id: ActionId): void => {
	void view
		.actions()
		.find(action => action.id === id)
		?.run();
};

const problemOf = (view: View, id: ActionId) =>
	view
		.actions()
		.find(action => action.id === id)
		?.problem?.();

const settled = async () => new Promise(resolve => setImmediate(resolve));

const stale: LiveState['connection'] = {
	state: 'stale',
	sinceMs: sampleNowMs - 12_000,
	nextTryAtMs: sampleNowMs + 4_000,
	error: "http://127.0.0.1:3000 can't be reached: connection refused",
};

const files = [1, 2, 3, 4].map(number => sampleFile(number));
const idOf = (number: number) => sampleFile(number).file_id;
const node = (number: number) => sampleNode(number).node_id;

const whoami = (change: Partial<Whoami> = {}): Whoami => ({
	...{success: true, open: false, name: 'ann', role: 'operator', scope: 'full', via: 'token'},
	...{quota_bytes: null, used_bytes: 0},
	...change,
});

const busy: Partial<LiveState> = {
	whoami: whoami(),
	stats: sampleStats({
		redundancy: {full: 1200, partly: 26, none: 2},
		repair: {waiting: 20, active: 1, blocked: 2, paused: false, reason: 'no-space'},
	}),
	nodes: [
		sampleNode(1),
		sampleNode(2, {
			drain: {
				...{started_at: sampleNowMs - 120 * MINUTE_MS, by: 'ann', leaves: true, shards_total: 100, shards_left: 57},
				...{bytes_left: 570 * MIB, eta_s: 1500, reason: null},
			},
		}),
		sampleNode(3, {status: 'offline', last_seen: sampleNowMs - 180_000}),
		sampleNode(4, {suspended: {since: sampleNowMs - 5 * MINUTE_MS, reason: 'corrupt', passes_left: 2}}),
		sampleNode(5, {
			status: 'offline',
			maintenance: {from: sampleNowMs - MINUTE_MS, until: sampleNowMs + 60 * MINUTE_MS, by: 'bob'},
		}),
	],
	files: {list: files, total: files.length, isComplete: true},
	repair: sampleRepair({
		...{rate: 50 * MIB, bytes_per_s: 12 * MIB, waiting: 20, blocked: 2},
		active: [
			{
				...{file_id: idOf(1), index: 3, size: 10 * MIB, copies: 1, from: node(1), to: [node(4)]},
				started_at: sampleNowMs - 3000,
			},
		],
		short: [
			{file_id: idOf(2), index: 0, copies: 2, reason: 'no-space', due_at: sampleNowMs + 5 * MINUTE_MS},
			{file_id: idOf(3), index: 7, copies: 2, reason: null, due_at: sampleNowMs + 12 * MINUTE_MS},
		],
		done: {chunks: 1204, shards: 2400, bytes: 12 * 1024 * MIB, forgotten: 3},
	}),
	moves: sampleMoves({
		waiting: 56,
		active: [
			{
				...{file_id: idOf(4), index: 1, size: 10 * MIB, from: node(2), to: node(1), reason: 'drain'},
				started_at: sampleNowMs - 2000,
			},
		],
		done: {shards: 43, bytes: 430 * MIB},
	}),
};

test('healing tells what is under way, what waits and why, how fast, and how much was done', t => {
	const screen = createHealingScreen(createTestConsole({live: busy}));
	for (const area of areas) {
		const text = fills(t, screen, area);
		t.regex(text, /Healing: on/);
		t.regex(text, /data .*2 LOST, 1200\/1228 full/);
		t.regex(text, /▸ .*repairing +photo-1\.jpg/);
	}

	const text = renderToText(screen, wide);
	t.regex(text, /repair +1 under way, 20 waiting, 2 can't be repaired now/);
	t.regex(text, /no other node has the room: give one more, or add one/);
	t.regex(text, /moves +1 under way, 56 waiting/);
	t.regex(text, /rate +12 MiB\/s now, at most 50 MiB\/s/);
	t.regex(text, /done +1204 chunks, 2400 copies, 12 GiB; 43 shards moved, 430 MiB/);
	t.regex(text, /nodes +1 suspended, 1 being emptied, 1 in maintenance/);
	t.regex(text, /repairing +photo-1\.jpg +3 +1 left +node-1 to node-4/);
	t.regex(text, /moving +photo-4\.jpg +1 +node-2 to node-1: its node is being emptied/);
	t.regex(text, /drain 43% +node-2 +57 shards left, 570 MiB, about 25 min, then it leaves +2 h ago/);
	t.regex(text, /SUSPENDED +node-4 .*it held other bytes than it should, 5 min ago; it is back once/);
	t.regex(text, /upkeep +node-5 +maintenance until .*60 min left, by bob/);
	t.regex(text, /BLOCKED +photo-2\.jpg +0 +2 left +no other node has the room.* in 5 min/);
	t.regex(text, /waiting +photo-3\.jpg +7 +2 left +its copies may come back +in 12 min/);
	t.regex(text, /Under way and waiting: 7, and 20 more that wait/);
	t.regex(screen.describe().selection ?? '', /^repairing, chunk 3 of photo-1\.jpg, copies: 1 left, node-1 to node-4/);
});

test('healing has words for not yet, not reachable, nothing to do, paused, and not told', t => {
	const screen = (state: Partial<LiveState>) => createHealingScreen(createTestConsole({live: state}));
	const well = {whoami: whoami(), stats: sampleStats(), nodes: [sampleNode(1)], repair: sampleRepair()};
	const paused = sampleStats({repair: {...sampleStats().repair, paused: true}});
	for (const area of areas) {
		t.regex(fills(t, screen({}), area), /Asking the coordinator for what it heals/);
		t.regex(fills(t, screen({connection: stale}), area), /can't be reached/);
		t.regex(fills(t, screen(well), area), /Nothing waits: every chunk has its copies/);
		t.regex(
			fills(t, screen({...well, stats: paused}), area),
			/Healing: PAUSED[^]*Healing is paused, and nothing waits/,
		);
		t.regex(fills(t, screen({...well, repair: undefined}), area), /has not told what it heals\. r asks/);
	}

	t.deepEqual(screen(well).describe().lines?.slice(-1), [
		'Nothing waits: every chunk has its copies, and no node needs care.',
	]);
});

test('while healing is paused what waits says so', t => {
	const screen = createHealingScreen(
		createTestConsole({live: {...busy, repair: {...busy.repair, paused: true} as LiveState['repair']}}),
	);
	t.regex(renderToText(screen, wide), /waiting +photo-3\.jpg.*paused: P goes on with it +paused/);
});

test('P pauses healing as a whole, or goes on with it; members are told who does that', async t => {
	const asked: boolean[] = [];
	const console = createTestConsole({
		live: busy,
		api: {
			async pauseRepair(isPaused) {
				asked.push(isPaused);
				return Promise.resolve(sampleRepair({paused: isPaused}));
			},
		},
	});
	const screen = createHealingScreen(console);
	act(screen, 'healing.toggle');
	await settled();
	console.put({stats: sampleStats({repair: {...sampleStats().repair, paused: true}})});
	act(screen, 'healing.toggle');
	await settled();
	t.deepEqual(asked, [true, false]);
	t.deepEqual(
		console.notices.map(({text}) => text),
		['Healing is paused: P goes on with it', 'Healing goes on'],
	);
	console.put({whoami: whoami({role: 'member'})});
	t.regex(problemOf(screen, 'healing.toggle') ?? '', /Only operators and admins pause healing/);
	console.put({whoami: whoami({scope: 'read'})});
	t.regex(problemOf(screen, 'healing.toggle') ?? '', /token that may only read/);
});

test('Enter on a chunk shows why, on a node goes there', t => {
	const console = createTestConsole({live: busy, api: {replication: async () => new Promise(() => {})}});
	const screen = createHealingScreen(console);
	act(screen, 'list.open');
	t.is(console.opened[0]?.title(), `Chunk 3 of ${idOf(1)}`);
	for (let down = 0; down < 2; down++) act(screen, 'list.down');
	t.regex(problemOf(screen, 'healing.repair') ?? '', /No chunk is chosen/);
	act(screen, 'list.open');
	t.deepEqual(console.went, [{screen: 'nodes', node: node(2)}]);
	act(screen, 'list.copy');
	t.deepEqual(console.copied, [node(2)]);
	screen.dispose?.();
});

test('a member sees what concerns the own nodes and files, and no more', t => {
	const short = sampleFile(8, {owner: 'ann', redundancy: {full: 0, partly: 1, none: 0}});
	const other = sampleFile(9, {owner: 'bob', redundancy: {full: 0, partly: 1, none: 0}});
	const console = createTestConsole({
		live: {
			...busy,
			whoami: whoami({role: 'member'}),
			repair: undefined,
			moves: undefined,
			nodes: (busy.nodes ?? []).map(each => (each.name === 'node-4' ? {...each, owner: 'ann'} : each)),
			files: {list: [short, other], total: 2, isComplete: true},
		},
	});
	const screen = createHealingScreen(console);
	for (const area of areas) {
		const text = fills(t, screen, area);
		t.regex(text, /SUSPENDED +node-4/);
		t.notRegex(text, /node-2|node-5|photo-9/);
	}

	t.regex(renderToText(screen, medium), /short +photo-8\.jpg +1 of 1 short: Enter/);
	act(screen, 'list.last');
	act(screen, 'list.open');
	t.regex(console.opened[0]?.title() ?? '', /photo-8\.jpg/);
	console.opened[0]?.dispose?.();
	console.put({files: {list: [], total: 0, isComplete: true}, nodes: []});
	t.regex(renderToText(screen, wide), /Your files have all their copies/);
	screen.dispose?.();
});

test('r asks anew what is healed', async t => {
	const console = createTestConsole({live: busy});
	let asked = 0;
	console.live.reloadHealing = async () => {
		asked++;
		return Promise.resolve();
	};
	act(createHealingScreen(console), 'healing.reload');
	await settled();
	t.is(asked, 1);
});

/** The view of one chunk, answered by what a test says. */
const openWhy = async (
	chunk: ChunkView | AnswerError,
	live: Partial<LiveState> = busy,
	place = {file: idOf(2), index: 0},
) => {
	const asked: unknown[] = [];
	const repaired: string[] = [];
	const clock = createManualClock(sampleNowMs);
	const console = Object.assign(
		createTestConsole({
			live,
			api: {
				async replication(id, page) {
					asked.push(page);
					if (chunk instanceof AnswerError) throw chunk;
					const page_ = {success: true, file_id: id, chunks_count: 9, chunks: [chunk], next_after: null} as const;
					return Promise.resolve({...page_, chunks: [...page_.chunks]});
				},
				async repairFile(id) {
					repaired.push(id);
					return Promise.resolve(2);
				},
				file: async () => Promise.resolve(sampleFile(2)),
			},
		}),
		{clock},
	);
	const view = createChunkWhy(console, place);
	view.show?.();
	await settled();
	return {view, console, asked, repaired, clock};
};

test('why a chunk is not repaired: its copies, the reason, the remedy', async t => {
	const {view, console, asked, repaired} = await openWhy(sampleChunk(['online', 'corrupt', 'offline'], {index: 0}));
	t.deepEqual(asked, [{limit: 1}]);
	for (const area of areas) {
		const text = fills(t, view, area);
		t.regex(text, /Chunk 0 of photo-2\.jpg/);
		t.regex(text, /state +BLOCKED/);
		t.regex(text, /remedy +Bring back node-3/);
	}

	const text = renderToText(view, wide);
	t.regex(text, /why +It can't be repaired now, since no other node has the room\. It is tried again in 5 min\./);
	t.regex(text, /Bring back node-3 \(owner-3\)\. Or: Add a node/);
	t.regex(text, /1 of 3 count/);
	t.regex(text, /▸ node-1 +online, sound +yes +30 min ago/);
	t.regex(text, /node-2 +CORRUPT +no/);
	t.regex(text, /node-3 +offline, seen 3 min ago +no/);
	t.is(view.describe().selection, 'node-1: online, sound, verified 30 min ago');
	act(view, 'healing.repair');
	await settled();
	t.deepEqual(repaired, [idOf(2)]);
	t.is(console.notices.at(-1)?.text, 'photo-2.jpg: 2 chunks are repaired now, whoever may come back');
	act(view, 'healing.file');
	act(view, 'list.open');
	t.deepEqual(console.went, [
		{screen: 'files', file: idOf(2)},
		{screen: 'nodes', node: node(1)},
	]);
	view.dispose?.();
});

test('a chunk further on in its file is asked for by the one before it', async t => {
	const {asked, view} = await openWhy(sampleChunk(['online', 'online', 'offline'], {index: 7}), busy, {
		file: idOf(3),
		index: 7,
	});
	t.deepEqual(asked, [{limit: 1, after: 6}]);
	t.regex(renderToText(view, wide), /Its lost copies may come back \(a grace of 15 min\): it is repaired in 12 min/);
	t.regex(renderToText(view, wide), /Bring back node-3 \(owner-3\); or R repairs it now/);
	view.dispose?.();
});

test('why says what is not known yet, what failed, and that a file is gone', async t => {
	const waiting = createChunkWhy(createTestConsole({live: busy}), {file: idOf(2), index: 0});
	const gone = await openWhy(new AnswerError('No such file', {code: 'FILE_NOT_FOUND', status: 404}));
	const failed = await openWhy(new AnswerError('The catalogue is being restored', {status: 503}));
	for (const area of areas) {
		t.regex(fills(t, waiting, area), /Asking the coordinator for its copies[^]*Not known yet/);
		t.regex(fills(t, gone.view, area), /The file is no longer stored\. Esc goes back/);
		t.regex(fills(t, failed.view, area), /The catalogue is being restored\. r asks again/);
	}

	t.deepEqual(gone.view.describe().lines, ['The file is no longer stored. Esc goes back.', 'Not known yet.']);
});

test('a chunk is asked for anew when its nodes or its repair change, once for all of it, and not while nobody looks', async t => {
	const {view, console, asked, clock} = await openWhy(sampleChunk());
	t.is(asked.length, 1);
	for (let change = 0; change < 5; change++) console.put({nodes: [sampleNode(1), sampleNode(2), sampleNode(3)]});
	t.is(clock.waiting(), 1);
	clock.pass(2000);
	await settled();
	t.is(asked.length, 2);
	console.put({throughput: []});
	t.is(clock.waiting(), 0);
	view.hide?.();
	console.put({nodes: []});
	t.is(clock.waiting(), 0);
	view.show?.();
	await settled();
	t.is(asked.length, 3);
	view.dispose?.();
});

const reason = (chunk: ChunkView, live: Partial<LiveState>, place = {file: idOf(2), index: 0}) => {
	const state = createTestConsole({live}).live.get();
	return reasonOf({chunk, place, state, nowMs: sampleNowMs});
};

test('each reason for which a chunk is as it is has its words and its remedy', t => {
	const nodes = [1, 2, 3].map(number => sampleNode(number, number === 3 ? {status: 'offline'} : {}));
	const repair = sampleRepair();
	const short = (change: Partial<NonNullable<LiveState['repair']>['short'][number]>) =>
		sampleRepair({short: [{file_id: idOf(2), index: 0, copies: 2, reason: null, due_at: sampleNowMs, ...change}]});
	const twoLeft = sampleChunk(['online', 'online', 'offline']);
	const gone = sampleChunk(['offline', 'offline', 'missing']);

	t.like(reason(sampleChunk(), {nodes: [1, 2, 3].map(number => sampleNode(number)), repair}), {
		why: 'It has 3 of 3 copies',
		remedy: '',
	});
	t.like(reason(twoLeft, {nodes, repair: short({})}), {
		why: 'It waits for its turn: chunks with fewer copies come first',
	});
	t.like(reason(twoLeft, {nodes, repair: short({reason: 'too-few-nodes'})}), {
		remedy: 'Bring back node-3 (owner-3), or add a node',
	});
	t.regex(
		reason(gone, {nodes, repair: short({reason: 'no-source'})}).remedy,
		/^Bring back node-1 \(owner-1\) or node-2/,
	);
	t.regex(
		reason(sampleChunk(['corrupt', 'missing', 'missing']), {nodes, repair: short({reason: 'no-source'})}).remedy,
		/only a copy that somebody kept elsewhere helps/,
	);
	t.is(reason(twoLeft, {nodes, repair: sampleRepair({paused: true})}).state.text, 'HELD');
	t.regex(
		reason(twoLeft, busy, {file: idOf(1), index: 3}).why,
		/It is copied from node-1 to node-4, since \d\d:\d\d:\d\d/,
	);
	t.regex(reason(twoLeft, busy, {file: idOf(4), index: 1}).why, /A copy moves from node-2 to node-1.*being emptied/);
	// A member is not told what is repaired: what the copies say is said.
	t.regex(reason(twoLeft, {nodes}).why, /waits for its turn/);
	t.regex(reason(gone, {nodes}).why, /no node with a sound copy is online/);
	const untrusted = nodes.map((each, at) =>
		at === 0 ? {...each, suspended: {since: sampleNowMs, reason: 'no-proof' as const, passes_left: 3}} : each,
	);
	t.is(reason(sampleChunk(['online', 'online']), {nodes: untrusted, repair}).state.text, 'waiting');
});

test('names that mean harm shift nothing on the screens of healing', async t => {
	const list = hostileNames.map((filename, number) => sampleFile(number + 1, {filename}));
	const nodes = hostileNames.map((name, number) => sampleNode(number + 1, {name, owner: name}));
	const repair = sampleRepair({
		short: list.map(({file_id: file}) => ({
			...{file_id: file, index: 0, copies: 1, reason: 'no-source' as const, due_at: 0},
		})),
	});
	const live = {...busy, files: {list, total: list.length, isComplete: true}, nodes, repair};
	const screen = createHealingScreen(createTestConsole({live}));
	for (const area of areas) {
		for (let row = 0; row < list.length; row++) {
			fills(t, screen, area);
			act(screen, 'list.down');
		}

		act(screen, 'list.first');
	}

	const names = hostileNames.map((name, at) => ({...sampleChunk().shards[0], node_id: node(at + 1), node_name: name}));
	const chunk = sampleChunk([], {shards: names as ChunkView['shards']});
	const {view} = await openWhy(chunk, live);
	for (const area of areas) fills(t, view, area);
	screen.dispose?.();
	view.dispose?.();
});

test('the ASCII theme paints no character beyond ASCII on the screens of healing', async t => {
	const theme = createTheme('ascii', {});
	for (const state of [busy, {}, {connection: stale}]) {
		const console = Object.assign(createTestConsole({live: state}), {theme});
		const screen = createHealingScreen(console);
		for (const area of areas) t.regex(renderToText(screen, area), /^[ -~\n]*$/);
	}

	const {view, console} = await openWhy(sampleChunk(['online', 'corrupt', 'offline']));
	Object.assign(console, {theme});
	for (const area of areas) t.regex(renderToText(view, area), /^[ -~\n]*$/);
});
