import {createHash} from 'node:crypto';
import {Readable} from 'node:stream';
import test, {type ExecutionContext} from 'ava';
import {Upload, type UploadOptions} from 'tus-js-client';
import {systemRandom} from '../adapters/system.js';
import {startCuttingProxy} from '../testing/cutting-proxy.js';
import {manualClock} from '../testing/manual-clock.js';
import {startPeopleNetwork} from '../testing/people.js';
import {startTestNetwork, type TestNetworkOptions} from '../testing/network.js';
import {eventually, jsonOf} from '../testing/requests.js';
import {masterKeyOf} from './master-key.js';

/** Small, so that a file has many. */
const CHUNK = 16 * 1024;
/** What sockets and streams may hold of a request's body: 300 KiB were seen, of the system's two sockets and Node's streams. */
const MOST_UNREAD = 512 * 1024;
const OFFSET_TYPE = 'application/offset+octet-stream';

const noise = (bytes: number, seed = 1): Buffer<ArrayBuffer> =>
	Buffer.from(Uint8Array.from({length: bytes}, (_, index) => ((index + seed) * 7919) >>> 5));

const metadataOf = (pairs: Record<string, string>) =>
	Object.entries(pairs)
		.map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
		.join(',');

type Headers_ = Record<string, string>;

/** A client of tus that knows nothing but its calls. */
const tusOf = (url: string, common: Headers_ = {}) => {
	const call = async (
		method: string,
		path: string,
		headers: Headers_ = {},
		body?: Uint8Array<ArrayBuffer> | ReadableStream,
	) =>
		fetch(url + path, {
			method,
			headers: {'Tus-Resumable': '1.0.0', ...common, ...headers},
			...(body && {body, duplex: 'half'}),
		});
	return {
		call,
		async create(headers: Headers_, body?: Uint8Array<ArrayBuffer>) {
			const metadata = {'Upload-Metadata': metadataOf({filename: 'a.bin'})};
			return call('POST', '/api/uploads', {...metadata, ...(body && {'Content-Type': OFFSET_TYPE}), ...headers}, body);
		},
		async patch(path: string, offset: number, body: Uint8Array<ArrayBuffer> | ReadableStream, headers: Headers_ = {}) {
			return call('PATCH', path, {'Content-Type': OFFSET_TYPE, 'Upload-Offset': String(offset), ...headers}, body);
		},
		async offset(path: string) {
			return Number((await call('HEAD', path)).headers.get('upload-offset'));
		},
	};
};

const start = async (t: ExecutionContext, options: TestNetworkOptions = {}) => {
	const network = await startTestNetwork(t, {...options, more: {chunkSizeBytes: CHUNK, ...options.more}});
	const tus = tusOf(network.url);
	/** Begins an upload and says where it goes on. */
	const begin = async (headers: Headers_): Promise<string> => {
		const answer = await tus.create(headers);
		t.is(answer.status, 201, await answer.text());
		return answer.headers.get('location') ?? '';
	};
	const content = async (path: string): Promise<Buffer> => {
		const answer = await fetch(`${network.url}/api/files/download/${path.split('/').at(-1) ?? ''}`);
		t.is(answer.status, 200);
		return Buffer.from(await answer.arrayBuffer());
	};
	return {...network, tus, begin, content};
};

const code = async (answer: Response) => [answer.status, (await jsonOf(answer))['code']];

test('what of tus is spoken is told, and another version is refused', async t => {
	const {url, tus} = await start(t);
	const options = await fetch(`${url}/api/uploads`, {method: 'OPTIONS'});
	t.is(options.status, 204);
	t.is(options.headers.get('tus-version'), '1.0.0');
	t.is(
		options.headers.get('tus-extension'),
		'creation,creation-with-upload,creation-defer-length,expiration,termination,checksum',
	);
	t.is(options.headers.get('tus-checksum-algorithm'), 'sha256,sha1,md5');
	const refused = await tus.create({'Tus-Resumable': '0.2.2', 'Upload-Length': '1'});
	t.is(refused.headers.get('tus-version'), '1.0.0');
	t.is(refused.headers.get('tus-resumable'), '1.0.0');
	t.deepEqual(await code(refused), [412, 'TUS_VERSION_UNSUPPORTED']);
	const preflight = await fetch(`${url}/api/uploads`, {
		method: 'OPTIONS',
		headers: {Origin: 'https://page.example', 'Access-Control-Request-Method': 'PATCH'},
	});
	t.regex(preflight.headers.get('access-control-allow-methods') ?? '', /PATCH/);
	t.is(preflight.headers.get('access-control-expose-headers'), '*');
});

