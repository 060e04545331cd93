import {type ChildProcess, fork} from 'node:child_process';
import {createHash} from 'node:crypto';
import {once} from 'node:events';
import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import test, {type ExecutionContext} from 'ava';
import type {NodeView} from '../source/protocol/api.js';
import {chanceOf} from './testing/crash-chance.js';
import {askFor} from './testing/crash-client.js';
import {keptPort, temporaryFolder, until} from './testing/processes.js';
import {chunksOf, comesBack, store, type Stored} from './testing/roles.js';
import type {ShiftedSettings} from './testing/shifted-process.js';

const LIMIT_MS = 180_000;
const GRACE_MS = 1000;
/** As long as nothing may be heard of a node, or of any after a start, before it is given up. */
const GIVEN_UP_AFTER_MS = 61_000;
const KIB = 1024;
const program = fileURLToPath(new URL('testing/shifted-process.js', import.meta.url));

const seed = Number(process.env['PJAS_SEED'] ?? Date.now() % 1e9);

/** A process of the network, on its own folder and port, whose clock can be set ahead. */
type Part = {
	name: string;
	folder: string;
	start: () => Promise<void>;
	/** Ends it at once, by SIGKILL. */
	kill: () => Promise<void>;
	setAhead: (ms: number) => Promise<void>;
};

const createPart = (t: ExecutionContext, name: string, folder: string, settings: ShiftedSettings): Part => {
	let child: ChildProcess | undefined;
	let {aheadMs} = settings;
	const kill = async () => {
		const running = child;
		child = undefined;
		if (!running || running.exitCode !== null || running.signalCode !== null) return;
		running.kill('SIGKILL');
		await once(running, 'exit');
	};

	t.teardown(kill);
	return {
		name,
		folder,
		async start() {
			child = fork(program, [JSON.stringify({...settings, aheadMs})]);
			await once(child, 'message');
		},
		kill,
		async setAhead(ms) {
			aheadMs = ms;
			if (!child) return;
			child.send(aheadMs);
			await once(child, 'message');
		},
	};
};

type Network = {url: string; coordinator: Part; nodes: Part[]; living: Part[]; aheadMs: number};

const startNetwork = async (t: ExecutionContext, count: number): Promise<Network> => {
	const folder = temporaryFolder(t);
	const port = await keptPort();
	const url = `http://127.0.0.1:${port}`;
	const aheadMs = 0;
	const dataFolder = path.join(folder, 'coordinator');
	const ofCoordinator = {role: 'coordinator', dataFolder, port, repairGraceMs: GRACE_MS, aheadMs} as const;
	const coordinator = createPart(t, 'coordinator', dataFolder, ofCoordinator);
	await coordinator.start();
	const nodes: Part[] = [];
	for (let number = 1; number <= count; number++) {
		const name = `node-${number}`;
		const storagePath = path.join(folder, name);
		const ofNode = {role: 'node', name, storagePath, coordinatorUrl: url, port: await keptPort(), aheadMs} as const;
		nodes.push(createPart(t, name, storagePath, ofNode));
	}

	await Promise.all(nodes.map(async node => node.start()));
	return {url, coordinator, nodes, living: [...nodes], aheadMs};
};

/** Lets time pass for everybody, and waits until just the living are online. */
const passTime = async (network: Network, ms: number) => {
	network.aheadMs += ms;
	await Promise.all([network.coordinator, ...network.nodes].map(async part => part.setAhead(network.aheadMs)));
	await until('just the living are online', async () => {
		const {nodes} = await askFor<{nodes: NodeView[]}>(network.url, 'nodes');
		const online = nodes.filter(({status}) => status === 'online').map(({name}) => name);
		return online.length === network.living.length && network.living.every(({name}) => online.includes(name));
	});
};

const shardsOf = ({folder}: Part): string[] =>
	readdirSync(path.join(folder, 'chunks')).filter(name => name.endsWith('.chunk'));

const isRight = ({folder}: Part, digest: string): boolean => {
	const bytes = readFileSync(path.join(folder, 'chunks', `${digest}.chunk`));
	return createHash('sha256').update(bytes).digest('hex') === digest;
};

const isWhole = async ({url, living}: Network, file: Stored): Promise<boolean> =>
	(await chunksOf(url, file)).every(
		({shards}) =>
			shards.length === 3 &&
			shards.every(({node_name: holder, state}) => state === 'online' && living.some(({name}) => name === holder)),
	);

const allWhole = async (t: ExecutionContext, network: Network, files: readonly Stored[]) => {
	await until('every chunk is on three living nodes', async () => {
		for (const file of files) if (!(await isWhole(network, file))) return false;
		return true;
	});
	for (const file of files) {
		await comesBack(t, network.url, file);
		for (const {shards} of await chunksOf(network.url, file)) {
			for (const {node_name: holder, digest} of shards) {
				const node = network.living.find(({name}) => name === holder);
				t.true(node && isRight(node, digest), `${digest} on ${holder}`);
			}
		}
	}
};

test('whichever node is lost for good, and the coordinator too, every chunk is on three nodes again, bit for bit', async t => {
	t.timeout(LIMIT_MS);
	t.log(`seed ${seed}`);
	const chance = chanceOf(seed);
	const network = await startNetwork(t, 5);
	const {url, coordinator} = network;
	await passTime(network, GIVEN_UP_AFTER_MS);
	const files: Stored[] = [];
	for (let count = 0; count < 12; count++) files.push(await store(t, url, chance, chance.between(1, 300 * KIB)));
	files.push(await store(t, url, chance, 11 * KIB * KIB));

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
	await until('nobody keeps what is not counted on', () => {
		return network.living.reduce((sum, node) => sum + shardsOf(node).length, 0) === chunks.length * 3;
	});
});
