import type {NodeView} from '../client/contract.js';
import type {SafeToStop} from '../client/healing-contract.js';
import {quoted} from '../command-line.js';
import {formatSize, formatTable, formatTime} from '../format.js';
import {escapeControls} from '../protocol/escape.js';
import {PjasError} from '../protocol/errors.js';
import {parseDuration} from '../protocol/units.js';
import {repairReasons} from '../repair-words.js';
import {stopReason} from '../safe-to-stop-words.js';
import {type CommandContext, isOn, jsonLine, refuseReadOnly, type RunCommand, valueOf} from './context.js';
import {exitCodes} from './failures.js';
import {findNode} from './find-node.js';
import {limitFlags} from './node-limits.js';
import {refuseFlags, wordAfter} from './people-words.js';

/** What whoever a node is of does before it is away or leaves. */

export const careFlags = ['leave', 'for', 'end'];

/** The flags of `pjas-tui nodes` that an action does not take. */
const othersThan = (own: readonly string[]): string[] =>
	[...careFlags, ...limitFlags].filter(name => !own.includes(name));

const LONGEST_MAINTENANCE_MS = 14 * 24 * 3_600_000;
const DEFAULT_MAINTENANCE_MS = 3_600_000;

const tell = async (context: CommandContext, node: NodeView, text: string): Promise<number> => {
	await context.stdout.write(isOn(context, 'json') ? jsonLine(node) : `${escapeControls(`${node.name} ${text}`)}\n`);
	return exitCodes.done;
};

const many = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

const drainText = ({drain}: NodeView): string => {
	if (!drain) return 'is not drained';
	if (drain.awaited_until !== undefined) {
		const until = `${formatTime(drain.awaited_until)} UTC`;
		return `is drained: nothing is to be moved any more. It has still to remove shards, and is forgotten then, at the latest ${until}`;
	}

	const left = `${many(drain.shards_left, 'shard')} (${formatSize(drain.bytes_left)}) to be moved`;
	const why = drain.reason === null ? '' : `. Some can't be moved now: ${repairReasons[drain.reason]}`;
	return `is drained: ${left}${drain.leaves ? ', then it is forgotten' : ''}${why}`;
};

const drainWith = (action: 'drain' | 'leave') => async (context: CommandContext) => {
	const word = wordAfter(context, `nodes ${action} NODE`);
	refuseFlags(context, othersThan(action === 'drain' ? ['leave'] : []), `nodes ${action}`);
	refuseReadOnly(context, `nodes ${action}`);
	const leave = action === 'leave' || isOn(context, 'leave');
	const node = await context.api.drainNode((await findNode(context, word)).node_id, {leave});
	return tell(context, node, drainText(node));
};

const cancelDrain: RunCommand = async context => {
	const word = wordAfter(context, 'nodes cancel-drain NODE');
	refuseFlags(context, othersThan([]), 'nodes cancel-drain');
	refuseReadOnly(context, 'nodes cancel-drain');
	const node = await context.api.cancelDrain((await findNode(context, word)).node_id);
	return tell(context, node, 'is not drained: what it has stays');
};

/** What `--for` says, in seconds. */
const durationOf = (context: CommandContext): number => {
	const text = valueOf(context, 'for');
	const ms = text === undefined ? DEFAULT_MAINTENANCE_MS : parseDuration(text);
	if (ms !== undefined && ms >= 60_000 && ms <= LONGEST_MAINTENANCE_MS) return Math.round(ms / 1000);
	throw new PjasError('INVALID_CONFIGURATION', `--for is ${quoted(text)}. Allowed: from 1m to 14d, such as 2h`);
};

const maintenance: RunCommand = async context => {
	const word = wordAfter(context, 'nodes maintenance NODE');
	refuseFlags(context, othersThan(isOn(context, 'end') ? ['end'] : ['for', 'end']), 'nodes maintenance');
	const seconds = durationOf(context);
	refuseReadOnly(context, 'nodes maintenance');
	const {node_id: id} = await findNode(context, word);
	if (isOn(context, 'end')) return tell(context, await context.api.endMaintenance(id), 'is not in maintenance');
	const node = await context.api.maintainNode(id, {duration_s: seconds});
	const until = node.maintenance ? ` until ${formatTime(node.maintenance.until)} UTC` : '';
	return tell(context, node, `may be away${until}`);
};

const riskHead = ['FILE', 'CHUNK', 'COPIES ELSEWHERE', 'WANTED', 'NAME'];

const safeText = (name: string, answer: SafeToStop): string => {
	const {safe, at_risk: atRisk, min_copies: least, chunks} = answer;
	if (safe) return `${escapeControls(name)} can stop. ${stopReason(answer)}\n`;
	const have = atRisk === 1 ? 'chunk would have' : 'chunks would have';
	const rows = chunks.map(({file_id: file, index, copies, wanted, filename}) => [
		file,
		String(index),
		String(copies),
		String(wanted),
		filename,
	]);
	const more = atRisk > chunks.length ? `and ${atRisk - chunks.length} more\n` : '';
	const head = `${escapeControls(name)} can't stop safely: ${atRisk} ${have} fewer than ${many(least, 'copy').replace(/ys$/, 'ies')}`;
	return `${head}\n\n${formatTable(riskHead, rows)}\n${more}`;
};

/** Ends with 0 where a node can stop, with 1 where it can't. */
const safeToStop: RunCommand = async context => {
	const word = wordAfter(context, 'nodes safe-to-stop NODE');
	refuseFlags(context, othersThan([]), 'nodes safe-to-stop');
	const {node_id: id, name} = await findNode(context, word);
	const answer = await context.api.safeToStop(id);
	await context.stdout.write(isOn(context, 'json') ? jsonLine(answer) : safeText(name, answer));
	return answer.safe ? exitCodes.done : exitCodes.failed;
};

export const nodeCareActions = {
	drain: drainWith('drain'),
	leave: drainWith('leave'),
	'cancel-drain': cancelDrain,
	maintenance,
	'safe-to-stop': safeToStop,
} as const satisfies Record<string, RunCommand>;
