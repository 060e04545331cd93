import test from 'ava';
import type {LogEntry, LogsPage, NodeDetails, NodeShardsPage, NodeView} from '../client/api.js';
import type {ActionId} from '../console/keymap.js';
import {createTheme} from '../console/theme.js';
import type {View} from '../console/view.js';
import {areas, fills, hostileNames} from '../testing/areas.js';
import {createTestConsole} from '../testing/console.js';
import {createManualClock} from '../testing/manual-clock.js';
import {renderToText} from '../testing/render.js';
import {sampleEntry, sampleNode, sampleNowMs} from '../testing/samples.js';
import {createActivityScreen} from './activity.js';
import {createNodeDetails} from './node-details.js';
import {nodeFacts} from './node-facts.js';

const medium = {columns: 80, rows: 21};

const act = (view: View, id: ActionId): void => {
	void view
		.actions()
		.find(action => action.id === id)
		?.run();
};

/** Lets what was answered be taken. */
const settle = async () => new Promise(resolve => setImmediate(resolve));

const entries = (first: number, last: number, change: Partial<LogEntry> = {}) =>
	Array.from({length: last - first + 1}, (_, index) => sampleEntry(first + index, change));

const logsPage = (logs: LogEntry[]): LogsPage => {
	const oldest = logs[0]?.id ?? 1;
	return {success: true, logs, next_before: oldest > 1 ? oldest : null};
};

const noLogs = async (): Promise<LogsPage> => Promise.resolve(logsPage([]));

/** A call that answers when it is told to. */
const createCalls = <Argument, Answer>() => {
	const waiting: {argument: Argument; answer: (answer: Answer) => void; fail: (error: Error) => void}[] = [];
	return {
		call: async (argument: Argument) =>
			new Promise<Answer>((resolve, reject) => {
				waiting.push({argument, answer: resolve, fail: reject});
			}),
		waiting,
		next: () => {
			const call = waiting.shift();
			if (!call) throw new Error('Nothing was asked for');
			return call;
		},
	};
};

test('the activity fills every size, the newest at the end', t => {
	const log = [
		...entries(1, 98),
		sampleEntry(99, {level: 'WARN', message: 'a warning'}),
		sampleEntry(100, {level: 'ERROR'}),
	];
	const screen = createActivityScreen(createTestConsole({live: {log}, api: {logs: noLogs}}));
	for (const area of areas) {
		const text = fills(t, screen, area);
		t.regex(text, /▸ .* ERROR +"photo-100\.jpg" uploaded/);
		t.regex(text, /WARN +a warning/);
		t.regex(text, /following/);
	}
});

test('the activity has words for not yet, not reachable, nothing, no such level and no match', async t => {
	const stale = {...{state: 'stale' as const, sinceMs: 0, nextTryAtMs: 9}, error: 'It is gone'};
	const screen = (live: Parameters<typeof createTestConsole>[0]) =>
		createActivityScreen(createTestConsole({...live, api: {logs: noLogs}}));
	const calm = screen({live: {log: entries(1, 3)}});
	act(calm, 'activity.level');
	for (const area of areas) {
		t.regex(fills(t, screen({}), area), /Asking the coordinator for its log/);
		t.regex(fills(t, screen({live: {connection: stale}}), area), /It is gone\..*Ctrl-r/s);
		t.regex(fills(t, screen({live: {log: []}}), area), /Nothing has happened yet/);
		t.regex(fills(t, calm, area), /No warnings so far\. v shows all levels/);
		await settle();
	}

	act(calm, 'activity.level');
	t.regex(renderToText(calm, medium), /No errors so far/);
	act(calm, 'activity.level');
	act(calm, 'list.filter');
	for (const letter of 'zzz') calm.key?.({name: letter, text: letter, ctrl: false, alt: false, shift: false});
	t.regex(renderToText(calm, medium), /Nothing passes the filter/);
	const away = screen({live: {connection: stale, log: entries(1, 3)}});
	t.regex(fills(t, away, medium), /waiting for the coordinator/);
	t.regex(renderToText(away, medium), /photo-3/);
});

test('whoever moves up is not carried away, and f follows again', t => {
	const console = createTestConsole({live: {log: entries(1, 30)}, api: {logs: noLogs}});
	const screen = createActivityScreen(console);
	t.regex(renderToText(screen, medium), /▸ .*photo-30\./);
	const before = console.changes();
	console.put({log: entries(1, 31)});
	t.regex(renderToText(screen, medium), /▸ .*photo-31\./);
	t.is(console.changes(), before, 'painting asks for no other frame');
	act(screen, 'list.up');
	console.put({log: entries(1, 60)});
	const held = renderToText(screen, medium);
	t.regex(held, /▸ .*photo-30\./);
	t.regex(held, /held: f follows/);
	act(screen, 'activity.follow');
	t.regex(renderToText(screen, medium), /▸ .*photo-60\./);
	act(screen, 'list.first');
	act(screen, 'list.last');
	console.put({log: entries(1, 61)});
	t.regex(screen.describe().selection ?? '', /photo-61\./);
});

