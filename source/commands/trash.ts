import {UnreachableError} from '../client/errors.js';
import {quoted} from '../command-line.js';
import {formatSize, formatTable, formatTime} from '../format.js';
import {escapeControls} from '../protocol/escape.js';
import {PjasError} from '../protocol/errors.js';
import type {trashActions} from './commands.js';
import {confirmed} from './confirmed.js';
import {type CommandContext, isOn, jsonLine, refuseReadOnly, type RunCommand} from './context.js';
import {exitCodeOf, exitCodes, failureText} from './failures.js';
import {findTrashed, type OpenedTrash, trashPages} from './find-trashed.js';
import {createVaults} from './passphrase.js';
import {refuseFlags} from './people-words.js';
import {shownName} from './show.js';

const trashHead = ['FILE', '     SIZE', 'DELETED (UTC)', 'BY', 'UNTIL (UTC)', 'NAME'];
const trashRow = (file: OpenedTrash): string[] => [
	file.file_id,
	formatSize(file.size).padStart(9),
	formatTime(file.deleted_at),
	file.deleted_by,
	formatTime(file.purge_at),
	shownName(file),
];

const list: RunCommand = async context => {
	refuseFlags(context, ['yes'], 'trash list');
	const {api, stdout, signal, words} = context;
	if (words[1] !== undefined) {
		throw new PjasError('INVALID_CONFIGURATION', `${quoted(words[1])} is one word too many: pjas-tui trash list`);
	}

	const asJson = isOn(context, 'json');
	let count = 0;
	for await (const files of trashPages(api, await createVaults(context).given())) {
		signal.throwIfAborted();
		if (files.length === 0) continue;
		if (asJson) {
			await stdout.write(
				files.map((file, at) => `${count + at === 0 ? '[' : ','}\n${jsonLine(file).trimEnd()}`).join(''),
			);
		} else {
			const [head = '', ...rows] = formatTable(trashHead, files.map(trashRow)).split('\n');
			await stdout.write(`${[...(count === 0 ? [head] : []), ...rows].join('\n')}\n`);
		}

		count += files.length;
	}

	if (asJson) await stdout.write(count === 0 ? '[]\n' : '\n]\n');
	else if (count === 0) await stdout.write('The trash is empty\n');
	return exitCodes.done;
};

/** Does something with each file that is named, and says so; one that fails does not keep the others from it. */
const withEach = async (
	context: CommandContext,
	files: readonly OpenedTrash[],
	{done, work}: {done: 'restored' | 'purged'; work: (id: string) => Promise<unknown>},
) => {
	const asJson = isOn(context, 'json');
	const verb = done === 'restored' ? 'Brought back' : 'Deleted for good';
	let exitCode: number = exitCodes.done;
	for (const {file_id: id, filename} of files) {
		context.signal.throwIfAborted();
		try {
			await work(id);
			const text = `${verb} ${id}  ${escapeControls(filename)}\n`;
			await context.stdout.write(asJson ? jsonLine({file_id: id, filename, [done]: true}) : text);
		} catch (error) {
			if (error instanceof UnreachableError || files.length === 1) throw error;
			await context.stderr.write(failureText(error, asJson));
			exitCode ||= exitCodeOf(error);
		}
	}

	return exitCode;
};

const filesNamed = async (context: CommandContext, action: string) => {
	const [, ...words] = context.words;
	if (words.length === 0) {
		throw new PjasError('INVALID_CONFIGURATION', `Say which ones: pjas-tui trash ${action} FILE…`);
	}

	refuseReadOnly(context, `trash ${action}`);
	return findTrashed(context, words, createVaults(context));
};

const restore: RunCommand = async context => {
	refuseFlags(context, ['yes'], 'trash restore');
	const files = await filesNamed(context, 'restore');
	return withEach(context, files, {done: 'restored', work: async id => context.api.restoreFile(id)});
};

const purge: RunCommand = async context => {
	const files = await filesNamed(context, 'purge');
	await confirmed(context, files, which => `Delete ${which} for good?`);
	return withEach(context, files, {done: 'purged', work: async id => context.api.purgeFile(id)});
};

const empty: RunCommand = async context => {
	const [, extra] = context.words;
	if (extra !== undefined) {
		throw new PjasError('INVALID_CONFIGURATION', `${quoted(extra)} is one word too many: pjas-tui trash empty`);
	}

	refuseReadOnly(context, 'trash empty');
	await confirmed(context, [], () => 'Delete all your files in the trash for good?');
	const {files, bytes} = await context.api.emptyTrash(context.signal);
	const text =
		files === 0
			? 'There was nothing of yours in the trash\n'
			: `Deleted ${files} ${files === 1 ? 'file' : 'files'} for good, ${formatSize(bytes)}\n`;
	await context.stdout.write(isOn(context, 'json') ? jsonLine({files, bytes}) : text);
	return exitCodes.done;
};

const actions: Record<(typeof trashActions)[number], RunCommand> = {list, restore, purge, empty};

export const trash: RunCommand = async context => {
	return actions[(context.words[0] ?? 'list') as keyof typeof actions](context);
};
