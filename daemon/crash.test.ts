import {createHash} from 'node:crypto';
import {once} from 'node:events';
import {appendFileSync, existsSync, readdirSync, readFileSync, watch} from 'node:fs';
import {get, type IncomingMessage, request} from 'node:http';
import path from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import type {LogEntry} from '../source/protocol/api.js';
import {pathOf} from '../source/protocol/routes.js';
import {accountsOf, leftoversOf} from './testing/crash-accounts.js';
import {verifyAudit} from './coordinator/audit-verify.js';
import {chanceOf} from './testing/crash-chance.js';
import {askFor, upload} from './testing/crash-client.js';
import {createLedger, type Ledger} from './testing/crash-ledger.js';
import {createMember, type CrashNetwork, startCrashNetwork} from './testing/crash-network.js';
import {drawRound, runRound} from './testing/crash-round.js';
import {direct, type NodeWay, oneOfEach} from './testing/node-ways.js';
import {type Daemon, runDaemon, startDaemon, temporaryFolder, until} from './testing/processes.js';

/** More rounds take longer and find more. A seed draws the same rounds again; what happens in them is up to the machine. */
const ROUNDS = Number(process.env['PJAS_CRASH_ROUNDS'] ?? 50);
const SEED = Number(process.env['PJAS_CRASH_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
/** Links take a second or two to come back each time, so these are the fewer. */
const ROUNDS_OF_EACH_KIND = Math.floor(ROUNDS * 0.4);
const MIB = 1024 * 1024;

const uploadTo = async (ledger: Ledger, url: string, name: string, bytes: Uint8Array) => {
	const outcome = await upload(url, name, bytes);
	ledger.uploaded(name, bytes, outcome);
	return outcome;
};

/** Starts all that was stopped or killed, and waits for the nodes. */
const startAll = async ({coordinator, nodes, gathered}: CrashNetwork) => {
	await coordinator.start();
	await Promise.all(nodes.map(node => node.start()));
	await gathered();
};

/** Asks all to end, and checks that they do. */
const stopAll = async (t: ExecutionContext, {coordinator, nodes}: CrashNetwork) => {
	t.is(await coordinator.stop(), 0);
	t.deepEqual(await Promise.all(nodes.map(node => node.stop())), Array(nodes.length).fill(0));
};

/** Kills and starts again for so many rounds, and settles what is there with what was said. */
const survive = async (t: ExecutionContext, ways: readonly NodeWay[], seed: number, rounds: number) => {
	t.timeout(180_000 + 15_000 * rounds);
	const chance = chanceOf(seed);
	const network = await startCrashNetwork(t, ways);
	const ledger = createLedger();
	let uploads = 0;
	for (let number = 1; number <= rounds; number++) {
		const round = drawRound(chance, ways.length);
		const nameOf = (sizeBytes: number) => `round-${number}-upload-${++uploads}-of-${sizeBytes}.bin`;
		const about = `Round ${number} of PJAS_CRASH_SEED=${SEED}: ${JSON.stringify(round)}`;
		const problems = await runRound(round, {network, ledger, chance, nameOf}).catch((error: unknown) => {
			t.log(about);
			throw error;
		});
		t.deepEqual(problems, [], about);
	}

	// Large enough that what lies beside the chunks is less than the figures may be off.
	t.like(await uploadTo(ledger, network.url, 'last.bin', chance.bytes(25 * MIB)), {kind: 'stored'});
	await stopAll(t, network);
	t.deepEqual(await leftoversOf(network), []);
	const {entries, problems: forged} = await verifyAudit(network.coordinator, async () => Promise.resolve());
	// What is done with files is written down within a moment of its answer, and a kill may come before.
	t.true(entries > 0, 'deeds were written down');
	t.deepEqual(forged, [], 'no crash looks as if somebody had changed the audit log');
	await startAll(network);
	const {shards, orphans, problems} = await accountsOf(network, ledger);
	t.deepEqual(problems, [], `PJAS_CRASH_SEED=${SEED}`);
	t.deepEqual(await ledger.compare(network.url, {allRemoved: true}), [], `PJAS_CRASH_SEED=${SEED}`);
	t.log(`Seed ${SEED}: ${rounds} rounds, ${uploads} uploads; at the end ${shards} shards, ${orphans} of them orphans`);
};

test.serial('whatever is killed, and whenever, what was acknowledged is there afterwards', async t => {
	await survive(t, direct(4), SEED, ROUNDS - ROUNDS_OF_EACH_KIND);
});

test.serial('so it is in a network with one node of each kind: direct, linked, behind a proxy, classic', async t => {
	await survive(t, oneOfEach(t), SEED + 1, ROUNDS_OF_EACH_KIND);
});

test.serial('half a line at the end of the catalogue and of the activity log is cut off, and nothing else', async t => {
	const network = await startCrashNetwork(t, direct(2));
	const {coordinator, url} = network;
	const ledger = createLedger();
	const chance = chanceOf(SEED);
	const at = (name: string) => path.join(coordinator.folder, name);
	const tear = (name: string) => {
		const lines = readFileSync(at(name), 'utf8').trimEnd().split('\n');
		const last = lines.at(-1) ?? '';
		appendFileSync(at(name), last.slice(0, last.length >> 1));
	};

	for (let number = 1; number <= 3; number++) {
		t.like(await uploadTo(ledger, url, `before-${number}.bin`, chance.bytes(10_000 * number)), {kind: 'stored'});
		await until('the upload is in the log on disk', () =>
			readFileSync(at('activity.jsonl'), 'utf8').includes(`before-${number}`),
		);
		await coordinator.kill();
		for (const name of ['catalog.db', 'activity.jsonl']) tear(name);
		await coordinator.start();
		await network.gathered();
		t.regex(coordinator.daemon.stderr(), /The catalogue ended in a line that was not written whole; it was cut off/);
		t.regex(coordinator.daemon.stderr(), /the last line of the activity log was not whole and is dropped/);
		// What is written after half a line must not be lost with it.
		t.deepEqual(await ledger.compare(url), []);
	}

	const {logs} = await askFor<{logs: LogEntry[]}>(url, 'logs');
	const ids = logs.map(({id}) => id);
	t.deepEqual(
		ids,
		[...new Set(ids)].sort((a, b) => a - b),
	);
	for (const number of [1, 2, 3]) t.true(logs.some(({message}) => message.includes(`before-${number}.bin" uploaded`)));
});

test.serial('a backup that is killed leaves nothing under its name, or a whole one', async t => {
	const folder = temporaryFolder(t);
	const at = (name: string) => path.join(folder, name);
	const chance = chanceOf(SEED);
	const coordinator = startDaemon(t, ['--role', 'coordinator', '--open', '--data', 'kept', '--port', '0'], {folder});
	const url = await coordinator.ready();
	const body = {
		node_id: 'pjas-00000001',
		address: 'http://127.0.0.1:9',
		version: '2.0.0',
		storage_stats: {used_bytes: 0, allocated_bytes: 1, free_bytes: 1, chunk_count: 0, usage_percent: 0},
	};
	const headers = {'content-type': 'application/json'};
	const joined = await fetch(url + pathOf('register'), {method: 'POST', headers, body: JSON.stringify(body)});
	t.is(joined.status, 200);
	await coordinator.stop();
	// The same record again and again, as a long life writes it, so that a copy takes its time.
	const line = readFileSync(at('kept/catalog.db'), 'utf8').trimEnd().split('\n').at(-1) ?? '';
	appendFileSync(at('kept/catalog.db'), `${line}\n`.repeat(200_000));

	let interrupted = 0;
	for (let number = 1; number <= 8; number++) {
		const name = `backup-${number}`;
		const backup = startDaemon(t, ['backup', '--data', 'kept', '--to', name], {folder, isShown: false});
		const begun = new AbortController();
		await new Promise<void>(resolve => {
			watch(folder, {signal: begun.signal}, (_, file) => {
				if (file?.startsWith(name)) resolve();
			});
			void backup.ended().then(() => resolve());
		});
		begun.abort();
		await delay(chance.float() * 25 * number);
		await backup.kill();
		if (existsSync(at(name))) {
			const restored = await runDaemon(t, ['restore', '--data', `from-${name}`, '--from', name], {folder});
			t.is(restored.code, 0, restored.stderr);
		} else {
			interrupted++;
			const again = await runDaemon(t, ['backup', '--data', 'kept', '--to', name], {folder});
			t.is(again.code, 2);
			t.regex(again.stderr, /was interrupted: remove the \.partial file/);
		}
	}

	t.true(interrupted > 0, 'some of them were still being written');
});

test.serial('a backup that is made while uploads run brings back what was acknowledged before it', async t => {
	const network = await startCrashNetwork(t, direct(3));
	const {url, folder, coordinator, nodes} = network;
	const chance = chanceOf(SEED);
	const before = createLedger();
	const meanwhile = createLedger();
	for (const sizeBytes of [0, 1, 70_000, 10 * MIB + 1])
		await uploadTo(before, url, `before-${sizeBytes}`, chance.bytes(sizeBytes));
	t.is(before.kept().length, 4);

	let isMade = false;
	const uploader = async (label: string) => {
		for (let number = 1; !isMade; number++) {
			const sizeBytes = chance.pick([20_000, 200_000, 3 * MIB]);
			await uploadTo(meanwhile, url, `meanwhile-${label}-${number}`, chance.bytes(sizeBytes));
		}
	};
	const uploads = Promise.all(['a', 'b', 'c'].map(uploader));
	await until('uploads are under way', () => meanwhile.kept().length > 3);
	const backup = await runDaemon(t, ['backup', '--data', coordinator.folder, '--to', 'copy'], {folder});
	isMade = true;
	await uploads;
	t.is(backup.code, 0, backup.stderr);
	t.deepEqual(
		await meanwhile.compare(url).then(problems => problems.filter(problem => !problem.startsWith('before'))),
		[],
	);

	await coordinator.kill();
	const restored = await runDaemon(t, ['restore', '--data', 'restored', '--from', 'copy'], {folder});
	t.is(restored.code, 0, restored.stderr);
	const heir = createMember(t, {
		label: 'restored coordinator',
		folder: path.join(folder, 'restored'),
		port: Number(new URL(url).port),
		argv: ['--role', 'coordinator', '--open', '--data', 'restored'],
		workingFolder: folder,
	});
	await heir.start();
	await until('the nodes are there', async () => {
		const {nodes: views} = await askFor<{nodes: {status: string}[]}>(url, 'nodes');
		return views.filter(({status}) => status === 'online').length === nodes.length;
	});
	const problems = await before.compare(url);
	t.deepEqual(
		problems.filter(problem => !/^meanwhile-\S+ is listed/.test(problem)),
		[],
	);
	t.is(await heir.stop(), 0);
});

/** Sends the first part of an upload; `finish` sends the rest and gives the answer. */
const halfUpload = async (url: string, bytes: Buffer) => {
	const edge = 'pjas-half';
	const head = `--${edge}\r\nContent-Disposition: form-data; name="file"; filename="half.bin"\r\n\r\n`;
	const tail = `\r\n--${edge}--\r\n`;
	const call = request(url + pathOf('upload'), {
		method: 'POST',
		agent: false,
		headers: {
			'content-type': `multipart/form-data; boundary=${edge}`,
			'content-length': head.length + bytes.length + tail.length,
		},
	});
	const answered = once(call, 'response') as Promise<[IncomingMessage]>;
	answered.catch(() => undefined);
	call.write(head);
	const half = bytes.length >> 1;
	await new Promise<unknown>(resolve => call.write(bytes.subarray(0, half), resolve));
	return {
		async finish() {
			call.write(bytes.subarray(half));
			call.end(tail);
			const [answer] = await answered;
			let text = '';
			for await (const piece of answer.setEncoding('utf8')) text += piece as string;
			return {status: answer.statusCode, body: JSON.parse(text) as Record<string, unknown>};
		},
	};
};

const shardsIn = (folder: string) => (existsSync(folder) ? readdirSync(folder).length : 0);

/** SIGTERM comes while one file is half sent and another half received. */
const endInTheMiddle = async (t: ExecutionContext, daemon: Daemon, url: string, chunkFolders: readonly string[]) => {
	const chance = chanceOf(SEED);
	const stored = chance.bytes(45 * MIB);
	const outcome = await upload(url, 'stored.bin', stored);
	if (outcome.kind !== 'stored') throw new Error(JSON.stringify(outcome));

	const shardsBefore = chunkFolders.reduce((sum, folder) => sum + shardsIn(folder), 0);
	const half = await halfUpload(url, chance.bytes(24 * MIB));
	await until(
		'a chunk of the upload is stored',
		() => chunkFolders.reduce((sum, folder) => sum + shardsIn(folder), 0) > shardsBefore,
	);
	const reading = get(url + pathOf('download', outcome.id), {agent: false});
	const [answer] = (await once(reading, 'response')) as [IncomingMessage];
	answer.pause();

	daemon.child.kill('SIGTERM');
	await until('it takes no more', async () => {
		const response = await fetch(`${url}/health`, {headers: {connection: 'close'}}).catch(() => undefined);
		return response === undefined || response.status === 503;
	});
	t.is(daemon.child.exitCode, null);
	const uploaded = await half.finish();
	t.like(uploaded, {status: 200, body: {success: true, size: 24 * MIB, chunks: 3}});
	const hash = createHash('sha256');
	for await (const piece of answer as AsyncIterable<Buffer>) hash.update(piece);
	t.true(answer.complete);
	t.is(hash.digest('hex'), createHash('sha256').update(stored).digest('hex'));
	t.is(await daemon.ended(), 0);
};

test.serial('SIGTERM to a coordinator lets an upload and a download end', async t => {
	const {coordinator, nodes, url} = await startCrashNetwork(t, direct(3));
	await endInTheMiddle(
		t,
		coordinator.daemon,
		url,
		nodes.map(({folder}) => path.join(folder, 'chunks')),
	);
	t.deepEqual(await Promise.all(nodes.map(node => node.stop())), [0, 0, 0]);
});

test.serial('SIGTERM to a local network lets an upload and a download end', async t => {
	const folder = temporaryFolder(t);
	const local = startDaemon(t, ['--role', 'local', '--open', '--port', '0', '--data', 'data'], {folder});
	const chunks = ['node-1', 'node-2', 'node-3'].map(name => path.join(folder, 'data', name, 'chunks'));
	await endInTheMiddle(t, local, await local.ready(), chunks);
});

test.serial('a folder has one process; the next is told which, until that one is gone, by whatever end', async t => {
	const folder = temporaryFolder(t);
	const commands: Record<string, string[]> = {
		coordinator: ['--role', 'coordinator', '--data', 'c', '--port', '0'],
		node: ['--role', 'node', 'n', '1GB', '--port', '0', '--coordinator', 'http://127.0.0.1:9'],
		local: ['--role', 'local', '--data', 'l', '--port', '0'],
	};
	for (const [role, argv] of Object.entries(commands)) {
		const first = startDaemon(t, argv, {folder});
		await first.ready();
		const second = await runDaemon(t, argv, {folder});
		t.is(second.code, 1, role);
		t.true(second.stderr.includes(`is in use by process ${first.pid}`), second.stderr);
		await first.kill();
		const third = startDaemon(t, argv, {folder});
		await third.ready();
		t.is(await third.stop(), 0);
	}
});