test('an upload in pieces of any size becomes the file that was meant', async t => {
	const {tus, begin, content, url, catalog} = await start(t);
	for (const [size, piece] of [
		[3 * CHUNK, CHUNK],
		[5 * CHUNK + 7, 10_000],
		[CHUNK - 1, 1000],
		[2 * CHUNK + 1, 3 * CHUNK],
		[1, 1],
	] as const) {
		const bytes = noise(size, piece);
		const path = await begin({
			'Upload-Length': String(size),
			'Upload-Metadata': metadataOf({filename: 'grün "1".txt', filetype: 'text/plain'}),
		});
		for (let at = 0; at < size;) {
			const answer = await tus.patch(path, at, bytes.subarray(at, at + piece));
			t.is(answer.status, 204, await answer.text());
			at = Math.min(size, at + piece);
			t.is(answer.headers.get('upload-offset'), String(at));
			t.is(await tus.offset(path), at);
		}

		t.true(bytes.equals(await content(path)));
		const id = path.split('/').at(-1) ?? '';
		const {file} = (await jsonOf(await fetch(`${url}/api/files/${id}`))) as {file: Record<string, unknown>};
		t.like(file, {filename: 'grün "1".txt', type: 'text/plain', size, chunks_count: Math.ceil(size / CHUNK)});
		const sums = createHash('sha256');
		for (let at = 0; at < size; at += CHUNK) {
			sums.update(
				createHash('sha256')
					.update(bytes.subarray(at, at + CHUNK))
					.digest(),
			);
		}

		t.is(file['chunks_sha256'], sums.digest('hex'));
	}

	t.is(catalog.countUploads(), 0);
	t.deepEqual(await catalog.filesWithoutRecord(), []);
});

test('an upload comes whole with its first request, or without a byte', async t => {
	const {tus, content} = await start(t);
	for (const size of [0, 1, 2 * CHUNK]) {
		const bytes = noise(size);
		const answer = await tus.create({'Upload-Length': String(size)}, size > 0 ? bytes : undefined);
		t.is(answer.status, 201);
		t.is(answer.headers.get('upload-expires'), null);
		const path = answer.headers.get('location') ?? '';
		t.is(await tus.offset(path), size);
		t.true(bytes.equals(await content(path)));
	}
});

test('an upload whose length is told at its end becomes the same file, also where that is at a chunk’s end', async t => {
	const {tus, begin, content} = await start(t);
	for (const size of [2 * CHUNK, 2 * CHUNK + 5, 100, 0]) {
		const bytes = noise(size, size);
		const path = await begin({'Upload-Defer-Length': '1'});
		t.is((await tus.call('HEAD', path)).headers.get('upload-defer-length'), '1');
		if (size > 0) t.is((await tus.patch(path, 0, bytes)).status, 204);
		const last = await tus.patch(path, size, noise(0), {'Upload-Length': String(size)});
		t.is(last.status, 204, await last.text());
		t.true(bytes.equals(await content(path)));
	}

	const path = await begin({'Upload-Defer-Length': '1'});
	const bytes = noise(3 * CHUNK);
	t.is((await tus.patch(path, 0, bytes.subarray(0, CHUNK + 1))).status, 204);
	t.deepEqual(await code(await tus.patch(path, CHUNK + 1, noise(0), {'Upload-Length': '5'})), [400, 'INVALID_REQUEST']);
	const rest = bytes.subarray(CHUNK + 1);
	t.is((await tus.patch(path, CHUNK + 1, rest, {'Upload-Length': String(bytes.length)})).status, 204);
	t.true(bytes.equals(await content(path)));
});

