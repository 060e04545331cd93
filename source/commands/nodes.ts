import {auditWords} from '../audit-words.js';
import {escapeControls} from '../protocol/escape.js';
import type {nodeActions} from './commands.js';
import {type CommandContext, isOn, jsonLine, refuseReadOnly, type RunCommand} from './context.js';
import {exitCodes} from './failures.js';
import {findNode} from './find-node.js';
import {careFlags, nodeCareActions} from './node-care.js';
import {limitFlags, limits} from './node-limits.js';
import {refuseFlags, wordAfter} from './people-words.js';
import {showNodes} from './show.js';

const change = (action: 'ban' | 'unban', done: string) => async (context: CommandContext) => {
	const word = wordAfter(context, `nodes ${action} NODE`);
	refuseFlags(context, [...careFlags, ...limitFlags], `nodes ${action}`);
	refuseReadOnly(context, `nodes ${action}`);
	const node = await context.api[action === 'ban' ? 'banNode' : 'unbanNode']((await findNode(context, word)).node_id);
	const text = `${escapeControls(`${node.name} ${done}`)}\n`;
	await context.stdout.write(isOn(context, 'json') ? jsonLine(node) : text);
	return exitCodes.done;
};

const audit: RunCommand = async context => {
	const word = wordAfter(context, 'nodes audit NODE');
	refuseFlags(context, [...careFlags, ...limitFlags], 'nodes audit');
	refuseReadOnly(context, 'nodes audit');
	const done = await context.api.auditNode((await findNode(context, word)).node_id);
	const text = `${escapeControls(`${done.node.name} ${auditWords[done.outcome]}`)}\n`;
	await context.stdout.write(isOn(context, 'json') ? jsonLine(done) : text);
	return done.outcome === 'passed' || done.outcome === 'nothing-held' ? exitCodes.done : exitCodes.failed;
};

const actions: Record<(typeof nodeActions)[number], RunCommand> = {
	list: async context => {
		refuseFlags(context, [...careFlags, ...limitFlags], 'nodes list');
		return showNodes(context);
	},
	...nodeCareActions,
	limits,
	audit,
	ban: change('ban', 'is kept out: it is asked for nothing, and its copies do not count'),
	unban: change('unban', 'may come back'),
};

export const nodes: RunCommand = async context =>
	actions[(context.words[0] ?? 'list') as keyof typeof actions](context);
