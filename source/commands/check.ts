import type {Api, CheckLine, FileView} from '../client/contract.js';
import {AnswerError, UnreachableError} from '../client/errors.js';
import {formatTable} from '../format.js';
import {escapeControls} from '../protocol/escape.js';
import {type CommandContext, isOn, jsonLine, type RunCommand} from './context.js';
import {exitCodes} from './failures.js';
import {findOpened} from './find-opened.js';
import {createVaults} from './passphrase.js';
import {createProgress} from './progress.js';

type ChunkLine = Extract<CheckLine, {event: 'chunk'}>;
type DoneLine = Extract<CheckLine, {event: 'done'}>;
type BadShard = {index: number; node: string; result: string};

/** A file of many chunks on a node that is away has as many bad shards: nobody reads them all. */
const MOST_BAD_SHARDS = 1000;

const badShardsOf = ({index, shards}: ChunkLine): BadShard[] =>
	shards.flatMap(({node_id: node, result}) => (result === 'ok' ? [] : [{index, node, result}]));

const nodeNames = async (api: Api): Promise<Map<string, string>> =>
	new Map((await api.nodes()).map(({node_id: id, name}) => [id, name]));

const badTable = async (bad: readonly BadShard[], api: Api): Promise<string> => {
	const names = await nodeNames(api);
	const rows = bad.map(({index, node, result}) => [String(index), result, names.get(node) ?? node]);
	return `${formatTable(['CHUNK', 'SHARD', 'NODE'], rows)}\n`;
};

const sumsText = (file: FileView, {success, ok, missing, corrupt, unreachable}: DoneLine): string => {
	const name = escapeControls(file.filename);
	const total = ok + missing + corrupt + unreachable;
	if (ok === total && success) return `${name}: all ${total} shards are right\n`;
	const sums = `${ok} of ${total} shards are right, ${missing} missing, ${corrupt} corrupt, ${unreachable} unreachable`;
	return `${name}: ${sums}. ${success ? 'The file can be read' : 'Some of its chunks cannot be read now'}\n`;
};

/** Carries the check out, and gives its end and what is bad. */
const checked = async (file: FileView, context: CommandContext): Promise<{done: DoneLine; bad: BadShard[]}> => {
	const progress = createProgress(context);
	progress.start({name: file.filename, position: 1, count: 1, unit: 'chunks'});
	const bad: BadShard[] = [];
	let checkedChunks = 0;
	try {
		for await (const line of context.api.check(file.file_id, context.signal)) {
			if (line.event === 'error') throw new AnswerError(line.error, {code: line.code});
			if (line.event === 'chunk') progress.update(++checkedChunks, line.chunks_count);
			if (line.event === 'chunk' && bad.length < MOST_BAD_SHARDS) bad.push(...badShardsOf(line));
			if (isOn(context, 'json')) await context.stdout.write(jsonLine(line));
			if (line.event === 'done') return {done: line, bad};
		}
	} finally {
		progress.clear();
	}

	throw new UnreachableError(`${context.api.url} ended the check before it was done. Try again`);
};

export const check: RunCommand = async context => {
	const file = await findOpened(context, context.words[0] ?? '', createVaults(context));
	const {done, bad} = await checked(file, context);
	if (!isOn(context, 'json')) {
		if (bad.length > 0) await context.stdout.write(await badTable(bad, context.api));
		await context.stdout.write(sumsText(file, done));
	}

	const isWell = done.success && done.missing + done.corrupt + done.unreachable === 0;
	return isWell ? exitCodes.done : exitCodes.failed;
};
