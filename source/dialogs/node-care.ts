import type {NodeView} from '../client/api.js';
import {dateTime} from '../console/age.js';
import type {Console, View} from '../console/view.js';
import {formatSize} from '../format.js';
import {parseDuration} from '../protocol/units.js';
import {printable} from '../terminal/text.js';
import {createConfirm} from './confirm.js';
import {createForm} from './form.js';

/** What is asked before a node is emptied, leaves, or may be away. */

const MINUTE_MS = 60_000;
const LONGEST_MAINTENANCE_MS = 14 * 24 * 60 * MINUTE_MS;
const FIRST_MAINTENANCE = '1h';

const holds = ({chunks_stored: shards, storage_stats: {used_bytes: used}}: NodeView) =>
	`${shards} shard${shards === 1 ? '' : 's'}, ${formatSize(used)}`;

export const createDrainDialog = (console: Console, node: NodeView): View => {
	const name = printable(node.name);
	return createConfirm(console, {
		title: `Empty ${name}`,
		lines: [
			`It has ${holds(node)}. All of it moves to other nodes, and nothing new comes to it.`,
			'No copy is given up before it is safe elsewhere. D stops it again.',
		],
		yes: 'empty it',
		async run() {
			await console.api.drainNode(node.node_id);
			console.notice({tone: 'ok', text: `${name} is being emptied. D stops it, 7 shows how it goes`});
		},
	});
};

export const createCancelDrainDialog = (console: Console, node: NodeView): View => {
	const name = printable(node.name);
	return createConfirm(console, {
		title: `Stop emptying ${name}`,
		lines: [`What it still has stays there, what was moved stays moved, and it takes new shards again.`],
		yes: 'stop it',
		async run() {
			await console.api.cancelDrain(node.node_id);
			console.notice({tone: 'ok', text: `${name} keeps what it has`});
		},
	});
};

export const createLeaveDialog = (console: Console, node: NodeView): View => {
	const name = printable(node.name);
	return createConfirm(console, {
		title: `Let ${name} leave`,
		lines: [
			`It has ${holds(node)}. All of it moves to other nodes; then the network forgets the node.`,
			'It must run until then. To come back it joins again, with a new code.',
		],
		yes: 'let it leave',
		typed: 'leave',
		async run() {
			await console.api.drainNode(node.node_id, {leave: true});
			console.notice({tone: 'ok', text: `${name} leaves once it is empty. D stops it, 7 shows how it goes`});
		},
	});
};

/** What somebody wrote as a time, in milliseconds; `undefined` where it is none that is allowed. */
const durationOf = (text = ''): number | undefined => {
	const ms = parseDuration(text);
	return ms !== undefined && ms >= MINUTE_MS && ms <= LONGEST_MAINTENANCE_MS ? ms : undefined;
};

export const createMaintenanceForm = (console: Console, node: NodeView): View => {
	const name = printable(node.name);
	return createForm(console, {
		title: `Maintenance of ${name}`,
		lines: ['From now on for so long nobody minds that it is away: its copies are not made again elsewhere.'],
		fields: [{name: 'duration', label: 'For', initial: FIRST_MAINTENANCE, hint: '30m, 4h, 2d; at most 14d'}],
		yes: 'begins it',
		problem: ({duration}) =>
			durationOf(duration) === undefined ? 'Say for how long, such as 30m, 4h or 2d, from 1m to 14d' : undefined,
		async run({duration}) {
			const ms = durationOf(duration) ?? 0;
			const {maintenance} = await console.api.maintainNode(node.node_id, {duration_s: Math.round(ms / 1000)});
			const until = maintenance ? ` until ${dateTime(maintenance.until)}` : '';
			console.notice({tone: 'ok', text: `${name} is in maintenance${until}. M ends it`});
		},
	});
};

export const createEndMaintenanceDialog = (console: Console, node: NodeView): View => {
	const name = printable(node.name);
	return createConfirm(console, {
		title: `End the maintenance of ${name}`,
		lines: ['If it is away, its copies are made again elsewhere, as of any node that is.'],
		yes: 'end it',
		async run() {
			await console.api.endMaintenance(node.node_id);
			console.notice({tone: 'ok', text: `The maintenance of ${name} is over`});
		},
	});
};
