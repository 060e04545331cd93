import type {Api, FileView} from '../client/contract.js';
import {AnswerError} from '../client/errors.js';
import {quoted} from '../command-line.js';
import {formatSize, formatTime} from '../format.js';
import {escapeControls} from '../protocol/escape.js';
import {parseFileId} from '../protocol/ids.js';
import {CommandError, exitCodes} from './failures.js';

type Source = Pick<Api, 'file' | 'files'>;

const ID_LENGTH = 32;
const FILES_PER_PAGE = 1000;
/** The coordinator takes no longer text to look for. */
const MAX_SEARCH_LENGTH = 200;
const MOST_CANDIDATES = 20;
const MOST_SIMILAR = 3;

/** What was typed as it may be stored: as it stands, or with what our tables show escaped (`\u001b`). */
export const namesMeant = (given: string): string[] => {
	const plain = given.replace(/\\u([\da-f]{4})/g, (_, digits: string) =>
		String.fromCharCode(Number.parseInt(digits, 16)),
	);
	return escapeControls(plain) === given && plain !== given ? [given, plain] : [given];
};

/** Files of exactly this name, the newest first, and the first few that have it in theirs. */
const filesNamed = async (source: Source, name: string) => {
	const search = name.slice(0, MAX_SEARCH_LENGTH).replace(/[\uD800-\uDBFF]$/, '');
	const exact: FileView[] = [];
	const similar: FileView[] = [];
	let before: string | undefined;
	do {
		const page = await source.files({limit: FILES_PER_PAGE, search, ...(before !== undefined && {before})});
		exact.push(...page.files.filter(file => file.filename === name));
		similar.push(...page.files.slice(0, MOST_SIMILAR - similar.length));
		before = page.next_before ?? undefined;
	} while (before !== undefined && exact.length <= MOST_CANDIDATES);

	return {exact, similar};
};

/** The newest files whose ids begin so. Ids are listed in order, so that one page is enough. */
export const filesWithId = async (source: Source, beginning: string, limit: number): Promise<FileView[]> => {
	const page = await source.files({limit, before: beginning.padEnd(ID_LENGTH, 'f')});
	return page.files.filter(file => file.file_id.startsWith(beginning));
};

/** The beginning of an id that somebody typed, at least 4 digits; `undefined` where the word is none. */
export const beginningOfId = (word: string): string | undefined =>
	/^[\da-f]{4,32}$/i.test(word) ? word.toLowerCase() : undefined;

export const ambiguous = (given: string, files: readonly FileView[]): CommandError => {
	const shown = files.slice(0, MOST_CANDIDATES);
	const lines = shown.map(
		file =>
			`  ${file.file_id}  ${formatSize(file.size).padStart(9)}  ${formatTime(file.uploaded_at)}  ${escapeControls(file.filename)}`,
	);
	const more = files.length > shown.length ? ['  … and more'] : [];
	const message = [`${quoted(given)} can be one of these files. Say its id:`, ...lines, ...more].join('\n');
	return new CommandError('AMBIGUOUS_FILE', message, {
		exitCode: exitCodes.wrongWords,
		candidates: shown.map(({file_id, filename, size, uploaded_at}) => ({file_id, filename, size, uploaded_at})),
	});
};

const notFound = (given: string, similar: readonly FileView[]): CommandError => {
	const names = similar.map(file => quoted(file.filename)).join(', ');
	const hint = names === '' ? 'pjas-tui files lists what there is' : `Names that contain it: ${names}`;
	return new CommandError('FILE_NOT_FOUND', `There is no file ${quoted(given)}. ${hint}`, {
		exitCode: exitCodes.notFound,
	});
};

const byWholeId = async (source: Source, given: string): Promise<FileView | undefined> => {
	const id = parseFileId(given.toLowerCase());
	if (id === undefined) return undefined;
	try {
		return await source.file(id);
	} catch (error) {
		if (error instanceof AnswerError && error.code === 'FILE_NOT_FOUND') return undefined;
		throw error;
	}
};

/**
Finds the file that a word names: by its id, by its exact name, or by the beginning of its id, whichever fits first.

@throws {CommandError} `FILE_NOT_FOUND`, or `AMBIGUOUS_FILE` with what it may be.
*/
export const findFile = async (source: Source, given: string): Promise<FileView> => {
	const whole = await byWholeId(source, given);
	if (whole) return whole;

	const named = await Promise.all(namesMeant(given).map(async name => filesNamed(source, name)));
	const exact = named.flatMap(found => found.exact);
	const beginning = beginningOfId(given);
	const found =
		exact.length > 0 || beginning === undefined ? exact : await filesWithId(source, beginning, MOST_CANDIDATES + 1);
	const [file] = found;
	if (!file) throw notFound(given, named.flatMap(({similar}) => similar).slice(0, MOST_SIMILAR));
	if (found.length > 1) throw ambiguous(given, found);
	return file;
};
