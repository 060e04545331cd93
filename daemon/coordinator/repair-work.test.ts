import {createHash} from 'node:crypto';
import test from 'ava';
import type {Digest} from '../../source/protocol/ids.js';
import {SEAL_TAG_BYTES} from '../../source/protocol/seal.js';
import {memoryCatalog} from '../adapters/memory-catalog.js';
import {MemoryShards} from '../adapters/memory-shards.js';
import {MAX_SHARD_BYTES} from '../core/limits.js';
import {removalOf, schemeOf} from '../core/model.js';
import type {Catalog} from '../ports/catalog.js';
import {chunkOf, fileOf, nodeIdOf, nodeOf} from '../ports/catalog-samples.suite.js';
import {manualClock} from '../testing/manual-clock.js';
import {silentLog} from '../testing/silent-log.js';
import {createFleet, type Fleet, toCandidate} from './fleet.js';
import {createMemoryBudget, type Lease} from './memory-budget.js';
import {createPace} from './pace.js';
import {createRemover} from './remover.js';
import {createRepairWork} from './repair-work.js';
import {createShardHealth} from './shard-health.js';

type StartOptions = {
	/** How many copies the chunk wants. */
	wanted?: number;
	/** Whether a fourth node, which is away, has a copy too. */
	hasAbsentCopy?: boolean;
	beforeCommit?: (fleet: Fleet) => Promise<void> | void;
	/** Called when removals are about to be forgotten. */
	beforeDrop?: () => void;
	/** Called when somebody looked up a shard's chunk, before what was found is told. */
	afterLook?: () => Promise<void>;
};

/** A chunk on two nodes that wants three, a third node, and memory for one shard. */
const start = async ({
	wanted = 3,
	hasAbsentCopy = false,
	beforeCommit = () => undefined,
	afterLook,
	beforeDrop,
}: StartOptions = {}) => {
	const clock = manualClock();
	const durable = memoryCatalog();
	const catalog: Catalog = {
		...durable,
		async putChunk(changed) {
			await beforeCommit(fleet);
			return durable.putChunk(changed);
		},
		async dropRemovals(ids) {
			await Promise.resolve();
			beforeDrop?.();
			await durable.dropRemovals(ids);
		},
		async chunkWith(digest) {
			const found = await durable.chunkWith(digest);
			await afterLook?.();
			return found;
		},
	};
	const stores = new Map([1, 2, 3].map(number => [nodeIdOf(number), new MemoryShards()]));
	const fleet = createFleet({dial: ({_id}) => stores.get(_id) ?? new MemoryShards(), clock});
	for (const number of [1, 2, 3]) fleet.set(await catalog.putNode(nodeOf(number))).isOnline = true;
	const sample = chunkOf(1, 0);
	const bytes = Buffer.alloc(sample.sizeBytes + SEAL_TAG_BYTES, 7);
	const digest = createHash('sha256').update(bytes).digest('hex') as Digest;
	const shards = (hasAbsentCopy ? [1, 2, 4] : [1, 2]).map(number => ({digest, node: nodeIdOf(number), verifiedAt: 1}));
	fleet.set(await catalog.putNode(nodeOf(4)));
	for (const {node} of shards) await stores.get(node)?.put(digest, bytes);
	await catalog.commitUpload(fileOf(1), [{...sample, scheme: schemeOf(wanted), shards}]);
	const chunk = await catalog.getChunk(sample._id);
	if (!chunk) throw new Error('there is no chunk');

	const budget = createMemoryBudget(MAX_SHARD_BYTES);
	const note = () => undefined;
	const remover = createRemover({catalog, fleet, clock, log: silentLog, note, wake: note});
	const work = createRepairWork({
		...{catalog, fleet, budget, clock, log: silentLog, onChange: note, pace: createPace(clock, 0)},
		health: createShardHealth({catalog, clock, onFault: note}),
		remover,
		yielding: {noteCopy: note},
	});
	const view = () => ({
		node: (id: (typeof shards)[number]['node']) => {
			const state = fleet.get(id);
			const presence = state?.isOnline ? ('online' as const) : ('away' as const);
			return state && {...toCandidate(state, clock.now()), presence, since: 0};
		},
		pool: fleet.pool(),
		graceMs: 0,
	});
	const sources = [nodeIdOf(1), nodeIdOf(2)];
	const plan = {chunk, copies: 2, digest, sources, targets: [nodeIdOf(3)]};
	const [first, ...drop] = chunk.shards;
	return {
		...{clock, budget, catalog, stores, remover, chunk},
		copy: async () => work.copy(plan, view, new AbortController().signal),
		/** Gives up all copies but the first. */
		trim: async () => work.trim({chunk, keep: first ? [first] : [], drop}, view),
	};
};

test('whoever else waits for memory has it before a repair', async t => {
	const {clock, budget, copy, catalog, chunk} = await start();
	const upload = await budget.acquire(MAX_SHARD_BYTES);
	const copied = copy();
	await clock.advance(1000);
	let second: Lease | undefined;
	void budget.acquire(MAX_SHARD_BYTES).then(lease => (second = lease));
	upload.release();
	await clock.advance(5000);
	t.truthy(second, 'it came later, and yet goes first');
	t.is((await catalog.getChunk(chunk._id))?.shards.length, 2);
	second?.release();
	await clock.advance(200);
	t.like(await copied, {kind: 'copied', copies: 1});
	t.is((await catalog.getChunk(chunk._id))?.shards.length, 3);
	t.is(budget.usedBytes(), 0);
	t.is(catalog.totals().removals, 0);
});

