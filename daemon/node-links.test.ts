import {randomBytes} from 'node:crypto';
import {once} from 'node:events';
import test, {type ExecutionContext} from 'ava';
import {WebSocket, WebSocketServer} from 'ws';
import type {NodeView} from '../source/protocol/api.js';
import type {NodeId} from '../source/protocol/ids.js';
import {createDial} from './adapters/dial.js';
import {systemClock} from './adapters/system.js';
import {createNodeLinks} from './coordinator/node-links.js';
import type {NodeRecord} from './core/model.js';
import {listen} from './http/listen.js';
import {watchPulse} from './http/websocket-pulse.js';
import {createWebSocketStream, MOST_FRAME_BYTES} from './http/websocket-stream.js';
import {digestOf, shardStoreSuite} from './ports/shard-store.suite.js';
import {startMemoryNode} from './testing/memory-node.js';
import {until} from './testing/processes.js';
import {silentLog} from './testing/silent-log.js';
import {startTrustNetwork, type TrustNetwork} from './testing/trust-network.js';

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
	return {node, links, open, opened, store: dial(linked), dial};
};

shardStoreSuite(test, 'over a link', async t => (await startLinked(t)).store);

test('more is asked at once than there are links, and each waits for its turn', async t => {
	const {store, links} = await startLinked(t, 2);
	const all = Array.from({length: 40}, () => randomBytes(100_000));
	await Promise.all(all.map(async body => store.put(digestOf(body), body)));
	for (const body of all) t.deepEqual(Buffer.from(await store.get(digestOf(body))), body);
	t.is(links.count(id), 2);
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
	t.deepEqual(Buffer.from(await back.arrayBuffer()), bytes);
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
	t.truthy(watchPulse);
	t.truthy(systemClock);
});
