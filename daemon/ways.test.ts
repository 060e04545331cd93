import {execFile, spawnSync} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {promisify} from 'node:util';
import test, {type ExecutionContext} from 'ava';
import type {ChunkView, NodeView} from '../source/protocol/api.js';
import {startClassicNode} from './testing/classic-node.js';
import {createFront, hasNginx} from './testing/nginx.js';
import {startDaemon, temporaryFolder, until} from './testing/processes.js';
import {startTrustNetwork, type TrustNetwork} from './testing/trust-network.js';

/** The ways between a node and its coordinator: a proxy, a router that translates addresses, both families of addresses. */

const run = promisify(execFile);
/** By its path, since npm puts a program of the same name before it. */
const NFT = '/usr/sbin/nft';

const isThere = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0;

const nodesOf = async (network: TrustNetwork) =>
	((await (await network.call('GET', '/api/nodes')).json()) as {nodes: NodeView[]}).nodes;

const isLinked = async (network: TrustNetwork, name: string) =>
	(await nodesOf(network)).some(node => node.name === name && node.status === 'online' && node.kind === 'link');

/** Uploads and downloads by way of this address. */
const networkClient = (network: TrustNetwork, url = network.url) => {
	const headers = {authorization: `Bearer ${network.coordinator.firstAdmin?.token ?? ''}`};
	return {
		async upload(bytes: Buffer<ArrayBuffer>) {
			const body = new FormData();
			body.set('file', new Blob([bytes]), 'a.bin');
			const answer = await fetch(`${url}/api/files/upload`, {method: 'POST', headers, body});
			const said = (await answer.json()) as {file_id: string};
			if (!answer.ok) throw new Error(`An upload was answered by ${answer.status}: ${JSON.stringify(said)}`);
			return said.file_id;
		},
		async download(id: string) {
			const answer = await fetch(`${url}/api/files/download/${id}`, {headers});
			return Buffer.from(await answer.arrayBuffer());
		},
	};
};

/** Uploads a file and gets it back, by way of this address. */
const roundTrip = async (t: ExecutionContext, network: TrustNetwork, url = network.url): Promise<void> => {
	const bytes = randomBytes(12_000_000);
	const client = networkClient(network, url);
	t.true(bytes.equals(await client.download(await client.upload(bytes))));
};

test('a node and people come through nginx as the manual has it, and the node is back after its restart', async t => {
	t.timeout(120_000);
	const network = await startTrustNetwork(t, {trustProxy: ['loopback']});
	if (!hasNginx(t, 'a proxy before the coordinator')) {
		t.pass();
		return;
	}

	const nginx = await createFront(t, network.url);
	const front = nginx.url;
	const first = await nginx.start();

	const linked = {publicUrl: undefined, reach: 'links', coordinatorUrl: `${front}/api`} as const;
	await network.startNode('behind', {...linked, join: await network.invite()});
	await until('it is linked', async () => isLinked(network, 'behind'));
	await roundTrip(t, network, front);

	await first.stop();
	await until('its links are gone', () => network.coordinator.onlineNodes() === 0);
	await nginx.start();
	await until('it is linked again', async () => isLinked(network, 'behind'));
	await roundTrip(t, network, front);
	t.is(first.errors(), '');
});

/** How many copies of each chunk of a file are there. */
const copiesOf = async (network: TrustNetwork, id: string): Promise<number[]> => {
	const answer = await network.call('GET', `/api/files/${id}/replication`);
	const {chunks} = (await answer.json()) as {chunks: ChunkView[]};
	return chunks.map(({shards}) => shards.filter(({state}) => state === 'online').length);
};

test('one node of each kind make a network, which heals when one is lost and remembers all when its coordinator starts again', async t => {
	t.timeout(180_000);
	const settings = {allowClassic: true, trustProxy: ['loopback'], minReplicas: 2, repairGraceMs: 0};
	const network = await startTrustNetwork(t, settings);
	const nginx = hasNginx(t, 'the node behind a proxy') ? await createFront(t, network.url) : undefined;
	await nginx?.start();
	const {running: direct} = await network.addNode('direct');
	const linked = {publicUrl: undefined, reach: 'links'} as const;
	await network.startNode('linked', {...linked, join: await network.invite({zone: 'b'})});
	const behind = `${nginx?.url ?? network.url}/api`;
	await network.startNode('behind', {...linked, coordinatorUrl: behind, join: await network.invite({zone: 'c'})});
	const folder = path.join(network.folder, 'classic');
	const classic = await startClassicNode({folder, coordinatorUrl: `${network.url}/api`});
	t.teardown(classic.stop);
	await network.online(4);
	t.deepEqual((await nodesOf(network)).map(({kind}) => kind).toSorted(), ['classic', 'direct', 'link', 'link']);

	const client = networkClient(network);
	const files = new Map<string, Buffer>();
	for (const sizeBytes of [0, 1, 100_000, 12_000_000]) {
		for (let count = 0; count < 3; count++) {
			const bytes = randomBytes(sizeBytes);
			files.set(await client.upload(bytes), bytes);
		}
	}

	const allComeBack = async () => {
		for (const [id, bytes] of files) t.true(bytes.equals(await client.download(id)), `${bytes.length} bytes`);
	};
	const areOnline = async ({coordinator}: TrustNetwork, count: number) =>
		until(`${count} are online`, async () => {
			await classic.beat();
			return coordinator.onlineNodes() === count;
		});
	const haveThreeCopies = async () => {
		await classic.beat();
		const copies = await Promise.all([...files.keys()].map(async id => copiesOf(network, id)));
		return copies.flat().every(count => count === 3);
	};
	await allComeBack();
	t.true(await haveThreeCopies());

	await direct.close({graceMs: 0});
	await allComeBack();
	await network.later(61_000);
	await areOnline(network, 3);
	await until('every chunk has three copies again', haveThreeCopies);
	await allComeBack();

	await network.coordinator.close();
	const {port} = new URL(network.url);
	const again = await startTrustNetwork(t, {
		...settings,
		dataFolder: path.join(network.folder, 'coordinator'),
		port: Number(port),
	});
	await areOnline(again, 3);
	await allComeBack();
});

