import test from 'ava';
import {startTestNetwork} from '../../daemon/testing/network.js';
import {bytesOf, upload} from '../../daemon/testing/requests.js';
import {createApi} from '../client/api.js';
import type {TrashedFile} from '../client/contract.js';
import {AnswerError} from '../client/errors.js';
import type {Whoami} from '../client/people-contract.js';
import {createTheme} from '../console/theme.js';
import type {View} from '../console/view.js';
import {areas, fills, hostileNames} from '../testing/areas.js';
import {createTestConsole, type TestConsole} from '../testing/console.js';
import {createManualClock} from '../testing/manual-clock.js';
import {pressKeys} from '../testing/press-keys.js';
import {renderToText} from '../testing/render.js';
import {sampleFile, sampleNowMs, sampleStats} from '../testing/samples.js';
import {createTrash} from './trash.js';

const HOUR_MS = 3_600_000;
const medium = {columns: 80, rows: 21};
const settled = async () => new Promise(resolve => setImmediate(resolve));

const trashed = (number: number, change: Partial<TrashedFile> = {}): TrashedFile => ({
	...sampleFile(number, {owner: 'ann'}),
	deleted_at: sampleNowMs - number * HOUR_MS,
	deleted_by: 'ann',
	purge_at: sampleNowMs + (7 * 24 - number) * HOUR_MS,
	...change,
});

const whoami = (role: Whoami['role']): Whoami => ({
	...{success: true, open: false, name: 'ann', role, scope: 'full', via: 'token'},
	...{quota_bytes: null, used_bytes: 0},
});

const openTrash = async (files: TrashedFile[] | Error, pageSize = Infinity) => {
	const calls: string[] = [];
	let kept = files instanceof Error ? [] : files;
	const clock = createManualClock(sampleNowMs);
	const drop = async (id: string, call: string) => {
		calls.push(`${call} ${Number.parseInt(id, 16)}`);
		kept = kept.filter(file => file.file_id !== id);
		return Promise.resolve();
	};

	const console = Object.assign(
		createTestConsole({
			live: {stats: sampleStats(), whoami: whoami('member')},
			api: {
				async trash({before}) {
					calls.push(`trash ${before ?? ''}`.trim());
					if (files instanceof Error) throw files;
					const from = before === undefined ? 0 : Number(before);
					const page = kept.slice(from, from + pageSize);
					const next = from + page.length < kept.length ? String(from + page.length) : null;
					const sums = {total: kept.length, total_size: kept.reduce((sum, {size}) => sum + size, 0)};
					return Promise.resolve({success: true, files: page, ...sums, next_before: next});
				},
				async restoreFile(id) {
					await drop(id, 'restore');
					return sampleFile(1);
				},
				purgeFile: async id => drop(id, 'purge'),
				async emptyTrash() {
					calls.push('empty');
					const sums = {files: kept.length, bytes: 100};
					kept = [];
					return Promise.resolve(sums);
				},
			},
		}),
		{clock},
	);
	const view = createTrash(console);
	view.show?.();
	await settled();
	return {view, console, calls, clock};
};

const opened = (console: TestConsole): View => {
	const view = console.opened.at(-1);
	if (!view) throw new Error('Nothing was opened');
	return view;
};

test('the trash shows what was deleted, by whom, and until when it can be brought back', async t => {
	const {view} = await openTrash([trashed(1), trashed(2), trashed(30, {purge_at: sampleNowMs + 1000})]);
	for (const area of areas) {
		const text = fills(t, view, area);
		t.regex(text, /Trash: 3 files, 9\.9 MiB/);
		t.regex(text, /▸ photo-1\.jpg/);
		t.regex(text, /GONE FOR GOOD/);
	}

	t.regex(renderToText(view, medium), /photo-1\.jpg .*in 6 d/);
	t.regex(renderToText(view, medium), /photo-30\.jpg .*soon/);
	t.is(view.describe().selection, 'photo-1.jpg, 3.3 MiB, deleted 60 min ago, gone for good in 6 d');
});

test('the trash has words for empty, not yet, and not to be had', async t => {
	const {view: empty} = await openTrash([]);
	const {view: failed} = await openTrash(new AnswerError('The catalogue is being restored', {status: 503}));
	const asked = createTrash(createTestConsole({api: {trash: async () => new Promise(() => {})}}));
	asked.show?.();
	for (const area of areas) {
		t.regex(fills(t, empty, area), /Trash: empty[^]*Nothing is in the trash/);
		t.regex(fills(t, failed, area), /The catalogue is being restored\.[^]*r asks again/);
		t.regex(fills(t, asked, area), /Asking the coordinator for its trash/);
	}

	asked.dispose?.();
});

