import {createHash, randomBytes} from 'node:crypto';
import {EventEmitter, once} from 'node:events';
import {cp, mkdtemp, open, readdir, rm} from 'node:fs/promises';
import {Agent, type ClientRequest, type IncomingHttpHeaders, request as makeRequest} from 'node:http';
import {connect} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Readable} from 'node:stream';
import {setTimeout as delay} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import {createNodeAgent} from '../adapters/http-shards-call.js';
import {httpShards} from '../adapters/http-shards.js';
import {type DiskFiles, systemFiles} from '../adapters/disk-shards-files.js';
import {openNodeFolder} from '../adapters/disk-shards-folder.js';
import {systemClock, systemRandom} from '../adapters/system.js';
import {answerTo} from '../core/challenge.js';
import {listingDigest} from '../core/listing.js';
import {MAX_SHARD_BYTES} from '../core/limits.js';
import {createApp} from '../http/app.js';
import {listen} from '../http/listen.js';
import {digestOf, shardStoreSuite} from '../ports/shard-store.suite.js';
import {recordingLog, type RecordingLog} from '../testing/recording-log.js';
import {eventually} from '../testing/requests.js';
import {noProof} from './authorize.js';
import type {SendLimits} from './send-bytes.js';
import {sendShard} from './send-shard.js';
import {type NodeOptions, type RunningNode, startNode} from './start.js';

type Node = RunningNode & {folder: string; log: RecordingLog};
type NodeSettings = Partial<NodeOptions> & {folder?: string; files?: DiskFiles};
type Answer = {status: number; headers: IncomingHttpHeaders; bytes: Buffer; json: Record<string, unknown>};
type Ask = {
	method?: string;
	headers?: Record<string, string | number>;
	body?: Uint8Array | Readable;
	agent?: Agent;
	/** Called when the server has taken the request up, where that was asked for by `Expect`. */
	onContinue?: () => void;
};

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

const newFolder = async (t: ExecutionContext): Promise<string> => {
	const folder = await mkdtemp(join(tmpdir(), 'pjas-node-'));
	t.teardown(async () => rm(folder, {recursive: true, force: true}));
	return folder;
};

const start = async (
	t: ExecutionContext,
	{folder, files = systemFiles, ...settings}: NodeSettings = {},
): Promise<Node> => {
	const log = recordingLog();
	const storagePath = folder ?? (await newFolder(t));
	const node = await startNode({
		openFolder: async options => openNodeFolder({...options, files}),
		storagePath,
		allocatedBytes: GIB,
		host: '127.0.0.1',
		port: 0,
		log,
		clock: systemClock,
		random: systemRandom,
		...settings,
	});
	t.teardown(async () => node.close({graceMs: 0}));
	return {...node, folder: storagePath, log};
};

/** Waits for a body that was answered early: Node listens to no error on a connection that is still writing one. */
const whenSent = (request: ClientRequest, then: () => void) => {
	if (request.writableFinished || request.destroyed) then();
	else request.once('finish', then);
};

const ask = async (
	{port}: {port: number},
	path: string,
	{method = 'GET', headers, body, agent, onContinue = () => undefined}: Ask = {},
): Promise<Answer> =>
	new Promise((resolve, reject) => {
		const request = makeRequest(
			{port, host: '127.0.0.1', method, path, headers: headers ?? {}, ...(agent && {agent})},
			response => {
				const pieces: Buffer[] = [];
				response.on('data', (piece: Buffer) => pieces.push(piece));
				response.on('error', reject);
				response.on('end', () => {
					const bytes = Buffer.concat(pieces);
					const isJson = response.headers['content-type']?.startsWith('application/json') && bytes.length > 0;
					const json = (isJson ? JSON.parse(bytes.toString()) : {}) as Record<string, unknown>;
					const answer = {status: response.statusCode ?? 0, headers: response.headers, bytes, json};
					whenSent(request, () => resolve(answer));
				});
			},
		);
		request.on('error', reject).on('continue', onContinue);
		if (body instanceof Readable) body.pipe(request);
		else request.end(body);
	});

const put = async (node: {port: number}, body: Uint8Array, name: string = digestOf(body)): Promise<Answer> =>
	ask(node, `/shards/${name}`, {method: 'PUT', body});

