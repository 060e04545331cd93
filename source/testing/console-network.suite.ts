import {randomBytes} from 'node:crypto';
import {readdir, stat, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {identityIn, sendAsNode} from '../../daemon/testing/signed-node.js';
import {silentLog} from '../../daemon/testing/silent-log.js';
import {keptPort, type Keeper, temporaryFolder, until} from '../../daemon/testing/processes.js';
import {systemClock, systemRandom} from '../../daemon/adapters/system.js';
import {alertFile} from '../../daemon/coordinator/alerts/alert-file.js';
import type {Alert} from '../../daemon/core/alerts.js';
import type {RunningNode} from '../../daemon/node/start.js';
import {type RunningRole, startCoordinator} from '../../daemon/roles/coordinator.js';
import {startNode} from '../../daemon/roles/node.js';
import {createApi} from '../client/api.js';
import type {Uploaded} from '../client/contract.js';

/** A real network over real folders, in the process of the test, whose coordinator's time a test can move on. */
export type ConsoleNetwork = {
	url: string;
	folder: string;
	/** Starts a node and waits until it is online. */
	addNode: () => Promise<NetworkNode>;
	/** Resolves once the coordinator's figures tell of all that was uploaded. */
	counted: () => Promise<void>;
	upload: (name: string, content: Uint8Array | string) => Promise<Uploaded>;
	/** Has these alerts open when the coordinator starts next. */
	alarm: (alerts: readonly Alert[]) => Promise<void>;
	/** Starts the coordinator, again where it was stopped, on the port that it had. */
	start: () => Promise<void>;
	stop: () => Promise<void>;
	/** So much time goes by that who was silent is offline: all but the nodes that run. */
	loseSilent: () => Promise<void>;
};

export type NetworkNode = {
	name: string;
	running: RunningNode;
	stop: () => Promise<void>;
	/** Breaks the shards of that size. */
	corrupt: (sizeBytes: number) => Promise<void>;
};

const ALLOCATED_BYTES = 1024 ** 3;
const NEVER_MS = 24 * 3_600_000;
const HALF_OF_SILENCE_MS = 45_000;
/** What the console sees then happened just now, however slow the machine is: the coordinator's clock is ahead. */
const AHEAD_MS = 30 * 60_000;

const bodyOf = async function* (content: Uint8Array): AsyncGenerator<Uint8Array> {
	yield await Promise.resolve(content);
};

const waitForOnline = async (url: string, count: number) => {
	const api = createApi(url);
	await until(`${count} nodes are online`, async () => (await api.stats()).onlineNodes === count);
};

const beat = async (url: string, folder: string, nowMs: number) => {
	const response = await sendAsNode(url, await identityIn(folder), 'heartbeat', {}, {nowMs});
	if (!response.ok) throw new Error(`A heartbeat was refused: ${await response.text()}`);
};

/** Starts nothing yet: `start` does. Ends with its keeper. */
export const createConsoleNetwork = async (t: Keeper): Promise<ConsoleNetwork> => {
	const folder = temporaryFolder(t);
	const port = await keptPort();
	const url = `http://127.0.0.1:${port}`;
	let shiftMs = AHEAD_MS;
	const clock = {...systemClock, now: () => systemClock.now() + shiftMs};
	// Which node is asked first, and so named first, is no matter of chance here.
	const random = {...systemRandom, float: () => 0};
	const shared = {log: silentLog, random, version: '2.0.0', host: '127.0.0.1'};
	let coordinator: RunningRole | undefined;
	const nodes = new Set<NetworkNode>();
	let [started, chunks] = [0, 0];

	const stop = async () => {
		const running = coordinator;
		coordinator = undefined;
		await running?.close();
	};

	t.teardown(async () => {
		await stop();
		for (const node of nodes) await node.stop();
	});

	const addNode = async (): Promise<NetworkNode> => {
		const number = ++started;
		const name = `node-${number}`;
		const storagePath = path.join(folder, name);
		const running = await startNode({
			...{...shared, name, storagePath, clock, port: await keptPort()},
			allocatedBytes: ALLOCATED_BYTES,
			coordinatorUrl: url,
			owner: `owner-${number}`,
			zone: `zone-${number}`,
		});
		const node: NetworkNode = {
			name,
			running,
			async stop() {
				if (nodes.delete(node)) await running.close({graceMs: 0});
			},
			async corrupt(sizeBytes) {
				const chunks = path.join(storagePath, 'chunks');
				for (const file of await readdir(chunks)) {
					const shard = path.join(chunks, file);
					if ((await stat(shard)).size === sizeBytes) await writeFile(shard, randomBytes(sizeBytes));
				}
			},
		};
		nodes.add(node);
		await waitForOnline(url, nodes.size);
		return node;
	};

	return {
		url,
		folder,
		addNode,
		stop,
		alarm: async open =>
			alertFile({folder: path.join(folder, 'coordinator'), log: silentLog}).write({open: [...open], deliveries: []}),
		async start() {
			coordinator = await startCoordinator({
				...{...shared, clock, port, replicas: 3, minReplicas: 2, nodeTimeoutMs: 15_000, open: true, allowClassic: true},
				dataFolder: path.join(folder, 'coordinator'),
				memoryBytes: 64 * 1024 ** 2,
				repairGraceMs: 900_000,
				repairAtOnce: 4,
				repairBytesPerSecond: 0,
				trashDays: 7,
				uploadDays: 7,
				// What is alarming depends on how long a test takes.
				alertRestMs: NEVER_MS,
			});
		},
		async upload(name, content) {
			const bytes = Buffer.from(content);
			const {signal} = new AbortController();
			const uploaded = await createApi(url).upload({name, sizeBytes: bytes.length, body: bodyOf(bytes), signal});
			chunks += uploaded.chunks;
			return uploaded;
		},
		async counted() {
			await until('all that was uploaded is counted', async () => {
				const {full, partly, none} = (await createApi(url).stats()).redundancy;
				return full + partly + none === chunks;
			});
		},
		async loseSilent() {
			for (let half = 0; half < 2; half++) {
				shiftMs += HALF_OF_SILENCE_MS;
				for (const {name} of nodes) await beat(url, path.join(folder, name), clock.now());
			}

			await waitForOnline(url, nodes.size);
		},
	};
};
