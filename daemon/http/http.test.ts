import {once} from 'node:events';
import {Agent, type ClientRequest, type IncomingHttpHeaders, request as makeRequest} from 'node:http';
import {connect, createServer} from 'node:net';
import {Readable} from 'node:stream';
import {setTimeout as delay} from 'node:timers/promises';
import Router from '@koa/router';
import test, {type ExecutionContext} from 'ava';
import {z} from 'zod';
import {isPjasError, PjasError} from '../../source/protocol/errors.js';
import {systemClock, systemRandom} from '../adapters/system.js';
import {recordingLog, type RecordingLog} from '../testing/recording-log.js';
import {eventually} from '../testing/requests.js';
import {type AppOptions, type AppState, createApp} from './app.js';
import {readJson, readPrefix, validate, watchBody} from './body.js';
import {listen, type Listening, type ListenLimits} from './listen.js';

type Served = Listening & {log: RecordingLog};
type Answer = {status: number; headers: IncomingHttpHeaders; text: string; json: Record<string, unknown>};
type Routes = (router: Router<AppState>) => void;
type Ask = {
	method?: string;
	path?: string;
	headers?: Record<string, string>;
	body?: string | Uint8Array | Readable;
	agent?: Agent;
};

const schema = z.object({name: z.string().max(5), stats: z.object({used: z.number()}).optional()});

const serve = async (
	t: ExecutionContext,
	{routes, limits = {}, ...options}: Partial<AppOptions & {routes: Routes; limits: Partial<ListenLimits>}> = {},
): Promise<Served> => {
	const log = recordingLog();
	const app = createApp({log, clock: systemClock, random: systemRandom, ...options});
	const router = new Router<AppState>();
	router.get('/things/:id', ctx => {
		ctx.body = {success: true, id: ctx.params['id']};
	});
	router.post('/things', async ctx => {
		ctx.body = await readJson(ctx.req, schema);
	});
	router.get('/query', ctx => {
		ctx.body = validate(z.object({limit: z.coerce.number().int().max(10)}), {...ctx.query}, 'query');
	});
	router.get('/breaks', () => {
		throw new Error('secret /etc/passwd');
	});
	router.get('/waits', () => {
		throw new PjasError('NO_NODES_AVAILABLE', 'No nodes', {retryAfterSeconds: 7.2});
	});
	router.get('/breaks-off', ctx => {
		ctx.body = Readable.from(
			(async function* () {
				yield Buffer.alloc(100_000);
				await delay(20);
				throw new Error('the disk broke');
			})(),
		);
		ctx.length = 1_000_000;
	});
	routes?.(router);
	app.use(router.routes());
	const server = await listen({handler: app.callback(), host: '127.0.0.1', port: 0, log, limits});
	t.teardown(async () => server.close({graceMs: 0}));
	return {...server, log};
};

/** Waits for a body that was answered early: Node listens to no error on a connection that is still writing one. */
const whenSent = (request: ClientRequest, then: () => void) => {
	if (request.writableFinished || request.destroyed) then();
	else request.once('finish', then);
};

const ask = async ({port}: {port: number}, {method = 'GET', path = '/', headers, body, agent}: Ask): Promise<Answer> =>
	new Promise((resolve, reject) => {
		const request = makeRequest(
			{port, host: '127.0.0.1', method, path, headers: headers ?? {}, ...(agent && {agent})},
			response => {
				const pieces: Buffer[] = [];
				response.on('data', (piece: Buffer) => pieces.push(piece));
				response.on('error', reject);
				response.on('end', () => {
					const text = Buffer.concat(pieces).toString();
					const isJson = response.headers['content-type']?.startsWith('application/json') && text !== '';
					const json = (isJson ? JSON.parse(text) : {}) as Record<string, unknown>;
					const answer = {status: response.statusCode ?? 0, headers: response.headers, text, json};
					whenSent(request, () => resolve(answer));
				});
			},
		);
		request.on('error', reject);
		if (body instanceof Readable) body.pipe(request);
		else request.end(body);
	});

/** Sends bytes as they stand, and gives what comes back until the connection is closed. */
const sendRaw = async ({port}: {port: number}, text: string): Promise<string> => {
	const socket = connect({port, host: '127.0.0.1'});
	socket.on('error', () => undefined);
	let answer = '';
	socket.on('data', piece => (answer += piece.toString()));
	socket.write(text);
	await once(socket, 'close');
	return answer;
};

