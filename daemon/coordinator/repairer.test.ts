import {createHash} from 'node:crypto';
import test, {type ExecutionContext} from 'ava';
import type {LogEntry, RepairView, Stats} from '../../source/protocol/api.js';
import {PjasError} from '../../source/protocol/errors.js';
import type {ChunkId, Digest} from '../../source/protocol/ids.js';
import type {ChunkRecord} from '../core/model.js';
import {manualClock} from '../testing/manual-clock.js';
import type {TestNetworkOptions, TestNode} from '../testing/network.js';
import {
	holdersOf,
	type PassingNetwork as Network,
	startPassingNetwork as startNetwork,
} from '../testing/passing-network.js';
import {bytesOf, download, same, upload} from '../testing/requests.js';

const MINUTE_MS = 60_000;
const GRACE_MS = 15 * MINUTE_MS;
const FILE_BYTES = 3000;

const digestOf = (chunk: ChunkRecord): Digest => {
	const [shard] = chunk.shards;
	if (!shard) throw new Error('it has no shard');
	return shard.digest;
};

const isRight = ({shards}: TestNode, digest: Digest) => {
	const bytes = shards.kept.get(digest);
	return bytes !== undefined && createHash('sha256').update(bytes).digest('hex') === digest;
};

/** Whether the chunk has three right copies on living nodes, and nobody else has one or is said to. */
const isWhole = async (network: Network, file: string): Promise<boolean> => {
	const chunk = await network.chunk(file);
	const digest = digestOf(chunk);
	const holders = holdersOf(network, chunk);
	const strangers = [...network.alive].filter(node => !holders.includes(node));
	return (
		holders.length === 3 &&
		new Set(holders).size === 3 &&
		holders.every(node => network.alive.has(node) && isRight(node, digest)) &&
		chunk.shards.every(({fault}) => !fault) &&
		strangers.every(({shards}) => !shards.kept.has(digest))
	);
};

const repairOf = async ({get}: Network) => (await get<{repair: RepairView}>('/api/repair')).repair;
const firstOf = <T>(list: readonly T[]): T => {
	const [first] = list;
	if (first === undefined) throw new Error('there is none');
	return first;
};

/** A network with a file, and the nodes that keep it. */
const withFile = async (t: ExecutionContext, options: TestNetworkOptions = {}) => {
	const network = await startNetwork(t, options);
	const content = bytesOf(FILE_BYTES);
	const id = await upload(t, network.url, content);
	const chunk = await network.chunk(id);
	const holders = holdersOf(network, chunk);
	return {network, content, id, chunk, digest: digestOf(chunk), holders};
};

test('what a lost node kept is made again after the grace, not before', async t => {
	const {network, content, id, holders} = await withFile(t);
	const lost = firstOf(holders);
	network.alive.delete(lost);
	await network.pass(GRACE_MS - MINUTE_MS);
	t.deepEqual(holdersOf(network, await network.chunk(id)), holders, 'a nap costs nothing');
	t.like((await network.get<{stats: Stats}>('/api/stats')).stats.repair, {waiting: 1, active: 0, blocked: 0});
	const [short] = (await repairOf(network)).short;
	t.like(short, {file_id: id, index: 0, copies: 2, reason: null});

	await network.until('three copies again', async () => isWhole(network, id));
	same(t, (await download(network.url, id)).bytes, content);
	t.like(await repairOf(network), {waiting: 0, blocked: 0, active: [], done: {chunks: 1, shards: 1}});
	await network.until('the log tells of it', async () => {
		const {logs} = await network.get<{logs: LogEntry[]}>('/api/logs');
		return logs.some(({message}) => /^Repaired 1 chunk: 1 new shard/.test(message));
	});
	t.is(network.catalog.totals().removals, 0);
});

test('a chunk with one copy left gets a second within a minute, and the third after the grace', async t => {
	const {network, id, holders} = await withFile(t);
	for (const node of holders.slice(1)) network.alive.delete(node);
	await network.pass(MINUTE_MS);
	await network.until('both are known to be away', async () => {
		return (await network.get<{stats: Stats}>('/api/stats')).stats.onlineNodes === 3;
	});
	const isSecond = async () => {
		const {shards} = await network.chunk(id);
		return shards.filter(({node}) => [...network.alive].some(each => each.id === node)).length === 2;
	};
	await network.until('a second copy', isSecond, MINUTE_MS);
	await network.pass(5 * MINUTE_MS);
	t.true(await isSecond(), 'no third one yet');
	await network.until('three copies', async () => isWhole(network, id), GRACE_MS);
});

