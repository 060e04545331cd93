import {execFileSync} from 'node:child_process';
import {chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync} from 'node:fs';
import {createServer, type RequestListener} from 'node:http';
import {once} from 'node:events';
import {type AddressInfo, createServer as createTcpServer} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import test, {type ExecutionContext} from 'ava';
import {createMemberApi} from '../../source/client/member.js';
import {memberTargetOf} from '../../source/member-socket.js';
import {type DoctorCheck, doctorReportSchema, type Finding} from '../../source/protocol/doctor.js';
import {PROTOCOL} from '../../source/protocol/version.js';
import {lockFolder} from '../adapters/folder-lock.js';
import {systemClock, systemRandom} from '../adapters/system.js';
import {loadConfig} from '../config.js';
import {examine} from '../roles/doctor.js';
import {until} from '../testing/processes.js';
import {silentLog} from '../testing/silent-log.js';
import {startRoleNetwork} from '../testing/roles.js';
import {checkCertificate, checkFiles, checkNodes} from './coordinator-checks.js';
import {checkFolder} from './folder-checks.js';
import {systemIo} from './io.js';
import {checkClock, checkCoordinator} from '../../source/doctor/reach-checks.js';
import {checkPort} from './network-checks.js';
import {checkAddress, checkChunks, checkLinks, checkMembership} from './node-checks.js';
import {checkVersion} from '../../source/doctor/version-check.js';
import {reportText} from './text.js';

const folderOf = (t: ExecutionContext): string => {
	const folder = mkdtempSync(path.join(tmpdir(), 'pjas-doctor-'));
	t.teardown(() => rmSync(folder, {recursive: true, force: true}));
	return folder;
};

const serve = async (t: ExecutionContext, listener: RequestListener): Promise<{url: string; port: number}> => {
	const server = createServer(listener);
	await once(server.listen(0, '127.0.0.1'), 'listening');
	t.teardown(() => {
		server.closeAllConnections();
		server.close();
	});
	const {port} = server.address() as AddressInfo;
	return {url: `http://127.0.0.1:${port}`, port};
};

/** A port at which nothing listens. */
const closedPort = async (): Promise<number> => {
	const server = createTcpServer();
	await once(server.listen(0, '127.0.0.1'), 'listening');
	const {port} = server.address() as AddressInfo;
	server.close();
	await once(server, 'close');
	return port;
};

const healthy = (more: object = {}): RequestListener => {
	const body = {status: 'healthy', timestamp: Date.now(), version: '2.0.0', protocol: PROTOCOL, ...more};
	return (_, response) => response.end(JSON.stringify(body));
};

const named = (findings: readonly Finding[], check: DoctorCheck): Finding => {
	const found = findings.find(finding => finding.check === check);
	if (!found) throw new Error(`there is nothing about ${check}`);
	return found;
};

/** What is not fine says what was seen and what to do. */
const is = (t: ExecutionContext, finding: Finding, outcome: Finding['outcome'], seen: RegExp, remedy?: RegExp) => {
	t.is(finding.outcome, outcome, JSON.stringify(finding));
	t.regex(finding.seen, seen);
	t.not(finding.tried, '');
	if (remedy) t.regex(finding.remedy ?? '', remedy);
	else t.is(finding.remedy, null);
};

const system = {clock: systemClock, random: systemRandom, log: silentLog, version: '2.0.0', hasMasterKey: false};

const examined = async (argv: string[], folder: string) => {
	const request = loadConfig(['doctor', ...argv], {environment: {}, folder, hostname: 'attic'});
	if (request.kind !== 'run' || !request.examined) throw new Error('nothing is to be examined');
	return examine(request.examined, system);
};

test('a folder that works is fine, one that is not there yet can be made, and nothing is left in them', async t => {
	const folder = folderOf(t);
	for (const finding of await checkFolder(folder, systemIo, {leastFreeBytes: 0})) is(t, finding, 'fine', /./);
	t.deepEqual(await systemIo.list(folder), []);
	const findings = await checkFolder(path.join(folder, 'a', 'b'), systemIo, {leastFreeBytes: 0});
	is(t, named(findings, 'folder'), 'fine', /can be made in/);
	t.deepEqual(await systemIo.list(folder), []);
});

