import {readFileSync} from 'node:fs';
import type {Socket} from 'node:net';
import anyTest, {type ExecutionContext, type TestFn} from 'ava';
import fc from 'fast-check';
import {errorKinds, isErrorCode} from '../source/protocol/errors.js';
import {type Route, routes} from '../source/protocol/routes.js';
import {chanceOf} from './testing/crash-chance.js';
import {download, remove, sha256, upload} from './testing/crash-client.js';
import {
	body,
	forms,
	formTypes,
	headers,
	methods,
	query,
	rangesOf,
	segment,
	strangeBytes,
} from './testing/hostile-arbitraries.js';
import {malformed, post, smuggling, strange} from './testing/hostile-requests.js';
import {type Daemon, type Keeper, startDaemon, temporaryFolder, until} from './testing/processes.js';
import {answersIn, ask, openSocket, type RawAnswer, type RawRequest, sendRaw} from './testing/raw-client.js';

/** Who may send anything: what meets the servers' doors, the coordinator's and a node's, must not break them. */

type Server = {url: string; daemon: Daemon; mostBytes: number};
/** `node` serves whoever asks, as nodes of classic coordinators do; `closed` its coordinator only. */
type Context = {coordinator: Server; node: Server; closed: Server; folder: string; release: () => Promise<void>};

const test = anyTest as TestFn<Context>;
const MIB = 1024 * 1024;
const LIMIT_MS = 240_000;
/** What each may take at most, whatever it is asked. */
const MOST_COORDINATOR_BYTES = 400e6;
const MOST_NODE_BYTES = 200e6;
const chance = chanceOf(0xbad);
/** Runs of each property. */
const RUNS = 250;
/** Runs of each route: their sum goes into the thousands. */
const RUNS_A_ROUTE = 100;

const memoryOf = ({pid}: Daemon): number => {
	try {
		const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
		return Number(kilobytes ?? 0) * 1024;
	} catch {
		return 0; // This system doesn't tell.
	}
};

const isWell = async (url: string, sizeBytes = 3 * MIB): Promise<boolean> => {
	const id = await upload(url, 'well.bin', chance.bytes(sizeBytes));
	if (id.kind !== 'stored') return false;
	const back = await download(url, id.id);
	await remove(url, id.id);
	return back.kind === 'whole';
};