test('wide shows the whole of each message, words longer than a line too', async t => {
	const message = `${'many words '.repeat(20)}${'x'.repeat(150)} the end`;
	const console = createTestConsole({live: {log: [sampleEntry(1, {message})]}, api: {logs: noLogs}});
	const screen = createActivityScreen(console);
	t.notRegex(fills(t, screen, medium), /the end/);
	await settle();
	act(screen, 'activity.wide');
	const text = fills(t, screen, medium);
	t.regex(text, /the end/);
	t.is(text.match(/many/g)?.length, 20);
	t.is(text.match(/x/g)?.length, 150);
	for (const area of areas) fills(t, screen, area);
});

test('the log is paged back to its oldest entry, each page once', async t => {
	const {call, next, waiting} = createCalls<{before?: number}, LogsPage>();
	const console = createTestConsole({live: {log: entries(1001, 1100)}, api: {logs: call}});
	const screen = createActivityScreen(console);
	renderToText(screen, medium);
	t.is(waiting.length, 0);
	act(screen, 'list.first');
	renderToText(screen, medium);
	renderToText(screen, medium);
	t.is(waiting.length, 1);
	const first = next();
	t.is(first.argument.before, 1001);
	console.put({log: entries(1001, 1101)});
	first.answer(logsPage(entries(501, 1000)));
	await settle();
	t.regex(renderToText(screen, medium), /▸ .*photo-1001\./);
	act(screen, 'list.first');
	renderToText(screen, medium);
	next().answer(logsPage(entries(1, 500)));
	await settle();
	act(screen, 'list.first');
	t.regex(fills(t, screen, medium), /▸ .*photo-1\./);
	t.regex(renderToText(screen, medium), /1 to 17 of 1101/);
	t.regex(renderToText(screen, medium), /all is here/);
	t.is(waiting.length, 0);
});

test('a page that comes after entries were missed is left out, and asked for anew', async t => {
	const {call, next, waiting} = createCalls<{before?: number}, LogsPage>();
	const console = createTestConsole({live: {log: entries(101, 110)}, api: {logs: call}});
	const screen = createActivityScreen(console);
	renderToText(screen, medium);
	console.put({log: entries(301, 310)});
	next().answer(logsPage(entries(1, 100)));
	await settle();
	const text = renderToText(screen, medium);
	t.regex(text, /photo-301\./);
	t.notRegex(text, /photo-10\d\./);
	t.is(waiting[0]?.argument.before, 301);
	next().answer(logsPage(entries(1, 300)));
	await settle();
	act(screen, 'list.first');
	t.regex(renderToText(screen, medium), /1 to 17 of 310/);
	console.put({log: entries(1, 4)});
	t.regex(renderToText(screen, medium), /photo-4\./);
	t.notRegex(renderToText(screen, medium), /of 310/);
});

test('where an older page does not come it is said, and Ctrl-r asks again', async t => {
	const {call, next, waiting} = createCalls<{before?: number}, LogsPage>();
	const clock = createManualClock(sampleNowMs);
	const console = Object.assign(createTestConsole({live: {log: entries(11, 20)}, api: {logs: call}}), {clock});
	const screen = createActivityScreen(console);
	renderToText(screen, medium);
	next().fail(new Error('It is gone'));
	await settle();
	t.regex(renderToText(screen, medium), /older entries did not come: Ctrl-r tries again/);
	t.true(screen.describe().lines?.includes('It is gone'));
	t.is(waiting.length, 0);
	act(screen, 'retry');
	renderToText(screen, medium);
	next().answer(logsPage(entries(1, 10)));
	await settle();
	t.regex(renderToText(screen, medium), /all is here/);
	t.notRegex(renderToText(screen, medium), /did not come/);
});

test('the log that is kept here has a bound', async t => {
	const logs = async ({before = 0}: {before?: number}) => Promise.resolve(logsPage(entries(before - 500, before - 1)));
	const console = createTestConsole({live: {log: entries(50_001, 50_100)}, api: {logs}});
	const screen = createActivityScreen(console);
	for (let page = 0; page < 60; page++) {
		act(screen, 'list.first');
		screen.render(medium);
		await settle();
	}

	const kept = Number(/of (\d+)/.exec(renderToText(screen, medium))?.[1]);
	t.true(kept >= 20_000 && kept <= 20_500, String(kept));
});

