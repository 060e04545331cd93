import {get} from 'node:http';
import {PassThrough} from 'node:stream';
import test, {type ExecutionContext} from 'ava';
import {
	type HeartbeatBody,
	heardSchema,
	nodeAnswerSchema,
	nodeShardsSchema,
	type NodeView,
	type RegisterBody,
} from '../../source/protocol/api.js';
import {isPjasError, PjasError} from '../../source/protocol/errors.js';
import type {FileId} from '../../source/protocol/ids.js';
import {PROTOCOL} from '../../source/protocol/version.js';
import {memoryCatalog} from '../adapters/memory-catalog.js';
import {MemoryShards} from '../adapters/memory-shards.js';
import {systemRandom} from '../adapters/system.js';
import type {Catalog} from '../ports/catalog.js';
import {manualClock} from '../testing/manual-clock.js';
import {startTestNetwork} from '../testing/network.js';
import {startPeopleNetwork} from '../testing/people.js';
import {recordingLog} from '../testing/recording-log.js';
import {silentLog} from '../testing/silent-log.js';
import {type Json, jsonOf, uploadTo} from '../testing/requests.js';
import {createChangeNode} from './change-node.js';
import {createFleet} from './fleet.js';
import {createMembership} from './membership.js';
import {createNodeLinks} from './node-links.js';
import {createReach, type Probe} from './reach.js';
import {createNodeLookup} from './node-lookup.js';

const stats = {used_bytes: 100, allocated_bytes: 1000, free_bytes: 900, chunk_count: 1, usage_percent: 10};

const registration = (more: Partial<RegisterBody> = {}): RegisterBody => ({
	node_id: 'pjas-0123456789abcdef',
	address: 'http://127.0.0.1:8420/',
	storage_stats: stats,
	version: '2.0.0',
	...more,
});

const noProbe: Probe = async () => Promise.reject(new Error('away'));

const startMembership = (catalog: Catalog = memoryCatalog(), probe = noProbe) => {
	const clock = manualClock();
	const log = recordingLog();
	const store = new MemoryShards();
	const fleet = createFleet({dial: () => store, clock});
	const notes: string[] = [];
	const links = createNodeLinks();
	const checks: {ask: Probe} = {ask: noProbe};
	const resumed: string[] = [];
	const arrivals: [string, string | undefined][] = [];
	const membership = createMembership({
		catalog,
		fleet,
		probe,
		reach: createReach({
			checkAddress: async (node, signal) => checks.ask(node, signal),
			...{changeNode: createChangeNode({catalog, fleet}), clock, log: silentLog, onChange: () => undefined},
		}),
		links,
		isWelcome: () => true,
		clock,
		log,
		note: (_level, message) => notes.push(message),
		onArrival: (state, digest) => arrivals.push([state.record._id, digest]),
		onChange: () => undefined,
		onDeparture: () => undefined,
		onResumed: ({record}) => resumed.push(record._id),
	});
	const pass = async (ms: number) => {
		await clock.advance(ms);
		await membership.step(new AbortController().signal);
	};

	return {arrivals, catalog, checks, clock, fleet, links, log, membership, notes, pass, resumed};
};

test('a node is online until nothing is heard of it for a minute, and again at its next heartbeat', async t => {
	const {fleet, membership, notes, pass} = startMembership();
	const {record} = await membership.register(registration({name: 'attic'}));
	await pass(60_000);
	t.true(fleet.isOnline(record._id));
	await pass(1);
	t.false(fleet.isOnline(record._id));
	await membership.heartbeat({node_id: record._id, storage_stats: {...stats, used_bytes: 200}});
	t.true(fleet.isOnline(record._id));
	t.is(fleet.get(record._id)?.record.usedBytes, 200);
	t.deepEqual(notes, [
		'Node attic joined',
		'Node attic is online',
		'Node attic is offline: nothing heard of it for 60 s',
		'Node attic is online',
	]);
});

const terms = {publicKeys: {signing: 's', exchange: 'e'}, isReady: true};

