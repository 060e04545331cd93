import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {bindingOf} from '../console/keymap.js';
import {createTheme} from '../console/theme.js';
import type {Area, View} from '../console/view.js';
import {createTestConsole, type TestConsole} from '../testing/console.js';
import {renderLines} from '../testing/render.js';
import {sampleNowMs} from '../testing/samples.js';
import {chordOf, type KeyEvent} from '../terminal/key.js';
import {displayWidth} from '../terminal/text.js';
import type {Transfer, Transfers} from '../transfers/transfer.js';
import {chunkMap, wrapWords} from './transfer-details.js';
import {percentOf, summaryOf} from './transfer-facts.js';
import {createTransfersScreen} from './transfers.js';

const MIB = 1024 * 1024;
const areas: Area[] = [
	{columns: 60, rows: 12},
	{columns: 80, rows: 21},
	{columns: 120, rows: 37},
	{columns: 200, rows: 57},
];

const transfer = (id: number, change: Partial<Transfer> = {}): Transfer => ({
	id,
	kind: 'upload',
	name: `photo-${id}.jpg`,
	path: `/home/ann/photo-${id}.jpg`,
	state: 'queued',
	sizeBytes: 95 * MIB,
	doneBytes: 0,
	doneChunks: 0,
	chunks: 10,
	rate: 0,
	remainingMs: undefined,
	queuedAtMs: sampleNowMs,
	...change,
});

const active = (id: number, change: Partial<Transfer> = {}) =>
	transfer(id, {
		state: 'active',
		doneBytes: 45 * MIB,
		doneChunks: 4,
		rate: 15.5 * MIB,
		remainingMs: 3000,
		...change,
	});

const problem = 'The folder /home/ann/films is not there: make it, or choose another one';
const list: readonly Transfer[] = [
	transfer(1, {
		state: 'done',
		doneBytes: 95 * MIB,
		doneChunks: 10,
		endedAtMs: sampleNowMs - 2000,
		fileId: 'a'.repeat(32),
	}),
	transfer(2, {state: 'done', doneBytes: 95 * MIB, doneChunks: 10, endedAtMs: sampleNowMs - 1000}),
	transfer(3, {state: 'failed', kind: 'download', problem, fileId: 'b'.repeat(32), endedAtMs: sampleNowMs}),
	active(4),
	active(5, {kind: 'download', name: 'a\u001B[31m\n\u202E世界👨‍👩‍👧.bin'}),
	transfer(6),
	transfer(7, {state: 'paused', doneBytes: 20 * MIB, doneChunks: 2}),
	transfer(8, {state: 'waiting', problem: 'The coordinator can’t be reached. It is tried again in 4 s'}),
];

const verbs = ['pause', 'resume', 'cancel', 'retry', 'clear'] as const;

/** A queue that writes down what it is asked for, and can be changed from outside. */
const queueOf = (initial: readonly Transfer[]) => {
	let now = initial;
	const asked: string[] = [];
	const listeners = new Set<() => void>();
	const transfers: Partial<Transfers> = {
		get: () => now,
		subscribe(listener) {
			listeners.add(listener);
			return () => void listeners.delete(listener);
		},
		...Object.fromEntries(verbs.map(verb => [verb, (id?: number) => void asked.push(`${verb} ${id ?? 'all'}`)])),
	};
	const put = (next: readonly Transfer[]) => {
		now = next;
		for (const listener of listeners) listener();
	};
	return {transfers, asked, put, listeners};
};

const press = (console: TestConsole, view: View, ...names: string[]) => {
	for (const name of names) {
		const text = name === 'space' ? ' ' : name.length === 1 ? name : '';
		const event: KeyEvent = {name, text, ctrl: false, alt: false, shift: false};
		if (view.isTyping?.() === true && view.key?.(event) === true) continue;
		const action = view.actions().find(({id}) => bindingOf(id).keys.includes(chordOf(event)));
		if (action) console.run(action);
		else view.key?.(event);
	}
};

const letters = (text: string) => Array.from(text);

const paint = (t: ExecutionContext, view: View, area: Area): string => {
	const lines = renderLines(view.render(area), area);
	t.true(lines.length <= area.rows, `${lines.length} lines of ${area.rows}`);
	for (const line of lines) t.true(displayWidth(line) <= area.columns, `${displayWidth(line)} columns: ${line}`);
	return lines.join('\n');
};