test('what is wrong with a request is told in words, and changes nothing', async t => {
	const {tus, begin, url} = await start(t);
	const path = await begin({'Upload-Length': '100'});
	const bytes = noise(100);
	t.deepEqual(await code(await tus.patch(path, 7, bytes)), [409, 'CONFLICT']);
	t.deepEqual(await code(await tus.patch(path, 0, noise(101))), [413, 'BODY_TOO_LARGE']);
	t.deepEqual(await code(await tus.patch(path, 0, bytes, {'Content-Type': 'text/plain'})), [
		415,
		'UNSUPPORTED_MEDIA_TYPE',
	]);
	t.deepEqual(await code(await tus.patch(path, 0, bytes, {'Upload-Offset': '-1'})), [400, 'INVALID_REQUEST']);
	t.deepEqual(await code(await tus.patch('/api/uploads/x', 0, bytes)), [404, 'UPLOAD_NOT_FOUND']);
	t.deepEqual(await code(await tus.patch(`/api/uploads/${'0'.repeat(32)}`, 0, bytes)), [404, 'UPLOAD_NOT_FOUND']);
	t.deepEqual(await code(await tus.create({})), [400, 'INVALID_REQUEST']);
	t.deepEqual(await code(await tus.create({'Upload-Length': '1e3'})), [400, 'INVALID_REQUEST']);
	t.deepEqual(await code(await tus.create({'Upload-Concat': 'partial', 'Upload-Length': '1'})), [
		501,
		'OPERATION_UNSUPPORTED',
	]);
	for (const metadata of [
		'filename',
		'filename !!',
		metadataOf({other: 'x'}),
		metadataOf({filename: 'x', relativePath: '../x'}),
		metadataOf({filename: 'x', relativePath: 'a//x'}),
		metadataOf({filename: 'x'.repeat(1025)}),
		metadataOf({filename: 'a\0b'}),
		`filename ${Buffer.from([0xff, 0xfe]).toString('base64')}`,
		metadataOf({filename: 'x', e2e: '{"version":2}'}),
	]) {
		const refused = await tus.create({'Upload-Length': '1', 'Upload-Metadata': metadata});
		t.deepEqual(await code(refused), [400, 'INVALID_REQUEST'], metadata);
	}

	t.is(await tus.offset(path), 0);
	// More than was said, where no length says so beforehand.
	const stream = new Blob([noise(150)]).stream();
	t.deepEqual(await code(await tus.patch(path, 0, stream)), [413, 'BODY_TOO_LARGE']);
	t.is((await tus.patch(path, await tus.offset(path), bytes.subarray(await tus.offset(path)))).status, 204);
	t.deepEqual(await code(await tus.call('DELETE', path)), [409, 'CONFLICT']);
	t.is((await fetch(`${url}/api/files`)).status, 200);
});

test('a checksum that is right lets all through, one that is wrong nothing', async t => {
	const {tus, begin, content, catalog, nodes} = await start(t);
	const bytes = noise(3 * CHUNK + 100);
	const path = await begin({'Upload-Length': String(bytes.length)});
	const sum = (algorithm: string, part: Uint8Array) => ({
		'Upload-Checksum': `${algorithm} ${createHash(algorithm).update(part).digest('base64')}`,
	});
	const first = bytes.subarray(0, 2 * CHUNK + 50);
	t.deepEqual(await code(await tus.patch(path, 0, first, sum('sha256', bytes))), [460, 'CHECKSUM_MISMATCH']);
	t.is(await tus.offset(path), 0);
	t.deepEqual(await code(await tus.patch(path, 0, first, {'Upload-Checksum': 'crc32 AAAA'})), [400, 'INVALID_REQUEST']);
	t.deepEqual(await code(await tus.patch(path, 0, first, {'Upload-Checksum': 'sha1 AAAA'})), [400, 'INVALID_REQUEST']);
	t.is((await tus.patch(path, 0, first, sum('sha1', first))).status, 204);
	const rest = bytes.subarray(first.length);
	t.deepEqual(await code(await tus.patch(path, first.length, rest, sum('md5', first))), [460, 'CHECKSUM_MISMATCH']);
	t.is((await tus.patch(path, first.length, rest, sum('md5', rest))).status, 204);
	t.true(bytes.equals(await content(path)));
	await eventually(t, async () => Promise.resolve(catalog.totals().removals === 0), 'what was not kept is removed');
	t.true(nodes.every(({shards}) => shards.kept.size === 4));
});

test('an upload is cancelled, and expires, with all that there was of it', async t => {
	const clock = manualClock();
	const {tus, begin, catalog, nodes} = await start(t, {clock, more: {uploadMs: 600_000}});
	const bytes = noise(CHUNK + 5);
	const path = await begin({'Upload-Length': '100000'});
	const patched = await tus.patch(path, 0, bytes);
	t.is(patched.headers.get('upload-expires'), new Date(clock.now() + 600_000).toUTCString());
	t.true(nodes.every(({shards}) => shards.kept.size === 2));
	t.is((await tus.call('DELETE', path)).status, 204);
	t.deepEqual((await tus.call('HEAD', path)).status, 404);
	t.is(catalog.totals().chunks, 0);

	const other = await begin({'Upload-Length': '100000'});
	t.is((await tus.patch(other, 0, bytes)).status, 204);
	await clock.advance(480_000);
	t.is(await tus.offset(other), bytes.length);
	await clock.advance(240_000);
	await eventually(t, async () => Promise.resolve(catalog.countUploads() === 0), 'it is given up');
	t.deepEqual(await code(await tus.patch(other, bytes.length, bytes)), [404, 'UPLOAD_NOT_FOUND']);
	t.is(catalog.totals().chunks, 0);
});

