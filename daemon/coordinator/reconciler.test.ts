import {createHash} from 'node:crypto';
import test from 'ava';
import type {Digest} from '../../source/protocol/ids.js';
import {memoryCatalog} from '../adapters/memory-catalog.js';
import {MemoryShards} from '../adapters/memory-shards.js';
import {removalOf} from '../core/model.js';
import {chunkOf, fileOf, nodeIdOf, nodeOf} from '../ports/catalog-samples.suite.js';
import {PjasError} from '../../source/protocol/errors.js';
import type {ShardStore} from '../ports/shard-store.js';
import {manualClock} from '../testing/manual-clock.js';
import {silentLog} from '../testing/silent-log.js';
import {createFleet} from './fleet.js';
import {createReconciler} from './reconciler.js';
import {createRemover} from './remover.js';
import {createShardHealth} from './shard-health.js';

const HOUR_MS = 3_600_000;
const {signal} = new AbortController();
const digestOf = (body: Uint8Array) => createHash('sha256').update(body).digest('hex') as Digest;

/** Two nodes, the second a classic one, and a chunk on the first. */
const start = async ({restoredAt}: {restoredAt?: number} = {}) => {
	const clock = manualClock();
	const catalog = memoryCatalog();
	const disk = new MemoryShards();
	const faults: Partial<ShardStore> = {};
	const listings: number[] = [];
	const store: ShardStore = Object.assign(Object.create(disk) as ShardStore, {
		list(...parameters: Parameters<ShardStore['list']>) {
			listings.push(clock.now());
			return disk.list(...parameters);
		},
		verify: async (...parameters: Parameters<ShardStore['verify']>) =>
			faults.verify ? faults.verify(...parameters) : disk.verify(...parameters),
	});
	const fleet = createFleet({dial: () => store, clock});
	fleet.set(await catalog.putNode(nodeOf(1))).isOnline = true;
	fleet.set(await catalog.putNode(nodeOf(2, {kind: 'classic'}))).isOnline = true;
	const bytes = Buffer.from('a shard');
	await disk.put(digestOf(bytes), bytes);
	const sample = chunkOf(1, 0);
	const shards = [{digest: digestOf(bytes), node: nodeIdOf(1), verifiedAt: 1}];
	await catalog.commitUpload(fileOf(1), [{...sample, shards}]);
	const silence = () => undefined;
	const common = {catalog, fleet, clock, log: silentLog, note: silence, wake: silence, restoredAt};
	const remover = createRemover(common);
	const reconciler = createReconciler({
		...common,
		health: createShardHealth({catalog, clock, onFault: silence}),
		random: {float: () => 0.5},
		remover,
	});
	return {
		...{clock, catalog, disk, fleet, faults, listings, digest: digestOf(bytes), bytes},
		/** Lets both workers do all that is due, and then an hour pass. */
		async hour() {
			while ((await reconciler.step(signal)) === 'busy');
			while ((await remover.step(signal)) === 'busy');
			await clock.advance(HOUR_MS);
		},
		request: (theirs?: string) => reconciler.request(nodeIdOf(1), theirs),
		shard: async () => (await catalog.getChunk(sample._id))?.shards[0],
	};
};

test('a node’s listing is compared again within a day, day after day, and a classic one’s never', async t => {
	const network = await start();
	const startedAt = network.clock.now();
	for (let hours = 0; hours < 24 * 7; hours++) await network.hour();
	// What its own digest would have said to be the same need not be listed; here nobody told it.
	const gaps = network.listings.map((at, index) => at - (network.listings[index - 1] ?? startedAt));
	t.true(
		gaps.every(ms => ms <= 24 * HOUR_MS),
		gaps.join(),
	);
	t.true(network.listings.length >= 7 && network.listings.length <= 14, `${network.listings.length} in a week`);
});

test('what was lost behind a running node’s back is found within a day', async t => {
	const network = await start();
	await network.hour();
	network.disk.kept.clear();
	for (let hours = 0; hours < 24; hours++) await network.hour();
	t.is((await network.shard())?.fault?.kind, 'missing');
});

