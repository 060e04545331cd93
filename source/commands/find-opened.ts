import {type OpenedFile, openedListing} from '../client/opened-files.js';
import {PjasError} from '../protocol/errors.js';
import {type CommandContext, isOn} from './context.js';
import {CommandError} from './failures.js';
import {findFile} from './find-file.js';
import type {Vaults} from './passphrase.js';
import {linkOf} from './shared.js';

const SEARCH_QUESTION = 'No file is called that in the open. Passphrase, to look among the sealed ones: ';

/**
Finds the file that a word names, also by a name that only whoever has the keyring can see: with a passphrase that was
given, or by asking for it where nothing else has that name.

@throws {CommandError} `FILE_NOT_FOUND`, or `AMBIGUOUS_FILE` with what it may be.
*/
export const findOpened = async (context: CommandContext, word: string, vaults: Vaults): Promise<OpenedFile> => {
	const {api, askSecret} = context;
	// A key that stands in a link must not be looked for.
	if (linkOf(word)) throw new PjasError('INVALID_CONFIGURATION', 'A link can only be downloaded');
	const given = await vaults.given();
	if (given) return findFile(openedListing(api, given), word);
	try {
		return await findFile(api, word);
	} catch (error) {
		const isMissing = error instanceof CommandError && error.code === 'FILE_NOT_FOUND';
		if (!isMissing || !askSecret || isOn(context, 'json')) throw error;
		const vault = await vaults.existing(SEARCH_QUESTION);
		if (!vault) throw error;
		return findFile(openedListing(api, vault), word);
	}
};

/**
The key of a file that is sealed end to end; `undefined` where it is not sealed.

@throws {PjasError} `FILE_KEY_MISSING`, `WRONG_PASSPHRASE`, `PASSPHRASE_NEEDED`.
*/
export const keyOf = async (file: OpenedFile, vaults: Vaults): Promise<Uint8Array<ArrayBuffer> | undefined> => {
	const id = file.file_id;
	if (!file.e2e) return (await vaults.given())?.known(id);
	const key = (await (await vaults.existing())?.keysOf([id]))?.get(id);
	if (key) return key;
	const problem = 'The file is sealed end to end, and your keyring has no key for it';
	throw new PjasError('FILE_KEY_MISSING', `${problem}. Ask whoever uploaded it`);
};
