import test, {type ExecutionContext} from 'ava';
import type {NodeView} from '../source/protocol/api.js';
import {chanceOf} from './testing/crash-chance.js';
import {askFor} from './testing/crash-client.js';
import {direct, oneOfEach} from './testing/node-ways.js';
import {until} from './testing/processes.js';
import {chunksOf, store, type Stored} from './testing/roles.js';
import {
	allWhole,
	GIVEN_UP_AFTER_MS,
	GRACE_MS,
	passTime,
	shardsOf,
	startShiftedNetwork as startNetwork,
} from './testing/shifted-network.js';

const LIMIT_MS = 180_000;
const KIB = 1024;
const seed = Number(process.env['PJAS_SEED'] ?? Date.now() % 1e9);

/** Five nodes, of each kind, which keep some small files and a large one. */
const startWithFiles = async (t: ExecutionContext, {small, largeMib}: {small: number; largeMib: number}) => {
	t.timeout(LIMIT_MS);
	t.log(`seed ${seed}`);
	const chance = chanceOf(seed);
	const network = await startNetwork(t, [...oneOfEach(t), ...direct(2)].slice(0, 5));
	await passTime(network, GIVEN_UP_AFTER_MS);
	const files: Stored[] = [];
	for (let count = 0; count < small; count++) {
		files.push(await store(t, network.url, chance, chance.between(1, 300 * KIB)));
	}

	files.push(await store(t, network.url, chance, largeMib * KIB * KIB));
	return {network, chance, files};
};

test('whichever node is lost for good, and the coordinator too, every chunk is on three nodes again, bit for bit', async t => {
	const {network, chance, files} = await startWithFiles(t, {small: 12, largeMib: 11});
	const {url, coordinator} = network;

	for (let round = 1; round <= 2; round++) {
		const victim = chance.pick(network.living);
		await victim.kill();
		network.living = network.living.filter(node => node !== victim);
		await passTime(network, GIVEN_UP_AFTER_MS);
		if (round === 2) {
			await coordinator.kill();
			await coordinator.start();
			await passTime(network, GIVEN_UP_AFTER_MS);
		}

		files.push(await store(t, url, chance, chance.between(1, 200 * KIB)));
		await passTime(network, GRACE_MS);
		await allWhole(t, network, files);
	}

	// One comes back with all that it had: three copies stay, wherever they lie.
	const back = network.nodes.find(node => !network.living.includes(node));
	if (!back) throw new Error('nobody was lost');
	await back.start();
	network.living.push(back);
	await passTime(network, GRACE_MS);
	await allWhole(t, network, files);
	const chunks = (await Promise.all(files.map(async file => chunksOf(url, file)))).flat();
	// A classic node can't delete.
	const able = network.living.filter(({way}) => way !== 'classic');
	await until('nobody keeps what is not counted on', () =>
		able.every(node => {
			const counted = chunks.flatMap(({shards}) => shards.filter(({node_name: holder}) => holder === node.name));
			return shardsOf(node).length === counted.length;
		}),
	);
});

test('a node leaves with all that it had elsewhere, although the coordinator is killed in the middle', async t => {
	const {network, chance, files} = await startWithFiles(t, {small: 10, largeMib: 25});
	const {url, coordinator} = network;
	// Where the first uploads found it unreachable, it has nothing.
	const leaver = chance.pick(network.living.filter(part => part.way !== 'classic' && shardsOf(part).length > 0));
	const had = shardsOf(leaver).length;
	const nodes = async () => (await askFor<{nodes: NodeView[]}>(url, 'nodes')).nodes;
	const id = (await nodes()).find(({name}) => name === leaver.name)?.node_id ?? '';
	const headers = {'content-type': 'application/json'};
	const asked = await fetch(`${url}/api/nodes/${id}/drain`, {method: 'POST', headers, body: '{"leave":true}'});
	t.is(asked.status, 200);

	await until('some of it is moved', () => shardsOf(leaver).length < had);
	await coordinator.kill();
	await coordinator.start();
	await passTime(network, GIVEN_UP_AFTER_MS, leaver);
	files.push(await store(t, url, chance, chance.between(1, 200 * KIB)));
	await until('it is forgotten', async () => !(await nodes()).some(({name}) => name === leaver.name));
	t.deepEqual(shardsOf(leaver), [], 'nothing of anybody is left on it');
	await leaver.kill();
	network.living = network.living.filter(node => node !== leaver);
	await allWhole(t, network, files);
});
