import test from 'ava';
import {until} from '../../daemon/testing/processes.js';
import type {Api} from '../client/api.js';
import type {AccountView, InvitationView, TokenView, Whoami} from '../client/people-contract.js';
import {bindingOf} from '../console/keymap.js';
import type {View} from '../console/view.js';
import {createForm} from '../dialogs/form.js';
import {createShareDialog} from '../dialogs/share-files.js';
import {createToldOnce} from '../dialogs/told-once.js';
import {areas, fills, hostileNames} from '../testing/areas.js';
import {createTestConsole, type TestConsole} from '../testing/console.js';
import {startPeopleNetwork} from '../testing/people-network.suite.js';
import {renderToText} from '../testing/render.js';
import {sampleFile, sampleNowMs} from '../testing/samples.js';
import {chordOf, type KeyEvent} from '../terminal/key.js';
import {displayWidth} from '../terminal/text.js';
import {createPeopleScreen} from './people.js';
import {createRefusedView} from './refused.js';

const GIB = 1024 ** 3;
const DAY_MS = 24 * 3600 * 1000;
const wide = {columns: 120, rows: 37};

const whoami = (change: Partial<Whoami> = {}): Whoami => ({
	...{success: true, open: false, name: 'admin', role: 'admin', scope: 'full', via: 'token'},
	quota_bytes: null,
	used_bytes: 0,
	...change,
});

const account = (name: string, change: Partial<AccountView> = {}): AccountView => ({
	name,
	role: 'member',
	quota_bytes: 10 * GIB,
	used_bytes: 9.5 * GIB,
	has_password: true,
	created_at: sampleNowMs - DAY_MS,
	disabled_at: null,
	...change,
});

const invitation: InvitationView = {
	...{id: '0123456789ab', purpose: 'account', name: null, role: 'member', created_by: 'admin'},
	created_at: sampleNowMs,
	expires_at: sampleNowMs + DAY_MS,
};

const token: TokenView = {
	...{id: 'ba9876543210', account: 'admin', name: 'laptop', scope: 'full'},
	created_at: sampleNowMs - DAY_MS,
	expires_at: null,
	last_used_at: sampleNowMs - 3_600_000,
};

const accounts = [
	account('admin', {role: 'admin', quota_bytes: null, used_bytes: 0, has_password: false}),
	account('ann'),
	account('bob', {disabled_at: sampleNowMs}),
];

const event = (name: string): KeyEvent => ({
	name,
	text: Array.from(name).length === 1 ? name : name === 'space' ? ' ' : '',
	...{ctrl: false, alt: false, shift: false},
});

const letters = (text: string) => Array.from(text);

/** What the controller does with a key, as far as a view sees it. */
const press = (console: TestConsole, view: View, ...names: string[]) => {
	for (const key of names.map(event)) {
		if (view.isTyping?.() === true && view.key?.(key) === true) continue;
		const action = view.actions().find(({id}) => bindingOf(id).keys.includes(chordOf(key)));
		if (action) console.run(action);
		else view.key?.(key);
	}
};

const turn = async () => new Promise<void>(resolve => setImmediate(resolve));

const open = async (api: Partial<Api>, live = {}) => {
	const console = createTestConsole({api, live});
	const view = createPeopleScreen(console);
	view.show?.();
	for (let turns = 0; turns < 5; turns++) await turn();
	return {console, view, last: () => console.opened.at(-1) as View};
};

const apiOf = (me: Whoami, change: Partial<Api> = {}): Partial<Api> => ({
	whoami: async () => Promise.resolve(me),
	accounts: async () => Promise.resolve(accounts),
	invitations: async () => Promise.resolve([invitation]),
	tokens: async () => Promise.resolve([token]),
	...change,
});

