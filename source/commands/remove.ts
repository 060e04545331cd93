import type {FileView} from '../client/contract.js';
import {UnreachableError} from '../client/errors.js';
import {formatTime} from '../format.js';
import {escapeControls} from '../protocol/escape.js';
import {assertAskable, confirmed} from './confirmed.js';
import {type CommandContext, isOn, jsonLine, type RunCommand} from './context.js';
import {exitCodeOf, exitCodes, failureText} from './failures.js';
import {findOpened} from './find-opened.js';
import {createVaults} from './passphrase.js';

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

/** Deletes a file, and says what to print of it. */
const removeOne = async (context: CommandContext, {file_id: id, filename}: FileView): Promise<string> => {
	const purgeAt = await context.api.removeFile(id, {isForever: isOn(context, 'forever')});
	const isKept = purgeAt !== undefined;
	if (isOn(context, 'json'))
		return jsonLine({file_id: id, filename, deleted: true, ...(isKept && {purge_at: purgeAt})});
	const until = isKept ? `; pjas-tui trash restore brings it back, until ${formatTime(purgeAt)} UTC` : '';
	return `Deleted ${id}  ${escapeControls(filename)}${until}\n`;
};

export const remove: RunCommand = async context => {
	assertAskable(context);
	const files = await filesMeant(context);
	const forGood = isOn(context, 'forever') ? ' for good' : '';
	await confirmed(context, files, which => `Delete ${which}${forGood}?`);
	let exitCode: number = exitCodes.done;
	for (const file of files) {
		context.signal.throwIfAborted();
		try {
			await context.stdout.write(await removeOne(context, file));
		} catch (error) {
			if (error instanceof UnreachableError || files.length === 1) throw error;
			await context.stderr.write(failureText(error, isOn(context, 'json')));
			exitCode ||= exitCodeOf(error);
		}
	}

	return exitCode;
};
