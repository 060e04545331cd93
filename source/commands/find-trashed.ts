import type {Api, TrashedFile} from '../client/contract.js';
import {type OpenedFile, openFiles} from '../client/opened-files.js';
import type {Vault} from '../client/vault.js';
import {quoted} from '../command-line.js';
import {type CommandContext, isOn} from './context.js';
import {CommandError, exitCodes} from './failures.js';
import {ambiguous, beginningOfId, namesMeant} from './find-file.js';
import type {Vaults} from './passphrase.js';

export type OpenedTrash = OpenedFile<TrashedFile>;

const FILES_PER_PAGE = 1000;
const SEARCH_QUESTION = 'Nothing in the trash is called that in the open. Passphrase, to look among the sealed ones: ';

/** All that is in the trash, a page at a time, by the names that the keyring knows, where it is there. */
export async function* trashPages(
	api: Pick<Api, 'trash'>,
	vault: Pick<Vault, 'known' | 'keysOf'> | undefined,
): AsyncGenerator<OpenedTrash[]> {
	let before: string | undefined;
	do {
		const page = await api.trash({limit: FILES_PER_PAGE, ...(before !== undefined && {before})});
		yield await openFiles(page.files, vault);
		before = page.next_before ?? undefined;
	} while (before !== undefined);
}

/** What a word may mean, by how well it fits. */
type Matches = {byId: OpenedTrash[]; byName: OpenedTrash[]; byBeginning: OpenedTrash[]};

const matchesOf = async (context: CommandContext, words: readonly string[], vault: Vault | undefined) => {
	const matches = new Map<string, Matches>(words.map(word => [word, {byId: [], byName: [], byBeginning: []}]));
	for await (const files of trashPages(context.api, vault)) {
		context.signal.throwIfAborted();
		for (const [word, {byId, byName, byBeginning}] of matches) {
			const [names, beginning] = [namesMeant(word), beginningOfId(word)];
			byId.push(...files.filter(file => file.file_id === word.toLowerCase()));
			byName.push(...files.filter(file => names.includes(file.filename)));
			if (beginning !== undefined) byBeginning.push(...files.filter(file => file.file_id.startsWith(beginning)));
		}
	}

	return matches;
};

const find = async (context: CommandContext, words: readonly string[], vault: Vault | undefined) => {
	const found = new Map<string, OpenedTrash>();
	for (const [word, {byId, byName, byBeginning}] of await matchesOf(context, words, vault)) {
		const best = [byId, byName, byBeginning].find(files => files.length > 0) ?? [];
		const [file] = best;
		if (!file) {
			const problem = `There is no file ${quoted(word)} in the trash. pjas-tui trash lists what there is`;
			throw new CommandError('FILE_NOT_FOUND', problem, {exitCode: exitCodes.notFound});
		}

		if (best.length > 1) throw ambiguous(word, best);
		found.set(file.file_id, file);
	}

	return [...found.values()];
};

/**
The files in the trash that words name, each once: by id, by exact name, or by the beginning of an id, whichever fits first;
also by names that only whoever has the keyring can see.

@throws {CommandError} `FILE_NOT_FOUND`, or `AMBIGUOUS_FILE` with what it may be.
*/
export const findTrashed = async (context: CommandContext, words: readonly string[], vaults: Vaults) => {
	const given = await vaults.given();
	try {
		return await find(context, words, given);
	} catch (error) {
		const isMissing = error instanceof CommandError && error.code === 'FILE_NOT_FOUND';
		if (!isMissing || given || !context.askSecret || isOn(context, 'json')) throw error;
		const vault = await vaults.existing(SEARCH_QUESTION);
		if (!vault) throw error;
		return find(context, words, vault);
	}
};
