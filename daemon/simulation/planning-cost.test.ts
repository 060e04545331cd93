import {setMaxListeners} from 'node:events';
import test from 'ava';
import {memoryCatalog} from '../adapters/memory-catalog.js';
import {createChangeNode} from '../coordinator/change-node.js';
import {createFleet, type Fleet} from '../coordinator/fleet.js';
import {createMemoryBudget} from '../coordinator/memory-budget.js';
import {createMover} from '../coordinator/mover.js';
import {createNodeAuditor} from '../coordinator/node-auditor.js';
import {createPace} from '../coordinator/pace.js';
import {createRemover} from '../coordinator/remover.js';
import {createRepairer} from '../coordinator/repairer.js';
import {createShardHealth} from '../coordinator/shard-health.js';
import {createYielding} from '../coordinator/yielding.js';
import {MAX_SHARD_BYTES} from '../core/limits.js';
import type {NodeRecord} from '../core/model.js';
import {chunkOf, fileOf, nodeIdOf, nodeOf} from '../ports/catalog-samples.suite.js';
import type {Catalog} from '../ports/catalog.js';
import {manualClock} from '../testing/manual-clock.js';
import {silentLog} from '../testing/silent-log.js';
import {chanceOf} from './chance.js';
import {createBodies, createDisk} from './disk.js';
import {catalogWith} from './gate.js';

const HOUR_MS = 3_600_000;
const noSignal = new AbortController().signal;
// All that is under way at once listens to it.
setMaxListeners(0, noSignal);
const note = () => undefined;

type Work = {
	/** How often the catalogue was asked for records, or to write some. */
	reads: number;
	/** How many nodes were looked at, each time that one was. */
	looks: number;
};

/** A fleet that counts each look at a node. */
const counted = (fleet: Fleet, work: Work): Fleet => {
	const all = <T extends {length: number}>(nodes: T): T => {
		work.looks += nodes.length;
		return nodes;
	};
	return {
		...fleet,
		all: () => all(fleet.all()),
		get(id) {
			work.looks++;
			return fleet.get(id);
		},
		counts(id) {
			work.looks++;
			return fleet.counts(id);
		},
		pool() {
			const pool = fleet.pool();
			return {...pool, all: () => all(pool.all()), roomy: sizeBytes => all(pool.roomy(sizeBytes))};
		},
	};
};

type Shape = {
	nodes: number;
	traits?: (number: number) => Partial<NodeRecord>;
	fill: (durable: Catalog) => Promise<void>;
};

/** Nodes that are there, chunks, and what those share who look after them; with an account of what that costs. */
const createNetwork = async ({nodes, traits = () => ({}), fill}: Shape) => {
	const work: Work = {reads: 0, looks: 0};
	const durable = memoryCatalog({nextTurn: async () => Promise.resolve()});
	const catalog = catalogWith(durable, async (_verb, _parameters, read) => {
		work.reads++;
		return read();
	});
	const clock = manualClock(1_700_100_000_000);
	const disk = createDisk({allocatedBytes: 0, bodies: createBodies()});
	const fleet = counted(createFleet({dial: () => disk, clock}), work);
	for (let number = 1; number <= nodes; number++) {
		const own = {zone: `zone ${number}`, freeBytes: 0, lastSeenAt: clock.now(), ...traits(number)};
		fleet.set(await durable.putNode(nodeOf(number, own))).isOnline = true;
	}

	await fill(durable);
	const shared = {
		...{catalog, fleet, clock, log: silentLog, note, random: chanceOf(1), wake: note, onChange: note},
		budget: createMemoryBudget(MAX_SHARD_BYTES),
		health: createShardHealth({catalog, clock, onFault: note}),
		pace: createPace(clock, 0),
		yielding: createYielding({clock, isUploading: () => false, atOnce: 4, wake: note}),
		settings: {graceMs: 0, atOnce: 4, bytesPerSecond: 0},
	};
	return {work, clock, fleet, shared: {...shared, remover: createRemover(shared)}};
};

const DEATH_NODES = 30;

/** How often the catalogue is read until all is planned that a node's death asks for. Nobody has room, so nothing is done. */
const readsAfterDeath = async ({held, others}: {held: number; others: number}): Promise<number> => {
	const {work, clock, fleet, shared} = await createNetwork({
		nodes: DEATH_NODES,
		async fill(durable) {
			for (let file = 1; file <= held + others; file++) {
				const place = 2 + (file % (DEATH_NODES - 4));
				const nodes = file <= held ? [1, place, place + 1] : [place, place + 1, place + 2];
				await durable.commitUpload(fileOf(file), [chunkOf(file, 0, nodes)]);
			}
		},
	});
	const repairer = createRepairer(shared);
	const dead = fleet.get(nodeIdOf(1));
	if (!dead) throw new Error('there is no such node');
	dead.isOnline = false;
	dead.record = {...dead.record, awaySince: clock.now() - 1};
	repairer.nodeChanged(dead);
	work.reads = 0;
	for (let steps = 0; repairer.status(0).counts.blocked < held; steps++) {
		if (steps > 1000) throw new Error(`only ${repairer.status(0).counts.blocked} of ${held} chunks were planned`);
		await repairer.step(noSignal);
	}

	return work.reads;
};

