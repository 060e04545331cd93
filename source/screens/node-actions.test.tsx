import test from 'ava';
import type {Api} from '../client/api.js';
import type {SafeToStop} from '../client/healing-contract.js';
import type {LiveState} from '../client/live-state.js';
import type {NodeView} from '../client/contract.js';
import type {Whoami} from '../client/people-contract.js';
import type {View} from '../console/view.js';
import {areas, fills} from '../testing/areas.js';
import {createTestConsole, type TestConsole} from '../testing/console.js';
import {pressKeys} from '../testing/press-keys.js';
import {renderToText} from '../testing/render.js';
import {sampleFile, sampleNode, sampleNowMs} from '../testing/samples.js';
import {displayWidth} from '../terminal/text.js';
import {createNodeDetails} from './node-details.js';
import {createNodesScreen} from './nodes.js';
import {problemsOf} from './problems.js';
import {createSafeToStop} from './safe-to-stop.js';

const HOUR_MS = 3_600_000;
const MIB = 1024 ** 2;
const medium = {columns: 80, rows: 21};
const settled = async () => new Promise(resolve => setImmediate(resolve));

const drain: NonNullable<NodeView['drain']> = {
	...{started_at: sampleNowMs - HOUR_MS, by: 'ann', leaves: false, shards_total: 100, shards_left: 57},
	...{bytes_left: 570 * MIB, eta_s: 1500, reason: null},
};
const maintenance = {from: sampleNowMs - HOUR_MS, until: sampleNowMs + 2 * HOUR_MS, by: 'bob'};
const suspended = {since: sampleNowMs - HOUR_MS, reason: 'missing', passes_left: 1} as const;

const whoami = (change: Partial<Whoami> = {}): Whoami => ({
	...{success: true, open: false, name: 'ann', role: 'operator', scope: 'full', via: 'token'},
	...{quota_bytes: null, used_bytes: 0},
	...change,
});

const opened = (console: TestConsole): View => {
	const view = console.opened.at(-1);
	if (!view) throw new Error('Nothing was opened');
	return view;
};

const safe: SafeToStop = {
	...{success: true, node_id: sampleNode(1).node_id, safe: true, shards: 1228, min_copies: 2, at_risk: 0, chunks: []},
};
const unsafe: SafeToStop = {
	...safe,
	...{safe: false, at_risk: 3},
	chunks: [
		{file_id: sampleFile(1).file_id, filename: 'photo-1.jpg', index: 4, copies: 0, wanted: 3},
		{file_id: sampleFile(2).file_id, filename: '', index: 0, copies: 1, wanted: 3},
	],
};

const consoleWith = (node: NodeView, more: Partial<LiveState> = {}, answer = safe) => {
	const asked: string[] = [];
	const note = async (text: string, change: Partial<NodeView> = {}) => {
		asked.push(text);
		return Promise.resolve({...node, ...change});
	};

	const api: Partial<Api> = {
		drainNode: async (id, {leave = false} = {}) => note(`drain ${id} ${leave}`),
		cancelDrain: async id => note(`cancel ${id}`),
		maintainNode: async (id, {duration_s: seconds}) => note(`maintain ${id} ${seconds}`, {maintenance}),
		endMaintenance: async id => note(`end ${id}`),
		async auditNode(id) {
			asked.push(`audit ${id}`);
			const outcome = asked.length === 1 ? 'passed' : 'corrupt';
			return Promise.resolve({success: true, outcome, file_id: null, index: null, read: false, node});
		},
		async safeToStop(id) {
			asked.push(`safe ${id}`);
			return Promise.resolve(answer);
		},
	};
	const console = createTestConsole({live: {nodes: [node], whoami: whoami(), ...more}, api});
	return {console, asked, screen: createNodesScreen(console)};
};

const {node_id: id} = sampleNode(1);

