import {randomBytes} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {Agent as SecureAgent} from 'node:https';
import type {Socket} from 'node:net';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {type ErrorCode, isPjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import {MAX_SHARD_BYTES} from '../core/limits.js';
import type {ShardStore} from '../ports/shard-store.js';
import {digestOf} from '../ports/shard-store.suite.js';
import {startRawServer} from '../testing/raw-server.js';
import {createNodeAgent} from './http-shards-call.js';
import {httpShards} from './http-shards.js';

/** Nodes that answer with whatever they like. Each test runs alone: what is timed must not wait for others. */
const hostile = test.serial;

const digest = digestOf(Buffer.from('any'));
const head = (length: number | string, type = 'application/octet-stream') =>
	`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`;

type Options = {timeoutMs?: number; leastBytesPerSecond?: number};

const open = (t: ExecutionContext, baseUrl: string, {timeoutMs = 5000, ...options}: Options = {}): ShardStore => {
	const agent = createNodeAgent(baseUrl, 4);
	t.teardown(() => agent.destroy());
	return httpShards({baseUrl, agent, timeoutMs, ...options});
};

const answering = async (t: ExecutionContext, answer: (socket: Socket, number: number) => void, options?: Options) => {
	const server = await startRawServer(t, (socket, _head, number) => answer(socket, number));
	return {server, store: open(t, server.url, options)};
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

const allClosed = async ({sockets}: {sockets: ReadonlySet<Socket>}) => {
	while (sockets.size > 0) await new Promise(resolve => setTimeout(resolve, 5));
};

/** Writes a piece again and again, as fast as it is taken or with rests between. */
const pour = (socket: Socket, piece: () => string | Buffer, restMs = 0) => {
	const more = () => {
		if (socket.destroyed) return;
		const isTaken = socket.write(piece());
		if (restMs > 0) setTimeout(more, restMs);
		else if (isTaken) setImmediate(more);
		else socket.once('drain', more);
	};
	more();
};

hostile('what is no HTTP is a failure, and its connection is closed', async t => {
	const rubbish: Record<string, string | Buffer> = {
		'random bytes': randomBytes(2000),
		'another protocol': 'SSH-2.0-OpenSSH_9.2p1\r\n',
		'a bad status line': 'HTTP/1.1 abc Fine\r\n\r\n',
		'an impossible status': 'HTTP/1.1 99999 Fine\r\nContent-Length: 0\r\n\r\n',
		'no status': 'HTTP/1.1\r\n\r\n',
		'a bad header': 'HTTP/1.1 200 OK\r\nno colon here\r\n\r\n',
		'two lengths': `HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab`,
		'a negative length': head(-5),
		'a length that is none': head('many'),
		'a huge length': head('9'.repeat(40)),
		'length and pieces': `HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`,
		'bad pieces': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
		'an upgrade': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
		'a null byte in a header': 'HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n',
	};
	for (const [name, bytes] of Object.entries(rubbish)) {
		const {server, store} = await answering(t, socket => socket.write(bytes));
		await failsWith(t, 'NODE_FAILED', store.get(digest), name);
		await failsWith(t, 'NODE_FAILED', store.put(digest, Buffer.from('any')), name);
		await allClosed(server);
	}
});

hostile('a connection that ends without an answer, or in it, is a failure', async t => {
	for (const text of ['', 'H', 'HTTP/1.1 200 OK\r\nContent-Ty', head(100), `${head(100)}${'x'.repeat(99)}`]) {
		for (const end of ['end', 'resetAndDestroy'] as const) {
			const {store} = await answering(t, socket => socket.write(text, () => socket[end]()));
			await failsWith(t, 'NODE_FAILED', store.get(digest), `${text.length} bytes, ${end}`);
		}
	}
});

hostile('headers without end are cut off', async t => {
	const {server, store} = await answering(t, socket => {
		socket.write('HTTP/1.1 200 OK\r\n');
		pour(socket, () => `X-${Math.random()}: ${'y'.repeat(500)}\r\n`);
	});
	await failsWith(t, 'NODE_FAILED', store.get(digest));
	await allClosed(server);
});

hostile('interim answers without end are cut off', async t => {
	for (const interim of ['HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n']) {
		const {server, store} = await answering(t, socket => pour(socket, () => interim));
		await failsWith(t, 'NODE_FAILED', store.get(digest));
		await allClosed(server);
	}
});

hostile('headers and bodies that crawl on for ever are given up', async t => {
	const crawls: ((socket: Socket) => void)[] = [
		socket => pour(socket, () => 'H', 20),
		socket => {
			socket.write('HTTP/1.1 200 OK\r\nX: ');
			pour(socket, () => 'y', 20);
		},
		socket => {
			socket.write(head(MAX_SHARD_BYTES));
			pour(socket, () => 'x', 20);
		},
		socket => {
			socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
			pour(socket, () => '1\r\nx\r\n', 20);
		},
		socket => {
			socket.write(head(1000, 'application/json'));
			pour(socket, () => ' ', 20);
		},
	];
	for (const [index, crawl] of crawls.entries()) {
		const {server, store} = await answering(t, crawl, {timeoutMs: 200, leastBytesPerSecond: MAX_SHARD_BYTES});
		await failsWith(t, index === 0 ? 'NODE_FAILED' : 'NODE_TIMEOUT', store.get(digest), `crawl ${index}`);
		await allClosed(server);
	}
});

hostile('a node that is silent at any moment is timed out, and no sooner', async t => {
	const silences: [string, (socket: Socket) => void][] = [
		['before the answer', () => undefined],
		['in the head', socket => socket.write('HTTP/1.1 200 OK\r\nX-')],
		['after the head', socket => socket.write(head(10))],
		['in the body', socket => socket.write(`${head(100_000)}${'x'.repeat(50_000)}`)],
	];
	for (const [name, silence] of silences) {
		const {server, store} = await answering(t, silence, {timeoutMs: 300});
		const startMs = performance.now();
		await failsWith(t, 'NODE_TIMEOUT', store.get(digest), name);
		const tookMs = performance.now() - startMs;
		t.true(tookMs > 290, `${name}: ${tookMs} ms`);
		await allClosed(server);
	}
});

hostile('an answer that is longer than a shard, or than its place, is cut off and writes nothing beyond', async t => {
	const piece = Buffer.alloc(65_536, 1);
	const chunked = 'HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n';
	const unending = 'HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n';
	for (const [start, text] of [
		[chunked, Buffer.concat([Buffer.from('10000\r\n'), piece, Buffer.from('\r\n')])],
		[unending, piece],
		[head(MAX_SHARD_BYTES + 1), piece],
		[head(10 ** 15), piece],
	] as const) {
		const {server, store} = await answering(t, socket => {
			socket.write(start);
			pour(socket, () => text);
		});
		const room = new Uint8Array(300_000).fill(7);
		await failsWith(t, 'NODE_FAILED', store.get(digest));
		await failsWith(t, 'NODE_FAILED', store.get(digest, {into: room.subarray(0, 200_000)}));
		await failsWith(t, 'NODE_FAILED', store.verify(digest));
		await failsWith(t, 'NODE_FAILED', store.stat(digest));
		await allClosed(server);
		t.true(room.subarray(200_000).every(byte => byte === 7));
	}
});

hostile('an answer that was refused writes nothing into its place later', async t => {
	const {store} = await answering(
		t,
		socket => {
			socket.write(`${head(200_000)}${'x'.repeat(1000)}`);
			setTimeout(() => socket.write('y'.repeat(199_000)), 500);
		},
		{timeoutMs: 200},
	);
	const into = new Uint8Array(200_000);
	await failsWith(t, 'NODE_TIMEOUT', store.get(digest, {into}));
	into.fill(0);
	await new Promise(resolve => setTimeout(resolve, 500));
	t.true(into.every(byte => byte === 0));
});

hostile('bytes beyond the stated length are not taken for the next answer', async t => {
	const evil = `${head(4)}evil`;
	const {server, store} = await answering(t, socket => socket.write(`${head(4)}good${evil}`));
	for (let count = 1; count <= 5; count++) {
		const got = await store.get(digest).catch((error: unknown) => error);
		t.true(isPjasError(got, 'NODE_FAILED') || Buffer.from(got as Uint8Array).toString() === 'good');
		await new Promise(resolve => setTimeout(resolve, 20));
	}

	t.true(server.connections > 1);
});

hostile('small answers that are large are cut off', async t => {
	const {server, store} = await answering(t, socket => {
		socket.write('HTTP/1.1 500 No\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n');
		pour(socket, () => `1000\r\n${' '.repeat(4096)}\r\n`);
	});
	await failsWith(t, 'NODE_FAILED', store.get(digest));
	await failsWith(t, 'NODE_FAILED', store.put(digest, Buffer.from('any')));
	await failsWith(t, 'NODE_FAILED', store.remove(digest));
	await allClosed(server);
});

hostile('any damage to an answer ends in an error or in bytes, and soon', async t => {
	let answer: Buffer = Buffer.alloc(0);
	const {store} = await answering(t, socket => socket.end(answer), {timeoutMs: 2000});
	const whole = Buffer.from(`${head(64)}${'x'.repeat(64)}`);
	const damage = fc.oneof(
		fc.record({at: fc.nat(whole.length), bytes: fc.uint8Array({maxLength: 4}), cut: fc.nat(8)}),
		fc.record({at: fc.nat(110), bytes: fc.string({unit: 'binary-ascii', maxLength: 6}), cut: fc.nat(8)}),
	);
	await fc.assert(
		fc.asyncProperty(fc.array(damage, {minLength: 1, maxLength: 3}), async all => {
			answer = all.reduce<Buffer>(
				(bytes, {at, bytes: put, cut}) =>
					Buffer.concat([bytes.subarray(0, at), Buffer.from(put as string), bytes.subarray(at + cut)]),
				whole,
			);
			const got = await store.get(digest).catch((error: unknown) => error);
			if (!(got instanceof Uint8Array) && !isPjasError(got, 'NODE_FAILED')) throw new Error(String(got));
		}),
		{numRuns: 300},
	);
	t.pass();
});

const page = (body: unknown) => {
	const text = JSON.stringify(body);
	return `${head(Buffer.byteLength(text), 'application/json')}${text}`;
};

const listAll = async (store: ShardStore) => {
	let count = 0;
	for await (const each of store.list()) count += each.length > 0 ? 1 : 0;
	return count;
};

hostile('a listing that lies is a failure', async t => {
	const [a, b, c] = ['a', 'b', 'c'].map(letter => letter.repeat(64)) as [Digest, Digest, Digest];
	const lies: Record<string, (number: number) => unknown> = {
		'not in order': () => ({success: true, digests: [b, a], next_after: null}),
		'the same twice': () => ({success: true, digests: [a, a], next_after: null}),
		'the same page again': () => ({success: true, digests: [a, b], next_after: b}),
		'no end and no digests': () => ({success: true, digests: [], next_after: c}),
		'going on elsewhere': () => ({success: true, digests: [a], next_after: c}),
		'no digests at all': () => ({success: true, digests: ['a', '../../etc/passwd'], next_after: null}),
		'another shape': () => [a, b],
		'a failure in success': () => ({success: false, digests: [a], next_after: null}),
	};
	for (const [name, lie] of Object.entries(lies)) {
		const {store} = await answering(t, (socket, number) => socket.write(page(lie(number))));
		await failsWith(t, 'NODE_FAILED', listAll(store), name);
	}

	const {store} = await answering(t, socket => socket.write(head(2 * 1024 * 1024, 'application/json')));
	await failsWith(t, 'NODE_FAILED', listAll(store), 'a large page');
});

const SLOW_BYTES_PER_MS = 3000;

/** Reads at a pace at first, so that a sender sees its bytes go and nothing else, then all the rest. */
const readSlowly = (socket: Socket, slowMs: number, then: () => void) => {
	const startMs = performance.now();
	let bytes = 0;
	socket.on('data', (piece: Buffer) => {
		bytes += piece.length;
		const passedMs = performance.now() - startMs;
		const aheadMs = bytes / SLOW_BYTES_PER_MS - passedMs;
		if (passedMs > slowMs || aheadMs <= 1) return;
		socket.pause();
		setTimeout(() => socket.resume(), aheadMs);
	});
	setTimeout(then, slowMs + 100);
};

const pem = (name: string) => readFileSync(new URL(`../../../fixtures/tls/localhost.${name}.pem`, import.meta.url));

for (const isSecure of [false, true]) {
	const over = isSecure ? 'TLS' : 'TCP';
	const openSecurely = (t: ExecutionContext, baseUrl: string, timeoutMs: number) => {
		if (!isSecure) return open(t, baseUrl, {timeoutMs});
		const agent = new SecureAgent({keepAlive: true, maxSockets: 4, ca: pem('cert')});
		t.teardown(() => agent.destroy());
		return httpShards({baseUrl, agent, timeoutMs});
	};
	const tls = isSecure ? {key: pem('key'), cert: pem('cert')} : undefined;
	const large = Buffer.alloc(MAX_SHARD_BYTES, 1);

	hostile(`a large put that is taken slowly goes on for as long as it moves (${over})`, async t => {
		const server = await startRawServer(
			t,
			socket => readSlowly(socket, 2500, () => socket.write(page({success: true, outcome: 'created'}))),
			tls,
		);
		await openSecurely(t, server.url, 1200).put(digestOf(large), large);
		t.pass();
	});

	hostile(`a large put that gets stuck is given up (${over})`, async t => {
		const server = await startRawServer(t, socket => void socket.pause(), tls);
		const startMs = performance.now();
		await failsWith(t, 'NODE_TIMEOUT', openSecurely(t, server.url, 300).put(digestOf(large), large));
		t.true(performance.now() - startMs < 3000);
	});
}
