import {once} from 'node:events';
import {mkdtemp, readFile, rename, rm, writeFile} from 'node:fs/promises';
import {createServer, type IncomingMessage, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {json as readJson} from 'node:stream/consumers';
import {setTimeout as delay} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import {decodeJwt} from 'jose';
import {heartbeatSchema, registerSchema} from '../../source/protocol/api.js';
import {openNodeFolder} from '../adapters/disk-shards-folder.js';
import {systemClock, systemRandom} from '../adapters/system.js';
import {listingDigest} from '../core/listing.js';
import type {Clock} from '../ports/clock.js';
import {digestOf} from '../ports/shard-store.suite.js';
import {recordingLog, type RecordingLog} from '../testing/recording-log.js';
import {drawKeys, fingerprintOf, openKeys} from '../trust/keys.js';
import {ANSWER_HEADER, NODE_HEADER, signAnswer} from '../trust/node-messages.js';
import {addressOf, apiOf} from './address.js';
import {type NodeOptions, type RunningNode, startNode} from './start.js';

type Call = {path: string; body: Record<string, unknown>};

type FakeCoordinator = {
	url: string;
	calls: Call[];
	/** The statuses that the next calls get; 200 when there are none. */
	answers: (number | 'hang-up')[];
	to: (path: string) => Call[];
	server: Server;
};

const coordinatorKeys = openKeys(drawKeys(systemRandom.bytes));

/** What a node that has met this coordinator before has in its folder. */
const trustingFile = JSON.stringify({version: 1, keys: [coordinatorKeys.public]});

/** Signs an answer as the coordinator does, where the request is signed. */
const signatureFor = async (request: IncomingMessage, body: string): Promise<Record<string, string>> => {
	const jws = request.headers[NODE_HEADER.toLowerCase()];
	if (typeof jws !== 'string') return {};
	const {iss: node = '', jti: id = ''} = decodeJwt(jws);
	const kid = fingerprintOf(coordinatorKeys.public);
	return {[ANSWER_HEADER]: await signAnswer(kid, coordinatorKeys.signing, {node, id, body, nowMs: Date.now()})};
};

const startCoordinator = async (t: ExecutionContext, port = 0, more: object = {}): Promise<FakeCoordinator> => {
	const calls: Call[] = [];
	const answers: FakeCoordinator['answers'] = [];
	const server = createServer((request, response) => {
		void (async () => {
			const body = (await readJson(request)) as Record<string, unknown>;
			calls.push({path: request.url ?? '', body});
			const status = answers.shift() ?? 200;
			if (status === 'hang-up') {
				request.socket.destroy();
				return;
			}

			const text = JSON.stringify(
				status < 300 ? {success: true, ...more} : {success: false, error: `answer ${status}`},
			);
			const headers = {'content-type': 'application/json', ...(await signatureFor(request, text))};
			response.writeHead(status, headers).end(text);
		})();
	}).listen(port, '127.0.0.1');
	await new Promise(resolve => server.once('listening', resolve));
	t.teardown(() => {
		server.close();
		server.closeAllConnections();
	});
	const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	return {url, calls, answers, to: path => calls.filter(call => call.path === path), server};
};

/** Real time, but a second of sleep takes some milliseconds. Knows how long everybody wanted to sleep. */
const fastClock = (): Clock & {sleeps: number[]} => {
	const sleeps: number[] = [];
	return {
		...systemClock,
		sleeps,
		sleep: async (ms, signal) => {
			// Whoever sleeps longer is none of the heartbeat, nor is who looks at the member's limits each second.
			if (ms < 60_000 && ms !== 1_000) sleeps.push(ms);
			return systemClock.sleep(ms / 500, signal);
		},
	};
};

type Started = RunningNode & {folder: string; log: RecordingLog; clock: Clock & {sleeps: number[]}};

const start = async (
	t: ExecutionContext,
	{folder, ...settings}: Partial<NodeOptions> & {folder?: string},
): Promise<Started> => {
	const storagePath = folder ?? (await mkdtemp(join(tmpdir(), 'pjas-heartbeat-')));
	t.teardown(async () => rm(storagePath, {recursive: true, force: true}));
	await writeFile(join(storagePath, 'coordinator_keys.json'), trustingFile);
	const log = recordingLog();
	const clock = fastClock();
	const node = await startNode({
		openFolder: openNodeFolder,
		storagePath,
		allocatedBytes: 1024 ** 3,
		host: '127.0.0.1',
		port: 0,
		log,
		clock,
		random: systemRandom,
		...settings,
	});
	t.teardown(async () => node.close({graceMs: 0}));
	return {...node, folder: storagePath, log, clock};
};

const until = async (t: ExecutionContext, what: string, isSo: () => boolean): Promise<void> => {
	for (let tries = 0; tries < 1000; tries++) {
		if (isSo()) return;
		await delay(10);
	}

	t.fail(`${what} did not come to be`);
};

const registerPath = '/api/nodes/register';
const heartbeatPath = '/api/nodes/heartbeat';

test('a node registers and then says again and again that it is there', async t => {
	const coordinator = await startCoordinator(t);
	const settings = {name: 'Attic', owner: 'Ann', zone: 'Home', version: '2.1.0'};
	const node = await start(t, {...settings, coordinatorUrl: `${coordinator.url}/api/`});
	const body = Buffer.from('a shard');
	await until(t, 'a heartbeat', () => coordinator.to(heartbeatPath).length >= 3);

	const registration = registerSchema.parse(coordinator.calls[0]?.body);
	t.is(coordinator.calls[0]?.path, registerPath);
	t.like(registration, {
		node_id: node.nodeId,
		address: node.url,
		status: 'online',
		version: '2.1.0',
		name: 'Attic',
		owner: 'Ann',
		zone: 'Home',
		listing_digest: listingDigest([]),
	});
	t.is(registration.storage_stats.chunk_count, 0);
	t.is(coordinator.to(registerPath).length, 1);

	await node.store.put(digestOf(body), body);
	const before = coordinator.calls.length;
	await until(t, 'another heartbeat', () => coordinator.calls.length > before + 1);
	const heartbeat = heartbeatSchema.parse(coordinator.calls.at(-1)?.body);
	t.is(heartbeat.node_id, node.nodeId);
	t.is(heartbeat.storage_stats?.chunk_count, 1);
	t.true(Math.abs((heartbeat.timestamp ?? 0) - Date.now() / 1000) < 60);

	const {sleeps} = node.clock;
	t.true(sleeps.every(ms => ms >= 8_000 && ms <= 12_000));
	t.true(new Set(sleeps).size > 1);

	await node.close();
	const after = coordinator.calls.length;
	await delay(100);
	t.is(coordinator.calls.length, after);

	// What it holds at the start is in the registration.
	await start(t, {folder: node.folder, coordinatorUrl: coordinator.url});
	await until(t, 'a registration', () => coordinator.to(registerPath).length === 2);
	t.is(coordinator.to(registerPath)[1]?.body['listing_digest'], listingDigest([digestOf(body)]));
	t.is(coordinator.to(registerPath)[1]?.body['node_id'], node.nodeId);
});

test('a node takes over the limits that its coordinator tells of, where its member lets it, and says so at once', async t => {
	const wished = {now: Date.now(), limits: {up: {at: Date.now(), by: 'ann', value: 1024 ** 2}}};
	const coordinator = await startCoordinator(t, 0, {wished});
	const node = await start(t, {coordinatorUrl: coordinator.url});
	await until(t, 'a heartbeat', () => coordinator.to(heartbeatPath).length >= 2);
	t.like(heartbeatSchema.parse(coordinator.to(heartbeatPath).at(-1)?.body).line, {
		...{up: 0, limits: {up: 0, space: 1024 ** 3}, remote: {allowed: false, heard: 0}},
	});
	await node.member.set({remote_limits: 'on'});
	const isTold = ({body}: Call) => heartbeatSchema.parse(body).line?.remote?.heard === wished.limits.up.at;
	await until(t, 'the limit', () => coordinator.to(heartbeatPath).some(isTold));
	t.like(heartbeatSchema.parse(coordinator.to(heartbeatPath).find(isTold)?.body).line, {
		...{up: 1024 ** 2, limits: {up: 1024 ** 2}, remote: {allowed: true}},
	});
	t.is(node.member.limits().up, 1024 ** 2);
});

test('a coordinator that has forgotten a node is told of it again', async t => {
	const coordinator = await startCoordinator(t);
	coordinator.answers.push(200, 200, 404, 503, 200);
	const node = await start(t, {coordinatorUrl: coordinator.url});
	await until(t, 'it all', () => coordinator.calls.length >= 7);
	t.deepEqual(
		coordinator.calls.slice(0, 6).map(({path}) => path),
		[registerPath, heartbeatPath, heartbeatPath, registerPath, registerPath, heartbeatPath],
	);
	t.regex(node.log.messages('info').join(), /does not know this node any more/);
});

test('a heartbeat that fails is followed by the next', async t => {
	const coordinator = await startCoordinator(t);
	coordinator.answers.push(200, 500, 'hang-up', 200, 500);
	const node = await start(t, {coordinatorUrl: coordinator.url});
	await until(t, 'it all', () => coordinator.calls.length >= 6);
	t.is(coordinator.to(registerPath).length, 1);
	t.is(node.log.messages('warn').filter(message => message.includes('500')).length, 2);
});

test('a node starts and serves while its coordinator is away, says so once, and joins when it comes', async t => {
	const reserved = await startCoordinator(t);
	const {port} = reserved.server.address() as AddressInfo;
	await new Promise(resolve => reserved.server.close(resolve));

	const node = await start(t, {coordinatorUrl: reserved.url});
	const body = Buffer.from('a shard');
	await node.store.put(digestOf(body), body);
	t.deepEqual(await (await fetch(`${node.url}/status`)).json(), {status: 'online'});

	await until(t, 'many tries', () => node.clock.sleeps.length >= 8);
	const warnings = node.log.messages('warn');
	t.is(warnings.length, 1);
	t.regex(warnings[0] ?? '', /registering at http.* failed: ECONNREFUSED; check the coordinator URL, and that/);
	const {sleeps} = node.clock;
	for (const [index, ms] of sleeps.slice(0, 8).entries()) {
		const wanted = Math.min(30_000, 1000 * 2 ** index);
		t.true(ms >= wanted * 0.8 && ms <= wanted * 1.2, `${index}: ${ms}`);
	}

	const coordinator = await startCoordinator(t, port);
	await until(t, 'a registration', () => coordinator.to(registerPath).length === 1);
	await until(t, 'a heartbeat', () => coordinator.to(heartbeatPath).length >= 1);
	t.regex(node.log.messages('info').join(), /registering works again/);
});

test('a registration that is refused is told with what the coordinator says', async t => {
	const coordinator = await startCoordinator(t);
	coordinator.answers.push(400, 400, 400, 400, 400, 400);
	const node = await start(t, {coordinatorUrl: coordinator.url});
	await until(t, 'a heartbeat', () => coordinator.to(heartbeatPath).length >= 1);
	t.deepEqual(node.log.messages('warn').length, 1);
	t.regex(
		node.log.messages('warn')[0] ?? '',
		/400 answer 400; this node goes on/,
		'it is there, and its address is right',
	);
});

test('a node whose disk is gone says that, and is silent towards its coordinator', async t => {
	const coordinator = await startCoordinator(t);
	const node = await start(t, {coordinatorUrl: coordinator.url});
	await until(t, 'a heartbeat', () => coordinator.to(heartbeatPath).length >= 1);
	await rename(node.folder, `${node.folder}-away`);
	const isSaid = (message: string) => /the heartbeat at .* storage folder is gone.*offline/.test(message);
	await until(t, 'a warning', () => node.log.messages('warn').some(isSaid));
	const before = coordinator.calls.length;
	await delay(200);
	t.is(coordinator.calls.length, before);
	t.is((await fetch(`${node.url}/status`)).status, 502);
	t.is(node.log.messages('error').length, 1);

	await rename(`${node.folder}-away`, node.folder);
	await until(t, 'a heartbeat', () => node.log.messages('info').includes('the heartbeat works again'));
	t.true(coordinator.calls.length > before);
});

test('a classic node speaks as the prototype does, and stays who it is', async t => {
	const coordinator = await startCoordinator(t);
	const settings = {classic: true, name: 'Attic', owner: 'Ann', coordinatorUrl: coordinator.url};
	const node = await start(t, settings);
	await until(t, 'a heartbeat', () => coordinator.to(heartbeatPath).length >= 2);
	const {body = {}} = coordinator.calls[0] ?? {};
	t.deepEqual(Object.keys(body).sort(), ['address', 'node_id', 'status', 'storage_stats', 'version']);
	t.is(body['version'], '1.0.0');
	t.is(body['status'], 'online');
	t.regex(String(body['node_id']), /^pjas-[0-9a-f]{8}$/);
	const heartbeat = coordinator.to(heartbeatPath)[0]?.body ?? {};
	t.deepEqual(Object.keys(heartbeat).sort(), ['node_id', 'storage_stats', 'timestamp']);
	t.true(node.clock.sleeps.every(ms => ms >= 24_000 && ms <= 36_000));
	const status = (await (await fetch(`${node.url}/status`)).json()) as Record<string, unknown>;
	t.is(status['node_id'], body['node_id']);

	await node.close();
	const again = await start(t, {...settings, folder: node.folder});
	t.is(again.nodeId, node.nodeId);
	await again.close();
	const ours = await start(t, {folder: node.folder});
	t.regex(ours.nodeId, /^pjas-[0-9a-f]{32}$/);
});

test('a coordinator is the same with and without /api at the end of its URL', t => {
	for (const url of ['http://x:3000', 'http://x:3000/', 'http://x:3000/api', 'http://x:3000/api//']) {
		t.is(apiOf(url), 'http://x:3000/api');
	}

	t.is(apiOf('https://x/sub'), 'https://x/sub/api');
});

test('a node is reached by what it was told, else by what it listens on, else by its way to the coordinator', async t => {
	const coordinator = await startCoordinator(t);
	const base = {host: '0.0.0.0', port: 8420, coordinatorUrl: coordinator.url};
	const given = {publicUrl: 'https://node.example.org/', ngrokUrl: 'https://x.ngrok-free.app'};
	t.is(await addressOf({...base, ...given}), 'https://node.example.org');
	t.is(await addressOf({...base, ngrokUrl: given.ngrokUrl}), 'https://x.ngrok-free.app');
	t.is(await addressOf({...base, host: '192.0.2.7'}), 'http://192.0.2.7:8420');
	t.is(await addressOf({...base, host: '2001:db8::7'}), 'http://[2001:db8::7]:8420');
	for (const host of ['0.0.0.0', '::']) t.is(await addressOf({...base, host}), 'http://127.0.0.1:8420');
	await t.throwsAsync(async () => addressOf({...base, coordinatorUrl: 'http://127.0.0.1:1'}), {code: 'ECONNREFUSED'});
	const aborted = AbortSignal.abort(new Error('stop'));
	await t.throwsAsync(async () => addressOf(base, aborted), {message: 'stop'});
});

test('the address of an ngrok agent is taken where none is given, and followed', async t => {
	const coordinator = await startCoordinator(t);
	const tunnels = (...all: [url: string, addr: string][]) =>
		JSON.stringify({tunnels: all.map(([url, addr]) => ({public_url: url, proto: 'https', config: {addr}}))});
	let answer = tunnels(
		['https://other.ngrok.app', 'http://localhost:9999'],
		['http://mine.ngrok.app', 'localhost:8420'],
		['https://mine.ngrok.app', 'http://localhost:8420'],
	);
	const agent = createServer((request, response) => {
		response.end(request.url === '/api/tunnels' ? answer : '');
	}).listen(0, '127.0.0.1');
	await once(agent, 'listening');
	t.teardown(() => {
		agent.close();
		agent.closeAllConnections();
	});
	const ngrokApi = `http://127.0.0.1:${(agent.address() as AddressInfo).port}`;
	const base = {host: '127.0.0.1', port: 8420, coordinatorUrl: 'https://pjas.example', ngrokApi};
	t.is(await addressOf(base), 'https://mine.ngrok.app');
	t.is(await addressOf({...base, ngrokUrl: 'https://given.example'}), 'https://given.example');
	for (const wrong of [
		'',
		'<h1>hello</h1>',
		'{"tunnels":7}',
		'{}',
		tunnels(['tcp://x:1', '8420']),
		' '.repeat(300_000),
	]) {
		answer = wrong;
		t.is(await addressOf(base), undefined, wrong.slice(0, 20));
	}

	t.is(await addressOf({...base, ngrokApi: 'http://127.0.0.1:1'}), undefined);

	const node = await start(t, {coordinatorUrl: coordinator.url, ngrokApi});
	await until(t, 'a registration', () => coordinator.to(registerPath).length === 1);
	answer = tunnels(['https://new.ngrok.app', `http://localhost:${node.port}`]);
	await until(t, 'another', () => coordinator.to(registerPath).length === 2);
	t.is(coordinator.to(registerPath)[1]?.body['address'], 'https://new.ngrok.app');
});

test('the index is written when a node stops', async t => {
	const node = await start(t, {});
	const body = Buffer.from('a shard');
	await node.store.put(digestOf(body), body);
	const read = async () =>
		JSON.parse(await readFile(join(node.folder, 'node_metadata.json'), 'utf8')) as {chunks: Record<string, number>};
	t.deepEqual((await read()).chunks, {});
	await node.close();
	t.deepEqual((await read()).chunks, {[digestOf(body)]: 7});
});
