import fc from 'fast-check';
import {CHUNK_SIZE_BYTES} from '../../source/protocol/chunking.js';
import {malformed, strange} from './hostile-requests.js';

/** What anybody could send, for fast-check to draw from. */

const wholeRequests = [...Object.values(malformed), ...Object.values(strange)].filter(text => text.length < 5000);
const change = fc.tuple(fc.nat(), fc.integer({min: 0, max: 255}), fc.constantFrom('put', 'replace', 'cut'));
/** Bytes by chance, and requests of which some bytes are others, more or fewer. */
export const strangeBytes = fc.oneof(
	fc.uint8Array({maxLength: 500}).map(array => Buffer.from(array)),
	fc.tuple(fc.constantFrom(...wholeRequests), fc.array(change, {minLength: 1, maxLength: 5})).map(([text, changes]) => {
		let changed = Buffer.from(text, 'latin1');
		for (const [where, byte, how] of changes) {
			const at = where % (changed.length + 1);
			const [before, after] = [changed.subarray(0, at), changed.subarray(at)];
			const rest = how === 'put' ? after : after.subarray(1);
			changed = Buffer.concat([before, how === 'cut' ? Buffer.alloc(0) : Buffer.of(byte), rest]);
		}

		return changed;
	}),
);

const line = fc.constantFrom(
	'--x',
	'--x--',
	'--y',
	'',
	'Content-Disposition: form-data; name="file"; filename="a"',
	'Content-Disposition: form-data; name="file"; filename="a\0b"',
	`Content-Disposition: form-data; name="file"; filename="${'n'.repeat(2000)}"`,
	'Content-Disposition: form-data; name="file"; filename=""',
	'Content-Disposition: form-data; name="file"',
	'Content-Disposition: form-data; name="file"; filename*=UTF-8\'\'%ff%zz',
	'Content-Disposition: form-data; name="other"; filename="b"',
	'Content-Disposition: form-data; name="__proto__"',
	'Content-Disposition: attachment',
	'Content-Disposition:',
	'Content-Type: text/html',
	'Content-Type: multipart/mixed; boundary=y',
	'Content-Transfer-Encoding: base64',
	`X-Long: ${'l'.repeat(20_000)}`,
	'some text',
	'\0\xff\x80',
);
const ends = fc.constantFrom('\r\n', '\r\n', '\r\n', '\n', '\r', '');
const formLines = fc
	.array(fc.tuple(line, ends), {maxLength: 14})
	.map(lines => Buffer.from(lines.map(parts => parts.join('')).join(''), 'latin1'));
/** A form that is one, whatever is in it. */
const valid = (inside: Buffer) =>
	Buffer.concat([
		Buffer.from('--x\r\nContent-Disposition: form-data; name="file"; filename="v"\r\n\r\n'),
		inside,
		Buffer.from('\r\n--x--\r\n'),
	]);
export const formTypes = fc.constantFrom(
	'multipart/form-data; boundary=x',
	'multipart/form-data; boundary="x"; charset=utf-8',
);

/** Bodies of forms with the boundary `x`: heaps of their lines, or such a heap as a file in a good form. */
export const forms = fc.oneof(formLines, formLines.map(valid));

/** Values of a Range header for a file of this size, of which some name a part of it. */
export const rangesOf = (sizeBytes: number): fc.Arbitrary<string> => {
	const place = fc.oneof(
		fc.nat(20),
		fc.integer({min: CHUNK_SIZE_BYTES - 5, max: CHUNK_SIZE_BYTES + 5}),
		fc.integer({min: sizeBytes - 5, max: sizeBytes + 5}),
		fc.maxSafeNat(),
	);
	const one = fc.oneof(
		fc.tuple(place, place).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
		place.map(at => `${at}-`),
		fc.nat(2000).map(count => `-${count}`),
		fc.constantFrom('-', '', 'x-y', '5-1', '0-0', '--1', '1-2-3', '9'.repeat(40), ' 1 - 2 ', '\t-5'),
	);
	const unit = fc.constantFrom('bytes=', 'bytes=', 'bytes=', 'BYTES=', 'bytes =', 'items=', '', 'bytes');
	return fc.tuple(unit, fc.array(one, {maxLength: 20})).map(([name, ranges]) => name + ranges.join(','));
};

