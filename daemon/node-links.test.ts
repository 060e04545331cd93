import {randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {request as makeRequest} from 'node:http';
import type {Duplex} from 'node:stream';
import test, {type ExecutionContext} from 'ava';
import {WebSocket, WebSocketServer} from 'ws';
import type {NodeView} from '../source/protocol/api.js';
import type {NodeId} from '../source/protocol/ids.js';
import {createDial} from './adapters/dial.js';
import {systemRandom} from './adapters/system.js';
import {createNodeLinks} from './coordinator/node-links.js';
import type {NodeRecord} from './core/model.js';
import {listen} from './http/listen.js';
import {watchPulse} from './http/websocket-pulse.js';
import {createWebSocketStream, MOST_FRAME_BYTES} from './http/websocket-stream.js';
import {digestOf, shardStoreSuite} from './ports/shard-store.suite.js';
import {createLinks} from './node/links.js';
import {isPjasError} from '../source/protocol/errors.js';
import {manualClock} from './testing/manual-clock.js';
import {startMemoryNode} from './testing/memory-node.js';
import {until} from './testing/processes.js';
import {identityIn, type NodeIdentity} from './testing/signed-node.js';
import {recordingLog} from './testing/recording-log.js';
import {silentLog} from './testing/silent-log.js';
import {startTrustNetwork, type TrustNetwork} from './testing/trust-network.js';
import {LINK_PROTOCOL, NODE_HEADER, signRequest} from './trust/node-messages.js';

const id = 'pjas-00000001' as NodeId;
const linked: NodeRecord = {
	...{_id: id, kind: 'link', name: '', owner: '', zone: '', address: '', version: '2.0.0'},
	...{allocatedBytes: 0, usedBytes: 0, freeBytes: 0, shardCount: 0, registeredAt: 0, lastSeenAt: 0, revision: 1},
};

/** A node in memory, and how it is reached over links that it opens. */
const startLinked = async (t: ExecutionContext, count = 4, timeoutMs = 10_000) => {
	const node = await startMemoryNode();
	t.teardown(node.close);
	const links = createNodeLinks();
	const sockets = new WebSocketServer({noServer: true, perMessageDeflate: false, maxPayload: MOST_FRAME_BYTES});
	const server = await listen({
		...{host: '127.0.0.1', port: 0, log: silentLog},
		handler: (_request, response) => response.end(),
		upgrade: {
			isWanted: () => true,
			take: (request, socket, head) =>
				sockets.handleUpgrade(request, socket, head, webSocket => links.add(id, createWebSocketStream(webSocket))),
		},
	});
	t.teardown(async () => server.close({graceMs: 0}));
	const opened: WebSocket[] = [];
	let isClosing = false;
	t.teardown(() => (isClosing = true));
	const open = async () => {
		const webSocket = new WebSocket(server.url.replace('http', 'ws'), {perMessageDeflate: false});
		const link = createWebSocketStream(webSocket);
		opened.push(webSocket);
		// As a node does, since a request that is given up takes its link with it.
		webSocket.once('close', () => {
			if (!isClosing) void open().catch(() => undefined);
		});
		await once(webSocket, 'open');
		node.attach(link);
		return webSocket;
	};
	for (let number = 0; number < count; number++) await open();
	await until('the links are open', () => links.count(id) === count);
	const dial = createDial({timeoutMs, links});
	t.teardown(dial.close);
	return {node, links, open, opened, closeForGood: () => (isClosing = true), store: dial(linked)};
};

shardStoreSuite(test, 'over a link', async t => (await startLinked(t)).store);

test('more is asked at once than there are links, and each waits for its turn', async t => {
	const {store, links} = await startLinked(t, 2);
	const all = Array.from({length: 40}, () => randomBytes(100_000));
	await Promise.all(all.map(async body => store.put(digestOf(body), body)));
	for (const body of all) t.true(body.equals(await store.get(digestOf(body))));
	t.is(links.count(id), 2);
});

test('a call whose link is lost before its answer begins is made again over another', async t => {
	const {store, node, links, opened} = await startLinked(t, 2);
	const body = randomBytes(200_000);
	await store.put(digestOf(body), body);
	for (let round = 0; round < 5; round++) {
		const cut = node.shards.get.bind(node.shards);
		let isCut = false;
		node.shards.get = async (...asked) => {
			if (!isCut) {
				isCut = true;
				// Of the two that are open, it does not matter which one carries the call: both go.
				for (const webSocket of opened) webSocket.terminate();
			}

			return cut(...asked);
		};
		t.true(body.equals(await store.get(digestOf(body))));
		node.shards.get = cut;
		await until('the links are back', () => links.count(id) === 2);
	}
});

test('a node that has no link any more is waited for, but not for long', async t => {
	const {store, links, open, opened, closeForGood} = await startLinked(t, 1);
	const body = randomBytes(1000);
	closeForGood();
	for (const webSocket of opened) webSocket.terminate();
	await until('it is gone', () => links.count(id) === 0);
	const waiting = store.put(digestOf(body), body);
	await open();
	await waiting;
	for (const webSocket of opened) webSocket.terminate();
	await until('it is gone', () => links.count(id) === 0);
	const error = await t.throwsAsync(store.get(digestOf(body)));
	t.true(isPjasError(error, 'NODE_FAILED'), String(error));
	t.true(isPjasError(await t.throwsAsync(store.stat(digestOf(body))), 'NODE_FAILED'), 'at once by now');
});

test('a link on which nothing is read holds up no other', async t => {
	const {store, opened} = await startLinked(t, 3, 1500);
	const body = randomBytes(10_000_000);
	// It takes a call and never reads it.
	opened[0]?.pause();
	const outcomes = await Promise.allSettled([
		store.put(digestOf(body), body),
		...Array.from({length: 30}, async () => {
			const small = randomBytes(70_000);
			await store.put(digestOf(small), small);
		}),
	]);
	const failed = outcomes.filter(({status}) => status === 'rejected');
	t.true(failed.length <= 1, JSON.stringify(failed));
	await store.put(digestOf(body), body);
	t.true(body.equals(await store.get(digestOf(body))));
});

test('a link whose other side is silent is ended after two intervals, and one that is not read is left alone', async t => {
	const clock = manualClock();
	const sockets = new WebSocketServer({port: 0, host: '127.0.0.1', autoPong: false});
	t.teardown(() => sockets.close());
	await once(sockets, 'listening');
	let answers = true;
	sockets.on('connection', webSocket => webSocket.on('ping', () => answers && webSocket.pong()));
	const {port} = sockets.address() as {port: number};
	const webSocket = new WebSocket(`ws://127.0.0.1:${port}`);
	const link = createWebSocketStream(webSocket);
	await once(webSocket, 'open');
	watchPulse(link, clock, 1000);
	for (let count = 0; count < 5; count++) {
		const heard = once(webSocket, 'pong');
		await clock.advance(1000);
		await heard;
	}

	answers = false;
	webSocket.pause();
	await clock.advance(10_000);
	t.false(link.destroyed, 'what came may lie there unread');
	webSocket.resume();
	const closed = new Promise(resolve => link.once('close', resolve));
	await clock.advance(3000);
	await closed;
	t.is(clock.sleepers(), 0, 'no timer is left');
});

test('a frame that is too long, and one of text, end the link and nothing else', async t => {
	const {store, opened, links} = await startLinked(t, 2);
	opened[0]?.send(Buffer.alloc(MOST_FRAME_BYTES + 1));
	opened[1]?.send('GET / HTTP/1.1');
	await Promise.all(opened.slice(0, 2).map(async webSocket => once(webSocket, 'close')));
	await until('the links are back', () => links.count(id) === 2);
	const body = randomBytes(1000);
	await store.put(digestOf(body), body);
	t.deepEqual(await store.stat(digestOf(body)), {sizeBytes: 1000});
});

const nodesOf = async (network: TrustNetwork) =>
	((await (await network.call('GET', '/api/nodes')).json()) as {nodes: NodeView[]}).nodes;

const roundTrip = async (t: ExecutionContext, network: TrustNetwork, sizeBytes = 3_000_000) => {
	const bytes = randomBytes(sizeBytes);
	const form = new FormData();
	form.set('file', new Blob([bytes]), 'a.bin');
	const stored = await network.call('GET', '/api/stats');
	t.is(stored.status, 200);
	const headers = {authorization: `Bearer ${network.coordinator.firstAdmin?.token ?? ''}`};
	const answer = await fetch(`${network.url}/api/files/upload`, {method: 'POST', headers, body: form});
	const said = (await answer.json()) as {file_id: string};
	t.is(answer.status, 200, JSON.stringify(said));
	const back = await network.call('GET', `/api/files/download/${said.file_id}`);
	t.true(bytes.equals(Buffer.from(await back.arrayBuffer())));
	return said.file_id;
};

test('a node without an address joins with a code, and needs nothing else', async t => {
	t.timeout(60_000);
	const network = await startTrustNetwork(t);
	const code = await network.invite();
	await network.startNode('one', {join: code, publicUrl: undefined, reach: 'links'});
	await network.online(1);
	await until('it has its links', async () => (await nodesOf(network))[0]?.links === 4);
	const [view] = await nodesOf(network);
	t.like(view, {kind: 'link', address: '', status: 'online'});
	const file = await roundTrip(t, network);
	const check = await network.call('POST', `/api/files/${file}/check`);
	t.regex(await check.text(), /"ok":1,"missing":0/);
	const audit = await network.call('POST', `/api/nodes/${view?.node_id ?? ''}/audit`);
	t.like(await audit.json(), {outcome: 'passed'});
});

type Asked = {
	identity?: NodeIdentity;
	path?: string;
	protocol?: string;
	headers?: Record<string, string>;
	/** What is signed, where that is not a link. */
	message?: 'heartbeat' | 'link';
	id?: string;
	nowMs?: number;
};

/** Asks for a link; gives the status, and the code where it is refused. */
const askLink = async (network: TrustNetwork, asked: Asked = {}) => {
	const {identity, path = '/api/nodes/link', protocol = LINK_PROTOCOL, message = 'link'} = asked;
	const {id = randomBytes(16).toString('base64url'), nowMs = network.nowMs()} = asked;
	const claims = identity && {node: identity.nodeId, message, body: '', coordinators: identity.trusts, id, nowMs};
	const jws = claims && (await signRequest(identity.pairs.signing, claims));
	const request = makeRequest(network.url + path, {
		headers: {
			Connection: 'Upgrade',
			Upgrade: 'websocket',
			'Sec-WebSocket-Version': '13',
			'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
			'Sec-WebSocket-Protocol': protocol,
			...(jws !== undefined && {[NODE_HEADER]: jws}),
			...asked.headers,
		},
	}).end();
	return new Promise<{status: number; code?: string; end: () => void}>((resolve, reject) => {
		request.once('error', reject);
		request.once('upgrade', ({statusCode = 0}, socket) => {
			socket.on('error', () => undefined);
			resolve({status: statusCode, end: () => socket.destroy()});
		});
		request.once('response', answer => {
			let text = '';
			answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
			answer.once('end', () => {
				const {code} = JSON.parse(text) as {code: string};
				resolve({status: answer.statusCode ?? 0, code, end: () => undefined});
			});
		});
	});
};

test('nobody but a node opens its links, and each refusal says why before the link is open', async t => {
	t.timeout(60_000);
	const network = await startTrustNetwork(t);
	const one = await network.addNode('one');
	const two = await network.addNode('two');
	await one.running.close({graceMs: 0});
	const identity = await identityIn(one.folder);
	const refused = async (asked: Asked, status: number, code: string) =>
		t.like(await askLink(network, asked), {status, code}, JSON.stringify(asked.headers ?? asked.path ?? code));

	const opened = await askLink(network, {identity, id: 'once-and-no-more'});
	t.is(opened.status, 101);
	opened.end();
	await refused({identity, id: 'once-and-no-more'}, 401, 'UNAUTHENTICATED');
	await refused({}, 401, 'UNAUTHENTICATED');
	await refused({headers: {[NODE_HEADER]: 'nonsense'}}, 401, 'UNAUTHENTICATED');
	await refused({identity: {...identity, pairs: (await identityIn(two.folder)).pairs}}, 401, 'UNAUTHENTICATED');
	await refused({identity, message: 'heartbeat'}, 401, 'UNAUTHENTICATED');
	await refused({identity: {...identity, trusts: ['another-coordinator']}}, 401, 'UNAUTHENTICATED');
	await refused({identity: {...identity, trusts: []}}, 401, 'UNAUTHENTICATED');
	await refused({identity, nowMs: network.nowMs() - 300_000}, 401, 'UNAUTHENTICATED');
	await refused({identity: {...identity, nodeId: `pjas-${'9'.repeat(32)}`}}, 404, 'NODE_NOT_FOUND');
	await refused({identity, headers: {Origin: network.url}}, 403, 'FORBIDDEN');
	await refused({identity, headers: {'Sec-WebSocket-Version': '8'}}, 426, 'UPGRADE_REQUIRED');
	await refused({identity, protocol: 'pjas.link.9'}, 426, 'UPGRADE_REQUIRED');
	await refused({identity, headers: {Upgrade: 'h2c'}}, 426, 'UPGRADE_REQUIRED');
	await refused({identity, path: '/api/link'}, 404, 'ROUTE_NOT_FOUND');
	await refused({identity, path: '/api/nodes'}, 401, 'UNAUTHENTICATED');
	t.is((await network.call('GET', '/api/nodes/link')).status, 426);

	const many = await Promise.all(Array.from({length: 30}, async () => askLink(network, {identity})));
	t.deepEqual([...new Set(many.map(({code}) => code))].sort(), ['TOO_MANY_REQUESTS', undefined]);
	t.is(many.filter(({status}) => status === 101).length, 24);
	for (const {end} of many) end();

	await network.call('POST', `/api/nodes/${identity.nodeId}/ban`);
	await refused({identity}, 403, 'NODE_BANNED');
	await network.call('POST', `/api/nodes/${identity.nodeId}/unban`);
	await network.call('POST', `/api/nodes/${identity.nodeId}/drain`, {leave: true});
	await until('it has left', async () => (await nodesOf(network)).every(({node_id}) => node_id !== identity.nodeId));
	await refused({identity}, 404, 'NODE_NOT_FOUND');
});

test('an address that does not lead to the node is not believed: it is reached over links, and the reason is told', async t => {
	t.timeout(60_000);
	const network = await startTrustNetwork(t);
	const other = await network.addNode('other');
	for (const publicUrl of ['http://127.0.0.1:9', other.wire.url]) {
		const name = `at ${publicUrl}`;
		await network.startNode(name, {join: await network.invite(), publicUrl});
		const view = await until('it is online', async () =>
			(await nodesOf(network)).find(node => node.name === name && node.status === 'online'),
		);
		t.like(view, {kind: 'link', address: publicUrl});
		t.regex(view.address_problem ?? '', /./);
	}
});

test('links come back by themselves when they are cut, and when the coordinator restarts', async t => {
	t.timeout(60_000);
	const network = await startTrustNetwork(t);
	const node = await network.startNode('one', {join: await network.invite(), publicUrl: undefined, reach: 'links'});
	await network.online(1);
	await roundTrip(t, network, 100_000);
	const {nodeId} = node.running;
	await network.call('POST', `/api/nodes/${nodeId}/ban`);
	await until('its links are gone', () => network.coordinator.onlineNodes() === 0);
	await network.call('POST', `/api/nodes/${nodeId}/unban`);
	await network.online(1);
	await until('it has its links', async () => (await nodesOf(network))[0]?.links === 4);
	await roundTrip(t, network, 100_000);

	const {port} = new URL(network.url);
	await network.coordinator.close();
	const again = await startTrustNetwork(t, {
		dataFolder: `${network.folder}/coordinator`,
		port: Number(port),
	});
	await again.online(1);
	t.is(again.url, network.url);
});

test('a link that failed is tried at once when the coordinator is heard of, however long it would wait', async t => {
	let tries = 0;
	const refuse = (socket: Duplex) => {
		tries++;
		socket.end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
	};
	const server = await listen({
		...{host: '127.0.0.1', port: 0, log: silentLog},
		handler: (_request, response) => response.end(),
		upgrade: {isWanted: () => true, take: (_request, socket) => refuse(socket)},
	});
	t.teardown(async () => server.close({graceMs: 0}));
	const log = recordingLog();
	const trust = {sign: async () => Promise.resolve({id: '', jws: ''}), accept: async () => Promise.resolve(false)};
	const common = {log, clock: manualClock(), random: systemRandom};
	const links = createLinks({coordinatorUrl: server.url, trust, least: 1, ...common});
	const ending = new AbortController();
	links.setWanted(true);
	const running = links.run(() => undefined, ending.signal);
	for (let failures = 1; failures <= 3; failures++) {
		await until('it failed', () => [...log.messages('warn'), ...log.messages('debug')].length === failures);
		t.is(tries, failures);
		links.setWanted(true);
	}

	ending.abort();
	await running;
});
