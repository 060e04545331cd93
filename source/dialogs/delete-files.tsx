import {AnswerError, UnreachableError} from '../client/errors.js';
import type {Console, Notice, View} from '../console/view.js';
import {formatSize} from '../format.js';
import type {FileView} from '../protocol/api.js';
import {printable, truncate} from '../terminal/text.js';
import {createConfirm} from './confirm.js';

const AT_ONCE = 4;
const NAMES_SHOWN = 5;
const FAILURES_NAMED = 3;
const NAME_WIDTH = 50;

type Failure = {name: string; reason: string};
type Outcome = {deleted: number; failures: Failure[]; untried: number};

const nameOf = ({filename}: FileView, {theme}: Console) =>
	truncate(printable(filename), NAME_WIDTH, theme.glyphs.ellipsis);
const countOf = (count: number) => `${count} file${count === 1 ? '' : 's'}`;

/** Several at once. Where the coordinator can't be reached the rest is not tried: each would wait as long. */
const deleteAll = async (
	console: Console,
	files: readonly FileView[],
	onDeleted: (count: number) => void,
): Promise<Outcome> => {
	const waiting = [...files];
	const outcome: Outcome = {deleted: 0, failures: [], untried: 0};
	let isCutOff = false;

	const deleteOne = async (file: FileView) => {
		try {
			await console.api.removeFile(file.file_id);
			onDeleted(++outcome.deleted);
		} catch (error) {
			// Somebody else was faster: it is gone, as it was meant to be.
			if (error instanceof AnswerError && error.code === 'FILE_NOT_FOUND') {
				onDeleted(++outcome.deleted);
				return;
			}

			isCutOff ||= error instanceof UnreachableError;
			outcome.failures.push({
				name: nameOf(file, console),
				reason: error instanceof Error ? error.message : String(error),
			});
		}
	};

	const worker = async () => {
		for (let file = waiting.shift(); file && !isCutOff; file = waiting.shift()) await deleteOne(file);
	};

	await Promise.all(Array.from({length: AT_ONCE}, worker));
	return {...outcome, untried: files.length - outcome.deleted - outcome.failures.length};
};

const noticeOf = ({deleted, failures, untried}: Outcome, files: readonly FileView[], console: Console): Notice => {
	const [only] = files;
	if (failures.length === 0)
		return {tone: 'ok', text: `${files.length === 1 && only ? nameOf(only, console) : countOf(deleted)} deleted`};
	const named = failures.slice(0, FAILURES_NAMED).map(({name, reason}) => `${name}: ${reason}`);
	const more = failures.length > FAILURES_NAMED ? [`and ${failures.length - FAILURES_NAMED} more`] : [];
	const rest = untried > 0 ? [`${untried} not tried`] : [];
	return {
		tone: 'bad',
		text: `${deleted} of ${countOf(files.length)} deleted. ${[...named, ...more, ...rest].join('; ')}`,
	};
};

/**
Asks before files are deleted, and deletes them. More than one are deleted only once their number is typed.

@param onStart - Called when it was answered with yes.
*/
export const createDeleteDialog = (
	console: Console,
	files: readonly FileView[],
	onStart: () => void = () => {},
): View => {
	const sizeBytes = files.reduce((sum, {size}) => sum + size, 0);
	const isMany = files.length > 1;
	const names = files.slice(0, NAMES_SHOWN).map(file => `  ${nameOf(file, console)}, ${formatSize(file.size)}`);
	const more = files.length > NAMES_SHOWN ? [`  and ${files.length - NAMES_SHOWN} more`] : [];

	const run = async () => {
		onStart();
		const onDeleted = (count: number) => {
			if (isMany) console.notice({tone: 'info', text: `Deleting: ${count} of ${countOf(files.length)}`});
		};
		const outcome = await deleteAll(console, files, onDeleted);
		console.notice(noticeOf(outcome, files, console));
	};

	return createConfirm(console, {
		title: isMany ? `Delete ${countOf(files.length)}` : 'Delete a file',
		lines: [
			`${countOf(files.length)}, ${formatSize(sizeBytes)}, for good: nobody can bring it back.`,
			...names,
			...more,
		],
		yes: isMany ? 'delete them' : 'delete it',
		...(isMany && {typed: String(files.length)}),
		run,
	});
};
