import {createHash} from 'node:crypto';
import {once} from 'node:events';
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {type AddressInfo, connect, createServer} from 'node:net';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import type {Digest, NodeId} from '../source/protocol/ids.js';
import {isPjasError} from '../source/protocol/errors.js';
import {OLDEST_PROTOCOL} from '../source/protocol/version.js';
import {COORDINATOR_KEYS_FILE} from './adapters/coordinator-key-file.js';
import {createDial} from './adapters/dial.js';
import {IDENTITY_FILE} from './adapters/disk-shards-metadata.js';
import {systemRandom} from './adapters/system.js';
import {NETWORK_KEYS_FILE} from './coordinator/network-keys.js';
import type {NodeRecord} from './core/model.js';
import {openCoordinatorTrust} from './node/coordinator-trust.js';
import type {ShardStore} from './ports/shard-store.js';
import {startCoordinator} from './roles/coordinator.js';
import {startNode} from './roles/node.js';
import {manualClock} from './testing/manual-clock.js';
import {temporaryFolder} from './testing/processes.js';
import {silentLog} from './testing/silent-log.js';
import {createCredentials} from './trust/credentials.js';
import {fingerprintOf, type KeyTexts, openKeys} from './trust/keys.js';
import {ANSWER_HEADER, NODE_HEADER, verifyAnswer} from './trust/node-messages.js';
import {PROOF_HEADER} from './trust/proof.js';

/**
This version speaks with the one before it: what that one sent, byte for byte, is answered as it was, and what it answered is
understood. The recordings have their own keys, time and chance.
*/
type Exchange = {call: string; request: string; answer: string};
type Recording = {
	recorded_at: number;
	coordinator_keys: KeyTexts;
	node_identity: {node_id: NodeId; keys: KeyTexts};
	/** What a node told its coordinator, in this order. */
	told: Exchange[];
	/** What a coordinator asked of a node, in this order, and what came of it. */
	asked: (Exchange & {result: unknown})[];
};

const recording = JSON.parse(
	readFileSync(new URL(`../../fixtures/protocol/version-${OLDEST_PROTOCOL}.json`, import.meta.url), 'utf8'),
) as Recording;
const {recorded_at: nowMs, coordinator_keys: coordinatorTexts, node_identity: identity, told, asked} = recording;
const coordinatorPairs = openKeys(coordinatorTexts);
const kid = fingerprintOf(coordinatorPairs.public);
const nodeKeys = openKeys(identity.keys).public;

type Message = {start: string; headers: Map<string, string>; body: Buffer; bytes: Buffer};

/** The messages that follow each other in the bytes of a connection; each tells its length, or has no body. */
const messagesIn = (bytes: Buffer, isBodiless = false): Message[] => {
	const messages: Message[] = [];
	for (let at = 0; at < bytes.length;) {
		const end = bytes.indexOf('\r\n\r\n', at) + 4;
		const [start = '', ...lines] = bytes.subarray(at, end).toString('latin1').trimEnd().split('\r\n');
		const headers = new Map(
			lines.map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
		);
		const length = isBodiless ? 0 : Number(headers.get('content-length') ?? 0);
		messages.push({start, headers, body: bytes.subarray(end, end + length), bytes: bytes.subarray(at, end + length)});
		at = end + length;
	}

	return messages;
};

const isHead = ({start}: Message) => start.startsWith('HEAD ');
const requestsOf = ({request}: Exchange): Message[] => messagesIn(Buffer.from(request, 'base64'));
const answersOf = (exchange: Exchange): Message[] =>
	messagesIn(Buffer.from(exchange.answer, 'base64'), requestsOf(exchange).every(isHead));

/** Sends the bytes of one request, and waits for its whole answer. */
const send = async (port: number, request: Message): Promise<Message> => {
	const socket = connect(port, '127.0.0.1');
	try {
		socket.write(request.bytes);
		let bytes = Buffer.alloc(0);
		for await (const piece of socket as AsyncIterable<Buffer>) {
			bytes = Buffer.concat([bytes, piece]);
			if (!bytes.includes('\r\n\r\n')) continue;
			const [message] = messagesIn(bytes, isHead(request));
			if (message && message.body.length === Number(isHead(request) ? 0 : (message.headers.get('content-length') ?? 0)))
				return message;
		}
	} finally {
		socket.destroy();
	}

	throw new Error('the answer broke off');
};

