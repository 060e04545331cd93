import {mkdtempSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {spawn as spawnTerminal} from '@lydell/node-pty';
import anyTest, {type ExecutionContext, type TestFn} from 'ava';
import {keptPort} from '../../daemon/testing/processes.js';
import {startTestNetwork} from '../../daemon/testing/network.js';
import type {FileView} from '../client/contract.js';
import type {AccountView, CreatedToken, TokenView, Whoami} from '../client/people-contract.js';
import {program, runProgram} from '../testing/program.js';

type Context = ExecutionContext<{folder: string; url: string; admin: string; code: string}>;

const PASSWORD = 'correct horse battery';

/** A test with a coordinator that has accounts, and a folder to live in. One after the other: each runs many processes. */
const test = (title: string, implementation: (t: Context) => Promise<void>) =>
	(anyTest as TestFn<Context['context']>).serial(title, async t => {
		const folder = mkdtempSync(path.join(tmpdir(), 'pjas-tui-'));
		t.teardown(() => rmSync(folder, {recursive: true, force: true}));
		const {url, coordinator} = await startTestNetwork(t, {open: false});
		const made = await coordinator.makeFirstAdmin(async () => Promise.resolve());
		t.context = {folder, url, admin: made?.token ?? '', code: made?.code ?? ''};
		await implementation(t);
	});

type Run = {home?: string; environment?: Record<string, string>; input?: string};

/** Runs it as somebody who lives in that folder of the test's. */
const run = async (t: Context, argv: string[], {home = 'admin', environment = {}, input}: Run = {}) =>
	runProgram(argv, {
		folder: t.context.folder,
		environment: {HOME: path.join(t.context.folder, home), ...environment},
		...(input !== undefined && {input}),
	});

const output = async (t: Context, argv: string[], options: Run = {}): Promise<string> => {
	const {code, stdout, stderr} = await run(t, argv, options);
	t.is(code, 0, `${argv.join(' ')}: ${stderr}`);
	return stdout;
};

const json = async <Value>(t: Context, argv: string[], options: Run = {}): Promise<Value> =>
	JSON.parse(await output(t, [...argv, '--json'], options)) as Value;

const credentialsOf = (t: Context, home: string) => path.join(t.context.folder, home, '.config/pjas/credentials.json');

const signInAdmin = async (t: Context) => output(t, ['login', t.context.url, '--token', '-'], {input: t.context.admin});

/** Invites somebody and takes the invitation, with a home of that name. */
const join = async (t: Context, name: string, role = 'member') => {
	const {link} = await json<{link: string}>(t, ['invite', '--name', name, '--role', role]);
	await output(t, ['accept', link], {home: name, environment: {PJAS_PASSWORD: PASSWORD}});
	return link;
};

test('a token is checked and kept for its user alone, and whoami says whose it is', async t => {
	t.regex(await signInAdmin(t), /^Signed in to http:\S+ as admin \(admin\)/);
	const file = credentialsOf(t, 'admin');
	t.is(statSync(file).mode & 0o777, 0o600);
	t.true(readFileSync(file, 'utf8').includes(t.context.admin));
	// Without an address it is the one that was signed in to last.
	t.regex(await output(t, ['whoami']), /Name +admin\nRole +admin\nScope +full\nSigned in by +a token\n/);
	t.like(await json<Whoami>(t, ['whoami']), {name: 'admin', role: 'admin', scope: 'full', via: 'token', open: false});

	const wrong = await run(t, ['login', t.context.url, '--token', `pjas_${'x'.repeat(43)}`], {home: 'nobody'});
	t.is(wrong.code, 1);
	t.is((await run(t, ['login', t.context.url, '--token', 'hunter2'], {home: 'nobody'})).code, 2);
	t.throws(() => readFileSync(credentialsOf(t, 'nobody')));
});

test('where there are no accounts, nobody is asked for a password', async t => {
	const {url} = await startTestNetwork(t, {nodes: 0});
	const {code, stderr} = await run(t, ['login', url, '--name', 'ann'], {environment: {PJAS_PASSWORD: PASSWORD}});
	t.deepEqual([code, /runs without accounts/.test(stderr)], [2, true]);
	t.regex(await output(t, ['whoami', '--coordinator', url]), /is OPEN/);
	const away = `http://127.0.0.1:${await keptPort()}`;
	t.is((await run(t, ['login', away])).code, 3);
});

test('whoever is not signed in is told how, in words and as JSON', async t => {
	const {code, stderr} = await run(t, ['--coordinator', t.context.url, 'files']);
	t.is(code, 1);
	t.is(stderr, 'pjas-tui: Sign in first: pjas-tui login\n');
	const asked = await run(t, ['--coordinator', t.context.url, 'whoami', '--json']);
	t.like(JSON.parse(asked.stderr), {code: 'UNAUTHENTICATED'});
});

test('an invitation becomes an account, once, and its password signs in', async t => {
	await signInAdmin(t);
	const invited = await run(t, ['invite', '--role', 'operator', '--quota', '1GB', '--expires', '12h']);
	const link = invited.stdout.trim();
	t.regex(link, /^http:\/\/127\.0\.0\.1:\d+\/welcome#pjas-invite_[\w-]{43}$/);
	t.regex(invited.stderr, /^Opens an account for a new operator until .*It is not shown again\n$/);
	t.regex(await output(t, ['invite', 'list']), /an account {2}\(free\) {2}operator {2}admin/);

	const environment = {PJAS_PASSWORD: PASSWORD};
	const nameless = await run(t, ['accept', link], {home: 'ann', environment});
	t.deepEqual([nameless.code, nameless.stderr], [2, 'pjas-tui: There is no terminal to ask on. Say --name NAME\n']);
	t.regex(
		(await run(t, ['accept', link, '--name', 'ann'], {home: 'ann', environment: {PJAS_PASSWORD: 'short'}})).stderr,
		/at least 10 characters/,
	);
	t.regex(await output(t, ['accept', link, '--name', 'Ann'], {home: 'ann', environment}), /as ann \(operator\)/);
	t.like(await json<Whoami>(t, ['whoami'], {home: 'ann'}), {name: 'ann', role: 'operator', quota_bytes: 1024 ** 3});
	t.is((await run(t, ['accept', link, '--name', 'bob'], {home: 'bob', environment})).code, 4);
	t.notRegex(await output(t, ['invite', 'list']), /an account/);

	await output(t, ['login', t.context.url, '--name', 'ann'], {home: 'elsewhere', environment});
	const tokens = await json<TokenView[]>(t, ['tokens'], {home: 'ann'});
	t.is(tokens.length, 2);
	t.true(tokens.every(({name}) => name.startsWith('pjas-tui on ')));
	const refused = await run(t, ['login', t.context.url, '--name', 'ann', '--json'], {
		home: 'thief',
		environment: {PJAS_PASSWORD: 'a wrong password'},
	});
	t.is(refused.code, 1);
	t.like(JSON.parse(refused.stderr), {code: 'INVALID_CREDENTIALS'});
});

test('the passwords that were asked for are not seen on the terminal', async t => {
	const link = `${t.context.url}/welcome#${t.context.code}`;
	const terminal = spawnTerminal(process.execPath, [program, 'accept', link], {
		cols: 200,
		cwd: t.context.folder,
		env: {PATH: process.env['PATH'] ?? '', HOME: path.join(t.context.folder, 'admin')},
	});
	let shown = '';
	const answers = [`${PASSWORD}\r`, `${PASSWORD}\r`];
	const code = await new Promise<number>(resolve => {
		terminal.onData(data => {
			shown += data;
			if (/(New password|once more): $/.test(shown)) {
				shown += '|';
				terminal.write(answers.shift() ?? '');
			}
		});
		terminal.onExit(({exitCode}) => resolve(exitCode));
	});
	t.is(code, 0, shown);
	t.regex(shown, /New password: \|\s+The same once more: \|\s+Signed in/);
	t.false(shown.includes(PASSWORD));
	t.like(await json<Whoami>(t, ['whoami']), {name: 'admin'});
});

test('logout ends the token, and forgets it where the coordinator is away', async t => {
	await signInAdmin(t);
	await join(t, 'ann');
	const kept = readFileSync(credentialsOf(t, 'ann'), 'utf8');
	t.regex(await output(t, ['logout'], {home: 'ann'}), /^ann is signed out of http/);
	t.is(readFileSync(credentialsOf(t, 'ann'), 'utf8').trim(), '{}');
	writeFileSync(credentialsOf(t, 'ann'), kept);
	t.is((await run(t, ['whoami'], {home: 'ann'})).code, 1, 'what was kept is worth nothing');
	t.regex(await output(t, ['logout'], {home: 'ann'}), /^ann is signed out/);
	t.regex(await output(t, ['logout', '--coordinator', t.context.url], {home: 'ann'}), /^Nobody was signed in/);

	const away = `http://127.0.0.1:${await keptPort()}`;
	writeFileSync(credentialsOf(t, 'ann'), JSON.stringify({[away]: {token: t.context.admin, name: 'ann'}}));
	const {code, stdout, stderr} = await run(t, ['logout'], {home: 'ann'});
	t.is(code, 0);
	t.regex(stdout, /^ann is signed out/);
	t.regex(stderr, /^The token could not be ended: .*can't be reached.*still works until it is revoked/);
	t.is(readFileSync(credentialsOf(t, 'ann'), 'utf8').trim(), '{}');
});

test('admins list, change and disable accounts; others are refused', async t => {
	await signInAdmin(t);
	await join(t, 'ann');
	const set = ['users', 'set', 'ann', '--role', 'operator', '--quota', '10GB'];
	t.like(await json<AccountView>(t, set), {name: 'ann', role: 'operator', quota_bytes: 10 * 1024 ** 3});
	t.like(await json<AccountView>(t, ['users', 'set', 'ann', '--quota', 'none']), {quota_bytes: null});
	t.regex(await output(t, ['users']), /^NAME +ROLE .*\nadmin +admin .*\nann +operator +0 B +no limit +set +active/);
	t.is((await run(t, ['users', 'set', 'ann', '--role', 'admin'], {home: 'ann'})).code, 1);

	await output(t, ['users', 'set', 'ann', '--disable']);
	t.is((await run(t, ['whoami'], {home: 'ann'})).code, 1);
	await output(t, ['users', 'set', 'ann', '--enable']);
	t.is((await run(t, ['whoami'], {home: 'ann'})).code, 0);
	const link = (await output(t, ['users', 'reset', 'ann'])).trim();
	await output(t, ['accept', link], {home: 'new', environment: {PJAS_PASSWORD: 'another password'}});
	t.like(await json<Whoami>(t, ['whoami'], {home: 'new'}), {name: 'ann'});

	t.is((await run(t, ['users', 'set', 'nobody', '--enable'])).code, 4);
	const refusals: [string[], RegExp][] = [
		[['users', 'set'], /Say which one: pjas-tui users set NAME/],
		[['users', 'set', 'ann'], /Say what to set: --role/],
		[['users', 'set', 'ann', '--quota', 'much'], /--quota is "much"\. Allowed/],
		[['users', 'set', 'ann', '--enable', '--disable'], /exclude each other/],
		[['users', '--role', 'admin'], /--role is not for users list/],
		[['users', 'rest', 'ann'], /There is no users for "rest"\. Did you mean reset\?/],
		[['users', 'set', 'ann', '--enable', '--read-only'], /--read-only refuses/],
		[['invite', '--read-only'], /--read-only refuses/],
		[['invite', '--expires', '1s'], /--expires is "1s"/],
		[['accept', 'http://example.org/welcome#pjas-invite_x'], /no whole link/],
	];
	for (const [argv, message] of refusals) {
		const {code, stderr} = await run(t, argv);
		t.is(code, 2, argv.join(' '));
		t.regex(stderr, message);
	}
});

test('tokens are made for programs, listed without their secret, and end', async t => {
	await signInAdmin(t);
	const made = await json<CreatedToken['token'] & {secret: string}>(t, ['tokens', 'create', 'cron', '--scope', 'read']);
	const environment = {PJAS_TOKEN: made.secret};
	t.like(await json<Whoami>(t, ['whoami'], {environment}), {scope: 'read', via: 'token'});
	const denied = await run(t, ['tokens', 'create', 'more', '--json'], {environment});
	t.like(JSON.parse(denied.stderr), {code: 'FORBIDDEN'});
	const listed = await output(t, ['tokens']);
	t.regex(listed, new RegExp(`${made.id} +read .* never .*cron\n`));
	t.false(listed.includes(made.secret));
	const plain = await run(t, ['tokens', 'create', 'backup', '--expires', '30d']);
	t.regex(plain.stdout, /^pjas_[\w-]{43}\n$/);
	t.regex(plain.stderr, /works until \d{4}-.*It is not shown again/);
	t.is(await output(t, ['tokens', 'revoke', made.id]), `Ended ${made.id}\n`);
	t.is((await run(t, ['whoami'], {environment})).code, 1);
	t.is((await run(t, ['tokens', 'revoke', made.id])).code, 4);
});

test('a code for a node is made by a member for its own, listed, and taken back', async t => {
	await signInAdmin(t);
	await join(t, 'ann');
	const made = await run(t, ['invite', 'node', '--zone', 'attic', '--uses', '2'], {home: 'ann'});
	t.regex(made.stdout, /^pjas-join_\S{64}@http:\/\/127\.0\.0\.1:\d+\n$/, 'what pjas-daemon join takes');
	t.regex(made.stderr, /Lets 2 nodes of ann join until [^]*pjas-daemon join pjas-join_\S+@http:\S+ \.\/storage 100/);
	t.like(JSON.parse((await run(t, ['invite', 'node', '--owner', 'bob', '--json'], {home: 'ann'})).stderr), {
		code: 'FORBIDDEN',
	});
	const listed = await output(t, ['invite', 'nodes'], {home: 'ann'});
	t.regex(listed, /[0-9a-f]{12} +ann +attic +2 +0 +ann /);
	const [{id}] = (await json<{id: string}[]>(t, ['invite', 'nodes'], {home: 'ann'})) as [{id: string}];
	t.is(await output(t, ['invite', 'revoke', id], {home: 'ann'}), `Took ${id} back\n`);
	t.is(await output(t, ['invite', 'nodes'], {home: 'ann'}), 'No join code is open\n');
	t.is((await run(t, ['invite', 'revoke', id])).code, 4);
	t.is((await run(t, ['invite', 'node', '--uses', '0'])).code, 2);
	t.is((await run(t, ['invite', '--zone', 'attic'])).code, 2);
	t.is((await run(t, ['nodes', 'ban', 'nobody'])).code, 4);
	t.is((await run(t, ['nodes', 'audit', 'nobody'])).code, 4);
	t.is((await run(t, ['nodes', 'audit'])).code, 2);
});

test('a link to a file is made, listed without its secret, followed by a stranger, and taken back', async t => {
	await signInAdmin(t);
	await output(t, ['upload', '-', '--name', 'letter'], {input: 'dear stranger'});
	const environment = {PJAS_PASSWORD: 'open sesame now'};
	const argv = ['links', 'create', 'letter', '--downloads', '2', '--expires', '1h', '--password'];
	const made = await run(t, argv, {environment});
	t.is(made.code, 0, made.stderr);
	const url = made.stdout.trim();
	t.regex(url, /\/s\/pjas-link_[\w-]{43}$/);
	t.regex(made.stderr, /is good until \d{4}-.*It is not shown again/);
	const [base, secret] = url.split('/s/');
	const follow = async (password: string) =>
		fetch(`${base ?? ''}/api/shared/${secret ?? ''}/download`, {headers: {'x-pjas-link-password': password}});
	t.is((await follow('wrong')).status, 401);
	t.is(await (await follow('open sesame now')).text(), 'dear stranger');
	const listed = await output(t, ['links']);
	t.regex(listed, /[0-9a-f]{12} +1 of 2 +set +\d{4}-.* letter\n/);
	t.false(listed.includes(secret ?? ''));
	const [{id}] = (await json<{id: string}[]>(t, ['links'])) as [{id: string}];
	t.is(await output(t, ['links', 'revoke', id]), `Took ${id} back\n`);
	t.is((await follow('open sesame now')).status, 404);
	t.is(await output(t, ['links']), 'No link is open\n');
	t.is((await run(t, ['links', 'revoke', id])).code, 4);
	t.is((await run(t, ['links', 'create', 'letter', '--downloads', '0'])).code, 2);
	t.is((await run(t, ['links', 'create', 'nothing'])).code, 4);
});

test('a link to a file that is sealed end to end carries its key where the coordinator never sees it', async t => {
	await signInAdmin(t);
	const environment = {PJAS_PASSPHRASE: 'correct horse battery'};
	const sealed = await run(t, ['upload', '-', '--name', 'diary', '--e2e'], {input: 'dear diary', environment});
	t.is(sealed.code, 0, sealed.stderr);
	const made = await run(t, ['links', 'create', 'diary'], {environment});
	t.is(made.code, 0, made.stderr);
	const url = made.stdout.trim();
	t.regex(url, /\/s\/pjas-link_[\w-]{43}#k=[\w-]{43}$/);
	t.is(await output(t, ['download', url, '-o', '-'], {home: 'stranger'}), 'dear diary');
	const answer = await fetch(url.replace('/s/', '/api/shared/').replace(/#.*/, '/download'));
	t.false((await answer.text()).includes('diary'));
});

test('a file is shared with whom its owner says', async t => {
	await signInAdmin(t);
	await join(t, 'ann');
	await join(t, 'bob');
	await output(t, ['upload', '-', '--name', 'letter'], {home: 'ann', input: 'dear bob'});
	const seen = async () => (await json<FileView[]>(t, ['files'], {home: 'bob'})).map(({filename}) => filename);
	t.deepEqual(await seen(), []);
	t.regex(await output(t, ['share', 'letter', '--with', 'bob'], {home: 'ann'}), /letter: private, shared with bob\n$/);
	t.deepEqual(await seen(), ['letter']);
	t.is((await run(t, ['share', 'letter', '--visibility', 'public'], {home: 'bob'})).code, 1);
	t.like(await json<FileView>(t, ['share', 'letter', '--with', '-'], {home: 'ann'}), {shared_with: []});
	t.deepEqual(await seen(), []);
	const file = await json<FileView>(t, ['share', 'letter', '--visibility', 'public'], {home: 'ann'});
	t.is(await output(t, ['--coordinator', t.context.url, 'download', file.file_id, '-o', '-'], {home: 'x'}), 'dear bob');
	t.is((await run(t, ['share', 'letter', '--with', 'nobody'], {home: 'ann'})).code, 4);
	t.is((await run(t, ['share', 'letter'], {home: 'ann'})).code, 2);
});
