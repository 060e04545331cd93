import type {NodeView} from '../client/contract.js';
import {quoted} from '../command-line.js';
import {formatTable} from '../format.js';
import {wishesOf, wishText} from '../limit-wishes.js';
import {escapeControls} from '../protocol/escape.js';
import {PjasError} from '../protocol/errors.js';
import {limitRules, limitText, limitTitle, type RemoteLimitName, remoteLimitNames} from '../protocol/member-limits.js';
import {type CommandContext, isOn, jsonLine, refuseReadOnly, type RunCommand, valueOf} from './context.js';
import {exitCodes} from './failures.js';
import {findNode} from './find-node.js';
import {refuseFlags, wordAfter} from './people-words.js';

const TAKE_BACK = 'take-back';
export const limitFlags = [...remoteLimitNames.map(limitTitle), TAKE_BACK];

const head = ['LIMIT', 'NOW', 'ASKED FOR', ''];

const tableOf = (node: NodeView): string => {
	const {line, name, status} = node;
	const wishes = wishesOf(node);
	if (!line?.limits) return `${escapeControls(name)} does not tell its limits: it is of an older version\n`;
	const {limits} = line;
	const rows = remoteLimitNames.map(limit => {
		const asked = wishes.find(wish => wish.name === limit && wish.state !== 'applied');
		const what = asked ? [limitText(limit, asked.wish.value), wishText(asked.state, status === 'online')] : ['', ''];
		return [limitTitle(limit), limitText(limit, limits[limit]), ...what];
	});
	return `${formatTable(head, rows)}\n`;
};

/** The limits that flags name. One that can't be is refused before anybody is asked. */
const limitsIn = (context: CommandContext): Partial<Record<RemoteLimitName, string>> =>
	Object.fromEntries(
		remoteLimitNames.flatMap(name => {
			const text = valueOf(context, limitTitle(name));
			if (text === undefined) return [];
			const {parse, allowed} = limitRules[name];
			if (parse(text) !== undefined) return [[name, text]];
			throw new PjasError('INVALID_CONFIGURATION', `--${limitTitle(name)} is ${quoted(text)}. Allowed: ${allowed}`);
		}),
	);

/** Tells a node's limits, after asking for others where flags name some. */
export const limits: RunCommand = async context => {
	const word = wordAfter(context, 'nodes limits NODE');
	const wanted = limitsIn(context);
	const hasWishes = Object.keys(wanted).length > 0;
	const isTakenBack = isOn(context, TAKE_BACK);
	refuseFlags(
		context,
		['leave', 'for', 'end', ...(isTakenBack ? remoteLimitNames.map(limitTitle) : [])],
		'nodes limits',
	);
	if (hasWishes || isTakenBack) refuseReadOnly(context, 'nodes limits');
	const found = await findNode(context, word);
	const changed = isTakenBack
		? await context.api.endNodeWishes(found.node_id)
		: hasWishes && (await context.api.setNodeLimits(found.node_id, wanted));
	const node = changed || found;
	await context.stdout.write(isOn(context, 'json') ? jsonLine(node) : tableOf(node));
	return exitCodes.done;
};