test('a file in the place of a folder, and a folder that nobody can write to, are told', async t => {
	const folder = folderOf(t);
	writeFileSync(path.join(folder, 'file'), '');
	for (const name of ['file', 'file/below']) {
		const findings = await checkFolder(path.join(folder, name), systemIo);
		is(t, named(findings, 'folder'), 'wrong', /is a file|ENOTDIR/, /choose another/);
	}

	// The kernel's own: not even root writes there.
	const findings = await checkFolder('/proc/self', systemIo);
	is(t, named(findings, 'folder'), 'wrong', /That fails: \w+/, /Check the path|own the folder/);
	if (process.getuid?.() !== 0) {
		chmodSync(folder, 0o500);
		is(t, named(await checkFolder(folder, systemIo), 'folder'), 'wrong', /EACCES/, /chown/);
		chmodSync(folder, 0o700);
	}
});

/** Runs a program on a small disk of its own, where this machine lets us mount one. */
const onSmallDisk = (t: ExecutionContext, prepare: string): string | undefined => {
	const folder = folderOf(t);
	const io = fileURLToPath(new URL('io.js', import.meta.url));
	const checks = fileURLToPath(new URL('folder-checks.js', import.meta.url));
	const program = `import {systemIo} from '${io}'; import {checkFolder} from '${checks}';
		console.log(JSON.stringify(await checkFolder('${folder}', systemIo)));`;
	const script = `mount -t tmpfs -o size=2m tmpfs ${folder} && cd / && ${prepare.replaceAll('FOLDER', folder)} && exec "$0" --input-type=module -e "$1"`;
	try {
		const stdio = ['ignore', 'pipe', 'ignore'] as ['ignore', 'pipe', 'ignore'];
		return execFileSync('unshare', ['-m', 'sh', '-c', script, process.execPath, program], {encoding: 'utf8', stdio});
	} catch {
		t.log('No disk can be mounted here');
		return undefined;
	}
};

test('a disk that is full, one that is nearly full, and one that is mounted read-only are told', t => {
	const cases = [
		['dd if=/dev/zero of=FOLDER/full bs=64k 2>/dev/null; true', 'folder', /ENOSPC/, /The disk is full/],
		['dd if=/dev/zero of=FOLDER/full bs=64k 2>/dev/null; true', 'disk-space', /0 B of 2/, /Make room/],
		['mount -o remount,ro FOLDER', 'folder', /EROFS/, /mounted read-only/],
	] as const;
	for (const [prepare, check, seen, remedy] of cases) {
		const output = onSmallDisk(t, prepare);
		if (output !== undefined) is(t, named(JSON.parse(output) as Finding[], check), 'wrong', seen, remedy);
	}

	t.pass();
});

test('a slow disk is told by how long it takes', async t => {
	const folder = folderOf(t);
	for (const [tookMs, outcome] of [
		[20, 'fine'],
		[1500, 'warning'],
		[6000, 'wrong'],
	] as const) {
		const times = [0, tookMs];
		const io = {...systemIo, monotonicMs: () => times.shift() ?? 0};
		t.is(named(await checkFolder(folder, io), 'disk-speed').outcome, outcome);
	}
});