test('only whose it is goes on with an upload, which counts in the quota and is private', async t => {
	const network = await startPeopleNetwork(t, {more: {chunkSizeBytes: CHUNK}});
	const of = (token: string) => tusOf(network.url, {Authorization: `Bearer ${token}`});
	const ann = of(await network.addAccount('ann', 'member'));
	const bob = of(await network.addAccount('bob', 'admin'));
	const {as, adminToken} = network;
	t.is((await as(adminToken)('PATCH', '/api/accounts/ann', {json: {quota_bytes: 50_000}})).status, 200);
	t.deepEqual(await code(await ann.create({'Upload-Length': '50001'})), [507, 'QUOTA_EXCEEDED']);
	const path = (await ann.create({'Upload-Length': '40000'})).headers.get('location') ?? '';
	const bytes = noise(40_000);
	t.is((await ann.patch(path, 0, bytes.subarray(0, 30_000))).status, 204);
	for (const tus of [bob, tusOf(network.url)]) {
		const statuses = [
			(await tus.call('HEAD', path)).status,
			(await tus.patch(path, 30_000, bytes.subarray(30_000))).status,
			(await tus.call('DELETE', path)).status,
		];
		t.true(
			statuses.every(status => status === (tus === bob ? 404 : 401)),
			String(statuses),
		);
	}

	const second = (await ann.create({'Upload-Defer-Length': '1'})).headers.get('location') ?? '';
	t.deepEqual(await code(await ann.patch(second, 0, noise(20_001))), [507, 'QUOTA_EXCEEDED']);
	t.is((await ann.call('DELETE', second)).status, 204);
	t.is((await ann.patch(path, 30_000, bytes.subarray(30_000))).status, 204);
	const id = path.split('/').at(-1) ?? '';
	const file = await network.catalog.getFile(id as never);
	t.like(file, {owner: 'ann', visibility: 'private', sizeBytes: 40_000});
	t.is(
		(await ann.create({'Upload-Length': '10000'}, noise(10_000))).status,
		201,
		'the quota is filled to its last byte',
	);
});

test('a request that stalls lets go when another goes on, and what it brought counts', async t => {
	const {tus, begin, content} = await start(t);
	const bytes = noise(2 * CHUNK + 10);
	const path = await begin({'Upload-Length': String(bytes.length)});
	let fed: ReadableStreamDefaultController | undefined;
	const stalled = new ReadableStream({
		start(controller) {
			fed = controller;
			controller.enqueue(bytes.subarray(0, CHUNK + 5));
		},
	});
	const first = tus.patch(path, 0, stalled).catch((error: unknown) => error);
	// The first request has the upload once its bytes have come.
	await eventually(t, async () => (await tus.offset(path)) === CHUNK + 5, 'what came is kept');
	const answer = await first;
	if (answer instanceof Response) t.is(answer.status, 409);
	try {
		fed?.close();
	} catch {
		// The client closed it when it was answered.
	}

	t.is((await tus.patch(path, CHUNK + 5, bytes.subarray(CHUNK + 5))).status, 204);
	t.true(bytes.equals(await content(path)));
});

test('an upload goes on after nodes failed, from what was durable', async t => {
	const {tus, begin, content, nodes} = await start(t);
	const bytes = noise(6 * CHUNK);
	const path = await begin({'Upload-Length': String(bytes.length)});
	let puts = 0;
	for (const node of nodes) {
		node.faults.put = async (...asked) => {
			if (++puts > 6) throw new Error('this node is broken');
			return node.shards.put(...asked);
		};
	}

	t.deepEqual(await code(await tus.patch(path, 0, bytes)), [503, 'NOT_ENOUGH_NODES']);
	const offset = await tus.offset(path);
	t.true(offset <= 2 * CHUNK && offset % CHUNK === 0, String(offset));
	for (const node of nodes) node.faults = {};
	t.is((await tus.patch(path, offset, bytes.subarray(offset))).status, 204);
	t.true(bytes.equals(await content(path)));
});

