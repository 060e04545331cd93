import {readFile} from 'node:fs/promises';
import {gzipSync} from 'node:zlib';
import test from 'ava';
import {CHUNK_SIZE_BYTES} from '../source/protocol/chunking.js';
import {heardSchema} from '../source/protocol/api.js';
import {readPageFiles} from './adapters/page-files.js';
import {pageFolder} from './page-folder.js';
import {browserTests} from './testing/browser.js';
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
} from './testing/page-visits.js';
import {formOf} from './testing/people.js';
import {same} from './testing/requests.js';
import {unzip} from './testing/unzip.js';

/** The page as a browser sees it: built, served by a real coordinator, and used as people do. */

const MOST_ENTRY_BYTES = 150 * 1024;

test('what sign-in and the list need is at most 150 KiB of JavaScript, compressed', async t => {
	const page = await readPageFiles(pageFolder());
	const text = Buffer.from(page.get('index.html')?.bodies.identity ?? []).toString();
	const scripts = [...text.matchAll(/(?:src|href)="\/(assets\/[^"]+\.js)"/g)].map(([, name]) => name ?? '');
	t.true(scripts.length > 0);
	const bytes = scripts.map(name => gzipSync(page.get(name)?.bodies.identity ?? '').length);
	const sum = bytes.reduce((total, one) => total + one, 0);
	t.true(sum > 10_000 && sum <= MOST_ENTRY_BYTES, `${sum} bytes`);
});