test('b brings back what is chosen or marked', async t => {
	const {view, console, calls} = await openTrash([trashed(1), trashed(2), trashed(3)]);
	pressKeys(console, view, 'b');
	await settled();
	await settled();
	t.deepEqual(calls, ['trash', 'restore 1', 'trash']);
	t.is(console.notices.at(-1)?.text, 'photo-1.jpg brought back');
	pressKeys(console, view, 'space', 'space', 'b');
	await settled();
	await settled();
	t.is(console.notices.at(-1)?.text, '2 files brought back');
	t.regex(renderToText(view, medium), /Trash: empty/);
});

test('what goes for good asks before, and many ask for their number', async t => {
	const {view, console, calls} = await openTrash([trashed(1), trashed(2), trashed(3)]);
	pressKeys(console, view, 'x');
	for (const area of areas) {
		t.regex(renderToText(opened(console), area), /Delete a file for good[^]*nobody can bring it back[^]*photo-1/);
	}

	pressKeys(console, opened(console), 'n');
	pressKeys(console, view, 'x');
	pressKeys(console, opened(console), 'y');
	await settled();
	await settled();
	t.deepEqual(calls, ['trash', 'purge 1', 'trash']);
	t.is(console.notices.at(-1)?.text, 'photo-1.jpg deleted for good');
	pressKeys(console, view, 'space', 'space', 'x');
	t.regex(renderToText(opened(console), medium), /Type 2 to delete them/);
});

test('the trash is emptied once its word is typed', async t => {
	const {view, console, calls} = await openTrash([trashed(1)]);
	pressKeys(console, view, 'E');
	const dialog = opened(console);
	t.regex(renderToText(dialog, medium), /All of your own files in the trash[^]*Type empty to delete them/);
	pressKeys(console, dialog, 'y', 'enter');
	t.deepEqual(calls, ['trash']);
	pressKeys(console, dialog, 'backspace', ...Array.from('empty'), 'enter');
	await settled();
	await settled();
	t.deepEqual(calls, ['trash', 'empty', 'trash']);
	pressKeys(console, view, 'E');
	t.is(console.notices.at(-1)?.text, 'Nothing is in the trash');
});

test('an operator is told that other people’s files are theirs to bring back', async t => {
	const {view, console, calls} = await openTrash([trashed(1, {owner: 'bob'})]);
	console.put({whoami: whoami('operator')});
	pressKeys(console, view, 'b');
	t.regex(console.notices.at(-1)?.text ?? '', /Only whoever owns a file, and admins/);
	console.put({whoami: whoami('admin')});
	pressKeys(console, view, 'b');
	await settled();
	t.true(calls.includes('restore 1'));
});

test('a long trash comes in pages, and is asked for anew where somebody else changes it', async t => {
	const {view, console, calls, clock} = await openTrash(
		Array.from({length: 60}, (_, number) => trashed(number + 1)),
		30,
	);
	renderToText(view, medium);
	t.deepEqual(calls, ['trash']);
	pressKeys(console, view, 'G');
	renderToText(view, medium);
	await settled();
	t.deepEqual(calls, ['trash', 'trash 30']);
	pressKeys(console, view, 'G');
	t.regex(renderToText(view, medium), /of 60/);
	console.put({stats: sampleStats({trash: {files: 61, bytes: 9}})});
	console.put({stats: sampleStats({trash: {files: 62, bytes: 9}})});
	t.is(clock.waiting(), 1);
	clock.pass(1000);
	await settled();
	t.deepEqual(calls.slice(2), ['trash']);
	view.hide?.();
	console.put({stats: sampleStats({trash: {files: 63, bytes: 9}})});
	t.is(clock.waiting(), 0);
	view.show?.();
	await settled();
	t.is(calls.length, 4);
	view.hide?.();
	view.show?.();
	t.is(calls.length, 4);
	view.dispose?.();
});

test('names that mean harm shift nothing in the trash, in ASCII as well', async t => {
	const {view, console} = await openTrash(hostileNames.map((filename, number) => trashed(number + 1, {filename})));
	for (const area of areas) fills(t, view, area);
	const {view: plain, console: other} = await openTrash([trashed(1)]);
	Object.assign(other, {theme: createTheme('ascii', {})});
	for (const area of areas) t.regex(renderToText(plain, area), /^[ -~\n]*$/);
	t.is(console.notices.length, 0);
});

test('with a real network, a deleted file is in the trash and comes back', async t => {
	const network = await startTestNetwork(t, {trashMs: 7 * 24 * HOUR_MS});
	const api = createApi(network.url);
	const id = await upload(t, network.url, bytesOf(10), 'kept.txt');
	await api.removeFile(id);
	const console = createTestConsole({api, live: {stats: sampleStats()}, nowMs: Date.now()});
	const view = createTrash(console);
	view.show?.();
	while (!renderToText(view, medium).includes('kept.txt')) await settled();
	t.regex(renderToText(view, medium), /Trash: 1 file, 10 B/);
	pressKeys(console, view, 'b');
	while (!renderToText(view, medium).includes('Trash: empty')) await settled();
	t.is((await api.file(id)).filename, 'kept.txt');
	view.dispose?.();
});