const postChunk = async (
	node: {port: number},
	id: unknown,
	body: Uint8Array,
	headers: Record<string, string | number> = {},
): Promise<Answer> => {
	const metadata = Buffer.from(
		JSON.stringify({chunk_id: id, file_id: 'f', filename: 'photo.jpg', chunk_size: body.length}),
	);
	return ask(node, '/chunk', {
		method: 'POST',
		headers: {'X-Metadata-Length': metadata.length, ...headers},
		body: Buffer.concat([metadata, body]),
	});
};

const filesIn = async (...path: string[]): Promise<string[]> => (await readdir(join(...path))).sort();

const flipByte = async (path: string): Promise<void> => {
	const file = await open(path, 'r+');
	const {buffer} = await file.read(Buffer.alloc(1), 0, 1, 5);
	await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, 5);
	await file.close();
};

shardStoreSuite(
	test,
	'a node over HTTP',
	async t => {
		const node = await start(t);
		const agent = createNodeAgent(node.url, 8);
		t.teardown(() => agent.destroy());
		return httpShards({baseUrl: node.url, agent, timeoutMs: 10_000});
	},
	{histories: 10},
);

test('a shard is put, asked for, listed, checked and removed', async t => {
	const node = await start(t);
	const body = randomBytes(100_000);
	const digest = digestOf(body);
	const path = `/shards/${digest}`;

	const created = await put(node, body);
	t.is(created.status, 201);
	t.deepEqual(created.json, {success: true, outcome: 'created'});
	const again = await put(node, body);
	t.is(again.status, 200);
	t.deepEqual(again.json, {success: true, outcome: 'exists'});

	const got = await ask(node, path);
	t.is(got.status, 200);
	t.is(Buffer.compare(got.bytes, body), 0);
	t.is(got.headers['content-type'], 'application/octet-stream');
	t.is(got.headers['content-length'], '100000');
	t.is(got.headers.etag, `"${digest}"`);
	const known = await ask(node, path, {headers: {'If-None-Match': `"${digest}"`}});
	t.is(known.status, 304);
	t.is(known.bytes.length, 0);
	const head = await ask(node, path, {method: 'HEAD'});
	t.is(head.status, 200);
	t.is(head.headers['content-length'], '100000');

	const verified = await ask(node, `${path}/verify`, {method: 'POST'});
	t.deepEqual(verified.json, {success: true, ok: true});
	const nonce = 'c'.repeat(64);
	const challenge = {nonce, offset: 5, length: 90_000};
	const proven = await ask(node, `${path}/prove?nonce=${nonce}&offset=5&length=90000`, {method: 'POST'});
	t.deepEqual(proven.json, {success: true, proof: answerTo(challenge, body)});
	for (const [query, status] of [
		['', 400],
		[`?nonce=${nonce}&offset=-1&length=1`, 400],
		[`?nonce=${nonce}&offset=0&length=1e99`, 400],
		[`?nonce=${nonce.toUpperCase()}&offset=0&length=1`, 400],
		[`?nonce=${nonce}&offset=1&length=100000`, 500],
	] as const) {
		t.is((await ask(node, `${path}/prove${query}`, {method: 'POST'})).status, status, query);
	}

	t.is((await ask(node, path, {method: 'DELETE'})).status, 204);
	t.is((await ask(node, path, {method: 'DELETE'})).status, 204);
	for (const method of ['GET', 'HEAD']) t.is((await ask(node, path, {method})).status, 404);
	t.is((await ask(node, path)).json['code'], 'SHARD_NOT_FOUND');
	t.is((await ask(node, `${path}/verify`, {method: 'POST'})).status, 404);
});

