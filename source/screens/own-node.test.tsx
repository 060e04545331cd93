import test from 'ava';
import type {MemberState} from '../client/member-live.js';
import type {MemberApi} from '../client/member.js';
import {createOneLimitForm} from '../dialogs/own-node.js';
import type {DoctorCheck} from '../protocol/doctor.js';
import type {NodeSafeToStop} from '../protocol/healing-api.js';
import type {Examination, MemberStatus} from '../protocol/member-api.js';
import {areas, fills, hostileNames} from '../testing/areas.js';
import {createTestMemberConsole, sampleMemberStatus, type TestMemberConsole} from '../testing/own-node.js';
import {pressKeys} from '../testing/press-keys.js';
import {renderToText} from '../testing/render.js';
import {displayWidth} from '../terminal/text.js';
import {createOwnDoctorScreen} from './own-doctor.js';
import {createOwnLimitsScreen} from './own-limits.js';
import {createOwnLogScreen} from './own-log.js';
import {createOwnNodeScreen} from './own-node.js';
import {createOwnSafeToStop} from './own-safe-to-stop.js';
import {createAwayView, isAway} from './own-waiting.js';

const nowMs = Date.UTC(2026, 10, 23, 12);
const wide = {columns: 120, rows: 37};
const screens = [createOwnNodeScreen, createOwnLimitsScreen, createOwnLogScreen, createOwnDoctorScreen];

/** A console of a node that takes every deed, and writes it down. */
const createConsole = (change: Partial<MemberStatus> = {}, state: Partial<MemberState> = {}) => {
	const deeds: unknown[] = [];
	let status = sampleMemberStatus(nowMs, change);
	const answer = (deed: unknown, next: Partial<MemberStatus> = {}) => {
		deeds.push(deed);
		status = {...status, ...next};
		console.put({status});
		return status;
	};

	const api = {
		pause: (paused: boolean) => answer(`pause ${paused}`, {paused}),
		leave: (isLeaving: boolean) => answer(`leave ${isLeaving}`, {leaving: isLeaving ? 'asked' : 'no'}),
		set: (texts: Record<string, string>) => answer(texts),
	} as unknown as MemberApi;
	const console: TestMemberConsole = createTestMemberConsole({
		nowMs,
		state: {status, log: [], ...state},
		node: {act: async deed => deed(api), examine: async () => Promise.resolve(void deeds.push('examine'))},
	});
	return {console, deeds};
};

const settle = async () => new Promise(resolve => setImmediate(resolve));

const type = (console: TestMemberConsole, view: Parameters<typeof pressKeys>[1], text: string) =>
	pressKeys(console, view, ...Array.from(text, letter => (letter === ' ' ? 'space' : letter)));

const finding = (check: DoctorCheck, outcome: 'fine' | 'wrong', seen: string) => ({
	...{check, outcome, seen, tried: `Tried ${check}`, remedy: outcome === 'wrong' ? 'Mend it' : null},
});

const looked = (change: Partial<Examination>): Examination => ({
	...{success: true, started_at: nowMs, ended_at: null, problem: null},
	...{planned: ['folder', 'clock', 'address'], findings: []},
	...change,
});

test('the own node fills every size, whatever it says, and before it has said anything', t => {
	for (const create of screens) {
		for (const [index, name] of hostileNames.entries()) {
			const area = areas[index % areas.length];
			const {console} = createConsole(
				{name, coordinator: {...sampleMemberStatus(nowMs).coordinator, problem: name.repeat(9)}},
				{
					log: [{id: 1, level: 'WARN', message: name.repeat(9), timestamp: '', timestamp_ms: nowMs}],
					examination: looked({findings: [finding('folder', 'wrong', name.repeat(9))]}),
				},
			);
			if (area) fills(t, create(console), area);
		}

		const {console} = createConsole({}, {status: undefined, log: undefined, connection: {state: 'connecting'}});
		for (const area of areas) t.regex(fills(t, create(console), area), /Asking the node for/);
	}
});

