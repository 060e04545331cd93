import test from 'ava';
import fc from 'fast-check';
import {chordOf, type KeyEvent} from './key.js';
import {createKeyParser} from './keys.js';

/** A clock that a test moves, and what the parser said. */
const open = () => {
	const keys: KeyEvent[] = [];
	const replies: string[] = [];
	let nowMs = 0;
	const timers = new Set<{dueMs: number; run: () => void}>();
	const parser = createKeyParser({
		clock: {
			timer(afterMs, run) {
				const timer = {dueMs: nowMs + afterMs, run};
				timers.add(timer);
				return () => timers.delete(timer);
			},
		},
		escapeDelayMs: 50,
		emit: key => keys.push(key),
		onReply: reply => replies.push(reply),
	});
	return {
		...parser,
		keys,
		replies,
		timers,
		chords: () => keys.map(key => chordOf(key)),
		pass(ms: number) {
			nowMs += ms;
			for (const timer of timers) {
				if (timer.dueMs > nowMs) continue;
				timers.delete(timer);
				timer.run();
			}
		},
	};
};

const read = (input: string) => {
	const parser = open();
	parser.feed(Buffer.from(input));
	parser.pass(5000);
	return parser;
};

/** What terminals send for a key: xterm, linux, rxvt, tmux, screen, putty, kitty. */
const encodings: Readonly<Record<string, readonly string[]>> = {
	up: ['\u001B[A', '\u001BOA', '\u001B[1;1A', '\u001B[57419u'],
	down: ['\u001B[B', '\u001BOB'],
	right: ['\u001B[C', '\u001BOC'],
	left: ['\u001B[D', '\u001BOD'],
	home: ['\u001B[H', '\u001BOH', '\u001B[1~', '\u001B[7~'],
	end: ['\u001B[F', '\u001BOF', '\u001B[4~', '\u001B[8~'],
	insert: ['\u001B[2~'],
	delete: ['\u001B[3~'],
	pageup: ['\u001B[5~'],
	pagedown: ['\u001B[6~'],
	f1: ['\u001BOP', '\u001B[11~', '\u001B[[A', '\u001B[P'],
	f2: ['\u001BOQ', '\u001B[12~', '\u001B[[B'],
	f3: ['\u001BOR', '\u001B[13~', '\u001B[[C'],
	f4: ['\u001BOS', '\u001B[14~', '\u001B[[D'],
	f5: ['\u001B[15~', '\u001B[[E'],
	f6: ['\u001B[17~'],
	f7: ['\u001B[18~'],
	f8: ['\u001B[19~'],
	f9: ['\u001B[20~'],
	f10: ['\u001B[21~'],
	f11: ['\u001B[23~'],
	f12: ['\u001B[24~'],
	enter: ['\r', '\n', '\u001BOM', '\u001B[13u', '\u001B[57414u'],
	tab: ['\t', '\u001B[9u'],
	'shift-tab': ['\u001B[Z', '\u001B[9;2u', '\u001B[27;2;9~', '\u001B[1;2Z'],
	backspace: ['\u007F', '\u001B[127u'],
	'alt-backspace': ['\u001B\u007F', '\u001B[127;3u'],
	'alt-enter': ['\u001B\r', '\u001B[13;3u'],
	escape: ['\u001B[27u', '\u001B[27;1;27~'],
	'ctrl-up': ['\u001B[1;5A', '\u001BOa', '\u001BO1;5A'],
	'shift-up': ['\u001B[1;2A', '\u001B[a'],
	'alt-up': ['\u001B[1;3A'],
	'ctrl-alt-shift-left': ['\u001B[1;8D'],
	'ctrl-f5': ['\u001B[15;5~', '\u001B[15^'],
	'shift-home': ['\u001B[1;2H', '\u001B[7$'],
	'ctrl-shift-end': ['\u001B[1;6F', '\u001B[8@'],
	'ctrl-delete': ['\u001B[3;5~', '\u001B[3^'],
	'ctrl-c': ['\u0003', '\u001B[99;5u', '\u001B[27;5;99~', '\u001B[99;5:1u'],
	'ctrl-h': ['\u0008'],
	'ctrl-z': ['\u001A'],
	'ctrl-i': ['\u001B[105;5u'],
	'ctrl-space': ['\0', '\u001B[32;5u'],
	'ctrl-\\': ['\u001C'],
	'ctrl-_': ['\u001F'],
	'ctrl-shift-a': ['\u001B[97;6u', '\u001B[27;6;65~'],
	'alt-x': ['\u001Bx', '\u001B[120;3u'],
	'alt-A': ['\u001BA', '\u001B[97;4u'],
	'alt-é': ['\u001Bé'],
	space: [' ', '\u001B[32u'],
	a: ['a', '\u001B[97u'],
	G: ['G', '\u001B[103;2u', '\u001B[103:71;2u', '\u001B[27;2;71~'],
	'/': ['/', '\u001BOo', '\u001B[57409u'.replace('57409', '57410')],
	7: ['7', '\u001BOw', '\u001B[57406u'],
	é: ['é'],
	文: ['文'],
	'👩‍👩‍👧': ['👩‍👩‍👧'],
	'🇩🇪': ['🇩🇪'],
};

