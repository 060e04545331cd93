import {setTimeout as delay} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import type {ChunkView} from '../source/protocol/api.js';
import {startChaosClients} from './testing/chaos-clients.js';
import {createFaults, drawFault, type Fault} from './testing/chaos-faults.js';
import {chanceOf} from './testing/crash-chance.js';
import {askFor, check, download, restore} from './testing/crash-client.js';
import {createLedger, type KnownFile, type Ledger} from './testing/crash-ledger.js';
import {direct, oneOfEach} from './testing/node-ways.js';
import {until} from './testing/processes.js';
import {
	GIVEN_UP_AFTER_MS,
	GRACE_MS,
	isRight,
	NODE_BYTES,
	passTime,
	setAhead,
	type ShiftedNetwork,
	startShiftedNetwork,
} from './testing/shifted-network.js';

/** A seed draws the same faults in the same order; what clients do between them is up to the machine as well. */
const SEED = Number(process.env['PJAS_CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const ROUNDS = Number(process.env['PJAS_CHAOS_ROUNDS'] ?? 2);
const FAULTS_A_ROUND = 10;
const CALLS_BETWEEN = 6;
const NODES = 6;
const CLIENTS = 4;
const CHECKS_AT_ONCE = 3;
const LIMIT_MS = 300_000;
/** Less than what nobody may be silent for. */
const PASSING_MS = 30_000;
const PASSING_EVERY_MS = 500;

const forEach = async <T>(values: readonly T[], work: (value: T) => Promise<void>): Promise<void> => {
	const rest = values.values();
	const one = async () => {
		for (const value of rest) await work(value);
	};
	await Promise.all(Array.from({length: CHECKS_AT_ONCE}, one));
};

/** Where the copies of a file's chunks are said to be, and whether these are three that are sound and there. */
const chunksOf = async ({url}: ShiftedNetwork, {id}: KnownFile): Promise<ChunkView[]> =>
	(await askFor<{chunks: ChunkView[]}>(url, 'replication', id)).chunks;

const isWhole = ({shards}: ChunkView) => shards.length === 3 && shards.every(({state}) => state === 'online');

/** What is wrong with what nodes have of a file on their disks. */
const wrongOnDisk = (network: ShiftedNetwork, {name}: KnownFile, chunks: readonly ChunkView[]): string[] =>
	chunks.flatMap(({index, shards}) =>
		shards.flatMap(({node_name: holder, digest}) => {
			const node = network.living.find(part => part.name === holder);
			return node && isRight(node, digest) ? [] : [`chunk ${index} of ${name} is not right on ${holder}: ${digest}`];
		}),
	);

/** Lets time pass while something is waited for: what failed is tried again after a while, and trust comes back with time. */
const whilePassing = async <T>(network: ShiftedNetwork, work: () => Promise<T>): Promise<T> => {
	const over = new AbortController();
	const passing = (async () => {
		while (!over.signal.aborted) {
			await setAhead(network, PASSING_MS);
			await delay(PASSING_EVERY_MS, undefined, {signal: over.signal}).catch(() => undefined);
		}
	})();
	try {
		return await work();
	} finally {
		over.abort();
		await passing;
	}
};

/**
Waits until every chunk of all files has three sound copies, in the trash too: first the nodes say, shard by shard, what they
have, then lost copies are made again; and the nodes' disks must have what is told of them.
*/
const heal = async (network: ShiftedNetwork, ledger: Ledger): Promise<string[]> => {
	await passTime(network, GIVEN_UP_AFTER_MS);
	const files = [...ledger.kept(), ...ledger.gone()];
	await forEach(files, async ({id, name}) => {
		await until(`every node says what it has of ${name}`, async () => {
			const line = await check(network.url, id);
			return line.event === 'done' && line.unreachable === 0;
		});
	});
	await passTime(network, GRACE_MS);
	const problems: string[] = [];
	await whilePassing(network, async () => {
		await forEach(files, async file => {
			await until(`${file.name} (${file.id}) has three sound copies`, async () => {
				return (await chunksOf(network, file)).every(isWhole);
			});
		});
	});
	await forEach(files, async file => {
		const chunks = await chunksOf(network, file);
		if (!chunks.every(isWhole)) problems.push(`${file.name} is short of copies again`);
		problems.push(...wrongOnDisk(network, file, chunks));
		// A node whose clock an answer from before a leap set back refuses what it is asked, until its next heartbeat.
		const line = await until(`every node says again what it has of ${file.name}`, async () => {
			const said = await check(network.url, file.id);
			return said.event === 'done' && said.unreachable === 0 && said;
		});
		if (line.ok !== chunks.length * 3) {
			problems.push(`the check of ${file.name} says ${JSON.stringify(line)}`);
		}
	});
	return problems;
};

/** What can't be brought back from the trash, bit for bit. */
const bringBack = async ({url}: ShiftedNetwork, ledger: Ledger): Promise<string[]> => {
	const problems: string[] = [];
	await forEach(ledger.gone(), async file => {
		ledger.restoring(file);
		const outcome = await restore(url, file.id);
		if (outcome.kind === 'restored') ledger.restored(file);
		const came = outcome.kind === 'restored' ? await download(url, file.id) : outcome;
		if (came.kind === 'whole' && ledger.isRight(file, came)) return;
		problems.push(`${file.name} came back from the trash as ${JSON.stringify(came)}`);
	});
	return problems;
};

/** Writes down each fault as it comes, for whoever reads of a failure. */
const startDiary = (t: ExecutionContext) => {
	const lines: string[] = [];
	const startMs = performance.now();
	t.teardown(() => {
		if (!t.passed || process.env['PJAS_CHAOS_SHOW']) t.log([`PJAS_CHAOS_SEED=${SEED}`, ...lines].join('\n'));
	});
	return (what: Fault | string) => {
		const text = typeof what === 'string' ? what : JSON.stringify(what);
		lines.push(`${((performance.now() - startMs) / 1000).toFixed(1)} s: ${text}`);
	};
};

test('whatever fails in whatever order, within what three copies allow, all that was acknowledged is whole in the end', async t => {
	t.timeout(LIMIT_MS);
	const tell = startDiary(t);
	const [chance, clientsChance] = [chanceOf(SEED), chanceOf(SEED + 1)];
	const ways = oneOfEach(t);
	const network = await startShiftedNetwork(t, [...ways, ...direct(NODES - ways.length)], {trashDays: 7});
	await passTime(network, GIVEN_UP_AFTER_MS);
	const ledger = createLedger();
	let uploads = 0;
	const nameOf = (sizeBytes: number) => `upload-${++uploads}-of-${sizeBytes}.bin`;
	const lostIn = chance.between(2, Math.max(2, ROUNDS));
	for (let round = 1; round <= ROUNDS; round++) {
		tell(`round ${round}`);
		if (round === lostIn) {
			const victim = chance.pick(network.living);
			tell(`${victim.name} is lost for good`);
			await victim.kill();
			network.living = network.living.filter(node => node !== victim);
		}

		const clients = startChaosClients(CLIENTS, {url: network.url, ledger, chance: clientsChance, nameOf});
		const faults = createFaults({network, chance, calls: clients.calls, roomBytes: NODE_BYTES});
		for (let count = 0; count < FAULTS_A_ROUND; count++) {
			await clients.calls(CALLS_BETWEEN);
			const fault = drawFault(
				chance,
				network.living.map(({name}) => name),
			);
			tell(fault);
			await faults.inflict(fault);
		}

		await clients.calls(CALLS_BETWEEN);
		await faults.end();
		t.deepEqual(await clients.stop(), [], `round ${round}`);
		tell('the faults have ended');
		await passTime(network, GIVEN_UP_AFTER_MS);
		t.deepEqual(await ledger.compare(network.url), [], `round ${round}`);
		t.deepEqual(await heal(network, ledger), [], `round ${round}`);
	}

	t.deepEqual(await bringBack(network, ledger), []);
	t.deepEqual(await ledger.compare(network.url, {allRemoved: true}), []);
	t.log(
		`Seed ${SEED}: ${ROUNDS * FAULTS_A_ROUND} faults, ${uploads} uploads, ${ledger.kept().length} files at the end`,
	);
});