test('plain puts and gets have request ids of their own and log entries, as all other requests have', async t => {
	const node = await start(t);
	const body = randomBytes(1000);
	const path = `/shards/${digestOf(body)}`;
	const answers = [
		await put(node, body),
		await ask(node, path),
		await ask(node, path),
		await put(node, body, digestOf(randomBytes(9))),
		await ask(node, `/shards/${'0'.repeat(64)}`),
		await ask(node, path, {headers: {'X-Request-Id': 'given'}}),
		await ask(node, `${path}?plainly=not`),
	];
	t.deepEqual(
		answers.map(({status}) => status),
		[201, 200, 200, 422, 404, 200, 200],
	);
	t.deepEqual(
		answers.map(({headers}) => headers.etag),
		[
			undefined,
			`"${digestOf(body)}"`,
			`"${digestOf(body)}"`,
			undefined,
			undefined,
			`"${digestOf(body)}"`,
			`"${digestOf(body)}"`,
		],
	);
	const ids = answers.map(({headers}) => headers['x-request-id']);
	t.is(new Set(ids).size, ids.length);
	t.is(ids[5], 'given');
	for (const id of ids) t.regex(String(id), /^([0-9a-f]{16}|given)$/);

	const entriesOf = () => node.log.entries.filter(({message}) => message === 'request').map(({fields}) => fields);
	await eventually(t, () => entriesOf().length === answers.length, 'each request is logged');
	const entries = entriesOf();
	t.deepEqual(
		entries.map(({request, method, url, status}) => ({request, method, url, status})),
		answers.map(({status}, index) => ({
			request: ids[index],
			method: [0, 3].includes(index) ? 'PUT' : 'GET',
			url: entries[index]?.['url'],
			status,
		})),
	);
	t.true(entries.every(({isWhole, ms}) => isWhole === true && typeof ms === 'number'));
});

test('a connection on which a put was refused serves the next requests', async t => {
	const node = await start(t);
	const agent = new Agent({keepAlive: true, maxSockets: 1});
	t.teardown(() => agent.destroy());
	const body = randomBytes(200_000);
	const path = `/shards/${digestOf(body)}`;
	for (let round = 0; round < 3; round++) {
		t.is((await ask(node, path, {method: 'PUT', body: randomBytes(200_000), agent})).status, 422);
		t.is((await ask(node, path, {agent})).status, round === 0 ? 404 : 200);
		t.is((await ask(node, path, {method: 'PUT', body, agent})).status, round === 0 ? 201 : 200);
		t.is(Buffer.compare((await ask(node, path, {agent})).bytes, body), 0);
	}
});

test('the listing comes in pages, and not again where it is known', async t => {
	const node = await start(t);
	const bodies = Array.from({length: 25}, (_, index) => Buffer.from(`shard ${index}`));
	for (const body of bodies) await put(node, body);
	const sorted = bodies.map(digestOf).sort();

	const whole = await ask(node, '/shards');
	t.deepEqual(whole.json, {success: true, digests: sorted, next_after: null, listing_digest: listingDigest(sorted)});
	t.is(whole.headers.etag, `"${listingDigest(sorted)}"`);
	const first = await ask(node, '/shards?limit=10');
	t.deepEqual(first.json['digests'], sorted.slice(0, 10));
	t.is(first.json['next_after'], sorted[9]);
	const last = await ask(node, `/shards?limit=15&after=${sorted[9]}`);
	t.deepEqual(last.json['digests'], sorted.slice(10));
	t.is(last.json['next_after'], null);

	const known = {headers: {'If-None-Match': whole.headers.etag ?? ''}};
	t.is((await ask(node, '/shards', known)).status, 304);
	await put(node, Buffer.from('one more'));
	t.is((await ask(node, '/shards', known)).status, 200);
	for (const query of ['limit=0', 'limit=10001', 'limit=x', 'after=x', `after=${sorted[9]}&after=${sorted[9]}`]) {
		const answer = await ask(node, `/shards?${query}`);
		t.is(answer.status, 400, query);
		t.regex(String(answer.json['error']), /^Wrong query: "(limit|after)"/);
	}
});

test('a node says how it is', async t => {
	const node = await start(t, {name: 'Attic'});
	await put(node, randomBytes(4096));
	const {json} = await ask(node, '/status');
	t.like(json, {node_id: node.nodeId, status: 'online', name: 'Attic', version: '2.0.0'});
	const storage = json['storage'] as Record<string, number>;
	t.is(storage['chunk_count'], 1);
	t.is(storage['allocated_bytes'], GIB);
	t.true((storage['used_bytes'] ?? 0) >= 4096 && (storage['used_bytes'] ?? 0) < 100_000);
	t.is(typeof storage['usage_percent'], 'number');
});

