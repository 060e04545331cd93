import test from 'ava';
import type {Stats} from '../client/api.js';
import type {Fault, LiveState} from '../client/live-state.js';
import {createTheme} from '../console/theme.js';
import {areas, fills, hostileNames} from '../testing/areas.js';
import {createTestConsole} from '../testing/console.js';
import {createManualClock} from '../testing/manual-clock.js';
import {renderToText} from '../testing/render.js';
import {sampleEntry, sampleFile, sampleNode, sampleNowMs, sampleStats} from '../testing/samples.js';
import type {ActionId} from '../console/keymap.js';
import type {View} from '../console/view.js';
import type {Transfer} from '../transfers/transfer.js';
import {createNodesScreen} from './nodes.js';
import {createOverviewScreen} from './overview.js';
import {problemsOf} from './problems.js';

const medium = {columns: 80, rows: 21};

const act = (view: View, id: ActionId): void => {
	void view
		.actions()
		.find(action => action.id === id)
		?.run();
};

const stale: LiveState['connection'] = {
	state: 'stale',
	sinceMs: sampleNowMs - 12_000,
	nextTryAtMs: sampleNowMs + 4_000,
	error: "http://127.0.0.1:3000 can't be reached: connection refused",
};

const traffic = [
	{atMs: sampleNowMs - 60_000, inRate: 1_000_000, outRate: 50_000},
	{atMs: sampleNowMs - 1_000, inRate: 2_000_000, outRate: 100_000},
];

const full = {
	stats: sampleStats({onlineNodes: 2, redundancy: {full: 1200, partly: 20, none: 8}}),
	nodes: [sampleNode(1), sampleNode(2), sampleNode(3, {status: 'offline', last_seen: sampleNowMs - 180_000})],
	log: Array.from({length: 30}, (_, index) => sampleEntry(index + 1)),
	throughput: traffic,
};

const live = (change: Partial<LiveState> = {}): LiveState => ({
	connection: {state: 'live'},
	whoami: undefined,
	stats: undefined,
	nodes: undefined,
	files: undefined,
	log: undefined,
	throughput: [],
	faults: [],
	repair: undefined,
	moves: undefined,
	alerts: undefined,
	...change,
});

const failed = (problem: string): Transfer => ({
	id: 1,
	kind: 'upload',
	name: 'a.bin',
	path: '/home/ann/a.bin',
	state: 'failed',
	sizeBytes: 10,
	doneBytes: 0,
	doneChunks: 0,
	chunks: 1,
	rate: 0,
	remainingMs: undefined,
	problem,
	queuedAtMs: sampleNowMs,
	endedAtMs: sampleNowMs,
});

const faultOf = (file: string, change: Partial<Fault> = {}): Fault => ({
	file_id: file,
	index: 2,
	node_id: sampleNode(1).node_id,
	digest: '0'.repeat(64),
	kind: 'corrupt',
	atMs: sampleNowMs,
	...change,
});

