import {Writable} from 'node:stream';
import test from 'ava';
import xterm from '@xterm/headless';
import fc from 'fast-check';
import {createSurface, type SurfaceOptions} from './surface.js';

/** An emulator, and an output that leads to it: each write is kept, and can be held up. */
const open = (columns: number, rows: number, options: Partial<SurfaceOptions> = {}) => {
	const emulator = new xterm.Terminal({cols: columns, rows, allowProposedApi: true});
	emulator.write('\u001B[?7l');
	const writes: string[] = [];
	const held: (() => void)[] = [];
	const state = {isSlow: false};
	const output = new Writable({
		decodeStrings: false,
		write(chunk: string, _encoding, done) {
			writes.push(chunk);
			emulator.write(chunk);
			if (state.isSlow) held.push(done);
			else done();
		},
	});
	const surface = createSurface({output, columns, rows, colors: true, isSynchronized: false, ...options});
	return {
		surface,
		output,
		emulator,
		writes,
		held,
		state,
		show(frame: string) {
			surface.stdout.write(frame);
		},
		/** All that was written since the last call. */
		async taken() {
			await new Promise<void>(resolve => emulator.write('', resolve));
			return writes.splice(0).join('');
		},
	};
};

type Opened = ReturnType<typeof open>;

/** Every cell as the emulator has it. */
const screen = async ({emulator}: Opened): Promise<string[]> => {
	await new Promise<void>(resolve => emulator.write('', resolve));
	const buffer = emulator.buffer.active;
	return Array.from({length: emulator.rows}, (_, row) => {
		const line = buffer.getLine(buffer.baseY + row);
		return Array.from({length: emulator.cols}, (__, column) => {
			const cell = line?.getCell(column);
			if (!cell) return '?';
			const look = [cell.isBold(), cell.isDim(), cell.isInverse(), cell.isUnderline(), cell.isItalic()];
			const colors = [cell.getFgColorMode(), cell.getFgColor(), cell.getBgColorMode(), cell.getBgColor()];
			return [cell.getChars() || ' ', cell.getWidth(), ...look.map(Number), ...colors].join(',');
		}).join('|');
	});
};

const text = async ({emulator}: Opened): Promise<string[]> => {
	await new Promise<void>(resolve => emulator.write('', resolve));
	const buffer = emulator.buffer.active;
	return Array.from({length: emulator.rows}, (_, row) => buffer.getLine(row)?.translateToString(true) ?? '');
};

const grid = (change: (row: number) => string = row => `row ${row}`) =>
	Array.from({length: 40}, (_, row) => `│ ${change(row).padEnd(116)} │`).join('\n');

const bytes = (written: string) => Buffer.byteLength(written);

test('a frame is painted in one write, and the same frame again writes nothing', async t => {
	const opened = open(120, 40, {isSynchronized: true});
	opened.show(grid());
	t.is(opened.writes.length, 1);
	t.true(opened.writes[0]?.startsWith('\u001B[?2026h\u001B[H\u001B[2J'));
	t.true(opened.writes[0]?.endsWith('\u001B[?2026l'));
	t.true(bytes(await opened.taken()) <= 10_000);
	opened.show(grid());
	opened.show(`${grid()}\u001B[0m`);
	t.deepEqual(opened.writes, []);
	t.is((await text(opened))[39], `│ ${'row 39'.padEnd(116)} │`);
});

test('one changed cell, and a bar that moved, cost few bytes', async t => {
	const opened = open(120, 40, {isSynchronized: true});
	opened.show(grid());
	await opened.taken();
	opened.show(grid(row => (row === 20 ? 'row 2x' : `row ${row}`)));
	const one = bytes(await opened.taken());
	t.true(one <= 40, String(one));

	const bar = (chosen: number) =>
		grid(row => {
			const line =
				`node-${row} alice  attic      online  █████░░░░░ 12.3 GiB / 100 GiB   412 shards  12 ms   2 s ago  2.0.0`.padEnd(
					116,
				);
			return row === chosen ? `\u001B[7m${line}\u001B[27m` : line;
		});
	opened.show(bar(5));
	await opened.taken();
	opened.show(bar(6));
	const moved = bytes(await opened.taken());
	t.true(moved <= 500, String(moved));
});