test('hostile names reach no file', async t => {
	const node = await start(t);
	const body = Buffer.from('body');
	for (const name of [
		'..%2f..%2fetc%2fpasswd',
		'%2e%2e',
		'a'.repeat(63),
		'A'.repeat(64),
		`${'a'.repeat(64)}%00`,
		`${'a'.repeat(64)}.chunk`,
		'%F0%9F%98%80',
		'x'.repeat(5000),
	]) {
		for (const method of ['PUT', 'GET', 'DELETE']) {
			const answer = await ask(node, `/shards/${name}`, {method, ...(method === 'PUT' && {body})});
			t.is(answer.status, 400, `${method} ${name}`);
			t.is(answer.json['code'], 'INVALID_REQUEST');
		}
	}

	for (const path of ['/shards/../node_identity.json', '/node_identity.json', '/chunks/', '/shards//']) {
		t.true([400, 404].includes((await ask(node, path)).status), path);
	}

	t.deepEqual(await filesIn(node.folder, 'chunks'), []);
});

test('a body that is wrong, too long, too short or broken off leaves nothing behind', async t => {
	const node = await start(t);
	const body = randomBytes(400_000);
	const path = `/shards/${digestOf(body)}`;

	const wrong = await put(node, randomBytes(400_000), digestOf(body));
	t.is(wrong.status, 422);
	t.is(wrong.json['code'], 'DIGEST_MISMATCH');
	t.is((await put(node, Buffer.alloc(0), digestOf(body))).status, 422);
	const long = await put(node, Buffer.alloc(MAX_SHARD_BYTES + 1));
	t.is(long.status, 413);
	t.is(long.json['code'], 'BODY_TOO_LARGE');
	const endless = Readable.from(Array.from({length: 11}, () => Buffer.alloc(1_000_000)));
	t.is((await ask(node, path, {method: 'PUT', body: endless})).status, 413);

	// Without a length, in pieces.
	t.is(
		(await ask(node, path, {method: 'PUT', body: Readable.from([body.subarray(0, 9), body.subarray(9)])})).status,
		201,
	);
	t.is((await ask(node, path, {method: 'DELETE'})).status, 204);

	for (const head of [
		`PUT ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n`,
		`PUT ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`,
		`PUT ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n`,
		`POST /chunk HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\nX-Metadata-Length: 20\r\n\r\n{"chunk_id": "abcd"}`,
		`POST /chunk HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\nX-Metadata-Length: 20\r\n\r\n{"chu`,
	]) {
		for (const end of ['end', 'resetAndDestroy'] as const) {
			const socket = connect({port: node.port, host: '127.0.0.1'});
			socket.on('error', () => undefined);
			socket.write(head);
			socket.write('x'.repeat(1000));
			await delay(20);
			socket[end]();
		}
	}

	await eventually(t, async () => (await filesIn(node.folder, 'tmp')).length === 0, 'nothing is left half written');
	t.deepEqual(await filesIn(node.folder, 'chunks'), []);
	t.deepEqual(node.log.messages('error'), []);
	t.is((await put(node, body)).status, 201);
});

test('a client that takes only half of a shard harms nothing', async t => {
	const node = await start(t);
	const body = randomBytes(5_000_000);
	await put(node, body);
	for (let count = 0; count < 5; count++) {
		const socket = connect({port: node.port, host: '127.0.0.1'});
		socket.on('error', () => undefined);
		socket.write(`GET /shards/${digestOf(body)} HTTP/1.1\r\nHost: x\r\n\r\n`);
		await new Promise(resolve => socket.once('data', resolve));
		socket.resetAndDestroy();
	}

	t.is(Buffer.compare((await ask(node, `/shards/${digestOf(body)}`)).bytes, body), 0);
	await delay(50);
	t.deepEqual(node.log.messages('error', 'warn'), []);
});

