import {readFile} from 'node:fs/promises';
import test from 'ava';
import fc from 'fast-check';
import {registerSchema} from './api.js';
import {pathOf, routes} from './routes.js';
import {type Chunk, chunkCountOf, chunkSizeOf, chunksOf, CHUNK_SIZE_BYTES, spansOf} from './chunking.js';
import {errorKinds, isErrorCode, isPjasError, PjasError} from './errors.js';
import {chunkIdOf, newFileId, newNodeId, parseChunkId, parseDigest, parseFileId, parseNodeId} from './ids.js';
import {MAX_RANGES, parseRange} from './ranges.js';
import {isOlder} from './version.js';
import {importSealKey, openChunk, SEAL_TAG_BYTES, sealChunk, sealNonce} from './seal.js';

test('a version is older by its three numbers, not by its letters', t => {
	for (const [left, right] of [
		['2.0.0', '2.0.1'],
		['2.9.9', '2.10.0'],
		['1.99.99', '2.0.0'],
	] as const) {
		t.true(isOlder(left, right));
		t.false(isOlder(right, left));
		t.false(isOlder(left, left));
	}

	t.false(isOlder('2.0.0-rc.1', '2.0.0'), 'what is said of it beside that does not count');
	for (const strange of ['', 'new', '2.0', 'v2.0.0']) t.is(isOlder(strange, '2.0.0'), undefined);
});

/** @param addsItself - Whether they take the pieces in by themselves, and have the source wait now and then. */
const buffers = (sizeBytes: number, addsItself = false) => {
	const counts = {lent: 0, back: 0};
	const acquire = () => {
		counts.lent++;
		const bytes = new Uint8Array(sizeBytes);
		let filled = 0;
		const add = (piece: Uint8Array) => {
			bytes.set(piece, filled);
			filled += piece.length;
			return filled % 2 === 0 ? Promise.resolve() : undefined;
		};
		return Promise.resolve({bytes, release: () => counts.back++, ...(addsItself && {add})});
	};

	return {counts, acquire};
};

async function* streamOf(pieces: Uint8Array[], failure?: Error) {
	for (const piece of pieces) yield await Promise.resolve(piece);
	if (failure) throw failure;
}

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
	const all: T[] = [];
	for await (const item of items) all.push(item);
	return all;
};

const plain = ({buffer, sizeBytes}: Chunk<{bytes: Uint8Array; release: () => void}>) =>
	buffer.bytes.subarray(0, sizeBytes);

test('a stream cut into chunks is the same bytes, whatever the pieces', async t => {
	const property = fc.asyncProperty(
		fc.array(fc.uint8Array({maxLength: 40}), {maxLength: 12}),
		fc.integer({min: 1, max: 16}),
		fc.boolean(),
		async (pieces, size, addsItself) => {
			const {acquire} = buffers(size, addsItself);
			const whole = Buffer.concat(pieces);
			const chunks = await collect(chunksOf(streamOf(pieces), acquire, size));
			t.deepEqual(Buffer.concat(chunks.map(plain)), whole);
			t.deepEqual(
				chunks.map(chunk => [chunk.index, chunk.isLast, chunk.sizeBytes]),
				Array.from({length: Math.ceil(whole.length / size)}, (_, index, count = Math.ceil(whole.length / size)) => [
					index,
					index === count - 1,
					index === count - 1 ? whole.length - index * size : size,
				]),
			);
		},
	);
	await t.notThrowsAsync(fc.assert(property));
});

test('a buffer that was being filled is given back where the stream fails', async t => {
	const {acquire, counts} = buffers(4);
	const cut = collect(chunksOf(streamOf([new Uint8Array(6)], new Error('line cut')), acquire, 4));
	await t.throwsAsync(cut, {message: 'line cut'});
	t.deepEqual(counts, {lent: 2, back: 1});
});

test('an empty stream has no chunk', async t => {
	t.deepEqual(await collect(chunksOf(streamOf([]), buffers(4).acquire, 4)), []);
	t.is(chunkCountOf(0), 0);
});

test('sizes and counts of chunks agree at the edges', t => {
	for (const size of [1, CHUNK_SIZE_BYTES - 1, CHUNK_SIZE_BYTES, CHUNK_SIZE_BYTES + 1, 5 * 1024 ** 3]) {
		const count = chunkCountOf(size);
		const sum = Array.from({length: count}, (_, index) => chunkSizeOf(size, index)).reduce((a, b) => a + b, 0);
		t.is(sum, size);
	}

	t.is(chunkSizeOf(5, 1), 0);
});

