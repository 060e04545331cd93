import type {OpenedFile} from '../client/opened-files.js';
import {deletedSchema, type FileView, fileAnswerSchema} from '../protocol/api.js';
import {escapeControls} from '../protocol/escape.js';
import {addressOf, call, isApiError, messageOf} from './api.js';
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

/** Gives a file another name; with `/` in it, it goes to a folder. */
export const renameFile = async (file: FileView, filename: string): Promise<void> => {
	const {file: renamed} = await call('changeFile', fileAnswerSchema, {id: file.file_id, json: {filename}});
	putFile(renamed);
	tell({text: `Renamed to “${escapeControls(filename)}”`});
};

/** Where a file of the list is fetched, and what opens it. */
export const sourceOf = ({file_id: id, e2e}: OpenedFile): FileSource => {
	const key = keyring.get()?.vault.known(id);
	return {address: addressOf('download', id), ...(key && {seal: {e2e, key}})};
};

/** Downloads a file that the keyring opens. */
export const downloadSealed = (file: OpenedFile): void => {
	const {file_id: id, filename: name, size: sizeBytes} = file;
	void startSaving({id, name, sizeBytes, source: sourceOf(file)});
};
