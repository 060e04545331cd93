import type {NodeView} from '../client/contract.js';
import {escapeControls} from '../protocol/escape.js';
import type {nodeActions} from './commands.js';
import {type CommandContext, isOn, jsonLine, refuseReadOnly, type RunCommand} from './context.js';
import {CommandError, exitCodes} from './failures.js';
import {wordAfter} from './people-words.js';
import {showNodes} from './show.js';

/** A node is named by its id, or by its name where only one has it. */
const findNode = async ({api}: CommandContext, word: string): Promise<NodeView> => {
	const nodes = await api.nodes();
	const found = nodes.filter(({node_id: id, name}) => id === word || name === word);
	const [only, other] = found;
	if (!only) throw new CommandError('NODE_NOT_FOUND', `There is no node ${word}`, {exitCode: exitCodes.notFound});
	if (!other) return only;
	throw new CommandError(
		'AMBIGUOUS',
		`${found.length} nodes are called ${word}. Name one by its id, which nodes --json has`,
	);
};

const change = (action: 'ban' | 'unban', done: string) => async (context: CommandContext) => {
	const word = wordAfter(context, `nodes ${action} NODE`);
	refuseReadOnly(context, `nodes ${action}`);
	const node = await context.api[action === 'ban' ? 'banNode' : 'unbanNode']((await findNode(context, word)).node_id);
	const text = `${escapeControls(`${node.name} ${done}`)}\n`;
	await context.stdout.write(isOn(context, 'json') ? jsonLine(node) : text);
	return exitCodes.done;
};

const actions: Record<(typeof nodeActions)[number], RunCommand> = {
	list: showNodes,
	ban: change('ban', 'is kept out: it is asked for nothing, and its copies do not count'),
	unban: change('unban', 'may come back'),
};

export const nodes: RunCommand = async context =>
	actions[(context.words[0] ?? 'list') as keyof typeof actions](context);
