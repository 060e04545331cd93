import test, {type ExecutionContext} from 'ava';
import {type ManualClock, manualClock} from '../../daemon/testing/manual-clock.js';
import {startTestNetwork} from '../../daemon/testing/network.js';
import {type CheckLine, createApi, type ReplicationPage} from '../client/api.js';
import {AnswerError, UnreachableError} from '../client/errors.js';
import type {LiveState} from '../client/live-state.js';
import {type ActionId, bindingOf} from '../console/keymap.js';
import {createTheme} from '../console/theme.js';
import type {Area, Console, View} from '../console/view.js';
import {createDeleteDialog} from '../dialogs/delete-files.js';
import type {ChunkView, FileView} from '../protocol/api.js';
import {createTestConsole, type TestConsole} from '../testing/console.js';
import {renderLines, renderToText} from '../testing/render.js';
import {chordOf, type KeyEvent} from '../terminal/key.js';
import {displayWidth} from '../terminal/text.js';
import {createFilesScreen} from './files.js';

const NOW = Date.UTC(2026, 10, 23, 12);
const HOUR = 3_600_000;
const areas: Area[] = [
	{columns: 60, rows: 12},
	{columns: 80, rows: 21},
	{columns: 120, rows: 37},
	{columns: 200, rows: 57},
];
const idOf = (number: number) => number.toString(16).padStart(32, '0');
const turn = async () => new Promise<void>(resolve => setImmediate(resolve));

const fileOf = (number: number, more: Partial<FileView> = {}): FileView => ({
	file_id: idOf(number),
	filename: `file-${number}.txt`,
	size: number * 1024,
	uploaded_at: NOW - number * HOUR,
	status: 'completed',
	chunks_count: 1,
	type: 'text/plain',
	owner: '',
	visibility: 'network',
	shared_with: [],
	redundancy: {full: 1, partly: 0, none: 0},
	...more,
});

const shardStates: Record<number, ChunkView['shards'][number]['state'][]> = {
	0: ['offline', 'offline', 'offline'],
	1: ['online', 'offline', 'missing'],
	2: ['online', 'online', 'corrupt'],
	3: ['online', 'online', 'online'],
};

const chunkOf = (index: number, present: number): ChunkView => ({
	index,
	size: 10 * 1024 * 1024,
	wanted: 3,
	present,
	shards: (shardStates[present] ?? []).map((state, number) => ({
		node_id: `pjas-0000000${number}`,
		node_name: ['attic', 'cellar', 'garden'][number] ?? '',
		digest: 'a'.repeat(64),
		state,
		verified_at: NOW - 5 * HOUR,
	})),
});

/** A replication answer as the coordinator gives it, page by page. */
const pagesOf =
	(presents: readonly number[]) =>
	async (id: string, {limit = 1000, after = -1}: {limit?: number; after?: number} = {}): Promise<ReplicationPage> => {
		const chunks = presents.map((present, index) => chunkOf(index, present)).slice(after + 1, after + 1 + limit);
		const last = chunks.at(-1)?.index ?? -1;
		const next = last >= 0 && last < presents.length - 1 ? last : null;
		return Promise.resolve({success: true, file_id: id, chunks_count: presents.length, chunks, next_after: next});
	};

const filesState = (list: readonly FileView[], more: Partial<LiveState['files'] & object> = {}) => ({
	files: {list, total: list.length, isComplete: true, ...more},
});

type Given = Parameters<typeof createTestConsole>[0];

const consoleOf = (given: Given = {}): {console: TestConsole; clock: ManualClock} => {
	const clock = manualClock(NOW);
	return {console: {...createTestConsole({nowMs: NOW, ...given}), clock}, clock};
};

const press = (console: Console, view: View, ...keys: string[]) => {
	for (const key of keys) {
		const name = key === ' ' ? 'space' : key;
		const event: KeyEvent = {name, text: key.length === 1 ? key : '', ctrl: false, alt: false, shift: false};
		if (view.isTyping?.() === true && view.key?.(event) === true) continue;
		const action = view.actions().find(({id}) => bindingOf(id).keys.includes(chordOf(event)));
		if (action) console.run(action);
		else view.key?.(event);
	}
};

const has = (view: View, id: ActionId) => view.actions().some(action => action.id === id);