/** What a peer reads of an answer from a node. */
const essence = ({start, headers, body}: Message) => ({
	start,
	body: body.toString('base64'),
	length: headers.get('content-length'),
	proof: headers.get(PROOF_HEADER.toLowerCase()),
});

const startRecordedNode = async (t: ExecutionContext) => {
	const folder = temporaryFolder(t);
	writeFileSync(path.join(folder, IDENTITY_FILE), JSON.stringify(identity));
	writeFileSync(
		path.join(folder, COORDINATOR_KEYS_FILE),
		JSON.stringify({version: 1, keys: [coordinatorPairs.public]}),
	);
	const node = await startNode({
		storagePath: folder,
		allocatedBytes: 2 ** 30,
		// Nobody is there, and nobody is needed.
		coordinatorUrl: 'http://127.0.0.1:9',
		...{host: '127.0.0.1', port: 0, version: '9.9.9', log: silentLog, clock: manualClock(nowMs), random: systemRandom},
	});
	t.teardown(async () => node.close({graceMs: 0}));
	t.is(node.nodeId, identity.node_id);
	return node;
};

test('a node answers a coordinator of the version before as a node of that version did', async t => {
	const {port} = await startRecordedNode(t);
	for (const exchange of asked) {
		const answers: Message[] = [];
		for (const request of requestsOf(exchange)) answers.push(await send(port, request));
		const byBody = (messages: Message[]) => messages.map(essence).sort((a, b) => (a.body < b.body ? -1 : 1));
		t.deepEqual(byBody(answers), byBody(answersOf(exchange)), exchange.call);
	}
});

test('a coordinator takes what a node of the version before tells it, and answers so that this one understands', async t => {
	const folder = path.join(temporaryFolder(t), 'coordinator');
	mkdirSync(folder);
	const keys = [{...coordinatorTexts, created_at: nowMs - 1_000_000}];
	writeFileSync(path.join(folder, NETWORK_KEYS_FILE), JSON.stringify({version: 1, keys}));
	const coordinator = await startCoordinator({
		...{dataFolder: folder, host: '127.0.0.1', port: 0, replicas: 3, minReplicas: 2, memoryBytes: 64 * 1024 ** 2},
		...{
			repairGraceMs: 900_000,
			repairAtOnce: 1,
			repairBytesPerSecond: 0,
			trashDays: 0,
			uploadDays: 1,
			nodeTimeoutMs: 1000,
		},
		...{
			open: true,
			allowClassic: false,
			version: '9.9.9',
			log: silentLog,
			clock: manualClock(nowMs),
			random: systemRandom,
		},
	});
	t.teardown(coordinator.close);
	for (const exchange of told) {
		const [request] = requestsOf(exchange);
		const [before] = answersOf(exchange);
		if (!request || !before) throw new Error(`${exchange.call} is empty`);
		const answer = await send(Number(new URL(coordinator.url).port), request);
		t.is(answer.start, before.start, exchange.call);
		const text = answer.body.toString();
		t.like(JSON.parse(text), JSON.parse(before.body.toString()) as Record<string, unknown>, exchange.call);
		const [, claims = ''] = (request.headers.get(NODE_HEADER.toLowerCase()) ?? '').split('.');
		const {jti: id} = JSON.parse(Buffer.from(claims, 'base64url').toString()) as {jti: string};
		const keyOf = (fingerprint: string) => (fingerprint === kid ? coordinatorPairs.public : undefined);
		const jws = answer.headers.get(ANSWER_HEADER.toLowerCase()) ?? '';
		t.deepEqual(await verifyAnswer(jws, keyOf, {node: identity.node_id, id, body: text}), {nowMs});
	}

	const {nodes} = (await (await fetch(`${coordinator.url}/api/nodes`)).json()) as {nodes: Record<string, unknown>[]};
	t.like(nodes[0], {node_id: identity.node_id, name: 'attic', version: '2.0.0', is_behind: true});
});