test('the page is served compressed and cached; programs at the same address get JSON', async t => {
	const {url} = await startPageNetwork(t);
	const asBrowser = {accept: 'text/html,application/xhtml+xml,*/*;q=0.8', 'accept-encoding': 'gzip, br'};
	const page = await fetch(url, {headers: asBrowser});
	t.is(page.status, 200);
	t.regex(page.headers.get('content-type') ?? '', /^text\/html/);
	t.is(page.headers.get('cache-control'), 'no-cache');
	t.regex(page.headers.get('vary') ?? '', /accept\b.*accept-encoding/i);
	const policy = page.headers.get('content-security-policy') ?? '';
	t.regex(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
	t.regex(policy, /frame-ancestors 'none'/);
	t.false(policy.includes('unsafe'));
	const text = await page.text();
	t.notRegex(text, /<script>|<style|style=|https?:\/\//);

	const again = await fetch(url, {
		headers: {...asBrowser, 'cache-control': 'max-age=0', 'if-none-match': page.headers.get('etag') ?? ''},
	});
	t.is(again.status, 304);

	const [, asset = ''] = /src="(\/assets\/[^"]+\.js)"/.exec(text) ?? [];
	for (const coding of ['br', 'gzip', 'identity']) {
		const response = await fetch(url + asset, {headers: {'accept-encoding': coding}});
		t.is(response.headers.get('content-encoding') ?? 'identity', coding);
		t.is(response.headers.get('cache-control'), 'public, max-age=31536000, immutable');
		t.is(response.headers.get('x-content-type-options'), 'nosniff');
		t.regex(await response.text(), /^import|^var|^const|^function|^\(/);
	}

	for (const name of ['nothing.js', '..%2findex.html', '%2e%2e%2fpackage.json']) {
		const response = await fetch(`${url}/assets/${name}`);
		t.is(response.status, 404, name);
		await response.body?.cancel();
	}

	const json = (await (await fetch(url)).json()) as {status: string};
	t.is(json.status, 'PJAS Coordinator Online');
	for (const address of ['/welcome', '/s/pjas-link_x']) {
		const response = await fetch(url + address);
		t.is(await response.text(), text, address);
	}
});

/* In a browser */

const inBrowser = browserTests(test);

inBrowser(
	'somebody signs in, drops a file, loads the page again, downloads it, deletes it and brings it back',
	async t => {
		const network = await startPageNetwork(t);
		await network.addAccount('ann');
		const visited = await visit(t, {network});
		const {page} = visited;
		await page.getByLabel('Name').waitFor();
		await look(t, visited, 'sign-in');

		await page.getByLabel('Name').fill('ann');
		await page.getByLabel('Password').fill('not her password');
		await page.getByRole('button', {name: 'Sign in'}).click();
		await page.getByRole('alert').getByText('The name or the password is wrong').waitFor();
		await signIn(visited, 'ann');
		await page.getByText('No files yet').waitFor();
		await look(t, visited, 'files-empty');

		const text = 'Dear diary, '.repeat(5000);
		await drop(visited, {'diary.txt': text, 'other.txt': 'something else'});
		await page.getByText('2 uploads done').waitFor();
		await row(visited, 'diary.txt').getByText('Safe: 3 copies in 3 homes').waitFor();

		await page.reload();
		const waiting = page.waitForEvent('download');
		await row(visited, 'diary.txt').getByRole('link', {name: 'Download diary.txt'}).click();
		const download = await waiting;
		t.is(download.suggestedFilename(), 'diary.txt');
		t.is(await readFile(await download.path(), 'utf8'), text);

		await page.getByRole('checkbox', {name: 'Choose all that is shown'}).check();
		const waitingForZip = page.waitForEvent('download');
		await page.getByRole('region', {name: 'What is chosen'}).getByRole('link', {name: 'Download'}).click();
		t.is((await waitingForZip).suggestedFilename(), 'files.zip');
		await row(visited, 'other.txt').getByRole('checkbox').uncheck();
		await page.getByRole('region', {name: 'What is chosen'}).getByRole('button', {name: 'Delete'}).click();
		await row(visited, 'diary.txt').waitFor({state: 'detached'});
		await page.getByRole('link', {name: 'Trash'}).click();
		await row(visited, 'diary.txt').waitFor();
		await look(t, visited, 'trash');
		await row(visited, 'diary.txt')
			.getByRole('button', {name: /^Bring back/})
			.click();
		await page.getByText('The trash is empty').waitFor();
		await page.getByRole('link', {name: 'Files'}).click();
		await row(visited, 'diary.txt').waitFor();

		await page.getByRole('button', {name: 'diary.txt'}).click();
		await page.getByRole('button', {name: 'Rename'}).click();
		await page.getByLabel('New name').fill('books/diary.txt');
		await page.getByRole('dialog').getByRole('button', {name: 'Rename'}).click();
		await page.getByText('Renamed to').waitFor();
		await page.getByRole('button', {name: 'Close'}).click();
		await page.getByRole('link', {name: 'books'}).click();
		await row(visited, 'diary.txt').waitFor();
		t.regex(page.url(), /#\/files\/books$/);
		await page.getByRole('navigation', {name: 'Folders'}).getByRole('link', {name: 'Files'}).click();
		await row(visited, 'other.txt').getByRole('checkbox').check();
		await page.getByRole('checkbox', {name: 'Choose all in books'}).check();
		t.true(await page.getByRole('checkbox', {name: 'Choose all that is shown'}).isChecked());
		const chosen = page.getByRole('region', {name: 'What is chosen'});
		await chosen.getByText('2 files').waitFor();
		const waitingForFolder = page.waitForEvent('download');
		await chosen.getByRole('link', {name: 'Download'}).click();
		const folder = unzip(await readFile(await (await waitingForFolder).path()));
		t.deepEqual([...folder.keys()].sort(), ['books/diary.txt', 'other.txt']);
		await look(t, visited, 'folder-chosen');
		await page.getByRole('checkbox', {name: 'Choose all in books'}).uncheck();
		await chosen.getByText('1 file').waitFor();

		await page.getByRole('button', {name: 'Sign out'}).click();
		await page.getByLabel('Password').waitFor();
		await visited.context.close();
	},
);

inBrowser('on a phone and in the dark, all fits and axe has nothing to say', async t => {
	const network = await startPageNetwork(t);
	const token = await network.addAccount('ann');
	for (const name of ['Holidays/sea.jpg', 'Holidays/hills.jpg', 'Letter to the council.pdf', 'budget 2026.csv']) {
		await network.as(token)('POST', '/api/files/upload', {form: formOf(name, name.repeat(2000))});
	}

	for (const isPhone of [false, true]) {
		const visited = await visit(t, {network, isPhone, isDark: isPhone});
		await signIn(visited, 'ann');
		await row(visited, 'budget 2026.csv').waitFor();
		const {page} = visited;
		const [scrolled, seen] = await page.evaluate<[number, number]>('[document.body.scrollWidth, innerWidth]');
		t.true(scrolled <= seen, `${scrolled} px in ${seen}`);
		await look(t, visited, isPhone ? 'files-phone-dark' : 'files');
		await page.getByRole('button', {name: 'Letter to the council.pdf'}).click();
		await page.getByRole('dialog').waitFor();
		await look(t, visited, isPhone ? 'file-phone-dark' : 'file');
		await page.keyboard.press('Escape');
		await page.getByRole('dialog').waitFor({state: 'detached'});
		t.is(await page.evaluate('document.activeElement.textContent'), 'Letter to the council.pdf', 'the focus is back');
		await visited.context.close();
	}
});

inBrowser(
	'an upload whose line is cut in its middle goes on where it stopped, after the page was loaded again',
	async t => {
		const network = await startPageNetwork(t);
		const {visited, proxy, file, bytes} = await visitOverCutLine(t, network);
		const {page} = visited;
		await sendOverCutLine(visited, proxy, file);
		const cutOff = page.getByRole('region', {name: 'Uploads that were cut off'});
		await cutOff.getByText('film.mp4').waitFor();
		await look(t, visited, 'cut-off');
		const offsets = await goOn(visited, file);
		t.true(
			offsets.length > 0 && offsets.every(offset => offset >= CHUNK_SIZE_BYTES),
			`it went on at ${offsets.join()}`,
		);
		await cutOff.waitFor({state: 'detached'});
		const waiting = page.waitForEvent('download');
		await row(visited, 'film.mp4').getByRole('link', {name: 'Download film.mp4'}).click();
		same(t, await readFile(await (await waiting).path()), bytes);
		await visited.context.close();
	},
);

const DOT = Buffer.from(
	'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
	'base64',
);
const PAPER = `%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]>>endobj
trailer<</Root 1 0 R>>`;

inBrowser('a file is looked at, shared by a link with a password, had by a stranger, and taken back', async t => {
	const network = await startPageNetwork(t);
	const token = await network.addAccount('ann');
	const letter = '<h1>Dear council</h1>'.repeat(100);
	await store(network, token, 'letter.html', 'text/html', letter);
	await store(network, token, 'dot.png', 'image/png', DOT);
	await store(network, token, 'paper.pdf', 'application/pdf', PAPER);
	const visited = await visit(t, {network});
	const {page} = visited;
	await signIn(visited, 'ann');

	const picture = (await open(visited, 'dot.png')).getByRole('img', {name: 'dot.png'});
	await picture.waitFor();
	t.is(
		await page.evaluate(`document.querySelector('dialog img').decode().then(() => document.images[0].naturalWidth)`),
		1,
	);
	await page.keyboard.press('Escape');
	const paper = await open(visited, 'paper.pdf');
	await paper.getByRole('button', {name: 'Show it here'}).click();
	t.regex((await paper.locator('iframe').getAttribute('src')) ?? '', /^blob:/);
	await look(t, visited, 'preview-pdf');
	await paper.getByRole('button', {name: 'Close'}).click();
	const dialog = await open(visited, 'letter.html');
	await dialog.getByRole('region', {name: 'Text of letter.html'}).getByText('<h1>Dear council</h1>').waitFor();

	await dialog.getByRole('button', {name: 'Share'}).click();
	await dialog.getByLabel('Password, if you want one').fill('сезам 🚀');
	await look(t, visited, 'share');
	await dialog.getByRole('button', {name: 'Make a link'}).click();
	const link = await dialog.getByRole('textbox', {name: 'The link'}).inputValue();
	t.true(link.startsWith(`${network.url}/s/pjas-link_`));
	await dialog.getByRole('list', {name: 'Links to this file'}).getByText('with a password').waitFor();
	await page.keyboard.press('Escape');

	const stranger = await visit(t, {network, at: new URL(link).pathname, isPhone: true});
	await stranger.page.getByLabel('Password').fill('open barley');
	await stranger.page.getByRole('button', {name: 'Open'}).click();
	await stranger.page.getByRole('alert').waitFor();
	await stranger.page.getByLabel('Password').fill('сезам 🚀');
	await stranger.page.getByRole('button', {name: 'Open'}).click();
	await stranger.page.getByRole('heading', {name: 'letter.html'}).waitFor();
	await stranger.page.getByRole('button', {name: 'Show it here'}).click();
	await stranger.page.getByRole('region', {name: 'Text of letter.html'}).waitFor();
	await look(t, stranger, 'shared');
	const waiting = stranger.page.waitForEvent('download');
	await stranger.page.getByRole('button', {name: 'Download'}).click();
	t.is(await readFile(await (await waiting).path(), 'utf8'), letter);

	await page.getByRole('link', {name: 'Shared'}).click();
	await page.getByText('letter.html').waitFor();
	await look(t, visited, 'links');
	await page.getByRole('button', {name: 'Take back'}).click();
	await page.getByText('You share nothing by a link').waitFor();
	await stranger.page.reload();
	await stranger.page.getByRole('heading', {name: 'This link leads nowhere'}).waitFor();
	await stranger.context.close();
	await visited.context.close();
});

inBrowser(
	'the network and its nodes are seen as they change, and a node is invited, emptied and sent away',
	async t => {
		const network = await startPageNetwork(t);
		const token = await network.addAccount('ann');
		const mine = await network.addNode({owner: 'ann', zone: 'Main Street 1'});
		await store(network, token, 'letter.txt', 'text/plain', 'Dear council');
		const visited = await visit(t, {network});
		const {page} = visited;
		await signIn(visited, 'ann');
		await page.getByRole('link', {name: 'Network'}).click();
		await page.getByText('All is well: every file has all its copies').waitFor();
		await page.getByText('4 of 4 online').waitFor();
		await page
			.getByRole('list', {name: /^Newest activity/})
			.getByText('"letter.txt" uploaded')
			.waitFor();
		await look(t, visited, 'network');
		await store(network, token, 'news.txt', 'text/plain', 'It is heard of at once');
		await page.getByText('"news.txt" uploaded').waitFor();

		await page.getByRole('link', {name: 'My nodes'}).click();
		await page.getByRole('heading', {name: 'node 4'}).waitFor();
		await look(t, visited, 'nodes');
		await page.getByRole('button', {name: 'Can I stop it?'}).click();
		await page.getByText(/^(Yes|Not yet):/).waitFor();
		await page.getByRole('button', {name: 'It is away for a day'}).click();
		await page.getByText('Online, may be away').waitFor();
		await page.getByRole('button', {name: 'Empty it'}).click();
		await page.getByText(/^(Being emptied|Emptied)/).waitFor();

		const limits = {space: 1024 ** 3, up: 0, down: 0, schedule: 'none', monthly_cap: 0, hours: 'always'};
		const beat = async (allowed: boolean, up = 0, heard = 0) =>
			heardSchema.parse(
				await (
					await network.beat(mine, {line: {up, down: 0, limits: {...limits, up}, remote: {allowed, heard}}})
				).json(),
			);
		await beat(false);
		await page.getByText('pjas-daemon set remote-limits on').waitFor();
		await page.getByRole('button', {name: 'Set limits'}).click();
		const form = page.getByRole('dialog');
		await form.getByLabel('Sends at most').fill('fast');
		await form.getByRole('button', {name: 'Ask for it'}).click();
		await form.getByRole('alert').getByText('can’t be “fast”. Allowed: 0 for any').waitFor();
		await form.getByLabel('Sends at most').fill('2MB');
		await look(t, visited, 'node-limits');
		await form.getByRole('button', {name: 'Ask for it'}).click();
		await page.getByText('Up 2 MiB/s: its machine does not allow it').waitFor();
		await look(t, visited, 'node-limits-not-allowed');
		const {wished} = await beat(true);
		await page.getByText('Up 2 MiB/s: taken over in a moment').waitFor();
		t.is(wished?.limits.up?.value, 2 * 1024 ** 2);
		await beat(true, 2 * 1024 ** 2, wished?.limits.up?.at);
		await page.getByText('2 MiB/s up, no limit down').waitFor();
		await page.getByRole('button', {name: 'Don’t ask for it'}).waitFor({state: 'detached'});

		await page.getByRole('button', {name: 'Add a node'}).click();
		await page.getByRole('button', {name: 'Make a code'}).click();
		t.regex(
			await page.getByLabel('The command').inputValue(),
			/^pjas-daemon join pjas-join_\S+@http\S+ \.\/storage 100$/,
		);
		await look(t, visited, 'node-invited');
		await page.keyboard.press('Escape');
		await page.getByRole('button', {name: 'Take back'}).click();
		await page.getByText('Codes that nobody used yet').waitFor({state: 'detached'});
		await page.setViewportSize({width: 390, height: 780});
		await page.emulateMedia({colorScheme: 'dark'});
		await look(t, visited, 'nodes-phone');
		await page.getByRole('button', {name: 'Set limits'}).click();
		await look(t, visited, 'node-limits-phone');
		await page.getByRole('button', {name: 'Leave as it is'}).click();
		await page.emulateMedia({colorScheme: 'light'});
		await page.getByRole('link', {name: 'Network'}).click();
		await page.getByText('of 4 online').waitFor();
		await look(t, visited, 'network-phone');
		await visited.context.close();
	},
);

inBrowser('a part of the page that can’t be loaded takes nothing else away, and is there at the next try', async t => {
	const network = await startPageNetwork(t);
	const token = await network.addAccount('ann');
	await store(network, token, 'letter.txt', 'text/plain', 'Dear council');
	const visited = await visit(t, {network});
	const {page} = visited;
	await signIn(visited, 'ann');
	const parts = /\/assets\/(trash|file-details)-/;
	await page.route(parts, async route => route.abort());
	const dialog = await open(visited, 'letter.txt');
	await dialog.getByRole('alert').getByText('can’t be loaded').waitFor();
	await look(t, visited, 'part-not-loaded');
	await dialog.getByRole('button', {name: 'Close'}).click();
	await page.getByRole('link', {name: 'Trash'}).click();
	await page.getByRole('alert').getByText('can’t be loaded').waitFor();
	await page.unroute(parts);
	await page.getByRole('button', {name: 'Try again'}).click();
	await page.getByRole('heading', {name: 'The trash is empty'}).waitFor();
	await visited.context.close();
});

inBrowser('an uploaded page can neither read the session nor act with it', async t => {
	const network = await startPageNetwork(t);
	const token = await network.addAccount('ann');
	const evil = `<script>
		document.title = 'ran';
		fetch('/api/session').then(r => r.text()).then(text => document.title = text);
	</script>`;
	const form = new FormData();
	form.append('file', new Blob([evil], {type: 'text/html'}), 'evil.html');
	const made = (await (await network.as(token)('POST', '/api/files/upload', {form})).json()) as {file_id: string};

	const visited = await visit(t, {network});
	await signIn(visited, 'ann');
	const {page, context} = visited;
	t.is(await page.evaluate('document.cookie'), '', 'the cookie is not for scripts');
	const other = await context.newPage();
	const [download] = await Promise.all([
		other.waitForEvent('download'),
		other.goto(`${network.url}/api/files/download/${made.file_id}`).catch(() => undefined),
	]);
	t.is(await readFile(await download.path(), 'utf8'), evil, 'it is saved, not shown');
	t.not(await other.title(), 'ran');

	// Nor may another page bring the browser to change something: the cookie alone is not enough.
	const cookie = (await context.cookies()).map(({name, value}) => `${name}=${value}`).join('; ');
	const forged = await network.as(undefined)('DELETE', `/api/files/${made.file_id}`, {
		headers: {cookie, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site'},
	});
	t.is(forged.status, 403);
	await forged.body?.cancel();
	await context.close();
});