const known = Object.entries(encodings).flatMap(([chord, all]) => all.map(bytes => ({chord, bytes})));

test('every key of every terminal is understood', t => {
	for (const {chord, bytes} of known) t.deepEqual(read(bytes).chords(), [chord], JSON.stringify(bytes));
});

test('keys write what they should, and only those that write', t => {
	t.deepEqual(
		read('aG é\u0001\r\t\u001Bx\u001B[A').keys.map(({text}) => text),
		['a', 'G', ' ', 'é', '', '', '', '', ''],
	);
});

test('a hundred keys in one packet are a hundred keys', t => {
	t.deepEqual(
		read('j'.repeat(100)).chords(),
		Array.from({length: 100}, () => 'j'),
	);
	t.is(read('\u001B[B'.repeat(100)).keys.length, 100);
});

test('any known keys in a row are those keys, however they were cut into packets', t => {
	fc.assert(
		fc.property(fc.array(fc.constantFrom(...known), {maxLength: 30}), fc.infiniteStream(fc.nat(9)), (keys, sizes) => {
			const bytes = Buffer.from(keys.map(key => key.bytes).join(''));
			const parser = open();
			for (let at = 0; at < bytes.length;) {
				const size = sizes.next().value as number;
				parser.feed(bytes.subarray(at, at + size));
				at += size;
			}

			parser.pass(5000);
			t.deepEqual(
				parser.chords(),
				keys.map(({chord}) => chord),
			);
			t.deepEqual(parser.replies, []);
		}),
	);
});

const replies = [
	'\u001B[?2026;2$y',
	'\u001B[?62;22c',
	'\u001B[>0;276;0c',
	'\u001B[12;40R',
	'\u001B[I',
	'\u001B[O',
	'\u001B[<0;3;4M',
	'\u001B[<0;3;4m',
	'\u001B[M !!',
	'\u001B]11;rgb:ffff/ffff/ffff\u0007',
	'\u001B]11;rgb:0000/0000/0000\u001B\\',
	'\u001BP1+r436f\u001B\\',
	'\u001B[99;5:3u',
	'\u001B[57358u',
	'\u001B[29~',
	'\u001B[E',
];

test('answers of the terminal and unknown sequences are never typed', t => {
	for (const reply of replies) {
		const parser = read(`a${reply}b`);
		t.deepEqual(parser.chords(), ['a', 'b'], JSON.stringify(reply));
		t.deepEqual(parser.replies, [reply]);
	}
});

const pieces = fc.oneof(
	fc.constantFrom(...known.map(({bytes}) => bytes)),
	fc.constantFrom(...replies),
	fc.constantFrom(
		'\u001B',
		'\u001B[',
		'\u001B[1;',
		'\u001BO',
		'\u001B]0;x',
		'\u001B[200~',
		'\u001B[201~',
		'\u009B',
		'\u001B[\u001B',
	),
	fc.string({unit: 'grapheme-ascii'}),
	fc.constantFrom('ᄀ', '👍🏽', '\u0600', '한', 'क', '𝒳'),
);

