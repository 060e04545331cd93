import {mkdir, mkdtemp, readdir, rm, stat} from 'node:fs/promises';
import {get} from 'node:http';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {createMemberApi} from '../../source/client/member.js';
import {isPjasError, type PjasError} from '../../source/protocol/errors.js';
import {memberSocketOf, memberTargetOf, thisMachine} from '../../source/member-socket.js';
import {limitFacts, memberFacts, stateText} from '../../source/member-words.js';
import {openNodeFolder} from '../adapters/disk-shards-folder.js';
import {systemClock, systemRandom} from '../adapters/system.js';
import {recordingLog, type RecordingLog} from '../testing/recording-log.js';
import {identityIn, type NodeIdentity, sendAsNode} from '../testing/signed-node.js';
import {startTrustNetwork} from '../testing/trust-network.js';
import {until} from '../testing/processes.js';
import type {Exchange, NodeIdentity as OwnIdentity} from './exchange.js';
import {createSafeToStop} from './safe-to-stop.js';
import {type RunningNode, startNode} from './start.js';

const {signal} = new AbortController();

const newFolder = async (t: ExecutionContext): Promise<string> => {
	const folder = await mkdtemp(join(tmpdir(), 'pjas-own-'));
	t.teardown(async () => rm(folder, {recursive: true, force: true}));
	return folder;
};

const start = async (t: ExecutionContext, storagePath: string): Promise<RunningNode & {log: RecordingLog}> => {
	const log = recordingLog();
	const node = await startNode({
		openFolder: openNodeFolder,
		memberSocket: memberSocketOf(storagePath, thisMachine()),
		...{storagePath, allocatedBytes: 1024 ** 3, host: '127.0.0.1', port: 0, name: 'attic'},
		...{log, clock: systemClock, random: systemRandom},
	});
	t.teardown(async () => node.close({graceMs: 0}));
	return {...node, log};
};

test('a member asks the node and steers it over a socket that is the own user’s alone', async t => {
	const folder = await newFolder(t);
	const node = await start(t, folder);
	const socket = join(folder, 'node.sock');
	t.is((await stat(socket)).mode & 0o777, 0o600);
	const api = createMemberApi(memberTargetOf(folder));
	t.like(await api.status(), {name: 'attic', paused: false, leaving: 'no', storage: {chunk_count: 0}, drain: null});
	t.like(await api.set({up: '2MB', space: '500MB'}), {
		limits: {up: {value: 2 * 1024 ** 2, configured: 0}, space: {value: 500 * 1024 ** 2}},
		storage: {allocated_bytes: 500 * 1024 ** 2},
		line: {up: 2 * 1024 ** 2},
	});
	const paused = await createMemberApi(memberTargetOf(`unix:${socket}`)).pause(true);
	t.like(paused, {paused: true, line: {resting: 'paused'}});
	t.is(node.member.resting(), 'paused');
	t.like(await api.pause(false), {paused: false});
	const {entries, started_at: startedAt} = await api.log({limit: 2});
	t.is((await api.status()).started_at, startedAt);
	const messages = entries.map(({message}) => message);
	t.deepEqual(messages, ['paused: this node takes no new shards until it is resumed', 'resumed']);
	const id = entries[0]?.id ?? 0;
	t.deepEqual((await api.log({limit: 500, after: id})).entries, entries.slice(1));
	t.like(await api.examine().catch((error: unknown) => error), {code: 'ROUTE_NOT_FOUND'});

	const facts = Object.fromEntries([...memberFacts(paused, Date.now()), ...limitFacts(paused)]);
	t.regex(facts['state'] ?? '', /^paused: no new shards/);
	t.is(facts['up'], '2 MiB/s (set; configured: any)');
	t.is(facts['coordinator'], 'none');
	t.is(stateText({...paused, leaving: 'left'}), 'has left the network: it may be stopped, and its folder deleted');
});

test('what a member asks for that can not be is refused with what may be', async t => {
	const folder = await newFolder(t);
	await start(t, folder);
	const api = createMemberApi(memberTargetOf(folder));
	await t.throwsAsync(async () => api.set({hours: 'sat'}), {
		message: /^hours can't be "sat"\. Allowed: hours of the week/,
	});
	await t.throwsAsync(async () => api.set({}), {message: /name a limit/});
	await t.throwsAsync(async () => api.set({colour: 'red'} as never), {message: /^Wrong body: /});
	await t.throwsAsync(async () => api.log({limit: 0}), {message: /^Wrong query: "limit"/});
	t.throws(() => memberTargetOf('https://127.0.0.1:9000'), {message: /never over a network/});
	t.throws(() => memberTargetOf(join(folder, 'chunks')), {message: /^No node runs on .*chunks/});
});

test('no page reaches a node over its socket, neither from another origin nor by a name that leads there', async t => {
	const folder = await newFolder(t);
	await start(t, folder);
	const asPage = async (headers: Record<string, string>) =>
		new Promise<number | undefined>((resolve, reject) => {
			const options = {socketPath: join(folder, 'node.sock'), path: '/status', headers};
			get(options, answer => resolve(answer.resume().statusCode)).on('error', reject);
		});
	t.is(await asPage({host: '127.0.0.1:9000'}), 200);
	t.is(await asPage({host: '127.0.0.1:9000', origin: 'http://127.0.0.1:9000'}), 403);
	t.is(await asPage({host: 'rebound.example'}), 403);
});

