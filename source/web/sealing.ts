import type {FileView} from '../protocol/api.js';
import type {OpenedFile} from '../client/opened-files.js';
import type {Vault} from '../client/vault.js';
import {createStore} from './store.js';

/** The keyring of whoever is signed in, once its passphrase was given; a page that is loaded anew has it locked. */
export type OpenKeyring = {
	vault: Vault;
	/** Gives files that are sealed end to end the names, types and sizes of what was sealed. */
	openAll: <File extends FileView>(files: readonly File[]) => Promise<OpenedFile<File>[]>;
};
export const keyring = createStore<OpenKeyring | undefined>(undefined);

/** Whether what is added from now on is sealed end to end. */
export const isSealing = createStore(false);

/** What the keyring is wanted for, while its passphrase is asked for. */
export const unlocking = createStore<'see' | 'seal' | undefined>(undefined);

/** Browsers keep cryptography from pages that came over plain HTTP from another machine. */
export const canSeal = (): boolean => window.isSecureContext;

export const NO_CRYPTOGRAPHY =
	'Browsers open and seal files only on pages that come over https, and this one does not. Ask who runs this network for such an address, or use pjas-tui.';

export const lockKeyring = (): void => {
	keyring.set(undefined);
	isSealing.set(false);
	unlocking.set(undefined);
};

/** Files as far as they can be opened now. Where that can't be found out, they stay as the coordinator has them. */
export const openAll = async <File extends FileView>(files: readonly File[]): Promise<OpenedFile<File>[]> => {
	const open = keyring.get();
	if (!open) return [...files];
	return open.openAll(files).catch(() => [...files]);
};