test('any bytes give the same keys however they were cut into packets', t => {
	fc.assert(
		fc.property(
			fc.array(pieces, {maxLength: 20}),
			fc.array(fc.integer({min: 1, max: 7}), {minLength: 1}),
			(parts, sizes) => {
				const bytes = Buffer.from(parts.join(''));
				const parser = open();
				for (let at = 0, turn = 0; at < bytes.length; turn++) {
					const size = sizes[turn % sizes.length] ?? 1;
					parser.feed(bytes.subarray(at, at + size));
					at += size;
				}

				parser.pass(5000);
				const whole = read(parts.join(''));
				t.deepEqual(parser.keys, whole.keys);
				t.deepEqual(parser.replies, whole.replies);
				t.is(parser.timers.size, 0);
			},
		),
		{numRuns: 500},
	);
});

test('a lone ESC is Escape only after the delay, so a sequence may be cut behind it', t => {
	const parser = open();
	parser.feed('\u001B');
	parser.pass(49);
	t.deepEqual(parser.chords(), []);
	parser.feed('[B');
	t.deepEqual(parser.chords(), ['down']);
	parser.feed('\u001B');
	parser.pass(50);
	t.deepEqual(parser.chords(), ['down', 'escape']);
	parser.feed('\u001B\u001B');
	t.deepEqual(parser.chords(), ['down', 'escape', 'escape']);
	parser.pass(50);
	t.is(parser.keys.length, 4);
});

test('a sequence that is cut further on waits longer, and is dropped when its rest never comes', t => {
	const parser = open();
	parser.feed('\u001B[1;');
	parser.pass(500);
	parser.feed('5A');
	t.deepEqual(parser.chords(), ['ctrl-up']);
	parser.feed('\u001B[1;');
	parser.pass(1000);
	parser.feed('x');
	t.deepEqual(parser.chords(), ['ctrl-up', 'x']);
	parser.feed('\u001B[');
	parser.pass(50);
	t.deepEqual(parser.chords(), ['ctrl-up', 'x', 'alt-[']);
});

test('plain letters do not wait, and what was no UTF-8 is dropped', t => {
	const parser = open();
	parser.feed('aй');
	t.deepEqual(parser.chords(), ['a', 'й']);
	parser.feed(Buffer.from([0xff, 0x62]));
	t.deepEqual(parser.chords(), ['a', 'й', 'b']);
});

test('a paste is one event, in however many packets it comes', t => {
	const parser = open();
	for (const part of ['x\u001B[20', '0~one\r\ntw', 'o\rthree\tq\u001B[2J\u0000', '\u001B[A\u001B[20', '1~y'])
		parser.feed(part);
	t.deepEqual(parser.chords(), ['x', 'paste', 'y']);
	t.is(parser.keys[1]?.text, 'one\ntwo\nthree\tq[2J[A');
});

test('a paste that never ends is given after a second of silence', t => {
	const parser = open();
	parser.feed('\u001B[200~one');
	parser.pass(900);
	parser.feed(' two');
	parser.pass(900);
	t.deepEqual(parser.chords(), []);
	parser.pass(100);
	parser.feed('j');
	t.deepEqual(parser.chords(), ['paste', 'j']);
	t.is(parser.keys[0]?.text, 'one two');
});

test('of a paste above a mebibyte the beginning is given, and the rest is not typed', t => {
	const parser = open();
	parser.feed('\u001B[200~');
	for (let part = 0; part < 40; part++) parser.feed('x'.repeat(65_536));
	parser.feed('\u001B[201~j');
	t.deepEqual(parser.chords(), ['paste', 'j']);
	t.is(parser.keys[0]?.text.length, 1_048_576);
});

test('a closed parser says nothing more and waits for nothing', t => {
	const parser = open();
	parser.feed('\u001B');
	parser.close();
	parser.feed('a');
	parser.pass(5000);
	t.deepEqual(parser.keys, []);
	t.is(parser.timers.size, 0);
});
