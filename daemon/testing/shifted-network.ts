import {type ChildProcess, fork} from 'node:child_process';
import {once} from 'node:events';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import type {ExecutionContext} from 'ava';
import type {NodeView} from '../../source/protocol/api.js';
import {askFor} from './crash-client.js';
import {createFront} from './nginx.js';
import {kindOf, type NodeWay} from './node-ways.js';
import {keptPort, lastLinesOf, temporaryFolder, until} from './processes.js';
import {chunksOf, comesBack, type Stored} from './roles.js';
import {digestsIn, isRightAt, shardPlacesIn} from './shards-on-disk.js';
import type {ShiftedSettings} from './shifted-process.js';

/** As long as nothing may be heard of a node, or of any after a start, before it is given up. */
export const GIVEN_UP_AFTER_MS = 61_000;
/** How long a lost copy is waited for in these networks. */
export const GRACE_MS = 1000;

/** What each node may keep. */
export const NODE_BYTES = 1024 ** 3;
const STDERR_KEPT = 64 * 1024;
const program = fileURLToPath(new URL('../../bundle/testing/shifted-process.js', import.meta.url));

/** A process of the network, on its own folder and port, whose clock can be set ahead. */
export type Part = {
	/** What the coordinator calls it. */
	name: string;
	/** How a node is reached; the coordinator has none. */
	way?: NodeWay | undefined;
	folder: string;
	/** @param more - What of its settings is another from now on. */
	start: (more?: {allocatedBytes?: number}) => Promise<void>;
	/** Ends it at once, by SIGKILL. */
	kill: () => Promise<void>;
	/** Holds it, by SIGSTOP: it keeps its connections and answers nothing. */
	hold: () => void;
	/** Lets it go on where it was held. */
	release: () => void;
	/** A part that is held has its time set once it is released. */
	setAhead: (ms: number) => Promise<void>;
};

/** Resolves with this message; rejects where the process ends before. */
const hear = async (child: ChildProcess, message: unknown): Promise<void> =>
	new Promise((resolve, reject) => {
		const listen = (said: unknown) => {
			if (said !== message) return;
			child.off('message', listen);
			child.off('exit', end);
			resolve();
		};
		const end = () => reject(new Error(`A process ended before it said ${String(message)}`));
		child.on('message', listen);
		child.once('exit', end);
	});

type About = {name: string; folder: string; way?: NodeWay};

const createPart = (t: ExecutionContext, {name, folder, way}: About, settings: ShiftedSettings): Part => {
	let child: ChildProcess | undefined;
	let isHeld = false;
	let isReady = false;
	let current = settings;
	let stderr = '';
	const kill = async () => {
		const running = child;
		child = undefined;
		isHeld = false;
		isReady = false;
		if (!running || running.exitCode !== null || running.signalCode !== null) return;
		running.kill('SIGKILL');
		await once(running, 'exit');
	};

	t.teardown(async () => {
		await kill();
		if (!t.passed) t.log(`--- ${name}\n${lastLinesOf(stderr)}`);
	});
	return {
		name,
		way,
		folder,
		async start(more) {
			current = {...current, ...more};
			child = fork(program, [JSON.stringify(current)], {stdio: ['ignore', 'ignore', 'pipe', 'ipc']});
			child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-STDERR_KEPT)));
			await hear(child, 'ready');
			isReady = true;
		},
		kill,
		hold() {
			isHeld = true;
			child?.kill('SIGSTOP');
		},
		release() {
			isHeld = false;
			child?.kill('SIGCONT');
		},
		async setAhead(ms) {
			current = {...current, aheadMs: ms};
			if (!child) return;
			child.send(ms);
			// One that starts, is held, or is killed meanwhile has it in its settings, or once it goes on.
			if (!isHeld && isReady) await hear(child, ms).catch(() => undefined);
		},
	};
};

/** A coordinator and nodes, each a process. `living`: the nodes that run, or should. */
export type ShiftedNetwork = {url: string; coordinator: Part; nodes: Part[]; living: Part[]; aheadMs: number};

type NetworkOptions = {trashDays?: number};

