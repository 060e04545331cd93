import {AnswerError, UnreachableError} from '../client/errors.js';
import type {Console, Notice} from '../console/view.js';
import type {FileView} from '../protocol/api.js';
import {printable, truncate} from '../terminal/text.js';

/** Doing the same with several files, and telling how that went. */

const AT_ONCE = 4;
const FAILURES_NAMED = 3;
const NAME_WIDTH = 50;

type Failure = {name: string; reason: string};
type Outcome = {done: number; failures: Failure[]; untried: number};

export const nameOf = ({filename}: Pick<FileView, 'filename'>, {theme}: Pick<Console, 'theme'>): string =>
	truncate(printable(filename), NAME_WIDTH, theme.glyphs.ellipsis);

export const countOf = (count: number): string => `${count} file${count === 1 ? '' : 's'}`;

type SeveralOptions<File> = {
	files: readonly File[];
	run: (file: File) => Promise<void>;
	/** What was done with them, as a participle: deleted. The same as a word for what is under way: Deleting. */
	done: string;
	doing: string;
	/** Whether it is as good as done where the file is no longer there: somebody else was faster. */
	isGoneFine?: boolean;
	/** What is said besides where all of it was done. */
	note?: () => string;
};

const isGone = (error: unknown) => error instanceof AnswerError && error.code === 'FILE_NOT_FOUND';

/** Several at once. Where the coordinator can't be reached the rest is not tried: each would wait as long. */
const runAll = async <File extends FileView>(console: Console, options: SeveralOptions<File>): Promise<Outcome> => {
	const {files, run, doing, isGoneFine = false} = options;
	const waiting = [...files];
	const outcome: Outcome = {done: 0, failures: [], untried: 0};
	let isCutOff = false;

	const note = () => {
		outcome.done++;
		if (files.length > 1) console.notice({tone: 'info', text: `${doing}: ${outcome.done} of ${countOf(files.length)}`});
	};

	const runOne = async (file: File) => {
		try {
			await run(file);
			note();
		} catch (error) {
			if (isGoneFine && isGone(error)) {
				note();
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
		for (let file = waiting.shift(); file && !isCutOff; file = waiting.shift()) await runOne(file);
	};

	await Promise.all(Array.from({length: AT_ONCE}, worker));
	return {...outcome, untried: files.length - outcome.done - outcome.failures.length};
};

const noticeOf = <File extends FileView>(
	{done, failures, untried}: Outcome,
	options: SeveralOptions<File>,
	console: Console,
): Notice => {
	const {files, done: participle, note} = options;
	const [only] = files;
	if (failures.length === 0) {
		const what = files.length === 1 && only ? nameOf(only, console) : countOf(done);
		const more = note?.() ?? '';
		return {tone: 'ok', text: `${what} ${participle}${more === '' ? '' : `. ${more}`}`};
	}

	const named = failures.slice(0, FAILURES_NAMED).map(({name, reason}) => `${name}: ${reason}`);
	const more = failures.length > FAILURES_NAMED ? [`and ${failures.length - FAILURES_NAMED} more`] : [];
	const rest = untried > 0 ? [`${untried} not tried`] : [];
	return {
		tone: 'bad',
		text: `${done} of ${countOf(files.length)} ${participle}. ${[...named, ...more, ...rest].join('; ')}`,
	};
};

/** Does something with each of several files, and says how it went. */
export const withSeveral = async <File extends FileView>(
	console: Console,
	options: SeveralOptions<File>,
): Promise<void> => {
	const outcome = await runAll(console, options);
	console.notice(noticeOf(outcome, options, console));
};
