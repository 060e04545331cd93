import {createHash, randomBytes} from 'node:crypto';
import test from 'ava';
import {isPjasError, PjasError} from '../../source/protocol/errors.js';
import type {Digest, NodeId} from '../../source/protocol/ids.js';
import {SEAL_TAG_BYTES} from '../../source/protocol/seal.js';
import {memoryCatalog} from '../adapters/memory-catalog.js';
import {MemoryShards} from '../adapters/memory-shards.js';
import {MAX_SHARD_BYTES} from '../core/limits.js';
import type {NodeRecord} from '../core/model.js';
import {AUDIT_AGAIN_MS, AUDIT_EVERY_MS, SILENCES_ALLOWED} from '../core/node-audit.js';
import {chunkOf, fileOf, nodeIdOf, nodeOf} from '../ports/catalog-samples.suite.js';
import type {ShardStore} from '../ports/shard-store.js';
import {manualClock} from '../testing/manual-clock.js';
import {silentLog} from '../testing/silent-log.js';
import {createChangeNode} from './change-node.js';
import {createFleet} from './fleet.js';
import {createMemoryBudget} from './memory-budget.js';
import {createNodeAuditor} from './node-auditor.js';
import {createShardHealth} from './shard-health.js';

type Options = {
	/** Each node's owner; else each has its own. */
	owners?: readonly string[];
	kinds?: readonly NodeRecord['kind'][];
	/** What chance says each time. */
	float?: () => number;
	isRestored?: boolean;
};

const BYTES = 500 + SEAL_TAG_BYTES;
const {signal} = new AbortController();

/** Three nodes with one chunk, and their auditor. */
const start = async ({owners = [], kinds = [], float = () => 0.5, isRestored = false}: Options = {}) => {
	const clock = manualClock();
	const catalog = memoryCatalog();
	const disks = new Map([1, 2, 3].map(number => [nodeIdOf(number), new MemoryShards()]));
	const faults = new Map<NodeId, Partial<ShardStore>>();
	const calls: string[] = [];
	const fleet = createFleet({
		clock,
		dial({_id}) {
			const disk = disks.get(_id) ?? new MemoryShards();
			const faulty = faults.get(_id) ?? {};
			const verb = <Name extends 'prove' | 'get'>(name: Name) => {
				const call = faulty[name] ?? disk[name].bind(disk);
				return ((...parameters: Parameters<ShardStore[Name]>) => {
					calls.push(`${name} ${Number(_id.slice(-2))}`);
					return (call as (...all: unknown[]) => unknown)(...parameters);
				}) as ShardStore[Name];
			};
			return Object.assign(Object.create(disk) as ShardStore, {prove: verb('prove'), get: verb('get')});
		},
	});
	for (const number of [1, 2, 3]) {
		const record = nodeOf(number, {
			owner: owners[number - 1] ?? `owner ${number}`,
			kind: kinds[number - 1] ?? 'direct',
			registeredAt: clock.now(),
		});
		fleet.set(await catalog.putNode(record)).isOnline = true;
	}

	const bytes = randomBytes(BYTES);
	const digest = createHash('sha256').update(bytes).digest('hex') as Digest;
	const sample = chunkOf(1, 0);
	const shards = [1, 2, 3].map(number => ({digest, node: nodeIdOf(number), verifiedAt: 1}));
	for (const disk of disks.values()) await disk.put(digest, bytes);
	await catalog.commitUpload(fileOf(1), [{...sample, shards}]);

	const notes: string[] = [];
	const trust: string[] = [];
	const auditor = createNodeAuditor({
		...{catalog, fleet, clock, log: silentLog},
		budget: createMemoryBudget(MAX_SHARD_BYTES),
		health: createShardHealth({catalog, clock, onFault: () => undefined}),
		changeNode: createChangeNode({catalog, fleet}),
		random: {bytes: count => new Uint8Array(randomBytes(count)), float},
		note: (level, message) => notes.push(`${level} ${message}`),
		isRestored: () => isRestored,
		onChange: () => undefined,
		onTrust: ({record}) => trust.push(record.suspension ? 'lost' : 'back'),
	});
	return {
		...{auditor, catalog, clock, digest, disks, fleet, faults, calls, notes, trust},
		disk: (number: number) => disks.get(nodeIdOf(number)) as MemoryShards,
		audit: async (number: number) => auditor.audit(nodeIdOf(number), signal),
		fault: (number: number, fault: Partial<ShardStore>) => faults.set(nodeIdOf(number), fault),
		record: async (number: number) => (await catalog.getNode(nodeIdOf(number))) as NodeRecord,
		async shard(number: number) {
			const chunk = await catalog.getChunk(sample._id);
			return chunk?.shards.find(({node}) => node === nodeIdOf(number));
		},
	};
};