test('what a death costs to plan grows with what the node held, not with what is stored', async t => {
	const small = await readsAfterDeath({held: 40, others: 100});
	const large = await readsAfterDeath({held: 40, others: 3000});
	t.is(large, small);
	const double = await readsAfterDeath({held: 80, others: 100});
	t.true(double > 1.5 * small && double < 2.5 * small, `${small} reads for 40 shards, ${double} for 80`);
});

/** As many files as nodes, each on three nodes that share no zone; two nodes have one. */
const fillEvenly = (nodes: number) => async (durable: Catalog) => {
	for (let file = 1; file <= nodes; file++) {
		const others = [2, 4].map(step => 1 + ((file - 1 + step) % nodes));
		await durable.commitUpload(fileOf(file), [chunkOf(file, 0, [file, ...others])]);
	}
};

const MOVES_FOR_MS = 2 * HOUR_MS;
const MOVES_EVERY_MS = 5_000;

/** What it costs to look for shards that should be moved, where none should. */
const workOfMoves = async (nodes: number): Promise<Work> => {
	const room = {allocatedBytes: 1000, usedBytes: 500, freeBytes: 500};
	const {work, clock, shared} = await createNetwork({
		nodes,
		traits: number => ({...room, zone: `zone ${number >> 1}`}),
		fill: fillEvenly(nodes),
	});
	const mover = createMover({
		...shared,
		repairer: {isPaused: () => false, isUrgent: () => false},
		care: {
			noteEmpty: async () => Promise.resolve(),
			noteAwaited: async () => Promise.resolve(),
			forget: async () => Promise.resolve(),
		},
		oldestUpload: () => undefined,
	});
	mover.recall();
	for (let passedMs = 0; passedMs < MOVES_FOR_MS; passedMs += MOVES_EVERY_MS) {
		while ((await mover.step(noSignal)) === 'busy');
		await clock.advance(MOVES_EVERY_MS);
	}

	return work;
};

test('errands and sweeps cost the same in any time, however many nodes there are', async t => {
	const small = await workOfMoves(100);
	const large = await workOfMoves(200);
	const text = JSON.stringify({small, large});
	t.true(small.reads > 100, text);
	t.true(large.looks < 1.2 * small.looks && large.reads < 1.2 * small.reads, text);
});

const AUDITED_NODES = 60;

/** What it costs to audit each node about once an hour. */
const workOfAudits = async (everyMs: number): Promise<Work & {audits: number}> => {
	const {work, clock, fleet, shared} = await createNetwork({nodes: AUDITED_NODES, fill: fillEvenly(AUDITED_NODES)});
	const auditor = createNodeAuditor({
		...shared,
		changeNode: createChangeNode(shared),
		isRestored: () => false,
		onTrust: note,
	});
	work.looks = 0;
	for (let passedMs = 0; passedMs < 2 * HOUR_MS; passedMs += everyMs) {
		while ((await auditor.step(noSignal)) === 'busy');
		await clock.advance(everyMs);
	}

	const audits = fleet
		.all()
		.reduce((sum, {record: {audits}}) => sum + (audits?.failed ?? 0) + (audits?.passed ?? 0), 0);
	return {...work, audits};
};

test('audits cost by how many are due, not by how often somebody looks', async t => {
	const seldom = await workOfAudits(30_000);
	const often = await workOfAudits(1_000);
	const text = JSON.stringify({seldom, often});
	t.true(seldom.audits >= 2 * AUDITED_NODES && often.audits >= seldom.audits, text);
	t.true(often.looks < 1.2 * seldom.looks && often.reads < 1.2 * seldom.reads, text);
});

test('how many copies are left is known by a look at each node, however much is stored', async t => {
	const looksFor = async (files: number) => {
		const {work, fleet, shared} = await createNetwork({
			nodes: DEATH_NODES,
			async fill(durable) {
				for (let file = 1; file <= files; file++) {
					const nodes = [0, 7, 11].map(step => 1 + ((file + step) % DEATH_NODES));
					await durable.commitUpload(fileOf(file), [chunkOf(file, 0, nodes)]);
				}
			},
		});
		const copies = () => shared.catalog.copiesLeft(fleet.counts);
		t.deepEqual(copies(), {full: files, partly: 0, one: 0, none: 0});
		const dead = fleet.get(nodeIdOf(1));
		if (dead) dead.isOnline = false;
		work.looks = 0;
		const tenth = files / 10;
		t.deepEqual(copies(), {full: 9 * tenth, partly: tenth, one: 0, none: 0});
		return work.looks;
	};

	t.is(await looksFor(60), DEATH_NODES);
	t.is(await looksFor(600), DEATH_NODES);
});