test('a node that is banned while it registers again does not come online', async t => {
	const {checks, fleet, membership} = startMembership();
	const {record} = await membership.register(registration(), terms);
	checks.ask = async () => {
		await membership.setBanned(record._id, true);
		return {storage: {...stats, used_bytes: 200}};
	};
	await membership.register(registration({address: 'http://127.0.0.1:8421/'}), terms);
	t.truthy(fleet.get(record._id)?.record.bannedAt);
	t.false(fleet.isOnline(record._id));
	checks.ask = async () => Promise.resolve({storage: stats});
	await membership.setBanned(record._id, false);
	await membership.register(registration(), terms);
	t.true(fleet.isOnline(record._id));
});

test('a node without an address is online by its links, and a short while longer', async t => {
	const asked: string[] = [];
	const {fleet, membership, links, notes, clock} = startMembership(memoryCatalog(), async ({_id}) => {
		asked.push(_id);
		return Promise.resolve({storage: stats});
	});
	const body = {...registration({name: 'attic'}), address: undefined};
	const {record} = await membership.register(body, terms);
	t.like(record, {kind: 'link', address: ''});
	t.false(fleet.isOnline(record._id));
	await membership.heartbeat({node_id: record._id}, terms);
	t.false(fleet.isOnline(record._id), 'it is heard of, but nobody can ask it anything');

	const open = () => {
		const link = new PassThrough();
		links.add(record._id, link);
		return link;
	};
	const settle = async () => clock.advance(0);
	const [first, second] = [open(), open()];
	await settle();
	t.true(fleet.isOnline(record._id));
	t.deepEqual(asked, [record._id], 'it is asked once whether it is there');

	first.destroy();
	second.destroy();
	await clock.advance(4999);
	t.true(fleet.isOnline(record._id));
	const third = open();
	await clock.advance(60_000 - 1);
	t.true(fleet.isOnline(record._id), 'it was back in time');
	t.is(notes.filter(note => note.includes('offline')).length, 0);

	third.destroy();
	await clock.advance(5000);
	t.false(fleet.isOnline(record._id));
	t.is(notes.at(-1), 'Node attic is offline: it has no link open');
	t.is(fleet.get(record._id)?.record.awaySince, record.lastSeenAt);
	await membership.heartbeat({node_id: record._id}, terms);
	t.is(fleet.get(record._id)?.record.awaySince, record.lastSeenAt, 'it is still away');

	open();
	await settle();
	t.true(fleet.isOnline(record._id));
	t.is(fleet.get(record._id)?.record.awaySince, undefined);
	await membership.setBanned(record._id, true);
	await settle();
	t.is(links.count(record._id), 0);
	t.false(fleet.isOnline(record._id));
});

test('an address is believed once the node answers there, and looked at again when it fails', async t => {
	const {fleet, membership, links, checks, clock} = startMembership(memoryCatalog(), async () =>
		Promise.resolve({storage: stats}),
	);
	const beat = async () => {
		await membership.heartbeat({node_id: record._id}, terms);
		await clock.advance(10_000);
	};
	checks.ask = async () => Promise.reject(new PjasError('NODE_FAILED', 'nothing answers there'));
	const {record} = await membership.register(registration(), terms);
	t.like(record, {kind: 'link', addressProblem: 'nothing answers there', address: 'http://127.0.0.1:8420'});
	links.add(record._id, new PassThrough());
	await clock.advance(0);
	t.true(fleet.isOnline(record._id));

	checks.ask = async () => Promise.resolve({storage: stats});
	await beat();
	t.is(fleet.get(record._id)?.record.kind, 'link', 'it was looked at a moment ago');
	for (let minutes = 0; minutes < 10; minutes++) {
		await clock.advance(50_000);
		await beat();
	}

	t.is(fleet.get(record._id)?.record.kind, 'direct');
	t.is(fleet.get(record._id)?.record.addressProblem, undefined);

	checks.ask = async (_node, signal) =>
		new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
	await clock.advance(50_000);
	await beat();
	t.is(fleet.get(record._id)?.record.kind, 'direct', 'nothing failed');
	await t.throwsAsync(
		fleet.use(record._id, {}, async () => Promise.reject(new PjasError('NODE_FAILED', 'it is gone'))),
	);
	await beat();
	t.like(fleet.get(record._id)?.record, {kind: 'link', addressProblem: 'no answer came in time'});
});