/** A coordinator and nodes, one for each way, as processes of their own, whose clocks are set ahead together. */
export const startShiftedNetwork = async (
	t: ExecutionContext,
	ways: readonly NodeWay[],
	{trashDays = 0}: NetworkOptions = {},
): Promise<ShiftedNetwork> => {
	const folder = temporaryFolder(t);
	const port = await keptPort();
	const url = `http://127.0.0.1:${port}`;
	const aheadMs = 0;
	const dataFolder = path.join(folder, 'coordinator');
	const ofCoordinator = {dataFolder, port, repairGraceMs: GRACE_MS, trashDays, uploadDays: 7, aheadMs};
	const coordinator = createPart(t, {name: 'coordinator', folder: dataFolder}, {role: 'coordinator', ...ofCoordinator});
	await coordinator.start();
	const front = ways.includes('proxied') ? await createFront(t, url) : undefined;
	await front?.start();
	const started: {part: Part; address: string}[] = [];
	for (const [index, way] of ways.entries()) {
		const name = `node-${index + 1}`;
		const storagePath = path.join(folder, name);
		const nodePort = await keptPort();
		const settings: ShiftedSettings = {
			role: way === 'classic' ? 'classic' : 'node',
			...{name, storagePath, allocatedBytes: NODE_BYTES, port: nodePort, aheadMs},
			coordinatorUrl: way === 'proxied' && front ? front.url : url,
			...((way === 'link' || way === 'proxied') && {reach: 'links'}),
		};
		const part = createPart(t, {name, folder: storagePath, way}, settings);
		started.push({part, address: `http://127.0.0.1:${nodePort}`});
	}

	const nodes = started.map(({part}) => part);
	await Promise.all(nodes.map(async node => node.start()));
	await until('every node is reached as is meant', async () => {
		const {nodes: views} = await askFor<{nodes: NodeView[]}>(url, 'nodes');
		return started.every(({part, address}) => {
			const view = views.find(({name, address: at}) => name === part.name || at === address);
			// A classic node says no name.
			if (view) part.name = view.name;
			return part.way && view?.kind === kindOf[part.way];
		});
	});
	return {url, coordinator, nodes, living: [...nodes], aheadMs};
};

/** Sets everybody's clock ahead. */
export const setAhead = async (network: ShiftedNetwork, ms: number): Promise<void> => {
	network.aheadMs += ms;
	await Promise.all([network.coordinator, ...network.nodes].map(async part => part.setAhead(network.aheadMs)));
};

/** Lets time pass for everybody, and waits until just the living are online; a leaver is so until it has left. */
export const passTime = async (network: ShiftedNetwork, ms: number, leaver?: Part): Promise<void> => {
	await setAhead(network, ms);
	const stayers = network.living.filter(node => node !== leaver);
	await until('just the living are online', async () => {
		const {nodes} = await askFor<{nodes: NodeView[]}>(network.url, 'nodes');
		const online = nodes.filter(({name, status}) => status === 'online' && name !== leaver?.name);
		return online.length === stayers.length && stayers.every(each => online.some(({name}) => name === each.name));
	});
};

/** The digests of the shards that a node keeps. */
export const shardsOf = ({folder}: Part): string[] => digestsIn(folder);

/** Whether a node has the bytes of a shard on its disk. */
export const isRight = ({folder}: Part, digest: string): boolean => {
	const place = shardPlacesIn(folder).find(each => each.digest === digest);
	return place !== undefined && isRightAt(place);
};

const isWhole = async ({url, living}: ShiftedNetwork, file: Stored): Promise<boolean> =>
	(await chunksOf(url, file)).every(
		({shards}) =>
			shards.length === 3 &&
			shards.every(({node_name: holder, state}) => state === 'online' && living.some(({name}) => name === holder)),
	);

/** Waits until every chunk has three copies on living nodes, and holds each file against what was stored. */
export const allWhole = async (t: ExecutionContext, network: ShiftedNetwork, files: readonly Stored[]) => {
	await until('every chunk is on three living nodes', async () => {
		for (const file of files) if (!(await isWhole(network, file))) return false;
		return true;
	});
	for (const file of files) {
		await comesBack(t, network.url, file);
		for (const {shards} of await chunksOf(network.url, file)) {
			for (const {node_name: holder, digest} of shards) {
				const node = network.living.find(({name}) => name === holder);
				t.true(node && isRight(node, digest), `${digest} on ${holder}`);
			}
		}
	}
};