test('another coordinator over the same catalogue goes on with an unfinished upload, whose chunks are no leftovers', async t => {
	const masterKey = masterKeyOf(systemRandom.bytes(32), systemRandom);
	const first = await start(t, {more: {masterKey}});
	const bytes = noise(2 * CHUNK + 1000);
	const path = await first.begin({'Upload-Length': String(bytes.length)});
	t.is((await first.tus.patch(path, 0, bytes.subarray(0, CHUNK + 500))).status, 204);
	const second = await start(t, {catalog: first.catalog, nodesOf: first, more: {masterKey}});
	t.is(await second.tus.offset(path), CHUNK + 500);
	t.is((await second.tus.patch(path, CHUNK + 500, bytes.subarray(CHUNK + 500))).status, 204);
	t.true(bytes.equals(await second.content(path)));
});

/** Numbers from 0 up to 1, drawn from a seed. */
const randomOf = (seed: number) => {
	let state = seed;
	return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
};

test('whatever bytes the line breaks after, an upload that goes on becomes the same file', async t => {
	const network = await start(t);
	const proxy = await startCuttingProxy(t, network.url);
	const tus = tusOf(proxy.url);
	const seed = Number(process.env['PJAS_SEED'] ?? 1 + (Date.now() % 1_000_000));
	t.log(`seed ${seed}`);
	const random = randomOf(seed);
	let [rounds, mostSentAgain] = [0, 0];
	while (rounds < 200) {
		const bytes = noise(1 + Math.floor(random() * 40 * CHUNK), rounds);
		const path = await network.begin({'Upload-Length': String(bytes.length)});
		for (let offset = 0; offset < bytes.length;) {
			const cut = Math.floor(random() * ((bytes.length - offset) * 1.2 + 1000)) + 1;
			const before = proxy.sentBytes();
			proxy.cutAfter(cut);
			const answer = await tus.patch(path, offset, bytes.subarray(offset)).catch(() => undefined);
			proxy.cutAfter(undefined);
			rounds++;
			const sent = proxy.sentBytes() - before;
			const next = await network.tus.offset(path);
			t.true(next >= offset && (answer?.status !== 204 || next === bytes.length));
			// What went out and does not count: headers, and what nobody had read yet when the upload was asked for again.
			if (answer === undefined) mostSentAgain = Math.max(mostSentAgain, sent - (next - offset));
			offset = next;
		}

		t.true(bytes.equals(await network.content(path)));
	}

	t.true(proxy.cuts() > 50, String(proxy.cuts()));
	t.true(mostSentAgain <= CHUNK + MOST_UNREAD, `${mostSentAgain} bytes were sent again`);
	t.is(network.catalog.countUploads(), 0);
	await eventually(t, async () => Promise.resolve(network.catalog.totals().removals === 0), 'short chunks are removed');
	const kept = new Set(network.nodes.flatMap(({shards}) => [...shards.kept.keys()]));
	t.is(kept.size, network.catalog.totals().chunks);
});

test('tus-js-client uploads, also with an unknown length and over a line that breaks, and goes on by itself', async t => {
	const network = await start(t);
	const proxy = await startCuttingProxy(t, network.url);
	const bytes = noise(20 * CHUNK + 77);
	const send = async (options: Partial<UploadOptions>): Promise<string> =>
		new Promise((resolve, reject) => {
			const upload = new Upload(Readable.from(bytes, {objectMode: false}), {
				endpoint: `${proxy.url}/api/uploads`,
				retryDelays: [0, 0, 0, 0, 0],
				metadata: {filename: 'film.mp4', filetype: 'video/mp4'},
				chunkSize: 5 * CHUNK,
				onError: reject,
				onSuccess: () => resolve(new URL(upload.url ?? '').pathname),
				...options,
			});
			upload.start();
		});
	t.true(bytes.equals(await network.content(await send({uploadSize: bytes.length}))));
	t.true(bytes.equals(await network.content(await send({uploadLengthDeferred: true, chunkSize: 20_000}))));
	let isFirst = true;
	const path = await send({
		uploadSize: bytes.length,
		onChunkComplete() {
			if (isFirst) proxy.cutAfter(CHUNK + 100);
			isFirst = false;
		},
	});
	t.true(proxy.cuts() > 0);
	t.true(bytes.equals(await network.content(path)));
});
