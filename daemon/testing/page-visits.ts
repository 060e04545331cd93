import {writeFileSync} from 'node:fs';
import {mkdir, readFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import path from 'node:path';
import type {ExecutionContext} from 'ava';
import type {BrowserContext, Page} from 'playwright-core';
import {CHUNK_SIZE_BYTES} from '../../source/protocol/chunking.js';
import {readPageFiles} from '../adapters/page-files.js';
import {systemRandom} from '../adapters/system.js';
import {pageFolder} from '../page-folder.js';
import {openedBrowser} from './browser.js';
import {type CuttingProxy, startCuttingProxy} from './cutting-proxy.js';
import {passwordOf, type PeopleNetwork, startPeopleNetwork} from './people.js';
import {temporaryFolder} from './processes.js';

const DAY_MS = 24 * 3600 * 1000;
/** What is waited for comes in a moment, but not so soon where the machine is slow and has much else to do. */
const PATIENCE_MS = 120_000;

/** A coordinator with accounts and the page, over nodes in memory. */
export const startPageNetwork = async (t: ExecutionContext): Promise<PeopleNetwork> =>
	startPeopleNetwork(t, {trashMs: 7 * DAY_MS, stays: true, more: {page: await readPageFiles(pageFolder())}});

export type Visit = {page: Page; context: BrowserContext};
type VisitOptions = {isPhone?: boolean; isDark?: boolean; network: Pick<PeopleNetwork, 'url'>; at?: string};

/** What the browser itself tells in the console: refusals by the API, and what it does without over plain HTTP. */
const browsersOwn = ['Failed to load resource', 'The Cross-Origin-Opener-Policy header has been ignored'];

/** A browser that knows nobody. Whatever it says went wrong, or asks of another host, fails the test. */
export const visit = async (
	t: ExecutionContext,
	{isPhone, isDark, network, at = '/'}: VisitOptions,
): Promise<Visit> => {
	const context = await openedBrowser().newContext({
		viewport: isPhone ? {width: 390, height: 780} : {width: 1280, height: 800},
		hasTouch: isPhone ?? false,
		colorScheme: isDark ? 'dark' : 'light',
		locale: 'en-GB',
		timezoneId: 'UTC',
	});
	context.setDefaultTimeout(PATIENCE_MS);
	const page = await context.newPage();
	page.on('pageerror', error => t.fail(`the page threw: ${String(error)}`));
	page.on('console', message => {
		const isTheBrowsers = browsersOwn.some(start => message.text().startsWith(start));
		if (message.type() === 'error' && !isTheBrowsers) t.fail(message.text());
	});
	page.on('request', request => {
		const {protocol, origin} = new URL(request.url());
		if (protocol.startsWith('http')) t.is(origin, network.url, 'another host is asked');
	});
	await page.goto(network.url + at);
	return {page, context};
};

export const signIn = async ({page}: Visit, name: string): Promise<void> => {
	await page.getByLabel('Name').fill(name);
	await page.getByLabel('Password').fill(passwordOf(name));
	await page.getByRole('button', {name: 'Sign in'}).click();
	await page.getByRole('heading', {name: 'Files', exact: true}).waitFor();
};

const axeFile = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** What axe has to say against what is seen now. Where a folder is named, a picture goes there. */
export const look = async (t: ExecutionContext, {page}: Visit, name: string): Promise<void> => {
	const folder = process.env['PJAS_PAGE_PICTURES'];
	if (folder !== undefined) {
		await mkdir(folder, {recursive: true});
		await page.screenshot({path: path.join(folder, `${name}.png`)});
	}

	// The page's own policy refuses scripts of others, and rightly: this one comes in by the browser's back door.
	await page.evaluate(await readFile(axeFile, 'utf8'));
	const found = await page.evaluate<{id: string; nodes: string[]}[]>(
		'axe.run().then(({violations}) => violations.map(({id, nodes}) => ({id, nodes: nodes.map(node => node.html)})))',
	);
	t.deepEqual(found, [], name);
};

/** Drops files on the page as a hand does. */
export const drop = async ({page}: Visit, files: Record<string, string>): Promise<void> => {
	const transfer = await page.evaluateHandle(
		`(() => {
			const transfer = new DataTransfer();
			for (const [name, text] of ${JSON.stringify(Object.entries(files))}) transfer.items.add(new File([text], name));
			return transfer;
		})()`,
	);
	for (const event of ['dragenter', 'dragover', 'drop']) {
		await page.dispatchEvent('.shell', event, {dataTransfer: transfer});
	}
};

export const row = ({page}: Visit, name: string) => page.getByRole('row').filter({hasText: name});

/** Uploads a file as somebody. */
export const store = async (
	network: PeopleNetwork,
	token: string,
	name: string,
	type: string,
	content: string | Uint8Array<ArrayBuffer>,
): Promise<void> => {
	const form = new FormData();
	form.append('file', new Blob([content], {type}), name);
	const answer = await network.as(token)('POST', '/api/files/upload', {form});
	if (!answer.ok) throw new Error(await answer.text());
};

/** Opens a file of the list. */
export const open = async (visited: Visit, name: string) => {
	await visited.page.getByRole('rowheader', {name}).getByRole('button').click();
	return visited.page.getByRole('dialog');
};

/** Somebody who is signed in, behind a line that can be cut, with a file of more than two chunks. */
export const visitOverCutLine = async (t: ExecutionContext, network: PeopleNetwork) => {
	await network.addAccount('ann');
	const proxy = await startCuttingProxy(t, network.url);
	const file = path.join(temporaryFolder(t), 'film.mp4');
	const bytes = systemRandom.bytes(2 * CHUNK_SIZE_BYTES + 1000);
	writeFileSync(file, bytes);
	const visited = await visit(t, {network: proxy});
	visited.page.on('dialog', dialog => void dialog.accept());
	await signIn(visited, 'ann');
	return {visited, proxy, file, bytes};
};

/** Uploads a file of more than two chunks over a line that is cut in its middle, and opens the page again once it is mended. */
export const sendOverCutLine = async ({page}: Visit, proxy: CuttingProxy, file: string): Promise<void> => {
	proxy.breakAfter(CHUNK_SIZE_BYTES + CHUNK_SIZE_BYTES / 2);
	await page.getByLabel('Files to upload').setInputFiles(file);
	await page.getByText('It is tried again.').waitFor();
	// The page is left before the line is mended: it would go on by itself.
	await page.goto('about:blank');
	proxy.mend();
	await page.goto(proxy.url);
};

/** Chooses a file that was cut off again. Says from where on it was sent. */
export const goOn = async ({page}: Visit, file: string): Promise<number[]> => {
	const offsets: number[] = [];
	page.on('request', request => {
		if (request.method() === 'PATCH') offsets.push(Number(request.headers()['upload-offset']));
	});
	await page.getByLabel('Files that were cut off').setInputFiles(file);
	await page.getByText('1 upload done').waitFor();
	return offsets;
};
