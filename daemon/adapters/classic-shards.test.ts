import {createHash, randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {connect, createServer, type AddressInfo, type Socket} from 'node:net';
import {createServer as createHttpServer} from 'node:http';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {json as jsonOf} from 'node:stream/consumers';
import {setTimeout as delay} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import {heartbeatSchema, registerSchema} from '../../source/protocol/api.js';
import {type ErrorCode, isPjasError} from '../../source/protocol/errors.js';
import {digestOf} from '../ports/shard-store.suite.js';
import {startClassicNode} from '../testing/classic-node.js';
import {manualClock} from '../testing/manual-clock.js';
import {startRawServer} from '../testing/raw-server.js';
import {classicShards} from './classic-shards.js';
import {createNodeAgent} from './http-shards-call.js';

const fixture = (name: string) => readFileSync(new URL(`../../../fixtures/classic/${name}`, import.meta.url));

const body = Buffer.from('the bytes of a chunk\0\u00FF', 'latin1');
const digest = digestOf(body);

const open = (t: ExecutionContext, baseUrl: string, options: {timeoutMs?: number; mostWaiting?: number} = {}) => {
	const agent = createNodeAgent(baseUrl, 1);
	t.teardown(() => agent.destroy());
	return classicShards({baseUrl, agent, timeoutMs: 10_000, ...options});
};

const newFolder = async (t: ExecutionContext): Promise<string> => {
	const folder = await mkdtemp(join(tmpdir(), 'pjas-classic-'));
	t.teardown(async () => rm(folder, {recursive: true, force: true}));
	return folder;
};

const failsWith = async (
	t: ExecutionContext,
	code: ErrorCode,
	act: Promise<unknown>,
	about?: string,
): Promise<void> => {
	const error = await t.throwsAsync(act, undefined, about);
	t.true(isPjasError(error, code), `${about ?? ''}: ${code} was to be thrown, not ${String(error)}`);
};

/** A node that gives a fixed answer and closes; it keeps what it was sent. */
const startGolden = async (t: ExecutionContext, answer: Buffer | string) => {
	const received: Buffer[] = [];
	const server = createServer(socket => {
		socket.on('error', () => undefined);
		socket.on('data', (piece: Buffer) => {
			received.push(piece);
			const text = Buffer.concat(received).toString('latin1');
			const length = /content-length: (\d+)/i.exec(text)?.[1] ?? '0';
			const at = text.indexOf('\r\n\r\n');
			if (at >= 0 && text.length >= at + 4 + Number(length)) socket.end(answer);
		});
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.teardown(() => server.close());
	return {url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received};
};

/** A request without what varies and means nothing here. */
const comparable = (pieces: Buffer[]) =>
	Buffer.concat(pieces)
		.toString('latin1')
		.replace(/Host: 127\.0\.0\.1:\d+/, 'Host: HOST')
		.replace(/Connection: [\w-]+/, 'Connection: CONNECTION');

test('what is sent to a classic node is the golden bytes, with nothing of ours in it but the digest', async t => {
	const forPut = await startGolden(t, fixture('stored.answer'));
	await open(t, forPut.url).put(digest, body);
	t.is(comparable(forPut.received), fixture('put.request').toString('latin1'));

	const forGet = await startGolden(t, fixture('chunk.answer'));
	t.is(Buffer.compare(await open(t, forGet.url).get(digest), body), 0);
	t.is(comparable(forGet.received), fixture('get.request').toString('latin1'));
});

test('the golden answers of a classic node are understood', async t => {
	const answering = async (name: string) => open(t, (await startGolden(t, fixture(name))).url);
	t.deepEqual(await (await answering('chunk.answer')).stat(digest), {sizeBytes: body.length});
	t.true(await (await answering('chunk.answer')).verify(digest));
	t.false(await (await answering('chunk.answer')).verify(digestOf(Buffer.from('other'))));
	t.is(await (await answering('unknown.answer')).stat(digest), undefined);
	await failsWith(t, 'SHARD_NOT_FOUND', (await answering('unknown.answer')).get(digest));
	await failsWith(t, 'SHARD_NOT_FOUND', (await answering('unknown.answer')).verify(digest));
	await failsWith(t, 'INSUFFICIENT_STORAGE', (await answering('full.answer')).put(digest, body));
});

test('any other answer is a failure of the node, not a kept or a missing chunk', async t => {
	const json = 'Content-Type: application/json\r\n\r\n';
	const strange = {
		'a page': 'HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<h1>You are about to visit</h1>',
		nothing: 'HTTP/1.0 200 OK\r\n\r\n',
		'no success': `HTTP/1.0 200 OK\r\n${json}{"success": false, "error": "disk"}`,
		'less than was sent': `HTTP/1.0 200 OK\r\n${json}{"success": true, "stored_bytes": 5}`,
		'an error': `HTTP/1.0 500 Internal Server Error\r\n${json}{"success": false, "error": "[Errno 5] I/O"}`,
		'the tunnel': 'HTTP/1.1 404 Not Found\r\nNgrok-Error-Code: ERR_NGROK_3200\r\nContent-Length: 0\r\n\r\n',
		'a bad gateway': 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n',
		'a closed door': '',
	};
	for (const [name, answer] of Object.entries(strange)) {
		await failsWith(t, 'NODE_FAILED', open(t, (await startGolden(t, answer)).url).put(digest, body), name);
		if (answer.includes(' 200 ')) continue;
		await failsWith(t, 'NODE_FAILED', open(t, (await startGolden(t, answer)).url).get(digest), name);
		await failsWith(t, 'NODE_FAILED', open(t, (await startGolden(t, answer)).url).stat(digest), name);
	}
});

test('a classic node gets one request at a time, and so many wait', async t => {
	let underWay = 0;
	let most = 0;
	const server = await startRawServer(t, socket => {
		most = Math.max(most, ++underWay);
		setTimeout(() => {
			underWay--;
			socket.end(fixture('chunk.answer'));
		}, 20);
	});
	const store = open(t, server.url, {mostWaiting: 5});
	const all = await Promise.allSettled(Array.from({length: 8}, async () => store.get(digest)));
	t.is(most, 1);
	t.is(server.connections, 6);
	const refused = all.filter(({status}) => status === 'rejected') as PromiseRejectedResult[];
	t.is(refused.length, 2);
	t.true(refused.every(({reason}) => isPjasError(reason, 'TOO_MANY_REQUESTS')));
});

test('who is aborted while waiting for a turn is not sent', async t => {
	const sockets: Socket[] = [];
	const server = await startRawServer(t, socket => sockets.push(socket));
	const store = open(t, server.url);
	const first = store.get(digest);
	const controller = new AbortController();
	const second = store.get(digest, {signal: controller.signal});
	const third = store.get(digest);
	while (sockets.length === 0) await delay(5);
	const reason = new Error('not wanted any more');
	controller.abort(reason);
	t.is(await t.throwsAsync(second), reason);
	sockets[0]?.end(fixture('chunk.answer'));
	await first;
	while (sockets.length < 2) await delay(5);
	sockets[1]?.end(fixture('chunk.answer'));
	await third;
	t.is(server.connections, 2);
});

test('a turn that takes long does not count as silence for those who wait', async t => {
	const server = await startRawServer(t, socket => setTimeout(() => socket.end(fixture('chunk.answer')), 400));
	const store = open(t, server.url, {timeoutMs: 3500});
	await Promise.all(Array.from({length: 10}, async () => store.get(digest)));
	t.is(server.connections, 10);
});

test('a classic node that keeps torn bodies has wrong chunks until they are put again', async t => {
	const node = await startClassicNode({folder: await newFolder(t), keepsTornBodies: true});
	t.teardown(node.stop);
	const request = fixture('put.request');
	const socket = connect(Number(new URL(node.url).port), '127.0.0.1');
	socket.on('error', () => undefined).end(request.subarray(0, request.length - 5));
	await once(socket.resume(), 'close');
	const store = open(t, node.url);
	t.deepEqual(await store.stat(digest), {sizeBytes: body.length - 5});
	t.false(await store.verify(digest));
	await store.put(digest, body);
	t.true(await store.verify(digest));
});

test('the emulated node registers once and beats every 30 seconds, whatever it is answered', async t => {
	const told: [string | undefined, unknown][] = [];
	const server = createHttpServer((request, response) => {
		void jsonOf(request).then(text => {
			told.push([request.url, text]);
			response.writeHead(404, {'content-type': 'application/json'}).end('{"success":false}');
		});
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.teardown(() => {
		server.close();
		server.closeAllConnections();
	});
	const clock = manualClock();
	const node = await startClassicNode({
		folder: await newFolder(t),
		coordinatorUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`,
		clock,
		random: {bytes: () => Uint8Array.of(1, 2, 3, 4), float: () => 0},
	});
	for (let beats = 1; beats <= 3; beats++) {
		await clock.advance(30_000);
		while (told.length < beats + 1 || clock.sleepers() === 0) await delay(5);
	}

	const [register, ...beats] = told;
	t.deepEqual(register, [
		'/api/nodes/register',
		{...(JSON.parse(fixture('register.json').toString()) as object), address: node.url},
	]);
	for (const [path, beat] of beats) {
		const {timestamp} = beat as {timestamp: number};
		t.is(path, '/api/nodes/heartbeat');
		t.deepEqual(beat, {...(JSON.parse(fixture('heartbeat.json').toString()) as object), timestamp});
	}

	t.true(registerSchema.safeParse(register?.[1]).success);
	t.true(heartbeatSchema.safeParse(beats[0]?.[1]).success);
	await node.stop();
	t.is(clock.sleepers(), 0);
});

test('the emulated node serves one request at a time and closes after each', async t => {
	const node = await startClassicNode({folder: await newFolder(t)});
	t.teardown(node.stop);
	const large = randomBytes(500_000);
	const id = createHash('sha256').update(large).digest('hex');
	await open(t, node.url).put(digestOf(large), large);
	await Promise.all(
		Array.from({length: 6}, async () => {
			const answer = await fetch(`${node.url}/chunk?id=${id}`);
			t.is(answer.headers.get('content-length'), '500000');
			await answer.arrayBuffer();
		}),
	);
	t.is(node.mostAtOnce, 1);
	t.is((await fetch(`${node.url}/chunk`)).status, 400);
	t.is((await fetch(`${node.url}/nothing`)).status, 404);
	t.is((await fetch(`${node.url}/chunk?id=x`, {method: 'DELETE'})).status, 501);
	const status = (await (await fetch(`${node.url}/status`)).json()) as {node_id: string};
	t.is(status.node_id, node.nodeId);
	t.is(node.requests.length, 11);
});