test('twenty puts at the edge of the allocation never pass it', async t => {
	const emptyBytes = (await (await start(t)).store.figures()).usedBytes;
	const sizeBytes = 300_000;
	const blockBytes = Math.ceil(sizeBytes / 4096) * 4096;
	const allocatedBytes = emptyBytes + 6 * blockBytes + blockBytes / 2;
	const node = await start(t, {allocatedBytes});
	const answers = await Promise.all(Array.from({length: 20}, async () => put(node, randomBytes(sizeBytes))));
	t.is(answers.filter(({status}) => status === 201).length, 6);
	const refused = answers.filter(({status}) => status === 507);
	t.is(refused.length, 14);
	t.true(refused.every(({json}) => json['code'] === 'INSUFFICIENT_STORAGE'));
	t.is((await filesIn(node.folder, 'chunks')).length, 6);
	t.true((await node.store.figures()).usedBytes <= allocatedBytes);

	const classic = await postChunk(node, 'abc', randomBytes(sizeBytes));
	t.is(classic.status, 500);
	t.like(classic.json, {success: false, code: 'INSUFFICIENT_STORAGE'});
	t.regex(String(classic.json['error']), /^Not enough free space/);
});

test('a full disk is answered, and the node goes on', async t => {
	let isFull = false;
	const files: DiskFiles = {
		...systemFiles,
		openAtOnce: (path, flags, mode) => {
			const file = systemFiles.openAtOnce(path, flags, mode);
			file.datasync = async () => {
				if (isFull) throw Object.assign(new Error('ENOSPC'), {code: 'ENOSPC'});
				return Promise.resolve();
			};
			return file;
		},
	};
	const node = await start(t, {files});
	const body = randomBytes(1_000_000);
	isFull = true;
	const refused = await put(node, body);
	t.is(refused.status, 507);
	t.is(refused.json['code'], 'INSUFFICIENT_STORAGE');
	t.false(refused.bytes.toString().includes(node.folder));
	t.deepEqual(await filesIn(node.folder, 'tmp'), []);
	t.deepEqual(await filesIn(node.folder, 'chunks'), []);
	isFull = false;
	t.is((await put(node, body)).status, 201);
});

test('a chunk is kept and found by its classic id, over a restart too', async t => {
	const node = await start(t);
	const ids = ['0123456789abcdef', 'A b', 'ünï', '..%2f..', '%2e%2e', '__proto__', 'x'.repeat(200)];
	const bodies = new Map(ids.map(id => [id, randomBytes(50_000)]));
	bodies.set('empty', Buffer.alloc(0));
	for (const [id, body] of bodies) {
		const answer = await postChunk(node, id, body);
		t.is(answer.status, 200, id);
		t.deepEqual(answer.json, {success: true, stored_bytes: body.length});
	}

	await node.close();
	const again = await start(t, {folder: node.folder});
	for (const [id, body] of bodies) {
		const answer = await ask(again, `/chunk?id=${encodeURIComponent(id)}`);
		t.is(answer.status, 200, id);
		t.is(Buffer.compare(answer.bytes, body), 0);
		t.is(answer.headers['content-type'], 'application/octet-stream');
		t.is(answer.headers['content-length'], String(body.length));
		t.is((await ask(again, `/shards/${digestOf(body)}`)).status, 200);
	}

	t.deepEqual((await filesIn(again.folder, 'chunks')).length, bodies.size);
	t.is((await filesIn(again.folder, 'aliases')).length, bodies.size);
});

test('a classic id that is the digest of its bytes is simply that shard', async t => {
	const node = await start(t);
	const body = randomBytes(50_000);
	t.is((await postChunk(node, digestOf(body), body)).status, 200);
	t.deepEqual(await filesIn(node.folder, 'aliases'), []);
	t.is((await ask(node, `/shards/${digestOf(body)}`)).status, 200);
	t.is(Buffer.compare((await ask(node, `/chunk?id=${digestOf(body)}`)).bytes, body), 0);

	// And another 64 hex digits are an id like any other.
	t.is((await postChunk(node, 'a'.repeat(64), body)).status, 200);
	t.is(Buffer.compare((await ask(node, `/chunk?id=${'a'.repeat(64)}`)).bytes, body), 0);
	t.is((await ask(node, `/shards/${'a'.repeat(64)}`)).status, 404);
});