test('a member sees what the node gives, carries and is worth, and what stands against it', t => {
	const text = (change: Partial<MemberStatus>) =>
		renderToText(createOwnNodeScreen(createConsole(change).console), wide);
	const usual = text({});
	t.regex(usual, /state +takes part/);
	t.regex(usual, /24% of 200 GiB, never more/);
	t.regex(usual, /48 GiB by 4915 shards, 152 GiB free/);
	t.regex(usual, /today +1\.5 GiB sent, 300 MiB taken in/);
	t.regex(usual, /100 GiB sent, 55 GiB taken in[^]*█░* 31% of 500 GiB/);
	t.regex(usual, /up 2 MiB\/s, down any, by its schedule/);
	t.regex(usual, /87 of 100; audits: 120 passed, 1 failed/);
	t.regex(usual, /over 4 links that it opened/);
	t.regex(usual, /behind the coordinator's\s+2\.1\.0: update this node/);
	t.regex(usual, /space +200 GiB \(set; configured: 100 GiB\)/);
	t.regex(
		text({suspended: {since: nowMs, reason: 'corrupt', passes_left: 3}}),
		/it held other bytes .*\n.*3 more audits/,
	);
	const drain = {
		...{started_at: nowMs, by: 'its member', leaves: true, shards_total: 100, shards_left: 25},
		...{bytes_left: 1024 ** 3, eta_s: 600, reason: null},
	};
	t.regex(text({drain: {...drain, reason: 'too-few-nodes'}}), /Some can't be moved now/);
	t.regex(text({leaving: 'asked', drain}), /25 of 100 shards left[^]*leaves +█+░+ 75%[^]*gives/);
	t.regex(text({maintenance: {from: 0, until: nowMs + 3_600_000, by: 'ann'}}), /for another 60 min/);
	const coordinator = {...sampleMemberStatus(nowMs).coordinator, problem: 'registering failed: ECONNREFUSED', links: 0};
	t.regex(text({coordinator}), /ECONNREFUSED[^]*over links, and none is open/);
	t.regex(createOwnNodeScreen(createConsole().console).describe().lines?.join('\n') ?? '', /^gives 24% of 200 GiB/m);
});

test('whether it can be stopped is asked of its coordinator, and said in words, whatever comes', async t => {
	const answers: ((answer: NodeSafeToStop | Error) => void)[] = [];
	const ask = async <Answer,>(question: (api: MemberApi) => Promise<Answer>) =>
		question({
			safeToStop: async () =>
				new Promise((resolve, reject) => {
					answers.push(answer => (answer instanceof Error ? reject(answer) : resolve(answer)));
				}),
		} as unknown as MemberApi);
	const console = createTestMemberConsole({nowMs, state: {status: sampleMemberStatus(nowMs)}, node: {ask}});
	const view = createOwnSafeToStop(console);
	const shown = () => renderToText(view, wide);
	const told = async (answer: NodeSafeToStop | Error) => {
		answers.at(-1)?.(answer);
		await settle();
		for (const area of areas) fills(t, view, area);
		return shown();
	};
	const good: NodeSafeToStop = {
		...{success: true, safe: true, shards: 1, min_copies: 2, at_risk: 0, fewest_copies: null},
	};
	t.regex(shown(), /The node asks its coordinator/);
	t.regex(
		await told(good),
		/YES[^]*Its shard has at least 2 sound copies[^]*That was so at \d\d:\d\d:\d\d\. T asks again/,
	);
	t.is(view.describe().title, 'Is it safe to stop this node now? YES');
	pressKeys(console, view, 'T');
	t.regex(shown(), /The node asks its coordinator/);
	t.regex(
		await told({...good, safe: false, at_risk: 1, fewest_copies: 1}),
		/NO[^]*Its shard would be left[^]*It would still have one\./,
	);
	pressKeys(console, view, 'T');
	t.regex(await told(new Error(hostileNames.join(' '))), /NOT KNOWN/);
	pressKeys(console, view, 'T');
	t.regex(await told({...good, shards: 0}), /YES[^]*It holds nothing/);
	pressKeys(console, view, 'T', 'T');
	t.is(answers.length, 5, 'it is asked once at a time');
	console.put({connection: {state: 'stale', sinceMs: nowMs, nextTryAtMs: nowMs, error: 'The node does not run'}});
	await told(good);
	pressKeys(console, view, 'T');
	t.is(answers.length, 5, 'nobody is there to be asked');
});

test('at 60x15 the rest of the facts is a key away', t => {
	const {console} = createConsole();
	const view = createOwnNodeScreen(console);
	const [small] = areas;
	if (!small) throw new Error('no area');
	t.notRegex(fills(t, view, small), /pjas-0123456789abcdef/);
	pressKeys(console, view, 'G');
	t.regex(fills(t, view, small), /pjas-0123456789abcdef/);
});

test('a member pauses the node and lets it go on, leaves after a word, and stays after all', async t => {
	const {console, deeds} = createConsole();
	const view = createOwnNodeScreen(console);
	pressKeys(console, view, 'p');
	await settle();
	pressKeys(console, view, 'p');
	await settle();
	t.deepEqual(deeds, ['pause true', 'pause false']);
	pressKeys(console, view, 'L');
	const question = console.opened.at(-1);
	if (!question) throw new Error('nothing was asked');
	for (const area of areas) {
		const lines = renderToText(question, area).split('\n');
		t.true(lines.every(line => displayWidth(line) <= area.columns));
		t.regex(lines.join('\n'), /Type leave to leave/);
	}

	pressKeys(console, question, 'enter');
	t.is(deeds.length, 2);
	type(console, question, 'leave');
	pressKeys(console, question, 'enter');
	await settle();
	pressKeys(console, view, 'L');
	const back = console.opened.at(-1);
	t.is(back?.title(), 'Stay in the network');
	t.regex(back ? renderToText(back, wide) : '', /y stay +n go on leaving/);
	if (back) pressKeys(console, back, 'y');
	await settle();
	t.deepEqual(deeds.slice(2), ['leave true', 'leave false']);
	console.put({status: sampleMemberStatus(nowMs, {leaving: 'left'})});
	pressKeys(console, view, 'L', 'p');
	t.regex(console.notices.at(-1)?.text ?? '', /new code/);
	t.is(deeds.length, 4);
});

test('limits are changed one by one or together, by the rules of pjas-daemon set, and only those that were', async t => {
	const {console, deeds} = createConsole();
	const view = createOwnLimitsScreen(console);
	t.regex(renderToText(view, wide), /space +200 GiB +100 GiB[^]*monthly-cap +500 GiB +the same/);
	pressKeys(console, view, 'j', 'enter');
	const one = console.opened.at(-1);
	if (!one) throw new Error('no form');
	t.is(one.title(), 'Change up');
	type(console, one, 'x');
	pressKeys(console, one, 'enter');
	t.regex(
		console.notices.at(-1)?.text ?? '',
		/^up can't be "2 MiBx"\. Allowed: 0 for any, or a size a second from 32KB/,
	);
	t.deepEqual(console.closed, []);
	pressKeys(console, one, 'backspace', 'enter');
	await settle();
	t.is(console.notices.at(-1)?.text, 'Nothing was changed');

	pressKeys(console, view, 'c');
	const all = console.opened.at(-1);
	if (!all) throw new Error('no form');
	for (const area of areas) t.regex(renderToText(all, area), /hours +always/);
	pressKeys(console, all, 'down', 'down', 'backspace');
	type(console, all, '5MB');
	pressKeys(console, all, 'enter');
	await settle();
	t.deepEqual(deeds, [{down: '5MB'}]);

	const status = sampleMemberStatus(nowMs);
	const odd = {...status, limits: {...status.limits, space: {value: 123_456_789_012, configured: 1}}};
	t.regex(renderToText(createOneLimitForm(console, 'space', odd), wide), /123456789012B/);
});

test('a console whose node is away changes nothing and says why', t => {
	const {console, deeds} = createConsole(
		{},
		{connection: {state: 'stale', sinceMs: 0, nextTryAtMs: 0, error: 'It is away'}},
	);
	for (const create of screens) pressKeys(console, create(console), 'p', 'c', 'L', 'e');
	t.deepEqual(deeds, []);
	t.deepEqual(console.opened, []);
	t.true(console.notices.length > 0 && console.notices.every(({text}) => text === 'It is away'));
});

test('the doctor shows each finding as it comes, what is still to come, and what is to be done', t => {
	const {console, deeds} = createConsole({}, {examination: looked({started_at: null})});
	const view = createOwnDoctorScreen(console);
	t.regex(renderToText(view, wide), /has not looked for troubles/);
	pressKeys(console, view, 'e');
	t.deepEqual(deeds, ['examine']);
	const findings = [finding('folder', 'fine', 'That works')];
	console.put({examination: looked({findings})});
	t.regex(renderToText(view, wide), /looking: 1 of 3[^]*ok +folder[^]*looking +clock[^]*waits +address/);
	t.is(view.describe().title, 'Doctor, looking');
	const all = [...findings, finding('clock', 'wrong', 'It is an hour off')];
	console.put({examination: looked({findings: all, ended_at: nowMs})});
	const done = renderToText(view, wide);
	t.regex(done, /1 wrong, just now/);
	t.notRegex(done, /address/);
	pressKeys(console, view, 'j');
	t.regex(renderToText(view, wide), /seen +It is an hour off[^]*tried +Tried clock[^]*to do +Mend it/);
	t.is(view.describe().title, 'Doctor, 1 wrong');
	pressKeys(console, view, 'enter');
	const pane = console.opened.at(-1);
	for (const area of areas) if (pane) t.regex(fills(t, pane, area), /to do +Mend it/);
	console.put({examination: looked({problem: 'The disk is gone', ended_at: nowMs})});
	t.regex(renderToText(view, wide), /stopped: The disk is gone/);
});

test('a node that does not run is said how to start, by its folder or where it was forwarded to', t => {
	const error = 'No node runs on ./storage, or not as this user: start it';
	const connection = {state: 'stale', sinceMs: 0, nextTryAtMs: 0, error} as const;
	const {console} = createConsole({}, {status: undefined, log: undefined, connection});
	t.true(isAway(console));
	const lines = createAwayView(console).describe().lines?.join('\n') ?? '';
	t.regex(lines, /No node runs on \.\/storage[^]*pjas-daemon --role node/);
	const forwarded =
		createAwayView({...console, place: 'http://127.0.0.1:9000'})
			.describe()
			.lines?.join('\n') ?? '';
	t.notRegex(forwarded, /pjas-daemon --role/);
	for (const area of areas) {
		const shown = renderToText(createAwayView(console), area).split('\n');
		t.true(shown.every(line => displayWidth(line) <= area.columns));
		t.regex(shown.join('\n'), /goes on by itself/);
	}
});
