import {chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {once} from 'node:events';
import type {AddressInfo} from 'node:net';
import path from 'node:path';
import test from 'ava';
import type {NodeView} from '../../source/protocol/api.js';
import {joinCommandOf} from '../../source/protocol/join-command.js';
import {lockFolder} from '../adapters/folder-lock.js';
import {systemClock, systemRandom} from '../adapters/system.js';
import {loadConfig} from '../config.js';
import {systemIo} from '../doctor/io.js';
import {testLine} from '../node/line-test.js';
import {runDaemon, startDaemon, temporaryFolder, until} from '../testing/processes.js';
import {silentLog} from '../testing/silent-log.js';
import {startTrustNetwork, type TrustNetwork} from '../testing/trust-network.js';
import {judgeDisk, judgeLine} from './advice.js';
import {measureDisk} from './disk-speed.js';
import {joinNetwork} from './join.js';

const NOBODY = `pjas-join_${'A'.repeat(64)}`;

/** Joins as the command does, in this process, and gives what it says. */
const join = async (argv: readonly string[], folder: string, more: Partial<typeof systemIo> = {}) => {
	const request = loadConfig(['join', ...argv], {environment: {}, folder, hostname: 'attic'});
	if (request.kind !== 'run' || request.config.mode !== 'join') throw new Error('it is no join');
	const said: string[] = [];
	const tools = {
		io: {...systemIo, ...more},
		log: silentLog,
		clock: systemClock,
		random: systemRandom,
		version: '2.0.0',
	};
	const say = (line: string) => said.push(line);
	const joined = await joinNetwork(request.config.settings, request.kept ?? {}, {...tools, say});
	return {...joined, said: said.join('\n')};
};

const nodesOf = async (network: TrustNetwork) =>
	((await (await network.call('GET', '/api/nodes')).json()) as {nodes: NodeView[]}).nodes;

const configIn = (folder: string): unknown => JSON.parse(readFileSync(path.join(folder, 'pjas_config.json'), 'utf8'));

/** What plain `--role node FOLDER` starts from then on. */
const startedFrom = (storagePath: string) => {
	const request = loadConfig(['--role', 'node', storagePath], {environment: {}, folder: '/', hostname: 'attic'});
	return request.kind === 'run' ? request.config.settings : undefined;
};

test('one command makes a folder a node of the network, and can be given again', async t => {
	const network = await startTrustNetwork(t);
	const folder = temporaryFolder(t);
	const code = await network.invite();
	const argv = [
		`${code}@${network.url}`,
		'./storage',
		'0.1',
		'--name',
		'cellar',
		'--zone',
		'Main Street 1',
		'--port',
		'0',
	];
	const first = await join([...argv, '--up', '2MB'], folder);
	t.is(first.outcome, 'joined');
	t.regex(first.said, /^disk {5}writes .*\/s/m);
	t.regex(first.said, /^joined {3}as "cellar", pjas-[0-9a-f]{32}$/m);
	t.regex(first.said, /^line {5}up .*\/s, down .*\/s$/m);
	t.false(first.said.includes(code), 'the code is told nobody');
	const storage = path.join(folder, 'storage');
	t.deepEqual(configIn(storage), {
		...{role: 'node', allocated_gb: '0.1', coordinator_url: network.url, name: 'cellar', zone: 'Main Street 1'},
		...{port: '0', up: '2MB'},
	});
	t.deepEqual(
		readdirSync(storage).filter(name => name.startsWith('.') || name.endsWith('.lock')),
		[],
		'nothing of the tests is left',
	);
	t.like(startedFrom(storage), {
		name: 'cellar',
		coordinatorUrl: network.url,
		port: 0,
		up: 2 * 1024 ** 2,
		join: undefined,
	});
	t.like((await nodesOf(network))[0], {name: 'cellar', owner: 'ann', status: 'offline'}, 'it does not run yet');

	const again = await join([...argv.slice(0, 2), '0.2'], folder);
	t.is(again.outcome, 'joined', 'a used code is of no matter to a node that is known');
	t.like(startedFrom(storage), {name: 'cellar', allocatedBytes: Math.round(0.2 * 1024 ** 3), up: 2 * 1024 ** 2});
	t.is((await nodesOf(network)).length, 1);
});

test('a node that runs, or left, is joined again without harm', async t => {
	const network = await startTrustNetwork(t);
	const node = await network.addNode('one');
	const code = await network.invite();
	const argv = [`${code}@${network.url}`, node.folder, '0.1', '--port', '0'];
	const lock = await lockFolder(node.folder, {clock: systemClock});
	const {outcome, said} = await join(argv, '/');
	t.is(outcome, 'runs');
	t.regex(said, new RegExp(`process ${process.pid} runs this node already`));
	await node.running.member.leave('left');
	await node.running.close({graceMs: 0});
	await lock.release();
	t.is((await join(argv, '/')).outcome, 'joined');
	t.like(JSON.parse(readFileSync(path.join(node.folder, 'member.json'), 'utf8')), {leaving: 'no'});
});

test('what keeps a machine from joining is said with its code, and uses up no join code', async t => {
	const network = await startTrustNetwork(t);
	const other = await startTrustNetwork(t);
	const folder = temporaryFolder(t);
	const code = await network.invite();
	const good = `${code}@${network.url}`;
	const fails = async (
		argv: readonly string[],
		problem: string,
		message: RegExp,
		io: Partial<typeof systemIo> = {},
	) => {
		const error = await t.throwsAsync(join(argv, folder, io), {code: problem}, message.source);
		t.regex(error.message, message);
		t.false(error.message.includes(code), 'a code is a secret');
	};
	writeFileSync(path.join(folder, 'file'), '');
	await fails([`${code}@nowhere`], 'INVALID_CONFIGURATION', /^CODE is not one that is taken\. Allowed: /);
	await fails([`${code}x`], 'INVALID_CONFIGURATION', /^CODE is not one/);
	await fails([`${code}@http://pjas.example.org`], 'INVALID_CONFIGURATION', /--insecure/);
	await fails([good, './file'], 'INVALID_CONFIGURATION', /can't be used\. .*file is a file\. .*choose another/);
	await fails(
		[good, './s', '100TB'],
		'INVALID_CONFIGURATION',
		/100 TiB are more than the disk below .* has: .* must stay free/,
	);
	const full = {space: async () => Promise.resolve({freeBytes: 1024 ** 2, diskBytes: 1024 ** 4})};
	await fails([good, './s', '1'], 'INSUFFICIENT_STORAGE', /1 MiB of 1 TiB are free/, full);
	await fails(
		[good, './s', '--host', '192.0.2.1'],
		'INVALID_CONFIGURATION',
		/Port 8420 of 192\.0\.2\.1 can't be listened on/,
	);
	const {port} = new URL(network.url);
	await fails([good, './s', '--port', port], 'INVALID_CONFIGURATION', /EADDRINUSE/);
	await fails(
		[`${code}@http://127.0.0.1:9`, './s', '1'],
		'COORDINATOR_UNREACHABLE',
		/http:\/\/127\.0\.0\.1:9 is not reached\. Nothing listens/,
	);
	await fails([`${code}@${other.url}`, './s', '1'], 'JOIN_CODE_INVALID', /of another network/);
	await fails([`${NOBODY}@${network.url}`, './s', '1'], 'JOIN_CODE_INVALID', /another network/);
	t.false(existsSync(path.join(folder, 's')), 'nothing was made');

	const joined = [`${await other.invite()}@${other.url}`, './s', '0.1', '--port', '0'];
	await join(joined, folder);
	await fails([good, './s', '0.1', '--port', '0'], 'OTHER_NETWORK', /is a node of another network.*pjas-daemon leave/);
	t.like(startedFrom(path.join(folder, 's')), {coordinatorUrl: other.url}, 'it stays what it was');
	const stranger = await other.addNode('runs');
	const lock = await lockFolder(stranger.folder, {clock: systemClock});
	await fails(
		[good, stranger.folder, '0.1', '--port', '0'],
		'FOLDER_IN_USE',
		/in use by process \d+, which is no node of this/,
	);
	await lock.release();

	const isPlain = process.getuid?.() !== 0;
	if (isPlain) {
		mkdirSync(path.join(folder, 'closed'));
		chmodSync(path.join(folder, 'closed'), 0o500);
		await fails([good, './closed/s', '0.1', '--port', '0'], 'INVALID_CONFIGURATION', /EACCES/);
	}

	t.is(
		(await join([good, './mine', '0.1', '--port', '0'], folder)).outcome,
		'joined',
		'the code was good all the time',
	);
	await fails([good, './second', '0.1', '--port', '0'], 'JOIN_CODE_INVALID', /used up/);
});

test('a usual port that is taken, and a disk with less than is given, are told and no obstacle', async t => {
	const network = await startTrustNetwork(t);
	const folder = temporaryFolder(t);
	const taken = Object.assign(new Error('taken'), {code: 'EADDRINUSE'});
	const io = {
		listen: async () => Promise.reject(taken),
		space: async () => Promise.resolve({freeBytes: 20 * 1024 ** 3, diskBytes: 100 * 1024 ** 3}),
	};
	const {said} = await join([`${await network.invite()}@${network.url}`, './s', '50'], folder, io);
	t.regex(said, /^port {5}8420 is taken: any that is free$/m);
	t.regex(said, /^warning {2}Only 20 GiB are free on this disk/m);
	t.like(configIn(path.join(folder, 's')), {port: 0});
});

test('a disk is measured within bounds, and nothing stays of it', async t => {
	const folder = temporaryFolder(t);
	const speed = await measureDisk(folder, {clock: systemClock, random: systemRandom});
	t.true(speed.writeBytesPerSecond > 0 && speed.readBytesPerSecond > 0);
	t.deepEqual(readdirSync(folder), []);
	let nowMs = 0;
	// A disk that takes ten seconds for each block is left in peace after the first.
	const slow = await measureDisk(folder, {clock: {monotonicMs: () => (nowMs += 10_000)}, random: systemRandom});
	t.true(slow.writeBytesPerSecond < 1_000_000);
	t.truthy(judgeDisk(slow).advice);
	await t.throwsAsync(measureDisk(path.join(folder, 'none'), {clock: systemClock, random: systemRandom}));
});

test('what is slow comes with advice, and what is not without', t => {
	const disk = {writeBytesPerSecond: 2e8, readBytesPerSecond: 4e8, isReadCached: false};
	t.deepEqual(judgeDisk(disk), {seen: 'writes 191 MiB/s, reads 382 MiB/s'});
	t.deepEqual(judgeDisk({...disk, isReadCached: true}), {seen: 'writes 191 MiB/s'});
	t.regex(judgeDisk({...disk, writeBytesPerSecond: 1e6}).advice ?? '', /This disk is slow/);
	t.regex(judgeDisk({...disk, readBytesPerSecond: 1e6}).advice ?? '', /This disk is slow/);
	const line = (up: number, down: number) =>
		judgeLine({kind: 'measured', speed: {upBytesPerSecond: up, downBytesPerSecond: down}}).advice;
	t.is(line(1e6, 1e6), undefined);
	t.regex(line(1e5, 1e6) ?? '', /slow up\. Take a cable/);
	t.regex(line(1e5, 1e5) ?? '', /slow up and down\./);
	t.regex(judgeLine({kind: 'slow', belowBytesPerSecond: 26_000}).advice ?? '', /too slow/);
	t.deepEqual(judgeLine({kind: 'untested', reason: 'wait'}), {seen: 'not tested: wait'});
});

test('a line that can’t be tested is no reason not to join: an older coordinator, a busy one, one that is gone', async t => {
	const trust = {
		sign: async () => Promise.resolve({id: 'one', jws: 'signed'}),
		accept: async () => Promise.reject(new Error('the answer is not signed')),
	};
	const answers = [
		[404, '{"success":false,"error":"There is no POST here","code":"ROUTE_NOT_FOUND"}', 'There is no POST here'],
		[429, '{"success":false,"error":"wait","code":"TOO_MANY_REQUESTS"}', 'wait'],
		[502, '<html>', 'it answers 502'],
		[200, 'x', 'the answer is not signed'],
	] as const;
	for (const [status, body, reason] of answers) {
		const server = createServer((request, response) => {
			request.resume().once('end', () => response.writeHead(status).end(body));
		});
		await once(server.listen(0, '127.0.0.1'), 'listening');
		const coordinatorUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
		t.deepEqual(await testLine({coordinatorUrl, trust}, systemRandom), {kind: 'untested', reason});
		server.closeAllConnections();
		await new Promise(resolve => server.close(resolve));
		const gone = await testLine({coordinatorUrl, trust}, systemRandom);
		t.regex(gone.kind === 'untested' ? gone.reason : '', /^ECONN/);
	}
});

/** A `systemctl` that notes what it is asked for. */
const fakeSystemctl = (folder: string): string => {
	const bin = path.join(folder, 'bin');
	mkdirSync(bin);
	const script = '#!/bin/sh\necho "$*" >> "$HOME/systemctl.log"\n';
	writeFileSync(path.join(bin, 'systemctl'), script, {mode: 0o755});
	return `${bin}:${process.env['PATH'] ?? ''}`;
};

const upload = async (url: string, token: string): Promise<Response> => {
	const form = new FormData();
	form.set('file', new Blob(['hello']), 'hello.txt');
	return fetch(`${url}/api/files/upload`, {method: 'POST', headers: {authorization: `Bearer ${token}`}, body: form});
};

test('with real processes: from the invitation by one command to the first shard, and a service', async t => {
	t.timeout(180_000);
	const folder = temporaryFolder(t);
	const environment = {PATH: fakeSystemctl(folder)};
	const coordinator = startDaemon(t, ['--role', 'coordinator', '--data', 'kept', '--port', '0', '--replicas', '1'], {
		folder,
	});
	const url = await coordinator.ready();
	const token = readFileSync(path.join(folder, 'kept/admin.token'), 'utf8').trim();
	const invite = async () => {
		const headers = {authorization: `Bearer ${token}`, 'content-type': 'application/json'};
		const body = JSON.stringify({owner: 'ann'});
		const made = await fetch(`${url}/api/nodes/invitations`, {method: 'POST', headers, body});
		return ((await made.json()) as {code: string}).code;
	};

	// The very command that is told, but for a smaller disk.
	const [, ...words] = joinCommandOf(await invite(), url).split(' ');
	t.is(words.pop(), '100');
	const startedMs = performance.now();
	const node = startDaemon(t, [...words, '0.5', '--port', '0'], {folder});
	await node.ready();
	await until('a file can be uploaded', async () => (await upload(url, token)).status === 200);
	const shards = () => readdirSync(path.join(folder, 'storage/chunks')).filter(name => name.endsWith('.chunk'));
	t.is(shards().length, 1);
	t.log(`${Math.round(performance.now() - startedMs)} ms from the command to the first shard`);
	const runs = await runDaemon(t, [...words, '0.5'], {folder});
	t.is(runs.code, 0, runs.stderr);
	t.regex(runs.stdout, /runs this node already/);
	t.is(await node.stop(), 0);

	const again = startDaemon(t, ['--role', 'node', 'storage'], {folder});
	await again.ready();
	await until('the same node is back', async () => (await upload(url, token)).status === 200);
	t.is(await again.stop(), 0);

	const served = await runDaemon(t, [...words, '0.5', '--service'], {folder, environment});
	t.is(served.code, 0, served.stderr);
	t.regex(served.stdout, /^service {2}pjas-node runs the node from now on/m);
	const unit = readFileSync(path.join(folder, '.config/systemd/user/pjas-node.service'), 'utf8');
	t.true(unit.includes(`"--role" "node" "${path.join(folder, 'storage')}"`));
	t.is(
		readFileSync(path.join(folder, 'systemctl.log'), 'utf8'),
		['daemon-reload', 'enable pjas-node', 'restart pjas-node', ''].map(line => line && `--user ${line}`).join('\n'),
	);

	const without = await runDaemon(t, [...words, '0.5', '--service'], {
		folder,
		environment: {PATH: path.join(folder, 'none')},
	});
	t.is(without.code, 1);
	t.regex(without.stderr, /is written to .*there is no systemctl.*\(SERVICE_NOT_STARTED\)/);
	const used = await runDaemon(t, [...words.slice(0, 2), 'other', '0.5', '--port', '0'], {folder});
	t.is(used.code, 1);
	t.regex(used.stderr, /used up.*\(JOIN_CODE_INVALID\)/);
	await coordinator.stop();
	const alone = await runDaemon(t, [...words.slice(0, 2), 'other', '0.5', '--port', '0'], {folder});
	t.is(alone.code, 3);
	t.regex(alone.stderr, /is not reached.*\(COORDINATOR_UNREACHABLE\)/);
	t.is((await runDaemon(t, ['join', 'pjas-join_short'], {folder})).code, 2);
});