test('messages that mean harm shift nothing, and an ASCII theme stays ASCII', async t => {
	const theme = createTheme('ascii', {});
	const log = hostileNames.map((message, index) => sampleEntry(index + 1, {message: `${message} `.repeat(8)}));
	const screen = createActivityScreen(createTestConsole({live: {log}, api: {logs: noLogs}}));
	const plain = createActivityScreen(
		Object.assign(createTestConsole({live: {log: entries(1, 99)}, api: {logs: noLogs}}), {theme}),
	);
	for (const area of areas) {
		fills(t, screen, area);
		act(screen, 'activity.wide');
		fills(t, screen, area);
		act(screen, 'activity.wide');
		t.regex(fills(t, plain, area), /^[ -~\n]*$/);
	}

	await settle();
});

const shardOf = (index: number, change: Partial<NodeShardsPage['shards'][number]> = {}) => ({
	file_id: index.toString(16).padStart(32, '0'),
	filename: `photo-${index}.jpg`,
	index: 0,
	digest: index.toString(16).padStart(64, '0'),
	state: 'online' as const,
	verified_at: sampleNowMs - 3 * 3_600_000,
	wanted: 3,
	present: 3,
	...change,
});

const shardsPage = (from: number, to: number, isLast = true): NodeShardsPage => ({
	success: true,
	shards: Array.from({length: to - from + 1}, (_, index) => shardOf(from + index)),
	next_after: isLast ? null : `after ${to}`,
});

const details = (missing = 2): NodeDetails => ({
	node: sampleNode(1),
	shards: {sound: 40, missing, corrupt: 1},
});

const createNode = (theme = createTheme('dark', {})) => {
	const clock = createManualClock(sampleNowMs);
	const node = createCalls<string, NodeDetails>();
	const pages = createCalls<{after?: string}, NodeShardsPage>();
	const console = Object.assign(
		createTestConsole({
			live: {nodes: [sampleNode(1)]},
			api: {
				node: node.call,
				logs: async () => Promise.resolve(logsPage([sampleEntry(1), sampleEntry(2, {level: 'WARN', message: 'away'})])),
				nodeShards: async (_, page) => pages.call(page),
			},
		}),
		{clock, theme},
	);
	const view = createNodeDetails(console, sampleNode(1).node_id);
	view.show?.();
	const answer = async (page: NodeShardsPage = shardsPage(1, 40)) => {
		node.next().answer(details());
		pages.next().answer(page);
		await settle();
	};

	return {console, clock, view, node, pages, answer};
};

test('how a node is reached is told, and why not at its address', t => {
	const about = {theme: createTheme('dark', {}), nowMs: sampleNowMs, width: 120};
	const reached = (change: Partial<NodeView>) => {
		const lines = nodeFacts(sampleNode(1, change), undefined, about);
		return lines.map(({pieces}) => pieces.map(({text}) => text).join('')).find(text => text.startsWith('reached'));
	};
	t.regex(reached({}) ?? '', /reached +address http:\/\/127\.0\.0\.1:8421 *$/);
	t.regex(reached({kind: 'classic'}) ?? '', /reached +classic http:/);
	t.regex(reached({kind: 'link', address: '', links: 4}) ?? '', /reached +over 4 links that it opened *$/);
	const problem = {kind: 'link', links: 1, address_problem: 'nobody is there'} as const;
	t.regex(reached(problem) ?? '', /over 1 link that it opened; not at http:\/\/127\.0\.0\.1:8421: nobody is there/);
});

test('a node whose version is behind the coordinator’s is called behind', async t => {
	const {view, answer, console} = createNode();
	await answer(shardsPage(1, 2));
	t.notRegex(renderToText(view, medium), /behind the coordinator/);
	console.put({nodes: [sampleNode(1, {version: '1.9.0', is_behind: true})]});
	for (const area of areas) fills(t, view, area);
	t.regex(renderToText(view, medium), /version +1\.9\.0, behind the coordinator/);
});

test('a node is told in facts, shards with the faulty first, and its log', async t => {
	const {view, answer} = createNode();
	for (const area of areas) t.regex(fills(t, view, area), /Node node-1/);
	const page = shardsPage(1, 40);
	page.shards.push(shardOf(41, {state: 'corrupt', present: 2}), shardOf(42, {state: 'missing', present: 2}));
	await answer(page);
	for (const area of areas) {
		const text = fills(t, view, area);
		t.regex(text, /state +online, seen now/);
		t.regex(text, /40 sound, 2 missing, 1 corr/);
	}

	const facts = renderToText(view, medium);
	for (const label of ['used', 'latency', 'owner', 'zone', 'reached', 'id', 'version', 'joined', 'requests in flight'])
		t.regex(facts, new RegExp(label), label);
	t.regex(renderToText(view, {columns: 120, rows: 37}), /faulty ones first.*the newest first/s);

	act(view, 'list.right');
	for (const area of areas) fills(t, view, area);
	const shards = renderToText(view, medium).split('\n');
	t.regex(shards[2] ?? '', /▸ .*photo-41\.jpg.* corrupt +2 of 3 +3 h/);
	t.regex(shards[3] ?? '', /photo-42\.jpg.* missing/);
	t.regex(view.describe().selection ?? '', /chunk 0 of photo-41\.jpg: corrupt/);
	act(view, 'list.right');
	for (const area of areas) fills(t, view, area);
	t.regex(renderToText(view, medium), /▸ .*WARN +away/);
	view.dispose?.();
});

