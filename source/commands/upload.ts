import path from 'node:path';
import type {Api, Uploaded} from '../client/contract.js';
import {UnreachableError} from '../client/errors.js';
import {sealedUpload} from '../client/sealed-upload.js';
import {quoted} from '../command-line.js';
import {escapeControls} from '../protocol/escape.js';
import {PjasError} from '../protocol/errors.js';
import {expandPaths} from '../transfers/expand-paths.js';
import {uploadFile} from '../transfers/upload-file.js';
import {type CommandContext, isOn, jsonLine, type RunCommand, valueOf} from './context.js';
import {CommandError, exitCodeOf, exitCodes, failureText} from './failures.js';
import {createVaults} from './passphrase.js';
import {createProgress, type Progress} from './progress.js';

/** A file to store: `path` is `undefined` for standard input. */
type Source = {path: string | undefined; name: string; problem?: Error};

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

			sources.push({...found, name: name ?? found.name});
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

/** The calls that store files, as they are or sealed end to end. */
const uploadsOf = async (context: CommandContext): Promise<Pick<Api, 'upload'>> => {
	const {api, randomBytes} = context;
	if (!isOn(context, 'e2e')) return api;
	return {upload: sealedUpload({api, vault: await createVaults(context).needed(), random: randomBytes})};
};

type StoreOptions = {context: CommandContext; api: Pick<Api, 'upload'>; progress: Progress};

const store = async (source: Source, {context, api, progress}: StoreOptions): Promise<Uploaded> => {
	const {stdin, signal} = context;
	if (source.problem) throw source.problem;
	if (source.path !== undefined) {
		const onProgress = (doneBytes: number, sizeBytes: number) => progress.update(doneBytes, sizeBytes);
		return uploadFile({api, path: source.path, name: source.name, signal, onProgress});
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
	const api = await uploadsOf(context);
	const progress = createProgress(context);
	let exitCode: number = exitCodes.done;
	for (const [index, source] of sources.entries()) {
		progress.start({name: source.name, position: index + 1, count: sources.length, unit: 'bytes'});
		try {
			const uploaded = await store(source, {context, api, progress});
			progress.clear();
			await context.stdout.write(resultText(uploaded, asJson));
		} catch (error) {
			progress.clear();
			if (context.signal.aborted || error instanceof UnreachableError || sources.length === 1) throw error;
			await context.stderr.write(failureText(error, asJson));
			exitCode ||= exitCodeOf(error);
		}
	}

	return exitCode;
};