const flipped = (disk: MemoryShards, digest: Digest) => {
	const bytes = disk.kept.get(digest);
	if (bytes) bytes[0] = (bytes[0] ?? 0) ^ 1;
};

test('a node passes whose proof is borne out by nodes of other owners, and nothing is read', async t => {
	const network = await start();
	const {outcome, isRead} = await network.audit(1);
	t.is(outcome, 'passed');
	t.false(isRead);
	t.deepEqual(network.calls.toSorted(), ['prove 1', 'prove 2', 'prove 3']);
	t.like((await network.record(1)).audits, {passed: 1, failed: 0, inARow: 1, lastPassedAt: network.clock.now()});
	t.is((await network.record(2)).audits, undefined, 'who bore witness was not audited');
	t.is((await network.shard(1))?.verifiedAt, 1);
	t.deepEqual(network.notes, []);
});

test('one time in eight the shard is read all the same, and counts as verified then', async t => {
	const network = await start({float: () => 0});
	t.like(await network.audit(1), {outcome: 'passed', isRead: true});
	t.true(network.calls.includes('get 1'));
	t.is((await network.shard(1))?.verifiedAt, network.clock.now());
});

test('a node that lost a shard silently is suspended, and its shard is to be replaced', async t => {
	const network = await start();
	network.disk(1).kept.clear();
	t.is((await network.audit(1)).outcome, 'missing');
	t.is((await network.shard(1))?.fault?.kind, 'missing');
	t.like((await network.record(1)).suspension, {reason: 'missing', passesLeft: 3});
	t.false(network.fleet.counts(nodeIdOf(1)));
	t.deepEqual(network.trust, ['lost']);
	t.regex(network.notes.join(), /^WARN Node "node 1" failed an audit and is suspended: it lacks a shard/);
});

test('a node that flips bytes is found out by the others, and they are not', async t => {
	const network = await start();
	flipped(network.disk(1), network.digest);
	t.is((await network.audit(1)).outcome, 'corrupt');
	t.deepEqual(network.calls.filter(call => call.startsWith('get')).toSorted(), ['get 1', 'get 2', 'get 3']);
	t.is((await network.shard(1))?.fault?.kind, 'corrupt');
	t.is((await network.shard(2))?.fault, undefined);
	t.like(await network.record(1), {suspension: {reason: 'corrupt'}});
	t.false('suspension' in (await network.record(2)));
});

test('who bears false witness is found out as well', async t => {
	const network = await start();
	network.fault(2, {
		prove: async () => Promise.resolve('0'.repeat(64)),
		get: async () => Promise.resolve(randomBytes(BYTES)),
	});
	t.is((await network.audit(1)).outcome, 'passed');
	t.like(await network.record(2), {suspension: {reason: 'corrupt'}});
	t.like(await network.record(1), {audits: {passed: 1}});
});

test('nodes of one owner that agree on a lie are read, whatever they prove', async t => {
	const network = await start({owners: ['ann', 'ann', 'ann'], float: () => 0.99});
	const lie = {prove: async () => Promise.resolve('1'.repeat(64))};
	for (const number of [1, 2]) {
		network.disk(number).kept.clear();
		network.fault(number, lie);
	}

	network.fleet.set({...(await network.record(3)), maintenance: {from: 0, until: Infinity, by: ''}});
	t.is((await network.audit(1)).outcome, 'missing');
	for (const number of [1, 2]) t.like(await network.record(number), {suspension: {reason: 'missing'}});
	t.false('suspension' in (await network.record(3)));
});

