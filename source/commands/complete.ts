import type {Api, FileView} from '../client/contract.js';
import {escapeControls} from '../protocol/escape.js';
import {beginningOfId, filesWithId} from './find-file.js';

const MOST_OFFERED = 200;
const MAX_SEARCH_LENGTH = 200;

/** Whether a name can be typed as it stands: a shell shows it, and nothing takes it for a flag. */
const isTypeable = (name: string): boolean => name !== '' && !name.startsWith('-') && escapeControls(name) === name;

const wordsFor = (files: readonly FileView[], prefix: string): string[] => {
	const named = files.filter(({filename}) => filename.startsWith(prefix));
	return named.map(({file_id: id, filename}) => {
		const isOnlyOne = named.filter(other => other.filename === filename).length === 1;
		return isOnlyOne && isTypeable(filename) ? filename : id;
	});
};

/** What a word for a stored file can go on to be: names, the ids of those that share theirs, and ids that begin so. */
export const storedFiles = async (api: Pick<Api, 'file' | 'files'>, prefix: string): Promise<string[]> => {
	// A link may have a key in it, which is sent to nobody.
	if (/#k=|\/s\/pjas-link_/.test(prefix)) return [];
	const search = prefix.slice(0, MAX_SEARCH_LENGTH);
	const beginning = beginningOfId(prefix);
	const [{files}, withId] = await Promise.all([
		api.files({limit: MOST_OFFERED, ...(search !== '' && {search})}),
		beginning === undefined ? [] : filesWithId(api, beginning, MOST_OFFERED),
	]);
	return [...new Set([...wordsFor(files, prefix), ...withId.map(file => file.file_id)])];
};
