import {PjasError} from '../protocol/errors.js';
import type {RandomBytes} from '../protocol/keyring.js';
import type {Api} from './contract.js';
import type {KeyringSession} from './keyring-session.js';
import {openFiles} from './opened-files.js';
import {sealedDownload} from './sealed-download.js';
import {sealedUpload} from './sealed-upload.js';

type Session = Pick<KeyringSession, 'vault'>;

/**
The API as whoever has the keyring sees it, once that is open: files have the names, types and sizes of what was sealed, and
downloads are opened. What is sealed and has no key here is not downloaded.
*/
export const openedApi = (api: Api, session: Session): Api => {
	const keyOf = async (id: string) => (await session.vault()?.keysOf([id]))?.get(id);

	return {
		...api,
		async files(page) {
			const found = await api.files(page);
			return {...found, files: await openFiles(found.files, session.vault())};
		},
		async file(id) {
			const file = await api.file(id);
			const [opened = file] = await openFiles([file], session.vault());
			return opened;
		},
		async trash(page) {
			const found = await api.trash(page);
			return {...found, files: await openFiles(found.files, session.vault())};
		},
		async restoreFile(id) {
			const file = await api.restoreFile(id);
			const [opened = file] = await openFiles([file], session.vault());
			return opened;
		},
		async *events(options) {
			for await (const event of api.events(options)) {
				if (event.name !== 'file') {
					yield event;
					continue;
				}

				const [data = event.data] = await openFiles([event.data], session.vault());
				yield {...event, data};
			}
		},
		async download(id, options) {
			const {e2e} = await api.file(id);
			const key = e2e ? await keyOf(id) : session.vault()?.known(id);
			if (key) return sealedDownload({api, e2e, key})(id, options);
			if (!e2e) return api.download(id, options);
			const problem = session.vault()
				? 'your keyring has no key for it. Ask whoever uploaded it'
				: 'the keyring is locked. Open it with its passphrase';
			throw new PjasError('FILE_KEY_MISSING', `The file is sealed end to end, and ${problem}`);
		},
	};
};

/** The uploads of an API that seal end to end, once the keyring is open. */
export const sealedUploads = (api: Api, session: Session, random: RandomBytes): Pick<Api, 'upload'> => ({
	async upload(file) {
		const vault = session.vault();
		if (!vault) throw new PjasError('PASSPHRASE_NEEDED', 'The keyring is locked: give its passphrase');
		return sealedUpload({api, vault, random})(file);
	},
});