const given = (initial: readonly Transfer[], more: Parameters<typeof createTestConsole>[0] = {}) => {
	const queue = queueOf(initial);
	const console = createTestConsole({transfers: queue.transfers, ...more});
	return {...queue, console, view: createTransfersScreen(console)};
};

const selected = (view: View) => view.describe().selection?.split(',')[0];

test('the queue is shown at every size: what goes on first, what failed next, what ended last', t => {
	const {view} = given(list);
	for (const area of areas) {
		const text = paint(t, view, area);
		t.regex(text, /▸.*photo-4\.jpg.*up +uploading/);
		t.true(text.includes('47%'));
		t.false(text.includes('\u202E'));
		if (area.columns > 60) {
			t.true(text.includes('2 active, 1 waiting, 1 queued, 1 paused, 31 MiB/s, 1 failed'));
			t.regex(text, /15\.5 MiB\/s +3 s/);
		}

		if (area.rows < 21) continue;
		const order = [4, 8, 3, 6, 7, 2, 1].map(id => text.search(`photo-${id}.jpg`));
		t.deepEqual(
			order,
			[...order].sort((a, b) => a - b),
		);
	}
});

test('beside or below the list stands what is known of the chosen one', t => {
	const {console, view} = given(list);
	const wide = {columns: 120, rows: 37};
	t.regex(paint(t, view, wide), /progress +█+░+ 47%[^]*45 MiB of 95 MiB[^]*chunks +4\/10[^]*0 ████▸░+/);
	press(console, view, 'down', 'down', 'down');
	t.is(selected(view), 'download of photo-3.jpg');
	t.true(paint(t, view, {columns: 80, rows: 21}).includes(problem));
	t.true(
		paint(t, view, wide)
			.replace(/[│\s]+/g, ' ')
			.includes('problem The folder'),
	);
});

test('an empty queue says how to start, and read-only says nothing of uploads', t => {
	for (const area of areas)
		t.regex(paint(t, given([]).view, area), /u chooses files to upload\.[^]*d downloads the chosen/);
	t.notRegex(paint(t, given([], {isReadOnly: true}).view, areas[1] as Area), /u chooses/);
	t.is(given([]).view.describe().lines?.[0], 'Nothing is transferred.');
});

test('p pauses what goes on and lets go on what is paused, and says that an upload begins anew', t => {
	const {console, view, asked} = given(list);
	press(console, view, 'p');
	t.deepEqual(asked.splice(0), ['pause 4']);
	t.regex(console.notices.at(-1)?.text ?? '', /begins anew/);
	press(console, view, '/', ...letters('paused'), 'enter', 'p');
	t.deepEqual(asked.splice(0), ['resume 7']);
	t.regex(paint(t, view, areas[1] as Area), /An upload then begins anew/);
	press(console, view, '/', ...Array.from({length: 6}, () => 'backspace'), ...letters('done'), 'enter', 'p');
	t.deepEqual(asked, []);
	t.regex(console.notices.at(-1)?.text ?? '', /It has ended: r tries it again/);
});

test('cancelling asks where bytes are through already, and only then', t => {
	const {console, view, asked} = given(list);
	press(console, view, 'x');
	t.deepEqual(asked, []);
	const [question] = console.opened;
	if (!question) return t.fail('nothing was asked');
	t.regex(paint(t, question, areas[0] as Area), /45 MiB are uploaded already[^]*y cancel it/);
	press(console, question, 'y');
	t.deepEqual(asked.splice(0), ['cancel 4']);
	press(console, view, '/', ...letters('queued'), 'enter', 'x');
	t.deepEqual(asked, ['cancel 6']);
	t.is(console.opened.length, 1);
	return undefined;
});

