import type {NodeDetails, NodeView} from '../client/api.js';
import type {Line} from '../components/lines.js';
import {bar} from '../components/pictures.js';
import {age, dateTime} from '../console/age.js';
import {fit} from '../console/table-layout.js';
import type {Piece} from '../console/table.js';
import type {Theme, Tone} from '../console/theme.js';
import {formatSize} from '../format.js';
import type {Resting} from '../protocol/node-care.js';
import {careLines, drainedPercent, isInMaintenance, isOffHours} from './node-care.js';

/** A node in words, for lists, details and screen readers alike. */

const FULL_PERCENT = 90;
const LABEL_WIDTH = 11;
const LEAST_BAR = 4;
const MOST_BAR = 24;

export const restingStates: Record<Resting, string> = {
	paused: 'paused',
	'off-hours': 'off hours',
	'near-cap': 'near cap',
	'over-cap': 'over cap',
};

/** What matters most of how it is, in a word or two. */
export const stateOf = (node: NodeView, nowMs: number): Piece => {
	if (node.banned_at !== undefined) return {text: 'BANNED', tone: 'bad', isBold: true};
	if (isInMaintenance(node, nowMs)) return {text: 'maintenance', tone: 'warn'};
	if (node.status === 'offline' && isOffHours(node, nowMs)) return {text: 'off hours', tone: 'muted'};
	if (node.status === 'offline') return {text: 'OFFLINE', tone: 'bad', isBold: true};
	if (node.suspended) return {text: 'SUSPENDED', tone: 'bad', isBold: true};
	if (node.drain?.shards_left === 0) return {text: 'drained', tone: 'warn'};
	if (node.drain) return {text: `draining ${drainedPercent(node.drain)}`, tone: 'warn'};
	if (node.line?.resting) return {text: restingStates[node.line.resting], tone: 'warn'};
	if (node.is_behind) return {text: 'behind', tone: 'warn'};
	return {text: 'online', tone: 'ok'};
};

/** How the coordinator reaches it. */
export const reachOf = ({kind}: NodeView): string => (kind === 'direct' ? 'address' : kind);

/** The same with what there is to know about it. */
const reachText = (node: NodeView): string => {
	const {kind, address, links = 0, address_problem: problem} = node;
	if (kind !== 'link') return `${reachOf(node)} ${address}`;
	const over = `over ${links} ${links === 1 ? 'link' : 'links'} that it opened`;
	return problem === undefined ? over : `${over}; not at ${address}: ${problem}`;
};

/** Its version, and whether it waits to be updated. */
export const versionOf = ({version, is_behind: isBehind}: NodeView): string =>
	isBehind ? `${version} behind` : version;

/** When it was last heard of: an online node is heard of all the time. */
export const lastSeen = (node: NodeView, nowMs: number): string => {
	if (node.status === 'online') return 'now';
	const ago = age(nowMs - node.last_seen);
	return ago === 'now' ? 'just now' : `${ago} ago`;
};

export const latencyOf = (node: NodeView): string => {
	if (node.latency_ms === null) return '-';
	return node.latency_ms < 10 ? `${node.latency_ms.toFixed(1)} ms` : `${Math.round(node.latency_ms)} ms`;
};

/** How much of its allocation is used, from 0 to 1. */
export const usedShare = ({storage_stats: {used_bytes: used, allocated_bytes: allocated}}: NodeView): number =>
	allocated === 0 ? 1 : used / allocated;

export const usedTone = (node: NodeView): Tone => (usedShare(node) * 100 >= FULL_PERCENT ? 'warn' : 'accent');

const shardsText = ({sound, missing, corrupt}: NodeDetails['shards']): string =>
	`${sound} sound, ${missing} missing, ${corrupt} corrupt`;

/** All that is known of a node, a label and its value a line. */
export const nodeFacts = (
	node: NodeView,
	shards: NodeDetails['shards'] | undefined,
	{theme, nowMs, width}: {theme: Theme; nowMs: number; width: number},
): Line[] => {
	const {used_bytes: used, allocated_bytes: allocated, free_bytes: free} = node.storage_stats;
	const percent = `${Math.round(usedShare(node) * 1000) / 10}%`;
	const barWidth = Math.max(LEAST_BAR, Math.min(MOST_BAR, width - LABEL_WIDTH - percent.length - 1));
	const latency = node.latency_ms === null ? 'not measured yet' : `${latencyOf(node)} to read 1 MiB`;
	const line = (label: string, value: string | readonly Piece[]): Line => ({
		pieces: [
			...fit({text: label, tone: 'muted'}, LABEL_WIDTH, theme.glyphs.ellipsis),
			...fit(value, Math.max(1, width - LABEL_WIDTH), theme.glyphs.ellipsis),
		],
	});
	return [
		line('state', [stateOf(node, nowMs), {text: `, seen ${lastSeen(node, nowMs)}`}]),
		...careLines(node, {theme, nowMs, width: width - LABEL_WIDTH}).map(({label, value}) => line(label, value)),
		line('used', [...bar(usedShare(node), barWidth, theme, usedTone(node)), {text: ` ${percent}`}]),
		line('', `${formatSize(used)} of ${formatSize(allocated)}, ${formatSize(free)} free`),
		line('shards', shards ? shardsText(shards) : String(node.chunks_stored)),
		line('latency', `${latency}, ${node.in_flight} in flight`),
		line('owner', node.owner),
		line('zone', node.zone),
		line('reached', reachText(node)),
		line('id', node.node_id),
		line('version', `${node.version}${node.is_behind ? ', behind the coordinator: update the node' : ''}`),
		line('joined', dateTime(node.registered_at)),
	];
};