test('a node is emptied after a question, and that is taken back after another', async t => {
	const {console, asked, screen} = consoleWith(sampleNode(1));
	pressKeys(console, screen, 'D');
	for (const area of areas) {
		t.regex(renderToText(opened(console), area), /Empty node-1[^]*1228 shards, 12 GiB[^]*y empty it/);
	}

	pressKeys(console, opened(console), 'n');
	t.deepEqual(asked, []);
	pressKeys(console, screen, 'D');
	pressKeys(console, opened(console), 'y');
	await settled();
	t.deepEqual(asked, [`drain ${id} false`]);
	t.regex(console.notices.at(-1)?.text ?? '', /node-1 is being emptied/);
	console.put({nodes: [sampleNode(1, {drain})]});
	pressKeys(console, screen, 'D');
	t.regex(renderToText(opened(console), medium), /Stop emptying node-1/);
	pressKeys(console, opened(console), 'y');
	await settled();
	t.deepEqual(asked.at(-1), `cancel ${id}`);
});

test('a node leaves once that word is typed', async t => {
	const {console, asked, screen} = consoleWith(sampleNode(1));
	pressKeys(console, screen, 'L');
	const dialog = opened(console);
	t.regex(renderToText(dialog, medium), /Let node-1 leave[^]*Type leave to let it leave/);
	pressKeys(console, dialog, 'y', 'enter');
	t.deepEqual(asked, []);
	pressKeys(console, dialog, 'backspace', ...Array.from('leave'), 'enter');
	await settled();
	t.deepEqual(asked, [`drain ${id} true`]);
});

test('maintenance asks for how long, and is ended by the same key', async t => {
	const {console, asked, screen} = consoleWith(sampleNode(1));
	pressKeys(console, screen, 'M');
	const form = opened(console);
	for (const area of areas) t.regex(renderToText(form, area), /Maintenance of node-1[^]*For +1h[^]*at most 14d/);
	pressKeys(console, form, 'backspace', 'backspace', ...Array.from('15d'), 'enter');
	t.deepEqual(asked, []);
	t.regex(console.notices.at(-1)?.text ?? '', /such as 30m, 4h or 2d, from 1m to 14d/);
	pressKeys(console, form, 'backspace', 'backspace', 'backspace', ...Array.from('2d'), 'enter');
	await settled();
	t.deepEqual(asked, [`maintain ${id} ${2 * 24 * 3600}`]);
	t.regex(console.notices.at(-1)?.text ?? '', /node-1 is in maintenance until 2026-/);
	console.put({nodes: [sampleNode(1, {maintenance})]});
	pressKeys(console, screen, 'M');
	t.regex(renderToText(opened(console), medium), /End the maintenance of node-1/);
	pressKeys(console, opened(console), 'y');
	await settled();
	t.is(asked.at(-1), `end ${id}`);
	console.put({nodes: [sampleNode(1, {maintenance: {...maintenance, until: sampleNowMs - 1}})]});
	pressKeys(console, screen, 'M');
	t.regex(opened(console).title(), /^Maintenance of/);
});

test('whether a node can be stopped is answered with yes or no and the chunks at risk', async t => {
	const well = consoleWith(sampleNode(1));
	pressKeys(well.console, well.screen, 'T');
	await settled();
	t.deepEqual(well.asked, [`safe ${id}`]);
	for (const area of areas) {
		const text = fills(t, opened(well.console), area);
		t.regex(text, /Is it safe to stop node-1 now\?[^]*YES/);
		t.regex(text, /has at least 2 sound copies/);
	}

	const bad = consoleWith(sampleNode(1), {}, unsafe);
	pressKeys(bad.console, bad.screen, 'T');
	await settled();
	t.is(bad.console.notices.at(-1)?.tone, 'warn');
	const view = opened(bad.console);
	for (const area of areas) {
		const text = fills(t, view, area);
		t.regex(text, /NO/);
		t.regex(text, /3 of its 1228 shards/);
		t.regex(text, /▸ photo-1\.jpg/);
	}

	t.regex(renderToText(view, medium), /photo-1\.jpg +4 +NONE of 3[^]*0{31}2 +0 +1 of 3/);
	t.is(view.describe().selection, 'chunk 4 of photo-1.jpg, 0 of 3 copies elsewhere');
	pressKeys(bad.console, view, 'enter');
	t.is(opened(bad.console).title(), `Chunk 4 of ${sampleFile(1).file_id}`);
	const empty = createSafeToStop(bad.console, 'node-1', {...safe, shards: 0});
	t.regex(renderToText(empty, medium), /YES[^]*It holds nothing/);
});