test('every answer has a request id: the given one where it is fit, else a new one', async t => {
	const server = await serve(t);
	const given = await ask(server, {path: '/things/1', headers: {'X-Request-Id': 'abc-123_X'}});
	t.is(given.headers['x-request-id'], 'abc-123_X');
	t.is(given.json['id'], '1');
	for (const unfit of ['a b', 'x'.repeat(65), '<script>', '']) {
		const answer = await ask(server, {path: '/nowhere', headers: {'X-Request-Id': unfit}});
		t.regex(String(answer.headers['x-request-id']), /^[0-9a-f]{16}$/);
	}

	const accessOf = () => server.log.entries.find(({fields}) => fields['request'] === 'abc-123_X');
	await eventually(t, () => accessOf() !== undefined, 'the request is logged');
	const access = accessOf();
	t.is(access?.level, 'debug');
	t.like(access?.fields, {method: 'GET', url: '/things/1', status: 200, isWhole: true});
});

test('what is not there and what cannot be done is said in JSON', async t => {
	const server = await serve(t);
	const missing = await ask(server, {path: '/nowhere'});
	t.is(missing.status, 404);
	t.like(missing.json, {success: false, code: 'ROUTE_NOT_FOUND'});

	const wrong = await ask(server, {method: 'DELETE', path: '/things/1'});
	t.is(wrong.status, 405);
	t.is(wrong.json['code'], 'METHOD_NOT_ALLOWED');
	t.deepEqual(wrong.headers.allow?.split(', ').sort(), ['GET', 'HEAD', 'OPTIONS']);

	const options = await ask(server, {method: 'OPTIONS', path: '/things/1'});
	t.is(options.status, 204);
	t.truthy(options.headers.allow);
	t.is((await ask(server, {method: 'OPTIONS', path: '/nowhere'})).status, 404);
	t.is((await ask(server, {method: 'HEAD', path: '/things/1'})).status, 200);
	t.is(wrong.headers['access-control-allow-origin'], undefined);
});