test('a coordinator that is away, another service, a tunnel that is down and a name that nobody knows are told apart', async t => {
	const check = async (url: string) => (await checkCoordinator(url, systemIo)).finding;
	const {url} = await serve(t, healthy());
	for (const address of [url, `${url}/api`, `${url}/api/`]) is(t, await check(address), 'fine', /answers/);
	is(t, await check(`http://127.0.0.1:${await closedPort()}/api`), 'wrong', /ECONNREFUSED/, /Start it/);
	is(t, await check('http://nowhere.invalid/api'), 'wrong', /name is not known/, /DNS/);
	const other = await serve(t, (_, response) => response.writeHead(404).end('<h1>ngrok: ERR_NGROK_3200</h1>'));
	is(t, await check(other.url), 'wrong', /no coordinator \(404\)/, /coordinator_url/);
	const moved = await serve(t, (_, response) => response.writeHead(301, {location: 'https://new.example/'}).end());
	is(t, await check(moved.url), 'wrong', /sends on/, /https:\/\/new\.example/);
	const ending = await serve(t, (_, response) => response.writeHead(503).end());
	is(t, await check(ending.url), 'warning', /503/, /Wait/);
	const cut = await serve(t, request => request.socket.destroy());
	is(t, await check(cut.url), 'wrong', /fails: ECONNRESET/, /line/);
	const silent = {...systemIo, ask: async () => Promise.reject(Object.assign(new Error('late'), {code: 'ETIMEDOUT'}))};
	is(t, (await checkCoordinator(url, silent)).finding, 'wrong', /in time/, /firewalls/);
});

test('a certificate that nobody vouches for is told', async t => {
	const {createServer: createTlsServer} = await import('node:https');
	const at = (name: string) => readFileSync(new URL(`../../../fixtures/tls/${name}`, import.meta.url));
	const server = createTlsServer({cert: at('localhost.cert.pem'), key: at('localhost.key.pem')}, healthy());
	await once(server.listen(0, '127.0.0.1'), 'listening');
	t.teardown(() => server.close());
	const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const {finding} = await checkCoordinator(url, systemIo);
	is(t, finding, 'wrong', /certificate is not accepted/, /NODE_EXTRA_CA_CERTS/);

	const file = fileURLToPath(new URL('../../../fixtures/tls/localhost.cert.pem', import.meta.url));
	const later = (nowMs: number) => ({...systemIo, now: () => nowMs});
	t.regex((await checkCertificate(file, systemIo)).seen, /good until|ended on/);
	is(t, await checkCertificate(file, later(8.64e15)), 'wrong', /ended on/, /renewed/);
	is(t, await checkCertificate(file, later(0)), 'wrong', /begins on/, /clock/);
	is(t, await checkCertificate('/nowhere.pem', systemIo), 'wrong', /ENOENT/, /--tls-cert/);
	is(t, await checkCertificate(fileURLToPath(import.meta.url), systemIo), 'wrong', /no certificate/, /whole chain/);
});

test('a clock that is off is told by how much', async t => {
	for (const [aheadMs, outcome, seen] of [
		[0, 'fine', /0 s apart/],
		[30_000, 'warning', /30 s behind/],
		[-300_000, 'wrong', /300 s ahead/],
	] as const) {
		const nowMs = 1_800_000_000_000;
		const {url} = await serve(t, healthy({timestamp: nowMs + aheadMs}));
		const {found} = await checkCoordinator(url, {...systemIo, now: () => nowMs});
		if (found)
			is(t, checkClock(found, {wrongMs: 120_000}), outcome, seen, outcome === 'fine' ? undefined : /timedatectl/);
		else t.fail();
	}

	// One that tells no time in its body tells it in the head of its answer.
	const header = (name: string) => (name === 'date' ? 'Thu, 01 Jan 1970 00:00:00 GMT' : undefined);
	const old = {answer: {status: 200, header, text: '{}'}, askedAtMs: 3_600_000};
	is(t, checkClock(old, {wrongMs: 120_000}), 'wrong', /3600 s ahead/, /timedatectl/);
});