test('a node is audited at once, and what came of it is said', async t => {
	const {console, asked, screen} = consoleWith(sampleNode(1));
	pressKeys(console, screen, 'A');
	await settled();
	t.deepEqual(asked, [`audit ${id}`]);
	t.deepEqual(console.notices.at(-1), {
		tone: 'ok',
		text: 'node-1 has proved that it holds what it was asked for',
	});
	pressKeys(console, screen, 'A');
	await settled();
	t.is(console.notices.at(-1)?.text, 'node-1 holds other bytes than it should, and is suspended');
});

test('a member does that with the own nodes, and is told so of others', t => {
	const own = sampleNode(1, {owner: 'ann'});
	const {console, screen} = consoleWith(own, {whoami: whoami({role: 'member'})});
	pressKeys(console, screen, 'D');
	t.is(console.opened.length, 1);
	console.put({nodes: [sampleNode(1, {owner: 'bob'})]});
	for (const key of ['D', 'L', 'M', 'T', 'A']) {
		pressKeys(console, screen, key);
		t.regex(console.notices.at(-1)?.text ?? '', /Only its owner, operators and admins/);
	}

	console.put({nodes: [], whoami: whoami()});
	pressKeys(console, screen, 'D');
	t.is(console.notices.at(-1)?.text, 'No node is chosen');
	console.put({nodes: [own], whoami: whoami({scope: 'read'})});
	pressKeys(console, screen, 'D');
	t.regex(console.notices.at(-1)?.text ?? '', /token that may only read/);
	t.is(console.opened.length, 1);
});

const details = (node: NodeView) => {
	const console = createTestConsole({
		live: {nodes: [node], whoami: whoami()},
		api: {
			node: async () => new Promise(() => {}),
			logs: async () => new Promise(() => {}),
			nodeShards: async () => new Promise(() => {}),
		},
	});
	return createNodeDetails(console, node.node_id);
};

test('how a node stands is in the list in a word, and in its details in full', t => {
	const nodes = [
		sampleNode(1, {drain}),
		sampleNode(2, {maintenance, status: 'offline'}),
		sampleNode(3, {suspended}),
		sampleNode(4, {banned_at: sampleNowMs - HOUR_MS}),
		sampleNode(5, {status: 'offline', suspended}),
		sampleNode(6, {maintenance: {...maintenance, from: sampleNowMs + HOUR_MS}}),
		sampleNode(7, {drain: {...drain, shards_left: 0}}),
	];
	const screen = createNodesScreen(createTestConsole({live: {nodes, whoami: whoami()}}));
	for (const area of areas) {
		const text = fills(t, screen, area);
		t.regex(text, /node-1 +draining 43%/);
		t.regex(text, /node-2 +maintenance/);
		t.regex(text, /node-3 +SUSPENDED/);
		t.regex(text, /node-4 +BANNED/);
		t.regex(text, /node-5 +OFFLINE/);
		t.regex(text, /node-6 +online/);
		t.regex(text, /node-7 +drained/);
	}

	const shown = (change: Partial<NodeView>) => {
		const view = details(sampleNode(1, change));
		for (const area of areas) fills(t, view, area);
		const text = renderToText(view, {columns: 80, rows: 30});
		view.dispose?.();
		return text;
	};

	t.regex(shown({drain}), /draining +█+░+ 43%[^]*57 shards left, 570 MiB, about 25 min/);
	t.regex(
		shown({drain: {...drain, leaves: true, reason: 'no-space'}}),
		/then it leaves\. Some[^]*other node has the room/,
	);
	t.regex(
		shown({drain: {...drain, shards_left: 0, leaves: true, awaited_until: sampleNowMs + HOUR_MS}}),
		/has still to remove[^]*then it leaves[^]*latest/,
	);
	t.regex(shown({maintenance}), /upkeep +until .*2 h left, by bob/);
	const limits = {space: 1024 ** 3, up: 0, down: 0, schedule: 'none', monthly_cap: 0, hours: 'always'};
	const wished = {up: {at: 7, by: 'ann', value: 2 * 1024 ** 2}, down: {at: 7, by: 'ann', value: 0}};
	const asked = shown({wished, line: {up: 0, down: 0, limits, remote: {allowed: true, heard: 0}}});
	t.regex(asked, /asked for +up 2 MiB\/s, taken over in a moment/);
	t.notRegex(asked, /asked for +down/, 'what holds is not asked for');
	t.regex(
		shown({suspended}),
		/suspended +it lacked a shard that it should hold, 60 min ago[^]*way back +it is back once it passed one more/,
	);
	t.regex(shown({banned_at: sampleNowMs}), /banned +kept out since .*its copies do not count/);
	t.regex(
		shown({
			standing: {
				...{score: 87.4, audits_passed: 120, audits_failed: 2},
				...{last_audit_at: sampleNowMs - 600_000, last_passed_at: null},
			},
			scrub: {started_at: sampleNowMs - HOUR_MS, progress: 0.431, completed_at: null},
		}),
		/standing +87 of 100; audits: 120 passed, 2 failed, [^]*10 min ago[^]*scrub +█+░+ 43% read again/,
	);
});

