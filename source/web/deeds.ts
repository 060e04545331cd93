import type {OpenedFile} from '../client/opened-files.js';
import {deletedSchema, type FileView, fileAnswerSchema} from '../protocol/api.js';
import {escapeControls} from '../protocol/escape.js';
import {addressOf, ApiError, call, isApiError, loadPart, messageOf} from './api.js';
import {dropFile, putFile} from './files-store.js';
import type {FileSource} from './fetch-file.js';
import {startSaving} from './savings.js';
import {keyring} from './sealing.js';
import {ask} from './session.js';
import {createStore} from './store.js';

/** What was done last, told in a line, and how to undo it where that is possible. */
export type Told = {id: number; text: string; isBad?: boolean; undo?: {label: string; act: () => Promise<void>}};
export const told = createStore<Told | undefined>(undefined);

let lastId = 0;

export const tell = (what: Omit<Told, 'id'>): void => {
	lastId++;
	told.set({...what, id: lastId});
};

export const tellProblem = (error: unknown): void => tell({text: messageOf(error), isBad: true});

const titleOf = (files: readonly {filename: string}[]): string =>
	files.length === 1 ? `“${escapeControls(files[0]?.filename ?? '')}”` : `${files.length} files`;

/** Brings files back from the trash. */
export const restoreFiles = async (files: readonly {file_id: string; filename: string}[]): Promise<void> => {
	for (const {file_id: id} of files) putFile((await call('restoreFile', fileAnswerSchema, {id})).file);
	tell({text: `${titleOf(files)} ${files.length === 1 ? 'is' : 'are'} back`});
};

/** Puts files into the trash, or deletes them where there is none. What another was quicker to delete is fine. */
export const deleteFiles = async (files: readonly FileView[]): Promise<void> => {
	const trashed: FileView[] = [];
	for (const file of files) {
		try {
			const {purge_at: purgeAt} = await call('deleteFile', deletedSchema, {id: file.file_id});
			if (purgeAt !== undefined) trashed.push(file);
		} catch (error) {
			if (!isApiError(error, 'FILE_NOT_FOUND')) throw error;
		}

		dropFile(file.file_id);
	}

	void ask();
	if (trashed.length === 0) tell({text: `Deleted ${titleOf(files)}`});
	else {
		const undo = {label: 'Bring back', act: async () => restoreFiles(trashed)};
		tell({text: `${titleOf(files)} moved to the trash`, undo});
	}
};

/** What tells the coordinator another name: where it is sealed end to end, not the name itself. */
const renaming = async ({file_id: id, e2e}: OpenedFile, filename: string) => {
	if (!e2e) return {filename};
	const key = keyring.get()?.vault.known(id);
	if (!key) throw new ApiError('PASSPHRASE_NEEDED', 'Your keyring is locked. Unlock it, then try again.');
	const {renamedDetails} = await loadPart(async () => import('./sealed/rename.js'));
	return {e2e: await renamedDetails(e2e, key, filename)};
};

/** Gives a file another name; with `/` in it, it goes to a folder. */
export const renameFile = async (file: OpenedFile, filename: string): Promise<void> => {
	const json = await renaming(file, filename);
	const {file: renamed} = await call('changeFile', fileAnswerSchema, {id: file.file_id, json});
	putFile(renamed);
	tell({text: `Renamed to “${escapeControls(filename)}”`});
};

/** Where a file of the list is fetched, and what opens it. */
export const sourceOf = ({file_id: id, e2e}: OpenedFile): FileSource => {
	const key = keyring.get()?.vault.known(id);
	return {address: addressOf('download', id), ...(key && {seal: {e2e, key}})};
};

/** Whether a file can be read here: it is not sealed, or the keyring has opened it. */
export const isReadable = ({e2e, seal}: OpenedFile): boolean => (e2e ? seal === 'opened' : seal === undefined);

/** Downloads a file that the keyring opens. */
export const downloadSealed = (file: OpenedFile): void => {
	const {file_id: id, filename: name, size: sizeBytes} = file;
	void startSaving({id, name, sizeBytes, parts: [{name, sizeBytes, source: sourceOf(file)}]});
};

let lastZip = 0;

/** Downloads several files, of which the keyring opens some, as one zip that is made here. */
export const downloadZipped = (files: readonly OpenedFile[]): void => {
	lastZip++;
	const parts = files.map(file => ({
		name: file.filename,
		sizeBytes: file.size,
		changedAt: file.uploaded_at,
		source: sourceOf(file),
	}));
	const sizeBytes = files.reduce((sum, {size}) => sum + size, 0);
	void startSaving({id: `zip ${lastZip}`, name: 'files.zip', sizeBytes, parts, isZip: true});
};