test('an unknown or corrupt classic chunk is not found, and a corrupt one is put aside', async t => {
	const node = await start(t);
	const body = randomBytes(50_000);
	await postChunk(node, 'abc', body);
	await flipByte(join(node.folder, 'chunks', `${digestOf(body)}.chunk`));
	for (const id of ['abc', 'abc', 'unknown', 'f'.repeat(64)]) {
		const answer = await ask(node, `/chunk?id=${id}`);
		t.is(answer.status, 404, id);
		t.like(answer.json, {success: false, code: 'SHARD_NOT_FOUND'});
	}

	t.is((await filesIn(node.folder, 'quarantine')).length, 1);
	t.deepEqual(await filesIn(node.folder, 'chunks'), []);
	for (const path of [
		'/chunk',
		'/chunk?id=',
		'/chunk?id=a&id=b',
		'/chunk?id=..%2f..%2fetc',
		'/chunk?id=%00',
		'/chunk?id=..',
	]) {
		t.is((await ask(node, path)).status, 400, path);
	}

	await postChunk(node, 'abc', body);
	t.is((await ask(node, '/chunk?id=abc')).status, 200);
});

test('a classic request that is wrong is told what is wrong', async t => {
	const node = await start(t);
	const body = randomBytes(100);
	for (const id of ['', '.', '..', '../x', 'a/b', 'a\\b', 'a\0', 'x'.repeat(201), 7, null, {}]) {
		const answer = await postChunk(node, id, body);
		t.is(answer.status, 400, JSON.stringify(id));
		t.is(answer.json['success'], false);
	}

	for (const length of ['', '0', '-1', 'x', '65537', '1e3', '99999', '7']) {
		const answer = await postChunk(node, 'abc', body, {'X-Metadata-Length': length});
		t.is(answer.status, 400, length);
	}

	const unsized = await ask(node, '/chunk', {
		method: 'POST',
		headers: {'X-Metadata-Length': 20},
		body: Readable.from(['{"chunk_id": "abcd"}', 'bytes']),
	});
	t.is(unsized.status, 400);
	t.regex(String(unsized.json['error']), /Content-Length/);
	t.is((await postChunk(node, 'abc', Buffer.alloc(MAX_SHARD_BYTES + 1))).status, 413);
	t.deepEqual(await filesIn(node.folder, 'chunks'), []);
	t.deepEqual(await filesIn(node.folder, 'tmp'), []);
});

test("a prototype's folder is served as it was", async t => {
	const folder = await newFolder(t);
	await cp(new URL('../../../fixtures/node/classic', import.meta.url).pathname, folder, {recursive: true});
	const node = await start(t, {folder});
	t.is(node.nodeId, 'pjas-0badcafe');
	t.is((await ask(node, '/chunk?id=0123456789abcdef')).bytes.toString(), 'the first chunk\n');
	t.is((await ask(node, '/chunk?id=fedcba9876543210')).bytes.toString(), 'the second chunk\n');
	t.is((await ask(node, '/chunk?id=aaaaaaaaaaaaaaaa')).status, 404);
	t.is((await ask(node, '/chunk?id=bbbbbbbbbbbbbbbb')).status, 404);
	t.is((await filesIn(folder, 'quarantine')).length, 1);
});

test('closing lets an upload under way end, and the next start finds it', async t => {
	const node = await start(t);
	const body = randomBytes(3_000_000);
	const slowly = Readable.from(
		(async function* () {
			for (let at = 0; at < body.length; at += 500_000) {
				yield body.subarray(at, at + 500_000);
				await delay(30);
			}
		})(),
	);
	const agent = new Agent({keepAlive: true});
	t.teardown(() => agent.destroy());
	let onContinue = (): void => undefined;
	const isUnderWay = new Promise<void>(resolve => {
		onContinue = resolve;
	});
	const headers = {Expect: '100-continue'};
	const uploading = ask(node, `/shards/${digestOf(body)}`, {method: 'PUT', headers, body: slowly, agent, onContinue});
	await isUnderWay;
	await Promise.all([node.close({graceMs: 60_000}), node.close()]);
	t.is((await uploading).status, 201);
	await t.throwsAsync(async () => ask(node, '/status'), {code: 'ECONNREFUSED'});

	const again = await start(t, {folder: node.folder});
	t.is(again.nodeId, node.nodeId);
	t.is(Buffer.compare((await ask(again, `/shards/${digestOf(body)}`)).bytes, body), 0);
});