test('an orphan goes a day after it was first seen, however often it is seen', async t => {
	const network = await start();
	const stray = Buffer.from('nobody knows of this');
	await network.disk.put(digestOf(stray), stray);
	network.request();
	for (let hours = 0; hours < 24; hours++) {
		await network.hour();
		network.request('0'.repeat(64));
		t.true(network.disk.kept.has(digestOf(stray)), `hour ${hours}`);
	}

	await network.hour();
	t.false(network.disk.kept.has(digestOf(stray)));
	t.true(network.disk.kept.has(network.digest));
});

test('after a restore, what is unknown is kept for seven days, also where the backup was about to remove it', async t => {
	const network = await start({restoredAt: 1_700_000_000_000});
	const strays = ['an orphan', 'a copy', 'unknown'].map(text => Buffer.from(text)) as [Buffer, Buffer, Buffer];
	for (const stray of strays) await network.disk.put(digestOf(stray), stray);
	const notBefore = network.clock.now() - HOUR_MS;
	const [orphan, copy] = strays;
	await network.catalog.putRemovals([
		removalOf(nodeIdOf(1), digestOf(orphan), notBefore, 'orphan'),
		removalOf(nodeIdOf(1), digestOf(copy), notBefore, 'surplus'),
	]);
	network.request();
	for (let hours = 0; hours < 24 * 7; hours++) {
		await network.hour();
		t.true(
			strays.every(stray => network.disk.kept.has(digestOf(stray))),
			`hour ${hours}`,
		);
	}

	await network.hour();
	t.deepEqual([...network.disk.kept.keys()], [network.digest]);
});

test('a shard that a disk did not give counts again once it does', async t => {
	const network = await start();
	const chunk = await network.catalog.getChunk(chunkOf(1, 0)._id);
	if (!chunk) throw new Error('there is no chunk');
	const fault = {kind: 'corrupt' as const, at: 1};
	await network.catalog.putChunk({...chunk, shards: chunk.shards.map(shard => ({...shard, fault}))});
	network.faults.verify = async () => Promise.reject(new PjasError('SHARD_UNREADABLE', 'not yet'));
	network.request();
	await network.hour();
	t.is((await network.shard())?.fault?.kind, 'corrupt');
	delete network.faults.verify;
	network.request();
	await network.hour();
	t.is((await network.shard())?.fault, undefined);
});

test('a shard that was taken off its chunk is not brought back by who saw it before; who counts it in does', async t => {
	const clock = manualClock(50);
	const catalog = memoryCatalog();
	const sample = chunkOf(1, 0);
	const [kept, gone] = [1, 2].map(number => ({
		digest: digestOf(Buffer.of(number)),
		node: nodeIdOf(number),
		verifiedAt: 1,
	}));
	if (!kept || !gone) throw new Error('Two shards are wanted');
	await catalog.commitUpload(fileOf(1), [{...sample, shards: [kept]}]);
	const changes: number[] = [];
	const health = createShardHealth({
		...{catalog, clock, onFault: () => t.fail('nothing is wrong')},
		onChange: ({shards}) => changes.push(shards.length),
	});
	await health.record(sample._id, [{...gone, result: 'ok'}]);
	await health.record(sample._id, [{...gone, result: 'missing'}]);
	t.is((await catalog.getChunk(sample._id))?.revision, 1, 'not even written');
	await health.record(
		sample._id,
		[kept, gone].map(shard => ({...shard, result: 'ok' as const})),
	);
	t.deepEqual((await catalog.getChunk(sample._id))?.shards, [{...kept, verifiedAt: clock.now()}]);
	await health.countIn(sample._id, gone);
	t.deepEqual(
		(await catalog.getChunk(sample._id))?.shards.map(({node}) => node),
		[kept.node, gone.node],
	);
	t.deepEqual(changes, [2]);
});
