import {mkdtemp, realpath, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import type {KeyringSession} from '../client/keyring-session.js';
import type {OpenedFile} from '../client/opened-files.js';
import type {Vault} from '../client/vault.js';
import type {Console, View} from '../console/view.js';
import {PjasError} from '../protocol/errors.js';
import {fileColumns} from '../screens/file-columns.js';
import {factLines, fileSentence} from '../screens/file-facts.js';
import {createTestConsole} from '../testing/console.js';
import {renderToText} from '../testing/render.js';
import {sampleFile} from '../testing/samples.js';
import {displayWidth} from '../terminal/text.js';
import {createPicker} from './picker.js';
import {downloadOpened} from './download-opened.js';
import {withKeyring} from './passphrase.js';

const vault = {known: () => undefined} as unknown as Vault;

/** A console whose keyring opens with `open sesame`. */
const stageOf = (isThere: boolean, files: OpenedFile[] = []) => {
	const tried: string[] = [];
	let opened: Vault | undefined;
	let changed = () => {};
	const keyring: KeyringSession = {
		vault: () => opened,
		exists: async () => Promise.resolve(isThere),
		async open(passphrase) {
			tried.push(passphrase);
			if (isThere && passphrase !== 'open sesame') throw new PjasError('WRONG_PASSPHRASE', 'That is not it');
			opened = vault;
			return Promise.resolve();
		},
	};
	const api = {file: async (id: string) => Promise.resolve(files.find(file => file.file_id === id) ?? sampleFile(1))};
	const base = createTestConsole({keyring, api});
	const console: Console = {
		...base,
		changed: () => changed(),
		close(view) {
			base.close(view);
			changed();
		},
	};
	const until = async (isSo: () => boolean) =>
		new Promise<void>(resolve => {
			changed = () => setImmediate(() => isSo() && resolve());
			changed();
		});
	return {console, base, tried, until};
};

const type = (view: View | undefined, text: string) => {
	for (const letter of text) view?.key?.({name: letter, text: letter, ctrl: false, alt: false, shift: false});
	view?.key?.({name: 'enter', text: '\r', ctrl: false, alt: false, shift: false});
};

const said = (view: View | undefined) => view?.describe().lines?.join(' ') ?? '';
const isAsking = (view: View | undefined) => () => view?.describe().selection === 'Passphrase';

const painted = (t: ExecutionContext, view: View | undefined) => {
	const area = {columns: 60, rows: 12};
	const text = view ? renderToText(view, area) : '';
	for (const line of text.split('\n')) t.true(displayWidth(line) <= area.columns, line);
	return text;
};

test('the passphrase is asked for once, is never shown, and a wrong one may be typed again', async t => {
	const {console, base, tried, until} = stageOf(true);
	let went = 0;
	withKeyring(console, () => went++);
	const [view] = base.opened;
	t.regex(painted(t, view), /Asking the coordinator/);
	await until(isAsking(view));
	for (const letter of 'wrong one') view?.key?.({name: letter, text: letter, ctrl: false, alt: false, shift: false});
	t.regex(painted(t, view), /Passphrase ·········/);
	t.notRegex(painted(t, view) + said(view), /wrong one/);
	type(view, '');
	await until(() => said(view).includes('That is not it'));
	t.regex(painted(t, view), /That is not it/);
	type(view, 'open sesame');
	await until(() => went === 1);
	t.deepEqual(tried, ['wrong one', 'open sesame']);
	t.deepEqual(base.closed, [view]);
	withKeyring(console, () => went++);
	t.is(went, 2);
	t.is(base.opened.length, 1);
});

test('a keyring is made with a passphrase that is long enough and typed twice', async t => {
	const {console, base, tried, until} = stageOf(false);
	let went = 0;
	withKeyring(console, () => went++);
	const [view] = base.opened;
	await until(isAsking(view));
	t.regex(painted(t, view), /makes your keyring/);
	type(view, 'short');
	t.regex(said(view), /at least 8 characters/);
	type(view, 'long enough');
	t.regex(said(view), /The same once more/);
	type(view, 'long enouhg');
	t.regex(said(view), /two passphrases/);
	type(view, 'long enough');
	type(view, 'long enough');
	await until(() => went === 1);
	t.deepEqual(tried, ['long enough']);
});

test('a dialog that was left opens nothing', async t => {
	const {console, base, until} = stageOf(true);
	withKeyring(console, () => t.fail());
	const [view] = base.opened;
	await until(isAsking(view));
	type(view, 'open sesame');
	view?.dispose?.();
	await until(() => console.keyring.vault() !== undefined);
	t.deepEqual(base.closed, []);
});

test('the picker seals what it uploads where that is asked for, and asks for the passphrase first', async t => {
	const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'pjas-sealing-')));
	t.teardown(async () => rm(folder, {recursive: true}));
	await writeFile(path.join(folder, 'diary.txt'), 'dear diary');
	const uploads: unknown[] = [];
	const {console, base, until} = stageOf(true);
	const transfers: Console['transfers'] = {
		...console.transfers,
		get: () => [],
		async upload(...given) {
			uploads.push(given);
			return Promise.resolve();
		},
	};
	const view = createPicker({...console, transfers, folders: {home: '/', working: folder}});
	const toggle = () => view.key?.({name: 'e', text: '', ctrl: true, alt: false, shift: false});
	const isSealing = () => view.describe().title.startsWith('Upload, sealed end to end, from');
	toggle();
	await until(isSealing);
	t.regex(painted(t, view), /Upload, sealed end to end/);
	toggle();
	toggle();
	await until(() => isSealing() && view.describe().selection !== undefined);
	type(view, '');
	await until(() => base.opened.length === 1);
	await until(isAsking(base.opened[0]));
	t.deepEqual(uploads, []);
	type(base.opened[0], 'open sesame');
	await until(() => uploads.length > 0);
	t.deepEqual(uploads, [[[path.join(folder, 'diary.txt')], {isSealed: true}]]);
});

