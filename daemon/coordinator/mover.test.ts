import {createHash} from 'node:crypto';
import test, {type ExecutionContext} from 'ava';
import type {LogEntry, NodeView} from '../../source/protocol/api.js';
import type {MovesView, SafeToStop} from '../../source/protocol/healing-api.js';
import {PjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import {memoryCatalog} from '../adapters/memory-catalog.js';
import {type ChunkRecord, removalOf} from '../core/model.js';
import type {Catalog} from '../ports/catalog.js';
import {manualClock} from '../testing/manual-clock.js';
import {recordingLog} from '../testing/recording-log.js';
import type {TestNetworkOptions, TestNode} from '../testing/network.js';
import {holdersOf, type PassingNetwork as Network, startPassingNetwork} from '../testing/passing-network.js';
import {bytesOf, download, same, upload} from '../testing/requests.js';

const MINUTE_MS = 60_000;
const GRACE_MS = 15 * MINUTE_MS;
const FILE_BYTES = 3000;

const firstOf = <T>(list: readonly T[]): T => {
	const [first] = list;
	if (first === undefined) throw new Error('there is none');
	return first;
};

/** The node with the most shards: by chance the others may have none of a few files. */
const fullestOf = ({nodes}: Network): TestNode =>
	firstOf(nodes.toSorted((a, b) => b.shards.kept.size - a.shards.kept.size));

const nameOf = ({nodes}: Network, node: TestNode): string => `node ${nodes.indexOf(node) + 1}`;

/** A network with some files, whose coordinator has given nodes their time to say that they are there. */
const withFiles = async (t: ExecutionContext, files: number, options: TestNetworkOptions = {}) => {
	const network = await startPassingNetwork(t, options);
	const contents = new Map<string, Uint8Array>();
	for (let file = 0; file < files; file++) {
		const content = bytesOf(FILE_BYTES + file);
		contents.set(await upload(t, network.url, content), content);
	}

	await network.pass(61_000);
	return {network, contents, ids: [...contents.keys()]};
};

const call = async ({url}: Network, method: string, path: string, body?: unknown) =>
	fetch(`${url}${path}`, {
		method,
		...(body !== undefined && {headers: {'content-type': 'application/json'}, body: JSON.stringify(body)}),
	});

const nodeOf = async ({get}: Network, {id}: TestNode) => (await get<{node: NodeView}>(`/api/nodes/${id}`)).node;
const movesOf = async ({get}: Network) => (await get<{moves: MovesView}>('/api/moves')).moves;
const drain = async (network: Network, {id}: TestNode, body?: unknown) =>
	call(network, 'POST', `/api/nodes/${id}/drain`, body);
const messages = async ({get}: Network) =>
	(await get<{logs: LogEntry[]}>('/api/logs?limit=1000')).logs.map(({message}) => message);

const chunksOf = async (network: Network, ids: readonly string[]): Promise<ChunkRecord[]> =>
	Promise.all(ids.map(async id => network.chunk(id)));

/** Whether each chunk has three copies, on as many living nodes, which have them. */
const areWhole = async (network: Network, ids: readonly string[]): Promise<boolean> =>
	(await chunksOf(network, ids)).every(chunk => {
		const holders = holdersOf(network, chunk).filter(node => network.alive.has(node));
		const digest = firstOf(chunk.shards).digest;
		return new Set(holders).size === 3 && holders.every(({shards}) => shards.kept.has(digest));
	});

test('a node that is drained ends without a shard, while uploads go on and nothing has fewer copies on the way', async t => {
	const {network, contents, ids} = await withFiles(t, 8);
	const node = fullestOf(network);
	const answer = await drain(network, node);
	t.is(answer.status, 200);
	const {node: view} = (await answer.json()) as {node: NodeView};
	t.like(view.drain, {leaves: false, by: '', shards_left: view.drain?.shards_total, reason: null});

	let fewest = 3;
	let uploads = 0;
	await network.until('it has nothing left', async () => {
		if (uploads++ < 4) ids.push(await upload(t, network.url, bytesOf(100 + uploads)));
		for (const {shards} of await chunksOf(network, ids)) fewest = Math.min(fewest, shards.length);
		return node.shards.kept.size === 0 && uploads > 4;
	});
	t.is(fewest, 3);
	t.true(await areWhole(network, ids));
	for (const [id, content] of contents) same(t, (await download(network.url, id)).bytes, content);
	t.like((await nodeOf(network, node)).drain, {shards_left: 0, bytes_left: 0, eta_s: 0});
	await network.until('the log tells of it', async () => {
		return (await messages(network)).includes(`Node "${nameOf(network, node)}" is drained: it keeps no shard any more`);
	});
	const {done, waiting, blocked} = await movesOf(network);
	t.deepEqual([done.shards, waiting, blocked], [view.drain?.shards_total, 0, 0]);
	await network.pass(10 * MINUTE_MS);
	const told = (await messages(network)).filter(message => message.includes('keeps no shard'));
	t.is(told.length, 1, 'once');
});

test('a drain that is cancelled leaves what is still there, and the node takes shards again', async t => {
	const {network, ids} = await withFiles(t, 6, {repair: {bytesPerSecond: FILE_BYTES / 10}});
	const node = fullestOf(network);
	await drain(network, node);
	await network.until('one is moved', async () => (await movesOf(network)).done.shards > 0);
	const answer = await call(network, 'DELETE', `/api/nodes/${node.id}/drain`);
	t.is(((await answer.json()) as {node: NodeView}).node.drain, undefined);
	await network.pass(5 * MINUTE_MS);
	const left = node.shards.kept.size;
	await network.pass(5 * MINUTE_MS);
	t.is(node.shards.kept.size, left, 'nothing more is moved');
	t.true(await areWhole(network, ids));
	for (let file = 0; file < 12; file++) await upload(t, network.url, bytesOf(50 + file));
	t.true(node.shards.kept.size > left);
});

test('a node that leaves is emptied, and then forgotten', async t => {
	const {network, ids} = await withFiles(t, 5);
	const node = fullestOf(network);
	await drain(network, node, {leave: true});
	await network.until('it is forgotten', async () => {
		return (await call(network, 'GET', `/api/nodes/${node.id}`)).status === 404;
	});
	t.is(node.shards.kept.size, 0);
	network.alive.delete(node);
	t.true(await areWhole(network, ids));
	t.is(network.catalog.totals().removals, 0);
	t.is((await network.catalog.nodes()).length, 4);
	t.true((await messages(network)).includes(`Node "${nameOf(network, node)}" has left the network`));
	const {code} = (await (await call(network, 'GET', `/api/nodes/${node.id}`)).json()) as {code: string};
	t.is(code, 'NODE_NOT_FOUND');
});

test('a node that leaves is not forgotten with what came to be removed from it just then', async t => {
	const stray = Buffer.from('found again, and given up again');
	const digest = createHash('sha256').update(stray).digest('hex') as Digest;
	const real = memoryCatalog();
	let isJustThen = true;
	const removals: Catalog['removals'] = async (node, ...rest) => {
		const seen = await real.removals(node, ...rest);
		if (isJustThen && seen.length === 0 && (await real.getNode(node))?.drain && real.shardCounts(node).sound === 0) {
			isJustThen = false;
			await real.putRemovals([removalOf(node, digest, 0, 'surplus')]);
		}

		return seen;
	};
	const {network} = await withFiles(t, 3, {catalog: {...real, removals}});
	const node = fullestOf(network);
	await node.shards.put(digest, stray);
	await drain(network, node, {leave: true});
	await network.until('it is forgotten', async () => {
		return (await call(network, 'GET', `/api/nodes/${node.id}`)).status === 404;
	});
	t.false(isJustThen);
	t.is(node.shards.kept.size, 0);
});

test('a drain that has nowhere to go says so, and goes on when a node joins', async t => {
	const {network, ids} = await withFiles(t, 3, {nodes: 3});
	const node = fullestOf(network);
	await drain(network, node);
	await network.until('it says why', async () => (await nodeOf(network, node)).drain?.reason === 'too-few-nodes');
	t.like(await movesOf(network), {waiting: 0, blocked: 3, reason: 'too-few-nodes', active: []});
	const words = `3 shards of node "${nameOf(network, node)}" can't be moved now: too few nodes are online that lack a copy`;
	t.true((await messages(network)).includes(words));
	t.is(node.shards.kept.size, 3, 'all stays where it is');
	network.alive.add(await network.addNode());
	await network.until('it is empty', () => node.shards.kept.size === 0, MINUTE_MS);
	t.true(await areWhole(network, ids));
	t.like(await movesOf(network), {blocked: 0, reason: null});
});

test('two nodes may be lost while a third is drained', async t => {
	const {network, contents, ids} = await withFiles(t, 6, {nodes: 7, repair: {bytesPerSecond: FILE_BYTES}});
	const node = fullestOf(network);
	const others = network.nodes.filter(({id}) => id !== node.id);
	await drain(network, node);
	await network.pass(2000);
	for (const lost of others.slice(0, 2)) network.alive.delete(lost);
	await network.pass(GRACE_MS + 3 * MINUTE_MS);
	await network.until(
		'it is empty, and all is whole',
		async () => {
			return node.shards.kept.size === 0 && (await areWhole(network, ids));
		},
		20 * MINUTE_MS,
	);
	for (const [id, content] of contents) same(t, (await download(network.url, id)).bytes, content);
});

test('a node that is gone for good while it is drained ends its drain all the same', async t => {
	const {network, ids} = await withFiles(t, 4, {repair: {bytesPerSecond: FILE_BYTES / 30}});
	const node = fullestOf(network);
	await drain(network, node, {leave: true});
	network.alive.delete(node);
	await network.until(
		'it is forgotten',
		async () => {
			return (await call(network, 'GET', `/api/nodes/${node.id}`)).status === 404;
		},
		60 * MINUTE_MS,
	);
	t.true(await areWhole(network, ids));
});

test('another coordinator over the same catalogue goes on with a drain where one ended in the middle', async t => {
	const {network, ids} = await withFiles(t, 5);
	const node = fullestOf(network);
	let release: () => void = () => undefined;
	const released = new Promise<void>(resolve => (release = resolve));
	t.teardown(release);
	let isHung = false;
	for (const other of network.nodes.filter(({id}) => id !== node.id)) {
		other.faults.put = async (...parameters) => {
			await other.shards.put(...parameters);
			isHung = true;
			await released;
		};
	}

	await drain(network, node, {leave: true});
	await network.until('a copy was put', () => isHung);
	for (const other of network.nodes) other.faults = {};
	const clock = manualClock(network.clock.now());
	const next = await startPassingNetwork(t, {catalog: network.catalog, nodesOf: network}, clock);
	t.true((await nodeOf(next, node)).drain?.leaves);
	await next.until(
		'the node is forgotten',
		async () => {
			return (await call(next, 'GET', `/api/nodes/${node.id}`)).status === 404;
		},
		75 * MINUTE_MS,
	);
	t.is(node.shards.kept.size, 0);
	release();
	await next.pass(65 * MINUTE_MS);
	t.true(await areWhole(next, ids));
	const kept = next.nodes.reduce((sum, {shards}) => sum + shards.kept.size, 0);
	t.is(kept, 3 * ids.length, 'nothing is left over on any node');
});

test('what a coordinator that was killed left to be removed later goes before its node is forgotten', async t => {
	const {network} = await withFiles(t, 2, {nodes: 4});
	const node = fullestOf(network);
	const body = Buffer.from(bytesOf(500));
	const digest = createHash('sha256').update(body).digest('hex') as Digest;
	await node.shards.put(digest, body);
	await network.catalog.putRemovals([removalOf(node.id, digest, network.clock.now() + 3_600_000, 'surplus')]);
	await drain(network, node, {leave: true});
	await network.until('it is forgotten', async () => {
		return (await call(network, 'GET', `/api/nodes/${node.id}`)).status === 404;
	});
	t.is(node.shards.kept.size, 0);
});

test('a node that leaves is waited for until it has removed its shards, and for a day where it is away', async t => {
	const {network, ids} = await withFiles(t, 5);
	const [first, second] = network.nodes.toSorted((a, b) => b.shards.kept.size - a.shards.kept.size);
	if (!first || !second) throw new Error('there are too few nodes');
	const leaving = [first, second];
	const isKnown = async ({id}: TestNode) => (await call(network, 'GET', `/api/nodes/${id}`)).status === 200;
	for (const node of leaving) {
		node.faults.remove = async () => Promise.reject(new PjasError('NODE_FAILED', 'its line is cut'));
		await drain(network, node, {leave: true});
	}

	await network.until('nothing counts on them', async () => {
		const views = await Promise.all(leaving.map(async node => nodeOf(network, node)));
		return views.every(view => view.drain?.shards_left === 0);
	});
	for (const node of leaving) network.alive.delete(node);
	await network.pass(5 * MINUTE_MS);
	t.true((await isKnown(first)) && (await isKnown(second)));
	t.true(first.shards.kept.size > 0 && second.shards.kept.size > 0);
	const told = (await messages(network)).filter(message => message.includes('shards that are still to be removed'));
	t.is(told.length, 2, 'once for each');

	first.faults = {};
	network.alive.add(first);
	await network.until('the first one is forgotten', async () => !(await isKnown(first)));
	t.is(first.shards.kept.size, 0);
	network.alive.delete(first);
	t.true(await isKnown(second));
	network.clock.jump(24 * 60 * MINUTE_MS);
	await network.until('the second one is forgotten', async () => !(await isKnown(second)));
	t.true(await areWhole(network, ids));
});

test('a node that leaves, is there and does nothing that it is asked for is waited for a day at most, over a restart', async t => {
	const log = recordingLog();
	const {network, ids} = await withFiles(t, 3, {more: {log}});
	const node = fullestOf(network);
	const hung = async () => Promise.reject(new PjasError('NODE_TIMEOUT', 'it does not answer'));
	node.faults = {get: hung, stat: hung, remove: hung, verify: hung, prove: hung};
	await drain(network, node, {leave: true});
	await network.until('nothing counts on it', async () => (await nodeOf(network, node)).drain?.shards_left === 0);
	await network.pass(6 * MINUTE_MS);
	t.true(await areWhole(network, ids), 'all is elsewhere');
	const told = (await messages(network)).filter(each => each.includes('does not remove the shards that it should'));
	t.is(told.length, 1);
	const failed = log.messages('warn').filter(each => each.startsWith('a shard could not be removed'));
	t.is(failed.length, 1, 'not with each try');
	const {awaited_until: until = 0} = (await nodeOf(network, node)).drain ?? {};
	t.true(until > network.clock.now() + 23 * 60 * MINUTE_MS);

	network.clock.jump(23 * 60 * MINUTE_MS);
	const clock = manualClock(network.clock.now());
	const next = await startPassingNetwork(t, {catalog: network.catalog, nodesOf: network}, clock);
	const isKnown = async () => (await call(next, 'GET', `/api/nodes/${node.id}`)).status === 200;
	await next.pass(5 * MINUTE_MS);
	t.true(await isKnown());
	next.clock.jump(60 * MINUTE_MS);
	await next.until('it is forgotten', async () => !(await isKnown()));
	t.true(node.shards.kept.size > 0);
	const left = `has left the network, with ${node.shards.kept.size} sealed shard`;
	t.true((await messages(next)).some(message => message.includes(left)));
	t.true(await areWhole(next, ids));
	t.is(next.catalog.totals().removals, 0);
});

test('of a node that is drained, and stays without removing its shards, it is told once', async t => {
	const {network} = await withFiles(t, 3);
	const node = fullestOf(network);
	const kept = node.shards.kept.size;
	node.faults.remove = async () => Promise.reject(new PjasError('NODE_FAILED', 'its disk is read-only'));
	await drain(network, node);
	await network.until('nothing counts on it', async () => (await nodeOf(network, node)).drain?.shards_left === 0);
	const told = async () => (await messages(network)).filter(each => each.includes('it is drained once it does'));
	t.deepEqual(await told(), [], 'it is given some time');
	await network.pass(12 * MINUTE_MS);
	t.is((await told()).length, 1);
	t.is(node.shards.kept.size, kept);
	node.faults = {};
	await network.until('it is empty', () => node.shards.kept.size === 0);
	await network.until('it is drained', async () =>
		(await messages(network)).some(each => each.includes('is drained: it keeps no shard')),
	);
});

test('paused, nothing is moved', async t => {
	const {network} = await withFiles(t, 3);
	const node = fullestOf(network);
	const before = node.shards.kept.size;
	await network.post('/api/repair/pause');
	await drain(network, node);
	await network.pass(10 * MINUTE_MS);
	t.is(node.shards.kept.size, before);
	t.true((await movesOf(network)).paused);
	await network.post('/api/repair/resume');
	await network.until('it is empty', () => node.shards.kept.size === 0);
});

test('lost copies are made before shards are moved', async t => {
	const {network} = await withFiles(t, 4, {nodes: 7, repair: {graceMs: 0, bytesPerSecond: FILE_BYTES / 10}});
	const node = fullestOf(network);
	const lost = firstOf(network.nodes.filter(({id}) => id !== node.id));
	const puts: string[] = [];
	network.alive.delete(lost);
	await network.pass(2 * MINUTE_MS);
	const {waiting, active} = (await network.get<{repair: {waiting: number; active: unknown[]}}>('/api/repair')).repair;
	await drain(network, node);
	for (let seconds = 0; seconds < 300; seconds++) {
		await network.pass(1000);
		const repair = (await network.get<{repair: {active: unknown[]; waiting: number}}>('/api/repair')).repair;
		if (repair.active.length + repair.waiting > 0 && (await movesOf(network)).done.shards > 0) puts.push('too soon');
	}

	t.true(waiting + active.length >= 0);
	t.deepEqual(puts, []);
	t.is(node.shards.kept.size, 0);
});

test('a node that may use less than it has moves out what is over it, and no more', async t => {
	const {network, ids} = await withFiles(t, 0, {nodes: 4, allocatedBytes: 32_000});
	for (let file = 0; file < 10; file++) {
		ids.push(await upload(t, network.url, bytesOf(FILE_BYTES + file)));
		// What is on its way counts in blocks: until the nodes tell what they have, the last file would find too little room.
		await network.pass(30_000);
	}

	const node = firstOf(network.nodes);
	const had = node.shards.kept.size;
	node.allocatedBytes = (had - 3) * 3100;
	await network.join(node);
	await network.until('it is within its bounds', () => node.shards.usedBytes <= node.allocatedBytes, 20 * MINUTE_MS);
	await network.pass(10 * MINUTE_MS);
	t.true(await areWhole(network, ids));
	t.true(node.shards.kept.size >= had - 5, `${node.shards.kept.size} of ${had} are left`);
});

test('a copy is dropped only after another is where it goes to', async t => {
	const {network, ids} = await withFiles(t, 3, {nodes: 4});
	const node = fullestOf(network);
	for (const other of network.nodes.filter(({id}) => id !== node.id)) {
		other.faults.put = async () => Promise.reject(new PjasError('NODE_FAILED', 'broke off'));
	}

	await drain(network, node);
	await network.pass(5 * MINUTE_MS);
	t.true(await areWhole(network, ids));
	t.like((await nodeOf(network, node)).drain, {shards_left: node.shards.kept.size});
	for (const other of network.nodes) other.faults = {};
	await network.until('it is empty', () => node.shards.kept.size === 0, 20 * MINUTE_MS);
	t.true(await areWhole(network, ids));
});

test('an empty node that joins gets shards of the fullest, slowly, until it is hardly emptier', async t => {
	const {network, ids} = await withFiles(t, 30, {nodes: 3, allocatedBytes: 200_000});
	const late = await network.addNode({allocatedBytes: 200_000});
	network.alive.add(late);
	let [now, most] = [0, 0];
	late.faults.put = async (...parameters) => {
		most = Math.max(most, ++now);
		for (let turn = 0; turn < 10; turn++) await new Promise(resolve => setImmediate(resolve));
		await late.shards.put(...parameters);
		now--;
	};
	await network.until(
		'it is about as full as the others',
		() => {
			const fills = network.nodes.map(({shards, allocatedBytes}) => shards.usedBytes / allocatedBytes);
			return Math.max(...fills) - Math.min(...fills) < 0.1;
		},
		60 * MINUTE_MS,
	);
	t.is(most, 1, 'one at a time');
	await network.pass(15 * MINUTE_MS);
	const {done} = await movesOf(network);
	await network.pass(15 * MINUTE_MS);
	t.deepEqual((await movesOf(network)).done, done, 'then all stays where it is');
	t.true(done.shards < 30, String(done.shards));
	t.true(await areWhole(network, ids));
});

test('chunks whose copies share a house are mended when another house joins', async t => {
	const {network, ids} = await withFiles(t, 0, {nodes: 0});
	for (const zone of ['a', 'a', 'b']) network.alive.add(await network.addNode({zone, owner: zone}));
	for (let file = 0; file < 5; file++) ids.push(await upload(t, network.url, bytesOf(200 + file)));
	const zones = async () =>
		Promise.all(
			(await chunksOf(network, ids)).map(async ({shards}) => {
				const nodes = await Promise.all(shards.map(async ({node}) => network.catalog.getNode(node)));
				return new Set(nodes.map(node => node?.zone)).size;
			}),
		);
	t.deepEqual(await zones(), [2, 2, 2, 2, 2]);
	network.alive.add(await network.addNode({zone: 'c', owner: 'c'}));
	await network.until(
		'each is in three houses',
		async () => (await zones()).every(count => count === 3),
		10 * MINUTE_MS,
	);
	t.true(await areWhole(network, ids));
});

test('in its maintenance a node is away without anybody minding; after it, its copies are made again', async t => {
	const {network, ids} = await withFiles(t, 3);
	const node = firstOf(holdersOf(network, await network.chunk(firstOf(ids))));
	const places = async () =>
		(await chunksOf(network, ids)).map(({shards}) => shards.map(({node: holder}) => holder).sort());
	const before = await places();
	const answer = await call(network, 'POST', `/api/nodes/${node.id}/maintenance`, {duration_s: 1800});
	t.like(((await answer.json()) as {node: NodeView}).node.maintenance, {
		from: network.clock.now(),
		until: network.clock.now() + 1_800_000,
	});
	network.alive.delete(node);
	await network.pass(20 * MINUTE_MS);
	t.true((await messages(network)).some(message => message.endsWith(' is offline: it is in maintenance')));
	t.deepEqual(await places(), before);
	t.like((await network.get<{repair: object}>('/api/repair')).repair, {waiting: 0});

	await network.pass(10 * MINUTE_MS + 5000);
	t.is((await nodeOf(network, node)).maintenance, undefined);
	t.true((await messages(network)).some(message => message.endsWith('has had its maintenance, and is still away')));
	await network.pass(GRACE_MS - MINUTE_MS);
	t.deepEqual(await places(), before, 'a little late is no reason yet');
	await network.until('three copies', async () => areWhole(network, ids), 5 * MINUTE_MS);
});

test('a maintenance that ended while no coordinator ran is over at the next start', async t => {
	const {network, ids} = await withFiles(t, 2);
	const node = firstOf(holdersOf(network, await network.chunk(firstOf(ids))));
	await call(network, 'POST', `/api/nodes/${node.id}/maintenance`, {duration_s: 600});
	network.alive.delete(node);
	await network.pass(2 * MINUTE_MS);
	const others = {...network, nodes: network.nodes.filter(each => each !== node)};
	const clock = manualClock(network.clock.now() + 2 * 60 * MINUTE_MS);
	const next = await startPassingNetwork(t, {catalog: network.catalog, nodesOf: others}, clock);
	await next.until('three copies', async () => areWhole(next, ids), 5 * MINUTE_MS);
});

test('a maintenance is ended early, and refused where it makes no sense', async t => {
	const {network} = await withFiles(t, 0);
	const node = fullestOf(network);
	const path = `/api/nodes/${node.id}/maintenance`;
	for (const body of [{}, {duration_s: 1}, {duration_s: 1e9}, {from: 1, duration_s: 60}]) {
		const refused = await call(network, 'POST', path, body);
		t.is(refused.status, 400);
		t.like(await refused.json(), {code: 'INVALID_REQUEST'});
	}

	t.is((await call(network, 'POST', path, {duration_s: 600})).status, 200);
	await upload(t, network.url, bytesOf(100));
	t.is(node.shards.kept.size, 0, 'it gets nothing while it is about to go');
	t.is((await call(network, 'DELETE', path)).status, 200);
	t.is((await nodeOf(network, node)).maintenance, undefined);
	t.is((await call(network, 'DELETE', path)).status, 200, 'once more changes nothing');
});

test('it is said whether a node can stop, and which chunks would be at risk', async t => {
	const {network, ids} = await withFiles(t, 4, {nodes: 4});
	const id = firstOf(ids);
	const chunk = await network.chunk(id);
	const [one, two] = holdersOf(network, chunk);
	if (!one || !two) throw new Error('it has too few');
	const ask = async (node: TestNode) => network.get<SafeToStop>(`/api/nodes/${node.id}/safe-to-stop`);
	t.like(await ask(one), {safe: true, shards: one.shards.kept.size, min_copies: 2, at_risk: 0, chunks: []});

	network.alive.delete(two);
	await network.pass(2 * MINUTE_MS);
	const {safe, at_risk: atRisk, chunks} = await ask(one);
	t.false(safe);
	t.is(atRisk, chunks.length);
	t.deepEqual(
		chunks.find(({file_id: file}) => file === id),
		{
			file_id: id,
			filename: (await network.get<{file: {filename: string}}>(`/api/files/${id}`)).file.filename,
			index: 0,
			copies: 1,
			wanted: 3,
		},
	);
	network.alive.add(two);
	await network.pass(MINUTE_MS);
	t.true((await ask(one)).safe);
	await call(network, 'POST', `/api/nodes/${two.id}/maintenance`, {duration_s: 600});
	t.false((await ask(one)).safe, 'one that is about to go does not count');
});