test('a node that its member limits counts what its line carries, and gives and takes the same bytes', async t => {
	const node = await start(t, {limits: {up: 64 * MIB, down: 64 * MIB}});
	for (const sizeBytes of [0, 1, 300_000, 3_000_000]) {
		const body = randomBytes(sizeBytes);
		t.is((await put(node, body)).status, 201);
		t.true((await ask(node, `/shards/${digestOf(body)}`)).bytes.equals(body));
	}

	const {up, down} = node.member.traffic().day;
	t.true(up > 3_300_000 && up < 3_320_000, String(up));
	t.true(down > 3_300_000 && down < 3_320_000, String(down));
});

test('a node that is paused takes no shards, and gives what it has; beyond its cap it gives none either', async t => {
	const [kept, other] = [randomBytes(1000), randomBytes(2000)];
	const node = await start(t);
	await put(node, kept);
	await node.member.pause(true);
	const refused = await put(node, other);
	t.is(refused.status, 503);
	t.like(refused.json, {code: 'NODE_RESTING', error: 'This node takes no shards for now: its member has paused it'});
	const batch = await ask(node, `/shards?put=${digestOf(other)}.2000`, {method: 'POST', body: other});
	t.is(batch.json['code'], 'NODE_RESTING');
	t.is((await postChunk(node, 'an-id', other)).status, 503);
	t.is((await ask(node, `/shards/${digestOf(kept)}`)).status, 200);

	await node.member.pause(false);
	await node.member.set({monthly_cap: '100MB'});
	node.member.count({up: 100 * MIB, down: 0});
	t.is((await ask(node, `/shards/${digestOf(kept)}`)).json['code'], 'NODE_RESTING');
	t.is((await ask(node, `/shards/${digestOf(kept)}`, {method: 'HEAD'})).status, 200, 'what is no burden goes on');
	t.is((await ask(node, `/shards/${digestOf(kept)}/verify`, {method: 'POST'})).status, 200);
	await node.member.set({monthly_cap: '0', space: '1MB'});
	const large = randomBytes(2 * MIB);
	t.is((await put(node, large)).json['code'], 'INSUFFICIENT_STORAGE');
	await node.member.set({space: 'default'});
	t.is((await put(node, large)).status, 201);
});

test('a reader that stalls or crawls gives the buffer back', async t => {
	const log = recordingLog();
	const bytes = Buffer.alloc(MAX_SHARD_BYTES);
	let [lent, returned] = [0, 0];
	/** Told when a buffer comes back. */
	const back = new EventEmitter();
	let limits: SendLimits = {};
	const app = createApp({log, clock: systemClock, random: systemRandom});
	app.use(async ctx => {
		const open = async () => {
			lent++;
			const release = () => {
				returned++;
				back.emit('back');
			};
			return Promise.resolve({bytes, release});
		};
		await sendShard(ctx.res, {open}, digestOf(bytes), noProof, limits);
		ctx.respond = false;
	});
	const server = await listen({handler: app.callback(), host: '127.0.0.1', port: 0, log});
	t.teardown(async () => server.close({graceMs: 0}));

	const first = once(back, 'back');
	t.is((await ask(server, '/')).bytes.length, MAX_SHARD_BYTES);
	await first;
	limits = {stallMs: 100, leastBytesPerSecond: 50_000_000};
	for (const everyMs of [1_000_000, 20]) {
		const cutOff = once(back, 'back');
		const socket = connect({port: server.port, host: '127.0.0.1'});
		socket.on('error', () => undefined);
		socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
		const crawl = setInterval(() => {
			socket.read(1000);
		}, everyMs);
		await cutOff;
		clearInterval(crawl);
		socket.destroy();
	}

	t.deepEqual([lent, returned], [3, 3]);
});

test('forty uploads at once all come through a few buffers', async t => {
	const node = await start(t);
	const bodies = Array.from({length: 40}, (_, index) => {
		const body = Buffer.alloc(2_000_000, index);
		return {body, digest: createHash('sha256').update(body).digest('hex')};
	});
	const answers = await Promise.all(bodies.map(async ({body, digest}) => put(node, body, digest)));
	t.true(answers.every(({status}) => status === 201));
	t.is((await node.store.figures()).count, 40);
});