/** The picture is exactly as large as its area, and no line is wider. */
const assertFits = (t: ExecutionContext, view: View, area: Area): string => {
	const lines = renderLines(view.render(area), area);
	t.true(lines.length <= area.rows, `${lines.length} lines of ${area.rows}`);
	for (const line of lines) t.true(displayWidth(line) <= area.columns, `${displayWidth(line)} columns: ${line}`);
	return lines.join('\n');
};

const opened = (console: TestConsole): View => {
	const view = console.opened.at(-1);
	if (!view) throw new Error('Nothing was opened');
	view.show?.();
	return view;
};

const problemFiles = [
	fileOf(1),
	fileOf(2, {filename: 'holiday.mp4', chunks_count: 12, redundancy: {full: 9, partly: 3, none: 0}}),
	fileOf(3, {filename: 'tax.pdf', type: 'application/pdf', chunks_count: 4, redundancy: {full: 3, partly: 0, none: 1}}),
	fileOf(4, {
		filename: 'a\u001B[31m\n\u202Eevil 世界 👨‍👩‍👧.bin',
		redundancy: {full: 0, partly: 0, none: 0},
		chunks_count: 0,
	}),
];

test('the list says name, size and redundancy at every size, in words', t => {
	const {console} = consoleOf({live: filesState(problemFiles), api: {replication: pagesOf([3])}});
	const view = createFilesScreen(console);
	for (const area of areas) {
		const text = assertFits(t, view, area);
		t.regex(text, /▸.*file-1\.txt +1 KiB +full/);
		t.regex(text, /holiday\.mp4.*3 of 12 short/);
		t.regex(text, /tax\.pdf.*1 LOST/);
		t.false(text.includes('\u202E'));
		t.true(text.includes('\\u001b[31m') || area.columns < 80);
	}
});

test('an empty, a loading, an unreachable and a half-loaded list say what to do', t => {
	const {console} = consoleOf({api: {replication: pagesOf([3])}});
	const view = createFilesScreen(console);
	const [, area] = areas as [Area, Area];
	t.true(renderToText(view, area).includes('Asking the coordinator for its files'));
	console.put({connection: {state: 'stale', sinceMs: NOW, nextTryAtMs: NOW, error: 'nothing listens there'}});
	t.regex(renderToText(view, area), /nothing listens there[^]*Ctrl-r tries again/);
	console.put({connection: {state: 'live'}, ...filesState([])});
	t.true(renderToText(view, area).includes('No file is stored yet. Press u to upload one.'));
	t.deepEqual(view.describe().lines, ['No file is stored yet. Press u to upload one.']);
	console.put(filesState(problemFiles, {total: 100_000, isComplete: false}));
	t.true(renderToText(view, area).includes('4 of 100,000 files are here, the rest is coming'));
	press(console, view, '/', 'q', 'q', 'q', 'enter');
	t.true(renderToText(view, area).includes('Nothing passes the filter. Esc takes it away.'));
	t.true(view.back?.());
	t.true(renderToText(view, area).includes('holiday.mp4'));
});

test('the filter finds what is short, what is lost, an id and a type', t => {
	const {console} = consoleOf({live: filesState(problemFiles)});
	const view = createFilesScreen(console);
	const found = (line: string) => {
		press(console, view, '/', ...Array.from(line), 'enter');
		const {selection = ''} = view.describe();
		view.back?.();
		return selection.split(',')[0];
	};
	t.is(found('short'), 'holiday.mp4');
	t.is(found('lost'), 'tax.pdf');
	t.is(found(idOf(3)), 'tax.pdf');
	t.is(found('application/pdf'), 'tax.pdf');
});

test('the list can be sorted by each column, the worst redundancy first', t => {
	const {console} = consoleOf({live: filesState(problemFiles)});
	const view = createFilesScreen(console);
	const first = () => view.describe().selection?.split(',')[0];
	press(console, view, 's');
	t.true(first()?.startsWith('a\\u001b'));
	press(console, view, 's');
	t.true(first()?.startsWith('a\\u001b'));
	press(console, view, 's');
	t.is(first(), 'tax.pdf');
	press(console, view, 's', 'S');
	press(console, view, 'g');
	t.true(first()?.startsWith('a\\u001b'));
});