test('versions that are behind are warned of, and such as do not understand each other are wrong', async t => {
	const check = async (more: object) => {
		const {url} = await serve(t, healthy(more));
		const {found} = await checkCoordinator(url, systemIo);
		return found ? checkVersion('2.3.0', found) : Promise.reject(new Error('not found'));
	};
	is(t, await check({version: '2.3.0'}), 'fine', /2\.3\.0/);
	is(t, await check({version: '2.10.0'}), 'warning', /this one is behind/, /Update here/);
	is(t, await check({version: '2.2.9'}), 'warning', /it is behind/, /updated/);
	is(t, await check({version: undefined, protocol: undefined}), 'warning', /tells no version/, /updated/);
	is(t, await check({version: '9.0.0', protocol: PROTOCOL + 2}), 'wrong', /too new/, /Update here/);
	is(t, await check({version: '2.0.0', protocol: PROTOCOL - 2}), 'wrong', /too old/, /updated/);
});

test('a port that is free, held by the daemon, by another program, or not ours is told', async t => {
	const isOurs = ({text}: {text: string}) => text === 'ours';
	const check = async (port: number, holder?: number, host = '127.0.0.1') =>
		checkPort({host, port, isTls: false}, {path: '/', isOurs, holder}, systemIo);
	const port = await closedPort();
	is(t, await check(port), 'fine', /free/);
	is(t, await check(port, 77), 'wrong', /Process 77 .* does not listen/, /log of process 77/);
	is(t, await check(0, 77), 'fine', /--port 0/);
	const ours = await serve(t, (_, response) => response.end('ours'));
	is(t, await check(ours.port, 77), 'fine', /answers/);
	is(t, await check(ours.port), 'warning', /one with another folder/, /--port of its own/);
	const other = await serve(t, (_, response) => response.end('theirs'));
	is(t, await check(other.port), 'wrong', /Another program/, /ss -ltnp/);
	is(t, await check(port, undefined, '192.0.2.1'), 'wrong', /no address of this machine/, /0\.0\.0\.0/);
	const forbidden = {...systemIo, listen: async () => Promise.reject(Object.assign(new Error('no'), {code: 'EACCES'}))};
	const low = await checkPort({host: '::', port: 80, isTls: false}, {path: '/', isOurs, holder: undefined}, forbidden);
	is(t, low, 'wrong', /may not/, /above 1023/);
});

test('an address that leads here is fine; a dead tunnel, a closed port and somebody else are told', async t => {
	const port = await closedPort();
	const place = {host: '127.0.0.1', port, isTls: false, isRunning: false};
	is(t, await checkAddress(`http://127.0.0.1:${port}`, place, systemIo), 'fine', /is reached there/);
	is(
		t,
		await checkAddress(`http://127.0.0.1:${await closedPort()}`, place, systemIo),
		'wrong',
		/ECONNREFUSED/,
		/router/,
	);
	const tunnel = await serve(t, (_, response) => {
		response.writeHead(404, {'ngrok-error-code': 'ERR_NGROK_3200'}).end('The endpoint is offline');
	});
	is(t, await checkAddress(tunnel.url, place, systemIo), 'wrong', /tunnel is dead.*ERR_NGROK_3200/, /ngrok http/);
	const other = await serve(t, (_, response) => response.end('hello'));
	is(t, await checkAddress(other.url, place, systemIo), 'wrong', /no node/, /--public-url/);

	const node = await serve(t, (_, response) => response.end('{"status":"online"}'));
	const running = {...place, port: node.port, isRunning: true};
	is(t, await checkAddress(node.url, running, systemIo), 'fine', /A node answers/);
	is(t, await checkAddress(tunnel.url, running, systemIo), 'wrong', /tunnel is dead/, /ngrok http/);
	is(t, await checkAddress(node.url, {...running, isRunning: false}, systemIo), 'skipped', /is not free/);
});

test('WebSockets that a proxy takes away, or that nobody knows, are told', async t => {
	for (const [status, outcome, seen] of [
		[401, 'fine', /pass/],
		[426, 'wrong', /A proxy takes/],
		[404, 'wrong', /knows no links/],
		[502, 'warning', /502/],
	] as const) {
		const {url} = await serve(t, (_, response) => response.writeHead(status).end());
		is(t, await checkLinks(url, systemIo), outcome, seen, outcome === 'fine' ? undefined : /./);
	}
});

