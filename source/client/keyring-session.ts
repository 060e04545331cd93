import type {Kdf, RandomBytes} from '../protocol/keyring.js';
import type {Api} from './contract.js';
import {openVault, type Vault} from './vault.js';

/** The keyring of whoever uses a console: locked until its passphrase is given once. */
export type KeyringSession = {
	/** `undefined` while it is locked. */
	vault: () => Vault | undefined;
	/** Whether the coordinator keeps one. */
	exists: () => Promise<boolean>;
	/**
	Opens the keyring; one that is not there yet is made.

	@throws {PjasError} `WRONG_PASSPHRASE`, `KEYRING_CORRUPT`.
	*/
	open: (passphrase: string) => Promise<void>;
};

type Options = {
	api: Pick<Api, 'keyring' | 'putKeyring'>;
	random: RandomBytes;
	now: () => number;
	kdf?: Kdf;
};

export const createKeyringSession = ({api, random, now, kdf}: Options): KeyringSession => {
	let vault: Vault | undefined;
	return {
		vault: () => vault,
		exists: async () => (await api.keyring()).blob !== null,
		async open(passphrase) {
			vault ??= await openVault({api, passphrase: async () => Promise.resolve(passphrase), random, now, kdf});
		},
	};
};
