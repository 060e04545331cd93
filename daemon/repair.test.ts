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
import {createMember, type Member} from './testing/crash-network.js';
import {keptPort, temporaryFolder, until} from './testing/processes.js';
import {chunksOf, comesBack, store, type Stored} from './testing/roles.js';
import type {ShiftedSettings} from './testing/shifted-coordinator.js';

const LIMIT_MS = 180_000;
const GRACE_MS = 1000;
/** As long as nothing may be heard of a node, or of any after a start, before it is given up. */
const GIVEN_UP_AFTER_MS = 61_000;
const KIB = 1024;
const program = fileURLToPath(new URL('testing/shifted-coordinator.js', import.meta.url));

const seed = Number(process.env['PJAS_SEED'] ?? Date.now() % 1e9);

/** A coordinator as a process of its own, whose clock can be set ahead. */
const createCoordinator = (t: ExecutionContext, dataFolder: string, port: number) => {
	let child: ChildProcess | undefined;
	let aheadMs = 0;
	const kill = async () => {
		if (!child || child.exitCode !== null || child.signalCode !== null) return;
		child.kill('SIGKILL');
		await once(child, 'exit');
	};

	t.teardown(kill);
	return {
		url: `http://127.0.0.1:${port}`,
		async start() {
			const settings: ShiftedSettings = {dataFolder, port, repairGraceMs: GRACE_MS, aheadMs};
			child = fork(program, [JSON.stringify(settings)]);
			await once(child, 'message');
		},
		kill,
		async setAhead(ms: number) {
			aheadMs += ms;
			child?.send(aheadMs);
			if (child) await once(child, 'message');
		},
	};
};

type Coordinator = ReturnType<typeof createCoordinator>;

const sayAlive = async (url: string, nodes: readonly NodeView[]) => {
	await Promise.all(
		nodes.map(async ({node_id: id}) =>
			fetch(`${url}/api/nodes/heartbeat`, {
				method: 'POST',
				headers: {'content-type': 'application/json'},
				body: JSON.stringify({node_id: id}),
			}),
		),
	);
};

/** Lets so much time pass for the coordinator that whoever does not say that it is there is given up. */
const passTime = async ({url, setAhead}: Coordinator, living: readonly Member[]) => {
	const views = (await askFor<{nodes: NodeView[]}>(url, 'nodes')).nodes;
	const alive = views.filter(({name}) => living.some(({label}) => label === name));
	await setAhead(GIVEN_UP_AFTER_MS);
	await sayAlive(url, alive);
	await until('just the living are online', async () => {
		const {nodes} = await askFor<{nodes: NodeView[]}>(url, 'nodes');
		const online = nodes.filter(({status}) => status === 'online').map(({name}) => name);
		if (!alive.every(({name}) => online.includes(name))) await sayAlive(url, alive);
		return online.length === living.length && alive.every(({name}) => online.includes(name));
	});
};

const shardsOf = ({folder}: Member): string[] =>
	readdirSync(path.join(folder, 'chunks')).filter(name => name.endsWith('.chunk'));

/** The shards of a node's disk, which all must be what they are called. */
const soundShardsOf = (t: ExecutionContext, node: Member): Set<string> => {
	const chunks = path.join(node.folder, 'chunks');
	const names = shardsOf(node);
	for (const name of names) {
		const digest = createHash('sha256')
			.update(readFileSync(path.join(chunks, name)))
			.digest('hex');
		t.is(`${digest}.chunk`, name);
	}

	return new Set(names.map(name => path.basename(name, '.chunk')));
};

const isWhole = async (url: string, file: Stored, living: readonly Member[]): Promise<boolean> =>
	(await chunksOf(url, file)).every(
		({shards}) =>
			shards.length === 3 &&
			shards.every(({node_name: name, state}) => state === 'online' && living.some(({label}) => label === name)),
	);

const allWhole = async (t: ExecutionContext, url: string, files: readonly Stored[], living: readonly Member[]) => {
	await until('every chunk is on three living nodes', async () => {
		for (const file of files) if (!(await isWhole(url, file, living))) return false;
		return true;
	});
	const disks = new Map(living.map(node => [node.label, soundShardsOf(t, node)]));
	for (const file of files) {
		await comesBack(t, url, file);
		for (const {shards} of await chunksOf(url, file)) {
			for (const {node_name: name, digest} of shards) t.true(disks.get(name)?.has(digest));
		}
	}
};

test('whichever node is lost for good, and the coordinator too, every chunk is on three nodes again, bit for bit', async t => {
	t.timeout(LIMIT_MS);
	t.log(`seed ${seed}`);
	const chance = chanceOf(seed);
	const folder = temporaryFolder(t);
	const coordinator = createCoordinator(t, path.join(folder, 'coordinator'), await keptPort());
	const {url} = coordinator;
	await coordinator.start();
	let living: Member[] = [];
	for (let number = 1; number <= 5; number++) {
		const label = `node-${number}`;
		const at = path.join(folder, label);
		const argv = ['--role', 'node', at, '1GB', '--name', label, '--coordinator', `${url}/api`];
		living.push(createMember(t, {label, folder: at, port: await keptPort(), argv, workingFolder: folder}));
	}

	await Promise.all(living.map(async node => node.start()));
	await passTime(coordinator, living);
	const files = await Promise.all(
		Array.from({length: 12}, async () =>
			store(t, url, chance, chance.between(0, 1) * 20_000 + chance.between(1, 300 * KIB)),
		),
	);
	files.push(await store(t, url, chance, 11 * KIB * KIB));

	const lost: Member[] = [];
	for (let round = 1; round <= 2; round++) {
		const [victim] = chance.some(living, 1);
		if (!victim) throw new Error('nobody is left');
		await victim.kill();
		living = living.filter(node => node !== victim);
		lost.push(victim);
		await passTime(coordinator, living);
		if (round === 2) {
			await coordinator.kill();
			await coordinator.start();
			await passTime(coordinator, living);
		}

		files.push(await store(t, url, chance, chance.between(1, 200 * KIB)));
		await coordinator.setAhead(GRACE_MS);
		await sayAlive(
			url,
			(await askFor<{nodes: NodeView[]}>(url, 'nodes')).nodes.filter(({status}) => status === 'online'),
		);
		await allWhole(t, url, files, living);
	}

	// One comes back with all that it had: three copies stay, wherever they lie.
	const [back] = lost;
	if (!back) throw new Error('nobody was lost');
	await back.start();
	living.push(back);
	await allWhole(t, url, files, living);
	const known = (await Promise.all(files.map(async file => chunksOf(url, file)))).flat();
	await until('nobody keeps what is not counted on', () => {
		const kept = living.reduce((sum, node) => sum + shardsOf(node).length, 0);
		return kept === known.length * 3;
	});
});