test('a liar who is the only one to hold the chunk is read', async t => {
	const network = await start({float: () => 0.99});
	for (const number of [2, 3]) {
		const state = network.fleet.get(nodeIdOf(number));
		if (state) state.isOnline = false;
	}

	network.disk(1).kept.clear();
	network.fault(1, {prove: async () => Promise.resolve('2'.repeat(64))});
	t.is((await network.audit(1)).outcome, 'missing');
});

test('a node that does not know challenges, or is classic, is read in their place', async t => {
	const network = await start({kinds: ['direct', 'classic'], float: () => 0.99});
	network.fault(1, {prove: async () => Promise.reject(new PjasError('NODE_FAILED', 'no such call'))});
	t.like(await network.audit(1), {outcome: 'passed', isRead: true});
	network.calls.length = 0;
	t.like(await network.audit(2), {outcome: 'passed', isRead: true});
	t.deepEqual(network.calls, ['get 2']);
});

test('a disk that does not give a shard is not held against its node; the shard is replaced', async t => {
	const network = await start();
	const refuse = async () => Promise.reject(new PjasError('SHARD_UNREADABLE', 'no'));
	network.fault(1, {prove: refuse, get: refuse});
	t.is((await network.audit(1)).outcome, 'unreadable');
	t.is((await network.shard(1))?.fault?.kind, 'corrupt');
	t.false('suspension' in (await network.record(1)));
	t.is((await network.audit(1)).outcome, 'nothing-held');
});

test('silence counts only after many times, and only where others answer', async t => {
	const network = await start();
	const silent = async () => Promise.reject(new PjasError('NODE_TIMEOUT', 'no answer'));
	network.fault(1, {prove: silent, get: silent});
	for (let time = 0; time < SILENCES_ALLOWED; time++) {
		t.is((await network.audit(1)).outcome, 'silent');
		await network.clock.advance(AUDIT_AGAIN_MS);
	}

	t.is((await network.audit(1)).outcome, 'no-proof');
	t.like(await network.record(1), {suspension: {reason: 'no-proof'}});
	t.is((await network.shard(1))?.fault, undefined, 'nobody knows that it lacks the shard');

	const all = await start();
	for (const number of [1, 2, 3]) all.fault(number, {prove: silent, get: silent});
	for (let time = 0; time < 3 * SILENCES_ALLOWED; time++) {
		for (const number of [1, 2, 3]) t.is((await all.audit(number)).outcome, 'silent');
		await all.clock.advance(AUDIT_AGAIN_MS);
	}
});

test('an answer that never comes is waited for no longer than a minute', async t => {
	const network = await start();
	const hang = async (given: AbortSignal | undefined) =>
		new Promise<never>((_resolve, reject) => {
			given?.addEventListener('abort', () => reject(given.reason as Error));
		});
	network.fault(1, {
		prove: async (_digest, _challenge, options) => hang(options?.signal),
		get: async (_digest, options) => hang(options?.signal),
	});
	const audit = network.audit(1);
	const progress = {isOver: false};
	void audit.finally(() => (progress.isOver = true));
	while (!progress.isOver) await network.clock.advance(10_000);
	const {outcome} = await audit;
	t.is(outcome, 'silent');
});

test('a suspended node is read whole each time, and is back after three audits that are minutes apart', async t => {
	const network = await start({float: () => 0.99});
	const [bytes] = [...network.disk(1).kept.values()];
	network.disk(1).kept.clear();
	await network.audit(1);
	// Another chunk, which it holds.
	const other = chunkOf(2, 0);
	const digest = createHash('sha256')
		.update(bytes as Uint8Array)
		.digest('hex') as Digest;
	await network.disk(1).put(digest, bytes as Uint8Array);
	await network.catalog.commitUpload(fileOf(2), [{...other, shards: [{digest, node: nodeIdOf(1), verifiedAt: 1}]}]);
	network.calls.length = 0;
	for (let time = 0; time < 3; time++) {
		t.truthy((await network.record(1)).suspension);
		await network.clock.advance(1000);
		t.is((await network.audit(1)).outcome, 'passed', 'too soon to count');
		await network.clock.advance(AUDIT_AGAIN_MS);
		t.is((await network.audit(1)).outcome, 'passed');
	}

	t.deepEqual([...new Set(network.calls)], ['get 1']);
	t.false('suspension' in (await network.record(1)));
	t.true(network.fleet.counts(nodeIdOf(1)));
	t.deepEqual(network.trust, ['lost', 'back']);
	t.regex(network.notes.join(), /INFO Node "node 1" passed 3 audits in a row and is trusted again/);
});