test('the shards of a node come page by page, and stay when they are asked for anew', async t => {
	const {console, clock, view, node, pages, answer} = createNode();
	await answer(shardsPage(1, 500, false));
	act(view, 'list.right');
	t.regex(renderToText(view, medium), /of the first 500/);
	t.is(pages.waiting.length, 0);
	act(view, 'list.last');
	renderToText(view, medium);
	renderToText(view, medium);
	t.is(pages.waiting.length, 1);
	const second = pages.next();
	t.is(second.argument.after, 'after 500');
	second.answer(shardsPage(501, 600));
	await settle();
	act(view, 'list.last');
	t.regex(renderToText(view, medium), /▸ .*photo-600\.jpg/);

	console.put({nodes: [sampleNode(1, {chunks_stored: 9})]});
	clock.pass(2000);
	pages.next().answer(shardsPage(1, 500, false));
	await settle();
	pages.next().answer(shardsPage(501, 600));
	node.next().answer(details());
	await settle();
	t.regex(renderToText(view, medium), /▸ .*photo-600\.jpg/);
	view.dispose?.();
});

test('a node is asked about once for many changes, not while it is hidden, and never after it was closed', async t => {
	const {console, clock, view, node, answer} = createNode();
	await answer();
	const change = (latency: number) => console.put({nodes: [sampleNode(1, {latency_ms: latency})]});
	for (let latency = 1; latency < 20; latency++) change(latency);
	t.is(node.waiting.length, 0);
	clock.pass(2000);
	t.is(node.waiting.length, 1);
	await answer();
	view.hide?.();
	change(40);
	clock.pass(60_000);
	t.is(node.waiting.length, 0);
	view.show?.();
	clock.pass(2000);
	t.is(node.waiting.length, 1);
	change(50);
	view.dispose?.();
	t.is(clock.waiting(), 0);
	const before = console.changes();
	await answer();
	change(60);
	clock.pass(60_000);
	t.is(console.changes(), before);
	t.is(node.waiting.length, 0);
});

test('an error about a node says so, Ctrl-r asks again, and an answer to an older question is not taken', async t => {
	const {console, view, node, pages} = createNode();
	let tries = 0;
	console.live.retryNow = () => tries++;
	node.next().fail(new Error('The node \u001B[2J is unknown'));
	await settle();
	for (const area of areas) {
		const text = fills(t, view, area);
		t.true(text.includes(String.raw`The node \u001b[2J is unknown.`));
		t.regex(text, /Ctrl-r tries\s/);
	}

	act(view, 'retry');
	act(view, 'retry');
	t.is(tries, 2);
	const [, older, newer] = [pages.next(), pages.next(), pages.next()];
	newer.answer(shardsPage(1, 3));
	node.next().answer(details(7));
	node.next().answer(details(8));
	await settle();
	older.answer(shardsPage(1, 30));
	await settle();
	t.regex(renderToText(view, medium), /8 missing/);
	t.notRegex(renderToText(view, medium), /Ctrl-r tries/);
	act(view, 'list.right');
	t.notRegex(renderToText(view, medium), /photo-4\.jpg/);
	view.dispose?.();
	t.is(node.waiting.length + pages.waiting.length, 0);
});

test('a node that is gone, hostile names and the ASCII theme are painted to the column', async t => {
	for (const name of hostileNames) {
		const {console, view, answer} = createNode();
		console.put({nodes: [sampleNode(1, {name, owner: name, zone: name, version: name, address: name})]});
		const page = shardsPage(1, 3);
		await answer({...page, shards: page.shards.map(shard => ({...shard, filename: name}))});
		for (const area of areas) fills(t, view, area);
		act(view, 'list.right');
		for (const area of areas) fills(t, view, area);
		console.put({nodes: []});
		for (const area of areas) t.regex(fills(t, view, area), /no node pjas-00000001 any more\. Esc goes/);
		view.dispose?.();
	}

	const {console, view, answer} = createNode(createTheme('ascii', {}));
	await answer();
	console.put({nodes: [sampleNode(1, {latency_ms: 5, in_flight: 3})]});
	for (let section = 0; section < 3; section++) {
		for (const area of areas) t.regex(fills(t, view, area), /^[ -~\n]*$/);
		act(view, 'list.right');
	}

	view.dispose?.();
});
