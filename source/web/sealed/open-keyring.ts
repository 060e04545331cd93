import {AnswerError} from '../../client/errors.js';
import {openFiles} from '../../client/opened-files.js';
import {openVault, type VaultOptions} from '../../client/vault.js';
import {keyringSchema, keyringStoredSchema} from '../../protocol/api.js';
import {PjasError} from '../../protocol/errors.js';
import {ApiError, call} from '../api.js';
import {keyring} from '../sealing.js';
import {randomBytes} from './random.js';

const api: VaultOptions['api'] = {
	keyring: async () => call('keyring', keyringSchema),
	async putKeyring(json) {
		try {
			return await call('putKeyring', keyringStoredSchema, {json});
		} catch (error) {
			// The vault knows a lost race by the error of the other client.
			if (error instanceof ApiError && error.code === 'CONFLICT') {
				throw new AnswerError(error.message, {code: error.code, cause: error});
			}

			throw error;
		}
	},
};

/** Whether the coordinator keeps a keyring of whoever is signed in. */
export const hasKeyring = async (): Promise<boolean> => (await api.keyring()).blob !== null;

/**
Opens the keyring for as long as the page is open; a new one is made where `isNew` says that there is none.

@throws {PjasError} `WRONG_PASSPHRASE`, `KEYRING_CORRUPT`; `CONFLICT` where there is one by now, or none any more.
*/
export const openKeyring = async (passphrase: string, isNew: boolean): Promise<void> => {
	const vault = await openVault({
		api,
		async passphrase(isNone) {
			if (isNone === isNew) return Promise.resolve(passphrase);
			throw new PjasError('CONFLICT', 'The keyring was made or removed elsewhere just now. Open this again');
		},
		random: randomBytes,
		now: Date.now,
	});
	keyring.set({vault, openAll: async files => openFiles(files, vault)});
};