test('what a member decides is told, kept over a restart, and ends what was held up when it ends', async t => {
	const {catalog, fleet, membership, notes, resumed} = startMembership();
	const {record} = await membership.register(registration());
	const hours = {text: '08:00-18:00', time_zone: 'UTC'};
	const beat = async (line: HeartbeatBody['line']) => membership.heartbeat({node_id: record._id, line});
	const candidates = () => fleet.candidates().ready.length;
	t.is(candidates(), 1);

	await beat({up: 1000, down: 2000, resting: 'paused', hours});
	t.is(candidates(), 0);
	t.regex(notes.at(-1) ?? '', /is paused by its member/);
	t.like((await catalog.getNode(record._id))?.line, {up: 1000, resting: 'paused', hours: {spans: {length: 7}}});
	await beat({up: 1000, down: 2000, resting: 'off-hours', hours});
	t.regex(notes.at(-1) ?? '', /takes part as usual/);
	const told = notes.length;
	t.deepEqual(resumed, []);

	await beat({up: 0, down: 0});
	t.is(candidates(), 1);
	t.deepEqual(resumed, [record._id]);
	t.is(notes.length, told, 'the hours of each day are no news');
});

test('that a node with hours goes away outside of them is no warning', async t => {
	const {fleet, membership, notes, pass, clock} = startMembership();
	// A Tuesday, 22:13 in UTC.
	t.is(new Date(clock.now()).toISOString().slice(0, 16), '2023-11-14T22:13');
	const line = {up: 0, down: 0, hours: {text: '08:00-22:15', time_zone: 'UTC'}};
	const {record} = await membership.register(registration({line}));
	t.is(fleet.candidates().ready.length, 0, 'who is about to go is given nothing');
	await pass(180_000);
	t.false(fleet.isOnline(record._id));
	t.regex(notes.at(-1) ?? '', /is offline: it is outside the hours in which it takes part/);
	const lookUp = createNodeLookup({fleet, clock});
	t.is(lookUp(record._id)?.presence, 'awaited');
	await pass(10 * 3_600_000);
	const began = Date.parse('2023-11-15T08:00:00Z');
	t.like(lookUp(record._id), {presence: 'away', since: began}, 'it is missed since its hours began, not since it left');
});

test('limits are wished for by whose node it is, and told to the node where its member lets it', async t => {
	const network = await startPeopleNetwork(t, {nodes: 0});
	const tokens: Record<string, string> = {};
	for (const name of ['ann', 'bob']) tokens[name] = await network.addAccount(name);
	tokens['opa'] = await network.addAccount('opa', 'operator');
	const node = await network.addNode({owner: 'ann'});
	const path = `/api/nodes/${node.id}/limits`;
	const ask = async (name: string, json: unknown) => network.as(tokens[name])('PATCH', path, {json});
	const limits = {space: 1000, up: 0, down: 0, schedule: 'none', monthly_cap: 0, hours: 'always'};
	const beat = async (allowed: boolean, heard = 0) =>
		jsonOf(await network.beat(node, {line: {up: 0, down: 0, limits, remote: {allowed, heard}}}));

	const tooOld = await ask('ann', {up: '2MB'});
	t.like([tooOld.status, await jsonOf(tooOld)], [501, {code: 'OPERATION_UNSUPPORTED'}]);
	await beat(false);
	t.is((await ask('bob', {up: '2MB'})).status, 404, 'of another member’s node nobody knows');
	t.like(await jsonOf(await ask('opa', {up: '2MB'})), {code: 'FORBIDDEN'});
	for (const wrong of [{}, {up: 'fast'}, {colour: 'red'}, {up: '2MB', hours: 'sat'}]) {
		t.like(await jsonOf(await ask('ann', wrong)), {code: 'INVALID_REQUEST'}, JSON.stringify(wrong));
	}

	t.regex(String((await jsonOf(await ask('ann', {up: 'fast'})))['error']), /"up": allowed: 0 for any, or a size/);
	const made = await ask('ann', {up: '2MB', hours: 'MON-FRI 18:00-23:00; sat,sun'});
	t.is(made.status, 200, await made.clone().text());
	const {node: asked} = nodeAnswerSchema.parse(await jsonOf(made));
	t.like(asked.wished, {up: {by: 'ann', value: 2 * 1024 ** 2}, hours: {value: 'mon-fri 18:00-23:00; sat,sun'}});
	t.deepEqual(asked.line?.limits, limits);
	t.is((await beat(false))['wished'], undefined);
	await ask('ann', {up: '3MB'});
	const at = asked.wished?.up?.at ?? 0;
	const heard = heardSchema.parse(await beat(true, at)).wished;
	t.deepEqual(Object.keys(heard?.limits ?? {}), ['up']);
	t.is(heard?.limits.up?.value, 3 * 1024 ** 2);
	t.true((heard?.now ?? 0) >= (heard?.limits.up?.at ?? Infinity));
	await network.join(node, {owner: 'ann', line: {up: 0, down: 0, limits, remote: {allowed: true, heard: at}}});
	t.truthy((await beat(true, at))['wished'], 'it may register anew in between');
	t.is((await beat(true, heard?.limits.up?.at))['wished'], undefined);
	t.is((await network.as(network.adminToken)('DELETE', path)).status, 200);
	t.is((await beat(true, 0))['wished'], undefined);
	const entries = await jsonOf(await network.as(network.adminToken)('GET', '/api/logs'));
	t.regex(JSON.stringify(entries), /is to have other limits by ann: up 3MB/);
});

