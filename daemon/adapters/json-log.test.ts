import test from 'ava';
import fc from 'fast-check';
import {PjasError} from '../../source/protocol/errors.js';
import type {LogLevel} from '../ports/log.js';
import {jsonLog, type LogFormat} from './json-log.js';

const TIME_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 6);

const open = (format: LogFormat, level: LogLevel = 'debug') => {
	const lines: string[] = [];
	const log = jsonLog({format, level, clock: {now: () => TIME_MS}, write: line => lines.push(line)});
	return {log, lines, last: () => JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>};
};

test('a JSON entry has time, level, message and its fields', t => {
	const {log, lines} = open('json');
	log.info('node registered', {node: 'pjas-1', sizeBytes: 5, isNew: true});
	t.deepEqual(lines, [
		'{"time":"2026-01-02T03:04:05.006Z","level":"info","message":"node registered","node":"pjas-1","sizeBytes":5,"isNew":true}\n',
	]);
});

test('a text entry has the same, and quotes only what could be misread', t => {
	const {log, lines} = open('text');
	log.warn('node is slow', {node: 'pjas-1', name: 'my attic', url: 'http://a/b?c', list: [1, 'b'], none: undefined});
	t.deepEqual(lines, [
		'2026-01-02T03:04:05.006Z WARN  node is slow node=pjas-1 name="my attic" url=http://a/b?c list=[1,"b"]\n',
	]);
});

test('entries below the level are not written', t => {
	const {log, lines} = open('text', 'warn');
	log.debug('a');
	log.info('b');
	log.child({x: 1}).info('c');
	log.warn('d');
	log.error('e');
	t.is(lines.length, 2);
});

test('a child adds its fields to every entry', t => {
	const {log, last} = open('json');
	const child = log.child({request: 'r1', node: 'a'}).child({node: 'b'});
	child.info('x', {sizeBytes: 1});
	t.like(last(), {request: 'r1', node: 'b', sizeBytes: 1});
});

test('an error is written with code, message, stack and causes, in one line', t => {
	const {log, lines, last} = open('json');
	const disk = Object.assign(new Error('no space left\non device'), {code: 'ENOSPC'});
	const error = new PjasError('INSUFFICIENT_STORAGE', 'The node is full', {
		cause: new TypeError('write', {cause: disk}),
	});
	log.error('upload failed', {error});
	t.is(lines.length, 1);
	const written = last()['error'] as Record<string, unknown>;
	t.like(written, {
		code: 'INSUFFICIENT_STORAGE',
		message: 'The node is full',
		cause: {name: 'TypeError', message: 'write', cause: {code: 'ENOSPC', message: 'no space left\non device'}},
	});
	t.regex(String(written['stack']), /json-log\.test/);

	const text = open('text');
	text.log.error('upload failed', {error});
	t.regex(text.lines[0] ?? '', /upload failed error=\{"code":"INSUFFICIENT_STORAGE",.*ENOSPC.*\}\n$/);
});

test('a cause that goes in a circle, and many errors at once, come to an end', t => {
	const {log, last} = open('json');
	const circle = new Error('round') as Error & {cause: unknown};
	circle.cause = new Error('and round', {cause: circle});
	log.error('x', {error: new AggregateError([circle, new Error('second'), 'third'], 'all failed')});
	t.like(last(), {error: {message: 'all failed', errors: {0: {message: 'round'}, 1: {message: 'second'}, 2: 'third'}}});
});

test('fields with the names of the entry itself do not replace them', t => {
	const {log, last} = open('json');
	log.info('real', {level: 'error', message: 'fake', time: 'now'});
	t.like(last(), {level: 'info', message: 'real', level_: 'error', message_: 'fake', time_: 'now'});
});

test('values that JSON has no word for are written all the same', t => {
	const {log, last} = open('json');
	const circle: Record<string, unknown> = {};
	circle['self'] = circle;
	log.info('x', {
		big: 12n,
		bytes: new Uint8Array(5),
		map: new Map([['a', 1]]),
		set: new Set([1, 2]),
		when: new Date(0),
		never: new Date(Number.NaN),
		nan: Number.NaN,
		symbol: Symbol('s'),
		circle,
	});
	t.like(last(), {big: '12', bytes: '5 bytes', map: {a: 1}, when: '1970-01-01T00:00:00.000Z', nan: 'NaN'});
	log.info('y', {
		get broken() {
			throw new Error('no');
		},
	});
	t.is(last()['message'], 'y');
	log.info('z', {
		broken: {
			toJSON: () => 'ignored',
			get deep(): never {
				throw new Error('no');
			},
		},
	});
	t.like(last(), {message: 'z', unreadable: 'Error: no'});
});

test('a line is bounded', t => {
	const {log, lines} = open('json');
	log.info('m'.repeat(1e6), {text: 'x'.repeat(1e6), list: Array.from({length: 1e5}, () => 'item')});
	t.true((lines[0] ?? '').length < 30_000);
});

for (const format of ['json', 'text'] as const) {
	test(`whatever is logged as ${format} is one line without control characters`, t => {
		fc.assert(
			fc.property(
				fc.string({unit: 'binary'}),
				fc.dictionary(fc.string({unit: 'binary'}), fc.anything()),
				(message, fields) => {
					const {log, lines} = open(format);
					log.info(`${message}\n\u001B[2J`, {...fields, name: 'a\r\nb\u2028\u009B'});
					t.is(lines.length, 1);
					const line = lines[0] ?? '';
					t.true(line.endsWith('\n') && !/[\p{Cc}\u2028\u2029\u202E]/u.test(line.slice(0, -1)), line);
					if (format === 'json') t.notThrows(() => JSON.parse(line) as unknown);
				},
			),
		);
	});
}

test('no value of a text entry poses as another field or another entry', t => {
	fc.assert(
		fc.property(
			fc.oneof(fc.string({unit: 'binary'}), fc.constantFrom('a level=error', '" x=1 y="', 'a=b', '\u001B[2J')),
			name => {
				const {log, lines} = open('text');
				log.info('a file was stored', {name, last: true});
				const [line = ''] = lines;
				const value = String.raw`(?:"(?:[^"\\]|\\.)*"|[^\s"=]+)`;
				t.regex(line, new RegExp(`^\\S+ INFO {2}a file was stored name=${value} last=true\\n$`, 'u'));
			},
		),
	);
});
