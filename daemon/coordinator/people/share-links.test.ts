import test, {type ExecutionContext} from 'ava';
import {LINK_PASSWORD_HEADER, writeLinkPassword} from '../../../source/protocol/link-password.js';
import {formOf, startPeopleNetwork} from '../../testing/people.js';
import {bytesOf, type Json, jsonOf, same} from '../../testing/requests.js';

const SIZE = 300_000;

const startWithLink = async (t: ExecutionContext, asked: Json = {}) => {
	const network = await startPeopleNetwork(t);
	const ann = network.as(await network.addAccount('ann'));
	const bytes = bytesOf(SIZE);
	const uploaded = await jsonOf(await ann('POST', '/api/files/upload', {form: formOf('Träume.bin', bytes)}));
	const id = uploaded['file_id'] as string;
	const made = await jsonOf(await ann('POST', `/api/files/${id}/links`, {json: asked}));
	const secret = (made['url'] as string).split('/s/')[1] ?? '';
	const stranger = network.as(undefined);
	const follow = async (headers: Record<string, string> = {}) => stranger('GET', `/api/shared/${secret}`, {headers});
	const download = async (headers: Record<string, string> = {}, method = 'GET') =>
		stranger(method, `/api/shared/${secret}/download`, {headers});
	return {...network, ann, bytes, id, secret, follow, download, linkId: (made['link'] as Json)['id'] as string};
};

const bodyOf = async (answer: Response) => new Uint8Array(await answer.arrayBuffer());

test('whoever has a link gets the file without an account, and nothing else', async t => {
	const {follow, download, bytes, secret, as, id, catalog} = await startWithLink(t);
	t.like(await jsonOf(await follow()), {filename: 'Träume.bin', size: SIZE});
	const answer = await download();
	t.is(answer.status, 200);
	same(t, await bodyOf(answer), bytes);
	same(t, await bodyOf(await download({range: 'bytes=1000-1999'})), bytes.slice(1000, 2000));
	t.is((await as(undefined)('GET', `/api/files/download/${id}`)).status, 404);
	t.is((await as(undefined)('GET', `/api/shared/${secret.slice(0, -1)}x`)).status, 404);
	t.false(JSON.stringify(await catalog.allSmall('link')).includes(secret), 'only its hash is kept');
});

test('a link that has a password tells nothing without it', async t => {
	const {follow, download, bytes} = await startWithLink(t, {password: 'open sesame'});
	for (const headers of [{}, {'x-pjas-link-password': 'open says me'}]) {
		const answer = await follow(headers);
		t.is(answer.status, 401);
		const text = await answer.text();
		t.regex(text, /LINK_PASSWORD_NEEDED/);
		t.false(text.includes('Träume'));
		t.is((await download(headers)).status, 401);
	}

	same(t, await bodyOf(await download({'x-pjas-link-password': 'open sesame'})), bytes);
});

test('a password of a link may be any text', async t => {
	for (const password of ['пароль 🚀', ' öffne (dich)* ', "UTF-8''%41", '%41']) {
		const {download, bytes} = await startWithLink(t, {password});
		const header = writeLinkPassword(password);
		t.regex(header, /^[!-~]+$/, password);
		same(t, await bodyOf(await download({[LINK_PASSWORD_HEADER]: header})), bytes);
		t.is((await download({[LINK_PASSWORD_HEADER]: `${header}x`})).status, 401);
		t.is((await download({[LINK_PASSWORD_HEADER]: "UTF-8''%ff"})).status, 400);
	}
});

test('a link is good for so many downloads, in however many pieces, and for no more, also when many come at once', async t => {
	const {download, follow, ann} = await startWithLink(t, {max_downloads: 2});
	const half = SIZE / 2;
	t.is((await bodyOf(await download({range: `bytes=0-${half - 1}`}))).length, half);
	t.is((await bodyOf(await download({range: `bytes=${half}-`}))).length, half);
	t.is((await download({}, 'HEAD')).status, 200, 'a look counts for nothing');
	t.like(await jsonOf(await ann('GET', '/api/links')), {links: {0: {downloads: 1, max_downloads: 2}}});

	const answers = await Promise.all(Array.from({length: 5}, async () => download()));
	t.deepEqual(answers.map(({status}) => status).sort(), [200, 410, 410, 410, 410]);
	await Promise.all(answers.map(bodyOf));
	t.is((await follow()).status, 410);
	t.is((await download()).status, 410);
});

test('a link ends when its time is over, when it is taken back, and when its maker or its file is gone', async t => {
	const {follow, ann, linkId, as, addAccount, catalog, adminToken, id} = await startWithLink(t);
	const [stored] = await catalog.allSmall('link');
	if (!stored) throw new Error('no link');
	const late = await catalog.putSmall('link', {...stored, expiresAt: 1});
	t.is((await follow()).status, 404);
	await catalog.putSmall('link', {...late, expiresAt: stored.expiresAt});
	t.is((await follow()).status, 200);

	await as(adminToken)('PATCH', '/api/accounts/ann', {json: {disabled: true}});
	t.is((await follow()).status, 404);
	await as(adminToken)('PATCH', '/api/accounts/ann', {json: {disabled: false}});
	t.is((await follow()).status, 200);

	const ben = as(await addAccount('ben'));
	t.is((await ben('DELETE', `/api/links/${linkId}`)).status, 404, 'not somebody else’s');
	t.deepEqual((await jsonOf(await ben('GET', '/api/links')))['links'], []);
	t.is((await ann('DELETE', `/api/links/${linkId}`)).status, 200);
	t.is((await follow()).status, 404);

	await ann('POST', `/api/files/${id}/links`, {json: {}});
	await ann('DELETE', `/api/files/${id}`);
	t.deepEqual((await jsonOf(await ann('GET', '/api/links')))['links'], []);
	t.deepEqual(await catalog.allSmall('link'), []);
});
