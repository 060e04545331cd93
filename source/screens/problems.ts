import type {Fault, LiveState} from '../client/live-state.js';
import type {NodeView, Stats} from '../client/api.js';
import type {AlertView} from '../client/healing-contract.js';
import type {Place} from '../console/view.js';
import {formatSize} from '../format.js';
import {repairReasons} from '../repair-words.js';
import type {Transfer} from '../transfers/transfer.js';
import {isExcused, suspensionText, wayBackText} from './node-care.js';
import {lastSeen, usedShare} from './node-facts.js';
import {sentence} from './waiting.js';

/** Something that is wrong now, and where it can be mended; for an alert also by what, which the table has no room for. */
export type Problem = {key: string; severity: 'bad' | 'warn'; text: string; place: Place; remedy?: string};

const MOST_NAMED_NODES = 5;
const NEARLY_FULL = 0.9;
const MOST_FAULTS = 20;

/** The problem that says the same as an alert, which says since when, and what to do. */
const sameAs = ({code, node_id: node}: AlertView): string | undefined => {
	if (code === 'CHUNKS_LOST') return 'lost';
	if (code === 'NODES_AWAY_AT_ONCE') return 'offline';
	if (code === 'NODE_AWAY') return `offline ${node ?? ''}`;
	return code === 'NODE_NEARLY_FULL' ? `full ${node ?? ''}` : undefined;
};

/** What is mended where the coordinator runs. */
const ofCoordinator: readonly AlertView['code'][] = [
	'SIGN_INS_FAIL',
	'BACKUP_TOO_OLD',
	'DISK_NEARLY_FULL',
	'MEMORY_NEARLY_FULL',
];

const alertPlace = ({code, node_id: node}: AlertView): Place => {
	if (node !== null) return {screen: 'nodes', node};
	if (code === 'NODES_AWAY_AT_ONCE') return {screen: 'nodes', filter: 'offline'};
	if (code === 'NETWORK_NEARLY_FULL') return {screen: 'nodes', filter: ''};
	return ofCoordinator.includes(code) ? {screen: 'activity'} : {screen: 'healing'};
};

const alertProblems = ({alerts}: LiveState): Problem[] =>
	(alerts?.open ?? []).map(alert => ({
		key: `alert ${alert.code} ${alert.node_id ?? ''}`,
		severity: alert.severity === 'critical' ? 'bad' : 'warn',
		text: `${alert.text}. ${alert.remedy}`,
		remedy: alert.remedy,
		place: alertPlace(alert),
	}));

/** Alerts that reach nobody are none. */
const webhookProblems = ({alerts}: LiveState): Problem[] =>
	(alerts?.webhooks ?? []).flatMap(({receiver, problem}): Problem[] =>
		problem === null
			? []
			: [
					{
						key: `webhook ${receiver}`,
						severity: 'warn',
						text: `The webhook ${receiver} is not told: ${problem}`,
						place: {screen: 'activity'},
					},
				],
	);

const plural = (count: number, noun: string, more = `${noun}s`) => `${count} ${count === 1 ? noun : more}`;

const connectionProblems = ({connection}: LiveState): Problem[] =>
	connection.state === 'stale'
		? [
				{
					key: 'stale',
					severity: 'bad',
					text: `${sentence(connection.error)} Enter tries again at once`,
					place: {screen: 'overview'},
				},
			]
		: [];

/** What is done about chunks that are short of copies. */
const repairText = ({repair: {paused, active, waiting, blocked, reason}}: Stats): string => {
	const words = [
		...(active > 0 ? [`${active} being repaired`] : []),
		...(waiting > 0 ? [`${waiting} ${paused ? 'waiting' : 'to be repaired'}`] : []),
		...(blocked > 0 ? [`${blocked} can't be repaired now: ${reason ? repairReasons[reason] : 'see the log'}`] : []),
	];
	return words.length > 0 ? words.join(', ') : 'bring the nodes back';
};

const chunkProblems = ({stats, nodes}: LiveState): Problem[] => {
	const problems: Problem[] = [];
	if (nodes?.length === 0) {
		const text = 'No node has joined: nothing can be stored. Have one join: pjas-daemon join CODE';
		problems.push({key: 'no-nodes', severity: 'bad', text, place: {screen: 'nodes'}});
	}

	if (stats && stats.redundancy.none > 0) {
		const text = `${plural(stats.redundancy.none, 'chunk')} can't be read now: every node with a copy is away or lost it`;
		problems.push({key: 'lost', severity: 'bad', text, place: {screen: 'healing'}});
	}

	if (stats && stats.redundancy.partly > 0) {
		const text = `${plural(stats.redundancy.partly, 'chunk')} with fewer copies than wanted: ${repairText(stats)}`;
		problems.push({key: 'short', severity: 'warn', text, place: {screen: 'healing'}});
	}

	if (stats?.repair.paused) {
		const text = 'Healing is paused: lost copies are not made again. P goes on with it';
		problems.push({key: 'paused', severity: 'warn', text, place: {screen: 'healing'}});
	}

	return problems;
};

