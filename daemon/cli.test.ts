import {spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:net';
import type {AddressInfo} from 'node:net';
import {get} from 'node:https';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import anyTest, {type ExecutionContext, type TestFn} from 'ava';
import {doctorReportSchema} from '../source/protocol/doctor.js';
import {systemClock} from './adapters/system.js';
import {openAudit} from './coordinator/audit.js';
import {type Daemon, keptPort, runDaemon, startDaemon, until} from './testing/processes.js';
import {eventually} from './testing/requests.js';
import {silentLog} from './testing/silent-log.js';

const test = anyTest as TestFn<{folder: string}>;

test.beforeEach(t => {
	t.context = {folder: mkdtempSync(path.join(tmpdir(), 'pjas-daemon-'))};
});

test.afterEach.always(t => rmSync(t.context.folder, {recursive: true, force: true}));

type Context = ExecutionContext<{folder: string}>;

const start = (t: Context, argv: string[], environment: Record<string, string> = {}): Daemon =>
	startDaemon(t, argv, {folder: t.context.folder, environment});

/** Runs a command that ends. */
const run = async (t: Context, argv: string[], environment: Record<string, string> = {}) =>
	runDaemon(t, argv, {folder: t.context.folder, environment});

test('--help and --version answer at once', async t => {
	t.regex((await run(t, ['--help'])).stdout, /--role coordinator[^]*--role node <storage_path>[^]*backup/);
	t.regex(
		(await run(t, ['--role', 'node', '--help'])).stdout,
		/^pjas-daemon --role node <storage_path> \[allocated_gb\]/,
	);
	t.regex((await run(t, ['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
});

test('a wrong configuration is one line on standard error, and code 2', async t => {
	const config = path.join(t.context.folder, 'pjas_config.json');
	const refusal = async (argv: string[], environment = {}) => {
		const {code, stdout, stderr} = await run(t, argv, environment);
		t.deepEqual([code, stdout], [2, '']);
		t.regex(stderr, /^pjas-daemon: .*\n$/);
		return stderr;
	};
	t.regex(await refusal([]), /--role is missing/);
	t.regex(await refusal(['--role', 'local', '--nods', '3']), /no flag --nods\. Did you mean --nodes\?/);
	t.regex(
		await refusal(['--role', 'coordinator'], {PORT: '99999'}),
		/PORT is "99999"\. Allowed: a whole number from 0/,
	);
	writeFileSync(config, '{"prot": 3000}');
	t.regex(await refusal(['--role', 'local']), /"prot" in .*pjas_config\.json is no setting\. Did you mean port\?/);
	writeFileSync(config, '{');
	t.regex(await refusal(['--role', 'local']), /pjas_config\.json is not JSON/);
	t.false(existsSync(path.join(t.context.folder, 'pjas-data')), 'nothing was made');
});

const hasCurl = spawnSync('curl', ['--version']).status === 0;

test('a local network says what to try, and that works as printed', async t => {
	const daemon = start(t, ['--role', 'local', '--port', '0']);
	const url = await daemon.ready();
	await eventually(t, () => daemon.stderr().includes('ready url='), 'it is logged too');
	const data = path.join(t.context.folder, 'pjas-data');
	t.true(daemon.stdout().startsWith(`ready ${url} ${data}\n`));
	t.regex(daemon.stderr(), new RegExp(`INFO {2}ready url=${url} folder=${data}\n`));
	t.is((await fetch(`${url}/api/stats`)).status, 401);
	const tokenFile = path.join(data, 'coordinator', 'admin.token');
	const token = readFileSync(tokenFile, 'utf8').trim();
	t.is(statSync(tokenFile).mode & 0o777, 0o600);
	t.true(daemon.stdout().includes(token), 'the token is told at the first start');
	const headers = {authorization: `Bearer ${token}`};
	const {stats} = (await (await fetch(`${url}/api/stats`, {headers})).json()) as {stats: Record<string, number>};
	t.like(stats, {totalNodes: 3, onlineNodes: 3});
	// What tells them is loaded only now, out of the bundle.
	const metrics = await (await fetch(`${url}/metrics`, {headers})).text();
	t.regex(metrics, /^pjas_nodes\{status="online"\} 3$/m);
	t.regex(metrics, /^process_cpu_seconds_total /m);

	if (hasCurl) {
		const lines = daemon.stdout().match(/^ {2}(auth=|printf|id=|curl).*$/gm) ?? [];
		t.is(lines.length, 6);
		const script = lines.map(line => `${line.trim()} || exit 1\necho; echo --`).join('\n');
		const {status, stdout, stderr} = spawnSync('sh', ['-c', script], {cwd: t.context.folder, encoding: 'utf8'});
		t.is(status, 0, stderr);
		const [, , , list, downloaded, figures] = stdout.split('--\n').map(text => text.trim());
		t.like(JSON.parse(list ?? ''), {success: true, count: 1, files: {0: {filename: 'hello-pjas.txt', size: 16}}});
		t.is(downloaded, 'Hello from PJAS');
		t.like(JSON.parse(figures ?? ''), {stats: {activeFiles: 1}});
	} else {
		t.log('There is no curl here: the printed lines were not run');
	}

	const second = await run(t, ['--role', 'local', '--port', '0']);
	t.is(second.code, 1);
	t.true(second.stderr.includes(`is in use by process ${daemon.child.pid ?? 0}: stop that one`), second.stderr);

	daemon.child.kill('SIGINT');
	t.is(await daemon.ended(), 0);
	for (const folder of ['coordinator', 'node-1', 'node-2', 'node-3']) {
		const names = readdirSync(path.join(data, folder));
		t.false(
			names.some(name => name.endsWith('.lock')),
			names.join(' '),
		);
	}

	const again = start(t, ['--role', 'local', '--port', '0']);
	const {files} = (await (await fetch(`${await again.ready()}/api/files`, {headers})).json()) as {files: unknown[]};
	t.is(files.length, hasCurl ? 1 : 0);
	again.child.kill('SIGTERM');
	t.is(await again.ended(), 0);
});

test('a coordinator and a node, each a process, find each other; a killed one is started again', async t => {
	const environment = {PJAS_LOG_FORMAT: 'json', PJAS_LOG_LEVEL: 'debug'};
	const coordinator = start(t, ['--role', 'coordinator', '--open', '--data', 'kept', '--port', '0'], environment);
	const url = await coordinator.ready();
	const nodeArgv = [
		'--role',
		'node',
		'shards',
		'500MB',
		'--port',
		'0',
		'--name',
		'attic',
		'--coordinator',
		`${url}/api`,
	];
	const node = start(t, nodeArgv, environment);
	await node.ready();
	const registered = async () => {
		for (;;) {
			const {nodes} = (await (await fetch(`${url}/api/nodes`)).json()) as {nodes: {status: string}[]};
			if (nodes[0]?.status === 'online') return nodes;
			await delay(50);
		}
	};
	const [before] = await registered();
	t.like(before, {name: 'attic', owner: 'attic', zone: 'attic', storage_stats: {allocated_bytes: 500 * 1024 ** 2}});

	node.child.kill('SIGKILL');
	await node.ended();
	const again = start(t, nodeArgv, environment);
	await again.ready();
	t.is((await registered()).length, 1);

	again.child.kill('SIGTERM');
	coordinator.child.kill('SIGTERM');
	t.deepEqual(await Promise.all([again.ended(), coordinator.ended()]), [0, 0]);
	for (const line of [coordinator, node, again].flatMap(daemon => daemon.stderr().trimEnd().split('\n'))) {
		t.notThrows(() => JSON.parse(line) as unknown, line);
	}
});

test('the doctor looks at a coordinator that runs, and says by its exit code whether anything is wrong', async t => {
	const port = String(await keptPort());
	const argv = ['--role', 'coordinator', '--port', port];
	await start(t, argv).ready();
	const {code, stdout, stderr} = await run(t, ['doctor', ...argv, '--json']);
	t.deepEqual([code, stderr], [1, '']);
	const {findings, ...report} = doctorReportSchema.parse(JSON.parse(stdout));
	t.like(report, {role: 'coordinator', is_well: false});
	const outcomes = Object.fromEntries(findings.map(({check, outcome}) => [check, outcome]));
	t.like(outcomes, {folder: 'fine', port: 'fine', keys: 'fine', nodes: 'wrong', files: 'fine'});
	t.regex(findings.find(({check}) => check === 'nodes')?.seen ?? '', /No node has ever joined/);
	const idle = await run(t, ['doctor', '--role', 'coordinator', '--data', 'none', '--port', '0']);
	t.is(idle.code, 0, idle.stdout);
	t.regex(idle.stdout, /^A coordinator with .*none, version .*\n\n(.*\n)+\nNothing is wrong/);
	t.is((await run(t, ['doctor', '--role', 'local'])).code, 2);
});

test('a port that is taken is said, and the folder is free afterwards', async t => {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.teardown(() => server.close());
	const {port} = server.address() as AddressInfo;
	const {code, stderr} = await run(t, ['--role', 'local', '--port', String(port)]);
	t.not(code, 0);
	t.regex(stderr, new RegExp(`pjas-daemon: Port ${port} is in use by another program: .*--port\n`));
	t.false(readdirSync(path.join(t.context.folder, 'pjas-data', 'coordinator')).some(name => name.endsWith('.lock')));
});

test('a folder that cannot be made is said without a stack', async t => {
	writeFileSync(path.join(t.context.folder, 'pjas-data'), 'a file');
	const {code, stderr} = await run(t, ['--role', 'coordinator', '--port', '0']);
	t.is(code, 1);
	t.regex(stderr, /^pjas-daemon: .*pjas-data.*\n$/);
	const json = await run(t, ['--role', 'coordinator', '--port', '0', '--log-format', 'json']);
	t.is(json.code, 1);
	t.like(JSON.parse(json.stderr), {level: 'error', message: stderr.slice('pjas-daemon: '.length, -1)});
});

test('a backup is made of a running coordinator, and comes back into an empty folder', async t => {
	const coordinator = start(t, ['--role', 'coordinator', '--data', 'kept', '--port', '0']);
	await coordinator.ready();
	const backup = await run(t, ['backup', '--data', 'kept', '--to', 'copy']);
	t.is(backup.code, 0, backup.stderr);
	t.regex(backup.stdout, /are in .*copy \(\d+ bytes\)/);
	const refused = await run(t, ['restore', '--data', 'kept', '--from', 'copy']);
	t.is(refused.code, 1);
	t.regex(refused.stderr, new RegExp(`in use by process ${coordinator.child.pid ?? 0}`));
	coordinator.child.kill('SIGTERM');
	t.is(await coordinator.ended(), 0);

	const restore = await run(t, ['restore', '--data', 'new', '--from', 'copy']);
	t.is(restore.code, 0, restore.stderr);
	const key = (folder: string) => readFileSync(path.join(t.context.folder, folder, 'master.key'), 'utf8');
	t.is(key('new'), key('kept'));
	const again = start(t, ['--role', 'coordinator', '--data', 'new', '--port', '0']);
	await again.ready();
	again.child.kill('SIGTERM');
	t.is(await again.ended(), 0);
});

test('audit verify says what was done to the log, and where', async t => {
	const folder = path.join(t.context.folder, 'kept');
	const audit = await openAudit({folder: t.context.folder, clock: systemClock, log: silentLog});
	for (const who of ['ann', 'bob', 'eve']) await audit.add({who, did: 'sign-in', result: 'ok'});
	await audit.close();
	const verify = async (...more: string[]) => run(t, ['audit', 'verify', '--data', '.', ...more]);
	const sound = await verify();
	t.deepEqual([sound.code, sound.stderr], [0, '']);
	t.regex(sound.stdout, /^The 3 entries .* are as they were written\nThe last is 3, its hash [0-9a-f]{64}\n/);

	const file = path.join(t.context.folder, 'audit.jsonl');
	const text = readFileSync(file, 'utf8');
	writeFileSync(file, text.replace('"bob"', '"Bob"'));
	const forged = await verify();
	t.is(forged.code, 1);
	t.regex(forged.stdout, /^audit\.jsonl, line 2: this line was changed after it was written\nThe audit log in /);
	writeFileSync(file, text.split('\n').slice(0, 2).join('\n') + '\n');
	t.regex((await verify()).stdout, /^audit\.jsonl, line 3: entry 3 is missing: the end of the log was cut off\n/);
	t.is((await run(t, ['audit', 'verify', '--data', folder])).code, 1);
	t.is((await run(t, ['audit'])).code, 2);
});

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url));

test('a coordinator serves HTTPS with the files that it is given, or says which is wrong', async t => {
	const certificate = ['--tls-cert', fixture('localhost.cert')];
	const wrong = async (...argv: string[]) => {
		const {code, stderr} = await run(t, ['--role', 'coordinator', '--port', '0', ...argv]);
		t.is(code, 2, stderr);
		return stderr;
	};
	t.regex(await wrong(...certificate), /^pjas-daemon: --tls-cert is given without --tls-key: [^\n]*\n$/m);
	t.regex(await wrong(...certificate, '--tls-key', 'no.pem'), /The key .*no\.pem can't be read: there is no such file/);
	t.regex(await wrong(...certificate, '--tls-key', fixture('renewed.key')), /does not belong to the certificate/);

	const coordinator = start(t, [
		'--role',
		'coordinator',
		'--port',
		'0',
		...certificate,
		'--tls-key',
		fixture('localhost.key'),
	]);
	const url = await coordinator.ready();
	t.regex(url, /^https:\/\/127\.0\.0\.1:\d+$/);
	const ca = readFileSync(fixture('localhost.cert'));
	const status = await new Promise((resolve, reject) => {
		get(`${url}/health`, {ca, agent: false}, answer => resolve(answer.resume().statusCode)).on('error', reject);
	});
	t.is(status, 200);
	t.is(await coordinator.stop(), 0);
});

test('a network on this machine works behind any certificate', async t => {
	const files = ['--tls-cert', fixture('localhost.cert'), '--tls-key', fixture('localhost.key')];
	const local = start(t, ['--role', 'local', '--nodes', '1', '--port', '0', ...files]);
	t.regex(await local.ready(), /^https:/);
	t.notRegex(local.stderr(), /not all nodes are online/);
	t.is(await local.stop(), 0);
});

test('keys rotate beside a running coordinator and a node that joined with a code', async t => {
	const environment = {PJAS_LOG_FORMAT: 'json'};
	const coordinator = start(t, ['--role', 'coordinator', '--data', 'kept', '--port', '0'], environment);
	const url = await coordinator.ready();
	const headers = {
		authorization: `Bearer ${readFileSync(path.join(t.context.folder, 'kept/admin.token'), 'utf8').trim()}`,
		'content-type': 'application/json',
	};
	const body = JSON.stringify({owner: 'ann'});
	const made = await fetch(`${url}/api/nodes/invitations`, {method: 'POST', headers, body});
	const {code} = (await made.json()) as {code: string};
	const argv = ['--role', 'node', 'shards', '1', '--port', '0', '--coordinator', url];
	const node = start(t, argv, {...environment, PJAS_JOIN: code});
	await node.ready();
	const trusted = () => readFileSync(path.join(t.context.folder, 'shards/coordinator_keys.json'), 'utf8');
	await until('the node has joined', () => existsSync(path.join(t.context.folder, 'shards/coordinator_keys.json')));
	const before = trusted();

	const rotated = await run(t, ['rotate-keys', '--data', 'kept']);
	t.is(rotated.code, 0, rotated.stderr);
	const fingerprint = /new key is (\S{22})\./.exec(rotated.stdout)?.[1] ?? '';
	await until('the node has the new key', () => trusted() !== before);
	t.true(node.stderr().includes(fingerprint) || coordinator.stderr().includes(fingerprint));
	const keysFile = path.join(t.context.folder, 'kept/network-keys.json');
	t.is(statSync(keysFile).mode & 0o777, 0o600);
	t.is(statSync(path.join(t.context.folder, 'shards/node_identity.json')).mode & 0o777, 0o600);
	t.false((node.stderr() + coordinator.stderr()).includes(code.slice(0, 40)), 'the code is in no log');
	t.regex((await run(t, ['rotate-keys', '--data', 'nowhere'])).stderr, /no network keys/);
});