test('unchanged cells between two changes are passed over the shorter way', async t => {
	const opened = open(80, 3);
	opened.show('aaaaaaaaaaaaaaaaaaaaaaaa');
	await opened.taken();
	opened.show('baabaaaaaaaaaaaaaaaaaaab');
	t.is(await opened.taken(), '\u001B[HbaabX'.replace('X', '\u001B[19Cb'));
	opened.show('baabaaaaaaaaaaaaaaaaaaab\nc\nd');
	t.is(await opened.taken(), '\u001B[2Hc\r\nd');
	opened.show('\n\n');
	t.is(await opened.taken(), '\u001B[H\u001B[K\r\n \r\n ');
});

const styles = [
	'',
	'\u001B[1m',
	'\u001B[7m',
	'\u001B[31m',
	'\u001B[42m',
	'\u001B[38;5;208m',
	'\u001B[48;2;1;2;3m',
	'\u001B[2;4m',
];
const parts = [
	...[
		'a',
		'bc',
		'   ',
		'──',
		'█',
		'文',
		'文件',
		'é',
		'e\u0301',
		'👍',
		'👩‍👩‍👧',
		'☀️',
		'🇩🇪',
		'שלום',
		'क्षि',
		'1️⃣',
		'한',
		'ﾞ',
	],
	...['\u0007', '\u001B[2J', '\u001B]0;title\u0007', '\u001B', '\u200B', '\t', '\u009B', '\u001B[5;5Hx'],
];
const lineOf = fc
	.array(fc.tuple(fc.constantFrom(...styles), fc.constantFrom(...parts)), {maxLength: 14})
	.map(spans => spans.map(([style, part]) => `${style}${part}${style === '' ? '' : '\u001B[0m'}`).join(''));
const frameOf = fc.array(lineOf, {minLength: 1, maxLength: 8});

/** Changes a few lines of the last frame, as updates do, or all of them. */
const nextFrame = fc.tuple(frameOf, fc.array(fc.nat(7), {minLength: 1, maxLength: 3}), fc.boolean());

test('1,000 random updates give the same screen as a full repaint', async t => {
	const seed = Math.floor(Math.random() * 0x7fff_ffff);
	t.log(`seed ${seed}`);
	for (const columns of [7, 24]) {
		const opened = open(columns, 8);
		let lines: readonly string[] = [];
		for (const [fresh, places, isWhole] of fc.sample(nextFrame, {seed, numRuns: 500})) {
			lines = isWhole
				? fresh
				: Array.from({length: 8}, (_, row) => (places.includes(row) ? fresh[0] : lines[row]) ?? '');
			opened.show(`${lines.join('\n')}\n`);
			const anew = open(columns, 8);
			anew.show(`${lines.join('\n')}\n`);
			const [shown, wanted] = [await screen(opened), await screen(anew)];
			if (shown.join('\n') !== wanted.join('\n')) t.deepEqual(shown, wanted, JSON.stringify({seed, columns, lines}));
			anew.emulator.dispose();
		}

		t.is(opened.emulator.buffer.active.baseY, 0);
	}
});

test('nothing behind a character of disputed width is shifted', async t => {
	const opened = open(20, 2);
	for (const part of ['👩‍👩‍👧', '☀️', '👍', '🇩🇪', 'é', '文', '█', 'e\u0301']) {
		const width = ['é', '█', 'e\u0301'].includes(part) ? 1 : 2;
		opened.show(`${part}${' '.repeat(2 - width)}|end`);
		const [line = ''] = await text(opened);
		// The emulator counts as in Unicode 6, where most emoji are narrow: a place stays free.
		t.regex(line, /.+\|end$/);
		const cells = opened.emulator.buffer.active.getLine(0);
		t.is(cells?.getCell(2)?.getChars(), '|', part);
	}
});

test('a wide character that only half fits is left out, and what is too long is cut off', async t => {
	const opened = open(5, 2);
	opened.show('abcd文\n文文文\nnot seen');
	t.deepEqual(await text(opened), ['abcd', '文文']);
	opened.show('abc文\nabcdefgh');
	t.deepEqual(await text(opened), ['abc文', 'abcde']);
});