test('a chunks folder without shards is told with why', async t => {
	const folder = folderOf(t);
	const identity = {nodeId: 'pjas-1', keys: undefined, hasJoined: true, indexed: 0};
	is(t, await checkChunks(folder, undefined, systemIo), 'skipped', /not run/);
	is(t, await checkChunks(folder, {...identity, indexed: 3}, systemIo), 'wrong', /there were 3/, /Put them back/);
	mkdirSync(path.join(folder, 'chunks'));
	is(t, await checkChunks(folder, {...identity, hasJoined: false}, systemIo), 'warning', /none/, /--join CODE/);
	is(t, await checkChunks(folder, identity, systemIo), 'warning', /none/, /new uploads/);
	is(t, await checkChunks(folder, {...identity, indexed: 3}, systemIo), 'wrong', /there were 3/, /Put them back/);
	writeFileSync(path.join(folder, 'chunks', `${'a'.repeat(64)}.chunk`), '');
	is(t, await checkChunks(folder, identity, systemIo), 'fine', /There are 1$/);
	writeFileSync(path.join(folder, 'chunks', `${'b'.repeat(64)}.5.pack`), '');
	is(t, await checkChunks(folder, identity, systemIo), 'fine', /There are 1, and 1 pack of small ones/);
});

test('whoever has no code, is kept out, is not known, or meets another coordinator is told', async t => {
	const keys = {signing: 'a', exchange: 'b'};
	const identity = {nodeId: 'pjas-1', keys, hasJoined: true, indexed: 0};
	const check = async (status: number, isFromCoordinator = true) =>
		checkMembership(identity, {
			joinCode: undefined,
			hello: async () => Promise.resolve({status, error: 'because', isFromCoordinator}),
		});
	is(t, await check(200), 'fine', /knows this node/);
	is(t, await check(200, false), 'wrong', /not the coordinator/, /coordinator_url/);
	is(t, await check(401), 'wrong', /does not accept the key.*because/, /folder of its own/);
	is(t, await check(403), 'wrong', /keeps this node out/, /operators/);
	is(t, await check(404), 'wrong', /does not know/, /Start the node/);
	const hello = async () => Promise.reject(new Error('away'));
	const fresh = {...identity, hasJoined: false};
	is(t, await checkMembership(fresh, {joinCode: undefined, hello}), 'warning', /no code/, /invitation/);
	is(t, await checkMembership(fresh, {joinCode: 'code', hello}), 'skipped', /when it starts/);
	is(t, await checkMembership(identity, {joinCode: undefined, hello}), 'skipped', /away/);
});

test('uploads and downloads that must fail are told by the figures', t => {
	const figures = (onlineNodes: number, freeStorage = 5, redundancy = {full: 3, partly: 0, none: 0}) => ({
		...{totalNodes: 3, onlineNodes, freeStorage, redundancy},
	});
	const wanted = {replicas: 3, minReplicas: 2};
	is(t, checkNodes(figures(3), wanted), 'fine', /3 of 3/);
	is(t, checkNodes(figures(2), wanted), 'warning', /too few for 3 copies/, /pjas-tui nodes/);
	is(t, checkNodes(figures(1), wanted), 'wrong', /too few for an upload/, /doctor --role node/);
	is(t, checkNodes({...figures(0), totalNodes: 0}, wanted), 'wrong', /No node has ever joined/, /invite node/);
	is(t, checkNodes(figures(3, 0), wanted), 'wrong', /no upload finds room/, /give more/);
	is(t, checkNodes('away', wanted), 'skipped', /away/);
	is(t, checkFiles(figures(3)), 'fine', /All 3/);
	is(t, checkFiles(figures(3, 5, {full: 0, partly: 0, none: 0})), 'fine', /no chunks/);
	is(t, checkFiles(figures(3, 5, {full: 1, partly: 2, none: 0})), 'warning', /2 of 3/, /repair/);
	is(t, checkFiles(figures(3, 5, {full: 1, partly: 1, none: 1})), 'wrong', /1 of 3/, /node comes back/);
	is(t, checkFiles('away'), 'skipped', /away/);
});