test('the overview fills every size and says at 80 columns all that matters', t => {
	const overview = createOverviewScreen(createTestConsole({live: full}));
	for (const area of areas) {
		const text = fills(t, overview, area);
		t.regex(text, /nodes .*2 of 3 online/);
		t.regex(text, /Node node-3/);
	}

	const text = renderToText(overview, medium);
	t.regex(text, /data .*8 LOST, 1200\/1228 full/);
	t.regex(text, /storage .*36 GiB of 300 GiB/);
	t.regex(text, /free +264 GiB/);
	t.regex(text, /files +1228, 12 GiB/);
	t.regex(text, /up 1\.9 MiB\/s, highest 1\.9 MiB\/s/);
	t.regex(text, /down 97\.7 KiB\/s/);
	t.regex(text, /▸ .*BAD +8 chunks can't be read/);
	t.regex(text, /warning +20 chunks/);
	t.regex(text, /last seen 3 min ago/);
	t.regex(text, /photo-30\.jpg/);
});

test('both graphs are seen in the smallest overview', t => {
	const text = renderToText(createOverviewScreen(createTestConsole({live: full})), {columns: 60, rows: 12});
	t.regex(text, /up .*[▁-█]/);
	t.regex(text, /down .*[▁-█]/);
	t.regex(text, /in 1\.9 MiB\/s, out/);
	t.regex(text, /data .*8 LOST/);
});

test('the overview says what is not known yet, why, and what to do', t => {
	const loading = createOverviewScreen(createTestConsole());
	const unreachable = createOverviewScreen(createTestConsole({live: {connection: stale}}));
	const empty = createOverviewScreen(
		createTestConsole({
			live: {stats: sampleStats({totalNodes: 0, onlineNodes: 0, totalStorage: 0}), nodes: [], log: []},
		}),
	);
	const well = createOverviewScreen(createTestConsole({live: {...full, nodes: [sampleNode(1)], stats: sampleStats()}}));
	for (const area of areas) {
		t.regex(fills(t, loading, area), /Asking the coordinator/);
		t.regex(fills(t, loading, area), /Not known yet/);
		t.regex(fills(t, unreachable, area), /can't be reached/);
		t.regex(fills(t, empty, area), /No node has joined/);
		t.regex(fills(t, well, area), /Nothing is wrong\./);
	}

	t.regex(renderToText(empty, medium), /Nothing has happened yet\./);
	t.regex(renderToText(empty, medium), /No upload or download/);
	t.is(well.describe().selection, 'Nothing is wrong.');
});

test('Enter on a lost connection tries again, on another problem goes to its place', t => {
	const console = createTestConsole({live: {...full, connection: stale}});
	let tries = 0;
	console.live.retryNow = () => tries++;
	const overview = createOverviewScreen(console);
	act(overview, 'list.open');
	t.is(tries, 1);
	t.deepEqual(console.went, []);
	act(overview, 'list.down');
	act(overview, 'list.open');
	t.deepEqual(console.went, [{screen: 'healing'}]);
	act(overview, 'list.down');
	act(overview, 'list.open');
	t.deepEqual(console.went.at(-1), {screen: 'nodes', node: sampleNode(3).node_id});
});

test('what is wrong comes worst first, each with its place', t => {
	const file = sampleFile(7);
	const state = live({
		connection: stale,
		stats: full.stats,
		nodes: [
			sampleNode(1),
			sampleNode(2, {
				storage_stats: {used_bytes: 95, allocated_bytes: 100, free_bytes: 5, chunk_count: 1, usage_percent: 95},
			}),
			sampleNode(3, {status: 'offline', name: 'now ago', last_seen: sampleNowMs - 1000}),
		],
		files: {list: [file], total: 1, isComplete: true},
		faults: [faultOf(file.file_id)],
	});
	const problems = problemsOf(state, [failed('The disk is full')], sampleNowMs);
	t.deepEqual(
		problems.map(({severity}) => severity),
		['bad', 'bad', 'bad', 'warn', 'warn', 'warn', 'warn'],
	);
	t.deepEqual(
		problems.map(({place}) => place),
		[
			{screen: 'overview'},
			{screen: 'healing'},
			{screen: 'nodes', node: sampleNode(3).node_id},
			{screen: 'healing'},
			{screen: 'nodes', node: sampleNode(2).node_id},
			{screen: 'files', file: file.file_id},
			{screen: 'transfers'},
		],
	);
	t.is(problems[2]?.text, 'Node now ago (owner-3) is offline, last seen just now');
	t.is(problems[5]?.text, 'Chunk 2 of photo-7.jpg is corrupt on node-1');
	t.regex(problems[6]?.text ?? '', /^1 transfer failed: The disk is full/);
	t.is(new Set(problems.map(({key}) => key)).size, problems.length);
});

test('more than five nodes in the same trouble are one problem', t => {
	const away = (count: number) =>
		Array.from({length: 5000}, (_, index) => sampleNode(index, index < count ? {status: 'offline'} : {}));
	const texts = (count: number) => problemsOf(live({nodes: away(count)}), [], sampleNowMs).map(({text}) => text);
	t.is(texts(5).length, 5);
	t.deepEqual(texts(6), ['6 of 5000 nodes are offline']);
	const storage_stats = {used_bytes: 95, allocated_bytes: 100, free_bytes: 5, chunk_count: 1, usage_percent: 95};
	const nearlyFull = Array.from({length: 6}, (_, index) => sampleNode(index, {storage_stats}));
	t.regex(problemsOf(live({nodes: nearlyFull}), [], 0)[0]?.text ?? '', /^6 of 6 nodes are nearly full/);
	const faults = Array.from({length: 50}, (_, index) => faultOf(sampleFile(1).file_id, {index}));
	const found = problemsOf(live({faults}), [], 0);
	t.is(found.length, 21);
	t.regex(found.at(-1)?.text ?? '', /^30 more faults/);
});

test('the overview asks for a frame only where its graph looks another way', t => {
	const clock = createManualClock(sampleNowMs);
	const console = Object.assign(createTestConsole({live: {...full, throughput: []}}), {clock});
	const overview = createOverviewScreen(console);
	overview.show?.();
	fills(t, overview, medium);
	clock.pass(600_000);
	t.is(console.changes(), 0);

	console.put({throughput: [{atMs: clock.now() - 1000, inRate: 5, outRate: 5}]});
	fills(t, overview, medium);
	const step = () => {
		const before = console.changes();
		clock.pass(2000);
		if (console.changes() > before) renderToText(overview, medium);
		return console.changes() - before;
	};

	const asked = Array.from({length: 160}, step);
	t.true(asked.some(count => count > 0));
	t.true(asked.filter(count => count > 0).length < 80);
	t.deepEqual(new Set(asked.slice(-5)), new Set([0]));
	t.regex(renderToText(overview, medium), /No upload or download/);

	overview.hide?.();
	t.is(clock.waiting(), 0);
	overview.show?.();
	t.is(clock.waiting(), 1);
	overview.dispose?.();
	t.is(clock.waiting(), 0);
});

test('rendering asks for no frame by itself', t => {
	const console = createTestConsole({live: full});
	const views = [createOverviewScreen(console), createNodesScreen(console)];
	for (const view of views) for (const area of areas) renderToText(view, area);
	t.is(console.changes(), 0);
});

test('names and messages that mean harm shift nothing and are shown for what they are', t => {
	const nodes = hostileNames.map((name, index) =>
		sampleNode(index, {name, owner: name, zone: name, address: name, ...(index % 3 === 0 && {status: 'offline'})}),
	);
	const log = hostileNames.map((message, index) => sampleEntry(index + 1, {message}));
	const console = createTestConsole({live: {...full, nodes, log}});
	const overview = createOverviewScreen(console);
	const screen = createNodesScreen(console);
	for (const area of areas) {
		fills(t, overview, area);
		for (let row = 0; row < nodes.length; row++) {
			fills(t, screen, area);
			act(screen, 'list.down');
		}

		act(screen, 'list.first');
	}

	t.true(renderToText(screen, medium).includes(String.raw`\u001b[31mred`));
});

test('the ASCII theme paints no character beyond ASCII', t => {
	const theme = createTheme('ascii', {});
	const states = [full, {}, {connection: stale}, {stats: sampleStats(), nodes: [], log: []}];
	for (const state of states) {
		const console = Object.assign(createTestConsole({live: state}), {theme});
		for (const view of [createOverviewScreen(console), createNodesScreen(console)]) {
			for (const area of areas) t.regex(renderToText(view, area), /^[ -~\n]*$/);
		}
	}
});

test('the nodes fill every size, and their state is a word', t => {
	const screen = createNodesScreen(createTestConsole({live: full}));
	for (const area of areas) {
		const text = fills(t, screen, area);
		t.regex(text, /Nodes: 2 of 3 online/);
		t.regex(text, /node-3 .*OFFLINE/);
	}

	const text = renderToText(screen, medium);
	t.regex(text, /▸ node-1 +online .*12% of 100 GiB.* now/);
	t.regex(text, /node-3 .* 3 min ago/);
	t.regex(renderToText(screen, {columns: 200, rows: 57}), /OWNER.*ZONE.*LATENCY.*REACHED.*VERSION/);
	t.regex(renderToText(screen, {columns: 200, rows: 57}), /pjas-00000001/);
});

test('nodes that are behind are counted, and say so in the list at every size', t => {
	const nodes = [sampleNode(1, {is_behind: true}), sampleNode(2)];
	const screen = createNodesScreen(createTestConsole({live: {...full, nodes}}));
	for (const area of areas) t.regex(fills(t, screen, area), /Nodes: 2 of 2 online, 1 to be updated.*node-1 +behind/s);
});

test('the nodes have words for none, not yet, not reachable, and no match', t => {
	const screen = (state: Partial<LiveState>) => createNodesScreen(createTestConsole({live: state}));
	const filtered = screen(full);
	filtered.goTo?.({screen: 'nodes', filter: 'nobody'});
	for (const area of areas) {
		t.regex(fills(t, screen({nodes: []}), area), /No node has joined yet\..*pjas-daemon join CODE/s);
		t.regex(fills(t, screen({}), area), /Asking the coordinator for its nodes/);
		t.regex(fills(t, screen({connection: stale}), area), /can't be reached.*Ctrl-r/s);
		t.regex(fills(t, filtered, area), /Nothing passes the filter\. Esc takes it away/);
	}

	t.true(filtered.back?.());
	t.regex(renderToText(filtered, medium), /node-1/);
});

test('of 5,000 nodes those are painted that fit, and the last is one key away', t => {
	const nodes = Array.from({length: 5000}, (_, index) => sampleNode(index));
	const console = createTestConsole({live: {nodes}});
	const screen = createNodesScreen(console);
	t.regex(fills(t, screen, medium), /1 to 17 of 5000/);
	act(screen, 'list.last');
	t.regex(fills(t, screen, medium), /▸ node-999 /);
	screen.goTo?.({screen: 'nodes', node: sampleNode(4321).node_id});
	t.regex(fills(t, screen, medium), /▸ node-4321 /);
	act(screen, 'list.copy');
	t.deepEqual(console.copied, [sampleNode(4321).node_id]);
	act(screen, 'list.open');
	t.is(console.opened.length, 1);
	console.opened[0]?.dispose?.();
});

test('what is done about missing copies is said, and P pauses it or goes on with it', async t => {
	const repairing = (repair: Partial<Stats['repair']>) =>
		sampleStats({
			redundancy: {full: 1200, partly: 28, none: 0},
			repair: {waiting: 0, active: 0, blocked: 0, paused: false, reason: null, ...repair},
		});
	const asked: boolean[] = [];
	const console = createTestConsole({
		live: {
			...full,
			nodes: [sampleNode(1)],
			stats: repairing({active: 4, waiting: 20, blocked: 4, reason: 'too-few-nodes'}),
		},
		api: {
			async pauseRepair(isPaused) {
				asked.push(isPaused);
				return Promise.resolve({paused: isPaused} as never);
			},
		},
	});
	const overview = createOverviewScreen(console);
	const wide = {columns: 160, rows: 30};
	t.regex(
		renderToText(overview, wide),
		/28 chunks with fewer copies than wanted: 4 being repaired, 20 to be repaired, 4 can't be repaired now: too few nodes/,
	);
	act(overview, 'healing.pause');
	console.put({stats: repairing({waiting: 28, paused: true})});
	t.regex(renderToText(overview, wide), /28 waiting/);
	t.regex(renderToText(overview, wide), /Healing is paused.* P goes on with it/);
	act(overview, 'healing.pause');
	await Promise.resolve();
	t.deepEqual(asked, [true, false]);
});

test('alerts stand among what is wrong, in place of what says the same, with what to do; Enter goes where that is', t => {
	const node = sampleNode(3).node_id;
	const alerts: LiveState['alerts'] = {
		open: [
			{
				...{alert_id: 'alert_1', code: 'CHUNKS_AT_ONE_COPY', severity: 'critical', node_id: null, opened_at: 1},
				...{text: '2 chunks have one copy left that counts', remedy: 'pjas-tui repair says what is in the way'},
			},
			{
				...{alert_id: 'alert_2', code: 'NODE_AWAY', severity: 'warning', node_id: node, opened_at: 1},
				...{text: 'Node node-3 is away for more than 15 minutes', remedy: 'Have it started again'},
			},
			{
				...{alert_id: 'alert_3', code: 'SIGN_INS_FAIL', severity: 'warning', node_id: null, opened_at: 1},
				...{text: '30 sign-ins failed within ten minutes', remedy: 'The audit log says from where'},
			},
		],
		webhooks: [
			{receiver: 'https://a.example', pending: 1, problem: 'it answered 500', delivered_at: null},
			{receiver: 'https://b.example', pending: 0, problem: null, delivered_at: 1},
		],
	};
	const console = createTestConsole({live: {...full, alerts}});
	const overview = createOverviewScreen(console);
	for (const area of areas) t.regex(fills(t, overview, area), /2 chunks have one copy left/);
	const problems = problemsOf(live({...full, alerts}), [], sampleNowMs);
	t.deepEqual(
		problems.filter(({text}) => text.includes('node-3')).map(({text}) => text),
		['Node node-3 is away for more than 15 minutes. Have it started again'],
	);
	t.deepEqual(
		problems.filter(({key}) => key.startsWith('webhook')).map(({text}) => text),
		['The webhook https://a.example is not told: it answered 500'],
	);
	const places = problems.filter(({key}) => key.startsWith('alert')).map(({place}) => place);
	t.deepEqual(places, [{screen: 'healing'}, {screen: 'nodes', node}, {screen: 'activity'}]);
	act(overview, 'list.open');
	t.deepEqual(console.went, [{screen: 'healing'}]);
	t.true(console.notices.some(({text}) => text === 'pjas-tui repair says what is in the way'));
});
