import test from 'ava';
import {parseDuration, parseSize} from './units.js';

const GIB = 1024 ** 3;

test('a size is understood with its unit, in either spelling', t => {
	const sizes: [string, number][] = [
		['500MB', 500 * 1024 ** 2],
		['500mb', 500 * 1024 ** 2],
		['500 MiB', 500 * 1024 ** 2],
		['2TB', 2 * 1024 ** 4],
		['1.5G', 1.5 * GIB],
		['64k', 64 * 1024],
		['.5GB', GIB / 2],
		['7B', 7],
		['1PB', 1024 ** 5],
	];
	for (const [text, bytes] of sizes) {
		t.is(parseSize(text, 'B'), bytes, text);
		t.is(parseSize(text, 'GB'), bytes, text);
	}
});

test('a bare number counts what its place says', t => {
	t.is(parseSize('200', 'GB'), 200 * GIB);
	t.is(parseSize('0.5', 'GB'), GIB / 2);
	t.is(parseSize('1024', 'B'), 1024);
});

test('what is no size is none', t => {
	for (const text of ['', 'GB', '-1', '1e3', '1,5GB', '5 G B', '5XB', '0x10', 'Infinity', '9999999999PB', '1.2.3']) {
		t.is(parseSize(text, 'GB'), undefined, text);
	}
});

test('a duration needs its unit', t => {
	t.is(parseDuration('15s'), 15_000);
	t.is(parseDuration('500ms'), 500);
	t.is(parseDuration('1.5min'), 90_000);
	t.is(parseDuration('2m'), 120_000);
	t.is(parseDuration('1 h'), 3_600_000);
	t.is(parseDuration('7D'), 7 * 86_400_000);
	for (const text of ['', '15', 's', '-1s', '1y', '1e3s', '99999999999999d']) {
		t.is(parseDuration(text), undefined, text);
	}
});
