import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {auditSchema, type AuditEntryView} from '../../source/protocol/audit-api.js';
import {systemClock} from '../adapters/system.js';
import {proxiesOf} from '../http/client.js';
import {createRateLimit} from '../http/rate-limit.js';
import {manualClock} from '../testing/manual-clock.js';
import {startTestNetwork, type TestNetworkOptions} from '../testing/network.js';
import {eventually, type Json, jsonOf} from '../testing/requests.js';
import {silentLog} from '../testing/silent-log.js';
import {openAudit} from './audit.js';
import {verifyAudit} from './audit-verify.js';

type CallOptions = {
	token?: string;
	body?: unknown;
	/** In place of a body. */
	bytes?: Uint8Array<ArrayBuffer> | undefined;
	headers?: Record<string, string>;
};

/** A network with accounts, a proxy before it, and an audit log. */
const start = async (t: ExecutionContext, more: TestNetworkOptions['more'] = {}) => {
	const folder = await mkdtemp(path.join(tmpdir(), 'pjas-audited-'));
	const audit = await openAudit({folder, clock: systemClock, log: silentLog});
	const isProxy = proxiesOf(['loopback']);
	const network = await startTestNetwork(t, {open: false, more: {audit, isProxy, ...more}});
	t.teardown(async () => {
		await audit.close();
		await rm(folder, {recursive: true});
	});
	const first = await network.coordinator.makeFirstAdmin(async () => Promise.resolve());
	const call = async (method: string, call_: string, {token, body, bytes, headers = {}}: CallOptions = {}) =>
		fetch(network.url + call_, {
			method,
			headers: {
				'X-Forwarded-For': '192.0.2.7',
				...(token !== undefined && {Authorization: `Bearer ${token}`}),
				...(body !== undefined && !(body instanceof FormData) && {'Content-Type': 'application/json'}),
				...headers,
			},
			...(body !== undefined && {body: body instanceof FormData ? body : JSON.stringify(body)}),
			...(bytes && {body: bytes}),
		});
	const json = async (...asked: Parameters<typeof call>): Promise<Json> => jsonOf(await call(...asked));
	const admin = first?.token ?? '';
	/** Makes an account and a token for it. */
	const member = async (name: string, role = 'member') => {
		const {code} = await json('POST', '/api/invitations', {
			token: admin,
			body: {role, name, expires_in_s: 600, quota_bytes: null},
		});
		const accepted = await call('POST', '/api/invitations/accept', {body: {code, password: `the word of ${name}`}});
		const cookie = accepted.headers.getSetCookie()[0]?.split(';')[0] ?? '';
		const body = {name: 'laptop', scope: 'full', expires_in_s: null};
		const made = await json('POST', '/api/tokens', {headers: {Cookie: cookie}, body});
		return {token: made['secret'] as string, cookie};
	};
	const told = async (): Promise<AuditEntryView[]> => (await audit.page(1000)).reverse();
	const deeds = async (from = 0) =>
		(await told()).slice(from).map(({who, did, result}) => `${who} ${did} ${result}`.trim());
	return {...network, admin, audit, call, deeds, folder, json, member, told};
};

const fileForm = (name: string, bytes = 'abc') => {
	const form = new FormData();
	form.set('file', new Blob([bytes]), name);
	return form;
};

