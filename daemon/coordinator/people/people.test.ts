import test from 'ava';
import {cookieOf, formOf, passwordOf, startPeopleNetwork} from '../../testing/people.js';
import {type Json, jsonOf} from '../../testing/requests.js';

const codeOf = async (answer: Response) => (await jsonOf(answer))['code'];

test('the first start makes one admin, whose token is good for everything, and no later start makes another', async t => {
	const {as, adminToken, coordinator, catalog} = await startPeopleNetwork(t);
	t.like(await jsonOf(await as(adminToken)('GET', '/api/session')), {name: 'admin', role: 'admin', via: 'token'});
	t.is(await coordinator.makeFirstAdmin(async () => Promise.reject(new Error('called'))), undefined);
	t.false(JSON.stringify(await catalog.allSmall('token')).includes(adminToken), 'only its hash is kept');
});

test('a password signs in by a cookie that scripts cannot read, and a wrong one, or name, is told apart by nobody', async t => {
	const {as, addAccount} = await startPeopleNetwork(t);
	await addAccount('ann');
	const call = as(undefined);
	const signIn = async (name: string, password: string) => call('POST', '/api/session', {json: {name, password}});
	const refusals = [await signIn('ann', 'not her password'), await signIn('nobody', passwordOf('ann'))];
	t.deepEqual(
		refusals.map(({status}) => status),
		[401, 401],
	);
	const [first, second] = await Promise.all(refusals.map(async answer => answer.text()));
	t.is(first, second);

	const answer = await signIn('Ann', passwordOf('ann'));
	t.is(answer.status, 200);
	t.regex(answer.headers.get('set-cookie') ?? '', /^pjas_session=[\w-]{43}; .*httponly/i);
	t.regex(answer.headers.get('set-cookie') ?? '', /samesite=strict/i);
	const cookie = cookieOf(answer);
	t.like(await jsonOf(await call('GET', '/api/session', {headers: {cookie}})), {name: 'ann', via: 'session'});
	t.is((await call('DELETE', '/api/session', {headers: {cookie}})).status, 200);
	t.is((await call('GET', '/api/session', {headers: {cookie}})).status, 401);
});

test('a page of another site can change nothing with the cookie of somebody who signed in', async t => {
	const {as, addAccount, url} = await startPeopleNetwork(t);
	await addAccount('ann');
	const call = as(undefined);
	const json = {name: 'ann', password: passwordOf('ann')};
	const cookie = cookieOf(await call('POST', '/api/session', {json}));
	const upload = async (headers: Record<string, string>) =>
		(await call('POST', '/api/files/upload', {form: formOf('a', 'b'), headers: {cookie, ...headers}})).status;
	t.is(await upload({'sec-fetch-site': 'cross-site'}), 403);
	t.is(await upload({'sec-fetch-site': 'same-site', origin: url}), 403);
	t.is(await upload({origin: 'http://evil.example'}), 403);
	t.is(await upload({origin: 'null'}), 403);
	t.is(await upload({'sec-fetch-site': 'same-origin', origin: url}), 200);
	t.is(await upload({origin: url}), 200);
	t.is(await upload({}), 200);
});

test('a token does what its scope says, ends when it is revoked or expires, and goes with its account', async t => {
	const {as, addAccount, adminToken, catalog} = await startPeopleNetwork(t);
	const ann = as(await addAccount('ann'));
	const make = async (asked: Json) => jsonOf(await ann('POST', '/api/tokens', {json: asked}));
	const secretOf = async (scope: string) => (await make({name: scope, scope}))['secret'] as string;
	const upload = async (token: string) =>
		(await as(token)('POST', '/api/files/upload', {form: formOf('a', 'b')})).status;
	const list = async (token: string) => (await as(token)('GET', '/api/files')).status;

	const [read, send] = [await secretOf('read'), await secretOf('upload')];
	t.deepEqual([await upload(read), await list(read), await upload(send), await list(send)], [403, 200, 200, 403]);
	t.is((await as(read)('POST', '/api/tokens', {json: {name: 'more'}})).status, 403);

	const made = await make({name: 'short', expires_in_s: 60});
	const short = made['secret'] as string;
	t.is(await list(short), 200);
	const stored = (await catalog.allSmall('token')).find(({name}) => name === 'short');
	if (stored) await catalog.putSmall('token', {...stored, expiresAt: 1});
	t.is(await list(short), 401);

	const {tokens} = (await jsonOf(await ann('GET', '/api/tokens'))) as {tokens: {id: string; name: string}[]};
	const id = tokens.find(({name}) => name === 'read')?.id ?? '';
	t.is((await as(await addAccount('ben'))('DELETE', `/api/tokens/${id}`)).status, 404, 'not somebody else’s');
	t.is((await ann('DELETE', `/api/tokens/${id}`)).status, 200);
	t.is(await list(read), 401);

	t.is((await as(adminToken)('PATCH', '/api/accounts/ann', {json: {disabled: true}})).status, 200);
	t.is(await upload(send), 401);
	t.is((await as(adminToken)('PATCH', '/api/accounts/ann', {json: {disabled: false}})).status, 200);
	t.is(await upload(send), 200);
});

