import {useCallback, useEffect, useState} from 'react';
import {type LogEntry, logsSchema, type NodeView, type Stats, statsSchema} from '../../protocol/api.js';
import {formatSize} from '../../format.js';
import {call} from '../api.js';
import {on} from '../live.js';
import {standingOf} from '../model/node-words.js';
import {useNodes} from '../nodes-store.js';
import {session} from '../session.js';
import {useStore} from '../store.js';
import {Empty, Problem, Waiting} from './parts.js';
import {When} from './when.js';
import {count} from './words.js';

const MOST_LINES = 50;

/** Something that is asked once, and that events keep as it is. */
const useAsked = <Value,>(ask: () => Promise<Value>) => {
	const [value, setValue] = useState<Value>();
	const [problem, setProblem] = useState<unknown>();
	const load = useCallback(() => {
		ask().then(found => {
			setProblem(undefined);
			setValue(() => found);
		}, setProblem);
	}, [ask]);
	useEffect(load, [load]);
	useEffect(() => on('reset', load), [load]);
	return {value, setValue, problem, load};
};

const askStats = async () => (await call('stats', statsSchema)).stats;
const askLogs = async () => (await call('logs', logsSchema, {query: {limit: MOST_LINES}})).logs.reverse();

const healthOf = ({redundancy: {full, partly, none}, repair, onlineNodes, totalNodes}: Stats) => {
	if (totalNodes === 0) return {state: 'short', text: 'No node has joined yet: files can’t be stored'};
	if (none > 0) return {state: 'lost', text: `${count(none, 'part')} of files can’t be read now`};
	if (partly > 0) {
		const why = repair.paused
			? 'repairs are paused'
			: repair.blocked > 0
				? 'some can’t be repaired now'
				: 'being repaired';
		return {state: 'short', text: `${count(partly, 'part')} of files with fewer copies than wanted: ${why}`};
	}

	if (onlineNodes < totalNodes) return {state: 'short', text: 'All files are safe; some nodes are offline'};
	return {state: 'safe', text: full === 0 ? 'All is well' : 'All is well: every file has all its copies'};
};

const Figures = ({stats}: {stats: Stats}) => {
	const health = healthOf(stats);
	const figures: [string, string, string?][] = [
		['Nodes', `${stats.onlineNodes} of ${stats.totalNodes} online`],
		['Storage', `${formatSize(stats.usedStorage)} of ${formatSize(stats.totalStorage)} used`],
		['Free', `${formatSize(stats.freeStorage)} on online nodes`],
		['Files', `${count(stats.activeFiles, 'file')}, ${formatSize(stats.fileBytes)}`],
		['Traffic', `${formatSize(stats.bytesIn)} in, ${formatSize(stats.bytesOut)} out`],
	];
	return (
		<section className="card stack" aria-label="Health">
			<p className={`headline ${health.state}`} role="status">
				{health.text}
			</p>
			<dl className="facts">
				{figures.map(([name, value]) => (
					<div key={name}>
						<dt>{name}</dt>
						<dd>{value}</dd>
					</div>
				))}
			</dl>
		</section>
	);
};

const NodeRow = ({node}: {node: NodeView}) => {
	const standing = standingOf(node);
	const {used_bytes: used, allocated_bytes: allocated} = node.storage_stats;
	return (
		<tr>
			<th scope="row" className="name">
				<span>{node.name}</span>
			</th>
			<td className="owner">{node.owner}</td>
			<td className={`safety ${standing.state}`}>{standing.text}</td>
			<td className="size">
				<meter
					aria-label={`Storage of ${node.name}`}
					min={0}
					max={Math.max(1, allocated)}
					value={Math.min(used, allocated)}
				/>{' '}
				{formatSize(used)} of {formatSize(allocated)}
			</td>
			<td className="date">
				<When ms={node.last_seen} text={node.status === 'online' ? 'now' : undefined} />
			</td>
		</tr>
	);
};

const NodeTable = ({nodes}: {nodes: NodeView[]}) => {
	if (nodes.length === 0) {
		return (
			<Empty icon="home" title="No node of yours has joined yet">
				<p>Under “My nodes” you make a code with which one joins.</p>
			</Empty>
		);
	}

	return (
		<table className="files nodes">
			<caption className="unseen">Nodes</caption>
			<thead>
				<tr>
					{['Node', 'Owner', 'How it does', 'Storage', 'Last heard of'].map(title => (
						<th key={title} scope="col">
							{title}
						</th>
					))}
				</tr>
			</thead>
			<tbody>
				{[...nodes]
					.sort((a, b) => a.name.localeCompare(b.name))
					.map(node => (
						<NodeRow key={node.node_id} node={node} />
					))}
			</tbody>
		</table>
	);
};

const levels = {INFO: '', WARN: 'short', ERROR: 'lost'};

const Log = ({entries}: {entries: LogEntry[]}) => (
	<ol className="log card" aria-label="Newest activity, the newest first">
		{entries.map(entry => (
			<li key={entry.id}>
				<When ms={entry.timestamp_ms} />
				<span className={levels[entry.level]}>
					{entry.level === 'INFO' ? '' : entry.level === 'WARN' ? 'Warning: ' : 'Error: '}
					{entry.message}
				</span>
			</li>
		))}
	</ol>
);

/** How the network does as a whole. It changes by itself. */
const Network = () => {
	const stats = useAsked(askStats);
	const logs = useAsked(askLogs);
	const {nodes, problem, load} = useNodes();
	const current = useStore(session);
	// Members are told of their own nodes only.
	const isOperator = current.state === 'signed-in' && current.who.role !== 'member';
	const {setValue: setStats} = stats;
	const {setValue: setLogs} = logs;
	useEffect(() => on('stats', next => setStats(next)), [setStats]);
	useEffect(() => on('log', entry => setLogs(old => old && [entry, ...old].slice(0, MOST_LINES))), [setLogs]);
	return (
		<div className="stack">
			<div className="bar">
				<h1>Network</h1>
			</div>
			{stats.problem !== undefined && <Problem error={stats.problem} again={stats.load} />}
			{stats.value ? (
				<Figures stats={stats.value} />
			) : (
				stats.problem === undefined && <Waiting what="Asking how it does" />
			)}
			<h2>{isOperator ? 'Nodes' : 'Your nodes'}</h2>
			{problem !== undefined && <Problem error={problem} again={load} />}
			{nodes && <NodeTable nodes={nodes} />}
			<h2>Activity</h2>
			{logs.problem !== undefined && <Problem error={logs.problem} again={logs.load} />}
			{logs.value?.length === 0 && <p className="hint">Nothing has happened yet that is about you.</p>}
			{logs.value && logs.value.length > 0 && <Log entries={logs.value} />}
		</div>
	);
};

export default Network;
