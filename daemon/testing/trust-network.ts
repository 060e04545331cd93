import {type IncomingHttpHeaders, createServer, request as makeRequest} from 'node:http';
import type {AddressInfo} from 'node:net';
import path from 'node:path';
import {buffer as bufferOf} from 'node:stream/consumers';
import type {ExecutionContext} from 'ava';
import type {NodeView} from '../../source/protocol/api.js';
import {argon2Passwords} from '../adapters/argon2-passwords.js';
import {systemClock, systemRandom} from '../adapters/system.js';
import type {RunningNode} from '../node/start.js';
import {type CoordinatorRole, type RunningCoordinator, startCoordinator} from '../roles/coordinator.js';
import {type NodeRole, startNode} from '../roles/node.js';
import {keptPort, temporaryFolder, until} from './processes.js';
import {type RecordingLog, recordingLog} from './recording-log.js';
import {silentLog} from './silent-log.js';

/** A request that went by, with its answer. */
export type Passed = {
	method: string;
	url: string;
	headers: IncomingHttpHeaders;
	body: Buffer;
	answer: {status: number; headers: IncomingHttpHeaders; body: Buffer};
};

/** Somebody on the wire between the coordinator and a node: sees everything, and may answer in the node's place. */
export type Wire = {
	url: string;
	passed: Passed[];
	/** Answers in the node's place, where it gives an answer. */
	answer: ((request: Omit<Passed, 'answer'>) => Passed['answer'] | undefined) | undefined;
};

export type TrustNode = {folder: string; wire: Wire; log: RecordingLog; running: RunningNode};

export type TrustNetwork = {
	url: string;
	folder: string;
	coordinator: RunningCoordinator;
	/** Moves everybody's time on, until the nodes that are online have told that they are there since. */
	later: (ms: number) => Promise<void>;
	nowMs: () => number;
	/** Calls the API as the admin, or with another token. */
	call: (method: string, path: string, body?: object, token?: string) => Promise<Response>;
	/** Makes a join code. */
	invite: (more?: Record<string, unknown>) => Promise<string>;
	/** Starts a node behind a wire; it is not waited for. */
	startNode: (name: string, settings?: Partial<NodeRole>) => Promise<TrustNode>;
	/** Starts a node with a code, and waits for it. */
	addNode: (name: string) => Promise<TrustNode>;
	online: (count: number) => Promise<void>;
};

/** How many times faster than the real one this network's time goes for those who sleep. */
const HASTE = 50;

const startWire = async (t: ExecutionContext, targetPort: number): Promise<Wire> => {
	const wire: Wire = {url: '', passed: [], answer: undefined};
	const server = createServer((request, response) => {
		void (async () => {
			const {method = '', url = '', headers} = request;
			const asked = {method, url, headers, body: await bufferOf(request)};
			const faked = wire.answer?.(asked);
			if (faked) {
				response.writeHead(faked.status, faked.headers).end(faked.body);
				return;
			}

			const onward = makeRequest({port: targetPort, method, path: url, headers});
			onward.once('error', () => response.destroy());
			onward.once('response', answer => {
				void bufferOf(answer).then(body => {
					wire.passed.push({...asked, answer: {status: answer.statusCode ?? 0, headers: answer.headers, body}});
					response.writeHead(answer.statusCode ?? 500, answer.headers).end(body);
				});
			});
			onward.end(asked.body);
		})().catch(() => response.destroy());
	}).listen(0, '127.0.0.1');
	await new Promise(resolve => server.once('listening', resolve));
	t.teardown(() => {
		server.close();
		server.closeAllConnections();
	});
	wire.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	return wire;
};

/** A coordinator with accounts, and nodes that must show who they are, all in this process and over real folders. */
export const startTrustNetwork = async (
	t: ExecutionContext,
	settings: Partial<CoordinatorRole> = {},
): Promise<TrustNetwork> => {
	const folder = temporaryFolder(t);
	let aheadMs = 0;
	const open = new Set<string>();
	const clock = {
		...systemClock,
		now: () => systemClock.now() + aheadMs,
		monotonicMs: () => systemClock.monotonicMs() + aheadMs,
		sleep: async (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / HASTE, signal),
	};
	const common = {clock, random: systemRandom, version: '2.0.0', host: '127.0.0.1'};
	const coordinator = await startCoordinator({
		...{...common, port: 0, replicas: 3, minReplicas: 1, memoryBytes: 64 * 1024 ** 2, nodeTimeoutMs: 15_000},
		...{log: silentLog, open: false, allowClassic: false},
		...{repairGraceMs: 900_000, repairAtOnce: 4, repairBytesPerSecond: 0, trashDays: 0, uploadDays: 7},
		passwords: argon2Passwords({memoryCost: 64, timeCost: 1, parallelism: 1}),
		dataFolder: path.join(folder, 'coordinator'),
		...settings,
	});
	t.teardown(coordinator.close);
	const {url, firstAdmin} = coordinator;

	const call: TrustNetwork['call'] = async (method, route, body, token = firstAdmin?.token ?? '') =>
		fetch(url + route, {
			method,
			headers: {
				...(token !== '' && {authorization: `Bearer ${token}`}),
				...(body && {'content-type': 'application/json'}),
			},
			...(body && {body: JSON.stringify(body)}),
		});

	const nodes = async () => ((await (await call('GET', '/api/nodes')).json()) as {nodes: NodeView[]}).nodes;

	const invite: TrustNetwork['invite'] = async (more = {}) => {
		const answer = await call('POST', '/api/nodes/invitations', {owner: 'ann', ...more});
		return ((await answer.json()) as {code: string}).code;
	};

	const online: TrustNetwork['online'] = async count => {
		await until(`${count} nodes are online`, () => coordinator.onlineNodes() === count);
	};

	const start: TrustNetwork['startNode'] = async (name, more = {}) => {
		const port = await keptPort();
		const wire = await startWire(t, port);
		const log = recordingLog();
		const running = await startNode({
			...{...common, name, port, log, allocatedBytes: 1024 ** 3},
			storagePath: path.join(folder, name),
			coordinatorUrl: url,
			publicUrl: wire.url,
			...more,
		});
		const {nodeId} = running;
		open.add(nodeId);
		const close: RunningNode['close'] = async closing => {
			open.delete(nodeId);
			await running.close(closing);
		};
		t.teardown(async () => close({graceMs: 0}));
		return {folder: path.join(folder, name), wire, log, running: {...running, close}};
	};

	return {
		url,
		folder,
		coordinator,
		async later(ms) {
			const before = (await nodes()).filter(({node_id: id, status}) => status === 'online' && open.has(id));
			aheadMs += ms;
			// An answer that was under way sets a node's clock back. It is right again when a heartbeat is taken.
			const since = clock.now();
			await until('all nodes are heard of', async () =>
				(await nodes()).every(
					({node_id: id, last_seen: seen}) => seen >= since || !before.some(at => at.node_id === id),
				),
			);
		},
		nowMs: clock.now,
		call,
		invite,
		startNode: start,
		async addNode(name) {
			const before = coordinator.onlineNodes();
			const node = await start(name, {join: await invite()});
			await online(before + 1);
			return node;
		},
		online,
	};
};