const offlineProblems = (nodes: readonly NodeView[], nowMs: number): Problem[] => {
	const offline = nodes.filter(
		node => node.status === 'offline' && node.banned_at === undefined && !isExcused(node, nowMs),
	);
	if (offline.length > MOST_NAMED_NODES) {
		const text = `${offline.length} of ${nodes.length} nodes are offline`;
		return [{key: 'offline', severity: 'bad', text, place: {screen: 'nodes', filter: 'offline'}}];
	}

	return offline.map(node => ({
		key: `offline ${node.node_id}`,
		severity: 'bad',
		text: `Node ${node.name} (${node.owner}) is offline, last seen ${lastSeen(node, nowMs)}`,
		place: {screen: 'nodes', node: node.node_id},
	}));
};

/** Nodes that are not trusted now, and those that somebody wants to empty and can't. */
const careProblems = (nodes: readonly NodeView[], nowMs: number): Problem[] => {
	const suspended = nodes.filter(node => node.suspended && node.banned_at === undefined);
	if (suspended.length > MOST_NAMED_NODES) {
		const text = `${suspended.length} of ${nodes.length} nodes are suspended: their copies do not count until they pass audits`;
		return [{key: 'suspended', severity: 'bad', text, place: {screen: 'healing'}}];
	}

	return [
		...suspended.flatMap(({node_id: node, name, suspended: why}): Problem[] => {
			if (!why) return [];
			const text = `Node ${name} is suspended: ${suspensionText(why, nowMs)}; ${wayBackText(why)}`;
			return [{key: `suspended ${node}`, severity: 'bad', text, place: {screen: 'nodes', node}}];
		}),
		...nodes.flatMap(({node_id: node, name, drain}): Problem[] => {
			if (!drain || drain.reason === null) return [];
			const text = `Node ${name} can't be emptied now: ${repairReasons[drain.reason]}`;
			return [{key: `drain ${node}`, severity: 'warn', text, place: {screen: 'healing'}}];
		}),
	];
};

const fullProblems = (nodes: readonly NodeView[]): Problem[] => {
	const full = nodes.filter(node => node.status === 'online' && usedShare(node) >= NEARLY_FULL);
	if (full.length > MOST_NAMED_NODES) {
		const text = `${full.length} of ${nodes.length} nodes are nearly full: give them more, or add nodes`;
		return [{key: 'full', severity: 'warn', text, place: {screen: 'nodes', filter: ''}}];
	}

	return full.map(node => ({
		key: `full ${node.node_id}`,
		severity: 'warn',
		text: `Node ${node.name} is nearly full: ${formatSize(node.storage_stats.free_bytes)} free. Give it more, or add a node`,
		place: {screen: 'nodes', node: node.node_id},
	}));
};

const faultProblems = ({faults, nodes = [], files}: LiveState): Problem[] => {
	const shown = faults.slice(0, MOST_FAULTS);
	const wanted = new Set(shown.map(({file_id: file}) => file));
	const names = new Map<string, string>();
	// Once through the list for all of them: it can be long.
	if (wanted.size > 0)
		for (const {file_id: id, filename} of files?.list ?? []) if (wanted.has(id)) names.set(id, filename);
	const nodeName = (id: string) => nodes.find(({node_id: each}) => each === id)?.name ?? id;
	const problems = shown.map(({file_id: file, index, node_id: id, kind}: Fault): Problem => ({
		key: `fault ${file} ${index} ${id}`,
		severity: 'warn',
		text: `Chunk ${index} of ${names.get(file) ?? file} is ${kind} on ${nodeName(id)}`,
		place: {screen: 'files', file},
	}));
	const left = faults.length - shown.length;
	const more: Problem = {
		key: 'faults',
		severity: 'warn',
		text: `${plural(left, 'more fault')} like these: Enter shows the files that are short of copies`,
		place: {screen: 'files', filter: 'short'},
	};
	return left > 0 ? [...problems, more] : problems;
};

const transferProblems = (transfers: readonly Transfer[]): Problem[] => {
	const failed = transfers.filter(({state}) => state === 'failed');
	if (failed.length === 0) return [];
	const text = `${plural(failed.length, 'transfer')} failed: ${failed.at(-1)?.problem ?? 'see there'}`;
	return [{key: 'transfers', severity: 'warn', text, place: {screen: 'transfers'}}];
};

/** What is wrong right now, the worst first. */
export const problemsOf = (state: LiveState, transfers: readonly Transfer[], nowMs: number): readonly Problem[] => {
	const nodes = state.nodes ?? [];
	const told = new Set((state.alerts?.open ?? []).map(sameAs));
	const all = [
		...connectionProblems(state),
		...alertProblems(state),
		...[
			...chunkProblems(state),
			...offlineProblems(nodes, nowMs),
			...careProblems(nodes, nowMs),
			...fullProblems(nodes),
		].filter(({key}) => !told.has(key)),
		...webhookProblems(state),
		...faultProblems(state),
		...transferProblems(transfers),
	];
	return [...all.filter(({severity}) => severity === 'bad'), ...all.filter(({severity}) => severity === 'warn')];
};