test('what could be obeyed is not', async t => {
	const opened = open(30, 3);
	let title = '';
	opened.emulator.onTitleChange(changed => (title = changed));
	opened.show('one\u001B[2J\u001B[5;5H\u001B]0;bad\u0007 two\u0007\u009B2J\u001B');
	t.deepEqual(await text(opened), ['one two??2J?', '', '']);
	t.is(title, '');
});

test('without colours, inverse, bold and underlined stay', async t => {
	const opened = open(20, 1, {colors: false});
	opened.show('\u001B[31ma\u001B[1mb\u001B[22;7;48;5;3mc\u001B[0m\u001B[38;2;1;2;3;4md\u001B[m');
	t.is(await opened.taken(), '\u001B[H\u001B[2J\u001B[Ha\u001B[1mb\u001B[0;7mc\u001B[0;4md\u001B[m');
});

test('while the output is held up only the newest frame is kept, and painted when it goes on', async t => {
	const opened = open(20, 1);
	opened.show('0');
	await opened.taken();
	opened.state.isSlow = true;
	for (let frame = 1; frame <= 100; frame++) opened.show(String(frame));
	t.is(opened.writes.length, 1);
	opened.state.isSlow = false;
	opened.held.splice(0).forEach(done => done());
	await new Promise<void>(resolve => setImmediate(resolve));
	t.is(opened.writes.length, 2);
	t.deepEqual(await text(opened), ['100']);
});

test('with a clock, it waits for the terminal after some kilobytes, and goes on when there is no answer', async t => {
	const timers: (() => void)[] = [];
	const opened = open(120, 40, {
		clock: {
			timer(_ms, run) {
				timers.push(run);
				return () => void timers.splice(0, timers.length, ...timers.filter(timer => timer !== run));
			},
		},
	});
	opened.show(grid(row => String(row).repeat(50)));
	t.true((await opened.taken()).endsWith('\u001B[5n'));
	opened.show(grid(() => 'a'.repeat(100)));
	opened.show(grid(() => 'b'.repeat(100)));
	t.is(await opened.taken(), '');
	opened.surface.acknowledge();
	t.true((await opened.taken()).endsWith('\u001B[5n'));
	t.regex((await text(opened))[0] ?? '', /bbb/);
	opened.show(grid(() => 'c'.repeat(100)));
	t.is(await opened.taken(), '');
	timers.shift()?.();
	t.regex(await opened.taken(), /c/);
	const ended = opened.surface.end();
	opened.surface.acknowledge();
	await ended;
	t.deepEqual(timers, []);
});

test('a resize and a repaint erase once and paint all', async t => {
	const opened = open(20, 2);
	opened.show('one\ntwo');
	await opened.taken();
	opened.surface.repaint();
	t.is(await opened.taken(), '\u001B[H\u001B[2J\u001B[Hone\r\ntwo');
	let size: unknown;
	opened.surface.stdout.on('resize', () => {
		size = [opened.surface.stdout.columns, opened.surface.stdout.rows];
		opened.show('three');
	});
	opened.emulator.resize(10, 3);
	opened.surface.resize(10, 3);
	t.deepEqual(opened.writes, []);
	await new Promise<void>(resolve => setImmediate(resolve));
	t.is(await opened.taken(), '\u001B[H\u001B[2J\u001B[Hthree');
	t.deepEqual(size, [10, 3]);
	t.deepEqual(await text(opened), ['three', '', '']);
});

test('while paused nothing is written, and the newest frame is painted afterwards', async t => {
	const opened = open(20, 1);
	opened.show('one');
	await opened.taken();
	opened.surface.pause();
	opened.show('two');
	t.is(await opened.taken(), '');
	opened.surface.repaint();
	t.is(await opened.taken(), '\u001B[H\u001B[2J\u001B[Htwo');
});

test('a terminal that is gone is no crash, and ends the wait', async t => {
	const errors: Error[] = [];
	const opened = open(20, 1, {onError: error => errors.push(error)});
	opened.state.isSlow = true;
	opened.show('one');
	const ended = opened.surface.end();
	opened.output.destroy(Object.assign(new Error('write EIO'), {code: 'EIO'}));
	await ended;
	opened.show('two');
	opened.surface.repaint();
	t.deepEqual(
		errors.map(({message}) => message),
		['write EIO'],
	);
});