test('a suspended node of which nothing is left has its way back too', async t => {
	const network = await start();
	network.disk(1).kept.clear();
	await network.audit(1);
	for (let time = 0; time < 3; time++) {
		await network.clock.advance(AUDIT_AGAIN_MS);
		t.is((await network.audit(1)).outcome, 'nothing-held');
	}

	t.false('suspension' in (await network.record(1)));
	await network.audit(1);
	t.is((await network.record(1)).audits?.passed, 3, 'otherwise, to hold nothing earns nothing');
});

test('what changed while it was asked for is held against nobody', async t => {
	const network = await start();
	network.fault(1, {
		async prove() {
			await network.catalog.removeFile(fileOf(1)._id);
			throw new PjasError('SHARD_NOT_FOUND', 'gone');
		},
	});
	t.is((await network.audit(1)).outcome, 'stale');
	t.false('suspension' in (await network.record(1)));
});

test('after a backup came back, who lacks a shard need not have lost it', async t => {
	const network = await start({isRestored: true});
	network.disk(1).kept.clear();
	t.is((await network.audit(1)).outcome, 'stale');
	t.is((await network.shard(1))?.fault?.kind, 'missing');
	t.false('suspension' in (await network.record(1)));
	const flipping = await start({isRestored: true});
	flipped(flipping.disk(1), flipping.digest);
	t.is((await flipping.audit(1)).outcome, 'corrupt', 'but who holds other bytes has them on its own');
});

test('a node that is away or in maintenance is not audited', async t => {
	const network = await start();
	const state = network.fleet.get(nodeIdOf(1));
	if (state) state.record = {...state.record, maintenance: {from: 0, until: Infinity, by: ''}};
	t.true(isPjasError(await t.throwsAsync(async () => network.audit(1)), 'CONFLICT'));
	const other = network.fleet.get(nodeIdOf(2));
	if (other) other.isOnline = false;
	t.true(isPjasError(await t.throwsAsync(async () => network.audit(2)), 'CONFLICT'));
	t.true(isPjasError(await t.throwsAsync(async () => network.audit(9)), 'NODE_NOT_FOUND'));
	for (let minutes = 0; minutes < 180; minutes++) {
		await network.auditor.step(signal);
		await network.clock.advance(60_000);
	}

	t.deepEqual([...new Set(network.calls)], ['prove 3', 'get 3']);
});

test('each node is audited at least once in each hour that it is there', async t => {
	let seed = 1;
	const float = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
	const network = await start({float});
	const passed = async () =>
		Promise.all([1, 2, 3].map(async number => (await network.record(number)).audits?.passed ?? 0));
	for (let hours = 1; hours <= 6; hours++) {
		const before = await passed();
		for (let minutes = 0; minutes < AUDIT_EVERY_MS / 60_000; minutes++) {
			await network.auditor.step(signal);
			await network.clock.advance(60_000);
		}

		const after = await passed();
		for (const [at, count] of after.entries()) {
			t.true(count > (before[at] ?? 0), `node ${at + 1} in hour ${hours}`);
			t.true(count <= (before[at] ?? 0) + 2, 'and not much oftener');
		}
	}

	t.deepEqual(network.notes, []);
});

test('a clock that is set back puts no audit off', async t => {
	const {auditor, clock, record} = await start();
	const pass = async () => {
		for (let minutes = 0; minutes < 62; minutes++) {
			await clock.advance(60_000);
			await auditor.step(signal);
		}
	};
	await pass();
	const passed = (await record(1)).audits?.passed ?? 0;
	t.true(passed > 0);
	clock.jump(-10 * AUDIT_EVERY_MS);
	await pass();
	t.true(((await record(1)).audits?.passed ?? 0) > passed);
});
