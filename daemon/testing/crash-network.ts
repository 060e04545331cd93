import path from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import type {ExecutionContext} from 'ava';
import type {NodeView} from '../../source/protocol/api.js';
import {askFor} from './crash-client.js';
import {createFront} from './nginx.js';
import {kindOf, type NodeWay} from './node-ways.js';
import {classicProgram, type Daemon, keptPort, lastLinesOf, startDaemon, temporaryFolder, until} from './processes.js';

/** A part of a network that is killed and started again, on the same folder and port. */
export type Member = {
	label: string;
	/** How a node is reached; the coordinator has none. */
	way?: NodeWay | undefined;
	/** What it keeps. */
	folder: string;
	url: string;
	/** When it was last started, by the machine's clock. */
	readonly startedAtMs: number;
	/** The process of it that runs, or ran last. */
	readonly daemon: Daemon;
	/** Starts it; resolves when it is ready. */
	start: () => Promise<void>;
	kill: () => Promise<void>;
	/** Ends it as an operator does; gives its exit code. */
	stop: () => Promise<number | null>;
};

export type CrashNetwork = {
	url: string;
	/** Where there is room for whatever a test needs beside it. */
	folder: string;
	coordinator: Member;
	nodes: readonly Member[];
	/** The node that the coordinator speaks of; a classic one has no name. */
	nodeOf: (view: NodeView) => Member | undefined;
	/** Resolves once the coordinator has heard from every node since both were started. */
	gathered: () => Promise<void>;
};

const MEMORY = '64MB';
const HISTORY_KEPT = 64 * 1024;
const ASK_AGAIN_MS = 100;

type MemberOptions = {
	label: string;
	folder: string;
	port: number;
	argv: readonly string[];
	workingFolder: string;
	way?: NodeWay;
	program?: string;
};

export const createMember = (t: ExecutionContext, options: MemberOptions): Member => {
	const {label, folder, port, argv, workingFolder, way, program} = options;
	let daemon: Daemon | undefined;
	let startedAtMs = 0;
	let history = '';

	const running = (): Daemon => {
		if (!daemon) throw new Error(`${label} was never started`);
		return daemon;
	};

	const remember = (how: string) => {
		history = `${history}${running().stderr()}--- ${label} (process ${running().pid}) ${how}\n`.slice(-HISTORY_KEPT);
	};

	t.teardown(() => {
		if (!t.passed && daemon) t.log(`--- ${label}\n${lastLinesOf(history + daemon.stderr())}`);
	});

	return {
		label,
		way,
		folder,
		url: `http://127.0.0.1:${port}`,
		get startedAtMs() {
			return startedAtMs;
		},
		get daemon() {
			return running();
		},
		async start() {
			startedAtMs = Date.now();
			daemon = startDaemon(t, [...argv, '--port', String(port)], {
				...{folder: workingFolder, isShown: false},
				...(program !== undefined && {program}),
			});
			await daemon.ready();
		},
		async kill() {
			await running().kill();
			remember('was killed');
		},
		async stop() {
			const code = await running().stop();
			remember(`ended with ${String(code)}`);
			return code;
		},
	};
};

const settingsOfCoordinator = [
	'--open',
	'--allow-classic',
	'--trust-proxy',
	'loopback',
	'--cache',
	'0B',
	'--trash-days',
	'0',
];

/** A coordinator and nodes, each a process, with each node in a house of its own. */
export const startCrashNetwork = async (t: ExecutionContext, ways: readonly NodeWay[]): Promise<CrashNetwork> => {
	const folder = temporaryFolder(t);
	const at = (name: string) => path.join(folder, name);
	const coordinator = createMember(t, {
		label: 'coordinator',
		folder: at('coordinator'),
		port: await keptPort(),
		argv: ['--role', 'coordinator', '--data', at('coordinator'), '--memory', MEMORY, ...settingsOfCoordinator],
		workingFolder: folder,
	});
	const front = ways.includes('proxied') ? await createFront(t, coordinator.url) : undefined;

	const argvOf = (way: NodeWay, label: string): string[] => {
		const api = `${(way === 'proxied' && front ? front : coordinator).url}/api`;
		if (way === 'classic') return [at(label), api];
		const reach = way === 'direct' ? [] : ['--reach', 'links'];
		return ['--role', 'node', at(label), '20GB', '--name', label, '--coordinator', api, ...reach];
	};

	const nodes: Member[] = [];
	for (const [index, way] of ways.entries()) {
		const label = `node-${index + 1}`;
		nodes.push(
			createMember(t, {
				...{label, way, folder: at(label), port: await keptPort(), argv: argvOf(way, label), workingFolder: folder},
				...(way === 'classic' && {program: classicProgram}),
			}),
		);
	}

	const nodeOf = ({name, address}: NodeView) => nodes.find(node => node.label === name || node.url === address);

	const gathered = async () => {
		const isFresh = (view: NodeView) => {
			const node = nodeOf(view);
			const isAsMeant = node?.way !== undefined && view.kind === kindOf[node.way];
			const since = Math.max(node?.startedAtMs ?? 0, coordinator.startedAtMs);
			return isAsMeant && view.status === 'online' && view.last_seen >= since;
		};
		await until('every node has been heard of, as it is to be reached', async () => {
			const {nodes: views} = await askFor<{nodes: NodeView[]}>(coordinator.url, 'nodes');
			const isSo = views.filter(isFresh).length === nodes.length;
			// It takes seconds now and then, in which the machine has other things to do than to ask.
			if (!isSo) await delay(ASK_AGAIN_MS);
			return isSo;
		});
	};

	await coordinator.start();
	await front?.start();
	await Promise.all(nodes.map(node => node.start()));
	await gathered();
	return {url: coordinator.url, folder, coordinator, nodes, nodeOf, gathered};
};
