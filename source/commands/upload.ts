import path from 'node:path';
import type {Api, Uploaded} from '../client/contract.js';
import {UnreachableError} from '../client/errors.js';
import {uploadNotesFolder} from '../client/credentials.js';
import {sealedUpload} from '../client/sealed-upload.js';
import type {Vault} from '../client/vault.js';
import {quoted} from '../command-line.js';
import {escapeControls} from '../protocol/escape.js';
import {PjasError} from '../protocol/errors.js';
import {expandPaths} from '../transfers/expand-paths.js';
import {uploadFile} from '../transfers/upload-file.js';
import {createUploadNotes, type UploadNotes} from '../transfers/upload-notes.js';
import {type CommandContext, isOn, jsonLine, type RunCommand, valueOf} from './context.js';
import {CommandError, exitCodeOf, exitCodes, failureText} from './failures.js';
import {createVaults} from './passphrase.js';
import {createProgress, type Progress} from './progress.js';
import {storedAlready, type StoredAlready} from './stored-already.js';

/** A file to store: `path` is `undefined` for standard input. */
type Source = {
	path: string | undefined;
	name: string;
	sizeBytes?: number;
	/** The folder out of which it comes. */ folder?: string;
	problem?: Error;
};

/** What the words stand for, in their order. */
const sourcesOf = async (context: CommandContext): Promise<Source[]> => {
	const {words, folder, signal} = context;
	const name = valueOf(context, 'name');
	const sources: Source[] = [];
	for (const word of words) {
		if (word === '-') {
			sources.push({path: undefined, name: name ?? ''});
			continue;
		}

		const at = path.resolve(folder, word);
		for await (const found of expandPaths([at], {signal})) {
			if (name !== undefined && found.path !== at) {
				throw new PjasError('INVALID_CONFIGURATION', `--name is for one file; ${quoted(word)} is a folder`);
			}

			const folderName = found.path === at ? {} : {folder: path.basename(at)};
			sources.push({...found, ...folderName, name: name ?? found.name});
		}
	}

	return sources;
};

const checkName = ({words, ...context}: CommandContext) => {
	const name = valueOf(context, 'name');
	if (words.length > 1 && name !== undefined) {
		throw new PjasError('INVALID_CONFIGURATION', '--name is for one file; upload the others with another command');
	}

	if (words.includes('-') && name === undefined) {
		throw new PjasError(
			'INVALID_CONFIGURATION',
			'Say what standard input is to be called: pjas-tui upload - --name NAME',
		);
	}
};

/** The calls that store files, as they are or sealed end to end, and the keyring in the second case. */
const uploadsOf = async (context: CommandContext): Promise<{api: Pick<Api, 'upload'>; vault: Vault | undefined}> => {
	const {api, randomBytes} = context;
	if (!isOn(context, 'e2e')) return {api, vault: undefined};
	const vault = await createVaults(context).needed();
	return {api: {upload: sealedUpload({api, vault, random: randomBytes})}, vault};
};

const notesFor = (context: CommandContext): UploadNotes => {
	const {api, environment, home, clock} = context;
	const kind = isOn(context, 'e2e') ? 'sealed' : 'plain';
	return createUploadNotes(uploadNotesFolder({environment, home}), {url: api.url, kind, now: clock.now});
};

/** Of what folders stand for, only what the network doesn't have as it is. Says how many files are left out. */
const changedOf = async (sources: readonly Source[], context: CommandContext, vault: Vault | undefined) => {
	if (isOn(context, 'all')) return {changed: sources, same: 0};
	const known = new Map<string, Promise<StoredAlready>>();
	const changed: Source[] = [];
	for (const source of sources) {
		const {path: at, name, sizeBytes, folder, problem} = source;
		if (folder === undefined || at === undefined || sizeBytes === undefined || problem) {
			changed.push(source);
			continue;
		}

		let stored = known.get(folder);
		if (!stored) known.set(folder, (stored = storedAlready(folder, {...context, vault})));
		if (!(await (await stored).has({path: at, name, sizeBytes}))) changed.push(source);
	}

	return {changed, same: sources.length - changed.length};
};

type StoreOptions = {context: CommandContext; api: Pick<Api, 'upload'>; notes: UploadNotes; progress: Progress};

const store = async (source: Source, {context, api, notes, progress}: StoreOptions): Promise<Uploaded> => {
	const {stdin, signal} = context;
	if (source.problem) throw source.problem;
	if (source.path !== undefined) {
		const onProgress = (doneBytes: number, sizeBytes: number) => progress.update(doneBytes, sizeBytes);
		return uploadFile({api, path: source.path, name: source.name, notes, signal, onProgress});
	}

	const onSent = (sentBytes: number) => progress.update(sentBytes, undefined);
	return api.upload({name: source.name, body: stdin, onSent, signal});
};

const resultText = (uploaded: Uploaded, asJson: boolean): string => {
	if (asJson) return jsonLine(uploaded);
	const {file_id: id, filename, chunks, redundancy} = uploaded;
	const isShort = chunks > 0 && redundancy.lowest < redundancy.wanted;
	const note = isShort ? `  (${redundancy.lowest} of ${redundancy.wanted} copies so far)` : '';
	return `${id}  ${escapeControls(filename)}${note}\n`;
};

/** Stores one file after the other. One that fails does not keep the others from it, unless nobody is there any more. */
export const upload: RunCommand = async context => {
	checkName(context);
	const sources = await sourcesOf(context);
	if (sources.length === 0) throw new CommandError('NOTHING_TO_UPLOAD', 'There are no files in that folder');
	const asJson = isOn(context, 'json');
	const {api, vault} = await uploadsOf(context);
	const {changed, same} = await changedOf(sources, context, vault);
	if (same > 0 && !asJson && !isOn(context, 'quiet')) {
		await context.stderr.write(`${same} ${same === 1 ? 'file is' : 'files are'} stored already as they are here\n`);
	}

	const notes = notesFor(context);
	const progress = createProgress(context);
	let exitCode: number = exitCodes.done;
	for (const [index, source] of changed.entries()) {
		progress.start({name: source.name, position: index + 1, count: changed.length, unit: 'bytes'});
		try {
			const uploaded = await store(source, {context, api, notes, progress});
			progress.clear();
			await context.stdout.write(resultText(uploaded, asJson));
		} catch (error) {
			progress.clear();
			if (error instanceof UnreachableError && source.path !== undefined) {
				throw new UnreachableError(`${error.message}. The same command goes on where this one stopped`, {cause: error});
			}

			if (context.signal.aborted || error instanceof UnreachableError || sources.length === 1) throw error;
			await context.stderr.write(failureText(error, asJson));
			exitCode ||= exitCodeOf(error);
		}
	}

	return exitCode;
};
