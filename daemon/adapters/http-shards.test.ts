import {randomBytes} from 'node:crypto';
import {getEventListeners, once, setMaxListeners} from 'node:events';
import {readFileSync} from 'node:fs';
import {createServer, type RequestListener} from 'node:http';
import {Agent as SecureAgent, createServer as createSecureServer} from 'node:https';
import type {AddressInfo} from 'node:net';
import {setTimeout as delay} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import {type ErrorCode, isPjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import {digestOf} from '../ports/shard-store.suite.js';
import {startMemoryNode} from '../testing/memory-node.js';
import {startRawServer} from '../testing/raw-server.js';
import {createNodeAgent} from './http-shards-call.js';
import {createGate} from './http-shards-gate.js';
import {httpShards} from './http-shards.js';
import {MemoryShards} from './memory-shards.js';

const body = randomBytes(100_000);
const digest = digestOf(body);

const open = (t: ExecutionContext, baseUrl: string, {timeoutMs = 10_000, maxSockets = 16} = {}) => {
	const agent = createNodeAgent(baseUrl, maxSockets);
	t.teardown(() => agent.destroy());
	return {agent, store: httpShards({baseUrl, agent, timeoutMs})};
};

const serve = async (t: ExecutionContext, listener: RequestListener, host = '127.0.0.1') => {
	const server = createServer(listener).listen(0, host);
	await once(server, 'listening');
	t.teardown(() => {
		server.close();
		server.closeAllConnections();
	});
	const {port} = server.address() as AddressInfo;
	return {server, url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`};
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

const collect = async (digests: AsyncIterable<Digest>): Promise<Digest[]> => {
	const all: Digest[] = [];
	for await (const each of digests) all.push(each);
	return all;
};

const shardAnswer = (bytes: Uint8Array) => ({
	'content-type': 'application/octet-stream',
	'content-length': bytes.length,
});

test('hundreds of requests leave few sockets and no listeners', async t => {
	const node = await startMemoryNode();
	t.teardown(node.close);
	const {agent, store} = open(t, node.url, {maxSockets: 4});
	const {signal} = new AbortController();
	setMaxListeners(0, signal);
	await store.put(digest, body, {signal});
	const missing = digestOf(Buffer.from('missing'));
	const countListeners = () =>
		Object.values(agent.freeSockets)
			.flatMap(sockets => sockets ?? [])
			.map(socket => socket.eventNames().map(name => [name, socket.listenerCount(name)]));

	for (let count = 0; count < 5; count++) await store.get(digest, {signal});
	const before = countListeners();
	t.is(before.length, 1, 'one after the other, they take one socket');
	for (let count = 0; count < 50; count++) {
		await store.put(digest, body, {signal});
		await store.get(digest, {signal});
		await store.stat(missing, {signal});
		await failsWith(t, 'SHARD_NOT_FOUND', store.get(missing, {signal}));
		await store.remove(missing, {signal});
	}

	t.deepEqual(countListeners(), before);
	await Promise.all(Array.from({length: 200}, async () => store.get(digest, {signal})));
	const after = countListeners();
	t.true(after.length <= 4);
	for (const each of after) t.deepEqual(each, before[0]);
	t.deepEqual(Object.keys(agent.requests), []);
	t.is(getEventListeners(signal, 'abort').length, 0);
});

test('no more requests are under way than the agent has sockets', async t => {
	let underWay = 0;
	let most = 0;
	const {url} = await serve(t, (_request, response) => {
		most = Math.max(most, ++underWay);
		setTimeout(() => {
			underWay--;
			response.writeHead(200, shardAnswer(body)).end(body);
		}, 5);
	});
	const {store} = open(t, url, {maxSockets: 3});
	await Promise.all(Array.from({length: 30}, async () => store.get(digest)));
	t.is(most, 3);
});

test('so many wait for their turn, in order, and the rest is refused', async t => {
	const gate = createGate(2, 3);
	const order: number[] = [];
	const controller = new AbortController();
	const pass = async (number: number, signal?: AbortSignal) =>
		gate.pass(async () => {
			order.push(number);
			await delay(5);
			if (number === 1) throw new Error('it leaves as well');
		}, signal);
	const all = [pass(1), pass(2), pass(3), pass(4, controller.signal), pass(5), pass(6)];
	const settled = Promise.allSettled(all);
	controller.abort(new Error('gone'));
	const [first, second, third, fourth, fifth, sixth] = await settled;
	t.deepEqual(order, [1, 2, 3, 5]);
	t.deepEqual(
		[first, second, third, fourth, fifth, sixth].map(each => each?.status === 'fulfilled'),
		[false, true, true, false, true, false],
	);
	t.true(sixth?.status === 'rejected' && isPjasError(sixth.reason, 'TOO_MANY_REQUESTS'));
	await Promise.all([pass(7), pass(8), pass(9)]);
	t.deepEqual(order.slice(-3), [7, 8, 9]);
});

test('a connection that the node closed as it was used again is replaced once', async t => {
	let requests = 0;
	const server = await startRawServer(t, (socket, _head, number) => {
		requests++;
		if (number > 1) socket.resetAndDestroy();
		else socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 2\r\n\r\nok`);
	});
	const {store} = open(t, server.url);
	for (let count = 1; count <= 5; count++) {
		t.is(Buffer.from(await store.get(digest)).toString(), 'ok');
		t.is(server.connections, count);
	}

	t.is(requests, 9);
});

