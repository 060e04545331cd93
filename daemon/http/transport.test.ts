import {randomBytes, X509Certificate} from 'node:crypto';
import {once} from 'node:events';
import {copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {connect, createServer as createTcpServer, type Socket} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {connect as connectTls} from 'node:tls';
import {createServer} from 'node:http';
import {request as requestSecurely} from 'node:https';
import {buffer as bufferOf} from 'node:stream/consumers';
import {fileURLToPath} from 'node:url';
import test, {type ExecutionContext} from 'ava';
import fc from 'fast-check';
import {WebSocket, WebSocketServer} from 'ws';
import {isPjasError} from '../../source/protocol/errors.js';
import {systemClock, systemRandom} from '../adapters/system.js';
import {malformed, smuggling} from '../testing/hostile-requests.js';
import {manualClock} from '../testing/manual-clock.js';
import {recordingLog} from '../testing/recording-log.js';
import {eventually} from '../testing/requests.js';
import {isLoopback, networkOf} from './addresses.js';
import {type AppOptions, createApp} from './app.js';
import {proxiesOf} from './client.js';
import {trackConnections} from './connections.js';
import {listen, type ListenOptions} from './listen.js';
import {createRateLimit} from './rate-limit.js';
import {DOWNLOAD_POLICY} from './security-headers.js';
import {createWebSocketStream, type WebSocketStream} from './websocket-stream.js';
import {writeBytes} from './write-bytes.js';

const fixture = (name: string) => fileURLToPath(new URL(`../../../fixtures/tls/${name}.pem`, import.meta.url));
const fingerprintOf = (name: string) => new X509Certificate(readFileSync(fixture(`${name}.cert`))).fingerprint256;
const MINUTE_MS = 60_000;

type Options = Partial<ListenOptions & {app: Partial<AppOptions>}>;

/** A server that says whom it takes a request to be from. */
const serve = async (t: ExecutionContext, {app: appOptions = {}, ...options}: Options = {}) => {
	const log = recordingLog();
	const app = createApp({log, clock: systemClock, random: systemRandom, ...appOptions});
	app.use(ctx => {
		ctx.body = {success: true, ...ctx.state.client};
	});
	const server = await listen({handler: app.callback(), host: '127.0.0.1', port: 0, log, ...options});
	t.teardown(async () => server.close({graceMs: 0}));
	return {...server, log};
};

const tlsFolder = (t: ExecutionContext) => {
	const folder = mkdtempSync(path.join(tmpdir(), 'pjas-tls-'));
	t.teardown(() => rmSync(folder, {recursive: true}));
	const certFile = path.join(folder, 'cert.pem');
	const keyFile = path.join(folder, 'key.pem');
	copyFileSync(fixture('localhost.cert'), certFile);
	copyFileSync(fixture('localhost.key'), keyFile);
	/** Puts another file in the place of one, as a renewal does. */
	const replace = (file: string, content: string | Buffer) => {
		writeFileSync(`${file}.new`, content);
		renameSync(`${file}.new`, file);
	};
	return {certFile, keyFile, replace};
};

/** The certificate that a server shows. */
const shownBy = async (port: number): Promise<string> =>
	new Promise((resolve, reject) => {
		const socket = connectTls({port, host: '127.0.0.1', rejectUnauthorized: false}, () => {
			resolve(socket.getPeerCertificate().fingerprint256);
			socket.destroy();
		});
		socket.on('error', reject);
	});

const askSecurely = async (port: number, headers = {}) =>
	new Promise<{headers: Record<string, unknown>; body: Record<string, unknown>}>((resolve, reject) => {
		const ca = readFileSync(fixture('localhost.cert'));
		requestSecurely({port, host: '127.0.0.1', ca, headers, agent: false}, answer => {
			let text = '';
			answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
			answer.on('end', () => resolve({headers: answer.headers, body: JSON.parse(text) as Record<string, unknown>}));
		})
			.on('error', reject)
			.end();
	});

/** Resolves when a connection is closed, however that came about. */
const closed = async (socket: Socket) => new Promise<void>(resolve => socket.once('close', () => resolve()));

/** Sends what it is given and waits for the end, which must come soon. */
const sendRaw = async (port: number, text: string): Promise<string> => {
	const socket = connect({port, host: '127.0.0.1'});
	let answer = '';
	socket.on('error', () => undefined).on('data', piece => (answer += piece.toString('latin1')));
	socket.write(text, 'latin1');
	socket.end();
	await closed(socket);
	return answer;
};

const ask = async ({url}: {url: string}, headers: Record<string, string> = {}, method = 'GET') =>
	fetch(`${url}/who`, {method, headers});
const whoIs = async (server: {url: string}, headers: Record<string, string> = {}) =>
	(await (await ask(server, headers)).json()) as {address: string; isSecure: boolean};

test('with a certificate the server speaks TLS 1.2 and newer, and nothing else', async t => {
	const files = tlsFolder(t);
	const server = await serve(t, {tls: {...files, clock: systemClock}, app: {isForBrowsers: true}});
	t.regex(server.url, /^https:\/\/127\.0\.0\.1:\d+$/);
	const {headers, body} = await askSecurely(server.port);
	t.deepEqual(body, {success: true, address: '127.0.0.1', isSecure: true});
	t.regex(String(headers['strict-transport-security']), /^max-age=\d{7,}$/);

	const old = connectTls({
		port: server.port,
		host: '127.0.0.1',
		rejectUnauthorized: false,
		maxVersion: 'TLSv1.1',
		minVersion: 'TLSv1',
	});
	const [error] = (await once(old, 'error')) as [NodeJS.ErrnoException];
	t.regex(error.code ?? '', /SSL|PROTOCOL/);
	t.notRegex(await sendRaw(server.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'), /^HTTP/);
	t.is((await askSecurely(server.port)).body['success'], true);
});

test('a server with TLS stops at once, handshakes that never end included', async t => {
	const server = await serve(t, {tls: {...tlsFolder(t), clock: systemClock}});
	const silent = connect({port: server.port, host: '127.0.0.1'});
	const idle = connectTls({port: server.port, host: '127.0.0.1', rejectUnauthorized: false});
	for (const socket of [silent, idle]) socket.on('error', () => undefined);
	await once(idle, 'secureConnect');
	const startMs = performance.now();
	await Promise.all([server.close(), closed(silent), closed(idle)]);
	t.true(performance.now() - startMs < 3000);
});

test('what is no TLS, and what is no HTTP within it, harms nobody', async t => {
	const server = await serve(t, {tls: {...tlsFolder(t), clock: systemClock}});
	const requests = Object.values({...malformed, ...smuggling});
	for (const bytes of requests) t.notRegex(await sendRaw(server.port, bytes), /^HTTP/);
	for (const bytes of requests) {
		const socket = connectTls({port: server.port, host: '127.0.0.1', rejectUnauthorized: false});
		let answer = '';
		socket.on('error', () => undefined).on('data', (piece: Buffer) => (answer += piece.toString('latin1')));
		socket.write(bytes, 'latin1');
		socket.end();
		await closed(socket);
		t.notRegex(answer, /^HTTP\/1\.1 5/, bytes.slice(0, 200));
	}

	t.is((await askSecurely(server.port)).body['success'], true);
	t.deepEqual(server.log.messages('error', 'warn'), []);
});

test('a renewed certificate is used without a restart, and half of one changes nothing', async t => {
	const {replace, ...files} = tlsFolder(t);
	const clock = manualClock();
	const server = await serve(t, {tls: {...files, clock}});
	const before = fingerprintOf('localhost');
	/** Lets the time go on until something is so. */
	const until = async (isSo: () => Promise<boolean> | boolean) => {
		for (let tries = 0; tries < 300; tries++) {
			await clock.advance(10_000);
			if (await isSo()) return true;
		}

		return false;
	};
	const warnings = () => server.log.messages('warn').length;

	t.is(await shownBy(server.port), before);
	replace(files.certFile, readFileSync(fixture('renewed.cert')));
	t.true(await until(() => warnings() === 1));
	await clock.advance(60_000);
	t.is(await shownBy(server.port), before);
	replace(files.keyFile, readFileSync(fixture('renewed.key')).subarray(0, 100));
	t.true(await until(() => warnings() === 2));
	rmSync(files.keyFile);
	t.true(await until(() => warnings() === 3));
	t.is(await shownBy(server.port), before);

	replace(files.keyFile, readFileSync(fixture('renewed.key')));
	t.true(await until(async () => (await shownBy(server.port)) === fingerprintOf('renewed')));
	t.deepEqual(server.log.messages('info'), ['the certificate was replaced']);
	t.is(warnings(), 3);
});

test('files that are no certificate and its key are a configuration to mend', async t => {
	const {certFile, keyFile} = tlsFolder(t);
	const start = async (files: {certFile: string; keyFile: string}) =>
		listen({
			handler: () => undefined,
			host: '127.0.0.1',
			port: 0,
			log: recordingLog(),
			tls: {...files, clock: systemClock},
		});
	for (const [files, problem] of [
		[{certFile, keyFile: `${keyFile}.no`}, /^The key .*key\.pem\.no can't be read: there is no such file$/],
		[{certFile: path.dirname(certFile), keyFile}, /^The certificate .* can't be read: it is a folder$/],
		[{certFile, keyFile: fixture('renewed.key')}, /^The key .* does not belong to the certificate .*cert\.pem$/],
		[{certFile: keyFile, keyFile}, /^The certificate .*key\.pem is not one in PEM/],
		[{certFile, keyFile: certFile}, /^The key .*cert\.pem is not one in PEM/],
	] as const) {
		const error = await t.throwsAsync(async () => start(files));
		t.true(isPjasError(error, 'INVALID_CONFIGURATION'));
		t.regex(error.message, problem);
	}
});

test('nobody who is no proxy is believed about where a request comes from', async t => {
	const forged = {
		'X-Forwarded-For': '192.0.2.9',
		'X-Forwarded-Proto': 'https',
		Forwarded: 'for=192.0.2.9;proto=https',
		'X-Real-IP': '192.0.2.9',
		'X-Forwarded-Host': 'evil.example',
		'X-Client-IP': '192.0.2.9',
	};
	const direct = {success: true, address: '127.0.0.1', isSecure: false};
	t.deepEqual(await whoIs(await serve(t), forged), direct);
	t.deepEqual(await whoIs(await serve(t, {app: {isProxy: proxiesOf(['203.0.113.0/24'])}}), forged), direct);
});

test('of the addresses that a proxy names, the last counts that is no proxy', async t => {
	const server = await serve(t, {app: {isProxy: proxiesOf(['loopback', '10.0.0.0/8', '2001:db8:1::/48'])}});
	for (const [header, address] of [
		['192.0.2.9', '192.0.2.9'],
		['127.0.0.1, 192.0.2.9', '192.0.2.9'],
		['1.1.1.1, 192.0.2.9, 10.1.2.3', '192.0.2.9'],
		['1.1.1.1,192.0.2.9,2001:db8:1::5', '192.0.2.9'],
		['::ffff:192.0.2.9', '192.0.2.9'],
		['2001:db8:2::7', '2001:db8:2::7'],
		['10.9.9.9', '10.9.9.9'],
		['<script>', '127.0.0.1'],
		['192.0.2.9, unknown', '127.0.0.1'],
		['', '127.0.0.1'],
		[Array.from({length: 900}, () => '10.0.0.1').join(), '10.0.0.1'],
	] as const) {
		t.is((await whoIs(server, {'X-Forwarded-For': header})).address, address, header);
	}

	t.is((await whoIs(server)).address, '127.0.0.1');
	for (const [header, isSecure] of [
		['https', true],
		['HTTPS', true],
		['http', false],
		['https, http', false],
		['', false],
		['httpsx', false],
	] as const) {
		t.is((await whoIs(server, {'X-Forwarded-Proto': header})).isSecure, isSecure, header);
	}

	const secure = await ask(await serve(t, {app: {isProxy: proxiesOf(['loopback']), isForBrowsers: true}}), {
		'X-Forwarded-Proto': 'https',
	});
	t.truthy(secure.headers.get('strict-transport-security'));
});

test('whatever is forwarded, what comes out is an address', async t => {
	const server = await serve(t, {app: {isProxy: proxiesOf(['loopback'])}});
	const check = fc.assert(
		fc.asyncProperty(fc.string({unit: 'grapheme-ascii', maxLength: 60}), async header => {
			const {address} = await whoIs(server, {'X-Forwarded-For': header.replaceAll(/[^ -~]/g, '')});
			return /^[\da-f.:]+$/i.test(address);
		}),
		{numRuns: 100, includeErrorInReport: true},
	);
	await t.notThrowsAsync(check);
});

test('every answer tells browsers how little it may do, refusals and what is no HTTP included', async t => {
	const server = await serve(t, {app: {isForBrowsers: true}});
	const wanted = {
		'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
		'cross-origin-opener-policy': 'same-origin',
		'cross-origin-resource-policy': 'same-origin',
		'permissions-policy': /camera=\(\)/,
		'referrer-policy': 'no-referrer',
		'x-content-type-options': 'nosniff',
	};
	const answers = [await ask(server), await fetch(`${server.url}/%zz`), await ask(server, {}, 'OPTIONS')];
	for (const {headers} of answers) {
		for (const [name, value] of Object.entries(wanted)) {
			if (typeof value === 'string') t.is(headers.get(name), value);
			else t.regex(headers.get(name) ?? '', value);
		}

		t.is(headers.get('strict-transport-security'), null);
		t.is(headers.get('access-control-allow-origin'), null);
	}

	for (const bytes of ['nonsense\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n']) {
		const answer = await sendRaw(server.port, bytes);
		t.regex(answer, /\r\nX-Content-Type-Options: nosniff\r\n/);
		t.regex(answer, /\r\nContent-Security-Policy: default-src 'none'/);
	}

	t.regex(DOWNLOAD_POLICY, /^sandbox; default-src 'none'/);
});

test('only pages of the origins in the list may call, and none with the credentials of a browser', async t => {
	const server = await serve(t, {app: {cors: ['https://pjhq.dev', 'http://127.0.0.1:8080'], isForBrowsers: true}});
	const preflight = {'Access-Control-Request-Method': 'DELETE', 'Access-Control-Request-Headers': 'authorization'};
	for (const origin of ['https://pjhq.dev', 'http://127.0.0.1:8080']) {
		const {headers} = await ask(server, {Origin: origin});
		t.is(headers.get('access-control-allow-origin'), origin);
		t.is(headers.get('vary'), 'Origin');
		const asked = await ask(server, {Origin: origin, ...preflight}, 'OPTIONS');
		t.is(asked.status, 204);
		t.is(asked.headers.get('access-control-allow-headers'), 'authorization');
	}

	for (const origin of ['https://pjhq.dev.evil.example', 'http://pjhq.dev', 'null', 'https://PJHQ.dev', '*', '']) {
		for (const method of ['GET', 'OPTIONS']) {
			const {headers} = await ask(server, {Origin: origin, ...(method === 'OPTIONS' && preflight)}, method);
			for (const name of ['origin', 'methods', 'headers', 'credentials']) {
				t.is(headers.get(`access-control-allow-${name}`), null, `${method} from ${origin}: ${name}`);
			}

			t.is(headers.get('vary'), 'Origin');
		}
	}

	const open = await ask(await serve(t, {app: {cors: ['*'], isForBrowsers: true}}), {Origin: 'https://any.example'});
	t.is(open.headers.get('access-control-allow-origin'), '*');
	t.is(open.headers.get('access-control-allow-credentials'), null);
	t.is(open.headers.get('cross-origin-resource-policy'), 'cross-origin');
	t.is((await ask(await serve(t), {Origin: 'https://any.example'})).headers.get('access-control-allow-origin'), null);
});

test('an address that asks too much is told when to come back, and keeps nobody else out', async t => {
	const clock = manualClock();
	const rateLimit = createRateLimit({perMinute: 60, clock});
	const server = await serve(t, {app: {isProxy: proxiesOf(['loopback']), rateLimit}});
	const from = async (address: string) => ask(server, {'X-Forwarded-For': address});
	for (let count = 0; count < 60; count++) t.is((await from('192.0.2.9')).status, 200);
	const refused = await from('192.0.2.9');
	t.is(refused.status, 429);
	t.is(refused.headers.get('retry-after'), '1');
	t.like(await refused.json(), {success: false, code: 'TOO_MANY_REQUESTS'});
	t.is((await from('192.0.2.10')).status, 200);
	await clock.advance(1000);
	t.is((await from('192.0.2.9')).status, 200);
	t.is((await from('192.0.2.9')).status, 429);

	for (let count = 0; count < 61; count++) await from(`2001:db8::${count.toString(16)}`);
	t.is((await from('2001:db8::ffff:1')).status, 429);
	t.is((await from('2001:db8:0:1::1')).status, 200);
	for (let count = 0; count < 100; count++) t.is((await ask(server)).status, 200);
});

test('a limit remembers no more than it may, whatever the number of addresses, and forgets the quiet', async t => {
	const clock = manualClock();
	const limit = createRateLimit({perMinute: 10, clock, most: 1000});
	for (let count = 0; count < 100_000; count++) limit.take(`10.${count % 250}.${count >> 8}.1`);
	t.true(limit.size <= 1000);
	await clock.advance(3 * MINUTE_MS);
	limit.take('192.0.2.9');
	t.is(limit.size, 1);
});

test('a limit lets through what it promises, over any time', t => {
	const step = fc.record({waitMs: fc.nat({max: 30_000}), tries: fc.nat({max: 30})});
	fc.assert(
		fc.property(fc.array(step, {maxLength: 50}), steps => {
			let nowMs = 0;
			const limit = createRateLimit({perMinute: 30, clock: {monotonicMs: () => nowMs}});
			let passed = 0;
			for (const {waitMs, tries} of steps) {
				nowMs += waitMs;
				for (let count = 0; count < tries; count++) {
					const untilMs = limit.take('a');
					if (untilMs === 0) passed++;
					else if (untilMs > 2000) return false;
				}
			}

			return passed <= 30 + nowMs / 2000;
		}),
	);
	t.pass();
});

test('a request costs the limit next to nothing', t => {
	const limit = createRateLimit({perMinute: 1e9, clock: systemClock});
	const addresses = Array.from({length: 1000}, (_, number) => `192.0.${number >> 8}.${number & 255}`);
	const startMs = performance.now();
	for (let count = 0; count < 200_000; count++) limit.take(networkOf(addresses[count % 1000] ?? ''));
	const eachMicroseconds = ((performance.now() - startMs) * 1000) / 200_000;
	t.log(`${eachMicroseconds.toFixed(2)} µs each`);
	t.true(eachMicroseconds < 20);
});

test('addresses are counted by whoever has them', t => {
	for (const [address, network] of [
		['192.0.2.9', '192.0.2.9'],
		['::ffff:192.0.2.9', '192.0.2.9'],
		['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
		['2001:0db8:0001:0002::', '2001:db8:1:2::/64'],
		['2001:db8::1', '2001:db8:0:0::/64'],
		['::1', '0:0:0:0::/64'],
		['fe80::1%eth0', 'fe80:0:0:0::/64'],
	] as const) {
		t.is(networkOf(address), network);
	}

	for (const address of ['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1']) t.true(isLoopback(address), address);
	for (const address of ['192.0.2.9', '::', '::ffff:192.0.2.9', '12.7.0.1', '']) t.false(isLoopback(address), address);
});

test('one network gets no more connections than it may have, and gets them back', async t => {
	const server = createTcpServer();
	t.teardown(() => server.close());
	const counted = createServer();
	const connections = trackConnections(counted, {isTls: false, perNetwork: 3, isShared: () => false});
	server.on('connection', socket => counted.emit('connection', socket));
	await once(server.listen(0, '127.0.0.1'), 'listening');
	const {port} = server.address() as {port: number};
	const opened: Socket[] = [];
	const open = async () => {
		const socket = connect({port, host: '127.0.0.1'}).on('error', () => undefined);
		opened.push(socket);
		await once(socket, 'connect');
		return socket;
	};
	for (let count = 0; count < 3; count++) await open();
	await closed(await open());
	t.is(connections.size, 3);
	opened[0]?.destroy();
	await eventually(t, () => connections.size === 2, 'one connection less');
	const again = await open();
	t.false(again.destroyed);
	for (const socket of opened) socket.destroy();
});

test('a head that does not come to its end is answered in time and cut off', async t => {
	const server = await serve(t, {limits: {headersMs: 200, lookEveryMs: 50}});
	for (const beginning of ['GET /who HTTP/1.1\r\nHost: x\r\nX-Slow: ', 'GET /wh', '\r\n']) {
		const socket = connect({port: server.port, host: '127.0.0.1'});
		let answer = '';
		socket.on('error', () => undefined).on('data', piece => (answer += piece.toString()));
		socket.write(beginning);
		const drip = setInterval(() => socket.write(beginning === '\r\n' ? '\r\n' : 'a'), 20);
		await closed(socket);
		clearInterval(drip);
		t.regex(answer, /^HTTP\/1\.1 408 /);
	}
});

test('a connection on which nothing moves in the middle of a request is cut off, whoever is to blame', async t => {
	const log = recordingLog();
	let cutOff: () => void = () => undefined;
	const isCutOff = new Promise<void>(resolve => (cutOff = resolve));
	const {port, close} = await listen({
		handler(request, response) {
			request.socket.once('close', cutOff);
			response.end(Buffer.alloc(32 * 1024 * 1024));
		},
		...{host: '127.0.0.1', port: 0, log, limits: {idleMs: 300}},
	});
	t.teardown(async () => close({graceMs: 0}));
	const socket = connect({port, host: '127.0.0.1'});
	socket.on('error', () => undefined).pause();
	const many = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20);
	socket.write(many);
	await once(socket, 'connect');
	await isCutOff;
	let sizeBytes = 0;
	socket.on('data', piece => (sizeBytes += piece.length)).resume();
	await closed(socket);
	t.true(sizeBytes < 32 * 1024 * 1024);
});

test('a client that takes what it asked for too slowly loses its connection', async t => {
	const limits = {stallMs: 100, leastBytesPerSecond: 256 * 1024 * 1024};
	let ended: (outcome: unknown) => void = () => undefined;
	const outcome = new Promise<unknown>(resolve => {
		ended = resolve;
	});
	const {port, close} = await listen({
		handler(_request, response) {
			const gone = new AbortController();
			response.once('close', () => gone.abort(new Error('gone')));
			writeBytes(response, Buffer.alloc(64 * 1024 * 1024), gone.signal, limits).then(() => ended('taken'), ended);
		},
		...{host: '127.0.0.1', port: 0, log: recordingLog()},
	});
	t.teardown(async () => close({graceMs: 0}));
	const socket = connect({port, host: '127.0.0.1'});
	socket.on('error', () => undefined).write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
	const drip = setInterval(() => void socket.read(1024), 10);
	const error = await outcome;
	clearInterval(drip);
	socket.destroy();
	t.true(error instanceof Error, String(error));
});

test('a body that nobody wanted does not go on for ever', async t => {
	const {port} = await serve(t, {limits: {discardMs: 200}});
	const socket = connect({port, host: '127.0.0.1'});
	let answer = '';
	socket.on('error', () => undefined).on('data', piece => (answer += piece.toString()));
	socket.write(`GET /who HTTP/1.1\r\nHost: x\r\nContent-Length: ${2 ** 40}\r\n\r\n`);
	const drip = setInterval(() => socket.write('a'), 20);
	await closed(socket);
	clearInterval(drip);
	t.regex(answer, /^HTTP\/1\.1 200 /);
});

test('too many headers and more or fewer than one host are refused', async t => {
	const server = await serve(t);
	const head = 'GET /who HTTP/1.1\r\nConnection: close\r\n';
	const many = await sendRaw(server.port, `${head}Host: x\r\n${'X-A: b\r\n'.repeat(101)}\r\n`);
	t.regex(many, /^HTTP\/1\.1 431 [^]*"HEADERS_TOO_LARGE"/);
	t.regex(await sendRaw(server.port, `${head}Host: x\r\n${'X-A: b\r\n'.repeat(98)}\r\n`), /^HTTP\/1\.1 200 /);
	for (const hosts of ['', 'Host: x\r\nHost: y\r\n', 'Host: x\r\nhost: x\r\n']) {
		t.regex(await sendRaw(server.port, `${head}${hosts}\r\n`), /^HTTP\/1\.1 400 [^]*"INVALID_REQUEST"/);
	}
});

/** A server that echoes over WebSockets at one path, and says at others what it was asked. */
const serveUpgrades = async (t: ExecutionContext, tls?: ListenOptions['tls']) => {
	const sockets = new WebSocketServer({noServer: true});
	const server = await listen({
		...{host: '127.0.0.1', port: 0, log: recordingLog(), tls},
		handler(request, response) {
			void bufferOf(request).then(body => {
				const {method, url, headers} = request;
				response.end(JSON.stringify({method, url, upgrade: headers.upgrade, body: body.toString()}));
			});
		},
		upgrade: {
			isWanted: ({url}) => url === '/link',
			take(request, socket, head) {
				sockets.handleUpgrade(request, socket, head, webSocket => {
					const stream = createWebSocketStream(webSocket);
					stream.pipe(stream);
				});
			},
		},
	});
	t.teardown(async () => server.close({graceMs: 0}));
	return server;
};

const h2c = 'Upgrade: h2c\r\nConnection: keep-alive, Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n';

test('an upgrade is made where it is wanted, and who offers another is served as if it had not, with TLS too', async t => {
	for (const tls of [undefined, {...tlsFolder(t), clock: systemClock}]) {
		const {port, close} = await serveUpgrades(t, tls);
		const at = {port, host: '127.0.0.1', rejectUnauthorized: false};
		const socket = tls ? connectTls(at) : connect(at);
		let answer = '';
		socket.on('error', () => undefined).on('data', (piece: Buffer) => (answer += piece.toString('latin1')));
		socket.write(`GET /a HTTP/1.1\r\nHost: x\r\n${h2c}\r\n`);
		const came = async (what: RegExp) => {
			while (!what.test(answer)) await once(socket, 'data');
		};
		await came(/"url":"\/a"/);
		socket.write(`POST /b HTTP/1.1\r\nHost: x\r\n${h2c}Content-Length: 4\r\n\r\nbody`);
		await came(/"url":"\/b","body":"body"/);
		socket.write('GET /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
		await closed(socket);
		t.is(answer.match(/HTTP\/1\.1 200 OK/g)?.length, 3);
		t.notRegex(answer, /"upgrade"/);

		const webSocket = new WebSocket(`${tls ? 'wss' : 'ws'}://127.0.0.1:${port}/link`, {
			rejectUnauthorized: false,
			...(tls && {generateMask: () => undefined}),
		});
		const stream = createWebSocketStream(webSocket);
		await once(webSocket, 'open');
		const sent = randomBytes(3_000_001);
		const echoed: Buffer[] = [];
		let sizeBytes = 0;
		const isBack = new Promise<void>(resolve => {
			stream.on('data', (piece: Buffer) => {
				echoed.push(piece);
				if ((sizeBytes += piece.length) === sent.length) resolve();
			});
		});
		stream.write(sent);
		await isBack;
		t.true(sent.equals(Buffer.concat(echoed)));
		const ended = new Promise<void>(resolve => stream.once('close', () => resolve()));
		await close();
		await ended;
	}
});

test('a WebSocket as a socket says when nothing moves, ends clean when the other side does, and breaks when that breaks off', async t => {
	const sockets = new WebSocketServer({port: 0, host: '127.0.0.1'});
	t.teardown(() => sockets.close());
	await once(sockets, 'listening');
	const {port} = sockets.address() as {port: number};
	const pair = async () => {
		const connected = once(sockets, 'connection') as Promise<[WebSocket]>;
		const webSocket = new WebSocket(`ws://127.0.0.1:${port}`);
		const [[theirs]] = await Promise.all([connected, once(webSocket, 'open')]);
		return [createWebSocketStream(webSocket), createWebSocketStream(theirs)] as const;
	};
	const endOf = async (stream: WebSocketStream) =>
		new Promise<string>(resolve => {
			let outcome = 'no end';
			stream.once('end', () => (outcome = 'end'));
			stream.once('error', (error: NodeJS.ErrnoException) => (outcome = error.code ?? ''));
			stream.once('close', () => resolve(outcome));
			stream.resume();
		});

	const [one, other] = await pair();
	const isIdle = once(one, 'timeout');
	one.setTimeout(20);
	await isIdle;
	t.false(one.destroyed, 'whoever asked for it decides');
	const ended = endOf(other);
	one.end('the last words');
	t.is(await ended, 'end');
	t.is(other.bytesRead, 14);

	const [three, four] = await pair();
	const broken = endOf(four);
	three.destroy();
	t.is(await broken, 'ECONNRESET');
});