/** Says what is wrong with an answer: every one is of HTTP that was documented, and an error is one of ours. */
const wrongsOf = (
	{status, headers, body}: RawAnswer,
	{mayFail = [], isHead = false}: {mayFail?: readonly number[]; isHead?: boolean} = {},
): string[] => {
	const wrongs: string[] = [];
	if (status >= 500 && !mayFail.includes(status)) wrongs.push(`status ${status}`);
	if (status < 400 || isHead) return wrongs;
	const text = body.toString();
	if (!/^application\/json; charset=utf-8$/.test(headers['content-type'] ?? '')) wrongs.push(`${status} is no JSON`);
	try {
		const {success, error, code} = JSON.parse(text) as {success: unknown; error: unknown; code: unknown};
		if (success !== false || typeof error !== 'string' || error === '') wrongs.push(`${status} says ${text}`);
		if (!isErrorCode(code)) wrongs.push(`${status} has the code ${String(code)}`);
		else if (errorKinds[code].status !== status) wrongs.push(`${code} came with ${status}`);
	} catch {
		wrongs.push(`${status} says ${JSON.stringify(text.slice(0, 200))}`);
	}

	if (/node_modules|\.js:\d|\/tmp\/|\bat \w+ \(/.test(text)) wrongs.push(`it tells too much: ${text.slice(0, 300)}`);
	return wrongs;
};

test.before(async t => {
	t.timeout(LIMIT_MS);
	// They live as long as this file's tests, not as this hook.
	const ends: (() => unknown)[] = [];
	const keeper: Keeper = {passed: true, log: t.log, teardown: end => void ends.push(end)};
	const folder = temporaryFolder(keeper);
	const coordinator = startDaemon(
		keeper,
		[
			'--role',
			'coordinator',
			'--open',
			'--data',
			'c',
			'--port',
			'0',
			'--trash-days',
			'0',
			'--memory',
			'32MB',
			'--cache',
			'8MB',
		],
		{folder},
	);
	const url = await coordinator.ready();
	const start = (name: string, ...more: string[]) => {
		const argv = ['--role', 'node', name, '5', '--name', name, '--port', '0', '--coordinator', url, ...more];
		return startDaemon(keeper, argv, {folder});
	};
	const closed = start('one');
	start('two');
	const node = start('three', '--classic');
	await until('uploads work', () => isWell(url));
	t.context = {
		folder,
		coordinator: {url, daemon: coordinator, mostBytes: MOST_COORDINATOR_BYTES},
		node: {url: await node.ready(), daemon: node, mostBytes: MOST_NODE_BYTES},
		closed: {url: await closed.ready(), daemon: closed, mostBytes: MOST_NODE_BYTES},
		release: async () => {
			for (const end of ends.reverse()) await end();
		},
	};
});

test.after.always(async t => (t.context as Partial<Context>).release?.());

const serversOf = ({coordinator, node, closed}: Context) => ({coordinator, node, closed});

/** Both are the processes that they were, and serve. */
const stillStand = async (t: ExecutionContext<Context>) => {
	for (const [name, {url, daemon, mostBytes}] of Object.entries(serversOf(t.context))) {
		t.is(daemon.child.exitCode, null, `${name}:\n${daemon.stderr()}`);
		t.is((await fetch(`${url}/${name === 'coordinator' ? 'health' : 'status'}`)).status, 200, name);
		t.notRegex(daemon.stderr(), /was not caught|was not handled|INTERNAL_ERROR/, name);
		const bytes = memoryOf(daemon);
		t.true(bytes <= mostBytes, `${name} takes ${Math.round(bytes / 1e6)} MB`);
	}
};

test.serial('what is no HTTP is refused in JSON, or cut off', async t => {
	t.timeout(LIMIT_MS);
	for (const [what, bytes] of Object.entries(malformed)) {
		for (const [name, {url}] of Object.entries(serversOf(t.context))) {
			for (const answer of answersIn(await sendRaw(url, bytes))) {
				t.deepEqual(wrongsOf(answer), [], `${name}, ${what}: ${answer.status}`);
			}
		}
	}

	await stillStand(t);
});

test.serial('no request is smuggled in the body of another', async t => {
	t.timeout(LIMIT_MS);
	for (const [what, bytes] of Object.entries(smuggling)) {
		for (const [name, {url}] of Object.entries(serversOf(t.context))) {
			const answers = answersIn(await sendRaw(url, bytes));
			t.true(answers.length <= 1, `${name}, ${what}: ${answers.map(({status}) => status).join()}`);
			for (const answer of answers) {
				t.true(answer.status >= 400 && answer.status < 500, `${name}, ${what}: ${answer.status}`);
				t.deepEqual(wrongsOf(answer), [], `${name}, ${what}: ${answer.status}`);
				t.false(answer.body.includes('/smuggled'), `${name}, ${what}`);
			}
		}
	}

	await stillStand(t);
});

test.serial('strange requests are answered like all others', async t => {
	t.timeout(LIMIT_MS);
	for (const [what, bytes] of Object.entries(strange)) {
		for (const [name, {url}] of Object.entries(serversOf(t.context))) {
			for (const answer of answersIn(await sendRaw(url, bytes))) {
				t.deepEqual(wrongsOf(answer), [], `${name}, ${what}: ${answer.status} ${answer.body.toString().slice(0, 100)}`);
			}
		}
	}

	await stillStand(t);
});

test.serial('random bytes, and requests with some bytes changed, are refused or answered', async t => {
	t.timeout(LIMIT_MS);
	for (const {url} of Object.values(serversOf(t.context))) {
		await fc.assert(
			fc.asyncProperty(strangeBytes, async sent => {
				for (const answer of answersIn(await sendRaw(url, sent))) {
					const wrongs = wrongsOf(answer);
					if (wrongs.length > 0) throw new Error(wrongs.join('; '));
				}
			}),
			{numRuns: RUNS, includeErrorInReport: true},
		);
	}

	await stillStand(t);
});

test.serial('requests that come at once on a connection are answered in their order', async t => {
	const {coordinator, node} = t.context;
	const missing = (number: number) => `/missing-${number}`;
	for (const {url} of [coordinator, node]) {
		const many = Array.from({length: 100}, (_, number) => `GET ${missing(number)} HTTP/1.1\r\nHost: x\r\n\r\n`);
		const answers = answersIn(await sendRaw(url, many.join('')));
		t.is(answers.length, 100);
		for (const [number, {status, body}] of answers.entries()) {
			t.is(status, 404);
			t.true(body.toString().includes(`${missing(number)} here`));
		}

		const broken = answersIn(await sendRaw(url, `${many.slice(0, 5).join('')}nonsense\r\n\r\n`));
		for (const answer of broken) t.deepEqual(wrongsOf(answer), []);
	}

	await stillStand(t);
});

test.serial('connections that say nothing more keep nobody out', async t => {
	t.timeout(LIMIT_MS);
	const {coordinator, node} = t.context;
	const beginnings = [
		'',
		'GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ',
		'POST /api/nodes/register HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{',
		'POST /api/files/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n' +
			'Content-Type: multipart/form-data; boundary=x\r\n\r\n' +
			'--x\r\nContent-Disposition: form-data; name="file"; filename="slow"\r\n\r\nabc',
		`PUT /shards/${'b'.repeat(64)} HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\nabc`,
	];
	const sockets: Socket[] = [];
	for (const {url} of [coordinator, node]) {
		for (let number = 0; number < 200; number++) {
			const socket = await openSocket(url);
			socket.on('error', () => undefined).write(beginnings[number % beginnings.length] ?? '');
			sockets.push(socket);
		}
	}

	t.true(await isWell(coordinator.url));
	for (const socket of sockets) socket.destroy();
	t.true(await isWell(coordinator.url));
	await stillStand(t);
});

const lies: [string, number, 'cut' | 'whole'][] = [
	['shorter than the body', -10, 'whole'],
	['much shorter than the body', -5000, 'whole'],
	['longer than the body', 10, 'cut'],
];

test.serial('an upload whose length is a lie is not a file', async t => {
	const {url} = t.context.coordinator;
	const form = `--x\r\nContent-Disposition: form-data; name="file"; filename="lie.bin"\r\n\r\n${'a'.repeat(8000)}\r\n--x--\r\n`;
	for (const [what, by, outcome] of lies) {
		const head = `Content-Type: multipart/form-data; boundary=x\r\nContent-Length: ${form.length + by}\r\n`;
		const answers = answersIn(await sendRaw(url, post('/api/files/upload', head, form)));
		if (outcome === 'whole') t.true(answers.length > 0, what);
		for (const answer of answers) {
			t.true(answer.status >= 400, what);
			t.deepEqual(wrongsOf(answer), [], what);
		}
	}

	const {files} = (await (await fetch(`${url}/api/files?q=lie.bin`)).json()) as {files: unknown[]};
	t.deepEqual(files, []);
	await stillStand(t);
});

test.serial('forms of every wrong kind are refused with a reason, and what is taken comes back', async t => {
	t.timeout(LIMIT_MS);
	const {url} = t.context.coordinator;
	await fc.assert(
		fc.asyncProperty(forms, formTypes, async (sent, type) => {
			const answer = await ask(url, {
				...{method: 'POST', path: routes.upload.path, body: sent},
				headers: {'content-type': type},
			});
			if (!answer) throw new Error('There was no answer');
			const wrongs = wrongsOf(answer);
			if (wrongs.length > 0) throw new Error(wrongs.join('; '));
			if (answer.status !== 200) return;
			const {file_id: id, size} = JSON.parse(answer.body.toString()) as {file_id: string; size: number};
			const back = await download(url, id);
			if (back.kind !== 'whole' || back.sizeBytes !== size) throw new Error(`It came back as ${JSON.stringify(back)}`);
			await remove(url, id);
		}),
		{numRuns: RUNS * 2, includeErrorInReport: true},
	);
	await stillStand(t);
});

test.serial('a range, whatever it is, gives the bytes that it names, the whole file, or a refusal', async t => {
	t.timeout(LIMIT_MS);
	const {url} = t.context.coordinator;
	const bytes = chance.bytes(10 * MIB + 1000);
	const stored = await upload(url, 'ranges.bin', bytes);
	const id = stored.kind === 'stored' ? stored.id : '';
	const whole = sha256(bytes);
	await fc.assert(
		fc.asyncProperty(rangesOf(bytes.length), async header => {
			const request = {method: 'GET', path: `/api/files/download/${id}`, headers: {range: header}};
			const answer = await ask(url, request);
			if (!answer) throw new Error('There was no answer');
			const wrongs = wrongsOf(answer);
			if (wrongs.length > 0 || ![200, 206, 416].includes(answer.status))
				throw new Error(`${answer.status} ${wrongs.join()}`);
			const named = /^bytes (\d+)-(\d+)\/\d+$/.exec(answer.headers['content-range'] ?? '');
			if (answer.status === 200 && sha256(answer.body) !== whole) throw new Error('It is not the file');
			if (answer.status === 206 && named) {
				const expected = bytes.subarray(Number(named[1]), Number(named[2]) + 1);
				if (!expected.equals(answer.body)) throw new Error('It is another part');
			} else if (answer.status === 206 && !answer.headers['content-type']?.startsWith('multipart/byteranges')) {
				throw new Error('It does not say which part it is');
			}
		}),
		{numRuns: RUNS / 2, includeErrorInReport: true},
	);
	await remove(url, id);
	await stillStand(t);
});

/** The node's calls, which stand in no table. */
const nodeCalls = [
	['GET', '/status'],
	['GET', '/shards'],
	['PUT', '/shards/{id}'],
	['GET', '/shards/{id}'],
	['POST', '/shards/{id}/verify'],
	['POST', '/shards/{id}/prove'],
	['POST', '/chunk'],
	['GET', '/chunk'],
] as const;

type Fuzz = {url: string; path: string; likely: string; mayFail: readonly number[]; known: string};

const fuzz = async (t: ExecutionContext<Context>, {url, path, likely, mayFail, known}: Fuzz) => {
	const id = fc.oneof(segment, fc.constant(known));
	const request = fc.record({
		method: fc.oneof({weight: 3, arbitrary: fc.constant(likely)}, {weight: 1, arbitrary: fc.constantFrom(...methods)}),
		path: fc.tuple(id, query).map(([part, search]) => path.replace('{id}', part) + search),
		headers,
		body,
	});
	const send = async (sent: RawRequest) => {
		const answer = await ask(url, sent);
		if (!answer) return; // Whoever sends more than is read may be cut off.
		const wrongs = wrongsOf(answer, {mayFail, isHead: sent.method === 'HEAD'});
		if (wrongs.length > 0) throw new Error(wrongs.join('; '));
	};
	const options = {numRuns: RUNS_A_ROUTE, includeErrorInReport: true};
	await t.notThrowsAsync(fc.assert(fc.asyncProperty(request, send), options), path);
};

for (const [name, route] of Object.entries(routes) as [string, Route][]) {
	test.serial(`${name} answers whatever it is asked`, async t => {
		t.timeout(LIMIT_MS);
		const {url} = t.context.coordinator;
		const mayFail = Object.keys(route.answers)
			.map(Number)
			.filter(status => status >= 500);
		const stored = await upload(url, 'known.bin', chance.bytes(100_000));
		const known = stored.kind === 'stored' ? stored.id : '';
		await fuzz(t, {url, path: route.path, likely: route.method, mayFail, known});
		await stillStand(t);
	});
}

for (const [method, path] of nodeCalls) {
	test.serial(`a node answers whatever is asked by ${method} ${path}`, async t => {
		t.timeout(LIMIT_MS);
		const {url} = t.context.node;
		const shard = chance.bytes(100_000);
		const known = sha256(shard);
		t.is((await fetch(`${url}/shards/${known}`, {method: 'PUT', body: shard})).status, 201);
		await fuzz(t, {url, path, likely: method, mayFail: [], known});
		await stillStand(t);
	});
}

test.serial('a node that serves its coordinator only refuses whatever anybody else asks', async t => {
	t.timeout(LIMIT_MS);
	const {url} = t.context.closed;
	for (const [method, path] of nodeCalls) {
		await fuzz(t, {url, path, likely: method, mayFail: [], known: 'a'.repeat(64)});
		if (path !== '/status') t.is((await fetch(url + path, {method})).status, 401, path);
	}

	await stillStand(t);
});