test('a node and a coordinator that run are well, and so is the report of them', async t => {
	const network = await startRoleNetwork(t);
	const node = await network.addNode();
	await network.online(1);
	const argv = ['--role', 'node', node.folder, '20', '--coordinator', `${network.url}/api`, '--port', '0'];
	const report = doctorReportSchema.parse(await examined(argv, network.folder));
	t.deepEqual(
		report.findings.filter(({outcome}) => outcome === 'wrong'),
		[],
	);
	is(t, named(report.findings, 'membership'), 'fine', /is the one that this node trusts/);
	is(t, named(report.findings, 'coordinator'), 'fine', /answers/);
	t.is((await network.nodes()).length, 1);
	const text = reportText(report);
	t.regex(text, /^A node with .*\n\nok {6}folder/);
	t.regex(text, /\n\nNothing is wrong; (1 warning|[2-9] warnings)$/);

	const own = createMemberApi(memberTargetOf(node.folder));
	t.like(await own.examination(), {started_at: null, ended_at: null, findings: [], problem: null});
	t.not((await own.examine()).started_at, null);
	await until('the node has looked at itself', async () => (await own.examination()).ended_at !== null);
	const {planned, findings, problem} = await own.examination();
	t.is(problem, null);
	t.deepEqual(
		findings.map(({check}) => check),
		planned,
	);
	t.false(
		findings.some(({outcome}) => outcome === 'wrong'),
		JSON.stringify(findings),
	);
	is(t, named(findings, 'membership'), 'fine', /is the one that this node trusts/);
});

test('a node that nobody knows, without a coordinator, is looked at all the same, and a folder in use is named', async t => {
	const folder = folderOf(t);
	const port = await closedPort();
	const argv = [
		'--role',
		'node',
		'.',
		'--coordinator',
		`http://127.0.0.1:${port}`,
		'--port',
		String(await closedPort()),
	];
	const lock = await lockFolder(folder, {clock: systemClock});
	const report = await examined(argv, folder);
	await lock.release();
	t.false(report.is_well);
	is(t, named(report.findings, 'folder-in-use'), 'fine', new RegExp(`Process ${process.pid}`));
	is(t, named(report.findings, 'port'), 'wrong', /does not listen here/, /hangs/);
	is(t, named(report.findings, 'coordinator'), 'wrong', /ECONNREFUSED/, /coordinator_url/);
	for (const check of ['clock', 'version', 'membership', 'address'] as const)
		is(t, named(report.findings, check), 'skipped', /not reached/);
	t.regex(reportText(report), /WRONG {3}port .*\n +tried: .*\n +to do: .*\n/);
	t.regex(reportText(report), /\n2 of \d+ checks found something wrong$/);
});

test('a coordinator whose keys are gone, or whose clock went back, is told', async t => {
	const folder = folderOf(t);
	const at = (name: string) => path.join(folder, name);
	const argv = ['--role', 'coordinator', '--data', '.', '--port', String(await closedPort())];
	writeFileSync(at('catalog.db'), '');
	is(t, named((await examined(argv, folder)).findings, 'keys'), 'wrong', /master\.key is missing/, /backup/);
	writeFileSync(at('master.key'), '');
	is(t, named((await examined(argv, folder)).findings, 'keys'), 'wrong', /network-keys\.json is missing/, /backup/);
	writeFileSync(at('network-keys.json'), '');
	const well = await examined(argv, folder);
	is(t, named(well.findings, 'keys'), 'fine', /there/);
	is(t, named(well.findings, 'clock'), 'fine', /future/);
	is(t, named(well.findings, 'nodes'), 'skipped', /does not run/);
	const future = new Date(Date.now() + 3_600_000);
	utimesSync(at('catalog.db'), future, future);
	is(t, named((await examined(argv, folder)).findings, 'clock'), 'wrong', /went back/, /timedatectl/);
});
