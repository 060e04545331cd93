import test from 'ava';
import fc from 'fast-check';
import stringWidth from 'string-width';
import {displayWidth, graphemes, padEnd, padStart, printable, truncate, truncateMiddle} from './text.js';

const hostile = fc.oneof(
	fc.string({unit: 'binary'}),
	fc.string({unit: 'grapheme'}),
	fc
		.array(
			fc.constantFrom(
				...['a', ' ', '\u001B[2J', '\n', '\t', '\u202E', '\u200B', '\u200D', '\u0301', '\uFE0F', '文', '👩‍👩‍👧', '🇩', '🇩🇪'],
				...['1️⃣', 'é', 'שלום', '\u0600', '\u0D4E', 'ᄀ', '\u1161', '\u00AD', 'कि', '\uD800', '█', '─', '\u{E0061}'],
			),
		)
		.map(parts => parts.join('')),
);

test('every character that is counted without looking takes one column and joins none', t => {
	const ranges = [
		...[
			[0x20, 0x7e],
			[0xa1, 0xac],
			[0xae, 0x2ff],
			[0x391, 0x3ff],
			[0x400, 0x482],
			[0x48a, 0x52f],
		],
		...[
			[0x2010, 0x2027],
			[0x2190, 0x21ff],
			[0x2500, 0x259f],
		],
	];
	for (const [from = 0, to = 0] of ranges) {
		for (let code = from; code <= to; code++) {
			const character = String.fromCodePoint(code);
			t.is(stringWidth(character), 1, code.toString(16));
			t.is([...graphemes(`${character}${character} ${character}a`)].length, 5, code.toString(16));
		}
	}
});

test('widths are those that Ink lays out by', t => {
	t.is(displayWidth('naïve'), 5);
	t.is(displayWidth('文件.png'), 8);
	t.is(displayWidth('👩‍👩‍👧'), 2);
	t.is(displayWidth('e\u0301'), 1);
	t.is(displayWidth('\u001B[1mbold\u001B[22m'), 4);
	fc.assert(fc.property(hostile, text => displayWidth(text) === stringWidth(text)));
});

test('what a terminal would obey, what ends a line and what turns it become visible', t => {
	t.is(printable('a\u001B[2Jb\r\n\u009B\u007F\t'), 'a\\u001b[2Jb\\u000d\\u000a\\u009b\\u007f\\u0009');
	t.is(printable('exe.\u202Egpj\u2066\u200F'), 'exe.\\u202egpj\\u2066\\u200f');
});

test('what cannot be seen is dropped, but names in any script and emoji stay', t => {
	t.is(printable('in\u200Bvis\u2060i\u00ADble\u3164'), 'invisible');
	t.is(printable('\u0301top'), '◌\u0301top');
	t.is(printable('a\u0D4E'), 'a');
	t.is(printable(`z${'\u0301'.repeat(500)}`).length, 5);
	for (const name of ['naïve café.txt', '文件.png', 'עברית', '👩‍👩‍👧.jpg', '☀️', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '1️⃣', 'e\u0301'])
		t.is(printable(name), name);
});

test('printable text has nothing to obey, joins nothing beside it, and stays when made printable again', t => {
	fc.assert(
		fc.property(hostile, text => {
			const safe = printable(text);
			t.notRegex(safe, /[\p{Cc}\p{Zl}\p{Zp}\u061C\u200B\u200E\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/u);
			t.is(displayWidth(`│${safe}│`), displayWidth(safe) + 2, JSON.stringify(safe));
			t.is([...graphemes(`a${safe} b`)].slice(-2).join(''), ' b');
			t.is(printable(safe), safe);
		}),
	);
});

test('graphemes that join once something between them was dropped are looked at as one', t => {
	// Found by a random test.
	const safe = printable('\u{1F1E9}\u0D4E\u200B\u{1F469}\u200D\u{1F469}\u200D\u{1F467}');
	t.is(printable(safe), safe);
	t.is(printable('\u{1F469}\u200D\u{1F469}\u200D\u{1F467}'), '\u{1F469}\u200D\u{1F469}\u200D\u{1F467}');
});

test('what is too long is cut between graphemes', t => {
	t.is(truncate('hello', 5), 'hello');
	t.is(truncate('hello', 4), 'hel…');
	t.is(truncate('hello', 1), '…');
	t.is(truncate('hello', 0), '');
	t.is(truncate('hello', -3), '');
	t.is(truncate('文件名', 5), '文件…');
	t.is(truncate('文件名', 4), '文…');
	t.is(truncate('hello', 4, '~'), 'hel~');
	t.is(truncate('hello', 2, '...'), 'he');
	t.is(truncateMiddle('photograph.jpg', 9), 'phot….jpg');
	t.is(truncateMiddle('文件.png', 7), '文….png');
	t.is(truncateMiddle('hello', 2), 'h…');
	t.is(truncateMiddle('hello', 5), 'hello');
});

test('cut and padded text never takes more or less than it should', t => {
	fc.assert(
		fc.property(hostile, fc.integer({min: 0, max: 40}), (raw, columns) => {
			const text = printable(raw);
			for (const cut of [truncate(text, columns), truncateMiddle(text, columns)]) {
				t.true(displayWidth(cut) <= columns, JSON.stringify({text, cut}));
				t.is(displayWidth(padEnd(cut, columns)), columns, JSON.stringify({text, cut}));
				t.is(displayWidth(padStart(cut, columns)), columns);
			}

			if (displayWidth(text) <= columns) t.is(truncate(text, columns), text);
		}),
	);
});

test('a very long text costs what is shown of it', t => {
	const long = '文'.repeat(1_000_000);
	for (let index = 0; index < 1000; index++) t.is(truncate(long, 11), '文文文文文…');
});
