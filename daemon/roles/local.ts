import {readdir} from 'node:fs/promises';
import path from 'node:path';
import type {SettingsOf} from '../config-settings.js';
import {adminTokenFileOf} from './admin-token.js';
import type {CoordinatorRole, RunningCoordinator, RunningRole} from './coordinator.js';
import {startLocked} from './locked.js';
import type {NodeRole} from './node.js';

type Surroundings = Pick<CoordinatorRole, 'log' | 'clock' | 'random' | 'version' | 'masterKey' | 'processMetrics'>;

/** What a local network is made of. */
export type LocalParts = {
	startCoordinator: (role: CoordinatorRole) => Promise<RunningCoordinator>;
	startNode: (role: NodeRole) => Promise<RunningRole>;
};

const NODE_ALLOCATED_BYTES = 100 * 1024 ** 3;
const ONLINE_TRIES = 100;
const ONLINE_WAIT_MS = 100;

/** Waits for the nodes to be online. One that takes longer may come later, so it is only said. */
const waitForNodes = async (
	coordinator: RunningCoordinator,
	count: number,
	{log, clock}: Surroundings,
	signal: AbortSignal,
) => {
	let online = 0;
	for (let tries = 0; tries < ONLINE_TRIES; tries++) {
		online = coordinator.onlineNodes();
		if (online >= count) return;
		await clock.sleep(ONLINE_WAIT_MS, signal);
	}

	log.warn('not all nodes are online yet', {online, nodes: count});
};

/** Folders of nodes that this run does not start, with shards that files may want. */
const warnOfLeftNodes = async (dataFolder: string, nodes: number, {log}: Surroundings) => {
	const names = await readdir(dataFolder).catch(() => []);
	const left = names.filter(name => Number(/^node-(\d+)$/.exec(name)?.[1] ?? 0) > nodes);
	if (left.length > 0) log.warn('nodes of an earlier run stay away: start with more --nodes to have them', {left});
};

/**
A whole network in this process: a coordinator in `coordinator` and nodes in `node-1`, `node-2`, … below the data folder.
It is there when all its nodes are online.
*/
export const startLocal = async (
	settings: SettingsOf<'local'>,
	surroundings: Surroundings,
	{startCoordinator, startNode}: LocalParts,
	signal: AbortSignal,
): Promise<Pick<RunningCoordinator, 'url' | 'firstAdmin' | 'close'>> => {
	const {dataFolder, nodes, scrubDays, scrubBytesPerSecond, ...coordinatorSettings} = settings;
	const {clock, log} = surroundings;
	const started: {close: () => Promise<void>}[] = [];
	// The coordinator first: what is in flight in it needs its nodes.
	const close = async () => {
		for (const part of started) await part.close();
	};

	try {
		const coordinatorFolder = coordinatorFolderOf(dataFolder);
		const coordinator = await startLocked(coordinatorFolder, clock, async () =>
			startCoordinator({
				...coordinatorSettings,
				...surroundings,
				dataFolder: coordinatorFolder,
				isReachedFromHere: true,
				log: log.child({part: 'coordinator'}),
			}),
		);
		started.push(coordinator);
		await warnOfLeftNodes(dataFolder, nodes, surroundings);
		const invitations: {revoke: () => Promise<unknown>}[] = [];
		for (let number = 1; number <= nodes; number++) {
			signal.throwIfAborted();
			const name = `node-${number}`;
			// Apart from the others, so that each of them may keep a copy.
			const named = {owner: `owner-${number}`, zone: `zone-${number}`};
			const invitation = await coordinator.inviteNode(named);
			invitations.push(invitation);
			const storagePath = path.join(dataFolder, name);
			const node = await startLocked(storagePath, clock, async () =>
				startNode({
					...surroundings,
					scrubDays,
					scrubBytesPerSecond,
					metricsToken: settings.metricsToken,
					storagePath,
					allocatedBytes: NODE_ALLOCATED_BYTES,
					coordinatorUrl: coordinator.ownUrl,
					host: '127.0.0.1',
					port: 0,
					name,
					...named,
					join: invitation.code.text,
					classic: false,
					log: log.child({part: name}),
				}),
			);
			started.push(node);
		}

		await waitForNodes(coordinator, nodes, surroundings, signal);
		// A node that was here before needed none.
		for (const {revoke} of invitations) await revoke();
		return {url: coordinator.url, firstAdmin: coordinator.firstAdmin, close};
	} catch (error) {
		await close();
		throw error;
	}
};

/** Where the coordinator of a local network keeps what it must not forget. */
export const coordinatorFolderOf = (dataFolder: string): string => path.join(dataFolder, 'coordinator');

const quotedForShell = (text: string) => `'${text.replaceAll("'", String.raw`'\\''`)}'`;

/** What to try first, as lines for a shell that work as they stand. */
export const localWelcome = (url: string, {dataFolder, nodes, open}: SettingsOf<'local'>): string => {
	const tokenFile = adminTokenFileOf(coordinatorFolderOf(dataFolder));
	const curl = open ? 'curl' : 'curl -H "$auth"';
	return [
		'',
		`PJAS is running on this machine: a coordinator and ${nodes} ${nodes === 1 ? 'node' : 'nodes'}.`,
		`  It listens at   ${url}`,
		`  Its data is in  ${dataFolder}`,
		'',
		'Try it from another terminal:',
		...(open ? [] : [`  auth="Authorization: Bearer $(cat ${quotedForShell(tokenFile)})"`]),
		String.raw`  printf 'Hello from PJAS\n' > hello-pjas.txt`,
		String.raw`  id=$(${curl} -s -F file=@hello-pjas.txt ${url}/api/files/upload | sed 's/.*"file_id":"\([^"]*\)".*/\1/')`,
		`  ${curl} ${url}/api/files`,
		`  ${curl} "${url}/api/files/download/$id"`,
		`  ${curl} ${url}/api/stats`,
		'',
		'Ctrl-C stops it; files and nodes are there again at the next start.',
		'',
	].join('\n');
};
