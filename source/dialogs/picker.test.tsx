import {chmod, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {bindingOf} from '../console/keymap.js';
import {createLineInput} from '../console/line-input.js';
import type {Area, Console, View} from '../console/view.js';
import type {FileView} from '../protocol/api.js';
import {createTestConsole, type TestConsole} from '../testing/console.js';
import {renderLines} from '../testing/render.js';
import {sampleFile, sampleNowMs} from '../testing/samples.js';
import {chordOf, type KeyEvent} from '../terminal/key.js';
import {displayWidth} from '../terminal/text.js';
import type {Transfer, Transfers} from '../transfers/transfer.js';
import {createDownloadDialog} from './download.js';
import {completeTyped, pastedPath, resolveTyped, shortPath, splitTyped} from './path-input.js';
import {inputLine} from './path-line.js';
import {createPicker} from './picker.js';
import {type Places, placesOf} from './places.js';

const areas: Area[] = [
	{columns: 60, rows: 12},
	{columns: 80, rows: 21},
	{columns: 120, rows: 37},
	{columns: 200, rows: 57},
];
const small: Area = {columns: 60, rows: 12};
const isRoot = process.getuid?.() === 0;

const event = (name: string, change: Partial<KeyEvent> = {}): KeyEvent => ({
	name,
	text: name.length === 1 ? name : name === 'space' ? ' ' : '',
	ctrl: false,
	alt: false,
	shift: false,
	...change,
});
const asKey = (chord: string): KeyEvent =>
	/^ctrl-./.test(chord) ? event(chord.slice(5), {ctrl: true, text: ''}) : event(chord);

type Download = {name: string; path: string; isOverwriting: boolean};
type Stage = {
	root: string;
	console: Console;
	base: TestConsole;
	uploads: string[][];
	downloads: Download[];
	press: (view: View, ...chords: string[]) => void;
	/** Resolves when that is so; it is looked after each change. */
	until: (isSo: () => boolean) => Promise<void>;
};

/** What the controller does with a key, as far as a dialog sees it. */
const press = (view: View, ...chords: string[]) => {
	for (const chord of chords) {
		const key = asKey(chord);
		if (view.isTyping?.() === true && view.key?.(key) === true) continue;
		if (key.text !== '') continue;
		const action = view.actions().find(({id}) => bindingOf(id).keys.includes(chordOf(key)));
		if (action) void action.run();
		else if (chord === 'escape') view.back?.();
	}
};

const queued = (id: number, kind: Transfer['kind'], target: string): Transfer => ({
	id,
	kind,
	name: path.basename(target),
	path: target,
	state: 'queued',
	sizeBytes: 1,
	doneBytes: 0,
	doneChunks: 0,
	chunks: 1,
	rate: 0,
	remainingMs: undefined,
	queuedAtMs: sampleNowMs,
});

/** A temporary home, and a console whose changes can be waited for. */
const stageOf = async (t: ExecutionContext): Promise<Stage> => {
	const root = await realpath(await mkdtemp(path.join(os.tmpdir(), 'pjas-picker-')));
	t.teardown(async () => rm(root, {recursive: true, force: true}));
	const uploads: string[][] = [];
	const downloads: Download[] = [];
	let list: readonly Transfer[] = [];
	const waiting = new Set<() => void>();
	const look = () => setImmediate(() => waiting.forEach(check => check()));
	const transfers: Partial<Transfers> = {
		get: () => list,
		async upload(paths) {
			uploads.push([...paths]);
			list = [...list, ...paths.map((target, index) => queued(list.length + index + 1, 'upload', target))];
			return Promise.resolve();
		},
		download({name}, target, options) {
			downloads.push({name, path: path.relative(root, target), isOverwriting: options?.overwrite === true});
			list = [...list, queued(list.length + 1, 'download', target)];
		},
	};
	const base = createTestConsole({transfers, folders: {home: root, working: root}});
	const console: Console = {
		...base,
		changed: look,
		notice(notice) {
			base.notice(notice);
			look();
		},
		close(view) {
			base.close(view);
			look();
		},
	};
	const until = async (isSo: () => boolean) =>
		new Promise<void>(resolve => {
			const check = () => {
				if (!isSo()) return;
				waiting.delete(check);
				resolve();
			};
			waiting.add(check);
			check();
		});
	return {root, console, base, uploads, downloads, press, until};
};

const letters = (text: string) => Array.from(text);

const paint = (t: ExecutionContext, view: View, area: Area): string => {
	const lines = renderLines(view.render(area), area);
	t.true(lines.length <= area.rows, `${lines.length} lines of ${area.rows}`);
	for (const line of lines) t.true(displayWidth(line) <= area.columns, `${displayWidth(line)} columns: ${line}`);
	return lines.join('\n');
};

const write = async (root: string, ...names: string[]) => {
	for (const name of names) {
		await mkdir(path.dirname(path.join(root, name)), {recursive: true});
		await writeFile(path.join(root, name), 'x'.repeat(2048));
	}
};

const lines = (view: View) => view.describe().lines?.join('\n') ?? '';
const selection = (view: View) => view.describe().selection ?? '';
const isRead = (view: View) => () => !lines(view).includes('Reading');

const odd = ['-rf', ' spaces  inside ', 'new\nline.txt', 'évènement 世界.txt', '\u202Eevil\u001B[31m', 'x'.repeat(255)];

test('the picker shows a folder at every size, folders first, whatever the names are', async t => {
	const {root, console, until} = await stageOf(t);
	await write(root, ...odd, 'zoo/a.txt', '.hidden');
	await symlink('nowhere', path.join(root, 'broken'));
	await symlink('zoo', path.join(root, 'linked'));
	const view = createPicker(console);
	t.regex(paint(t, view, small), /Reading the folder/);
	await until(isRead(view));
	paint(t, view, areas[3] as Area);
	await until(() => /broken link/.test(paint(t, view, areas[3] as Area)));
	for (const area of areas) {
		const text = paint(t, view, area);
		t.regex(text, /In ~/);
		t.regex(text, /linked\/ \(link\)[^]*zoo\/[^]* spaces/);
		t.notRegex(text, /hidden|\u202E/);
		t.false(text.includes('\u001B'));
	}

	const text = paint(t, view, areas[3] as Area);
	t.regex(text, /-rf +2 KiB +\d{4}-\d\d-\d\d \d\d:\d\d/);
	t.true(text.includes('new\\u000aline.txt'));
	press(view, 'ctrl-h');
	t.regex(paint(t, view, areas[3] as Area), /\.hidden/);
});

test('a burst of keys goes into folders, marks in several of them and uploads it all', async t => {
	const {root, console, base, uploads, until} = await stageOf(t);
	await write(root, 'a/one.txt', 'a/two.txt', 'b/three.txt', 'b/deep/four.txt', 'five.txt');
	const view = createPicker(console);
	press(view, 'right', 'down', 'space', 'left', 'down', 'right', 'space', 't', 'h', 'space', 'enter');
	await until(() => uploads.length === 1);
	t.deepEqual(
		uploads[0]?.map(each => path.relative(root, each)),
		['a/two.txt', 'b/deep', 'b/three.txt'],
	);
	await until(() => base.notices.at(-1)?.text === '3 files queued: 4 shows them');
	t.is(base.closed.length, 1);
	t.is(placesOf(console).uploadedFrom, path.join(root, 'b'));
	const again = createPicker(console);
	await until(isRead(again));
	t.is(selection(again), 'deep, folder');
});

test('it says what Enter does to what is chosen', async t => {
	const {root, console, until} = await stageOf(t);
	await write(root, 'sub/one.txt', 'two.txt');
	const view = createPicker(console);
	await until(isRead(view));
	const enter = () => view.actions().find(({id, problem}) => bindingOf(id).keys.includes('enter') && !problem?.())?.id;
	t.regex(paint(t, view, small), /Enter opens it/);
	t.is(enter(), 'list.open');
	press(view, 'down');
	t.regex(paint(t, view, small), /Enter uploads it/);
	t.is(enter(), 'picker.upload');
	press(view, 'up', 'space');
	t.regex(paint(t, view, small), /Enter uploads 1 folder/);
	t.is(enter(), 'picker.upload');
});

test('any letter narrows, Backspace widens and then leaves the folder, Esc takes back step by step', async t => {
	const {root, console, base, uploads, until} = await stageOf(t);
	await write(root, 'sub/Photo 1.jpg', 'sub/photo 2.jpg', 'sub/tax.pdf', 'q.txt');
	const view = createPicker(console);
	press(view, 'enter', 'p', 'h', 'o');
	await until(() => lines(view).includes('2 of 3 entries'));
	t.regex(paint(t, view, small), /Only pho/);
	press(view, 'q');
	t.regex(paint(t, view, small), /Nothing passes/);
	press(view, 'enter');
	t.is(base.notices.at(-1)?.text, 'Nothing is chosen here');
	press(view, 'backspace', 'space');
	t.true(selection(view).startsWith('photo 2.jpg'));
	press(view, 'escape');
	t.regex(lines(view), /3 of 3 entries[^]*Marked: 1 file\./);
	t.true(view.back?.());
	t.false(view.back?.());
	press(view, 'backspace');
	await until(() => lines(view).includes('2 of 2'));
	t.is(selection(view), 'sub, folder');
	press(view, 'q', 'enter');
	await until(() => uploads.length === 1);
	t.deepEqual(uploads, [[path.join(root, 'q.txt')]]);
});

test('a path is written with ~ and Tab, the list follows it, and Enter goes there or uploads', async t => {
	const {root, console, base, uploads, until} = await stageOf(t);
	await write(root, 'films/holiday 2024.mp4', 'films/holiday 2025.mp4', 'music/song.mp3');
	const view = createPicker(console, {uploadedFrom: path.join(root, 'music')});
	press(view, ...letters('~/fi'), 'tab', 'h', 'tab', '5', 'tab');
	await until(() => lines(view).includes('Path: ~/films/holiday 2025.mp4'));
	t.regex(paint(t, view, small), /Path ~\/films\/holiday 2025\.mp4/);
	press(view, 'backspace', 'enter');
	await until(() => /holiday 2025\.mp is not there/.test(base.notices.at(-1)?.text ?? ''));
	press(view, 'escape');
	await until(() => view.describe().title === 'Upload from ~/music' && isRead(view)());
	press(view, 'tab', 'ctrl-w', 'ctrl-w', ...letters('films'), 'enter');
	await until(() => view.describe().title === 'Upload from ~/films' && lines(view).includes('2 of 2'));
	press(view, ...letters('2025'), '/');
	t.regex(lines(view), /Path: ~\/films\/2025\//);
	press(view, 'escape');
	view.key?.(event('paste', {text: `'${root}/music/song.mp3'\n`}));
	press(view, 'enter');
	await until(() => uploads.length === 1);
	t.deepEqual(uploads, [[path.join(root, 'music/song.mp3')]]);
});

test('a folder that is gone, empty, forbidden or no folder is words, and one can go on from there', async t => {
	const {root, console, until} = await stageOf(t);
	await write(root, 'file.txt', 'shut/x.txt', 'only/.hidden');
	await mkdir(path.join(root, 'empty'));
	const at = async (folder: string) => {
		const view = createPicker(console, {uploadedFrom: path.join(root, folder)});
		await until(isRead(view));
		return view;
	};
	const gone = await at('gone/deep');
	t.regex(paint(t, gone, areas[2] as Area), /gone\/deep is not there any more/);
	press(gone, 'left', 'left');
	await until(() => selection(gone) === 'empty, folder');
	t.regex(paint(t, await at('empty'), small), /The folder is empty/);
	t.regex(paint(t, await at('only'), small), /only hidden files here: Ctrl-h/);
	t.regex(paint(t, await at('file.txt'), areas[2] as Area), /is no folder/);
	if (!isRoot) {
		await chmod(path.join(root, 'shut'), 0);
		t.regex(paint(t, await at('shut'), areas[2] as Area), /may not be read by you/);
		await chmod(path.join(root, 'shut'), 0o700);
	}
});

test('what is refused by the queue is said, and an answer for a folder that was left is ignored', async t => {
	const {root, console, base, until} = await stageOf(t);
	await write(root, 'one/a.txt', 'two/b.txt');
	const refusing: Console = {
		...console,
		transfers: {...console.transfers, get: () => [], upload: async () => Promise.reject(new Error('too many'))},
		run: action =>
			void Promise.resolve(action.run()).catch((error: unknown) => console.notice({tone: 'bad', text: String(error)})),
	};
	const view = createPicker(refusing);
	press(view, 'space', 'enter');
	await until(() => /too many/.test(base.notices.at(-1)?.text ?? ''));
	const late = createPicker(console);
	press(late, ...letters(`${root}/one/`), 'ctrl-u', ...letters(`${root}/two/`));
	await until(() => selection(late).startsWith('b.txt'));
	late.dispose?.();
	press(late, 'enter');
	t.deepEqual(base.closed, [view]);
});

test('a folder of ten thousand files is narrowed by each letter, and only what is seen is looked up', async t => {
	const {root, console, until} = await stageOf(t);
	await Promise.all(
		Array.from({length: 10_000}, async (_, index) => writeFile(path.join(root, `file ${index}.txt`), '')),
	);
	const view = createPicker(console);
	press(view, ...letters('9999'), 'backspace', 'backspace', 'end');
	await until(() => lines(view).includes('of 10000'));
	t.true(selection(view).startsWith('file 9999.txt'));
	const expected = Array.from({length: 10_000}, (_, index) => String(index)).filter(each => each.includes('99'));
	t.true(lines(view).includes(`${expected.length} of 10000 entries`));
	t.regex(paint(t, view, small), /filtered from 10000/);
});

const photo = (change: Partial<FileView> = {}) => sampleFile(1, {filename: 'photo.jpg', ...change});

const dialogOf = async ({console, until}: Stage, files: readonly FileView[], places: Places = {}) => {
	const view = createDownloadDialog(console, files, places);
	await until(() => !lines(view).startsWith('To \n') && !lines(view).includes('Looking'));
	return view;
};

test('a download goes to ~/Downloads under a safe name, at once in a burst, and the place is remembered', async t => {
	const stage = await stageOf(t);
	const {root, console, base, downloads, until} = stage;
	await mkdir(path.join(root, 'Downloads'));
	press(createDownloadDialog(console, [photo({filename: '../e\u0000vil\n.jpg'})]), 'enter');
	await until(() => base.closed.length === 1);
	t.deepEqual(downloads, [{name: '../e\u0000vil\n.jpg', path: 'Downloads/.._e_vil_.jpg', isOverwriting: false}]);
	t.is(base.notices.at(-1)?.text, '1 download to ~/Downloads queued: 4 shows it');
	const closed = createDownloadDialog(console, [photo()]);
	press(closed, 'enter');
	closed.dispose?.();
	placesOf(console).downloadedTo = root;
	const view = createDownloadDialog(console, [photo()]);
	await until(() => /To ~\/photo\.jpg[^]*free there/.test(lines(view)));
	for (const area of areas)
		t.regex(paint(t, view, area), /photo\.jpg, 3\.3 MiB[^]*To ~\/photo\.jpg[^]*are free there[^]*Enter downloads/);
	t.is(downloads.length, 1);
});

test('what is there already is kept unless Ctrl-o asks for overwriting, and any edit takes that back', async t => {
	const stage = await stageOf(t);
	const {root, base, downloads, until} = stage;
	await write(root, 'photo.jpg', 'photo (2).jpg');
	const first = await dialogOf(stage, [photo()]);
	t.regex(paint(t, first, small), /photo\.jpg is there already: Enter keeps both[^]*photo \(3\)\.jpg/);
	press(first, 'enter');
	await until(() => downloads.length === 1);
	t.is(base.notices.at(-1)?.text, 'Queued as photo (3).jpg: 4 shows it');
	const second = await dialogOf(stage, [photo()]);
	press(second, 'ctrl-o');
	await until(() => lines(second).includes('Enter OVERWRITES photo.jpg'));
	press(second, 'backspace', 'g', 'enter');
	await until(() => downloads.length === 2);
	press(await dialogOf(stage, [photo()]), 'ctrl-o', 'enter');
	await until(() => downloads.length === 3);
	press(await dialogOf(stage, [photo({filename: 'new.jpg'})]), 'ctrl-o', 'ctrl-o', 'enter');
	await until(() => downloads.length === 4);
	t.deepEqual(
		downloads.map(({path: target, isOverwriting}) => [target, isOverwriting]),
		[
			['photo (3).jpg', false],
			['photo (4).jpg', false],
			['photo.jpg', true],
			['new.jpg', false],
		],
	);
	t.true(base.notices.some(({text}) => text === 'There is nothing to overwrite'));
});

test('a missing folder is made only after a second Enter, and Tab completes folders', async t => {
	const stage = await stageOf(t);
	const {root, base, downloads, until} = stage;
	await mkdir(path.join(root, 'pictures'));
	const view = await dialogOf(stage, [photo()]);
	press(view, 'ctrl-u', ...letters('~/pi'), 'tab', ...letters('2026/'));
	await until(() => lines(view).includes('~/pictures/2026 is not there'));
	press(view, 'enter', 'x', 'backspace');
	await until(() => lines(view).includes('Enter offers to make it'));
	t.deepEqual(await readdir(path.join(root, 'pictures')), []);
	press(view, 'enter', 'enter');
	await until(() => base.closed.length === 1);
	t.deepEqual(await readdir(path.join(root, 'pictures')), ['2026']);
	t.is(downloads[0]?.path, 'pictures/2026/photo.jpg');
});

test('several files go into one folder, each under a name of its own', async t => {
	const stage = await stageOf(t);
	const {root, downloads, until} = stage;
	await write(root, 'photo.jpg', 'note.txt/inside');
	const files = [photo(), photo(), photo({filename: 'note.txt'}), photo({filename: 'other'})];
	const view = await dialogOf(stage, files);
	t.regex(paint(t, view, small), /4 files, 13\.2 MiB: photo\.jpg[^]*3 of 4 are there already/);
	press(view, 'ctrl-o', 'enter');
	await until(() => downloads.length === 4);
	t.deepEqual(
		downloads.map(({path: target, isOverwriting}) => [target, isOverwriting]),
		[
			['photo.jpg', true],
			['photo (3).jpg', false],
			['note (2).txt', false],
			['other', false],
		],
	);
});

test('a target that cannot be, and a disk that is too small, are said before Enter', async t => {
	const stage = await stageOf(t);
	const {root, base, until} = stage;
	await write(root, 'file', 'shut/x');
	const view = await dialogOf(stage, [photo({size: Number.MAX_SAFE_INTEGER})]);
	t.regex(lines(view), /There is no room: 8 PiB are needed/);
	const words = async (typed: string, expected: RegExp) => {
		press(view, 'ctrl-u', ...letters(typed));
		await until(() => lines(view).startsWith(`To ${typed}\n`) && expected.test(lines(view)));
	};
	await words('~/file/', /is no folder: choose another place/);
	await words('~/file/below/photo.jpg', /is no folder, or lies in none/);
	await words(`~/${'x'.repeat(256)}`, /has too long a name/);
	press(view, 'ctrl-u', 'enter');
	await until(() => base.notices.at(-1)?.text === 'Type where to: a path');
	t.deepEqual(base.closed, []);
	if (isRoot) return;
	await chmod(path.join(root, 'shut'), 0o500);
	await words('~/shut/new', /You may not write in/);
});

test('a typed path means what a shell takes it for, and is completed as far as that is certain', t => {
	const folders = {home: '/home/ann', working: '/srv'};
	t.is(resolveTyped('~', folders), '/home/ann');
	t.is(resolveTyped('~/a/../b', folders), '/home/ann/b');
	t.is(resolveTyped('~bob', folders), '/srv/~bob');
	t.is(resolveTyped('', folders), '/srv');
	t.is(shortPath('/home/anna', folders), '/home/anna');
	t.deepEqual(splitTyped('~'), {folder: '~/', name: ''});
	t.deepEqual(splitTyped('a/b'), {folder: 'a/', name: 'b'});
	const all = [
		{name: 'Photos', isFolder: true},
		{name: 'photo.jpg', isFolder: false},
		{name: '.profile', isFolder: false},
	];
	t.is(completeTyped('x/P', all).typed, 'x/Photos/');
	t.is(completeTyped('x/ph', all).typed, 'x/photo.jpg');
	t.is(completeTyped('x/PHOTO', all).count, 2);
	t.is(completeTyped('x/PHOTO', all).typed, 'x/PHOTO');
	t.is(completeTyped('.', all).typed, '.profile');
	t.is(completeTyped('q', all).count, 0);
	t.is(pastedPath('/a/b\\ c\n'), '/a/b c');
	t.is(pastedPath('"/a b"'), '/a b');
});

test('whatever is written and whatever is there, completing keeps what was typed but for capitals, and is stable', t => {
	const seed = Date.now();
	t.log(`seed ${seed}`);
	const name = fc.stringMatching(/^[abA.é]{1,4}$/);
	const candidates = fc.array(fc.record({name, isFolder: fc.boolean()}), {maxLength: 8});
	fc.assert(
		fc.property(fc.stringMatching(/^[abA.é/]{0,6}$/), candidates, (typed, all) => {
			const once = completeTyped(typed, all).typed;
			t.true(once.toLowerCase().startsWith(typed.toLowerCase()));
			if (!once.endsWith('/')) t.is(completeTyped(once, all).typed.toLowerCase().startsWith(once.toLowerCase()), true);
		}),
		{seed},
	);
});

test('a line that is too long is cut where the cursor is not', t => {
	const seed = Date.now();
	t.log(`seed ${seed}`);
	const {theme} = createTestConsole();
	fc.assert(
		fc.property(
			fc.string({unit: 'grapheme', maxLength: 80}),
			fc.nat(90),
			fc.integer({min: 20, max: 60}),
			(text, back, width) => {
				const input = createLineInput(text);
				for (let step = 0; step < back; step++) input.key(event('left'));
				const {pieces} = inputLine('To ', input, width, theme);
				const all = pieces.map(piece => piece.text).join('');
				t.true(displayWidth(all) <= width, `${displayWidth(all)} of ${width}: ${JSON.stringify(all)}`);
				t.true(pieces.some(({isInverse}) => isInverse));
			},
		),
		{seed},
	);
});