test('going to a file chooses it; one that is not in the list yet is asked for, and one that is gone is said to be', async t => {
	const asked: string[] = [];
	const {console} = consoleOf({
		live: filesState(problemFiles, {total: 9, isComplete: false}),
		api: {
			async file(id) {
				asked.push(id);
				await turn();
				if (id === idOf(9)) return fileOf(9);
				throw new AnswerError('File not found', {code: 'FILE_NOT_FOUND'});
			},
		},
	});
	const view = createFilesScreen(console);
	view.goTo?.({screen: 'files', filter: 'short'});
	t.true(view.describe().selection?.startsWith('holiday.mp4'));
	view.goTo?.({screen: 'files', file: idOf(3)});
	t.true(view.describe().selection?.startsWith('tax.pdf'));
	t.deepEqual(asked, []);
	view.goTo?.({screen: 'files', file: idOf(9)});
	await turn();
	await turn();
	t.true(view.describe().selection?.startsWith('file-9.txt'));
	console.put(filesState([...problemFiles, fileOf(9)]));
	t.is(view.describe().lines?.[0], '5 files');
	view.goTo?.({screen: 'files', file: idOf(8)});
	await turn();
	await turn();
	t.regex(console.notices.at(-1)?.text ?? '', /is no longer stored/);
});

test('the chosen file’s map is shown beside the list, asked for once it stays chosen', async t => {
	const asked: string[] = [];
	const {console, clock} = consoleOf({
		live: filesState(problemFiles),
		size: {columns: 120, rows: 40},
		api: {
			async replication(id, page) {
				asked.push(id);
				return pagesOf([3, 1, 2])(id, page);
			},
		},
	});
	const view = createFilesScreen(console);
	view.show?.();
	press(console, view, 'down', 'down');
	await clock.advance(100);
	press(console, view, 'up');
	await clock.advance(149);
	t.deepEqual(asked, []);
	await clock.advance(1);
	await turn();
	t.deepEqual(asked, [idOf(2)]);
	const text = assertFits(t, view, {columns: 120, rows: 37});
	t.regex(text, /2 short, 1 full/);
	t.regex(text, /0 31x/);
	press(console, view, 'down', 'up');
	await clock.advance(1000);
	t.deepEqual(asked, [idOf(2)]);
	view.hide?.();
	view.dispose?.();
	t.is(clock.sleepers(), 0);
});

test('reload asks for the list anew, y copies the id, and Enter opens the details', async t => {
	let reloads = 0;
	const {console} = consoleOf({live: filesState(problemFiles), api: {replication: pagesOf([3])}});
	console.live.reloadFiles = () => {
		reloads++;
	};
	const view = createFilesScreen(console);
	press(console, view, 'r', 'y', 'enter');
	t.is(reloads, 1);
	t.deepEqual(console.copied, [idOf(1)]);
	t.is(opened(console).title(), 'File file-1.txt');
	await turn();
});

const bigFile = fileOf(7, {
	filename: 'archive.tar',
	chunks_count: 512,
	size: 512 * 10 * 1024 * 1024,
	redundancy: {full: 509, partly: 2, none: 1},
});
const bigPresents = Array.from({length: 512}, (_, index) =>
	index === 100 ? 0 : index === 300 ? 1 : index === 400 ? 2 : 3,
);

const openBig = async (given: Given = {}) => {
	const {console, clock} = consoleOf({
		live: filesState([bigFile]),
		...given,
		api: {replication: pagesOf(bigPresents), ...given.api},
	});
	const screen = createFilesScreen(console);
	press(console, screen, 'enter');
	const view = opened(console);
	for (let wait = 0; wait < 8; wait++) await turn();
	return {console, clock, screen, view};
};

