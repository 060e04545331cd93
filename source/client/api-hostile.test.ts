import type {Socket} from 'node:net';
import test, {type ExecutionContext} from 'ava';
import {manualClock} from '../../daemon/testing/manual-clock.js';
import {type RawServer, startRawServer} from '../../daemon/testing/raw-server.js';
import {eventually} from '../../daemon/testing/requests.js';
import {type ApiEvent, createApi} from './api.js';
import {AnswerError, UnreachableError} from './errors.js';

const id = 'a'.repeat(32);
const never = () => new AbortController().signal;

const head = (status: string, headers: Record<string, string | number> = {}) =>
	[`HTTP/1.1 ${status}`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');
const json = (body: unknown, status = '200 OK', headers: Record<string, string> = {}) => {
	const text = typeof body === 'string' ? body : JSON.stringify(body);
	return (
		head(status, {'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text), ...headers}) + text
	);
};

/** Answers every request with the same bytes, then perhaps does something with the connection. */
const answering = async (t: ExecutionContext, text: string, then: (socket: Socket) => void = () => undefined) =>
	startRawServer(t, socket => {
		socket.write(text);
		then(socket);
	});

const end = (socket: Socket) => {
	socket.end();
};

/** Writes without end, as fast as it is taken. */
const flood = (piece: string) => (socket: Socket) => {
	const write = () => {
		while (!socket.destroyed && socket.write(piece));
	};
	socket.on('drain', write);
	write();
};

const answerFails = async (t: ExecutionContext, work: Promise<unknown>, message: RegExp) =>
	t.throwsAsync<AnswerError>(work, {instanceOf: AnswerError, message});
const isUnreachable = async (t: ExecutionContext, work: Promise<unknown>, message: RegExp) =>
	t.throwsAsync<UnreachableError>(work, {instanceOf: UnreachableError, message});

const closedSoon = async (t: ExecutionContext, {sockets}: RawServer) =>
	eventually(t, () => sockets.size === 0, 'the connection is closed');

const drain = async (body: AsyncIterable<unknown>) => {
	const iterator = body[Symbol.asyncIterator]();
	while (!(await iterator.next()).done);
};

test('an answer that no coordinator gives is said to be one', async t => {
	for (const [answer, message] of [
		[json('<html>hello</html>'), /did not answer as a coordinator.*<html>/],
		[json(''), /did not answer as a coordinator/],
		[json({success: true, stats: {totalNodes: 'many'}}), /did not answer as a coordinator.*totalNodes/],
		[json('{"success":true', '200 OK', {'Content-Encoding': 'gzip'}), /did not answer as a coordinator.*gzip/],
		[json('<h1>Oops</h1>', '500 Internal Server Error'), /answered 500 Internal Server Error, as no coordinator/],
		[json({success: false, error: 1}, '404 Not Found'), /answered 404 Not Found, as no coordinator/],
	] as const) {
		const {url} = await answering(t, answer);
		await answerFails(t, createApi(url).stats(), message);
	}
});

test('a refusal has its code, its status and when to try again', async t => {
	const body = {success: false, error: 'Too many listen', code: 'TOO_MANY_REQUESTS'};
	for (const [header, retryAfterMs] of [
		['7', 7000],
		['soon', undefined],
		['99999999', 3_600_000],
		['Thu, 01 Jan 1970 00:00:00 GMT', 0],
	] as const) {
		const {url} = await answering(t, json(body, '429 Too Many Requests', {'Retry-After': header}));
		const error = await answerFails(t, createApi(url).files({limit: 1}), /^Too many listen$/);
		t.deepEqual([error.code, error.status, error.retryAfterMs], ['TOO_MANY_REQUESTS', 429, retryAfterMs]);
	}
});

test('an answer that is cut off, too long, or no HTTP is never taken for a whole one', async t => {
	const long = head('200 OK', {'Content-Length': 1000});
	const chunked = head('200 OK', {'Transfer-Encoding': 'chunked'});
	for (const [text, then] of [
		[`${long}{"success":`, end],
		[`${long}{"success":`, (socket: Socket) => void socket.resetAndDestroy()],
		[`${chunked}5\r\n{"suc\r\n`, end],
		[`${chunked}zz\r\n`, end],
		['', end],
		['SSH-2.0-OpenSSH_9.2\r\n\r\n', end],
	] as const) {
		const {url} = await answering(t, text, then);
		await isUnreachable(t, createApi(url).stats(), /can't be reached/);
	}

	const endless = await answering(t, head('200 OK'), flood('['.repeat(65_536)));
	await answerFails(t, createApi(endless.url, {limits: {answerBytes: 1_000_000}}).nodes(), /more than 1000000 bytes/);
	await closedSoon(t, endless);
	const endlessError = await answering(t, head('500 Oops'), flood('['.repeat(65_536)));
	await answerFails(t, createApi(endlessError.url).nodes(), /answered 500 Oops/);
	await closedSoon(t, endlessError);
});

test('nobody listening is said in words', async t => {
	await isUnreachable(t, createApi('http://127.0.0.1:1').stats(), /nothing listens there/);
	await isUnreachable(t, createApi('http://name.invalid').stats(), /name/);
});

test('redirects are followed for what is read, not for ever, and not with a body', async t => {
	const circle = await startRawServer(t, socket => {
		socket.write(head('302 Found', {Location: '/api/stats', 'Content-Length': 0}));
	});
	await answerFails(t, createApi(circle.url).stats(), /from one address to the next without end/);

	const moved = await startRawServer(t, (socket, request) => {
		const isMoved = request.startsWith('GET /api/files?');
		socket.write(
			isMoved
				? head('308 Permanent Redirect', {Location: '/elsewhere', 'Content-Length': 0})
				: json({success: true, files: [], count: 0, total: 0, next_before: null}),
		);
	});
	t.is((await createApi(moved.url).files({limit: 1})).total, 0);

	const away = await answering(
		t,
		head('307 Temporary Redirect', {Location: 'https://b.example/', 'Content-Length': 0}),
	);
	const error = await answerFails(t, createApi(away.url).removeFile(id), /on to "https:\/\/b.example\/"/);
	t.is(error.status, 307);
	const body = (async function* () {
		for (;;) yield await Promise.resolve(new Uint8Array(1000));
	})();
	await answerFails(t, createApi(away.url).upload({name: 'a', body, signal: never()}), /on to "https:/);
});

test('whoever is silent or drips is given up in time', async t => {
	const clock = manualClock();
	const silent = await startRawServer(t, () => undefined);
	const silence = createApi(silent.url, {clock}).stats();
	await eventually(t, () => silent.connections === 1 && clock.sleepers() > 1, 'the question is asked');
	await Promise.all([isUnreachable(t, silence, /no answer within 15 seconds/), clock.advance(15_001)]);
	await closedSoon(t, silent);

	const dripping = await answering(t, `${head('200 OK')}{`, socket => {
		const timer = setInterval(() => void socket.write(' '), 5);
		socket.once('close', () => clearInterval(timer));
	});
	const dripped = createApi(dripping.url, {limits: {wholeAnswerMs: 200}}).stats();
	await isUnreachable(t, dripped, /took more than 0.2 seconds/);
	await closedSoon(t, dripping);

	const stalled = await startRawServer(t, () => undefined);
	const body = (async function* () {
		for (;;) yield await Promise.resolve(new Uint8Array(1_000_000));
	})();
	for (const socket of stalled.sockets) socket.pause();
	const upload = createApi(stalled.url, {limits: {workMs: 50}}).upload({
		name: 'a',
		sizeBytes: 0,
		body: (async function* () {})(),
		signal: never(),
	});
	await isUnreachable(t, upload, /no answer within 0.05 seconds/);
	const paused = await startRawServer(t, socket => void socket.pause());
	const stuck = createApi(paused.url, {limits: {stallMs: 300}}).upload({name: 'a', body, signal: never()});
	await isUnreachable(t, stuck, /no answer within 0.3 seconds/);
});

test('a download that is cut off, short, or from another place is never taken for the file', async t => {
	const file = {'Content-Length': 100, ETag: '"x"', 'Content-Type': 'text/plain'};
	const short = await answering(t, `${head('200 OK', file)}0123456789`, end);
	const incoming = await createApi(short.url).download(id, {signal: never()});
	t.deepEqual([incoming.sizeBytes, incoming.name, incoming.etag], [100, '', '"x"']);
	await isUnreachable(t, drain(incoming.body), /cut off|ended before it was whole/);

	const stalled = await answering(t, `${head('200 OK', file)}0123456789`);
	const takeSlow = async () => {
		const slow = await createApi(stalled.url, {limits: {stallMs: 50}}).download(id, {signal: never()});
		await drain(slow.body);
	};
	await isUnreachable(t, takeSlow(), /no answer within 0.05 seconds/);
	await closedSoon(t, stalled);

	const stop = new AbortController();
	const stopped = await createApi(stalled.url).download(id, {signal: stop.signal});
	stop.abort(new Error('enough'));
	await t.throwsAsync(drain(stopped.body), {message: 'enough'});
	await closedSoon(t, stalled);

	for (const headers of [
		{'Content-Range': 'bytes 0-99/100', ETag: '"x"'},
		{'Content-Range': 'bytes 10-50/100', ETag: '"x"'},
		{'Content-Range': 'bytes 10-99/100', ETag: '"y"'},
		{ETag: '"x"'},
	]) {
		const {url} = await answering(t, head('206 Partial Content', {'Content-Length': 90, ...headers}));
		const options = {fromByte: 10, etag: '"x"', signal: never()};
		await answerFails(t, createApi(url).download(id, options), /did not answer as a coordinator/);
	}

	const unsized = await answering(t, `${head('200 OK')}abc`, end);
	await answerFails(t, createApi(unsized.url).download(id, {signal: never()}), /did not answer as a coordinator/);
	const broken = {...file, 'Content-Length': 0, 'Content-Disposition': "attachment; filename*=utf-8''%ff;;\""};
	const named = await answering(t, head('200 OK', broken));
	t.is(typeof (await createApi(named.url).download(id, {signal: never()})).name, 'string');
});

test('a check that is cut off, garbage, or a line without end is not done', async t => {
	const stream = head('200 OK', {'Content-Type': 'application/x-ndjson'});
	const chunk = JSON.stringify({event: 'chunk', index: 0, chunks_count: 2, wanted: 3, sound: 3, shards: []});
	const cut = await answering(t, `${stream}${chunk}\n${chunk.slice(0, 10)}`, end);
	let lines = 0;
	const reading = (async () => {
		for await (const line of createApi(cut.url).check(id, never())) lines += line.event === 'chunk' ? 1 : 0;
	})();
	await isUnreachable(t, reading, /ended the check before it was done/);
	t.is(lines, 1);

	const garbage = await answering(t, `${stream}{"event":"party"}\n`);
	await answerFails(t, drain(createApi(garbage.url).check(id, never())), /did not answer as a coordinator/);
	await closedSoon(t, garbage);
	const endless = await answering(t, stream, flood('x'.repeat(65_536)));
	await answerFails(t, drain(createApi(endless.url).check(id, never())), /a line of more than/);
	await closedSoon(t, endless);
	const failed = `${stream}${JSON.stringify({event: 'error', success: false, error: 'No', code: 'NODE_FAILED'})}\n`;
	const told = await answering(t, failed);
	await drain(createApi(told.url).check(id, never()));
	await closedSoon(t, told);
});

test('events: what is unknown is passed over, what is wrong is said, and silence is noticed', async t => {
	const stream = head('200 OK', {'Content-Type': 'text/event-stream; charset=utf-8'});
	const removed = `data: {"file_id":"${id}"}\n\n`;
	const collectFrom = async (url: string, {seen = [] as ApiEvent[], limits = {}} = {}) => {
		for await (const event of createApi(url, {limits}).events({signal: never()})) seen.push(event);
	};

	const mixed = [
		'retry: 2000\nid: b-1\n\n',
		`event: weather\ndata: {"rain":1}\n\n`,
		`event: file-removed\n${removed}`,
		`event: toString\ndata: 1\n\n`,
		`id: b-2\r\nevent: file-removed\r\ndata: {"file_id":\r\ndata: "${id}"}\r\n\r\n`,
		': é\n\nrubbish\n\n',
	].join('');
	const seen: ApiEvent[] = [];
	const good = await answering(t, stream + mixed, end);
	await isUnreachable(t, collectFrom(good.url, {seen}), /ended the stream|cut off/);
	t.deepEqual(
		seen.map(event => [event.id, event.name]),
		[
			['b-1', 'file-removed'],
			['b-2', 'file-removed'],
		],
	);

	const silent = await answering(t, `${stream}: hello\n\n`);
	await isUnreachable(t, collectFrom(silent.url, {limits: {silenceMs: 100}}), /no answer within 0.1 seconds/);
	await closedSoon(t, silent);
	for (const text of [`event: node\n${removed}`, 'event: stats\ndata: {"stats\n\n']) {
		const wrong = await answering(t, stream + text);
		await answerFails(t, collectFrom(wrong.url), /did not answer as a coordinator.*the event/);
		await closedSoon(t, wrong);
	}

	for (const text of ['data: '.padEnd(65_536, 'x'), `data: ${'x'.repeat(1000)}\n`]) {
		const endless = await answering(t, stream, flood(text));
		await answerFails(t, collectFrom(endless.url), /an event of more than/);
		await closedSoon(t, endless);
	}

	const page = await answering(t, json('<html>'));
	await answerFails(t, collectFrom(page.url), /the type "application\/json"/);
});
