import {once} from 'node:events';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {text} from 'node:stream/consumers';
import anyTest, {type ExecutionContext, type TestFn} from 'ava';
import {commandNames} from './commands/commands.js';
import {formatSize, formatTable} from './format.js';
import {runProgram, startProgram} from './testing/program.js';

const test = anyTest as TestFn<{folder: string}>;

test.beforeEach(t => {
	t.context = {folder: mkdtempSync(path.join(tmpdir(), 'pjas-tui-'))};
});

test.afterEach.always(t => rmSync(t.context.folder, {recursive: true, force: true}));

type Context = ExecutionContext<{folder: string}>;

const run = async (t: Context, argv: string[], environment: Record<string, string> = {}) =>
	runProgram(argv, {folder: t.context.folder, environment});

const node = {
	node_id: 'pjas-0123456789abcdef',
	address: 'http://127.0.0.1:8420',
	storage_stats: {used_bytes: 1536, allocated_bytes: 100 * 1024 ** 3, free_bytes: 1, chunk_count: 2, usage_percent: 0},
	status: 'online',
	version: '2.0.0',
	last_seen: 1_767_323_045_000,
	registered_at: 1,
	chunks_stored: 2,
	name: 'attic\u001B[2J',
	owner: 'Ann',
	zone: 'house',
	kind: 'direct',
	latency_ms: null,
	in_flight: 0,
};
const fileId = (index: number) => index.toString(16).padStart(32, '0');
const file = (index: number, filename = `file ${index}`) => ({
	file_id: fileId(index),
	filename,
	size: 10 * 1024 ** 2 + index,
	uploaded_at: 1_767_323_045_000,
	status: 'completed',
	chunks_count: 2,
	type: 'text/plain',
	owner: '',
	visibility: 'network',
	shared_with: [],
	redundancy: {full: 1, partly: index === 3 ? 1 : 0, none: index === 2 ? 1 : 0},
});
const stats = {
	totalNodes: 3,
	onlineNodes: 2,
	totalStorage: 300 * 1024 ** 3,
	usedStorage: 1536,
	networkHealth: 67,
	activeFiles: 1,
	freeStorage: 1024 ** 4,
	fileBytes: 10,
	chunks: 4,
	redundancy: {full: 3, partly: 1, none: 0},
	dataHealth: 75,
	bytesIn: 0,
	bytesOut: 5,
	open: false,
	pendingRemovals: 7,
	repair: {waiting: 2, active: 1, blocked: 0, paused: false, reason: null},
	trash: {files: 3, bytes: 5_000_000},
};

type Answer = {status?: number; body: unknown};