test('a locked file is downloaded once its keyring is open, or it is said why not', async t => {
	const locked = sampleFile(1, {filename: 'sealed'});
	const files: OpenedFile[] = [{...locked, filename: 'diary.txt', seal: 'opened'}];
	const {console, base, until} = stageOf(true, files);
	downloadOpened(console, [{...locked, seal: 'locked'}]);
	const [asking] = base.opened;
	await until(isAsking(asking));
	type(asking, 'open sesame');
	await until(() => base.opened.length === 2);
	t.is(base.opened[1]?.describe().selection, 'diary.txt, 3.3 MiB');
	base.opened[1]?.dispose?.();

	files[0] = {...locked, seal: 'locked'};
	downloadOpened(console, [{...locked, seal: 'locked'}]);
	await until(() => base.notices.some(({text}) => text.includes('no key for it')));
	t.is(base.opened.length, 2);
});

test('a list, the facts and a sentence tell whether a file is sealed, open or changed by somebody', t => {
	const console = createTestConsole();
	const textOf = (file: OpenedFile) => {
		const cell = fileColumns(console.clock)[0]?.cell(file, 30);
		const facts = factLines(file, console, 100).map(({pieces}) => pieces.map(({text}) => text).join(''));
		return [
			[cell]
				.flat(2)
				.map(piece => (typeof piece === 'object' ? piece.text : piece))
				.join(''),
			facts.join('\n'),
			fileSentence(file),
		];
	};
	const open = sampleFile(1, {filename: 'diary.txt'});
	for (const [seal, short, long] of [
		['opened', /^e2e diary/, /end to end, open here/],
		['locked', /^e2e diary/, /locked here/],
		['broken', /^e2e! diary/, /end to end, and not as it was/],
	] as const) {
		const [cell, facts, sentence] = textOf({...open, seal});
		t.regex(cell ?? '', short);
		t.regex(facts ?? '', long);
		t.regex(sentence ?? '', long);
	}

	t.notRegex(textOf(open).join(), /e2e|seal/);
});