test('a node that comes back in time cancels its repair', async t => {
	const {network, id, holders} = await withFile(t);
	const napping = firstOf(holders);
	network.alive.delete(napping);
	await network.pass(5 * MINUTE_MS);
	network.alive.add(napping);
	await network.pass(2 * GRACE_MS);
	t.deepEqual(holdersOf(network, await network.chunk(id)), holders);
	t.like(await repairOf(network), {waiting: 0, surplus: 0, done: {chunks: 0}});
});

test('a node that comes back after its repair leaves three copies, in as many zones as before', async t => {
	const {network, id, digest, holders} = await withFile(t);
	const late = firstOf(holders);
	network.alive.delete(late);
	await network.pass(GRACE_MS);
	await network.until('repaired', async () => isWhole(network, id));
	t.true(isRight(late, digest));
	network.alive.add(late);
	await network.join(late, {listing_digest: 'f'.repeat(64)});
	await network.until('its copy is counted, and one forgotten', async () => (await network.chunk(id)).revision > 3);
	await network.until('three copies', async () => isWhole(network, id));
	await network.until('nothing is left to do', () => network.catalog.totals().removals === 0);
	t.is((await repairOf(network)).surplus, 0);
});

for (const nodes of [3, 4]) {
	test(`a copy that a check finds wrong is replaced, of ${nodes} nodes`, async t => {
		const {network, id, digest, holders} = await withFile(t, {nodes, repair: {graceMs: 1000}});
		firstOf(holders).shards.kept.set(digest, Buffer.from('rot'));
		await (await network.post(`/api/files/${id}/check`)).text();
		t.truthy((await network.chunk(id)).shards.find(({fault}) => fault?.kind === 'corrupt'));
		await network.until('three right copies', async () => isWhole(network, id));
	});
}

test('a wrong copy that is read for a repair is written down, and another is read', async t => {
	const {network, id, digest, holders} = await withFile(t);
	const [lost, ...others] = holders;
	network.alive.delete(lost as TestNode);
	firstOf(others).shards.kept.set(digest, Buffer.alloc(FILE_BYTES + 16));
	await network.pass(GRACE_MS);
	await network.until('a right second copy', async () => {
		const chunk = await network.chunk(id);
		return holdersOf(network, chunk).filter(node => network.alive.has(node) && isRight(node, digest)).length >= 2;
	});
});

test('where a target fails, another gets the copy', async t => {
	const {network, id, holders, digest} = await withFile(t);
	const others = network.nodes.filter(node => !holders.includes(node));
	let failures = 0;
	for (const node of others) {
		node.faults.put = async (...parameters) => {
			if (failures++ === 0) throw new PjasError('NODE_FAILED', 'broke off');
			return node.shards.put(...parameters);
		};
	}

	network.alive.delete(firstOf(holders));
	await network.pass(GRACE_MS);
	await network.until('three copies', async () => isWhole(network, id));
	t.true(failures > 1);
	await network.until('no removal waits', () => network.catalog.totals().removals === 0);
	t.is([...network.alive].filter(({shards}) => shards.kept.has(digest)).length, 3);
});

test('a plan whose chunk was changed meanwhile is refused, and made anew', async t => {
	const {network, id, holders} = await withFile(t);
	const others = network.nodes.filter(node => !holders.includes(node));
	let changes = 0;
	for (const node of others) {
		node.faults.put = async (...parameters) => {
			await node.shards.put(...parameters);
			const chunk = await network.chunk(id);
			if (changes++ === 0) await network.catalog.putChunk(chunk);
		};
	}

	network.alive.delete(firstOf(holders));
	await network.pass(GRACE_MS);
	await network.until('three copies', async () => isWhole(network, id));
	t.is(changes, 2);
});

test('of a file that is deleted while it is repaired nothing stays on any node', async t => {
	const {network, id, holders, digest} = await withFile(t);
	const others = network.nodes.filter(node => !holders.includes(node));
	let puts = 0;
	for (const node of others) {
		node.faults.put = async (...parameters) => {
			puts++;
			await node.shards.put(...parameters);
			await fetch(`${network.url}/api/files/${id}`, {method: 'DELETE'});
		};
	}

	const lost = firstOf(holders);
	network.alive.delete(lost);
	await network.pass(GRACE_MS);
	await network.until('it is repaired, too late', () => puts > 0);
	await network.until('all is gone', () => [...network.alive].every(({shards}) => !shards.kept.has(digest)));
	network.alive.add(lost);
	await network.join(lost);
	await network.until('from the lost node too', () => !lost.shards.kept.has(digest));
	t.is(await network.catalog.getChunk(`${id}:00000000` as ChunkId), undefined);
});