test('that a node of before does not answer is nothing out of the ordinary: it is said in words, without a stack', async t => {
	const before = startMembership();
	const {record} = await before.membership.register(registration());
	const away = startMembership(before.catalog, async () => Promise.reject(new PjasError('NODE_FAILED', 'It is away')));
	await away.membership.recall();
	t.deepEqual(away.log.entries, [
		{
			level: 'info',
			message: 'a node of before does not answer yet',
			fields: {node: record._id, reason: 'It is away'},
		},
	]);
});

test('a classic node that was started again while nobody was there to be told is known by its new name', async t => {
	const before = startMembership();
	const classic = {version: '1.0.0', node_id: 'pjas-0000000a'};
	const {record} = await before.membership.register(registration(classic));
	const {fleet, membership, pass} = startMembership(before.catalog, async () =>
		Promise.resolve({storage: stats, claimedId: 'pjas-0000000b'}),
	);
	await membership.recall();
	t.true(fleet.isOnline(record._id));
	for (let beats = 0; beats < 4; beats++) {
		await pass(30_000);
		await membership.heartbeat({node_id: 'pjas-0000000b'});
	}

	t.true(fleet.isOnline(record._id));
	await t.throwsAsync(membership.heartbeat({node_id: 'pjas-0000000a'}));
});

test('a node that is not known has to register', async t => {
	const {membership} = startMembership();
	const error = await t.throwsAsync(membership.heartbeat({node_id: 'pjas-0123456789abcdef'}));
	t.true(isPjasError(error, 'NODE_NOT_FOUND'));
});

test('nodes are remembered over a restart, and those that answer are online at once', async t => {
	const before = startMembership();
	const {record} = await before.membership.register(registration({name: 'attic', owner: 'ann', zone: 'home'}));
	await before.membership.register(registration({node_id: 'pjas-fedcba98', address: 'http://127.0.0.1:9'}));
	const after = startMembership(before.catalog, async ({address}) =>
		address.endsWith(':8420')
			? Promise.resolve({storage: {...stats, used_bytes: 7}})
			: Promise.reject(new Error('away')),
	);
	await after.membership.recall();
	t.is(after.fleet.all().length, 2);
	t.like(after.fleet.get(record._id)?.record, {name: 'attic', owner: 'ann', zone: 'home', usedBytes: 7});
	t.true(after.fleet.isOnline(record._id));
	t.false(after.fleet.isOnline('pjas-fedcba98' as never));
});

test('a classic node keeps its record under whatever id it comes back, known by its address', async t => {
	const {fleet, membership} = startMembership();
	const classic = {address: 'http://localhost:8420', version: '1.0.0', storage_stats: stats};
	const first = await membership.register({...classic, node_id: 'pjas-11111111'});
	await membership.register({...classic, node_id: 'pjas-22222222', address: 'http://localhost:8420/'});
	t.is(fleet.all().length, 1);
	t.is((await membership.heartbeat({node_id: 'pjas-22222222'})).record._id, first.record._id);
	await t.throwsAsync(membership.heartbeat({node_id: 'pjas-11111111'}));
	t.is(first.record.kind, 'classic');
});

