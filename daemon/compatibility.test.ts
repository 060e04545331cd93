import {execFile} from 'node:child_process';
import {once} from 'node:events';
import {readFileSync, truncateSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import path from 'node:path';
import {text} from 'node:stream/consumers';
import {promisify} from 'node:util';
import test, {type ExecutionContext} from 'ava';
import type {LogEntry, Stats} from '../source/protocol/api.js';
import {systemRandom} from './adapters/system.js';
import {startNode} from './roles/node.js';
import {type ClassicNode, startClassicNode} from './testing/classic-node.js';
import {chanceOf} from './testing/crash-chance.js';
import {askFor, remove} from './testing/crash-client.js';
import {manualClock} from './testing/manual-clock.js';
import {silentLog} from './testing/silent-log.js';
import {keptPort, startDaemon, temporaryFolder, until} from './testing/processes.js';
import {comesBack, holdersOf, type RoleNetwork, shardsIn, startRoleNetwork, store} from './testing/roles.js';

/** What is not ours and works with us: the prototype's nodes, its coordinator, and the programs that people have. */

const MIB = 1024 * 1024;
const LIMIT_MS = 120_000;
const chance = chanceOf(1997);

type Classic = {node: ClassicNode; port: number; folder: string};

const startClassic = async (
	t: ExecutionContext,
	network: RoleNetwork,
	name: string,
	port?: number,
): Promise<Classic> => {
	const chosen = port ?? (await keptPort());
	const folder = path.join(network.folder, name);
	const node = await startClassicNode({folder, port: chosen, coordinatorUrl: `${network.url}/api`});
	t.teardown(node.stop);
	return {node, port: chosen, folder};
};

test.serial('three nodes of the prototype are full members, and come back under other ids', async t => {
	t.timeout(LIMIT_MS);
	const network = await startRoleNetwork(t, {allowClassic: true});
	const {url} = network;
	const classics = [
		await startClassic(t, network, 'a'),
		await startClassic(t, network, 'b'),
		await startClassic(t, network, 'c'),
	];
	await network.online(3);
	const files = [await store(t, url, chance, 0), await store(t, url, chance, 1), await store(t, url, chance, 11 * MIB)];
	for (const file of files) for (const names of await holdersOf(url, file)) t.is(names.length, 3);

	await classics[0]?.node.stop();
	for (const file of files) await comesBack(t, url, file);
	files.push(await store(t, url, chance, 100_000));

	for (const {node} of classics.slice(1)) await node.stop();
	const idsBefore = classics.map(({node}) => node.nodeId);
	const again = [];
	for (const [index, {port}] of classics.entries())
		again.push(await startClassic(t, network, 'abc'.charAt(index), port));
	t.true(again.every(({node}) => !idsBefore.includes(node.nodeId)));
	t.is((await network.nodes()).length, 3, 'they are the nodes that they were');
	for (const file of files) await comesBack(t, url, file);
	for (const {node} of again) await node.beat();
	await network.online(3);

	const checked = await fetch(`${url}/api/files/${files[2]?.id ?? ''}/check`, {method: 'POST'});
	const lines = (await checked.text())
		.trim()
		.split('\n')
		.map(line => JSON.parse(line) as Record<string, unknown>);
	t.like(lines.at(-1), {event: 'done', success: true, ok: 6, missing: 0, corrupt: 0});
	t.true(again.every(({node}) => node.mostAtOnce === 1));
});

test.serial('nodes of the prototype and ours keep files together', async t => {
	t.timeout(LIMIT_MS);
	const network = await startRoleNetwork(t, {allowClassic: true});
	const {url} = network;
	const ours = await network.addNode();
	const classics = [await startClassic(t, network, 'a'), await startClassic(t, network, 'b')];
	await network.online(3);
	const files = [await store(t, url, chance, 12 * MIB), await store(t, url, chance, 70_000)];
	for (const file of files) for (const names of await holdersOf(url, file)) t.is(names.length, 3);

	await ours.front.leave();
	for (const file of files) await comesBack(t, url, file);
	await ours.front.comeBack();
	await ours.restart();
	for (const {node} of classics) await node.stop();
	for (const file of files) await comesBack(t, url, file);

	for (const [index, {port}] of classics.entries()) await startClassic(t, network, 'ab'.charAt(index), port);
	for (const {id} of files) t.deepEqual(await remove(url, id), {kind: 'removed'});
	await until('what can be removed is', async () => {
		const {stats} = await askFor<{stats: Stats}>(url, 'stats');
		return stats.pendingRemovals === 0 && shardsIn(ours).length === 0;
	});
	const {logs} = await askFor<{logs: LogEntry[]}>(url, 'logs');
	t.true(logs.some(({message}) => /Classic node .* cannot delete/.test(message)));
});

type Call = {path: string; body: Record<string, unknown>};

/** The prototype's coordinator, as far as a node sees it. It knows nobody when it starts. */
const startClassicCoordinator = async (t: ExecutionContext) => {
	const calls: Call[] = [];
	const known = new Set<unknown>();
	const server = createServer((request, response) => {
		const answer = (status: number, body: unknown) => {
			response.writeHead(status, {'content-type': 'application/json; charset=utf-8'}).end(JSON.stringify(body));
		};
		void text(request).then(sent => {
			const body = JSON.parse(sent) as Record<string, unknown>;
			const {node_id: id, storage_stats: stats} = body;
			calls.push({path: `${request.method ?? ''} ${request.url ?? ''}`, body});
			const isRegistration = request.url === '/api/nodes/register';
			if (isRegistration && stats) known.add(id);
			if (isRegistration && (!id || !stats)) answer(400, {success: false, error: 'Missing required fields'});
			else if (isRegistration) answer(200, {success: true, message: 'Node registered', node_id: id});
			else if (known.has(id)) answer(200, {success: true});
			else answer(404, {success: false, error: 'Node not found'});
		});
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.teardown(() => {
		server.closeAllConnections();
		server.close();
	});
	const {port} = server.address() as AddressInfo;
	return {url: `http://127.0.0.1:${port}/api`, calls, forget: () => known.clear()};
};

/** Stores a chunk as the prototype's coordinator does. */
const postChunk = async (address: string, id: string, bytes: Buffer) => {
	const file = {chunk_id: id, file_id: '0123456789abcdef', filename: 'a "quoted" näme', chunk_size: bytes.length};
	const metadata = Buffer.from(JSON.stringify(file));
	return fetch(`${address}/chunk`, {
		method: 'POST',
		headers: {'content-type': 'application/octet-stream', 'x-metadata-length': String(metadata.length)},
		body: Buffer.concat([metadata, bytes]),
	});
};

const statsShape = {
	used_bytes: 'number',
	allocated_bytes: 'number',
	free_bytes: 'number',
	chunk_count: 'number',
	usage_percent: 'number',
};
const shapeOf = (value: unknown) =>
	Object.fromEntries(Object.entries(value as object).map(([name, field]) => [name, typeof field]));

test.serial(
	"our node joins the prototype's coordinator, keeps its chunks over a kill, and gives them back",
	async t => {
		t.timeout(LIMIT_MS);
		const {url, calls} = await startClassicCoordinator(t);
		const folder = temporaryFolder(t);
		const argv = ['--role', 'node', 'kept', '1', '--classic', '--coordinator', url, '--port', String(await keptPort())];
		const node = startDaemon(t, argv, {folder});
		await node.ready();
		const [registration] = await until('it registers', () => calls.length > 0 && calls);
		t.is(registration?.path, 'POST /api/nodes/register');
		t.deepEqual(Object.keys(registration?.body ?? {}).sort(), [
			'address',
			'node_id',
			'status',
			'storage_stats',
			'version',
		]);
		t.like(registration?.body, {version: '1.0.0', status: 'online'});
		t.regex(String(registration?.body['node_id']), /^pjas-[0-9a-f]{8}$/);
		t.deepEqual(shapeOf(registration?.body['storage_stats']), statsShape);
		const address = String(registration?.body['address']);
		t.regex(address, /^http:\/\/127\.0\.0\.1:\d+$/);

		const chunks = [0, 1, 10 * MIB].map((sizeBytes, index) => ({
			id: `00112233445566${index}f`,
			bytes: chance.bytes(sizeBytes),
		}));
		for (const {id, bytes} of chunks) {
			const answer = await postChunk(address, id, bytes);
			t.deepEqual([answer.status, await answer.json()], [200, {success: true, stored_bytes: bytes.length}]);
		}

		const giveBack = async () => {
			for (const {id, bytes} of chunks) {
				const answer = await fetch(`${address}/chunk?id=${id}`);
				t.is(answer.status, 200);
				t.is(answer.headers.get('content-type'), 'application/octet-stream');
				t.is(answer.headers.get('content-length'), String(bytes.length));
				t.true(bytes.equals(Buffer.from(await answer.arrayBuffer())));
			}
		};
		await giveBack();
		t.is((await fetch(`${address}/chunk?id=ffffffffffffffff`)).status, 404);
		t.is((await fetch(`${address}/chunk`)).status, 400);
		t.like(await (await fetch(`${address}/status`)).json(), {
			node_id: registration?.body['node_id'],
			status: 'online',
			storage: {chunk_count: 3},
		});

		await node.kill();
		const again = startDaemon(t, argv, {folder});
		await again.ready();
		await giveBack();
		t.is(await again.stop(), 0);
	},
);

test.serial("our node beats for the prototype's coordinator, and registers again where it is forgotten", async t => {
	const {url, calls, forget} = await startClassicCoordinator(t);
	const clock = manualClock();
	const node = await startNode({
		...{
			storagePath: path.join(temporaryFolder(t), 'node'),
			allocatedBytes: 1024 * MIB,
			coordinatorUrl: url,
			classic: true,
		},
		...{host: '127.0.0.1', port: 0, log: silentLog, clock, random: systemRandom},
	});
	t.teardown(async () => node.close({graceMs: 0}));
	const count = (what: string) => calls.filter(call => call.path === `POST /api/nodes/${what}`).length;
	const after = async (ms: number, what: string, times: number) => {
		// The heartbeat, the scrub, the member's limits, and the writing down of the index.
		await until('it rests', () => clock.sleepers() === 4);
		await clock.advance(ms);
		await until(`${what} ${times}`, () => count(what) === times);
	};

	await until('it registers', () => count('register') === 1);
	await after(36_000, 'heartbeat', 1);
	const body = calls.at(-1)?.body ?? {};
	t.deepEqual(Object.keys(body).sort(), ['node_id', 'storage_stats', 'timestamp']);
	t.deepEqual(shapeOf(body['storage_stats']), statsShape);
	t.is(body['timestamp'], clock.now() / 1000);
	t.is(body['node_id'], node.nodeId);
	forget();
	await after(36_000, 'register', 2);
	await after(36_000, 'heartbeat', 3);
});

const run = promisify(execFile);

/** Runs a program of the machine's; `undefined` where it has none such. */
const tryRun = async (program: string, argv: readonly string[], cwd: string): Promise<string | undefined> => {
	try {
		return (await run(program, argv, {cwd, maxBuffer: 64 * MIB})).stdout;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
		throw error;
	}
};

const startLocal = async (t: ExecutionContext) => {
	t.timeout(LIMIT_MS);
	const folder = temporaryFolder(t);
	const local = startDaemon(t, ['--role', 'local', '--open', '--data', 'data', '--port', '0'], {folder});
	const url = await local.ready();
	const at = (name: string) => path.join(folder, name);
	return {folder, url, at, read: (name: string) => readFileSync(at(name))};
};

test.serial('curl uploads, downloads, resumes, and takes ranges', async t => {
	const {folder, url, at, read} = await startLocal(t);
	const curl = async (...argv: string[]) => tryRun('curl', ['-sS', '--fail-with-body', ...argv], folder);
	if ((await tryRun('curl', ['--version'], folder)) === undefined) {
		t.pass('There is no curl here');
		return;
	}

	const bytes = chance.bytes(24 * MIB + 5);
	const name = 'Ünï "cod", semi;colon & 100%.bin';
	writeFileSync(at('sent'), bytes);
	writeFileSync(at('empty'), '');
	const send = async (form: string) => {
		const answer = JSON.parse((await curl('-F', form, `${url}/api/files/upload`)) ?? '') as Record<string, unknown>;
		return {answer, address: `${url}/api/files/download/${String(answer['file_id'])}`};
	};
	const {answer, address} = await send(`file=@sent;filename="${name.replaceAll('"', '\\"')}";type=video/mp4`);
	t.like(answer, {success: true, size: bytes.length, chunks: 3, filename: name});

	await curl('-o', 'whole', address);
	t.true(bytes.equals(read('whole')));
	const head = (await curl('-I', address)) ?? '';
	t.regex(head, /^HTTP\/1\.1 200 OK\r\n/);
	t.regex(head, new RegExp(`^Content-Length: ${bytes.length}\r$`, 'm'));
	t.regex(head, /^Content-Type: video\/mp4\r$/m);
	t.regex(head, /^Accept-Ranges: bytes\r$/m);
	t.true(head.includes(`filename*=UTF-8''%C3%9Cn%C3%AF%20%22cod%22%2C%20semi%3Bcolon%20%26%20100%25.bin`), head);

	for (const haveBytes of [1, 10 * MIB, 17 * MIB + 3]) {
		truncateSync(at('whole'), haveBytes);
		await curl('-C', '-', '-o', 'whole', address);
		t.true(bytes.equals(read('whole')), `resumed at ${haveBytes}`);
	}

	const edge = 10 * MIB;
	for (const [range, from, to] of [
		['0-0', 0, 1],
		['5-9', 5, 10],
		[`${edge - 2}-${edge + 1}`, edge - 2, edge + 2],
		['-7', bytes.length - 7, bytes.length],
		[`${bytes.length - 3}-`, bytes.length - 3, bytes.length],
		[`${bytes.length - 3}-${bytes.length + 100}`, bytes.length - 3, bytes.length],
	] as const) {
		await curl('-r', range, '-o', 'part', address);
		t.true(bytes.subarray(from, to).equals(read('part')), range);
	}

	await curl('-r', '0-1,4-5', '-o', 'parts', address);
	t.true(read('parts').includes(bytes.subarray(4, 6)));
	t.is(
		await tryRun('curl', ['-s', '-o', 'none', '-w', '%{http_code}', '-r', `${bytes.length}-`, address], folder),
		'416',
	);
	t.like(JSON.parse(read('none').toString()), {success: false, code: 'RANGE_NOT_SATISFIABLE'});

	const empty = await send('file=@empty');
	t.like(empty.answer, {success: true, size: 0, chunks: 0});
	await curl('-o', 'empty-back', empty.address);
	t.is(read('empty-back').length, 0);
	await curl('-X', 'DELETE', `${url}/api/files/${String(empty.answer['file_id'])}`);
	t.is(await tryRun('curl', ['-s', '-o', 'none', '-w', '%{http_code}', empty.address], folder), '404');
});

test.serial('wget downloads, and goes on where it was cut off', async t => {
	const {folder, url, at, read} = await startLocal(t);
	if ((await tryRun('wget', ['--version'], folder)) === undefined) {
		t.pass('There is no wget here');
		return;
	}

	const file = await store(t, url, chance, 21 * MIB);
	const address = `${url}/api/files/download/${file.id}`;
	await tryRun('wget', ['-q', '-O', 'whole', address], folder);
	t.true(file.bytes.equals(read('whole')));
	for (const haveBytes of [12 * MIB, 3, 21 * MIB]) {
		writeFileSync(at('resumed'), file.bytes.subarray(0, haveBytes));
		await tryRun('wget', ['-q', '-c', '-O', 'resumed', address], folder);
		t.true(file.bytes.equals(read('resumed')), `resumed at ${haveBytes}`);
	}

	await tryRun('wget', ['-q', '--content-disposition', address], folder);
	t.true(file.bytes.equals(read(file.name)));
});