test('a node that closes every connection is asked once more at most', async t => {
	const server = await startRawServer(t, socket => socket.resetAndDestroy());
	const {store} = open(t, server.url);
	await failsWith(t, 'NODE_FAILED', store.get(digest));
	t.is(server.connections, 1);
});

test('an answer that broke off on a connection in use is not asked for again', async t => {
	const server = await startRawServer(t, (socket, _head, number) => {
		const head = `HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 2\r\n\r\n`;
		if (number === 1) socket.write(`${head}ok`);
		else socket.write(`${head}o`, () => socket.resetAndDestroy());
	});
	const {store} = open(t, server.url);
	await store.get(digest);
	await failsWith(t, 'NODE_FAILED', store.get(digest));
	t.is(server.connections, 1);
});

test('an aborted call ends at once, closes its connection and leaves the buffers alone', async t => {
	const large = randomBytes(10_000_000);
	const {url} = await serve(t, (request, response) => {
		if (request.method === 'GET') response.writeHead(200, shardAnswer(large)).write(large.subarray(0, 2_000_000));
	});
	const {agent, store} = open(t, url, {maxSockets: 1});
	const into = new Uint8Array(10_000_000);
	const gone = new Error('gone');
	const abortSoon = () => {
		const controller = new AbortController();
		setTimeout(() => controller.abort(gone), 50);
		return controller.signal;
	};

	t.is(await t.throwsAsync(store.get(digest, {signal: abortSoon(), into})), gone);
	const asLeft = Buffer.from(into);
	t.is(await t.throwsAsync(store.put(digest, large, {signal: abortSoon()})), gone);
	const waiting = store.stat(digest, {signal: abortSoon()});
	t.is(await t.throwsAsync(store.verify(digest, {signal: abortSoon()})), gone);
	t.is(await t.throwsAsync(waiting), gone);
	while (Object.keys(agent.sockets).length + Object.keys(agent.requests).length > 0) await delay(5);
	t.is(Buffer.compare(into, asLeft), 0);
});

test('a node that answers before it has taken the body gets no more of it', async t => {
	const large = Buffer.alloc(10_000_000, 1);
	const received: number[] = [];
	const {url} = await serve(t, (request, response) => {
		const text = JSON.stringify({success: false, error: 'full', code: 'INSUFFICIENT_STORAGE'});
		response.writeHead(507, {'content-type': 'application/json'}).end(text);
		setTimeout(() => request.on('data', (piece: Buffer) => received.push(...new Set(piece))), 100);
	});
	const {agent, store} = open(t, url);
	await failsWith(t, 'INSUFFICIENT_STORAGE', store.put(digestOf(large), large));
	large.fill(2);
	await delay(200);
	t.false(received.includes(2), 'the buffer was somebody else’s already');
	t.deepEqual(Object.keys(agent.freeSockets), []);
});