test('whatever is no token is refused, and not taken for nobody', async t => {
	const {as} = await startPeopleNetwork(t);
	for (const token of ['x', `pjas_${'A'.repeat(43)}`, 'pjas_', 'x'.repeat(5000), '\u00e9']) {
		const answer = await as(token)('GET', '/api/files/download/x');
		t.is(answer.status, 401, token.slice(0, 50));
	}

	t.is((await as(undefined)('GET', '/api/stats', {headers: {authorization: 'Basic YTpi'}})).status, 401);
});

test('an invitation lets one person in, once, whoever comes at the same time', async t => {
	const {as, adminToken, addAccount} = await startPeopleNetwork(t);
	const admin = as(adminToken);
	const {code, link} = await jsonOf(await admin('POST', '/api/invitations', {json: {role: 'member'}}));
	t.regex(String(link), /\/welcome#pjas-invite_[\w-]{43}$/);
	const accept = async (name: string, password = 'a long password') =>
		as(undefined)('POST', '/api/invitations/accept', {json: {code, name, password}});
	t.is((await accept('ann', 'short')).status, 400);
	t.is((await accept('Ann Smith')).status, 400);
	t.is(await codeOf(await accept('admin')), 'ACCOUNT_EXISTS');

	const tries = await Promise.all(['ann', 'ben', 'cy', 'dan'].map(async name => accept(name)));
	t.deepEqual(tries.map(({status}) => status).sort(), [200, 404, 404, 404]);
	t.is(await codeOf(await accept('eve')), 'INVITATION_NOT_FOUND');

	const operator = as(await addAccount('olga', 'operator'));
	t.is((await operator('POST', '/api/invitations', {json: {role: 'admin'}})).status, 403);
	t.is((await operator('POST', '/api/invitations', {json: {role: 'member'}})).status, 200);
});

test('a lost password is set anew by an admin’s link, and whoever was signed in is not any more', async t => {
	const {as, adminToken, addAccount} = await startPeopleNetwork(t);
	await addAccount('ann');
	const call = as(undefined);
	const signIn = async (password: string) => call('POST', '/api/session', {json: {name: 'ann', password}});
	const cookie = cookieOf(await signIn(passwordOf('ann')));
	const {code} = await jsonOf(await as(adminToken)('POST', '/api/accounts/ann/reset'));
	const json = {code, password: 'another password'};
	t.is((await call('POST', '/api/invitations/accept', {json})).status, 200);
	t.is((await call('POST', '/api/invitations/accept', {json})).status, 404);
	t.is((await call('GET', '/api/session', {headers: {cookie}})).status, 401);
	t.is((await signIn(passwordOf('ann'))).status, 401);
	t.is((await signIn('another password')).status, 200);
});

test('whoever finds a browser signed in cannot change its password without knowing it', async t => {
	const {as, addAccount} = await startPeopleNetwork(t);
	await addAccount('ann');
	const call = as(undefined);
	const cookie = cookieOf(await call('POST', '/api/session', {json: {name: 'ann', password: passwordOf('ann')}}));
	const change = async (json: Json) => (await call('PUT', '/api/account/password', {json, headers: {cookie}})).status;
	t.is(await change({password: 'a new password'}), 401);
	t.is(await change({old_password: 'wrong', password: 'a new password'}), 401);
	t.is(await change({old_password: passwordOf('ann'), password: 'a new password'}), 200);
});

test('the last admin stays one', async t => {
	const {as, adminToken, addAccount} = await startPeopleNetwork(t);
	const admin = as(adminToken);
	const change = async (name: string, json: Json) => (await admin('PATCH', `/api/accounts/${name}`, {json})).status;
	t.is(await change('admin', {disabled: true}), 400);
	t.is(await change('admin', {role: 'member'}), 400);
	t.is(await change('nobody', {disabled: true}), 404);
	await addAccount('ann', 'admin');
	t.is(await change('admin', {role: 'member'}), 200);
});

test('uploads of an account stay within its quota together, also when they come at once', async t => {
	const {as, addAccount, catalog} = await startPeopleNetwork(t);
	const ann = as(await addAccount('ann', 'member', 100_000));
	const upload = async () => ann('POST', '/api/files/upload', {form: formOf('a', new Uint8Array(30_000))});
	const answers = await Promise.all(Array.from({length: 8}, upload));
	const good = answers.filter(({status}) => status === 200).length;
	t.true(good <= 3, `${good} files of 30,000 bytes`);
	const refused = answers.find(({status}) => status === 507);
	t.is(refused && (await codeOf(refused)), 'QUOTA_EXCEEDED');
	for (let more = good; more < 3; more++) t.is((await upload()).status, 200);
	t.is((await upload()).status, 507);
	t.is(catalog.ownedBytes('ann'), 90_000);
	const {files} = (await jsonOf(await ann('GET', '/api/files'))) as {files: {file_id: string}[]};
	t.is((await ann('DELETE', `/api/files/${files[0]?.file_id ?? ''}`)).status, 200);
	t.is((await upload()).status, 200);
	t.like(await jsonOf(await ann('GET', '/api/session')), {quota_bytes: 100_000, used_bytes: 90_000});
});

test('without accounts everybody may do everything, and that is said', async t => {
	const {url} = await startPeopleNetwork(t, {open: true});
	t.like(await jsonOf(await fetch(`${url}/health`)), {status: 'healthy', open: true});
	t.like(await jsonOf(await fetch(`${url}/api/session`)), {open: true, via: 'none'});
	t.is((await fetch(`${url}/api/files`)).status, 200);
	t.is((await fetch(`${url}/api/accounts`)).status, 200);
});

test('a client of the prototype gets in only where it is let in, and what it brings is public', async t => {
	const closed = await startPeopleNetwork(t);
	t.is((await fetch(`${closed.url}/api/files`)).status, 401);
	const {url, as, addAccount} = await startPeopleNetwork(t, {allowClassic: true});
	const upload = await as(undefined)('POST', '/api/files/upload', {form: formOf('classic.txt', 'content')});
	const {file_id: id} = await jsonOf(upload);
	const ann = as(await addAccount('ann'));
	await ann('POST', '/api/files/upload', {form: formOf('private.txt', 'content')});
	for (const path of ['/api/stats', '/api/nodes', '/api/logs']) t.is((await fetch(url + path)).status, 200, path);
	const {files} = (await jsonOf(await fetch(`${url}/api/files`))) as {files: Json[]};
	t.deepEqual(
		files.map(({filename}) => filename),
		['classic.txt'],
	);
	t.is(await (await fetch(`${url}/api/files/download/${String(id)}`)).text(), 'content');
	t.is((await as(undefined)('DELETE', `/api/files/${String(id)}`)).status, 401);
});

test('whoever guesses passwords must wait ever longer, and the owner, who was here before, gets in all the same', async t => {
	const {as, addAccount, url} = await startPeopleNetwork(t, {more: {isProxy: () => true}});
	await addAccount('ann');
	const signIn = async (password: string, address: string) =>
		as(undefined)('POST', '/api/session', {json: {name: 'ann', password}, headers: {'x-forwarded-for': address}});
	t.is((await signIn(passwordOf('ann'), '192.0.2.1')).status, 200);

	const statuses: number[] = [];
	for (let guess = 0; guess < 30; guess++) statuses.push((await signIn(`guess ${guess}`, '198.51.100.7')).status);
	const refused = statuses.filter(status => status === 429).length;
	t.true(refused >= 20, `${refused} of 30 were not even tried`);
	const waiting = await signIn(passwordOf('ann'), '198.51.100.7');
	t.is(waiting.status, 429, 'not with the right one either, from there');
	t.true(Number(waiting.headers.get('retry-after')) >= 1);
	t.is((await signIn(passwordOf('ann'), '192.0.2.1')).status, 200, 'the owner');
	t.is((await fetch(`${url}/health`)).status, 200);
});