/** A coordinator that gives these answers, by path; it notes what it was asked. */
const startCoordinator = async (t: Context, answers: Record<string, (query: URLSearchParams) => Answer>) => {
	const asked: string[] = [];
	const server = createServer((request, response) => {
		const url = new URL(request.url ?? '', 'http://localhost');
		asked.push(url.pathname + url.search);
		const answer = answers[url.pathname]?.(url.searchParams) ?? {
			status: 404,
			body: {success: false, error: 'No such route', code: 'ROUTE_NOT_FOUND'},
		};
		response.writeHead(answer.status ?? 200, {'content-type': 'application/json'});
		response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.teardown(() => {
		server.closeAllConnections();
		server.close();
	});
	return {url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked};
};

const answers = {
	'/api/stats': () => ({body: {success: true, stats}}),
	'/api/nodes': () => ({body: {success: true, nodes: [node], count: 1}}),
	'/api/files': (query: URLSearchParams) => {
		const isFirst = query.get('before') === null;
		const files = isFirst ? [file(3, 'naïve\u009B\u202Egpj.exe\n'), file(2)] : [file(1)];
		return {body: {success: true, files, count: files.length, total: 3, next_before: isFirst ? fileId(2) : null}};
	},
	'/api/logs': () => ({
		body: {
			success: true,
			logs: [{timestamp: '2026-01-02 03:04:05', level: 'WARN', message: 'a\u001Bb', id: 1, timestamp_ms: 1}],
			next_before: null,
		},
	}),
};

/** Nothing but lines: whatever names hold, a terminal has nothing to obey. */
const isPlain = (output: string) => !/[\p{Cc}\u202E]/u.test(output.replaceAll('\n', ''));

test('the figures, nodes, files and the log are shown for people', async t => {
	const {url} = await startCoordinator(t, answers);
	const outputs: Record<string, string> = {};
	for (const command of ['stats', 'nodes', 'files', 'logs']) {
		const {code, stdout, stderr} = await run(t, ['--coordinator', url, command]);
		t.deepEqual([code, stderr], [0, '']);
		t.true(isPlain(stdout), stdout);
		outputs[command] = stdout;
	}

	t.regex(outputs['stats'] ?? '', /Nodes online +2 of 3 \(67%\)\n.*\n*Chunks in full +3 of 4 \(75%\)/);
	t.regex(
		outputs['nodes'] ?? '',
		/^NAME .*\nattic\\u001b\[2J +online +house +Ann +1\.5 KiB +100 GiB +2 +http:\/\/127\.0\.0\.1:8420\n$/,
	);
	const files = (outputs['files'] ?? '').trimEnd().split('\n');
	t.is(files.length, 4, 'a head, and the files of both pages');
	t.regex(files[0] ?? '', /^FILE +SIZE +UPLOADED \(UTC\) +REDUNDANCY +NAME$/);
	t.true(files[1]?.endsWith('2026-01-02 03:04:05  1 of 2 short  naïve\\u009b\\u202egpj.exe\\u000a'), files[1]);
	t.regex(files[2] ?? '', /05 {2}1 lost +file 2$/);
	t.regex(files[3] ?? '', /05 {2}full +file 1$/);
	t.is(outputs['logs'], '2026-01-02 03:04:05  WARN   a\\u001bb\n');
});

test('--json prints what the coordinator said, for programs', async t => {
	const {url, asked} = await startCoordinator(t, answers);
	const json = async (command: string) => {
		const {code, stdout} = await run(t, [command, '--json', `--coordinator=${url}/api`]);
		t.is(code, 0);
		t.true(isPlain(stdout));
		return JSON.parse(stdout) as unknown;
	};
	t.deepEqual(await json('stats'), stats);
	t.deepEqual(await json('nodes'), [node]);
	t.like(await json('files'), {length: 3, 0: file(3, 'naïve\u009B\u202Egpj.exe\n'), 2: file(1)});
	t.like(await json('logs'), {length: 1, 0: {message: 'a\u001Bb'}});
	t.deepEqual(asked.slice(2, 4), ['/api/files?limit=1000', `/api/files?limit=1000&before=${fileId(2)}`]);
});

test('an empty network is no failure', async t => {
	const {url} = await startCoordinator(t, {
		'/api/nodes': () => ({body: {success: true, nodes: [], count: 0}}),
		'/api/files': () => ({body: {success: true, files: [], count: 0, total: 0, next_before: null}}),
	});
	t.like(await run(t, ['nodes', '--coordinator', url]), {code: 0, stdout: 'No node has joined yet\n'});
	t.like(await run(t, ['files', '--coordinator', url]), {code: 0, stdout: 'There are no files yet\n'});
	t.like(await run(t, ['nodes', '--json', '--coordinator', url]), {code: 0, stdout: '[]\n'});
	t.like(await run(t, ['files', '--json', '--coordinator', url]), {code: 0, stdout: '[]\n'});
});

test('the address comes from the flag, the environment, the file, or is the one of this machine', async t => {
	const {url} = await startCoordinator(t, answers);
	const dead = 'http://127.0.0.1:1';
	const config = path.join(t.context.folder, 'pjas_config.json');
	writeFileSync(config, JSON.stringify({coordinator_url: `${url}/api`, port: 8420}));
	t.is((await run(t, ['stats'])).code, 0);
	t.is((await run(t, ['stats'], {PJAS_COORDINATOR: dead})).code, 3);
	t.is((await run(t, ['stats', '--coordinator', url], {PJAS_COORDINATOR: dead})).code, 0);
	writeFileSync(config, '{}');
	t.is((await run(t, ['stats'], {PJAS_COORDINATOR: url})).code, 0);
	rmSync(config);
	const {stderr, stdout} = await run(t, ['stats']);
	t.true(`${stdout}${stderr}`.includes('127.0.0.1:3000') || stdout.includes('Nodes online'));
});

test('what is not found is code 4, also for programs', async t => {
	const {url} = await startCoordinator(t, {
		...answers,
		'/api/files': () => ({body: {success: true, files: [], count: 0, total: 0, next_before: null}}),
	});
	for (const command of ['download', 'check', 'rm']) {
		const more = command === 'rm' ? ['--yes'] : [];
		const {code, stdout, stderr} = await run(t, [command, 'x\u0007', ...more, '--coordinator', url]);
		t.deepEqual([code, stdout], [4, '']);
		t.is(stderr, 'pjas-tui: There is no file "x\\u0007". pjas-tui files lists what there is\n');
	}

	const {code, stderr} = await run(t, ['check', 'x', '--json', '--coordinator', url]);
	t.is(code, 4);
	t.like(JSON.parse(stderr), {code: 'FILE_NOT_FOUND'});
});

test('a coordinator that is not there is code 3', async t => {
	const {code, stderr, stdout} = await run(t, ['files', '--coordinator', 'http://127.0.0.1:1']);
	t.deepEqual([code, stdout], [3, '']);
	t.is(stderr, "pjas-tui: http://127.0.0.1:1 can't be reached: nothing listens there; is the coordinator running?\n");
});

test('an answer that refuses, or that no coordinator gives, is code 1', async t => {
	const {url} = await startCoordinator(t, {
		'/api/stats': () => ({
			status: 503,
			body: {success: false, error: 'Stopping\u001B[2J: try again', code: 'SHUTTING_DOWN'},
		}),
		'/api/nodes': () => ({body: '<html>\u001B hello'}),
		'/api/files': () => ({status: 500, body: 'oops'}),
		'/api/logs': () => ({body: {success: true, logs: 'none'}}),
	});
	const failure = async (command: string) => {
		const {code, stderr, stdout} = await run(t, [command, '--coordinator', url]);
		t.deepEqual([code, stdout], [1, '']);
		t.true(isPlain(stderr), stderr);
		return stderr;
	};
	t.is(await failure('stats'), 'pjas-tui: Stopping\\u001b[2J: try again\n');
	t.regex(await failure('nodes'), /did not answer as a coordinator of PJAS does, but with "<html>/);
	t.regex(await failure('files'), /answered 500 Internal Server Error, as no coordinator of PJAS does/);
	t.regex(await failure('logs'), /did not answer as a coordinator/);
});

test('wrong words are code 2, with what was meant', async t => {
	const refusal = async (argv: string[], environment = {}) => {
		const {code, stderr, stdout} = await run(t, argv, environment);
		t.deepEqual([code, stdout], [2, '']);
		return stderr;
	};
	t.is(await refusal(['nodse']), 'pjas-tui: There is no command "nodse". Did you mean nodes?\n');
	t.is(
		await refusal([]),
		`pjas-tui: The console needs a terminal. Without one there are commands: ${commandNames.slice(0, -1).join(', ')}\n`,
	);
	t.is(
		await refusal(['files', '--jsn', '--json']),
		'{"error":"There is no flag --jsn. Did you mean --json?","code":"INVALID_CONFIGURATION"}\n',
	);
	for (const command of ['upload', 'rm']) {
		t.is(
			await refusal([command, 'x', '--read-only']),
			`pjas-tui: ${command} changes the network, and --read-only refuses that\n`,
		);
	}

	t.is(await refusal(['files', 'more']), 'pjas-tui: "more" is one word too many for files\n');
	t.is(await refusal(['files', '--jsn']), 'pjas-tui: There is no flag --jsn. Did you mean --json?\n');
	t.regex(
		await refusal(['files', '--coordinator', 'localhost']),
		/^pjas-tui: --coordinator is "localhost"\. Allowed: /,
	);
	t.regex(await refusal(['files'], {PJAS_COORDINATOR: 'x'}), /^pjas-tui: PJAS_COORDINATOR is "x"\. Allowed: /);
	writeFileSync(path.join(t.context.folder, 'pjas_config.json'), '{');
	t.regex(await refusal(['files']), /pjas_config\.json is no configuration: it must be JSON such as /);
});

test('--help and --version answer without a coordinator', async t => {
	const {code, stdout} = await run(t, ['--help']);
	t.is(code, 0);
	t.regex(stdout, /^pjas-tui \[--coordinator URL\][^]*upload[^]*files[^]*nodes[^]*logs/);
	t.is((await run(t, ['help'])).stdout, stdout);
	t.is((await run(t, ['download', '--help'])).stdout, (await run(t, ['help', 'download'])).stdout);
	t.regex((await run(t, ['download', '-h'])).stdout, /^pjas-tui download FILE \[-o PATH\]/);
	t.regex((await run(t, ['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
});

test('a reader that has read enough ends the program without a complaint', async t => {
	const many = Array.from({length: 1000}, (_, index) => file(index, 'x'.repeat(200)));
	const {url} = await startCoordinator(t, {
		'/api/files': () => ({body: {success: true, files: many, count: 1000, total: 1e6, next_before: fileId(1)}}),
	});
	const child = startProgram(['files', '--coordinator', url], t.context);
	await once(child.stdout, 'data');
	child.stdout.destroy();
	const [stderr, exit] = await Promise.all([text(child.stderr), once(child, 'exit')]);
	t.deepEqual([exit[0], stderr], [0, '']);
});

test('sizes are short', t => {
	const sizes: [number, string][] = [
		[0, '0 B'],
		[1023, '1023 B'],
		[1024, '1 KiB'],
		[1536, '1.5 KiB'],
		[1024 ** 2 - 1, '1 MiB'],
		[150.4 * 1024 ** 2, '150 MiB'],
		[100 * 1024 ** 3, '100 GiB'],
		[5 * 1024 ** 6, '5120 PiB'],
	];
	for (const [bytes, expected] of sizes) t.is(formatSize(bytes), expected);
});

test('a table is as wide as its cells', t => {
	t.is(
		formatTable(
			['A', 'LONG'],
			[
				['first', 'x'],
				['', 'y\n'],
			],
		),
		'A      LONG\nfirst  x\n       y\\u000a',
	);
	t.is(
		formatTable(
			['A', 'B'],
			[
				['日本', 'x'],
				['abc', 'y'],
			],
		),
		'A     B\n日本  x\nabc   y',
	);
});