test('what people do to accounts, tokens and files is told, with who did it, from where and whether it was let through', async t => {
	const {admin, call, deeds, folder, json, member, told} = await start(t);
	const ann = await member('ann');
	const bob = await member('bob');
	const before = (await told()).length;
	const {file_id: id} = await json('POST', '/api/files/upload', {token: ann.token, body: fileForm('a\u202E"b.txt')});
	const file = `/api/files/${String(id)}`;
	t.is((await call('PATCH', file, {token: ann.token, body: {visibility: 'network'}})).status, 200);
	await (await call('GET', `/api/files/download/${String(id)}`, {token: ann.token})).text();
	await (await call('GET', `/api/files/download/${String(id)}`, {token: bob.token})).text();
	await (
		await call('GET', `/api/files/download/${String(id)}`, {token: bob.token, headers: {Range: 'bytes=1-'}})
	).text();
	const link = await json('POST', `${file}/links`, {token: ann.token, body: {expires_in_s: 600}});
	const shared = new URL(String(link['url'])).pathname.replace('/s/', '/api/shared/');
	t.is(await (await call('GET', `${shared}/download`)).text(), 'abc');
	t.is(await (await call('GET', `${shared}/download`, {headers: {Range: 'bytes=1-'}})).text(), 'bc');
	const {id: shortId} = link['link'] as Json;
	t.is((await call('DELETE', `/api/links/${String(shortId)}`, {token: ann.token})).status, 200);
	t.is((await call('DELETE', file, {token: bob.token})).status, 403);
	t.is((await call('DELETE', file)).status, 401);
	t.is((await call('DELETE', file, {token: ann.token})).status, 200);
	t.is((await call('PATCH', '/api/accounts/ann', {token: bob.token, body: {role: 'admin'}})).status, 403);
	t.is((await call('PATCH', '/api/accounts/ann', {token: admin, body: {role: 'operator'}})).status, 200);
	t.is((await call('POST', '/api/session', {body: {name: 'bob', password: 'a guess of mallory'}})).status, 401);
	t.is((await call('POST', '/api/session', {body: {name: 'bob', password: 'the word of bob'}})).status, 200);
	t.is((await call('DELETE', '/api/session', {headers: {Cookie: bob.cookie}})).status, 200);
	await eventually(t, async () => (await told()).length >= before + 13, 'what was done to files is told');
	t.deepEqual((await deeds(before)).sort(), [
		'admin account.change ok',
		'ann file.change ok',
		'ann file.delete ok',
		'ann file.upload ok',
		'ann link.create ok',
		'ann link.revoke ok',
		'bob account.change refused',
		'bob file.delete refused',
		'bob file.download ok',
		'bob sign-in ok',
		'bob sign-out ok',
		'link.download ok',
		'sign-in refused',
	]);
	const all = await told();
	t.true(all.every(({from}) => from === '192.0.2.7' || from === '127.0.0.1'));
	const upload = all.find(({did}) => did === 'file.upload');
	t.is(upload?.what, `${String(id)} "a\\u202e\\"b.txt"`);
	t.is(all.find(({did, result}) => did === 'sign-in' && result === 'refused')?.what, 'bob');
	t.regex(all.find(({did}) => did === 'account.change')?.what ?? '', /^ann/);
	t.false(JSON.stringify(all).includes(ann.token.slice(5)), 'no secret is told');
	t.false(JSON.stringify(all).includes('the word of'));
	t.deepEqual((await verifyAudit({folder}, async () => Promise.resolve())).problems, []);
});

test('the audit log is read in pages, by admins only', async t => {
	const {admin, call, json, member, told} = await start(t);
	const ann = await member('ann', 'operator');
	t.is((await call('GET', '/api/audit')).status, 401);
	t.is((await call('GET', '/api/audit', {token: ann.token})).status, 403);
	const page = async (query: string) => auditSchema.parse(await json('GET', `/api/audit?${query}`, {token: admin}));
	const all = (await told()).reverse();
	const first = await page('limit=2');
	t.deepEqual(first.entries, all.slice(0, 2));
	const second = await page(`limit=1000&before=${String(first.next_before)}`);
	t.deepEqual(second.entries, all.slice(2));
	t.is(second.next_before, null);
	t.is((await call('GET', '/api/audit?limit=1001', {token: admin})).status, 400);
	t.deepEqual((await page('before=1')).entries, []);
});

test('strangers do not fill the audit log, and a log that cannot be written keeps nobody out', async t => {
	const {admin, audit, call, told, url} = await start(t);
	const before = (await told()).length;
	for (let count = 0; count < 20; count++) {
		await call('DELETE', `/api/files/${'0'.repeat(32)}`);
		await call('POST', '/api/tokens', {token: 'pjas_nonsense', body: {}});
	}

	t.is((await told()).length, before);
	await audit.close();
	const body = {name: 'x', scope: 'read', expires_in_s: null};
	t.is((await call('POST', '/api/tokens', {token: admin, body})).status, 200);
	t.is((await fetch(`${url}/health`)).status, 200);
});

