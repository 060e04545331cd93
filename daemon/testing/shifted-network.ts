import {type ChildProcess, fork} from 'node:child_process';
import {createHash} from 'node:crypto';
import {once} from 'node:events';
import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import type {ExecutionContext} from 'ava';
import type {NodeView} from '../../source/protocol/api.js';
import {askFor} from './crash-client.js';
import {keptPort, temporaryFolder, until} from './processes.js';
import {chunksOf, comesBack, type Stored} from './roles.js';
import type {ShiftedSettings} from './shifted-process.js';

export const GRACE_MS = 1000;
/** As long as nothing may be heard of a node, or of any after a start, before it is given up. */
export const GIVEN_UP_AFTER_MS = 61_000;
const program = fileURLToPath(new URL('shifted-process.js', import.meta.url));

/** A process of the network, on its own folder and port, whose clock can be set ahead. */
export type Part = {
	name: string;
	folder: string;
	start: () => Promise<void>;
	/** Ends it at once, by SIGKILL. */
	kill: () => Promise<void>;
	setAhead: (ms: number) => Promise<void>;
};

const createPart = (t: ExecutionContext, name: string, folder: string, settings: ShiftedSettings): Part => {
	let child: ChildProcess | undefined;
	let {aheadMs} = settings;
	const kill = async () => {
		const running = child;
		child = undefined;
		if (!running || running.exitCode !== null || running.signalCode !== null) return;
		running.kill('SIGKILL');
		await once(running, 'exit');
	};

	t.teardown(kill);
	return {
		name,
		folder,
		async start() {
			child = fork(program, [JSON.stringify({...settings, aheadMs})]);
			await once(child, 'message');
		},
		kill,
		async setAhead(ms) {
			aheadMs = ms;
			if (!child) return;
			child.send(aheadMs);
			await once(child, 'message');
		},
	};
};

export type ShiftedNetwork = {url: string; coordinator: Part; nodes: Part[]; living: Part[]; aheadMs: number};

/** A coordinator and nodes as processes of their own, whose clocks are set ahead together. */
export const startShiftedNetwork = async (t: ExecutionContext, count: number): Promise<ShiftedNetwork> => {
	const folder = temporaryFolder(t);
	const port = await keptPort();
	const url = `http://127.0.0.1:${port}`;
	const aheadMs = 0;
	const dataFolder = path.join(folder, 'coordinator');
	const ofCoordinator = {role: 'coordinator', dataFolder, port, repairGraceMs: GRACE_MS, aheadMs} as const;
	const coordinator = createPart(t, 'coordinator', dataFolder, ofCoordinator);
	await coordinator.start();
	const nodes: Part[] = [];
	for (let number = 1; number <= count; number++) {
		const name = `node-${number}`;
		const storagePath = path.join(folder, name);
		const ofNode = {role: 'node', name, storagePath, coordinatorUrl: url, port: await keptPort(), aheadMs} as const;
		nodes.push(createPart(t, name, storagePath, ofNode));
	}

	await Promise.all(nodes.map(async node => node.start()));
	return {url, coordinator, nodes, living: [...nodes], aheadMs};
};

/** Lets time pass for everybody, and waits until just the living are online. */
export const passTime = async (network: ShiftedNetwork, ms: number) => {
	network.aheadMs += ms;
	await Promise.all([network.coordinator, ...network.nodes].map(async part => part.setAhead(network.aheadMs)));
	await until('just the living are online', async () => {
		const {nodes} = await askFor<{nodes: NodeView[]}>(network.url, 'nodes');
		const online = nodes.filter(({status}) => status === 'online').map(({name}) => name);
		return online.length === network.living.length && network.living.every(({name}) => online.includes(name));
	});
};

/** The files of a node's shards. */
export const shardsOf = ({folder}: Part): string[] =>
	readdirSync(path.join(folder, 'chunks')).filter(name => name.endsWith('.chunk'));

const isRight = ({folder}: Part, digest: string): boolean => {
	const bytes = readFileSync(path.join(folder, 'chunks', `${digest}.chunk`));
	return createHash('sha256').update(bytes).digest('hex') === digest;
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