test('a path that is no UTF-8 in percent encoding is refused', async t => {
	const server = await serve(t);
	for (const path of ['/things/%', '/things/%zz', '/%ff%fe', '/things/%C3%28']) {
		const answer = await ask(server, {path});
		t.is(answer.status, 400, path);
		t.is(answer.json['code'], 'INVALID_REQUEST');
	}

	for (const path of ['//', '/things/..%2f..', '/things/%00', '*', '/?%', `/things/${'x'.repeat(5000)}`]) {
		const answer = await ask(server, {path});
		t.true([200, 400, 404].includes(answer.status), path);
	}

	for (const target of ['http://[::bad/', 'http://%/things/1', '/\\..\\..', 'things']) {
		const answer = await sendRaw(server, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
		t.regex(answer, /^HTTP\/1\.1 (400|404|200) /, target);
	}

	t.is((await ask(server, {path: '/things/2'})).status, 200);
});

test('what is no HTTP is answered with JSON and cut off', async t => {
	const server = await serve(t);
	const malformed = await sendRaw(server, 'this is not HTTP\r\n\r\n');
	t.regex(malformed, /^HTTP\/1\.1 400 Bad Request\r\n/);
	t.like(JSON.parse(malformed.split('\r\n\r\n')[1] ?? ''), {success: false, code: 'INVALID_REQUEST'});

	const long = await sendRaw(server, `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`);
	t.regex(long, /^HTTP\/1\.1 431 /);
	t.like(JSON.parse(long.split('\r\n\r\n')[1] ?? ''), {success: false, code: 'HEADERS_TOO_LARGE'});

	const twoLengths = 'POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n';
	t.regex(await sendRaw(server, twoLengths), /^HTTP\/1\.1 400 /);
	t.is((await ask(server, {path: '/things/2'})).status, 200);
});

test('JSON bodies are bounded and checked, and a refusal names the field', async t => {
	const server = await serve(t);
	const post = async (body: string | Uint8Array | Readable, headers: Record<string, string> = {}) =>
		ask(server, {method: 'POST', path: '/things', body, headers});

	t.deepEqual((await post('{"name": "Ann", "more": 1}')).json, {name: 'Ann'});
	t.deepEqual((await post('\uFEFF{"name": "Ann"}', {'Content-Type': 'text/plain'})).json, {name: 'Ann'});
	t.deepEqual((await post(Readable.from(['{"name"', ': "Ann"}']))).json, {name: 'Ann'});

	for (const [body, wanted] of [
		['{"name": "too long"}', /^Wrong body: "name": .*5/],
		['{"name": "Ann", "stats": {"used": "7"}}', /"stats\.used": expected number, received string/],
		['[]', /expected object/],
		['', /not valid JSON/],
		['{"name": ', /not valid JSON/],
		[Buffer.from([0x22, 0xff, 0xfe, 0x22]), /not valid UTF-8/],
	] as const) {
		const answer = await post(body);
		t.is(answer.status, 400);
		t.is(answer.json['code'], 'INVALID_REQUEST');
		t.regex(String(answer.json['error']), wanted);
	}

	const zipped = await post('{"name": "Ann"}', {'Content-Encoding': 'gzip'});
	t.is(zipped.json['code'], 'INVALID_REQUEST');
	for (const body of ['x'.repeat(70_000), Readable.from(Array.from({length: 10}, () => 'x'.repeat(10_000)))]) {
		const answer = await post(body);
		t.is(answer.status, 413);
		t.is(answer.json['code'], 'BODY_TOO_LARGE');
	}

	t.is((await ask(server, {path: '/query?limit=11'})).status, 400);
	t.regex(String((await ask(server, {path: '/query?limit=x'})).json['error']), /^Wrong query: "limit"/);
});

test('an error that nobody foresaw is told by its request id only, and logged with its cause', async t => {
	const server = await serve(t);
	const answer = await ask(server, {path: '/breaks', headers: {'X-Request-Id': 'look-for-me'}});
	t.is(answer.status, 500);
	t.is(answer.json['code'], 'INTERNAL_ERROR');
	t.regex(String(answer.json['error']), /look-for-me/);
	t.notRegex(answer.text, /secret/);
	const logged = server.log.entries.find(({level}) => level === 'error');
	t.is(logged?.fields['request'], 'look-for-me');
	t.is((logged?.fields['error'] as Error).message, 'secret /etc/passwd');

	const waits = await ask(server, {path: '/waits'});
	t.is(waits.status, 503);
	t.is(waits.headers['retry-after'], '8');
	t.deepEqual(waits.json, {success: false, error: 'No nodes', code: 'NO_NODES_AVAILABLE'});
});

test('an answer that fails in its middle is cut off, not ended', async t => {
	const server = await serve(t);
	await t.throwsAsync(async () => ask(server, {path: '/breaks-off'}), {code: 'ECONNRESET'});
	t.is((await ask(server, {path: '/things/2'})).status, 200);
});

test('pages of any origin may call where that is wanted, errors included', async t => {
	const server = await serve(t, {cors: ['*']});
	const headers = {Origin: 'https://pjhq.dev'};
	for (const path of ['/things/1', '/nowhere', '/breaks', '/things/%']) {
		t.is((await ask(server, {path, headers})).headers['access-control-allow-origin'], '*');
	}

	const preflight = await ask(server, {
		method: 'OPTIONS',
		path: '/things',
		headers: {
			...headers,
			'Access-Control-Request-Method': 'POST',
			'Access-Control-Request-Headers': 'content-type, x-request-id',
		},
	});
	t.is(preflight.status, 204);
	t.is(preflight.headers['access-control-allow-origin'], '*');
	t.is(preflight.headers['access-control-allow-headers'], 'content-type, x-request-id');
	t.regex(String(preflight.headers['access-control-allow-methods']), /POST/);
});

test('a client that goes away in the middle harms nothing', async t => {
	const server = await serve(t);
	for (const text of [
		'POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"na',
		'GET /breaks-off HTTP/1.1\r\nHost: x\r\n\r\n',
		'GET /things/1 HTTP/1.1\r\nHo',
	]) {
		const socket = connect({port: server.port, host: '127.0.0.1'});
		socket.on('error', () => undefined);
		socket.write(text);
		await delay(10);
		socket.resetAndDestroy();
	}

	await delay(50);
	t.is((await ask(server, {path: '/things/2'})).status, 200);
	t.deepEqual(server.log.messages('error'), []);
});

test('the start of a body can be read apart from its rest', async t => {
	const server = await serve(t, {
		routes(router) {
			router.post('/split/:bytes', async ctx => {
				const head = await readPrefix(ctx.req, Number(ctx.params['bytes']));
				let rest = '';
				for await (const piece of ctx.req as AsyncIterable<Buffer>) rest += piece.toString();
				ctx.body = {head: head.toString(), rest};
			});
		},
	});
	for (const pieces of [['0123456789'], ['01', '2345', '6789'], ['0123', '456789']]) {
		const slowly = Readable.from(
			(async function* () {
				for (const piece of pieces) {
					yield piece;
					await delay(5);
				}
			})(),
		);
		const {json} = await ask(server, {method: 'POST', path: '/split/4', body: slowly});
		t.deepEqual(json, {head: '0123', rest: '456789'});
	}

	t.deepEqual((await ask(server, {method: 'POST', path: '/split/4', body: '0123'})).json, {head: '0123', rest: ''});
	t.is((await ask(server, {method: 'POST', path: '/split/4', body: '012'})).json['code'], 'UPLOAD_INCOMPLETE');
});

test('a body that stalls or crawls is given up, one that waits for us is not', async t => {
	const watched = {idleMs: 120, leastBytesPerSecond: 10_000};
	const server = await serve(t, {
		routes(router) {
			router.post('/watched/:waitMs', async ctx => {
				const watch = watchBody(ctx.req, watched);
				try {
					await delay(Number(ctx.params['waitMs']));
					const bytes = await readPrefix(ctx.req, 5000, {signal: watch.signal});
					ctx.body = {bytes: bytes.length};
				} finally {
					watch.stop();
				}
			});
		},
	});
	const slowly = (pieceBytes: number, everyMs: number, pieces: number) =>
		Readable.from(
			(async function* () {
				for (let sent = 0; sent < pieces; sent++) {
					yield Buffer.alloc(pieceBytes);
					await delay(everyMs);
				}
			})(),
		);

	const stalled = await ask(server, {method: 'POST', path: '/watched/0', body: slowly(10, 5000, 2)});
	t.is(stalled.status, 408);
	t.is(stalled.json['code'], 'REQUEST_TIMEOUT');
	const crawling = await ask(server, {method: 'POST', path: '/watched/0', body: slowly(10, 10, 60)});
	t.is(crawling.status, 408);
	const fine = await ask(server, {method: 'POST', path: '/watched/500', body: slowly(5000, 1, 1)});
	t.deepEqual(fine.json, {bytes: 5000});
});

test('a client that closes its connection after each answer sees why its body was refused', async t => {
	const server = await serve(t);
	for (let count = 0; count < 10; count++) {
		const agent = new Agent({keepAlive: false});
		const answer = await ask(server, {method: 'POST', path: '/things', body: Buffer.alloc(10_000_000), agent});
		t.is(answer.status, 413);
		t.is(answer.headers.connection, 'close');
		t.is(answer.json['code'], 'BODY_TOO_LARGE');
	}

	const unrouted = await ask(server, {method: 'PUT', path: '/nowhere', body: Buffer.alloc(10_000_000)});
	t.is(unrouted.status, 404);
});

test('a port that is taken, or a host that is not ours, is a configuration to mend', async t => {
	const taken = createServer().listen(0, '127.0.0.1');
	t.teardown(() => taken.close());
	await once(taken, 'listening');
	const {port} = taken.address() as {port: number};
	const handler = () => undefined;
	const log = recordingLog();
	const inUse = await t.throwsAsync(async () => listen({handler, host: '127.0.0.1', port, log}));
	t.true(isPjasError(inUse, 'INVALID_CONFIGURATION'));
	t.regex(inUse.message, new RegExp(`Port ${port} is in use.*--port`));
	const notOurs = await t.throwsAsync(async () => listen({handler, host: '203.0.113.1', port: 0, log}));
	t.true(isPjasError(notOurs, 'INVALID_CONFIGURATION'));
});

test('closing ends idle connections at once and lets what is under way end', async t => {
	let finish = (): void => undefined;
	const finished = new Promise<void>(resolve => {
		finish = resolve;
	});
	let arrive = (): void => undefined;
	const arrived = new Promise<void>(resolve => {
		arrive = resolve;
	});
	const server = await serve(t, {
		routes(router) {
			router.get('/slow', async ctx => {
				arrive();
				await finished;
				ctx.body = {success: true};
			});
		},
	});
	const agent = new Agent({keepAlive: true});
	t.teardown(() => agent.destroy());
	await ask(server, {path: '/things/1', agent});
	const [idle] = Object.values(agent.freeSockets).flatMap(sockets => sockets ?? []);
	const half = connect({port: server.port, host: '127.0.0.1'});
	half.on('error', () => undefined).write('GET /things/1 HT');
	const slow = ask(server, {path: '/slow'});
	await arrived;

	const closing = server.close({graceMs: 5000});
	if (idle) await once(idle, 'close');
	if (!half.destroyed) await once(half, 'close');
	await t.throwsAsync(async () => ask(server, {path: '/things/1'}), {code: 'ECONNREFUSED'});
	finish();
	const answer = await slow;
	t.deepEqual(answer.json, {success: true});
	t.is(answer.headers.connection, 'close');
	const startMs = performance.now();
	await Promise.all([closing, server.close()]);
	t.true(performance.now() - startMs < 2000);
});

test('closing cuts off what does not end in time', async t => {
	let arrive = (): void => undefined;
	const arrived = new Promise<void>(resolve => {
		arrive = resolve;
	});
	const server = await serve(t, {
		routes(router) {
			router.get('/never', async () => {
				arrive();
				return new Promise<void>(() => undefined);
			});
		},
	});
	const cut = t.throwsAsync(async () => ask(server, {path: '/never'}), {code: 'ECONNRESET'});
	await arrived;
	await server.close({graceMs: 100});
	await cut;
	t.regex(server.log.messages('warn').join(), /did not end in time/);
});