test('another coordinator over the same catalogue goes on where one ended in the middle', async t => {
	const {network, id, holders, digest} = await withFile(t);
	const others = network.nodes.filter(node => !holders.includes(node));
	let release: () => void = () => undefined;
	const released = new Promise<void>(resolve => (release = resolve));
	const hung: TestNode[] = [];
	for (const node of others) {
		node.faults.put = async (...parameters) => {
			await node.shards.put(...parameters);
			hung.push(node);
			await released;
		};
	}

	t.teardown(release);
	const lost = firstOf(holders);
	network.alive.delete(lost);
	await network.pass(GRACE_MS);
	await network.until('a copy was put', () => hung.length > 0);
	for (const node of others) node.faults = {};

	const living = {...network, nodes: network.nodes.filter(node => node !== lost)};
	const next = await startNetwork(t, {catalog: network.catalog, nodesOf: living}, manualClock(network.clock.now()));
	await next.until('three copies', async () => {
		const chunk = await next.chunk(id);
		const right = holdersOf(next, chunk).filter(node => isRight(node, digest));
		return right.length === 3 && chunk.shards.length === 3;
	});
	await next.pass(65 * MINUTE_MS);
	await next.until('what the first one left is gone', async () => isWhole(next, id));
	release();
	await next.pass(2 * MINUTE_MS);
	t.true(await isWhole(next, id), 'the first one changes nothing any more');
});

test('a coordinator that starts gives nodes their time; who was away before gets no new grace', async t => {
	const {network, id, holders} = await withFile(t);
	const lost = firstOf(holders);
	network.alive.delete(lost);
	await network.pass(10 * MINUTE_MS);
	const others = {...network, nodes: network.nodes.filter(node => node !== lost)};
	const alone = await startNetwork(t, {catalog: network.catalog, nodes: 0}, manualClock(network.clock.now()));
	await alone.pass(MINUTE_MS - 10_000);
	t.like(await repairOf(alone), {waiting: 1, blocked: 0}, 'the two others may come yet');
	await alone.until('they did not', async () => (await repairOf(alone)).blocked === 1, MINUTE_MS);

	const next = await startNetwork(t, {catalog: network.catalog, nodesOf: others}, manualClock(network.clock.now()));
	await next.pass(3 * MINUTE_MS);
	t.is((await next.chunk(id)).shards.length, 3);
	t.true((await next.chunk(id)).shards.some(({node}) => node === lost.id));
	await next.until('three copies', async () => isWhole(next, id), 3 * MINUTE_MS);
});

test('a coordinator whose clock is set back just after its start repairs all the same', async t => {
	const {network, id, holders} = await withFile(t);
	network.clock.jump(-10 * 60 * MINUTE_MS);
	network.alive.delete(firstOf(holders));
	await network.until('three copies', async () => isWhole(network, id), GRACE_MS + 5 * MINUTE_MS);
});

test('paused, nothing is repaired, also after a start; resumed, it goes on', async t => {
	const {network, id, holders} = await withFile(t);
	t.is((await network.post('/api/repair/pause')).status, 200);
	network.alive.delete(firstOf(holders));
	await network.pass(2 * GRACE_MS);
	t.like(await repairOf(network), {paused: true, waiting: 1, active: []});
	t.deepEqual(holdersOf(network, await network.chunk(id)), holders);
	const next = await startNetwork(t, {catalog: network.catalog, nodes: 0});
	t.true((await repairOf(next)).paused);
	t.is((await network.post('/api/repair/resume')).status, 200);
	await network.until('three copies', async () => isWhole(network, id));
});

test('repair keeps to its rate', async t => {
	// Of three nodes each has every file, whichever is lost: where chance decides, one might have a single one.
	const repair = {graceMs: 0, bytesPerSecond: (FILE_BYTES + 16) / 10};
	const network = await startNetwork(t, {nodes: 3, repair});
	const files = 4;
	for (let file = 0; file < files; file++) await upload(t, network.url, bytesOf(FILE_BYTES + file));
	await network.post('/api/repair/pause');
	network.alive.add(await network.addNode());
	network.alive.delete(firstOf(network.nodes));
	await network.until('all wait', async () => (await repairOf(network)).waiting === files);
	await network.post('/api/repair/resume');
	await network.pass((files - 1) * 10_000 - 5_000);
	t.true((await repairOf(network)).done.chunks < files, 'too soon for the last');
	await network.until('all are whole', async () => (await repairOf(network)).done.chunks === files, MINUTE_MS);
});

test('what is asked for is repaired at once', async t => {
	const {network, id, holders} = await withFile(t);
	network.alive.delete(firstOf(holders));
	await network.pass(2 * MINUTE_MS);
	const answer = await network.post(`/api/files/${id}/repair`);
	t.like(await answer.json(), {success: true, file_id: id, chunks: 1});
	await network.until('three copies', async () => isWhole(network, id), MINUTE_MS);
});