test('names that stand for addresses of both families, and addresses of IPv6, lead to the coordinator', async t => {
	t.timeout(60_000);
	const network = await startTrustNetwork(t);
	const {port} = new URL(network.url);
	// On most machines this is ::1 as well, where nobody listens.
	const linked = {publicUrl: undefined, reach: 'links'} as const;
	const join = await network.invite({uses: 2});
	await network.startNode('by-name', {...linked, join, coordinatorUrl: `http://localhost:${port}`});
	await until('it is linked', async () => isLinked(network, 'by-name'));

	const v6 = await startTrustNetwork(t, {host: '::'}).catch(() => undefined);
	if (!v6) {
		t.log('Skipped: this machine has no IPv6');
		return;
	}

	t.regex(v6.url, /^http:\/\/\[::1\]:\d+$/);
	await v6.startNode('six', {...linked, join: await v6.invite(), coordinatorUrl: `${v6.url}/api`});
	await until('it is linked', async () => isLinked(v6, 'six'));
	await v6.startNode('direct', {join: await v6.invite(), host: '::', publicUrl: undefined});
	await until('it is online', async () =>
		(await nodesOf(v6)).some(({name, status, address}) => name === 'direct' && status === 'online' && address !== ''),
	);
	await roundTrip(t, v6);
});

/** A home behind a router that translates addresses and lets nothing in, and the outside with this machine in it. */
const startHome = async (t: ExecutionContext) => {
	const tag = randomBytes(2).toString('hex');
	const [home, router] = [`pjas-home-${tag}`, `pjas-router-${tag}`];
	const outside = `po${tag}`;
	const ip = async (...args: string[]) => run('ip', args);
	t.teardown(async () => {
		for (const name of [home, router]) await ip('netns', 'del', name).catch(() => undefined);
		await ip('link', 'del', outside).catch(() => undefined);
	});
	for (const name of [home, router]) await ip('netns', 'add', name);
	await ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', 'wan', 'netns', router);
	await ip('-n', home, 'link', 'add', 'eth', 'type', 'veth', 'peer', 'name', 'lan', 'netns', router);
	await ip('addr', 'add', '203.0.113.1/24', 'dev', outside);
	await ip('link', 'set', outside, 'up');
	const inside: [string, string, string][] = [
		[router, 'wan', '203.0.113.2/24'],
		[router, 'lan', '192.168.77.1/24'],
		[home, 'eth', '192.168.77.2/24'],
	];
	for (const [name, device, address] of inside) {
		await ip('-n', name, 'addr', 'add', address, 'dev', device);
		await ip('-n', name, 'link', 'set', device, 'up');
		await ip('-n', name, 'link', 'set', 'lo', 'up');
	}

	await ip('-n', home, 'route', 'add', 'default', 'via', '192.168.77.1');
	await ip('netns', 'exec', router, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
	const rules = [
		'table ip home {',
		'chain out { type nat hook postrouting priority 100; oifname "wan" masquerade; }',
		'chain in { type filter hook forward priority 0; policy drop; iifname "lan" accept; ct state established accept; }',
		'}',
	].join('\n');
	const file = path.join(temporaryFolder(t), 'rules');
	await writeFile(file, rules);
	await ip('netns', 'exec', router, NFT, '-f', file);
	return {home, coordinatorHost: '203.0.113.1'};
};

test('a node behind a router that translates addresses and lets nothing in joins, and is of use', async t => {
	t.timeout(180_000);
	const none = (error: unknown) => {
		t.log(String(error));
		return undefined;
	};
	const home = isThere(NFT, '-v') ? await startHome(t).catch(none) : undefined;
	if (!home) {
		t.log('Skipped: network namespaces and nftables are not to be had here');
		t.pass();
		return;
	}

	const network = await startTrustNetwork(t, {host: home.coordinatorHost});
	const folder = temporaryFolder(t);
	await mkdir(path.join(folder, 'storage'));
	const code = await network.invite();
	const node = ['--role', 'node', 'storage', '1', '--coordinator', `${network.url}/api`, '--insecure'];
	const daemon = startDaemon(t, [...node, '--name', 'inside', '--join', code], {
		folder,
		before: ['ip', 'netns', 'exec', home.home],
	});
	await daemon.ready();
	await until('it is linked', async () => isLinked(network, 'inside'));
	await roundTrip(t, network);
	const [view] = await nodesOf(network);
	t.is(view?.address, '', 'it is told of no address');
	await t.throwsAsync(fetch('http://203.0.113.2:8420/status'), undefined, 'nothing gets in');
});