test('a target that has other bytes under the name, from before, has the right ones afterwards', async t => {
	const {copy, stores, chunk} = await start({hasAbsentCopy: true});
	const [digest] = chunk.shards.map(shard => shard.digest);
	const target = stores.get(nodeIdOf(3));
	if (!digest || !target) throw new Error('there is no target');
	target.kept.set(digest, Buffer.from('rot'));
	t.like(await copy(), {kind: 'copied', copies: 1});
	t.true(await target.verify(digest));
});

test('a repair that waited long takes its turn', async t => {
	const {clock, budget, copy} = await start();
	const upload = await budget.acquire(MAX_SHARD_BYTES);
	const copied = copy();
	await clock.advance(16_000);
	let second: Lease | undefined;
	void budget.acquire(MAX_SHARD_BYTES).then(lease => (second = lease));
	upload.release();
	t.like(await copied, {kind: 'copied'});
	await clock.advance(0);
	t.truthy(second);
});

test('a copy that is given up just as its node comes back is removed from it', async t => {
	const comeBack = (fleet: Fleet) => {
		const state = fleet.get(nodeIdOf(4));
		if (state) state.isOnline = true;
	};
	const back = await start({hasAbsentCopy: true, beforeCommit: comeBack});
	t.like(await back.copy(), {kind: 'copied'});
	t.deepEqual(
		(await back.catalog.getChunk(back.chunk._id))?.shards.map(({node}) => node),
		[1, 2, 3].map(nodeIdOf),
	);
	t.is((await back.catalog.removals(nodeIdOf(4), 10)).length, 1, 'its listing was compared with the record of before');

	const away = await start({hasAbsentCopy: true});
	t.like(await away.copy(), {kind: 'copied'});
	t.is(away.catalog.totals().removals, 0, 'it tells what it has when it comes back');
});

test('of a file that is deleted just as a copy of it is given up, every shard is removed', async t => {
	const {trim, catalog, remover, chunk} = await start({
		async beforeCommit() {
			await catalog.removeFile(chunk.file);
			await remover.sweepFile(chunk.file);
		},
		wanted: 1,
	});
	t.deepEqual(await trim(), {kind: 'stale'});
	t.is((await catalog.removals(nodeIdOf(1), 10)).length, 1);
	t.is((await catalog.removals(nodeIdOf(2), 10)).length, 1);
});

test('what two give up at the same time is removed for both, and what one keeps is not removed', async t => {
	const {catalog, remover, stores, chunk} = await start();
	const [, second] = chunk.shards;
	if (!second) throw new Error('there is no second shard');
	const removal = removalOf(second.node, second.digest, 0, 'surplus');
	await remover.prepare([removal]);
	await remover.prepare([removal]);
	await remover.settle([removal], []);
	t.is(catalog.totals().removals, 1, 'the other has not said yet');
	await remover.settle([], [removal]);
	await remover.step(new AbortController().signal);
	t.is(catalog.totals().removals, 0);
	t.true(stores.get(second.node)?.kept.has(second.digest), 'its chunk counts on it');
	await catalog.putChunk({...chunk, shards: chunk.shards.slice(0, 1)});
	await remover.discard([removal]);
	await remover.step(new AbortController().signal);
	t.false(stores.get(second.node)?.kept.has(second.digest));
});

test('what comes to count while it is about to be removed, as its time is over, stays', async t => {
	let whileLooking: (() => Promise<void>) | undefined;
	const {catalog, remover, stores, chunk} = await start({afterLook: async () => whileLooking?.()});
	const [first] = chunk.shards;
	if (!first) throw new Error('there is no shard');
	const made = {...first, node: nodeIdOf(3)};
	const removal = removalOf(made.node, made.digest, 0, 'surplus');
	await remover.prepare([removal]);
	await stores.get(made.node)?.put(made.digest, Buffer.alloc(chunk.sizeBytes + SEAL_TAG_BYTES, 7));
	whileLooking = async () => {
		whileLooking = undefined;
		await catalog.putChunk({...chunk, shards: [...chunk.shards, made]});
		await remover.settle([removal], []);
	};
	await remover.step(new AbortController().signal);
	t.true(stores.get(made.node)?.kept.has(made.digest));
	t.is(catalog.totals().removals, 0);
});

test('what is noted to be removed while the same removal is being forgotten is not forgotten', async t => {
	let whileDropping: () => void = () => undefined;
	const {catalog, remover, chunk} = await start({beforeDrop: () => whileDropping()});
	const [first] = chunk.shards;
	if (!first) throw new Error('there is no shard');
	const removal = removalOf(first.node, first.digest, 0, 'surplus');
	await remover.discard([removal]);
	let again: Promise<void> | undefined;
	whileDropping = () => void (again = remover.discard([{...removal, reason: 'deleted'}]));
	await remover.step(new AbortController().signal);
	await again;
	t.like((await catalog.removals(first.node, 10))[0], {reason: 'deleted'});
});