test('a socket that an earlier run left is taken over, and one whose path is too long stands elsewhere', async t => {
	const folder = await newFolder(t);
	const left = createServer().listen(join(folder, 'node.sock'));
	await new Promise(resolve => left.once('listening', resolve));
	t.teardown(() => left.close());
	await start(t, folder);
	t.is((await createMemberApi(memberTargetOf(folder)).status()).name, 'attic');

	const deep = join(await newFolder(t), 'x'.repeat(120));
	await mkdir(deep);
	const node = await start(t, deep);
	t.false((await readdir(deep)).includes('node.sock'));
	t.is((await createMemberApi(memberTargetOf(deep)).status()).name, 'attic');
	await node.close();
	await t.throwsAsync(async () => createMemberApi(memberTargetOf(deep)).status());
	t.is(memberSocketOf('C:\\pjas', {platform: 'win32', uid: 0}).slice(0, 14), String.raw`\\.\pipe\pjas-`);
});

test('a node whose member wants to leave is emptied and forgotten, and stays away until it has a new code', async t => {
	const network = await startTrustNetwork(t);
	const node = await network.addNode('attic');
	const api = createMemberApi(memberTargetOf(node.folder));
	await until('its standing is told', async () => (await api.status()).standing !== null);
	t.like(await api.status(), {coordinator: {reach: 'direct', links: 0}, maintenance: null, scrub: {faults: 0}});
	const told = Object.fromEntries(memberFacts(await api.status(), Date.now()));
	t.is(told['reached'], 'at its address');
	t.regex(told['scrub'] ?? '', /of its shards read again, none whole yet$/);
	t.is((await api.leave(true)).leaving, 'asked');
	await until('it has left', async () => (await api.status()).leaving === 'left');
	const {nodes} = (await (await network.call('GET', '/api/nodes')).json()) as {nodes: unknown[]};
	t.deepEqual(nodes, []);
	await t.throwsAsync(async () => api.leave(false), {message: /has left the network already/});
	await node.running.close();
	const again = await network.startNode('attic', {join: await network.invite()});
	await network.online(1);
	t.is(again.running.member.leaving(), 'no');
});

test('whether a node can be stopped its coordinator knows; it is told of no files, and nobody can say where that one is away', async t => {
	const network = await startTrustNetwork(t);
	const attic = await network.addNode('attic');
	const upload = async () => {
		const body = new FormData();
		body.set('file', new Blob(['a diary']), 'diary.txt');
		const headers = {authorization: `Bearer ${network.coordinator.firstAdmin?.token ?? ''}`};
		t.is((await fetch(`${network.url}/api/files/upload`, {method: 'POST', headers, body})).status, 200);
	};
	await upload();
	const api = createMemberApi(memberTargetOf(attic.folder));
	const alone = {success: true, safe: false, shards: 1, min_copies: 1, at_risk: 1, fewest_copies: 0} as const;
	t.deepEqual(await api.safeToStop(), alone);
	await network.addNode('cellar');
	await upload();
	t.deepEqual(await api.safeToStop(), {...alone, shards: 2});
	t.like(await createMemberApi(memberTargetOf(join(network.folder, 'cellar'))).safeToStop(), {
		safe: true,
		shards: 1,
	});

	const identity = await identityIn(attic.folder);
	const ask = async (as: NodeIdentity, id: string) =>
		(await sendAsNode(network.url, as, 'safe-to-stop', {}, {id, nowMs: network.nowMs()})).status;
	t.is(await ask(identity, 'asked-for-once'), 200);
	t.is(await ask(identity, 'asked-for-once'), 401);
	t.is(await ask({...identity, nodeId: `pjas-${'9'.repeat(32)}`}, 'asked-by-nobody'), 404);
	const {pairs} = await identityIn(join(network.folder, 'cellar'));
	t.is(await ask({...identity, pairs}, 'asked-by-another'), 401);

	await network.coordinator.close();
	const error = await t.throwsAsync(async () => api.safeToStop());
	t.true(isPjasError(error, 'COORDINATOR_UNREACHABLE'), String(error));
});

test('a node that can not ask whether it can be stopped says why', async t => {
	const folder = await newFolder(t);
	await start(t, folder);
	const alone = createMemberApi(memberTargetOf(folder));
	await t.throwsAsync(async () => alone.safeToStop(), {message: /has no coordinator/});

	const identity = {trust: {keys: () => new Map()}} as unknown as OwnIdentity;
	const askWith = (exchange: Exchange) =>
		createSafeToStop({nodeId: 'pjas-00000001', asked: {exchange, identity}, ...{clock: systemClock, signal}})();
	const answered = (status: number, code: string) => async () =>
		Promise.resolve({
			...{status, text: JSON.stringify({success: false, code, error: 'no'}), error: 'no'},
			...{hasLearnt: false, isProven: false},
		});
	const codeOf = async (exchange: Exchange) => (await t.throwsAsync<PjasError>(async () => askWith(exchange))).code;
	t.is(await codeOf(answered(405, 'METHOD_NOT_ALLOWED')), 'OPERATION_UNSUPPORTED');
	t.is(await codeOf(answered(404, 'NODE_NOT_FOUND')), 'NODE_NOT_FOUND');
	t.is(await codeOf(answered(502, 'nonsense')), 'COORDINATOR_UNREACHABLE');
	t.is(await codeOf(async () => Promise.reject(new Error('socket hang up'))), 'COORDINATOR_UNREACHABLE');
});