test('the spans of a range are its bytes, once each, in order', t => {
	const property = fc.property(fc.nat(50 * CHUNK_SIZE_BYTES), fc.nat(30 * CHUNK_SIZE_BYTES), (firstByte, more) => {
		const spans = [...spansOf(firstByte, firstByte + more)];
		let next = firstByte;
		for (const {index, startByte, endByte} of spans) {
			if (index * CHUNK_SIZE_BYTES + startByte !== next || endByte > CHUNK_SIZE_BYTES) return false;
			next = index * CHUNK_SIZE_BYTES + endByte;
		}

		return next === firstByte + more + 1;
	});
	t.notThrows(() => fc.assert(property));
});

test('ids are drawn as their parsers want them, and file ids sort by time', t => {
	const random = new Uint8Array(16).fill(0xab);
	const [older, newer] = [newFileId(1_700_000_000_000, random), newFileId(1_700_000_000_001, random)];
	t.true(older < newer);
	t.is(parseFileId(older), older);
	t.is(parseNodeId(newNodeId(random)), newNodeId(random));
	t.is(parseNodeId('pjas-0123abcd'), 'pjas-0123abcd' as never);
	t.is(parseChunkId(chunkIdOf(older, 12)), chunkIdOf(older, 12));
	t.true(chunkIdOf(older, 9) < chunkIdOf(older, 10));
});

test('no parser takes what is no id', t => {
	const hostile = fc.oneof(
		fc.string(),
		fc.anything(),
		fc.constantFrom('../etc', 'pjas-', `${'a'.repeat(64)}\n`, '__proto__'),
	);
	const property = fc.property(hostile, text =>
		[parseFileId, parseNodeId, parseDigest, parseChunkId].every(
			parse => parse(text) === undefined || (typeof text === 'string' && /^[\w:-]+$/.test(text)),
		),
	);
	t.notThrows(() => fc.assert(property));
	t.is(parseDigest('A'.repeat(64)), undefined);
});

test('ranges are read as RFC 9110 says', t => {
	const cases: [header: string, size: number, expected: ReturnType<typeof parseRange>][] = [
		['bytes=0-0', 10, [{firstByte: 0, lastByte: 0}]],
		['bytes=2-', 10, [{firstByte: 2, lastByte: 9}]],
		['bytes=-3', 10, [{firstByte: 7, lastByte: 9}]],
		['bytes=-30', 10, [{firstByte: 0, lastByte: 9}]],
		['bytes=5-99', 10, [{firstByte: 5, lastByte: 9}]],
		['BYTES=1-2', 10, [{firstByte: 1, lastByte: 2}]],
		[
			'bytes=0-1,4-5',
			10,
			[
				{firstByte: 0, lastByte: 1},
				{firstByte: 4, lastByte: 5},
			],
		],
		[
			'bytes=4-5, 0-1',
			10,
			[
				{firstByte: 4, lastByte: 5},
				{firstByte: 0, lastByte: 1},
			],
		],
		['bytes=0-4,2-6', 10, [{firstByte: 0, lastByte: 6}]],
		['bytes=6-7,0-1,2-5', 10, [{firstByte: 0, lastByte: 7}]],
		['bytes=99-,0-1', 10, [{firstByte: 0, lastByte: 1}]],
		['bytes=10-', 10, 'unsatisfiable'],
		['bytes=-0', 10, 'unsatisfiable'],
		['bytes=0-', 0, 'unsatisfiable'],
		[`bytes=${Array.from({length: MAX_RANGES + 1}, (_, at) => `${at * 2}-${at * 2}`).join(',')}`, 100, 'unsatisfiable'],
		['bytes=5-2', 10, undefined],
		['bytes=', 10, undefined],
		['bytes=-', 10, undefined],
		['bytes=1x-2', 10, undefined],
		['items=0-1', 10, undefined],
		['nonsense', 10, undefined],
	];
	for (const [header, size, expected] of cases) t.deepEqual(parseRange(header, size), expected, header);
});