test('what a node says is believed where it fits, and nothing else', async t => {
	type Said = [status: number, code: string | undefined, expected: ErrorCode];
	const verbs = {
		put: async (url: string) => open(t, url).store.put(digest, body),
		get: async (url: string) => open(t, url).store.get(digest),
		verify: async (url: string) => open(t, url).store.verify(digest),
		prove: async (url: string) => open(t, url).store.prove(digest, {nonce: '0'.repeat(64), offset: 0, length: 1}),
		remove: async (url: string) => open(t, url).store.remove(digest),
		list: async (url: string) => collect(open(t, url).store.list()),
	};
	const said: Record<keyof typeof verbs, Said[]> = {
		put: [
			[422, 'DIGEST_MISMATCH', 'DIGEST_MISMATCH'],
			[507, 'INSUFFICIENT_STORAGE', 'INSUFFICIENT_STORAGE'],
			[413, 'BODY_TOO_LARGE', 'BODY_TOO_LARGE'],
			[404, 'SHARD_NOT_FOUND', 'NODE_FAILED'],
			[503, 'SHUTTING_DOWN', 'NODE_FAILED'],
			[200, undefined, 'NODE_FAILED'],
			[204, undefined, 'NODE_FAILED'],
		],
		get: [
			[404, 'SHARD_NOT_FOUND', 'SHARD_NOT_FOUND'],
			[500, 'SHARD_CORRUPT', 'SHARD_CORRUPT'],
			[404, 'ROUTE_NOT_FOUND', 'NODE_FAILED'],
			[404, undefined, 'NODE_FAILED'],
			[410, 'SHARD_NOT_FOUND', 'NODE_FAILED'],
			[500, 'FILE_NOT_FOUND', 'NODE_FAILED'],
			[500, 'toString', 'NODE_FAILED'],
			[302, undefined, 'NODE_FAILED'],
			[206, undefined, 'NODE_FAILED'],
			[200, undefined, 'NODE_FAILED'],
		],
		verify: [
			[404, 'SHARD_NOT_FOUND', 'SHARD_NOT_FOUND'],
			[500, 'SHARD_UNREADABLE', 'SHARD_UNREADABLE'],
			[404, undefined, 'NODE_FAILED'],
			[200, undefined, 'NODE_FAILED'],
		],
		prove: [
			[404, 'SHARD_NOT_FOUND', 'SHARD_NOT_FOUND'],
			[500, 'SHARD_CORRUPT', 'SHARD_CORRUPT'],
			[500, 'SHARD_UNREADABLE', 'SHARD_UNREADABLE'],
			[401, 'UNAUTHENTICATED', 'NODE_FAILED'],
			[404, 'ROUTE_NOT_FOUND', 'NODE_FAILED'],
			[200, undefined, 'NODE_FAILED'],
		],
		remove: [
			[404, undefined, 'NODE_FAILED'],
			[200, undefined, 'NODE_FAILED'],
			[501, 'OPERATION_UNSUPPORTED', 'NODE_FAILED'],
		],
		list: [
			[200, undefined, 'NODE_FAILED'],
			[304, undefined, 'NODE_FAILED'],
			[500, undefined, 'NODE_FAILED'],
		],
	};
	for (const [verb, all] of Object.entries(said) as [keyof typeof verbs, Said[]][]) {
		for (const [status, code, expected] of all) {
			const {url} = await serve(t, (request, response) => {
				request.resume().once('end', () => {
					response.writeHead(status, {'content-type': code ? 'application/json' : 'text/html'});
					response.end(
						code ? JSON.stringify({success: false, error: 'evil \u001B[2J words', code}) : '<h1>Welcome</h1>',
					);
				});
			});
			const error = await t.throwsAsync(verbs[verb](url));
			t.true(isPjasError(error, expected), `${verb} ${status} ${code ?? 'a page'}: ${String(error)}`);
			t.notRegex(`${error.message}${(error.cause as Error | undefined)?.message ?? ''}`, /\p{Cc}/u);
			t.notRegex(error.message, /evil/);
		}
	}
});