test('a node of today that takes over the address of a classic one takes over its record', async t => {
	const {fleet, membership} = startMembership();
	const address = 'http://localhost:8420';
	const classic = await membership.register(registration({address, version: '1.0.0', node_id: 'pjas-11111111'}));
	const {record} = await membership.register(registration({address}));
	t.is(record._id, classic.record._id);
	t.is(record.kind, 'direct');
	t.is(fleet.all().length, 1);
	t.is((await membership.heartbeat({node_id: registration().node_id})).record._id, record._id);
});

test('registrations of one node at the same moment leave one record', async t => {
	const {catalog, membership} = startMembership();
	await Promise.all(Array.from({length: 6}, async () => membership.register(registration())));
	t.is((await catalog.nodes()).length, 1);
});

test('a zone is its owner where none is said, and a node without owner stands for itself', async t => {
	const {membership} = startMembership();
	t.like((await membership.register(registration({owner: 'ann'}))).record, {owner: 'ann', zone: 'ann'});
	const {record} = await membership.register(registration({node_id: 'pjas-aaaaaaaa'}));
	t.like(record, {owner: 'pjas-aaaaaaaa', zone: 'pjas-aaaaaaaa', name: 'pjas-aaaaaaaa'});
});

test('a node that arrives is compared with the catalogue, by the digest that it tells', async t => {
	const {arrivals, membership} = startMembership();
	const body = registration({listing_digest: 'a'.repeat(64)});
	await membership.register(body);
	await membership.register(body);
	await membership.heartbeat({node_id: body.node_id});
	t.deepEqual(arrivals, [
		[body.node_id, 'a'.repeat(64)],
		[body.node_id, 'a'.repeat(64)],
	]);
});

test('a node tells version and protocol, and is behind where either is older than the coordinator’s', async t => {
	const {url, join, nodes} = await startTestNetwork(t, {nodes: 4, more: {version: '2.1.0'}});
	const [older, same, newer, untold] = nodes;
	if (older) await join(older, {version: '2.0.9', protocol: PROTOCOL});
	if (untold) await join(untold, {version: '2.1.0'});
	if (same) await join(same, {version: '2.1.0', protocol: PROTOCOL});
	if (newer) await join(newer, {version: '2.10.0', protocol: PROTOCOL + 1});
	const {nodes: views} = (await jsonOf(await fetch(`${url}/api/nodes`))) as {nodes: NodeView[]};
	const told = [older, same, newer, untold].map(node => views.find(view => view.node_id === node?.id));
	t.deepEqual(
		told.map(view => [view?.version, view?.protocol, view?.is_behind]),
		[
			['2.0.9', PROTOCOL, true],
			['2.1.0', PROTOCOL, undefined],
			['2.10.0', PROTOCOL + 1, undefined],
			['2.1.0', undefined, true],
		],
	);
	t.is((await join(nodes[0] as never, {protocol: 0})).status, 400);
	const classic = await startTestNetwork(t, {nodes: 1, allowClassic: true, more: {version: '2.1.0'}});
	const [first] = classic.nodes;
	if (first) await classic.join(first, {version: '1.0.0'});
	const {nodes: kinds} = (await jsonOf(await fetch(`${classic.url}/api/nodes`))) as {nodes: NodeView[]};
	t.true(kinds.every(({kind, is_behind: isBehind}) => kind !== 'classic' || isBehind === undefined));
});

