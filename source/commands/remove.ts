import type {FileView} from '../client/contract.js';
import {UnreachableError} from '../client/errors.js';
import {formatSize} from '../format.js';
import {escapeControls} from '../protocol/escape.js';
import {PjasError} from '../protocol/errors.js';
import {type CommandContext, isOn, jsonLine, type RunCommand} from './context.js';
import {CommandError, exitCodeOf, exitCodes, failureText} from './failures.js';
import {findOpened} from './find-opened.js';
import {createVaults} from './passphrase.js';

const lineOf = (file: FileView) =>
	`${file.file_id}  ${formatSize(file.size).padStart(9)}  ${escapeControls(file.filename)}`;

/** Every file that is meant, each once. Nothing is deleted before all of them are known. */
const filesMeant = async (context: CommandContext): Promise<FileView[]> => {
	const files = new Map<string, FileView>();
	const vaults = createVaults(context);
	for (const word of context.words) {
		const file = await findOpened(context, word, vaults);
		files.set(file.file_id, file);
	}

	return [...files.values()];
};

const confirm = async (files: readonly FileView[], ask: (question: string) => Promise<string>) => {
	const which = files.length === 1 ? 'this file' : `these ${files.length} files`;
	const answer = await ask(`${files.map(file => `${lineOf(file)}\n`).join('')}Delete ${which} for good? [y/N] `);
	if (!/^y(es)?$/i.test(answer.trim())) throw new CommandError('NOT_CONFIRMED', 'Nothing was deleted');
};

export const remove: RunCommand = async context => {
	const {ask, api} = context;
	const asJson = isOn(context, 'json');
	if (!isOn(context, 'yes') && !ask) {
		throw new PjasError(
			'INVALID_CONFIGURATION',
			'There is no terminal to ask on. Say --yes to delete without a question',
		);
	}

	const files = await filesMeant(context);
	if (!isOn(context, 'yes') && ask) await confirm(files, ask);
	let exitCode: number = exitCodes.done;
	for (const file of files) {
		context.signal.throwIfAborted();
		try {
			await api.removeFile(file.file_id);
			const result = {file_id: file.file_id, filename: file.filename, deleted: true};
			await context.stdout.write(
				asJson ? jsonLine(result) : `Deleted ${file.file_id}  ${escapeControls(file.filename)}\n`,
			);
		} catch (error) {
			if (error instanceof UnreachableError || files.length === 1) throw error;
			await context.stderr.write(failureText(error, asJson));
			exitCode ||= exitCodeOf(error);
		}
	}

	return exitCode;
};
