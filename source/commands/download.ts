import {stat} from 'node:fs/promises';
import path from 'node:path';
import {UnreachableError} from '../client/errors.js';
import {openFiles} from '../client/opened-files.js';
import {sealedDownload} from '../client/sealed-download.js';
import {quoted} from '../command-line.js';
import {PjasError} from '../protocol/errors.js';
import {escapeControls} from '../protocol/escape.js';
import {downloadFile} from '../transfers/download-file.js';
import {safeFileName} from '../transfers/safe-name.js';
import {type CommandContext, isOn, jsonLine, type RunCommand, valueOf} from './context.js';
import {CommandError, exitCodes} from './failures.js';
import {findOpened, keyOf} from './find-opened.js';
import {createVaults} from './passphrase.js';
import {createProgress, type Progress} from './progress.js';
import {type DownloadSource, linkOf, sharedSource} from './shared.js';

/** A file of the network's, which is opened where it is sealed. */
const storedSource = async (context: CommandContext): Promise<DownloadSource> => {
	const {api, words} = context;
	const vaults = createVaults(context);
	const found = await findOpened(context, words[0] ?? '', vaults);
	const key = await keyOf(found, vaults);
	const {file_id: id} = found;
	if (!key) return {file: {id, filename: found.filename, size: found.size}, api};
	// Looked up by a name that only the keyring knows, it is open already.
	const [file = found] = found.seal === undefined ? await openFiles([found], await vaults.existing()) : [found];
	const download = sealedDownload({api, e2e: found.e2e, key});
	return {file: {id, filename: file.filename, size: file.size}, api: {download}};
};

const sourceOf = async (context: CommandContext): Promise<DownloadSource> => {
	const link = linkOf(context.words[0] ?? '');
	return link ? sharedSource(link, context) : storedSource(context);
};

const toOutput = async ({file, api}: DownloadSource, {signal, stdout}: CommandContext, progress: Progress) => {
	const incoming = await api.download(file.id, {signal});
	let doneBytes = 0;
	for await (const piece of incoming.body) {
		await stdout.write(piece);
		doneBytes += piece.length;
		progress.update(doneBytes, incoming.sizeBytes);
	}
};

/** Where the file goes: the path that was said, or its own name in the folder that was said or is the working one. */
const targetOf = async (file: DownloadSource['file'], output: string | undefined, folder: string): Promise<string> => {
	const name = safeFileName(file.filename);
	if (output === undefined) return path.resolve(folder, name);
	const at = path.resolve(folder, output);
	const found = await stat(at).catch(() => undefined);
	return found?.isDirectory() === true || /[/\\]$/.test(output) ? path.join(at, name) : at;
};

const refuseExisting = async (target: string) => {
	const found = await stat(target).catch(() => undefined);
	if (!found) return;
	const advice = found.isDirectory()
		? 'is a folder. Say another path with -o'
		: 'is there already. Overwrite it with --force, or say another path with -o';
	throw new CommandError('TARGET_EXISTS', `${quoted(target)} ${advice}`);
};

const toFile = async ({file, api}: DownloadSource, target: string, context: CommandContext, progress: Progress) => {
	const {signal} = context;
	const overwrite = isOn(context, 'force');
	if (!overwrite) await refuseExisting(target);
	try {
		return await downloadFile({
			api,
			file: {id: file.id, name: file.filename, sizeBytes: file.size},
			path: target,
			overwrite,
			signal,
			onProgress: (doneBytes, sizeBytes) => progress.update(doneBytes, sizeBytes),
		});
	} catch (error) {
		if (!(error instanceof UnreachableError)) throw error;
		throw new UnreachableError(`${error.message}. The same command goes on where this one stopped`, {cause: error});
	}
};

export const download: RunCommand = async context => {
	const output = valueOf(context, 'output');
	const asJson = isOn(context, 'json');
	if (output === '-' && asJson) {
		throw new PjasError('INVALID_CONFIGURATION', '--json and -o - both want standard output. Leave one of them out');
	}

	if (output === '-' && context.stdout.isTerminal) {
		throw new PjasError(
			'INVALID_CONFIGURATION',
			'Standard output is a terminal. Send the file elsewhere: pjas-tui download FILE -o - | PROGRAM',
		);
	}

	const source = await sourceOf(context);
	const {file} = source;
	const progress = createProgress(context);
	progress.start({name: file.filename, position: 1, count: 1, unit: 'bytes'});
	try {
		if (output === '-') {
			await toOutput(source, context, progress);
			return exitCodes.done;
		}

		const target = await targetOf(file, output, context.folder);
		const done = await toFile(source, target, context, progress);
		progress.clear();
		const result = {file_id: file.id, filename: file.filename, path: done.path, size: done.sizeBytes};
		await context.stdout.write(asJson ? jsonLine(result) : `${escapeControls(done.path)}\n`);
		return exitCodes.done;
	} finally {
		progress.clear();
	}
};