test('the classic calls have their classic shapes', async t => {
	const {url, nodes} = await startTestNetwork(t, {nodes: 1});
	const health = await jsonOf(await fetch(`${url}/health`));
	t.is(health['status'], 'healthy');
	t.is(typeof health['timestamp'], 'number');
	t.like(health, {version: '0.0.0', protocol: PROTOCOL});
	const root = await jsonOf(await fetch(url));
	t.like(root, {status: 'PJAS Coordinator Online', nodes: 1, files: 0});

	await uploadTo(url, new Uint8Array(5));
	const list = await jsonOf(await fetch(`${url}/api/nodes`));
	const [node] = list['nodes'] as Json[];
	t.is(list['count'], 1);
	t.like(node, {node_id: nodes[0]?.id, status: 'online', version: '2.0.0', chunks_stored: 1});
	t.deepEqual(Object.keys(node?.['storage_stats'] as Json).sort(), Object.keys(stats).sort());
	const files = await jsonOf(await fetch(`${url}/api/files`));
	const [file] = files['files'] as Json[];
	t.like(file, {filename: 'photo.jpg', size: 5, status: 'completed', chunks_count: 1});
	const {stats: figures} = (await jsonOf(await fetch(`${url}/api/stats`))) as {stats: Json};
	t.like(figures, {totalNodes: 1, onlineNodes: 1, networkHealth: 100, activeFiles: 1, usedStorage: 4096});
	const {logs} = (await jsonOf(await fetch(`${url}/api/logs`))) as {logs: Json[]};
	t.regex(String(logs[0]?.['timestamp']), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
	t.true(logs.some(({message}) => String(message).includes('uploaded')));
	t.is((await fetch(`${url}/api/stats`)).headers.get('access-control-allow-origin'), '*');
});

test('a registration and a heartbeat that lack something say what', async t => {
	const {url} = await startTestNetwork(t, {nodes: 0});
	const post = async (path: string, body: string) =>
		fetch(`${url}/api/nodes/${path}`, {method: 'POST', headers: {'content-type': 'application/json'}, body});
	const whole = registration();
	const cases: [path: string, body: string, status: number, code: string][] = [
		['register', '{}', 400, 'INVALID_REQUEST'],
		['register', JSON.stringify({...whole, storage_stats: undefined}), 400, 'INVALID_REQUEST'],
		['register', JSON.stringify({...whole, node_id: '../x'}), 400, 'INVALID_REQUEST'],
		['register', JSON.stringify({...whole, address: 'file:///etc/passwd'}), 400, 'INVALID_REQUEST'],
		['register', JSON.stringify({...whole, name: 'n'.repeat(101)}), 400, 'INVALID_REQUEST'],
		['register', '{"node_id": ', 400, 'INVALID_REQUEST'],
		['register', `"${'x'.repeat(100_000)}"`, 413, 'BODY_TOO_LARGE'],
		['heartbeat', '{}', 400, 'INVALID_REQUEST'],
		['heartbeat', '[]', 400, 'INVALID_REQUEST'],
		['heartbeat', JSON.stringify({node_id: 'pjas-00000000'}), 404, 'NODE_NOT_FOUND'],
	];
	for (const [path, body, status, code] of cases) {
		const answer = await post(path, body);
		const {success, error, code: actual} = await jsonOf(answer);
		t.deepEqual([answer.status, success, actual], [status, false, code], `${body.slice(0, 80)}: ${String(error)}`);
	}
});

test('the log is paged back to its oldest entry, and filtered', async t => {
	const {url} = await startTestNetwork(t, {nodes: 4});
	const page = async (query: string) => jsonOf(await fetch(`${url}/api/logs?${query}`));
	const ids: number[] = [];
	let before: number | null = 1_000_000;
	for (let pages = 0; pages < 20; pages++) {
		const {logs, next_before: next} = (await page(`limit=3&before=${before}`)) as {
			logs: Json[];
			next_before: number | null;
		};
		ids.unshift(...logs.map(({id}) => Number(id)));
		before = next;
		if (next === null) break;
	}

	t.is(before, null);
	t.deepEqual(
		ids,
		Array.from({length: 8}, (_, at) => at + 1),
	);
	t.is(((await page('q=joined'))['logs'] as Json[]).length, 4);
	t.is(((await page('level=ERROR'))['logs'] as Json[]).length, 0);
	t.is((await fetch(`${url}/api/logs?limit=1001`)).status, 400);
});

test("a node's name can't pose as more than a name in the log", async t => {
	const {membership, notes} = startMembership();
	const names = ['attic joined. Node cellar', 'a" joined', '"attic"', 'A: B', "Ann's attic", 'Größe-1.2_x'];
	for (const [at, name] of names.entries()) {
		const address = `http://127.0.0.1:${8420 + at}`;
		await membership.register(registration({name, address, node_id: `pjas-${String(at).padStart(32, '0')}`}));
	}
	t.deepEqual(
		notes.filter(message => message.endsWith(' joined')),
		[
			'Node "attic joined. Node cellar" joined',
			String.raw`Node "a\" joined" joined`,
			String.raw`Node "\"attic\"" joined`,
			'Node "A: B" joined',
			`Node "Ann's attic" joined`,
			'Node Größe-1.2_x joined',
		],
	);
});

test('the log is filtered by the node and the file that it is about', async t => {
	const {url, nodes} = await startTestNetwork(t);
	const {file_id: id} = await jsonOf(await uploadTo(url, new Uint8Array(5)));
	const [node] = nodes;
	if (!node) throw new Error('no node');
	node.shards.kept.clear();
	await (await fetch(`${url}/api/files/${String(id)}/check`, {method: 'POST'})).text();
	const messages = async (query: string) =>
		((await jsonOf(await fetch(`${url}/api/logs?${query}`)))['logs'] as Json[]).map(({message}) => message);
	const fault = 'A shard of chunk 0 is missing on node "node 1"';
	t.deepEqual(await messages(`node=${node.id}`), ['Node "node 1" joined', 'Node "node 1" is online', fault]);
	t.deepEqual(await messages(`file=${String(id)}&level=WARN&q=SHARD`), [
		fault,
		'"photo.jpg" checked: shards 2 right, 1 missing, 0 wrong, 0 unreachable',
	]);
	t.deepEqual(await messages(`file=${String(id)}&node=${node.id}`), [fault]);
	t.deepEqual(await messages(`node=pjas-${'9'.repeat(32)}`), []);
	const first = await jsonOf(await fetch(`${url}/api/logs?node=${node.id}&limit=1`));
	t.deepEqual(await messages(`node=${node.id}&limit=1&before=${String(first['next_before'])}`), [
		'Node "node 1" is online',
	]);
	for (const query of ['node=attic', 'file=..', `file=${node.id}`, `node=${node.id}&node=${node.id}`]) {
		t.is((await fetch(`${url}/api/logs?${query}`)).status, 400, query);
	}
});

test('a node tells of its shards, counted and page by page', async t => {
	const {url, nodes, catalog} = await startTestNetwork(t);
	const files: string[] = [];
	for (const name of ['a', 'b', 'c', 'd']) {
		files.push((await jsonOf(await uploadTo(url, systemRandom.bytes(9), name)))['file_id'] as string);
	}

	const [node] = nodes;
	const [lost, spoilt] = [...(node?.shards.kept ?? [])];
	if (!node || !lost || !spoilt) throw new Error('no shards');
	node.shards.kept.delete(lost[0]);
	spoilt[1][0] = (spoilt[1][0] ?? 0) ^ 1;
	for (const id of files) await (await fetch(`${url}/api/files/${id}/check`, {method: 'POST'})).text();
	const of = async (path: string) => jsonOf(await fetch(`${url}/api/nodes/${path}`));
	const told = await of(node.id);
	t.notThrows(() => nodeAnswerSchema.parse(told));
	t.like(told, {node: {node_id: node.id, name: 'node 1'}, shards: {sound: 2, missing: 1, corrupt: 1}});

	const all = nodeShardsSchema.parse(await of(`${node.id}/shards`));
	t.is(all.next_after, null);
	t.deepEqual(
		all.shards.map(({file_id: id, filename, index}) => [id, filename, index]),
		files.toSorted().map(id => [id, 'abcd'[files.indexOf(id)], 0]),
	);
	const stateOf = (digest: string) => all.shards.find(shard => shard.digest === digest);
	t.like(stateOf(lost[0]), {state: 'missing', wanted: 3, present: 2});
	t.like(stateOf(spoilt[0]), {state: 'corrupt', wanted: 3, present: 2});
	t.is(all.shards.filter(({state, present}) => state === 'online' && present === 3).length, 2);

	await catalog.removeFile(files.toSorted()[1] as FileId);
	const paged: (typeof all.shards)[] = [];
	for (let after: string | null = ''; after !== null;) {
		const page = nodeShardsSchema.parse(await of(`${node.id}/shards?limit=1${after && `&after=${after}`}`));
		paged.push(page.shards);
		after = page.next_after;
	}

	t.deepEqual(
		paged,
		all.shards.map((shard, at) => (at === 1 ? [] : [shard])),
	);
});

test('of a node that never joined nothing is told', async t => {
	const {url, nodes} = await startTestNetwork(t, {nodes: 1});
	for (const id of [`pjas-${'9'.repeat(32)}`, 'attic', '__proto__', '%00', 'a'.repeat(5000)]) {
		for (const path of [id, `${id}/shards`]) {
			const answer = await fetch(`${url}/api/nodes/${path}`);
			t.is(answer.status, 404, path);
			t.is((await jsonOf(answer))['code'], 'NODE_NOT_FOUND');
		}
	}

	const id = nodes[0]?.id ?? '';
	for (const query of ['limit=0', 'limit=1001', 'after=x', `after=${id}`]) {
		t.is((await fetch(`${url}/api/nodes/${id}/shards?${query}`)).status, 400, query);
	}

	const after = `${'f'.repeat(32)}:99999999`;
	t.deepEqual(await jsonOf(await fetch(`${url}/api/nodes/${id}/shards?after=${after}`)), {
		success: true,
		shards: [],
		next_after: null,
	});
});

/** Reads server-sent events until one of this name came. */
const eventsUntil = async (t: ExecutionContext, url: string, last: string, lastEventId?: string, onOpen?: () => void) =>
	new Promise<{id: string; event: string; data: Json}[]>((resolve, reject) => {
		const headers = lastEventId === undefined ? {} : {'last-event-id': lastEventId};
		const request = get(`${url}/api/events`, {headers}, response => {
			onOpen?.();
			let text = '';
			response.on('data', (piece: Buffer) => {
				text += piece.toString();
				const events = text
					.split('\n\n')
					.slice(0, -1)
					.map(
						block => new Map(block.split('\n').map(line => [line.split(': ')[0], line.slice(line.indexOf(': ') + 2)])),
					)
					.filter(fields => fields.has('event'))
					.map(fields => ({
						id: fields.get('id') ?? '',
						event: fields.get('event') ?? '',
						data: JSON.parse(fields.get('data') ?? '{}') as Json,
					}));
				if (events.some(({event}) => event === last)) {
					request.destroy();
					resolve(events);
				}
			});
		});
		request.on('error', reject);
		t.teardown(() => request.destroy());
	});

test('what happens is told as it happens, and what was missed afterwards', async t => {
	const {url} = await startTestNetwork(t);
	let live: ReturnType<typeof eventsUntil> | undefined;
	await new Promise<void>(resolve => {
		live = eventsUntil(t, url, 'file', undefined, resolve);
	});
	const {file_id: id} = await jsonOf(await uploadTo(url, new Uint8Array(5)));
	const seen = (await live) ?? [];
	t.is(seen.find(({event}) => event === 'file')?.data['file_id'], id);
	await fetch(`${url}/api/files/${String(id)}`, {method: 'DELETE'});
	const missed = await eventsUntil(t, url, 'file-removed', seen.at(-1)?.id);
	t.false(missed.some(({event}) => event === 'reset'));
	t.is(missed.find(({event}) => event === 'file-removed')?.data['file_id'], id);
	const lost = await eventsUntil(t, url, 'reset', 'other-77');
	t.is(lost[0]?.event, 'reset');
});

test('what is no call is told so', async t => {
	const {url} = await startTestNetwork(t, {nodes: 0});
	const missing = await fetch(`${url}/api/nothing`);
	t.is(missing.status, 404);
	t.is((await jsonOf(missing))['code'], 'ROUTE_NOT_FOUND');
	const wrong = await fetch(`${url}/api/stats`, {method: 'POST'});
	t.is(wrong.status, 405);
	t.regex(wrong.headers.get('allow') ?? '', /GET/);
	const description = await jsonOf(await fetch(`${url}/api/openapi.json`));
	t.is(description['openapi'], '3.1.0');
});
