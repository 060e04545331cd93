import {rmSync} from 'node:fs';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import type {LogEntry, NodeView, Stats} from '../source/protocol/api.js';
import {chanceOf} from './testing/crash-chance.js';
import {askFor, download, remove, upload} from './testing/crash-client.js';
import type {Fault} from './testing/faulty-node.js';
import {manualClock} from './testing/manual-clock.js';
import {hasNginx} from './testing/nginx.js';
import type {NodeWay} from './testing/node-ways.js';
import {until} from './testing/processes.js';
import {
	chunksOf,
	comesBack,
	holdersOf,
	type RoleNetwork,
	type RoleNode,
	shardsIn,
	startRoleNetwork,
	store,
	type Stored,
} from './testing/roles.js';

const MIB = 1024 * 1024;
/** Far more than anything here may take; what hangs fails by it. */
const LIMIT_MS = 120_000;
const chance = chanceOf(20_26);

const faults: [string, Fault][] = [
	['resets its connections', 'reset'],
	['never answers', 'hang'],
	['takes a shard and never says so', 'hang-after-body'],
	['changes a byte', 'wrong-bytes'],
	['is full', 'full'],
	['closes in the middle of a body', 'cut-off'],
	['is very slow', {bytesPerSecond: 40_000}],
];

/** Through nginx, or not where there is none. */
const proxied = (t: ExecutionContext): NodeWay => (hasNginx(t, 'the node behind a proxy') ? 'proxied' : 'link');

/** One node whose front errs, and one of each other kind in two other houses: so every chunk is offered to it. */
const withOneApart = async (t: ExecutionContext): Promise<{network: RoleNetwork; apart: RoleNode}> => {
	t.timeout(LIMIT_MS);
	const network = await startRoleNetwork(t);
	const apart = await network.addNode({zone: 'apart', clock: manualClock(Date.now())});
	for (const way of ['link', proxied(t), 'classic'] as const) await network.addNodeBy(way, {zone: 'together'});
	await network.online(4);
	return {network, apart};
};

for (const [what, fault] of faults) {
	test.serial(`an upload goes to others where a node ${what}`, async t => {
		const {network, apart} = await withOneApart(t);
		const {url} = network;
		apart.front.fault(fault, 'put');
		const files = [await store(t, url, chance, 11 * MIB), await store(t, url, chance, 500_000)];
		t.true(apart.front.counts.put > 0, 'it was asked');
		for (const file of files) {
			await comesBack(t, url, file);
			const holders = await holdersOf(url, file);
			for (const names of holders) {
				t.is(names.length, 3);
				t.true(typeof fault === 'object' || !names.includes(apart.name), 'what it did not say counts for nothing');
			}
		}

		// Whatever it took all the same is no one's: it is gone once the node is well again.
		apart.front.fault(undefined);
		await apart.restart();
		const known = new Set<string>(
			(await chunksOf(url, files[0] as Stored)).flatMap(({shards}) => shards.map(shard => shard.digest)),
		);
		for (const {shards} of await chunksOf(url, files[1] as Stored)) for (const {digest} of shards) known.add(digest);
		await until('unwanted shards are removed', () => shardsIn(apart).every(name => known.has(name)));
		await comesBack(t, url, await store(t, url, chance, 200_000));
	});
}

test.serial('a full node is not asked again until it says that it has room', async t => {
	const {network, apart} = await withOneApart(t);
	apart.front.fault('full', 'put');
	await store(t, network.url, chance, 1000);
	const heardAt = async () => {
		const {nodes} = await askFor<{nodes: NodeView[]}>(network.url, 'nodes');
		return nodes.find(({name}) => name === apart.name)?.last_seen;
	};
	// What it said at its start may come late: then it is asked once more.
	for (let before = -1; apart.front.counts.put > before;) {
		before = apart.front.counts.put;
		const heard = await heardAt();
		for (let number = 0; number < 5; number++) await store(t, network.url, chance, 1000);
		if ((await heardAt()) === heard) t.is(apart.front.counts.put, before);
	}

	apart.front.fault(undefined);
	await apart.restart();
	const file = await store(t, network.url, chance, 1000);
	t.true((await holdersOf(network.url, file))[0]?.includes(apart.name));
});

test.serial(
	'what is deleted leaves the disks, at once where its nodes are there, else when they come back',
	async t => {
		t.timeout(LIMIT_MS);
		const network = await startRoleNetwork(t);
		const {url} = network;
		const nodes = [await network.addNode(), await network.addNode(), await network.addNode()];
		await network.online(3);
		const files: Stored[] = [];
		for (const sizeBytes of [1, 40_000, 11 * MIB, 60_000, 0]) files.push(await store(t, url, chance, sizeBytes));
		const kept = await store(t, url, chance, 50_000);
		t.deepEqual(
			nodes.map(node => shardsIn(node).length),
			[6, 6, 6],
		);

		await nodes[2]?.front.leave();
		const outcomes = await Promise.all(files.map(async ({id}) => remove(url, id)));
		t.true(outcomes.every(({kind}) => kind === 'removed'));
		const isOnlyKept = (node: RoleNode) => shardsIn(node).length === 1;
		const pending = async () => (await askFor<{stats: Stats}>(url, 'stats')).stats.pendingRemovals;
		await until('those that are there have removed them', () => nodes.slice(0, 2).every(isOnlyKept));
		await until('those of the node that is away wait', async () => (await pending()) === 5);
		await nodes[2]?.front.comeBack();
		await nodes[2]?.restart();
		await until('all have', () => nodes.every(isOnlyKept));
		await until('nothing is pending', async () => (await pending()) === 0);
		await comesBack(t, url, kept);
	},
);