test('the overview names what is wrong with how nodes stand, and not what is meant to be so', t => {
	const nodes = [
		sampleNode(1, {drain: {...drain, reason: 'too-few-nodes'}}),
		sampleNode(2, {maintenance, status: 'offline'}),
		sampleNode(3, {suspended}),
		sampleNode(4, {drain}),
		sampleNode(5, {banned_at: 1, status: 'offline'}),
	];
	const state = createTestConsole({live: {nodes, whoami: whoami()}}).live.get();
	t.deepEqual(
		problemsOf(state, [], sampleNowMs).map(({severity, text}) => `${severity} ${text}`),
		[
			'bad Node node-3 is suspended: it lacked a shard that it should hold, 60 min ago; it is back once it passed one more audit',
			"warn Node node-1 can't be emptied now: too few nodes are online: bring one back, or add one",
		],
	);
});

test('a node is invited from the list: owner and zone, then the one command, which is told once', async t => {
	const asked: unknown[] = [];
	const invitation = {id: 'a', owner: 'ann', zone: null, uses_left: 1, used_by: [], created_by: 'ann', created_at: 1};
	const api: Partial<Api> = {
		async inviteNode(wanted) {
			asked.push(wanted);
			return Promise.resolve({code: 'pjas-join_code', invitation: {...invitation, expires_at: sampleNowMs + HOUR_MS}});
		},
	};
	const console = createTestConsole({live: {nodes: [], whoami: whoami({role: 'member'})}, api});
	const screen = createNodesScreen(console);
	const invite = () => screen.actions().find(({id}) => id === 'nodes.invite');
	t.is(invite()?.problem?.(), undefined);
	await invite()?.run();
	const form = opened(console);
	const fits = (view: View, expected: RegExp) => {
		for (const area of areas) {
			const text = renderToText(view, area);
			t.regex(text, expected);
			for (const line of text.split('\n')) t.true(displayWidth(line) <= area.columns, line);
		}
	};
	fits(form, /Invite a node[^]*Owner[^]*Zone/);
	pressKeys(console, form, 'tab', 'a', 't', 't', 'i', 'c', 'enter');
	await settled();
	t.deepEqual(asked, [{zone: 'attic'}]);
	const told = opened(console);
	fits(told, /A node may join[^]*y copies it/);
	const text = renderToText(told, {columns: 120, rows: 37}).replaceAll(/[│\s]+/g, ' ');
	t.regex(text, /For the machine of ann, .* 100 GB is what it lends: http:\/\/127\.0\.0\.1:3000 leads nowhere/);
	t.true(told.describe().lines?.some(line => /^pjas-daemon join pjas-join_code@http\S+ \.\/storage 100$/.test(line)));

	console.put({whoami: whoami({scope: 'read'})});
	t.regex(invite()?.problem?.() ?? '', /a token that may only read/);
	console.put({whoami: whoami({open: true})});
	t.is(invite()?.problem?.(), undefined, 'where there are no accounts, everybody may');
});
