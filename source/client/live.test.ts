import {createServer, type IncomingMessage, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {systemClock, systemRandom} from '../../daemon/adapters/system.js';
import type {Clock} from '../../daemon/ports/clock.js';
import {startCoordinator} from '../../daemon/roles/coordinator.js';
import {manualClock, type ManualClock} from '../../daemon/testing/manual-clock.js';
import {startTestNetwork} from '../../daemon/testing/network.js';
import {keptPort, temporaryFolder} from '../../daemon/testing/processes.js';
import {bytesOf, eventually, upload} from '../../daemon/testing/requests.js';
import {silentLog} from '../../daemon/testing/silent-log.js';
import type {FileView, LogEntry, NodeView, RepairView, Stats} from '../protocol/api.js';
import type {EventData} from '../protocol/events.js';
import {sampleRepair} from '../testing/samples.js';
import {createApi} from './api.js';
import {createLiveHealing} from './live-healing.js';
import type {Live} from './live-state.js';
import {createLive, type LiveOptions} from './live.js';
import type {Whoami} from './people-contract.js';

const fileOf = (number: number, more: Partial<FileView> = {}): FileView => ({
	file_id: number.toString(16).padStart(12, '0') + 'a'.repeat(20),
	filename: `file ${number}`,
	size: number,
	uploaded_at: number,
	status: 'completed',
	chunks_count: 1,
	type: 'text/plain',
	owner: '',
	visibility: 'network',
	shared_with: [],
	redundancy: {full: 1, partly: 0, none: 0},
	...more,
});

const nodeOf = (more: Partial<NodeView> = {}): NodeView => ({
	node_id: 'pjas-00000001',
	address: 'http://127.0.0.1:1',
	storage_stats: {used_bytes: 0, allocated_bytes: 10, free_bytes: 10, chunk_count: 0, usage_percent: 0},
	status: 'online',
	version: '2.0.0',
	last_seen: 1_700_000_000_123,
	registered_at: 1,
	chunks_stored: 0,
	name: 'attic',
	owner: 'ada',
	zone: 'ada',
	kind: 'direct',
	latency_ms: 12.3,
	in_flight: 0,
	...more,
});

const statsOf = (more: Partial<Stats> = {}): Stats => ({
	totalNodes: 1,
	onlineNodes: 1,
	totalStorage: 10,
	usedStorage: 0,
	networkHealth: 100,
	activeFiles: 0,
	freeStorage: 10,
	fileBytes: 0,
	chunks: 0,
	redundancy: {full: 0, partly: 0, none: 0},
	dataHealth: 100,
	bytesIn: 0,
	bytesOut: 0,
	repair: {waiting: 0, active: 0, blocked: 0, paused: false, reason: null},
	trash: {files: 0, bytes: 0},
	open: false,
	pendingRemovals: 0,
	...more,
});

const logOf = (id: number): LogEntry => ({
	timestamp: '2026-01-01 00:00:00',
	level: 'INFO',
	message: `entry ${id}`,
	id,
	timestamp_ms: id,
});

/** A coordinator that says what a test wants, over real HTTP. */
const startFake = async (t: ExecutionContext) => {
	const fake = {
		/** The oldest first. */
		files: [] as FileView[],
		nodes: [nodeOf()],
		log: [logOf(1)],
		stats: statsOf(),
		/** Who asks; nobody where the coordinator knows no people. */
		whoami: undefined as Whoami | undefined,
		repair: sampleRepair(),
		/** What was asked, with its query. */
		asked: [] as string[],
		lastEventIds: [] as (string | undefined)[],
		isDown: false,
		/** Called before an answer goes out. */
		beforeAnswer: undefined as ((path: string) => void) | undefined,
	};
	const streams = new Set<ServerResponse>();
	let number = 0;

	const answers: Record<string, (query: URLSearchParams) => object> = {
		'/api/stats': () => ({stats: fake.stats}),
		'/api/nodes': () => ({nodes: fake.nodes, count: fake.nodes.length}),
		'/api/session': () => fake.whoami ?? {},
		'/api/repair': () => ({repair: fake.repair}),
		'/api/logs': () => ({logs: fake.log, next_before: null}),
		'/api/files'(query) {
			const before = query.get('before') ?? 'g';
			const older = fake.files.findLastIndex(file => file.file_id < before) + 1;
			const files = fake.files.slice(Math.max(0, older - Number(query.get('limit'))), older).reverse();
			const next = files.length < older ? files.at(-1)?.file_id : null;
			return {files, count: files.length, total: fake.files.length, next_before: next};
		},
	};

	const serve = (request: IncomingMessage, response: ServerResponse) => {
		const {pathname, searchParams} = new URL(request.url ?? '', 'http://x');
		fake.asked.push(request.url ?? '');
		if (fake.isDown) {
			response.writeHead(503).end('down');
			return;
		}

		if (pathname === '/api/events') {
			fake.lastEventIds.push(request.headers['last-event-id'] as string | undefined);
			streams.add(response);
			response.once('close', () => streams.delete(response));
			response.writeHead(200, {'content-type': 'text/event-stream'});
			response.write(`retry: 2000\nid: e-${number}\n\n`);
			return;
		}

		const one = fake.files.find(file => pathname === `/api/files/${file.file_id}`);
		const body = one ? {file: one} : answers[pathname]?.(searchParams);
		fake.beforeAnswer?.(pathname);
		response.writeHead(body ? 200 : 404, {'content-type': 'application/json'});
		response.end(JSON.stringify({success: true, ...body}));
	};

	const server = createServer(serve);
	await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
	t.teardown(() => {
		server.close();
		server.closeAllConnections();
	});
	return Object.assign(fake, {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		send(name: string, data: unknown) {
			number++;
			for (const stream of streams) stream.write(`id: e-${number}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
		},
		/** Breaks the streams of events. */
		cut() {
			for (const stream of streams) stream.destroy();
		},
	});
};

type Fake = Awaited<ReturnType<typeof startFake>>;

const startLive = (t: ExecutionContext, url: string, clock: Clock, more: Partial<LiveOptions> = {}) => {
	const live = createLive({
		api: createApi(url),
		clock,
		random: () => 0.5,
		probe: async () => Promise.resolve(true),
		...more,
	});
	t.teardown(live.stop);
	const told = {times: 0};
	live.subscribe(() => told.times++);
	live.start();
	return {live, told};
};

const isLive = async (t: ExecutionContext, live: Live) =>
	eventually(t, () => live.get().connection.state === 'live', 'the console is live');
const isWhole = async (t: ExecutionContext, live: Live) =>
	eventually(t, () => live.get().files?.isComplete === true, 'all files are here');
const isStale = async (t: ExecutionContext, live: Live) =>
	eventually(t, () => live.get().connection.state === 'stale', 'the console is stale');

const connectionOf = (live: Live) => {
	const {connection} = live.get();
	return connection.state === 'stale' ? connection : undefined;
};

/** Sends an entry of the log and waits for it: what was sent before has then been taken in too. */
const flush = async (t: ExecutionContext, fake: Fake, live: Live, id: number) => {
	fake.send('log', logOf(id));
	await eventually(t, () => live.get().log?.at(-1)?.id === id, `entry ${id} is here`);
};

test('a real network is shown as it is, and as it changes', async t => {
	const network = await startTestNetwork(t);
	const old = await upload(t, network.url, bytesOf(10), 'old');
	const {live} = startLive(t, network.url, systemClock);
	t.is(live.get().connection.state, 'connecting');
	await isLive(t, live);
	await isWhole(t, live);
	t.is(live.get().stats?.activeFiles, 1);
	t.is(live.get().nodes?.length, 3);
	const id = await upload(t, network.url, bytesOf(10), 'new');
	await eventually(t, () => live.get().files?.list.length === 2, 'the new file is told');
	t.deepEqual(
		live.get().files?.list.map(file => file.filename),
		['new', 'old'],
	);
	await fetch(`${network.url}/api/files/${old}`, {method: 'DELETE'});
	await eventually(t, () => live.get().files?.list.length === 1, 'the deletion is told');
	t.is(live.get().files?.total, 1);
	await network.addNode();
	await eventually(t, () => live.get().nodes?.length === 4, 'the new node is told');
	await eventually(
		t,
		() => live.get().log?.some(({message}) => message === 'Node "node 4" joined') ?? false,
		'the log is told',
	);

	const [node] = network.nodes;
	if (node) node.faults.verify = async () => Promise.resolve(false);
	for await (const line of createApi(network.url).check(id, new AbortController().signal)) t.truthy(line);
	await eventually(t, () => live.get().faults.length > 0, 'the fault is told');
	t.like(live.get().faults[0], {file_id: id, index: 0, kind: 'corrupt', node_id: node?.id});
	await eventually(t, () => (live.get().files?.list[0]?.redundancy.partly ?? 0) === 1, 'the file has fewer copies');
});

test('a real coordinator that stops and starts again is shown again, and nothing is lost', async t => {
	const port = await keptPort();
	const dataFolder = path.join(temporaryFolder(t), 'coordinator');
	let shiftMs = 0;
	const clock: Clock = {...systemClock, now: () => Date.now() + shiftMs};
	const start = async () =>
		startCoordinator({
			...{dataFolder, port, host: '127.0.0.1', replicas: 3, minReplicas: 2, memoryBytes: 64 * 1024 ** 2},
			...{repairGraceMs: 900_000, repairAtOnce: 4, repairBytesPerSecond: 0, trashDays: 0, uploadDays: 7},
			...{
				open: true,
				allowClassic: true,
				nodeTimeoutMs: 60_000,
				log: silentLog,
				clock,
				random: systemRandom,
				version: '2.0.0',
			},
		});
	const register = async (url: string, number: number) => {
		const {node_id, address, version, name, storage_stats} = nodeOf({
			node_id: `pjas-0000000${number}`,
			address: `http://127.0.0.1:1/${number}`,
			name: `node ${number}`,
		});
		await fetch(`${url}/api/nodes/register`, {
			method: 'POST',
			headers: {'content-type': 'application/json'},
			body: JSON.stringify({node_id, address, version, name, storage_stats}),
		});
	};

	let coordinator = await start();
	t.teardown(async () => coordinator.close());
	const {url} = coordinator;
	await register(url, 1);
	const live = createLive({api: createApi(url), clock: systemClock, random: () => 0.5});
	t.teardown(live.stop);
	live.start();
	await isLive(t, live);
	t.is(live.get().nodes?.[0]?.status, 'online');
	await coordinator.close();
	await isStale(t, live);
	t.is(live.get().nodes?.length, 1);
	coordinator = await start();
	await register(url, 2);
	await isLive(t, live);
	await eventually(t, () => live.get().nodes?.length === 2, 'both nodes are here');
	shiftMs = 120_000;
	await eventually(t, () => live.get().nodes?.every(node => node.status === 'offline') ?? false, 'they go offline');
	await eventually(t, () => live.get().stats?.onlineNodes === 0, 'the figures say so');
});

test('100,000 files come in pages, while others are added and deleted, and none is lost or doubled', async t => {
	const fake = await startFake(t);
	fake.files = Array.from({length: 100_000}, (_, number) => fileOf(number + 1));
	let pages = 0;
	fake.beforeAnswer = pathname => {
		if (pathname !== '/api/files' || ++pages % 20 !== 0) return;
		// One above and one below what is loaded go, one changes, and one comes: after the page was made, before it is sent.
		const gone = [fake.files.at(-pages * 500), fake.files[pages]].filter(file => file !== undefined);
		fake.files = [...fake.files.filter(file => !gone.includes(file)), fileOf(200_000 + pages)];
		for (const {file_id} of gone) fake.send('file-removed', {file_id});
		fake.send('file', fake.files.at(-1));
		const changed = {...fake.files[10], type: `type/${pages}`} as FileView;
		fake.files[10] = changed;
		fake.send('file', changed);
	};
	const {live, told} = startLive(t, fake.url, systemClock);
	await isLive(t, live);
	const early = live.get().files;
	t.is(early?.list[0]?.filename, 'file 100000');
	await isWhole(t, live);
	await flush(t, fake, live, 2);
	const {files} = live.get();
	t.is(JSON.stringify(files?.list), JSON.stringify([...fake.files].reverse()));
	t.is(files?.total, fake.files.length);
	t.true(told.times < 150, String(told.times));

	live.reloadFiles();
	await eventually(t, () => pages >= 200, 'all is asked for again');
	await flush(t, fake, live, 3);
	const before = new Set(files?.list);
	t.true((live.get().files?.list.filter(file => !before.has(file)).length ?? 0) < 100, 'unchanged files are the same');
});

test('a break leaves the data, is said, and is made up for without asking for everything again', async t => {
	const fake = await startFake(t);
	fake.files = [fileOf(1), fileOf(2)];
	const clock = manualClock();
	const {live} = startLive(t, fake.url, clock);
	await isLive(t, live);
	fake.send('file', fileOf(3));
	await eventually(t, () => live.get().files?.list.length === 3, 'the file is told');
	fake.isDown = true;
	fake.cut();
	await isStale(t, live);
	const first = connectionOf(live);
	t.is(first?.sinceMs, clock.now());
	t.is(first?.nextTryAtMs, clock.now() + 1000);
	t.regex(first?.error ?? '', /cut off|ended/);
	t.is(live.get().files?.list.length, 3);

	let waitMs = 1000;
	for (const next of [2000, 4000, 8000, 16_000, 30_000, 30_000]) {
		const before = connectionOf(live);
		await clock.advance(waitMs);
		await eventually(t, () => connectionOf(live) !== before, 'it was tried again');
		t.is((connectionOf(live)?.nextTryAtMs ?? 0) - clock.now(), next);
		t.is(connectionOf(live)?.sinceMs, first?.sinceMs);
		t.regex(connectionOf(live)?.error ?? '', /answered 503/);
		waitMs = next;
	}

	fake.isDown = false;
	const asked = fake.asked.length;
	live.retryNow();
	await isLive(t, live);
	t.is(fake.lastEventIds.at(-1), 'e-1');
	fake.send('file', fileOf(4));
	await eventually(t, () => live.get().files?.list.length === 4, 'events go on');
	t.deepEqual(fake.asked.slice(asked), ['/api/events']);
	t.is(clock.sleepers(), 0);
});

test('a coordinator that comes back is found by the probe, one that refuses is not pressed', async t => {
	const fake = await startFake(t);
	const clock = manualClock();
	let isUp = true;
	let probes = 0;
	const probe = async () => {
		probes++;
		return Promise.resolve(isUp);
	};
	const {live} = startLive(t, fake.url, clock, {probe});
	await isLive(t, live);
	fake.isDown = true;
	fake.cut();
	await isStale(t, live);
	const waited = async () => {
		const before = connectionOf(live);
		await clock.advance((before?.nextTryAtMs ?? 0) - clock.now());
		await eventually(t, () => connectionOf(live) !== before, 'it was tried again');
	};
	for (let tries = 0; tries < 5; tries++) await waited();
	// It is up but refuses: nothing is tried before its time.
	const before = connectionOf(live);
	const asked = fake.asked.length;
	await clock.advance(20_000);
	t.true(probes > 13);
	t.is(connectionOf(live), before);
	t.is(fake.asked.length, asked);

	isUp = false;
	await clock.advance(1500);
	fake.isDown = false;
	isUp = true;
	await clock.advance(1500);
	await isLive(t, live);
	const seen = probes;
	await clock.advance(10_000);
	t.is(probes, seen, 'nothing is probed while it is live');
});

test('a reset, or events that make no sense, fetch everything anew while the old data stays', async t => {
	const fake = await startFake(t);
	fake.files = [fileOf(1), fileOf(2)];
	const clock = manualClock();
	const {live} = startLive(t, fake.url, clock);
	await isLive(t, live);
	fake.files = [fileOf(2), fileOf(7)];
	fake.nodes = [nodeOf({node_id: 'pjas-00000009', name: 'cellar'})];
	fake.log = [logOf(500)];
	fake.send('reset', {});
	t.is(live.get().files?.list.length, 2);
	await eventually(t, () => live.get().log?.at(-1)?.id === 500, 'the log is fetched');
	await eventually(t, () => live.get().files?.list[0]?.size === 7, 'the files are fetched');
	await eventually(t, () => live.get().nodes?.[0]?.name === 'cellar', 'the nodes are fetched');
	t.deepEqual(
		live.get().files?.list.map(file => file.size),
		[7, 2],
	);
	t.is(live.get().nodes?.length, 1);
	t.is(live.get().log?.length, 1);

	fake.files = [fileOf(9)];
	fake.send('file', {file_id: 'nonsense'});
	await isStale(t, live);
	t.regex(connectionOf(live)?.error ?? '', /did not answer as a coordinator/);
	t.is(live.get().files?.list.length, 2);
	live.retryNow();
	await isLive(t, live);
	t.is(fake.lastEventIds.at(-1), undefined);
	t.is(live.get().files?.list[0]?.size, 9);
});

test('a first answer that fails is stale without data, and tried again', async t => {
	const fake = await startFake(t);
	const clock = manualClock();
	const {stats} = fake;
	fake.stats = {nonsense: true} as unknown as Stats;
	const {live} = startLive(t, fake.url, clock);
	await isStale(t, live);
	t.is(live.get().stats, undefined);
	fake.stats = stats;
	await clock.advance(1000);
	await isLive(t, live);
	t.deepEqual(live.get().stats, stats);
});

test('what nobody sees makes no news, and what did not change is the same object', async t => {
	const fake = await startFake(t);
	fake.files = [fileOf(1)];
	const {live, told} = startLive(t, fake.url, manualClock());
	await isLive(t, live);
	await flush(t, fake, live, 2);
	const before = live.get();
	const {times} = told;
	t.is(before.nodes?.[0]?.latency_ms, 12);
	t.is((before.nodes?.[0]?.last_seen ?? 1) % 60_000, 0);
	for (let beat = 0; beat < 50; beat++) {
		fake.send(
			'node',
			nodeOf({last_seen: 1_700_000_000_200 + beat, in_flight: beat % 3, latency_ms: 12.1 + beat / 1000}),
		);
	}

	fake.send('stats', fake.stats);
	fake.send('file', fileOf(1));
	fake.send('file-removed', {file_id: fileOf(77).file_id});
	fake.send('log', logOf(2));
	await flush(t, fake, live, 3);
	t.is(told.times, times + 1);
	const after = live.get();
	for (const part of ['connection', 'stats', 'nodes', 'files', 'throughput', 'faults'] as const) {
		t.is(after[part], before[part], part);
	}

	fake.send('node', nodeOf({status: 'offline', last_seen: 1_700_000_000_999}));
	await eventually(t, () => live.get().nodes?.[0]?.status === 'offline', 'the node is offline');
	t.is(live.get().nodes?.[0]?.last_seen, 1_700_000_000_999);
	t.is(live.get().files, before.files);
});

const advanceUntil = async (t: ExecutionContext, clock: ManualClock, isSo: () => boolean, what: string) =>
	eventually(
		t,
		async () => {
			await clock.advance(500);
			return isSo();
		},
		what,
	);

test('files whose copies may have changed are asked for again, seldom', async t => {
	const fake = await startFake(t);
	fake.files = [fileOf(1), fileOf(2)];
	const clock = manualClock();
	const {live} = startLive(t, fake.url, clock);
	await isLive(t, live);
	const asked = (start: string) => fake.asked.filter(url => url.startsWith(start)).length;
	t.is(asked('/api/files?'), 1);

	fake.files[0] = fileOf(1, {redundancy: {full: 0, partly: 1, none: 0}});
	const {file_id} = fileOf(1);
	const fault: EventData<'fault'> = {
		...{file_id, index: 0, node_id: 'pjas-00000001', digest: 'a'.repeat(64), kind: 'missing'},
	};
	fake.send('fault', fault);
	fake.send('fault', fault);
	await eventually(t, () => live.get().faults.length === 1, 'the fault is told');
	await advanceUntil(t, clock, () => live.get().files?.list[1]?.redundancy.partly === 1, 'the file is asked for');
	t.is(asked(`/api/files/${file_id}`), 1);
	t.is(asked('/api/files?'), 1);
	const shards = [{node_id: 'pjas-00000001', digest: 'a'.repeat(64), result: 'ok'}];
	const line = {event: 'chunk', index: 0, chunks_count: 1, wanted: 3, sound: 1, shards};
	fake.send('check', {file_id, line});
	await eventually(t, () => live.get().faults.length === 0, 'the fault is mended');

	fake.files[1] = fileOf(2, {redundancy: {full: 0, partly: 0, none: 1}});
	const startMs = clock.now();
	for (let flip = 0; flip < 10; flip++) fake.send('node', nodeOf({status: flip % 2 === 0 ? 'offline' : 'online'}));
	await flush(t, fake, live, 2);
	await advanceUntil(t, clock, () => live.get().files?.list[0]?.redundancy.none === 1, 'all are asked for');
	t.is(asked('/api/files?'), 2);
	fake.send('node', nodeOf({status: 'offline'}));
	await advanceUntil(t, clock, () => asked('/api/files?') === 3, 'they are asked for again');
	t.true(clock.now() - startMs >= 5000);
});

test('throughput is counted by the second, spread over a break, and begins anew with the coordinator', async t => {
	const fake = await startFake(t);
	const clock = manualClock(1_700_000_000_000);
	const {live} = startLive(t, fake.url, clock);
	await isLive(t, live);
	const tell = async (bytesIn: number, bytesOut: number, id: number) => {
		fake.send('stats', statsOf({bytesIn, bytesOut}));
		await flush(t, fake, live, id);
		await clock.advance(250);
	};

	const sum = () => live.get().throughput.reduce((total, {inRate, outRate}) => total + inRate + outRate, 0);
	await clock.advance(60_000);
	await tell(4000, 1000, 2);
	t.deepEqual(live.get().throughput, [
		{atMs: 1_700_000_059_000, inRate: 2000, outRate: 500},
		{atMs: 1_700_000_060_000, inRate: 2000, outRate: 500},
	]);
	const idle = live.get().throughput;
	await clock.advance(10_000);
	await tell(4000, 1000, 3);
	t.is(live.get().throughput, idle);
	fake.cut();
	await isStale(t, live);
	await clock.advance(1000);
	await isLive(t, live);
	await clock.advance(18_750);
	await tell(24_000, 1000, 4);
	t.is(
		Math.max(
			...live
				.get()
				.throughput.slice(2)
				.map(({inRate}) => inRate),
		),
		1000,
	);
	t.is(sum(), 25_000);
	await clock.advance(1750);
	await tell(600, 0, 5);
	t.is(sum(), 25_600);
	await clock.advance(299_000);
	await tell(800, 0, 6);
	t.true(sum() < 1000);
});

test('nothing is told any more after it was stopped', async t => {
	const fake = await startFake(t);
	const clock = manualClock();
	const {live, told} = startLive(t, fake.url, clock);
	await isLive(t, live);
	fake.send('node', nodeOf({status: 'offline'}));
	await eventually(t, () => live.get().nodes?.[0]?.status === 'offline', 'the node is offline');
	const {times} = told;
	live.stop();
	fake.send('log', logOf(9));
	await clock.advance(60_000);
	t.is(told.times, times);
	t.is(clock.sleepers(), 0);
});

const signedIn = (role: Whoami['role']): Whoami => ({
	...{success: true, open: false, name: 'ann', role, scope: 'full', via: 'token'},
	...{quota_bytes: null, used_bytes: 0},
});

test('what is healed is asked for once and then told, and members are not asked for it', async t => {
	const fake = await startFake(t);
	fake.whoami = signedIn('operator');
	fake.repair = sampleRepair({waiting: 3});
	const {live} = startLive(t, fake.url, systemClock);
	await isLive(t, live);
	t.is(live.get().repair?.waiting, 3);
	fake.send('repair', sampleRepair({waiting: 2}));
	await flush(t, fake, live, 2);
	t.is(live.get().repair?.waiting, 2);
	const before = live.get().repair;
	fake.send('repair', sampleRepair({waiting: 2}));
	await flush(t, fake, live, 3);
	t.is(live.get().repair, before);
	const isAsked = (url: string) => url === '/api/repair';
	t.is(fake.asked.filter(isAsked).length, 1);
	fake.repair = sampleRepair({waiting: 1});
	await live.reloadHealing();
	t.is(live.get().repair?.waiting, 1);

	fake.whoami = signedIn('member');
	fake.send('reset', {});
	await eventually(t, () => live.get().repair === undefined, 'a member knows nothing of it');
	t.is(fake.asked.filter(isAsked).length, 2);
});

test('an answer about healing that is older than an event changes nothing', async t => {
	let answer: (repair: RepairView) => void = () => {};
	const healing = createLiveHealing({
		repair: async () =>
			new Promise(resolve => {
				answer = resolve;
			}),
		moves: async () => Promise.reject(new Error('an older coordinator knows nothing of it')),
		alerts: async () => Promise.reject(new Error('nor of this')),
	});
	const fetching = healing.reload();
	t.true(healing.takeRepair(sampleRepair({waiting: 9})));
	answer(sampleRepair({waiting: 1}));
	t.false(await fetching);
	t.is(healing.repair()?.waiting, 9);
	t.true(healing.clear());
});