test('what has no node to go to says so, and is repaired when one joins', async t => {
	const {network, id, holders} = await withFile(t, {nodes: 3});
	network.alive.delete(firstOf(holders));
	await network.pass(GRACE_MS + 2 * MINUTE_MS);
	const {stats} = await network.get<{stats: Stats}>('/api/stats');
	t.deepEqual(stats.repair, {waiting: 0, active: 0, blocked: 1, paused: false, reason: 'too-few-nodes'});
	t.is((await repairOf(network)).short[0]?.reason, 'too-few-nodes');
	network.alive.add(await network.addNode());
	await network.until('three copies', async () => isWhole(network, id), MINUTE_MS);
	t.is((await repairOf(network)).blocked, 0);
});

test('a file that was uploaded with too few copies gets the others', async t => {
	const {network, id} = await withFile(t, {nodes: 2});
	t.is((await network.chunk(id)).shards.length, 2);
	network.alive.add(await network.addNode());
	await network.pass(GRACE_MS);
	await network.until('three copies', async () => isWhole(network, id));
});

test('the copies of a node that is banned are made again elsewhere', async t => {
	const {network, id, holders} = await withFile(t);
	const banned = firstOf(holders);
	t.is((await network.post(`/api/nodes/${banned.id}/ban`)).status, 200);
	network.alive.delete(banned);
	await network.pass(GRACE_MS);
	await network.until('three copies', async () => isWhole(network, id));
});

/** Has a node of six be lost, and says how many shards were put at once, and on one node, until all were whole again. */
const mostAtOnce = async (network: Network, duringRepair: () => Promise<void> = async () => Promise.resolve()) => {
	const uses = new Map<TestNode, number>();
	let [all, mostAll, mostOfOne] = [0, 0, 0];
	for (const node of network.nodes) {
		node.faults.put = async (...parameters) => {
			const mine = (uses.get(node) ?? 0) + 1;
			uses.set(node, mine);
			mostAll = Math.max(mostAll, ++all);
			mostOfOne = Math.max(mostOfOne, mine);
			for (let turn = 0; turn < 30; turn++) await new Promise(resolve => setImmediate(resolve));
			await node.shards.put(...parameters);
			uses.set(node, (uses.get(node) ?? 0) - 1);
			all--;
		};
	}

	const lost = firstOf(network.nodes);
	network.alive.delete(lost);
	await network.until('all are whole', async () => {
		await duringRepair();
		const {redundancy, repair} = (await network.get<{stats: Stats}>('/api/stats')).stats;
		return redundancy.full === 20 && repair.waiting + repair.active === 0 && network.coordinator.onlineNodes() === 5;
	});
	return {mostAll, mostOfOne};
};

const withTwenty = async (t: ExecutionContext) => {
	const network = await startNetwork(t, {nodes: 6, repair: {graceMs: 0, atOnce: 3}});
	for (let file = 0; file < 20; file++) await upload(t, network.url, bytesOf(FILE_BYTES + file));
	return network;
};

test('several chunks are repaired at once, never more than a network or a node should have to do', async t => {
	const {mostAll, mostOfOne} = await mostAtOnce(await withTwenty(t));
	t.true(mostAll > 1 && mostAll <= 3, String(mostAll));
	t.true(mostOfOne <= 2, String(mostOfOne));
});

test('while somebody uploads, one chunk is repaired at a time', async t => {
	const network = await withTwenty(t);
	const {readable, writable} = new TransformStream<Uint8Array, Uint8Array>();
	const writer = writable.getWriter();
	const send = async (text: string) => writer.write(Buffer.from(text));
	const sent = fetch(`${network.url}/api/files/upload`, {
		method: 'POST',
		headers: {'content-type': 'multipart/form-data; boundary=edge'},
		body: readable,
		duplex: 'half',
	});
	await send('--edge\r\ncontent-disposition: form-data; name="file"; filename="slow.txt"\r\n\r\n');
	const {mostAll} = await mostAtOnce(network, async () => send('on and on'));
	t.is(mostAll, 1);
	await send('\r\n--edge--\r\n');
	await writer.close();
	t.is((await sent).status, 200);
});

test('a storm of repairs is a few lines in the log, not one each', async t => {
	const network = await startNetwork(t);
	for (let file = 0; file < 25; file++) await upload(t, network.url, bytesOf(100 + file));
	network.alive.delete(firstOf(network.nodes));
	await network.pass(GRACE_MS + 5 * MINUTE_MS);
	const {logs} = await network.get<{logs: LogEntry[]}>('/api/logs?limit=1000');
	const lines = logs.filter(({message}) => message.startsWith('Repaired'));
	t.true(lines.length >= 1 && lines.length <= 4, JSON.stringify(lines));
});
