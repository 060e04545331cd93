import test from 'ava';
import {memoryCatalog} from '../adapters/memory-catalog.js';
import {createFleet} from '../coordinator/fleet.js';
import {createMemoryBudget} from '../coordinator/memory-budget.js';
import {createPace} from '../coordinator/pace.js';
import {createRemover} from '../coordinator/remover.js';
import {createRepairer} from '../coordinator/repairer.js';
import {createShardHealth} from '../coordinator/shard-health.js';
import {createYielding} from '../coordinator/yielding.js';
import {MAX_SHARD_BYTES} from '../core/limits.js';
import {chunkOf, fileOf, nodeIdOf, nodeOf} from '../ports/catalog-samples.suite.js';
import {manualClock} from '../testing/manual-clock.js';
import {silentLog} from '../testing/silent-log.js';
import {chanceOf} from './chance.js';
import {createBodies, createDisk} from './disk.js';
import {catalogWith} from './gate.js';

const NODES = 30;
const noSignal = new AbortController().signal;

/** How often the catalogue is read until all is planned that a node's death asks for. Nobody has room, so nothing is done. */
const readsAfterDeath = async ({held, others}: {held: number; others: number}): Promise<number> => {
	const durable = memoryCatalog();
	let reads = 0;
	const catalog = catalogWith(durable, async (_verb, _parameters, work) => {
		reads++;
		return work();
	});
	const clock = manualClock(1_700_100_000_000);
	const disk = createDisk({allocatedBytes: 0, bodies: createBodies()});
	const fleet = createFleet({dial: () => disk, clock});
	for (let number = 1; number <= NODES; number++) {
		const record = await durable.putNode(
			nodeOf(number, {zone: `zone ${number}`, freeBytes: 0, lastSeenAt: clock.now()}),
		);
		fleet.set(record).isOnline = true;
	}

	for (let file = 1; file <= held + others; file++) {
		const place = 2 + (file % (NODES - 4));
		const nodes = file <= held ? [1, place, place + 1] : [place, place + 1, place + 2];
		await durable.commitUpload(fileOf(file), [chunkOf(file, 0, nodes)]);
	}

	const note = () => undefined;
	const shared = {catalog, fleet, clock, log: silentLog, note};
	const repairer = createRepairer({
		...shared,
		random: chanceOf(1),
		budget: createMemoryBudget(MAX_SHARD_BYTES),
		health: createShardHealth({catalog, clock, onFault: note}),
		remover: createRemover({...shared, wake: note}),
		settings: {graceMs: 0, atOnce: 4, bytesPerSecond: 0},
		pace: createPace(clock, 0),
		yielding: createYielding({clock, isUploading: () => false, atOnce: 4, wake: note}),
		onChange: note,
		wake: note,
	});
	const dead = fleet.get(nodeIdOf(1));
	if (!dead) throw new Error('there is no such node');
	dead.isOnline = false;
	dead.record = {...dead.record, awaySince: clock.now() - 1};
	repairer.nodeChanged(dead);
	reads = 0;
	for (let steps = 0; repairer.status(0).counts.blocked < held; steps++) {
		if (steps > 1000) throw new Error(`only ${repairer.status(0).counts.blocked} of ${held} chunks were planned`);
		await repairer.step(noSignal);
	}

	return reads;
};

test('what a death costs to plan grows with what the node held, not with what is stored', async t => {
	const small = await readsAfterDeath({held: 40, others: 100});
	const large = await readsAfterDeath({held: 40, others: 3000});
	t.is(large, small);
	const double = await readsAfterDeath({held: 80, others: 100});
	t.true(double > 1.5 * small && double < 2.5 * small, `${small} reads for 40 shards, ${double} for 80`);
});