test('the details show the facts, the map, the chunks with the worst first, and the nodes of the chosen one', async t => {
	const {console, view} = await openBig();
	for (const area of areas) {
		const text = assertFits(t, view, area);
		t.true(text.includes('archive.tar'), text);
		t.regex(text, /digit: (sound )?copies.*x: .*corrupt.*!: (unreadable|not readable)/);
		t.regex(text, /▸ chunk 100 +NOT READABLE, 0 of 3/);
		t.regex(text, /attic +node offline +verified (2026-11-23 \d\d:00 \()?5 h ago/);
	}

	t.regex(renderToText(view, {columns: 80, rows: 21}), /1 not readable, 2 short, 509 full/);
	press(console, view, 'j');
	t.true(view.describe().selection?.startsWith('chunk 300, short, 1 of 3, missing copy'));
	press(console, view, 'l');
	t.true(view.describe().selection?.startsWith('chunk 301, full'));
	press(console, view, 'G');
	t.true(view.describe().selection?.startsWith('chunk 511,'));
	press(console, view, 'g', 'down', 'down');
	t.true(view.describe().selection?.startsWith('chunk 400, short, 2 of 3, CORRUPT copy'));
	t.true(view.describe().lines?.some(line => line.startsWith('garden: CORRUPT, verified')));
	const ascii = {...console, theme: createTheme('ascii', {})};
	const plain = createFilesScreen(ascii);
	press(ascii, plain, 'enter');
	const details = opened(console);
	for (let wait = 0; wait < 8; wait++) await turn();
	// eslint-disable-next-line no-control-regex -- Control characters are what it is about.
	t.regex(renderToText(details, {columns: 120, rows: 37}), /^[\x00-\x7F]*$/);
});

test('a change of the file, of a fault or of one of its nodes asks for the map again, and nothing else does', async t => {
	let asked = 0;
	const {console, clock, view} = await openBig({
		api: {
			async replication(id, page) {
				asked++;
				return pagesOf(bigPresents)(id, page);
			},
		},
	});
	const whole = asked;
	const node = {node_id: 'pjas-00000000', status: 'online'} as NonNullable<LiveState['nodes']>[number];
	const expect = async (loads: number, change: Partial<LiveState>) => {
		console.put(change);
		await clock.advance(1500);
		for (let wait = 0; wait < 8; wait++) await turn();
		t.is(asked, whole * loads);
	};

	await expect(1, {throughput: []});
	await expect(2, filesState([{...bigFile}]));
	await expect(2, {nodes: [node]});
	await expect(3, {nodes: [{...node, status: 'offline'}]});
	await expect(3, {
		nodes: [
			{...node, status: 'offline'},
			{...node, node_id: 'pjas-ffffffff'},
		],
	});
	await expect(3, {nodes: [{...node, status: 'offline', in_flight: 4}]});
	const fault = {index: 1, node_id: node.node_id, digest: 'a', kind: 'missing', atMs: NOW} as const;
	await expect(3, {faults: [{...fault, file_id: idOf(1)}]});
	await expect(4, {faults: [{...fault, file_id: bigFile.file_id}]});
	view.hide?.();
	await expect(4, {nodes: [node]});
	view.show?.();
	await expect(5, {});
	console.put(filesState([]));
	t.regex(renderToText(view, {columns: 80, rows: 21}), /no longer stored. Esc goes back/);
	view.dispose?.();
	await clock.advance(5000);
	t.is(clock.sleepers(), 0);
});

test('what goes wrong with the map is said, and it is asked for again when the coordinator is back', async t => {
	let isDown = true;
	const {console, view} = await openBig({
		api: {
			async replication(id, page) {
				if (isDown) throw new UnreachableError('http://127.0.0.1:3000 can’t be reached');
				return pagesOf(bigPresents)(id, page);
			},
		},
	});
	t.regex(renderToText(view, {columns: 80, rows: 21}), /can’t be reached \(r asks again\)/);
	console.put({connection: {state: 'stale', sinceMs: NOW, nextTryAtMs: NOW, error: 'x'}});
	isDown = false;
	console.put({connection: {state: 'live'}});
	for (let wait = 0; wait < 8; wait++) await turn();
	t.regex(renderToText(view, {columns: 80, rows: 21}), /1 not readable/);
});

type Step = CheckLine | Error;

/** A check that goes on by one step whenever it is told to, and ends as the network's does when it is aborted. */
const createSteps = () => {
	const waiting: Step[] = [];
	let wake = () => {};
	async function* check(_id: string, signal: AbortSignal): AsyncGenerator<CheckLine> {
		signal.addEventListener('abort', () => wake());
		for (;;) {
			const step = waiting.shift();
			signal.throwIfAborted();
			if (step instanceof Error) throw step;
			if (step) yield step;
			else await new Promise<void>(resolve => (wake = resolve));
			if (step?.event === 'done') return;
		}
	}

	return {
		check,
		take: async (...steps: Step[]) => {
			waiting.push(...steps);
			wake();
			for (let wait = 0; wait < 8; wait++) await turn();
		},
	};
};

const lineOf = (index: number, results: ('ok' | 'missing' | 'corrupt' | 'unreachable')[]): CheckLine => ({
	event: 'chunk',
	index,
	chunks_count: 4,
	wanted: 3,
	sound: results.filter(result => result === 'ok').length,
	shards: results.map(result => ({node_id: 'pjas-00000000', digest: 'a'.repeat(64), result})),
});
const done: CheckLine = {
	event: 'done',
	success: true,
	chunks_count: 4,
	ok: 0,
	missing: 0,
	corrupt: 0,
	unreachable: 0,
	checked_at: NOW,
};
const smallFile = fileOf(5, {filename: 'four.bin', chunks_count: 4, redundancy: {full: 4, partly: 0, none: 0}});

const openCheck = async () => {
	const steps = createSteps();
	const given = {live: filesState([smallFile]), api: {check: steps.check, replication: pagesOf([3, 3, 3, 3])}};
	const {console, clock} = consoleOf(given);
	const screen = createFilesScreen(console);
	press(console, screen, 'c');
	const view = opened(console);
	await steps.take();
	return {console, clock, screen, view, ...steps};
};

test('a check started from the list fills the map chunk by chunk, and says how it ended', async t => {
	const {console, view, take} = await openCheck();
	for (const area of areas) t.regex(assertFits(t, view, area), /Checking.*0 of 4 chunks[^]*0 \.\.\.\./);
	await take(lineOf(0, ['ok', 'ok', 'ok']), lineOf(1, ['ok', 'corrupt', 'missing']));
	for (const area of areas) {
		const text = assertFits(t, view, area);
		t.regex(text, /Checking.*2 of 4 chunks/);
		t.regex(text, /0 3x\.\./);
		t.regex(text, /4 right, 1 missing, 1 wrong, 0 unreachable/);
	}

	t.true(view.describe().lines?.some(line => line.startsWith('Check running, 2 of 4 chunks')));
	await take(lineOf(2, ['ok', 'ok', 'unreachable']), lineOf(3, ['ok', 'ok', 'ok']), done);
	t.is(console.notices.at(-1)?.tone, 'warn');
	t.regex(
		console.notices.at(-1)?.text ?? '',
		/^four.bin checked, it can be read. Shards: 9 right, 1 missing, 1 wrong, 1 unr/,
	);
	t.regex(renderToText(view, {columns: 80, rows: 21}), /Checked at .*: 4 of 4 chunks/);
});

test('x stops a check at once; leaving lets it go on, one for a file', async t => {
	const {console, view, screen, take} = await openCheck();
	t.true(has(view, 'file.stop-check'));
	t.false(has(view, 'file.delete'));
	t.false(view.back?.());
	view.hide?.();
	view.dispose?.();
	press(console, screen, 'c');
	t.regex(console.notices.at(-1)?.text ?? '', /A check of this file is under way/);
	press(console, screen, 'enter');
	const again = opened(console);
	await take(lineOf(0, ['ok', 'ok', 'ok']));
	t.regex(renderToText(again, {columns: 80, rows: 21}), /1 of 4 chunks/);
	press(console, again, 'x');
	await take();
	t.is(console.notices.at(-1)?.text, 'The check of four.bin was stopped after 1 chunk');
	t.true(has(again, 'file.delete'));
});

test('a check that is refused or cut off says what to do', async t => {
	const {console, view, take} = await openCheck();
	await take(new AnswerError('4 checks are under way', {code: 'TOO_MANY_REQUESTS', status: 429, retryAfterMs: 10_000}));
	t.is(console.notices.at(-1)?.text, 'The check of four.bin. 4 checks are under way. Press c in 10 s');
	press(console, view, 'c');
	await take(lineOf(0, ['ok', 'ok', 'ok']), new UnreachableError('the connection was cut off'));
	t.is(
		console.notices.at(-1)?.text,
		'The check of four.bin. It was cut off after 1 of 4 chunks: the connection was cut off. Press c to check again',
	);
	press(console, view, 'c');
	await take({event: 'error', success: false, error: 'The check failed', code: 'INTERNAL_ERROR'});
	t.regex(console.notices.at(-1)?.text ?? '', /It ended after 0 of 4 chunks: The check failed. Press c to check again/);
	t.regex(renderToText(view, {columns: 80, rows: 21}), /It ended after 0 of 4 chunks/);
});

test('at most four checks go at once, and all end with the console', async t => {
	const files = [1, 2, 3, 4, 5].map(number => fileOf(number));
	const signals: AbortSignal[] = [];
	const {console} = consoleOf({
		live: filesState(files),
		api: {
			replication: pagesOf([3]),
			async *check(_id, signal): AsyncGenerator<CheckLine> {
				signals.push(signal);
				await new Promise(resolve => signal.addEventListener('abort', resolve));
				yield* [];
			},
		},
	});
	const screen = createFilesScreen(console);
	for (const {file_id: id} of files) {
		screen.goTo?.({screen: 'files', file: id});
		press(console, screen, 'c');
	}

	t.is(signals.length, 4);
	t.regex(console.notices.at(-1)?.text ?? '', /^4 checks are under way/);
	screen.dispose?.();
	t.true(signals.every(({aborted}) => aborted));
	await turn();
	await turn();
	t.is(console.notices.length, 1);
});

test('deleting one file asks for y, and names what goes', async t => {
	const removed: string[] = [];
	const {console} = consoleOf({
		live: filesState(problemFiles),
		api: {
			async removeFile(id) {
				removed.push(id);
				await turn();
				return Date.UTC(2026, 11, 1);
			},
		},
	});
	const screen = createFilesScreen(console);
	press(console, screen, 'down', 'x');
	const dialog = opened(console);
	for (const area of areas) t.regex(assertFits(t, dialog, area), /into the trash[^]*holiday\.mp4, 2 KiB/);
	press(console, dialog, 'n');
	t.deepEqual(removed, []);
	press(console, screen, 'x');
	press(console, opened(console), 'y');
	await turn();
	await turn();
	t.deepEqual(removed, [idOf(2)]);
	t.is(console.notices.at(-1)?.tone, 'ok');
	t.regex(console.notices.at(-1)?.text ?? '', /^holiday\.mp4 deleted\. The trash \(t\) keeps it until 2026-1[12]-/);
});

test('deleting many asks for their number, goes four at a time, and names what failed', async t => {
	const files = Array.from({length: 12}, (_, index) => fileOf(index + 1));
	let atOnce = 0;
	let most = 0;
	const {console} = consoleOf({
		live: filesState(files),
		api: {
			async removeFile(id) {
				most = Math.max(most, ++atOnce);
				await turn();
				atOnce--;
				if (id === idOf(3)) throw new AnswerError('The catalogue is full', {code: 'CATALOG_UNAVAILABLE'});
				if (id === idOf(4)) throw new AnswerError('File not found', {code: 'FILE_NOT_FOUND'});
				return undefined;
			},
		},
	});
	const screen = createFilesScreen(console);
	press(console, screen, ...Array.from({length: 12}, () => ' '), 'x');
	const dialog = opened(console);
	t.regex(assertFits(t, dialog, {columns: 60, rows: 12}), /12 files, 78 KiB[^]*and 7 more[^]*Type 12 to delete them/);
	press(console, dialog, '1', 'enter');
	t.is(atOnce, 0);
	press(console, dialog, '2', 'enter');
	t.false(screen.describe().lines?.includes('12 marked'));
	for (let wait = 0; wait < 12; wait++) await turn();
	t.is(most, 4);
	t.deepEqual(console.notices.at(-1), {tone: 'bad', text: '11 of 12 files deleted. file-3.txt: The catalogue is full'});
});

test('deleting stops where the coordinator can’t be reached', async t => {
	let asked = 0;
	const {console} = consoleOf({
		api: {
			async removeFile() {
				asked++;
				await turn();
				throw new UnreachableError('nothing listens there');
			},
		},
	});
	const files = Array.from({length: 10}, (_, index) => fileOf(index));
	const dialog = createDeleteDialog(console, {files});
	press(console, dialog, '1', '0', 'enter');
	for (let wait = 0; wait < 12; wait++) await turn();
	t.is(asked, 4);
	t.regex(
		console.notices.at(-1)?.text ?? '',
		/^0 of 10 files deleted. file-0.txt: nothing listens there;.*and 1 more; 6 not tried$/,
	);
});

test('a file of 100,000 chunks is loaded in pages, and the shards of a chosen chunk are asked for', async t => {
	const presents = new Uint8Array(100_000).fill(3);
	presents[70_000] = 2;
	const page = async (id: string, {limit = 1000, after = -1}: {limit?: number; after?: number} = {}) => {
		const end = Math.min(presents.length, after + 1 + limit);
		const chunks = Array.from({length: end - after - 1}, (_, at) =>
			chunkOf(after + 1 + at, presents[after + 1 + at] ?? 0),
		);
		const next = end < presents.length ? end - 1 : null;
		return Promise.resolve({
			success: true as const,
			file_id: id,
			chunks_count: presents.length,
			chunks,
			next_after: next,
		});
	};
	const file = fileOf(1, {chunks_count: 100_000, redundancy: {full: 99_999, partly: 1, none: 0}});
	const {console, clock} = consoleOf({live: filesState([file]), api: {replication: page}});
	const screen = createFilesScreen(console);
	press(console, screen, 'enter');
	const view = opened(console);
	while (!view.describe().lines?.includes('Map: 1 short, 99999 full')) await turn();
	t.regex(assertFits(t, view, {columns: 120, rows: 37}), /Each cell is \d+ chunks, the worst shown/);
	t.true(view.describe().selection?.startsWith('chunk 70000, short, 2 of 3'));
	press(console, view, 'down');
	t.true(view.describe().selection?.startsWith('chunk 0, full'));
	t.regex(renderToText(view, {columns: 120, rows: 37}), /Asking which nodes keep it/);
	await clock.advance(100);
	await turn();
	t.regex(renderToText(view, {columns: 120, rows: 37}), /attic +online, sound/);
});

test('the filter finds the same whether or not its texts are written down already', async t => {
	const files = Array.from({length: 12_000}, (_, index) =>
		fileOf(index, index % 1000 === 7 ? {redundancy: {full: 0, partly: 1, none: 0}} : {}),
	);
	const count = async (waitMs: number) => {
		const {console, clock} = consoleOf({live: filesState(files), size: {columns: 80, rows: 24}});
		const view = createFilesScreen(console);
		view.show?.();
		await clock.advance(waitMs);
		press(console, view, '/', ...Array.from('SHORT'), 'enter');
		view.dispose?.();
		t.is(clock.sleepers(), 0);
		return view.describe().lines?.[0];
	};
	t.is(await count(0), '12 files, filtered from 12000');
	t.is(await count(1000), '12 files, filtered from 12000');
});

/** Waits until the picture says something: each change of the console is a chance. */
const until = async (console: TestConsole, holds: () => boolean): Promise<void> => {
	while (!holds()) {
		const before = console.changes();
		while (console.changes() === before) await turn();
	}
};

test('with a real network, the map finds a missing shard by a check, and the file can be deleted', async t => {
	const network = await startTestNetwork(t);
	const api = createApi(network.url);
	async function* body() {
		yield await Promise.resolve(Buffer.from('some bytes'));
	}

	const {file_id: id} = await api.upload({name: 'real.txt', body: body(), signal: new AbortController().signal});
	const [node] = network.nodes;
	for (const digest of node?.shards.kept.keys() ?? []) await node?.shards.remove(digest);
	const console = createTestConsole({live: filesState([await api.file(id)]), api});
	const screen = createFilesScreen(console);
	press(console, screen, 'enter');
	const view = opened(console);
	const says = (words: string) => () => renderToText(view, {columns: 120, rows: 37}).includes(words);
	await until(console, says('node 1    online, sound'));
	press(console, view, 'c');
	await until(console, says('2 right, 1 missing, 0 wrong, 0 unreachable'));
	await until(console, () => console.notices.length > 0);
	t.is(
		console.notices[0]?.text,
		'real.txt checked, it can be read. Shards: 2 right, 1 missing, 0 wrong, 0 unreachable',
	);
	press(console, view, 'r');
	await until(console, says('MISSING on its node'));
	t.true(says('short, 2 of 3, missing copy')());
	press(console, view, 'x');
	press(console, opened(console), 'y');
	while (console.notices.length < 2) await turn();
	t.is(console.notices[1]?.text, 'real.txt deleted. This network keeps no trash');
	t.deepEqual((await api.files({limit: 10})).files, []);
	view.dispose?.();
});
