import type {FileView} from '../client/contract.js';
import {formatSize} from '../format.js';
import {escapeControls} from '../protocol/escape.js';
import {PjasError} from '../protocol/errors.js';
import {type CommandContext, isOn} from './context.js';
import {CommandError} from './failures.js';

const lineOf = (file: FileView) =>
	`${file.file_id}  ${formatSize(file.size).padStart(9)}  ${escapeControls(file.filename)}\n`;

/** Throws where there is nobody to ask and nothing said `--yes`. To be called before there is work for the answer. */
export const assertAskable = (context: CommandContext): void => {
	if (isOn(context, 'yes') || context.ask) return;
	throw new PjasError(
		'INVALID_CONFIGURATION',
		'There is no terminal to ask on. Say --yes to delete without a question',
	);
};

/**
Shows files and asks about them, unless `--yes` was said.

@param question - Made of what they are called: `this file`, `these 3 files`.
@throws {CommandError} `NOT_CONFIRMED` where the answer is not yes.
*/
export const confirmed = async (
	context: CommandContext,
	files: readonly FileView[],
	question: (which: string) => string,
): Promise<void> => {
	assertAskable(context);
	const {ask} = context;
	if (isOn(context, 'yes') || !ask) return;
	const which = files.length === 1 ? 'this file' : `these ${files.length} files`;
	const answer = await ask(`${files.map(lineOf).join('')}${question(which)} [y/N] `);
	if (!/^y(es)?$/i.test(answer.trim())) throw new CommandError('NOT_CONFIRMED', 'Nothing was deleted');
};