test('a 404 without a body is asked about before a shard is said to be missing', async t => {
	for (const [code, type] of [
		['SHARD_NOT_FOUND', 'application/json'],
		['<h1>Tunnel not found</h1>', 'text/html'],
	] as const) {
		const {url} = await serve(t, (request, response) => {
			const text = type === 'text/html' ? code : JSON.stringify({success: false, error: '', code});
			response.writeHead(404, {'content-type': type}).end(request.method === 'HEAD' ? undefined : text);
		});
		const {store} = open(t, url);
		if (type === 'text/html') await failsWith(t, 'NODE_FAILED', store.stat(digest));
		else t.is(await store.stat(digest), undefined);
	}
});

test('a long listing comes in pages, and goes on after any digest', async t => {
	const shards = new MemoryShards();
	const digests = Array.from({length: 25_000}, (_, index) => digestOf(Buffer.from(`${index}`))).sort();
	for (const each of digests) shards.kept.set(each, new Uint8Array());
	const node = await startMemoryNode(shards);
	t.teardown(node.close);
	const {store} = open(t, node.url);
	t.deepEqual(await collect(store.list()), digests);
	t.deepEqual(await collect(store.list(digests[12_345])), digests.slice(12_346));
});

test('a node may have a path, or an address of the newer kind', async t => {
	const listener: RequestListener = (request, response) => {
		const isRight = request.url === `/some/path/shards/${digest}`;
		response.writeHead(isRight ? 200 : 404, shardAnswer(body)).end(body);
	};
	for (const host of ['127.0.0.1', '::1']) {
		const {url} = await serve(t, listener, host);
		for (const end of ['/some/path', '/some/path/']) {
			t.is(Buffer.compare(await open(t, url + end).store.get(digest), body), 0);
		}
	}
});

const pem = (name: string) => readFileSync(new URL(`../../../fixtures/tls/localhost.${name}.pem`, import.meta.url));

test('a node is reached over TLS, on connections that are kept, and only where its certificate is right', async t => {
	const kept = new Map<string, Buffer>();
	let connections = 0;
	const server = createSecureServer({key: pem('key'), cert: pem('cert')}, (request, response) => {
		const pieces: Buffer[] = [];
		request
			.on('data', (piece: Buffer) => pieces.push(piece))
			.on('end', () => {
				const found = kept.get(request.url ?? '');
				if (request.method === 'PUT') {
					kept.set(request.url ?? '', Buffer.concat(pieces));
					response.writeHead(201, {'content-type': 'application/json'}).end('{"success":true}');
				} else response.writeHead(200, shardAnswer(found ?? Buffer.alloc(0))).end(found);
			});
	}).listen(0, '127.0.0.1');
	server.on('secureConnection', () => connections++).on('tlsClientError', () => undefined);
	await once(server, 'listening');
	t.teardown(() => {
		server.close();
		server.closeAllConnections();
	});
	const baseUrl = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const agent = new SecureAgent({keepAlive: true, maxSockets: 4, ca: pem('cert')});
	t.teardown(() => agent.destroy());
	const store = httpShards({baseUrl, agent, timeoutMs: 10_000});
	const large = randomBytes(5_000_000);
	for (let count = 0; count < 5; count++) {
		await store.put(digestOf(large), large);
		t.is(Buffer.compare(await store.get(digestOf(large)), large), 0);
	}

	t.is(connections, 1);
	const untrusting = await t.throwsAsync(open(t, baseUrl).store.get(digest));
	t.true(isPjasError(untrusting, 'NODE_FAILED'));
	t.regex(String((untrusting.cause as NodeJS.ErrnoException).code), /CERT/);
});
