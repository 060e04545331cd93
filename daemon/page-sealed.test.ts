import {readFileSync, writeFileSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import type {Page} from 'playwright-core';
import {toBase64url} from '../source/protocol/base64url.js';
import {CHUNK_SIZE_BYTES} from '../source/protocol/chunking.js';
import {fileKeysOf} from '../source/protocol/file-key.js';
import {unlockKeyring} from '../source/protocol/keyring.js';
import {SEALED_PLAIN_BYTES} from '../source/protocol/sealed-content.js';
import {sealDetails} from '../source/protocol/sealed-details.js';
import {runProgram} from '../source/testing/program.js';
import {systemRandom} from './adapters/system.js';
import {browserTests, PLAIN_HOST} from './testing/browser.js';
import {cookieOf, passwordOf} from './testing/people.js';
import {
	drop,
	goOn,
	look,
	open,
	row,
	sendOverCutLine,
	signIn,
	startPageNetwork,
	store,
	visit,
	visitOverCutLine,
	type Visit,
} from './testing/page-visits.js';
import {temporaryFolder} from './testing/processes.js';
import {same} from './testing/requests.js';
import {unzip} from './testing/unzip.js';
import {foundIn, placesOf, startWatched} from './testing/watched.js';

/** Sealing end to end in the browser: what the page seals the terminal opens, and the other way round. */

const PASSPHRASE = 'nine lives of Größe';
const NAME = 'Tagebuch-Geheimnis Mai.epub';
const SENTENCE = 'The treasure lies below the third oak tree. ';

const inBrowser = browserTests(test);

const makeKeyringIn = async ({page}: Visit): Promise<void> => {
	await page.getByRole('checkbox', {name: 'Seal uploads end to end'}).click();
	await page.getByLabel('New passphrase').fill(PASSPHRASE);
	await page.getByLabel('The passphrase once more').fill(PASSPHRASE);
	await page.getByRole('button', {name: 'Make the keyring'}).click();
	await page.getByRole('dialog').waitFor({state: 'detached'});
};

const unlockIn = async ({page}: Visit, passphrase: string): Promise<void> => {
	await page.getByRole('button', {name: 'Unlock'}).first().click();
	await page.getByLabel('Passphrase').fill(passphrase);
	await page.getByRole('dialog').getByRole('button', {name: 'Unlock'}).click();
};

/** What the browser saves after somebody did something. */
const saved = async (page: Page, act: () => Promise<void>): Promise<{name: string; bytes: Buffer}> => {
	const waiting = page.waitForEvent('download');
	await act();
	const download = await waiting;
	return {name: download.suggestedFilename(), bytes: await readFile(await download.path())};
};

/** An account with a password and a token, on a coordinator that is a process. */
const addAccount = async (url: string, adminToken: string, name: string): Promise<string> => {
	const post = async (at: string, json: unknown, headers: Record<string, string>) =>
		fetch(url + at, {
			method: 'POST',
			headers: {'content-type': 'application/json', ...headers},
			body: JSON.stringify(json),
		});
	const invited = await post('/api/invitations', {name, role: 'member'}, {authorization: `Bearer ${adminToken}`});
	const {code} = (await invited.json()) as {code: string};
	const cookie = cookieOf(await post('/api/invitations/accept', {code, password: passwordOf(name)}, {}));
	const made = await post('/api/tokens', {name: 'test'}, {cookie});
	return ((await made.json()) as {secret: string}).secret;
};

inBrowser(
	'what the page seals is on no disk and on no wire; strangers and the terminal open it, and it what they sealed',
	async t => {
		const watched = await startWatched(t);
		const {daemon, recorder, token: adminToken, api} = watched;
		const token = await addAccount(recorder.url, adminToken, 'ann');
		const home = temporaryFolder(t);
		const environment = {PJAS_COORDINATOR: recorder.url, PJAS_TOKEN: token, HOME: home, PJAS_PASSPHRASE: PASSPHRASE};
		const inTerminal = async (...argv: string[]) => {
			const run = await runProgram(argv, {folder: home, environment});
			t.is(run.code, 0, run.stderr);
		};

		const content = Buffer.from(SENTENCE.repeat(250_000));
		t.true(content.length > CHUNK_SIZE_BYTES);
		const file = path.join(home, NAME);
		writeFileSync(file, content);
		const visited = await visit(t, {network: recorder});
		const {page} = visited;
		await signIn(visited, 'ann');
		await makeKeyringIn(visited);
		await page.getByLabel('Files to upload').setInputFiles(file);
		await page.getByText('1 upload done').waitFor();
		await row(visited, NAME).getByText('Safe').waitFor();
		const mine = await saved(page, async () => page.getByRole('button', {name: `Download ${NAME}`}).click());
		t.is(mine.name, NAME);
		same(t, mine.bytes, content);

		await inTerminal('download', NAME, '-o', 'copy');
		same(t, readFileSync(path.join(home, 'copy')), content);
		writeFileSync(path.join(home, 'from-the-terminal.txt'), SENTENCE);
		await inTerminal('upload', '--e2e', 'from-the-terminal.txt');
		const dialog = await open(visited, 'from-the-terminal.txt');
		await dialog.getByRole('region', {name: 'Text of from-the-terminal.txt'}).getByText(SENTENCE.trim()).waitFor();
		await page.keyboard.press('Escape');

		await (await open(visited, NAME)).getByRole('button', {name: 'Share'}).click();
		await page.getByRole('button', {name: 'Make a link'}).click();
		const link = await page.getByRole('textbox', {name: 'The link'}).inputValue();
		t.regex(link, /#k=[\w-]{43}$/);
		const {pathname, hash} = new URL(link);
		const stranger = await visit(t, {network: recorder, at: pathname + hash});
		await stranger.page.getByRole('heading', {name: NAME}).waitFor();
		await look(t, stranger, 'shared-sealed');
		const theirs = await saved(stranger.page, async () =>
			stranger.page.getByRole('button', {name: 'Download'}).click(),
		);
		same(t, theirs.bytes, content);
		await inTerminal('download', link, '-o', 'by-link');
		same(t, readFileSync(path.join(home, 'by-link')), content);

		await page.reload();
		await row(visited, 'Sealed end to end').first().waitFor();
		await look(t, visited, 'files-locked');
		await unlockIn(visited, 'another passphrase');
		await page.getByRole('alert').getByText('The passphrase is not that of the keyring').waitFor();
		await page.getByLabel('Passphrase').fill(PASSPHRASE);
		await page.getByRole('dialog').getByRole('button', {name: 'Unlock'}).click();
		await row(visited, NAME).waitFor();
		await page.getByLabel('Search files').fill('geheimnis');
		await row(visited, 'from-the-terminal.txt').waitFor({state: 'detached'});
		await row(visited, NAME).waitFor();
		await stranger.context.close();
		await visited.context.close();

		const {blob} = (await (
			await fetch(`${recorder.url}/api/keyring`, {headers: {authorization: `Bearer ${token}`}})
		).json()) as {blob: string};
		const keyring = await unlockKeyring(blob, PASSPHRASE);
		t.is(keyring.files.size, 2);
		const {files} = await api.files({limit: 10});
		t.deepEqual([...keyring.files.keys()].sort(), files.map(({file_id: id}) => id).sort());
		const secrets = {
			'the keys of the files': Buffer.concat([...keyring.files.values()].map(({key}) => key)).subarray(0, 32),
			'the keyring key': keyring.key,
			'the passphrase': Buffer.from(PASSPHRASE),
			'the name': Buffer.from(NAME),
			'the beginning of the name': Buffer.from('Geheimnis'),
			'the type': Buffer.from('application/epub+zip'),
			'the content': Buffer.from(SENTENCE),
		};
		t.is(await daemon.stop(), 0);
		const places = placesOf(watched);
		t.true(recorder.recorded().length > 4 * content.length);
		t.deepEqual(foundIn(places, secrets), []);
		const [id = ''] = keyring.files.keys();
		t.deepEqual(foundIn(places, {id: Buffer.from(id)}), ['id'], 'the search itself finds what there is');
	},
);

inBrowser(
	'a sealed piece that was changed breaks the download off, and a damaged keyring is not taken for a wrong passphrase',
	async t => {
		const network = await startPageNetwork(t);
		const token = await network.addAccount('ann');
		const content = systemRandom.bytes(CHUNK_SIZE_BYTES + 1000);
		const file = path.join(temporaryFolder(t), 'film.mp4');
		writeFileSync(file, content);
		const visited = await visit(t, {network});
		const {page} = visited;
		await signIn(visited, 'ann');
		await makeKeyringIn(visited);
		await look(t, visited, 'files-sealing');
		await page.getByLabel('Files to upload').setInputFiles(file);
		await page.getByText('1 upload done').waitFor();
		await drop(visited, {'letter.txt': 'Dear council'});
		await page.getByText('2 uploads done').waitFor();
		await store(network, token, 'open.txt', 'text/plain', 'Dear all');
		await row(visited, 'open.txt').waitFor();

		const letterDialog = await open(visited, 'letter.txt');
		await letterDialog.getByRole('button', {name: 'Rename'}).click();
		await page.getByLabel('New name').fill('our letter.txt');
		await letterDialog.getByRole('button', {name: 'Rename'}).click();
		await page.getByText('Renamed to').waitFor();
		await letterDialog.getByRole('button', {name: 'Close'}).click();
		await row(visited, 'our letter.txt').waitFor();
		await page.getByRole('checkbox', {name: 'Choose all that is shown'}).check();
		const chosen = page.getByRole('region', {name: 'What is chosen'});
		await look(t, visited, 'files-sealed-chosen');
		const zip = await saved(page, async () => chosen.getByRole('button', {name: 'Download'}).click());
		t.is(zip.name, 'files.zip');
		const unzipped = unzip(zip.bytes);
		t.deepEqual([...unzipped.keys()].sort(), ['film.mp4', 'open.txt', 'our letter.txt']);
		same(t, unzipped.get('film.mp4') ?? Buffer.alloc(0), content);
		t.is(unzipped.get('our letter.txt')?.toString(), 'Dear council');
		t.is(unzipped.get('open.txt')?.toString(), 'Dear all');
		await chosen.getByRole('button', {name: 'Choose none'}).click();

		await page.route('**/api/files/download/*', async route => {
			const response = await route.fetch();
			const body = await response.body();
			body[body.length - 1] = (body.at(-1) ?? 0) ^ 1;
			await route.fulfill({response, body});
		});
		const waiting = page.waitForEvent('download');
		await page.getByRole('button', {name: 'Download film.mp4'}).click();
		t.truthy(await (await waiting).failure(), 'the browser knows that it is not whole');
		const downloads = page.getByRole('list', {name: 'Downloads'});
		await downloads.getByText('The file is not what was sealed: chunk 1 is another one').waitFor();
		await look(t, visited, 'download-broken');
		await row(visited, 'our letter.txt').getByRole('checkbox').check();
		await row(visited, 'open.txt').getByRole('checkbox').check();
		const waitingForZip = page.waitForEvent('download');
		await chosen.getByRole('button', {name: 'Download'}).click();
		t.truthy(await (await waitingForZip).failure(), 'no zip has less in it than was chosen');
		await downloads.getByText('The file is not what was sealed: chunk 0 is another one').waitFor();
		await downloads.getByRole('button', {name: 'Dismiss files.zip'}).click();
		const dialog = await open(visited, 'our letter.txt');
		await dialog.getByRole('alert').getByText('The file is not what was sealed').waitFor();
		await page.keyboard.press('Escape');
		await page.unroute('**/api/files/download/*');
		const {bytes} = await saved(page, async () => page.getByRole('button', {name: 'Try film.mp4 again'}).click());
		same(t, bytes, content);
		await downloads.waitFor({state: 'detached'});

		const kept = (await (await network.as(token)('GET', '/api/keyring')).json()) as {blob: string; revision: number};
		const parts = JSON.parse(kept.blob) as {sealed: string};
		const damaged = JSON.stringify({...parts, sealed: `${parts.sealed.slice(0, -8)}AAAAAAAA`});
		const put = await network.as(token)('PUT', '/api/keyring', {json: {blob: damaged, revision: kept.revision}});
		t.is(put.status, 200);
		await put.body?.cancel();
		await page.reload();
		await unlockIn(visited, PASSPHRASE);
		await page.getByRole('alert').getByText('The keyring is not what was stored').waitFor();
		await look(t, visited, 'keyring-damaged');
		await visited.context.close();
	},
);

inBrowser('a page that came over plain HTTP says that it can’t seal or open, and why', async t => {
	const network = await startPageNetwork(t);
	const token = await network.addAccount('ann');
	const plain = {url: network.url.replace('127.0.0.1', PLAIN_HOST)};
	const visited = await visit(t, {network: plain});
	await signIn(visited, 'ann');
	await visited.page.getByRole('checkbox', {name: 'Seal uploads end to end'}).click();
	await visited.page.getByText('only on pages that come over https').waitFor();
	await look(t, visited, 'plain-http');
	await visited.page.keyboard.press('Escape');
	t.false(await visited.page.getByRole('checkbox', {name: 'Seal uploads end to end'}).isChecked());

	const details = await sealDetails(
		(await fileKeysOf(new Uint8Array(32))).details,
		{name: NAME, type: ''},
		new Uint8Array(12),
	);
	const form = new FormData();
	form.append('e2e', JSON.stringify(details));
	form.append('file', new Blob([new Uint8Array(17)]), 'sealed');
	const made = await network.as(token)('POST', '/api/files/upload', {form});
	const {file_id: id} = (await made.json()) as {file_id: string};
	const linked = await network.as(token)('POST', `/api/files/${id}/links`, {json: {expires_in_s: 600}});
	const {url} = (await linked.json()) as {url: string};
	const at = new URL(url).pathname;
	const stranger = await visit(t, {network: plain, at: `${at}#k=${toBase64url(new Uint8Array(32))}`});
	await stranger.page.getByRole('heading', {name: 'This file can’t be opened'}).waitFor();
	await stranger.page.getByText('only on pages that come over https').waitFor();
	await stranger.context.close();

	for (const [hash, problem] of Object.entries({'': 'lacks its key', '#k=abc': 'is no key'})) {
		const other = await visit(t, {network, at: at + hash});
		await other.page.getByText(problem).waitFor();
		await other.context.close();
	}

	const whole = await visit(t, {network, at: `${at}#k=${toBase64url(new Uint8Array(32))}`});
	await whole.page.getByRole('heading', {name: NAME}).waitFor();
	await whole.page.getByRole('button', {name: 'Download'}).click();
	await whole.page.getByText('The file is not what was sealed').waitFor();
	await whole.context.close();
	const otherKey = await visit(t, {network, at: `${at}#k=${toBase64url(new Uint8Array(32).fill(1))}`});
	await otherKey.page.getByText('is not what was sealed with it').waitFor();
	await otherKey.context.close();
	await visited.context.close();
});

inBrowser(
	'what is sealed goes on over lines that are cut, up under the key that it was begun with, and down behind the last whole piece',
	async t => {
		const network = await startPageNetwork(t);
		const {visited, proxy, file, bytes: content} = await visitOverCutLine(t, network);
		const {page} = visited;
		await makeKeyringIn(visited);
		await sendOverCutLine(visited, proxy, file);
		await page.getByRole('region', {name: 'Uploads that were cut off'}).getByText('film.mp4').waitFor();
		await page.getByLabel('Files that were cut off').setInputFiles(file);
		await page.getByLabel('Passphrase').fill(PASSPHRASE);
		await page.getByRole('dialog').getByRole('button', {name: 'Unlock'}).click();
		await page.getByRole('dialog').waitFor({state: 'detached'});
		const offsets = await goOn(visited, file);
		t.true(
			offsets.length > 0 && offsets.every(offset => offset >= CHUNK_SIZE_BYTES),
			`it went on at ${offsets.join()}`,
		);

		const ranges: (string | undefined)[] = [];
		page.on('request', request => {
			if (request.url().includes('/download/')) ranges.push(request.headers()['range']);
		});
		await row(visited, 'film.mp4').waitFor();
		const holding = proxy.holdAnswerAfter(CHUNK_SIZE_BYTES + CHUNK_SIZE_BYTES / 2);
		const {bytes} = await saved(page, async () => {
			await page.getByRole('button', {name: 'Download film.mp4'}).click();
			const cut = await holding;
			// What the page has not taken by then is lost with the line.
			await page.locator(`progress[value="${SEALED_PLAIN_BYTES}"]`).waitFor();
			cut();
		});
		same(t, bytes, content);
		t.deepEqual(ranges, [undefined, `bytes=${CHUNK_SIZE_BYTES}-`]);
		t.is(proxy.cuts(), 2);
		await visited.context.close();
	},
);