test('marked ones are dealt with together; what does not fit a verb is passed by', t => {
	const {console, view, asked} = given(list);
	press(console, view, 'space', 'space', 'space', 'space', 'r');
	t.deepEqual(asked.splice(0), ['resume 8', 'retry 3']);
	t.notRegex(view.describe().lines?.join() ?? '', /marked/);
	press(console, view, 'G', 'c', 'C', 'y');
	t.deepEqual(asked, ['clear 1', 'clear all']);
	t.deepEqual(console.copied, ['a'.repeat(32)]);
	press(console, view, 'g', 'c', 'y');
	t.regex(console.notices.at(-1)?.text ?? '', /It has not ended/);
	t.is(console.copied.at(-1), '/home/ann/photo-4.jpg');
});

test('the details show the chunks and, once it was watched, the speed; they outlive the transfer', t => {
	let nowMs = sampleNowMs;
	const queue = queueOf(list);
	const base = createTestConsole({transfers: queue.transfers});
	const console = {...base, clock: {...base.clock, now: () => nowMs}};
	const view = createTransfersScreen(console);
	press(console, view, 'enter');
	const details = console.opened.at(-1);
	if (!details) return t.fail('nothing was opened');
	details.show?.();
	for (const rate of [1, 1, 2, 2, 4, 4, 6, 8]) {
		nowMs += 1000;
		queue.put(list.map(each => (each.id === 4 ? {...each, rate: rate * MIB} : each)));
	}

	for (const area of areas) t.regex(paint(t, details, area), /photo-4\.jpg[^]*uploading/);
	const text = paint(t, details, {columns: 80, rows: 21});
	t.regex(text, /0 ████▸░░░░░/);
	t.regex(text, /speed, at most 8 MiB\/s/);
	t.regex(text, /█/);
	press(console, details, 'p', 'y');
	t.deepEqual(queue.asked, ['pause 4']);
	t.is(console.copied.at(-1), '/home/ann/photo-4.jpg');
	queue.put([]);
	t.regex(paint(t, details, areas[0] as Area), /no longer in the list/);
	details.hide?.();
	t.is(queue.listeners.size, 0);
	return undefined;
});

test('a map of chunks has a cell for each, or one for many, and never more than its room', t => {
	const theme = createTheme('ascii', {});
	const seed = Date.now();
	t.log(`seed ${seed}`);
	const area = fc.record({columns: fc.integer({min: 20, max: 200}), rows: fc.integer({min: 2, max: 30})});
	fc.assert(
		fc.property(
			fc.integer({min: 1, max: 200_000}),
			fc.double({min: 0, max: 1, noNaN: true}),
			area,
			(chunks, part, room) => {
				const sizeBytes = chunks * 10 * MIB;
				const doneBytes = Math.floor(part * sizeBytes);
				const doneChunks = Math.floor(doneBytes / (10 * MIB));
				const lines = chunkMap(active(1, {chunks, sizeBytes, doneBytes, doneChunks}), room, theme);
				t.true(lines.length <= room.rows);
				const cells = lines
					.slice(0, -1)
					.map(({pieces}) =>
						pieces
							.slice(1)
							.map(({text}) => text)
							.join(''),
					)
					.join('');
				t.regex(cells, /^#*>?\.*$/);
				t.is(cells.includes('.') || cells.includes('>'), doneChunks < chunks);
			},
		),
		{seed},
	);
	t.deepEqual(chunkMap(transfer(1, {chunks: 0, sizeBytes: 0}), {columns: 40, rows: 5}, theme), []);
});

test('what ends while it is chosen stays chosen, and nothing is 100% before it is done', t => {
	const {console, view, put} = given(list);
	press(console, view, 'down');
	const before = selected(view);
	put(list.map(each => (each.id === 4 ? {...each, state: 'done' as const, endedAtMs: sampleNowMs} : each)));
	t.is(selected(view), before);
	t.is(percentOf(active(1, {doneBytes: 95 * MIB})), '99%');
	t.is(percentOf(active(1, {sizeBytes: undefined})), '?');
	t.is(percentOf(transfer(1, {state: 'done', sizeBytes: 0})), '100%');
	t.is(summaryOf([]), '');
	t.regex(view.describe().lines?.join() ?? '', /1 active/);
});

test('words are wrapped between words, and a long one is cut', t => {
	t.deepEqual(wrapWords('what happened and why', 13), ['what happened', 'and why']);
	t.deepEqual(wrapWords('/a/very/long/path here', 10), ['/a/very/lo', 'ng/path', 'here']);
	t.deepEqual(wrapWords('', 10), []);
});