const text = fc.oneof(
	fc.string({maxLength: 40}),
	fc.string({unit: 'binary', maxLength: 40}),
	fc.stringMatching(/^[0-9a-f]{32}$/),
	fc.stringMatching(/^[0-9a-f]{64}$/),
	fc.constantFrom(
		'__proto__',
		'constructor',
		'..',
		'../..',
		'\0',
		'%',
		'\u{1f4a5}',
		'a'.repeat(5000),
		'0',
		'-1',
		'1e9',
		'NaN',
	),
);
/** A part of a path, escaped or not, but nothing that HTTP itself forbids in one. */
export const segment = fc.oneof(
	text.map(part => encodeURIComponent(part)),
	text.map(part => part.replaceAll(/[^!-~]/g, '%')),
	fc.constantFrom('%', '%zz', '%ff', '%00', '%2e%2e%2f', '%u1234', '*', ';', ''),
);
const queryNames = ['limit', 'before', 'after', 'level', 'q', 'id', 'x', '__proto__'];
/** A query, with names that are known. */
export const query = fc
	.array(fc.tuple(fc.constantFrom(...queryNames), fc.oneof(segment, fc.integer().map(String))), {maxLength: 4})
	.map(pairs => (pairs.length === 0 ? '' : `?${pairs.map(pair => pair.join('=')).join('&')}`));
const headerValue = text.map(value => value.replaceAll(/[^ -~]/g, '?').trim());
export const headers = fc.dictionary(
	fc.constantFrom(
		...[
			'range',
			'if-range',
			'if-none-match',
			'if-modified-since',
			'accept',
			'content-type',
			'content-encoding',
			'cookie',
		],
		...['last-event-id', 'x-request-id', 'origin', 'access-control-request-method', 'access-control-request-headers'],
		...['x-metadata-length', 'authorization', 'x-http-method-override', 'accept-encoding', 'referer'],
	),
	fc.oneof(headerValue, fc.constantFrom('bytes=0-', 'gzip', 'application/json', '10', '*', 'W/"x"')),
	{maxKeys: 4},
);
const stats = {used_bytes: 0, allocated_bytes: 0, free_bytes: 0, chunk_count: 0, usage_percent: 0};
/** Bodies that nearly are what is expected, and some that are. An address goes nowhere: nobody is called by this test. */
const expected = {
	node_id: 'pjas-0badbad0',
	address: 'http://127.0.0.1:1',
	storage_stats: stats,
	version: '2.0.0',
	timestamp: 1,
	name: 'nobody',
	zone: 'nowhere',
};
const replaced = fc.tuple(
	fc.constantFrom(...Object.keys(expected), 'listing_digest', 'status', 'owner', '__proto__'),
	fc.oneof(
		fc.constantFrom('1.0.0', 'ftp://127.0.0.1', 'http://u:p@127.0.0.1:1', 'http://127.0.0.1:1/x?y', 'pjas-', null),
		fc.dictionary(fc.constantFrom(...Object.keys(stats)), fc.oneof(fc.double(), fc.jsonValue())),
		fc.jsonValue(),
	),
);
const nearly = fc
	.array(replaced, {maxLength: 2})
	.map(some => Buffer.from(JSON.stringify(Object.fromEntries([...Object.entries(expected), ...some]))));
export const body = fc.oneof(
	fc.constant(undefined),
	nearly,
	fc.json().map(json => Buffer.from(json)),
	fc.uint8Array({maxLength: 2000}).map(array => Buffer.from(array)),
	fc
		.constantFrom('[', '{"a":', '"\\ud800"', '['.repeat(30_000), `{"node_id":"${'x'.repeat(70_000)}"}`)
		.map(json => Buffer.from(json)),
);
export const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'];
