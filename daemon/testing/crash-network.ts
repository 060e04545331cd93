import path from 'node:path';
import type {ExecutionContext} from 'ava';
import type {NodeView} from '../../source/protocol/api.js';
import {askFor} from './crash-client.js';
import {type Daemon, keptPort, lastLinesOf, startDaemon, temporaryFolder, until} from './processes.js';

/** A part of a network that is killed and started again, on the same folder and port. */
export type Member = {
	label: string;
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
	/** Resolves once the coordinator has heard from every node since both were started. */
	gathered: () => Promise<void>;
};

const MEMORY = '64MB';
const HISTORY_KEPT = 64 * 1024;

type MemberOptions = {label: string; folder: string; port: number; argv: readonly string[]; workingFolder: string};

export const createMember = (t: ExecutionContext, options: MemberOptions): Member => {
	const {label, folder, port, argv, workingFolder} = options;
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
			daemon = startDaemon(t, [...argv, '--port', String(port)], {folder: workingFolder, isShown: false});
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

/** A coordinator and nodes, each a process, with each node in a house of its own. */
export const startCrashNetwork = async (t: ExecutionContext, nodeCount: number): Promise<CrashNetwork> => {
	const folder = temporaryFolder(t);
	const at = (name: string) => path.join(folder, name);
	const coordinatorPort = await keptPort();
	const coordinator = createMember(t, {
		label: 'coordinator',
		folder: at('coordinator'),
		port: coordinatorPort,
		argv: [
			'--role',
			'coordinator',
			'--open',
			'--data',
			at('coordinator'),
			'--memory',
			MEMORY,
			'--cache',
			'0B',
			'--trash-days',
			'0',
		],
		workingFolder: folder,
	});
	const nodes: Member[] = [];
	for (let number = 1; number <= nodeCount; number++) {
		const label = `node-${number}`;
		nodes.push(
			createMember(t, {
				label,
				folder: at(label),
				port: await keptPort(),
				argv: ['--role', 'node', at(label), '20GB', '--name', label, '--coordinator', `${coordinator.url}/api`],
				workingFolder: folder,
			}),
		);
	}

	const gathered = async () => {
		const isFresh = ({name, status, last_seen: lastSeen}: NodeView) => {
			const node = nodes.find(({label}) => label === name);
			return status === 'online' && lastSeen >= Math.max(node?.startedAtMs ?? 0, coordinator.startedAtMs);
		};
		await until('every node has been heard of', async () => {
			const {nodes: views} = await askFor<{nodes: NodeView[]}>(coordinator.url, 'nodes');
			return views.filter(isFresh).length === nodeCount;
		});
	};

	await coordinator.start();
	await Promise.all(nodes.map(node => node.start()));
	await gathered();
	return {url: coordinator.url, folder, coordinator, nodes, gathered};
};