test.serial('what a node took before it went away is removed when it comes back, not kept for a day', async t => {
	const {network, apart} = await withOneApart(t);
	const {url} = network;
	// From now on there are connections that are used again.
	await store(t, url, chance, 1000);
	const before = shardsIn(apart).length;
	apart.front.fault('hang-after-body', 'put');
	const storing = store(t, url, chance, 5000);
	await until('it took the shard', () => shardsIn(apart).length > before);
	await apart.front.leave();
	const file = await storing;
	for (const names of await holdersOf(url, file)) t.false(names.includes(apart.name));

	apart.front.fault(undefined);
	await apart.front.comeBack();
	await apart.restart();
	const [digest] = (await chunksOf(url, file)).flatMap(({shards}) => shards.map(shard => shard.digest));
	await until('it has removed the shard', () => !shardsIn(apart).includes(digest ?? ''));
	await comesBack(t, url, file);
});

const readFaults = faults.filter(([, fault]) => fault !== 'full');

for (const [index, [what, fault]] of readFaults.entries()) {
	test.serial(`a download comes from another where a node ${what}`, async t => {
		t.timeout(LIMIT_MS);
		const network = await startRoleNetwork(t, {replicas: 2});
		const bad = await network.addNodeBy(index % 2 === 0 ? 'direct' : 'classic');
		const others: NodeWay[] = ['link', proxied(t), 'classic'];
		await network.addNodeBy(others[index % others.length] ?? 'link');
		await network.online(2);
		const {url} = network;
		const files = [await store(t, url, chance, 25 * MIB)];
		for (let number = 0; number < 12; number++) files.push(await store(t, url, chance, 300_000));

		bad.front.fault(fault, 'get');
		for (const file of files.reverse()) await comesBack(t, url, file);
		t.true(bad.front.counts.get > 0, 'it was asked');
		const states = (await Promise.all(files.map(async file => chunksOf(url, file))))
			.flat()
			.flatMap(({shards}) => shards);
		const corrupt = states.filter(({state}) => state === 'corrupt');
		if (fault === 'wrong-bytes') {
			t.true(corrupt.length > 0, 'it is written down');
			const {logs} = await askFor<{logs: LogEntry[]}>(url, 'logs');
			t.true(logs.some(({level, message}) => level === 'WARN' && message.includes(`corrupt on node ${bad.name}`)));
		} else {
			t.deepEqual(corrupt, []);
		}

		t.true(corrupt.every(({node_name: name}) => name === bad.name));
		t.true(states.every(({state}) => state !== 'missing'));
	});
}

test.serial(
	'a file of which no right copy is left is refused; one that breaks off later is cut, not ended',
	async t => {
		t.timeout(LIMIT_MS);
		const network = await startRoleNetwork(t, {replicas: 2});
		const nodes = [await network.addNode(), await network.addNode()];
		await network.online(2);
		const {url} = network;
		const file = await store(t, url, chance, 25 * MIB);
		for (const {front} of nodes) front.fault('wrong-bytes', 'get');
		t.like(await download(url, file.id), {kind: 'refused', status: 500, code: 'FILE_UNAVAILABLE'});
		for (const {front} of nodes) front.fault(undefined);
		// What was found wrong is tried all the same where there is nothing better.
		await comesBack(t, url, file);

		const last = (await chunksOf(url, file)).at(-1)?.shards[0]?.digest ?? '';
		for (const {folder} of nodes) rmSync(path.join(folder, 'chunks', `${last}.chunk`));
		t.is((await download(url, file.id)).kind, 'lost');
		t.true((await chunksOf(url, file)).at(-1)?.shards.every(({state}) => state === 'missing'));
	},
);

test.serial('an upload that too few nodes take is refused by its name, and leaves nothing', async t => {
	t.timeout(LIMIT_MS);
	const network = await startRoleNetwork(t);
	const nodes = [await network.addNode(), await network.addNode(), await network.addNode()];
	await network.online(3);
	const {url} = network;
	for (const {front} of nodes.slice(1)) front.fault('reset', 'put');
	t.like(await upload(url, 'refused.bin', chance.bytes(15 * MIB)), {
		kind: 'refused',
		status: 503,
		code: 'NOT_ENOUGH_NODES',
	});
	for (const {front} of nodes) front.fault('full', 'put');
	for (const node of nodes) await node.restart();
	// What stands between can't say of a node that it is full.
	t.like(await upload(url, 'refused.bin', chance.bytes(1000)), {
		kind: 'refused',
		status: 503,
		code: 'NOT_ENOUGH_NODES',
	});
	for (const {front} of nodes) await front.leave();
	const outcome = await upload(url, 'refused.bin', chance.bytes(1000));
	t.like(outcome, {kind: 'refused', status: 503});
	for (const {front} of nodes) {
		await front.comeBack();
		front.fault(undefined);
	}

	for (const node of nodes) await node.restart();
	t.is((await askFor<{stats: Stats}>(url, 'stats')).stats.activeFiles, 0);
	await until('nothing is left', async () => {
		const {stats} = await askFor<{stats: Stats}>(url, 'stats');
		return stats.pendingRemovals === 0 && nodes.every(node => shardsIn(node).length === 0);
	});
	await comesBack(t, url, await store(t, url, chance, 100_000));
});
