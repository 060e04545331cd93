import type {NodeView} from '../client/contract.js';
import type {CommandContext} from './context.js';
import {CommandError, exitCodes} from './failures.js';

/** A node is named by its id, or by its name where only one has it. */
export const findNode = async ({api}: Pick<CommandContext, 'api'>, word: string): Promise<NodeView> => {
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