test('ranges lie in the file, do not touch, and cover just what was asked for', t => {
	const pair = fc.tuple(fc.nat(60), fc.nat(60)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
	const property = fc.property(fc.array(pair, {minLength: 1, maxLength: MAX_RANGES}), fc.nat(50), (pairs, size) => {
		const asked = new Set<number>();
		for (const [a, b] of pairs) for (let at = a; at <= b && at < size; at++) asked.add(at);
		const ranges = parseRange(`bytes=${pairs.map(([a, b]) => `${a}-${b}`).join(',')}`, size);
		if (ranges === undefined) return false;
		if (ranges === 'unsatisfiable') return asked.size === 0;
		const sent = ranges.flatMap(({firstByte, lastByte}) =>
			Array.from({length: lastByte - firstByte + 1}, (_, at) => firstByte + at),
		);
		return sent.length === asked.size && sent.every(at => asked.has(at));
	});
	t.notThrows(() => fc.assert(property));
});

test('a nonce holds the index in eleven bytes and the end mark in one', t => {
	t.is(Buffer.from(sealNonce(0, false)).toString('hex'), '000000000000000000000000');
	t.is(Buffer.from(sealNonce(258, true)).toString('hex'), '000000000000000000010201');
	t.is(Buffer.from(sealNonce(Number.MAX_SAFE_INTEGER, false)).toString('hex'), '000000001fffffffffffff00');
	for (const wrong of [-1, 0.5, Number.NaN, 2 ** 53]) t.throws(() => sealNonce(wrong, false), {instanceOf: RangeError});
});

test('a sealed chunk opens under its key, index and end mark, and under nothing else', async t => {
	const property = fc.asyncProperty(
		fc.uint8Array({maxLength: 200}),
		fc.nat(1000),
		fc.boolean(),
		fc.nat(),
		async (bytes, index, isLast, at) => {
			const key = await importSealKey(new Uint8Array(32).fill(7));
			const other = await importSealKey(new Uint8Array(32).fill(8));
			const sealed = await sealChunk(key, index, isLast, new Uint8Array(bytes));
			t.is(sealed.length, bytes.length + SEAL_TAG_BYTES);
			t.deepEqual(Buffer.from(await openChunk(key, index, isLast, sealed)), Buffer.from(bytes));
			const spoilt = sealed.slice();
			const place = at % spoilt.length;
			spoilt[place] = (spoilt[place] ?? 0) ^ 1;
			for (const [k, i, l, s] of [
				[other, index, isLast, sealed],
				[key, index + 1, isLast, sealed],
				[key, index, !isLast, sealed],
				[key, index, isLast, spoilt],
			] as const) {
				const error = await t.throwsAsync(openChunk(k, i, l, s));
				t.true(isPjasError(error, 'SHARD_CORRUPT'));
			}
		},
	);
	await t.notThrowsAsync(fc.assert(property, {numRuns: 30}));
});

test('the sealed format is what it was', async t => {
	const golden = JSON.parse(
		await readFile(new URL('../../../fixtures/seal/sealed-chunks.json', import.meta.url), 'utf8'),
	) as {key: string; chunks: {index: number; isLast: boolean; plain: string; sealed: string}[]};
	const key = await importSealKey(new Uint8Array(Buffer.from(golden.key, 'hex')));
	t.true(golden.chunks.length > 0);
	for (const {index, isLast, plain: text, sealed} of golden.chunks) {
		const bytes = new Uint8Array(Buffer.from(text, 'hex'));
		t.is(Buffer.from(await sealChunk(key, index, isLast, bytes)).toString('hex'), sealed);
	}
});

test('an error has its code, its status, and its cause', t => {
	const cause = new Error('disk');
	const error = new PjasError('CATALOG_UNAVAILABLE', 'Try again', {cause, retryAfterSeconds: 5});
	t.is(error.status, 503);
	t.true(error.retryable);
	t.is(error.cause, cause);
	t.true(isPjasError(error, 'CATALOG_UNAVAILABLE'));
	t.false(isPjasError(error, 'CONFLICT'));
	t.true(isErrorCode('CONFLICT'));
	t.false(isErrorCode('toString'));
	for (const {status} of Object.values(errorKinds)) t.true(status >= 400 && status < 600);
});

test('a registration needs a base URL that a request can be sent to', t => {
	const body = {
		node_id: 'pjas-0123abcd',
		storage_stats: {used_bytes: 0, allocated_bytes: 1, free_bytes: 1, chunk_count: 0, usage_percent: 0},
	};
	for (const address of ['http://localhost:8420', 'https://a.example/x', 'http://[::1]:80']) {
		t.true(registerSchema.safeParse({...body, address}).success, address);
	}

	for (const address of ['ftp://a', 'javascript:1', 'http://u:p@a', 'http://a/?q', 'http://a/#f', '', 7, null]) {
		t.false(registerSchema.safeParse({...body, address}).success, String(address));
	}

	t.true(registerSchema.safeParse(body).success, 'a node without an address opens links');
});

test('a path is filled in with an id that cannot leave it', t => {
	t.is(pathOf('download', '../x'), '/api/files/download/..%2Fx');
	t.is(pathOf('stats'), '/api/stats');
	t.is(new Set(Object.values(routes).map(({method, path}) => `${method} ${path}`)).size, Object.keys(routes).length);
});