test('a node understands what a coordinator of the version before answered', async t => {
	let kept: unknown;
	const file = {
		read: async () => Promise.resolve([]),
		async write(keys: unknown) {
			kept = keys;
			return Promise.resolve();
		},
	};
	const common = {nodeId: identity.node_id, pairs: openKeys(identity.keys), file, joinCode: undefined};
	const trust = await openCoordinatorTrust({
		...{...common, log: silentLog, clock: manualClock(nowMs), random: systemRandom},
	});
	const learnt: boolean[] = [];
	for (const exchange of told) {
		const [request] = requestsOf(exchange);
		const [answer] = answersOf(exchange);
		const [, claims = ''] = (request?.headers.get(NODE_HEADER.toLowerCase()) ?? '').split('.');
		const {jti: id} = JSON.parse(Buffer.from(claims, 'base64url').toString()) as {jti: string};
		learnt.push(
			await trust.accept({
				id,
				body: answer?.body.toString() ?? '',
				jws: answer?.headers.get(ANSWER_HEADER.toLowerCase()),
			}),
		);
	}

	t.deepEqual(
		learnt,
		told.map((_, index) => index === 0),
		'the first brings the keys, which are the same from then on',
	);
	t.deepEqual(kept, [coordinatorPairs.public]);
	t.deepEqual([...trust.keys().keys()], [kid]);
});

/** As many bytes as are asked for, the same each time. */
const recordedChance = () => {
	let drawn = 0;
	return (count: number): Uint8Array => {
		const bytes = Buffer.alloc(count);
		for (let at = 0; at < count; at += 32) createHash('sha256').update(`dial ${drawn++}`).digest().copy(bytes, at);
		return new Uint8Array(bytes);
	};
};

const shardOf = (number: number, sizeBytes: number) =>
	Buffer.from(Array.from({length: sizeBytes}, (_, at) => (at * 7 + number) & 255));
const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex') as Digest;
const [one, two, three] = [shardOf(1, 3000), shardOf(2, 100), shardOf(3, 120)];

/** What was asked when it was recorded. */
const calls: Record<string, (store: ShardStore) => Promise<unknown>> = {
	put: async store => store.put(digestOf(one), one).then(() => null),
	stat: async store => store.stat(digestOf(one)),
	get: async store => digestOf(await store.get(digestOf(one))),
	verify: async store => store.verify(digestOf(one)),
	prove: async store => store.prove(digestOf(one), {nonce: 'ab'.repeat(32), offset: 10, length: 50}),
	'put several': async store =>
		Promise.all([two, three].map(async shard => store.put(digestOf(shard), shard))).then(() => null),
	'get several': async store =>
		Promise.all([two, three].map(async shard => digestOf(await store.get(digestOf(shard))))),
	async list(store) {
		const digests: Digest[] = [];
		for await (const digest of store.list()) digests.push(digest);
		return digests;
	},
	remove: async store => store.remove(digestOf(one)).then(() => null),
	'get what is gone': async store =>
		store.get(digestOf(one)).then(
			() => null,
			(error: unknown) => isPjasError(error) && error.code,
		),
};

test('a coordinator asks what a node of the version before understands, and understands its answers', async t => {
	let current: Exchange | undefined;
	const problems: string[] = [];
	// Answers what a node of that version answered to just these bytes.
	const server = createServer(socket => {
		socket.on('error', () => undefined);
		let bytes = Buffer.alloc(0);
		socket.on('data', piece => {
			bytes = Buffer.concat([bytes, piece]);
			if (!bytes.includes('\r\n\r\n') || !current) return;
			const [request] = messagesIn(bytes);
			if (!request || request.body.length < Number(request.headers.get('content-length') ?? 0)) return;
			bytes = bytes.subarray(request.bytes.length);
			const recorded = requestsOf(current);
			const place = recorded.findIndex(({start}) => start === request.start);
			const answer = place === -1 ? undefined : answersOf(current)[place];
			if (answer) {
				socket.write(answer.bytes);
				return;
			}

			problems.push(`${current.call}: ${request.start}`);
			socket.destroy();
		});
	});
	await once(server.listen(0, '127.0.0.1'), 'listening');
	const keys = () => ({kid, pairs: coordinatorPairs});
	const credentialsFor = createCredentials({keys, nowMs: () => nowMs, randomBytes: recordedChance()});
	const dial = createDial({timeoutMs: 5000, credentialsFor});
	t.teardown(() => {
		dial.close();
		server.close();
	});
	const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const store = dial({_id: identity.node_id, kind: 'direct', address, publicKeys: nodeKeys} as NodeRecord);
	for (const exchange of asked) {
		current = exchange;
		const result = await calls[exchange.call]?.(store).catch((error: unknown) => error);
		t.deepEqual(result, exchange.result, `${exchange.call} ${problems.join()}`);
	}

	t.deepEqual(problems, []);
});