test('the people fill every size, and say role, use, password and state in words', async t => {
	const {view, console} = await open(apiOf(whoami()));
	for (const area of areas) {
		const text = fills(t, view, area);
		t.regex(text, /People: 3 accounts, 1 open invitation/);
		t.regex(text, /admin +admin/);
		t.regex(text, /ann +member/);
		t.regex(text, /DISABLED/);
		t.regex(text, /\(free/);
	}

	t.regex(renderToText(view, wide), /ann +member +█+░ 9\.5 GiB of 10 GiB +active +set/);
	t.regex(renderToText(view, wide), /admin +admin +0 B +active +none/);
	t.like(view.describe(), {selection: 'admin, admin, active, 0 B used, no limit, password none'});
	press(console, view, 'down');
	t.regex(renderToText(view, {columns: 200, rows: 57}), /used +█+░+ 95%/);
});

test('names that mean harm shift nothing', async t => {
	const named = hostileNames.map(name => account(name));
	const {view} = await open(apiOf(whoami(), {accounts: async () => Promise.resolve(named)}));
	for (const area of areas) fills(t, view, area);
});

test('loading, an error, stale data, and a network without accounts say what to do', async t => {
	const asking = await open({whoami: async () => new Promise(() => {})});
	t.regex(fills(t, asking.view, wide), /Asking the coordinator for its people/);

	let isAway = true;
	const me = async () => {
		if (isAway) return Promise.reject(new Error("http://x can't be reached"));
		return Promise.resolve(whoami());
	};
	const {view, console} = await open(apiOf(whoami(), {whoami: me}));
	t.regex(fills(t, view, wide), /http:\/\/x can't be reached\. +│[^]*r tries again/);
	isAway = false;
	press(console, view, 'r');
	await turn();
	await turn();
	t.regex(renderToText(view, wide), /3 accounts/);
	isAway = true;
	press(console, view, 'r');
	await turn();
	await turn();
	t.regex(fills(t, view, wide), /3 accounts.*not the newest: http:\/\/x can't be reached/);

	const bare = await open({whoami: async () => Promise.resolve(whoami({open: true, name: ''}))});
	for (const area of areas) t.regex(fills(t, bare.view, area), /this network is OPEN[^]*--open/);
	press(bare.console, bare.view, 'i');
	t.regex(bare.console.notices.at(-1)?.text ?? '', /OPEN/);
});

test('a member sees the own account and tokens, and is told why no more', async t => {
	const me = whoami({name: 'ann', role: 'member', quota_bytes: GIB, used_bytes: GIB / 2});
	const {view, console, last} = await open(apiOf(me));
	t.regex(fills(t, view, wide), /your own account.*members see no others[^]*ann +member .* 512 MiB of 1 GiB/);
	for (const [key, why] of [
		['i', /Members invite nobody/],
		['e', /Only admins do that, and you are member/],
		['x', /Only admins/],
		['R', /Only admins/],
	] as const) {
		press(console, view, key);
		t.regex(console.notices.at(-1)?.text ?? '', why);
	}

	t.is(console.opened.length, 0);
	press(console, view, 'enter');
	last().show?.();
	await turn();
	await turn();
	for (const area of areas) t.regex(fills(t, last(), area), /Tokens of ann[^]*laptop/);
});

test('an operator invites members, and sees no tokens of others', async t => {
	const {view, console, last} = await open(apiOf(whoami({name: 'op', role: 'operator'})));
	press(console, view, 'i');
	t.regex(renderToText(last(), wide), /Role +\[member\] *│?/);
	t.notRegex(renderToText(last(), wide), /operator|admin/);
	press(console, view, 'enter');
	t.regex(fills(t, last(), wide), /Only admins see the tokens of others/);
	press(console, last(), 'n');
	t.regex(console.notices.at(-1)?.text ?? '', /made by whoever it is for/);
});

test('a read-only token changes nothing, and says so before a form is filled in', async t => {
	const {view, console} = await open(apiOf(whoami({scope: 'read'})));
	press(console, view, 'i', 'e', 'R');
	t.is(console.opened.length, 0);
	t.regex(console.notices.at(-1)?.text ?? '', /token that may only read/);
});

test('with a real coordinator people are invited, changed, disabled and let in again', async t => {
	const network = await startPeopleNetwork(t);
	await network.join('ann');
	const console = createTestConsole({api: network.api});
	const view = createPeopleScreen(console);
	const shown = async (pattern: RegExp, shownBy = view) =>
		until(`${String(pattern)} is shown`, () => pattern.test(renderToText(shownBy, wide)));
	const opened = async (count: number): Promise<View> =>
		until(`${count} views were opened`, () => console.opened.length >= count && console.opened.at(-1));

	view.show?.();
	await shown(/2 accounts/);
	press(console, view, 'i');
	press(console, await opened(1), 'space', 'down', ...letters('bob'), 'enter');
	const told = await opened(2);
	press(console, told, 'y');
	t.regex(console.copied[0] ?? '', new RegExp(`^${network.url}/welcome#pjas-invite_[\\w-]{43}$`));
	t.true(told.back?.(), 'Esc does not lose it');
	await shown(/bob +operator +- +invited/);

	press(console, view, 'j', 'e');
	press(
		console,
		await opened(3),
		'right',
		'down',
		...Array.from({length: 4}, () => 'backspace'),
		...letters('1GB'),
		'enter',
	);
	await shown(/ann +operator .*0 B of 1 GiB/);
	press(console, view, 'x');
	press(console, await opened(4), 'y');
	await shown(/ann .*DISABLED/);
	press(console, view, 'x');
	press(console, await opened(5), 'y');
	await shown(/ann .*active/);
	press(console, view, 'R');
	press(console, await opened(6), 'y');
	t.regex(renderToText(await opened(7), wide), /sets a new password for ann[^]*pjas-invite_/);
	await shown(/ann +operator +- +new password/);
	press(console, view, 'g', 'enter');
	const details = await opened(8);
	press(console, details, 'n');
	press(console, await opened(9), ...letters('cron'), 'down', 'space', 'enter');
	t.regex(renderToText(await opened(10), wide), /read\.[^]* pjas_[\w-]{43} /);
	await shown(/cron/, details);
	press(console, details, 'x');
	press(console, await opened(11), 'y');
	await until('it is gone', () => !renderToText(details, wide).includes('cron'));
	view.hide?.();
});

test('a form fills every size, goes from field to field, and stays open while something is wrong', t => {
	const console = createTestConsole();
	const runs: unknown[] = [];
	const form = createForm(console, {
		title: hostileNames[3] ?? '',
		lines: hostileNames,
		fields: [
			{name: 'kind', label: 'Kind', initial: 'b', choices: ['a', 'b', 'c']},
			{name: 'text', label: 'Text', initial: '', hint: 'say something'},
		],
		yes: 'goes on',
		problem: ({text}) => (text === '' ? 'Say something' : undefined),
		run: values => void runs.push(values),
	});
	for (const area of areas) {
		for (const line of renderToText(form, area).split('\n')) t.true(displayWidth(line) <= area.columns, line);
	}

	press(console, form, 'right', 'right', 'left', 'enter');
	t.deepEqual(console.notices.at(-1), {tone: 'warn', text: 'Say something'});
	press(console, form, 'tab', 'h', 'i', 'enter');
	t.deepEqual(runs, [{kind: 'c', text: 'hi'}]);
	t.is(form.key?.({...event('c'), ctrl: true, text: ''}), false, 'Ctrl-c quits');
});

test('what is told once stays whole at every size', t => {
	const secret = `http://a-coordinator.example.org:3000/welcome#pjas-invite_${'x'.repeat(43)}`;
	const view = createToldOnce(createTestConsole(), {
		title: 'An invitation',
		lines: ['Give it to nobody else.'],
		secret,
	});
	for (const area of areas) t.true(renderToText(view, area).replace(/[│\s]/g, '').includes(secret));
});

test('who may read a file is asked, said in a sentence, and done after a yes', async t => {
	const changed: unknown[] = [];
	const file = sampleFile(1, {owner: 'ann', visibility: 'private'});
	const console = createTestConsole({
		api: {
			async changeFile(id, change) {
				changed.push([id, change]);
				return Promise.resolve(file);
			},
		},
	});
	const dialog = createShareDialog(console, [file]);
	for (const area of areas) t.regex(renderToText(dialog, area), /\[private\] +network +public/);
	press(console, dialog, 'down', ...letters('Bob'), 'enter');
	t.regex(console.notices.at(-1)?.text ?? '', /Bob is no name/);
	press(console, dialog, 'backspace', 'backspace', 'backspace', ...letters('bob carl'), 'up', 'left', 'enter');
	const confirm = console.opened.at(-1) as View;
	t.regex(renderToText(confirm, wide), /EVERYBODY[^]*bob, carl may/);
	t.deepEqual(changed, []);
	press(console, confirm, 'y');
	await turn();
	t.deepEqual(changed, [[file.file_id, {visibility: 'public', shared_with: ['bob', 'carl']}]]);
	t.is(console.notices.at(-1)?.text, 'Readers: everybody, shared with bob, carl');
});

test('whoever is not signed in is told what to type, at every size', t => {
	const refused = (reason: 'UNAUTHENTICATED' | 'FORBIDDEN') =>
		createTestConsole({live: {connection: {state: 'refused', reason, error: 'You may not do this here'}}});
	for (const area of areas) {
		const text = renderToText(createRefusedView(refused('UNAUTHENTICATED')), area);
		t.regex(text, /Sign in[^]*pjas-tui login http:\/\/127\.0\.0\.1:3000/);
		for (const line of text.split('\n')) t.true(displayWidth(line) <= area.columns);
		t.regex(renderToText(createRefusedView(refused('FORBIDDEN')), area), /Not allowed[^]*You may not do this here\./);
	}
});
