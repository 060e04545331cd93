import {fileKeysOf} from '../protocol/file-key.js';
import {openedSizeOf} from '../protocol/sealed-content.js';
import {openDetails} from '../protocol/sealed-details.js';
import type {Api, FileView} from './contract.js';
import type {Vault} from './vault.js';

/** What whoever looks can see of a file that is sealed end to end: all, nothing, or that somebody changed it. */
export type SealState = 'opened' | 'locked' | 'broken';

/** A file as whoever has the keyring sees it. `seal` is there where it is sealed end to end. */
export type OpenedFile<File extends FileView = FileView> = File & {seal?: SealState};

const openFile = async <File extends FileView>(
	file: File,
	key: Uint8Array<ArrayBuffer> | undefined,
): Promise<OpenedFile<File>> => {
	if (!file.e2e) return key ? {...file, seal: 'broken'} : file;
	if (!key) return {...file, seal: 'locked'};
	try {
		const {details} = await fileKeysOf(key);
		const {name, type} = await openDetails(details, file.e2e);
		const size = openedSizeOf(file.size);
		if (size === undefined) return {...file, seal: 'broken'};
		return {...file, filename: name, type: type === '' ? file.type : type, size, seal: 'opened'};
	} catch {
		return {...file, seal: 'broken'};
	}
};

/** Files with the names, types and sizes that they have for whoever has the keyring. */
export const openFiles = async <File extends FileView>(
	files: readonly File[],
	vault: Pick<Vault, 'known' | 'keysOf'> | undefined,
): Promise<OpenedFile<File>[]> => {
	const sealed = files.flatMap(file => (file.e2e ? [file.file_id] : []));
	const keys = sealed.length === 0 ? undefined : await vault?.keysOf(sealed);
	return Promise.all(files.map(async file => openFile(file, keys?.get(file.file_id) ?? vault?.known(file.file_id))));
};

/**
The listing as whoever has the keyring sees it. The coordinator can't look for names that it does not know, so pages are
looked through here, and may come out shorter than was asked for, also when others come after them.
*/
export const openedListing = (
	api: Pick<Api, 'file' | 'files'>,
	vault: Pick<Vault, 'known' | 'keysOf'>,
): {
	file: (id: string) => Promise<OpenedFile>;
	files: (page: Parameters<Api['files']>[0]) => ReturnType<Api['files']>;
} => ({
	async file(id) {
		const file = await api.file(id);
		const [opened] = await openFiles([file], vault);
		return opened ?? file;
	},
	async files({search, ...page}) {
		const found = await api.files(page);
		const files = await openFiles(found.files, vault);
		const wanted = search?.toLowerCase() ?? '';
		return {...found, files: files.filter(({filename}) => filename.toLowerCase().includes(wanted))};
	},
});