test('a node that joins is told once, however often it comes back', async t => {
	const {join, nodes, told} = await start(t);
	const [node] = nodes;
	if (node) await join(node);
	const joins = (await told()).filter(({did}) => did === 'node.join');
	t.is(joins.length, 3);
	t.is(joins[0]?.what, `${node?.id ?? ''} "node 1"`);
});

test('an account that asks too much from elsewhere is told when to come back', async t => {
	const accountLimit = createRateLimit({perMinute: 20, clock: manualClock()});
	const {admin, call} = await start(t, {accountLimit});
	const ask = async (from: string) => call('GET', '/api/session', {token: admin, headers: {'X-Forwarded-For': from}});
	const statuses: number[] = [];
	for (let count = 0; count < 21; count++) statuses.push((await ask(`192.0.2.${count}`)).status);
	t.deepEqual(statuses, [...Array.from({length: 20}, () => 200), 429]);
	t.is((await ask('127.0.0.1')).status, 200);
});

test('behind a proxy that speaks TLS the cookie is sent over TLS only, and pages of ours may call', async t => {
	const {call, json, member, url} = await start(t);
	const {cookie} = await member('ann');
	const secure = {'X-Forwarded-Proto': 'https'};
	const body = {name: 'ann', password: 'the word of ann'};
	const attributes = async (headers: Record<string, string>) =>
		(await call('POST', '/api/session', {body, headers})).headers.getSetCookie()[0]?.split('; ').slice(2) ?? [];
	t.deepEqual((await attributes(secure)).slice(-3), ['samesite=strict', 'secure', 'httponly']);
	t.false((await attributes({})).includes('secure'));

	const token = {name: 'laptop', scope: 'read', expires_in_s: null};
	const ours = url.replace('http:', 'https:');
	for (const [origin, headers, status] of [
		[ours, secure, 200],
		[url, secure, 403],
		[url, {}, 200],
		[ours, {}, 403],
		['https://evil.example', secure, 403],
	] as const) {
		const made = await call('POST', '/api/tokens', {
			body: token,
			headers: {...headers, Cookie: cookie, Origin: origin},
		});
		t.is(made.status, status, `${origin} ${JSON.stringify(headers)}`);
	}

	t.is((await json('GET', '/api/session', {headers: {Cookie: cookie}}))['name'], 'ann');
});

test('an upload by tus is told once, when it is a file, and so is one that is given up; the requests between are not', async t => {
	const {call, deeds, member, told} = await start(t);
	const ann = await member('ann');
	const bob = await member('bob');
	const before = (await told()).length;
	const tus = async (method: string, path: string, headers: Record<string, string>, body?: Uint8Array<ArrayBuffer>) => {
		const sent = {'Tus-Resumable': '1.0.0', 'Content-Type': 'application/offset+octet-stream', ...headers};
		const {token = ann.token, ...rest} = sent as typeof sent & {token?: string};
		return call(method, path, {token, headers: rest, bytes: body});
	};
	const begin = async (name: string) => {
		const metadata = `filename ${Buffer.from(name).toString('base64')}`;
		const made = await tus('POST', '/api/uploads', {'Upload-Length': '6', 'Upload-Metadata': metadata});
		t.is(made.status, 201);
		return made.headers.get('location') ?? '';
	};

	const whole = await begin('diary.txt');
	for (const [offset, part] of Object.entries({0: 'abc', 3: 'def'})) {
		t.is((await tus('HEAD', whole, {})).status, 200);
		t.is((await tus('PATCH', whole, {'Upload-Offset': offset}, new TextEncoder().encode(part))).status, 204);
	}

	const given = await begin('letter.txt');
	t.is((await tus('DELETE', given, {token: bob.token})).status, 404);
	t.is((await tus('DELETE', given, {})).status, 204);
	await eventually(t, async () => (await told()).length >= before + 2, 'what was done is told');
	t.deepEqual((await deeds(before)).sort(), ['ann file.upload ok', 'ann file.upload-cancel ok']);
	const idOf = (location: string) => location.split('/').at(-1) ?? '';
	const entries = (await told()).slice(before);
	t.deepEqual(
		entries.map(({what}) => what).sort(),
		[`${idOf(whole)} "diary.txt"`, `${idOf(given)} "letter.txt"`].sort(),
	);
});
