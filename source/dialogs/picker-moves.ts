import {stat} from 'node:fs/promises';
import path from 'node:path';
import type {ActionId} from '../console/keymap.js';
import {diskWords, type FolderEntry} from './folder-listing.js';
import {createPathField} from './path-field.js';
import {completeTyped, resolveTyped, shortPath, splitTyped, withSlash} from './path-input.js';
import {type PickerParts, warn} from './picker-parts.js';
import {entryPath} from './picker-table.js';

/** What can be done in the list. */
export type PickerMoves = {
	move: (id: ActionId) => () => void;
	/** @param choose - The name of the entry that is then chosen. */
	look: (folder: string, choose?: string) => Promise<void>;
	goInto: (folder: string, choose?: string) => void;
	goUp: () => void;
	openChosen: () => void;
	toggleMark: () => void;
	/** Whether what is uploaded is sealed end to end: the other way round. */
	toggleSeal: () => void;
	confirm: () => void;
};

export const createMoves = (parts: PickerParts): PickerMoves => {
	const {browser, table, marks, narrow, facts, state, places, hold} = parts;
	const move = (id: ActionId) => () =>
		void table
			.actions()
			.find(action => action.id === id)
			?.run();

	const look = async (folder: string, choose?: string) => {
		state.written = undefined;
		narrow.set('');
		facts.clear();
		await browser.open(folder);
		if (browser.isSound()) places.uploadedFrom = folder;
		move('list.first')();
		if (choose !== undefined) table.select(choose);
	};
	const goInto = (folder: string, choose?: string) => hold.during(async () => look(folder, choose));

	const openChosen = () => {
		const entry = table.selected();
		if (entry?.kind === 'folder') goInto(entryPath(browser, entry));
		else warn(parts, entry ? 'This is no folder: Enter uploads it' : 'Nothing is chosen here');
	};

	return {
		move,
		look,
		goInto,
		openChosen,
		goUp() {
			const parent = path.dirname(browser.path());
			if (parent === browser.path()) warn(parts, 'There is nothing above this folder');
			else goInto(parent, path.basename(browser.path()));
		},
		toggleMark() {
			const entry = table.selected();
			if (!entry) return;
			const target = entryPath(browser, entry);
			if (entry.kind === 'other') warn(parts, 'Only files and folders can be uploaded');
			else if (!marks.delete(target)) marks.set(target, entry.kind);
			move('list.down')();
		},
		toggleSeal() {
			state.isSealed = !state.isSealed;
			parts.console.changed();
		},
		confirm() {
			const entry = table.selected();
			if (marks.size > 0) parts.upload([...marks.keys()]);
			else if (!entry) warn(parts, 'Nothing is chosen here');
			else if (entry.kind === 'folder') openChosen();
			else if (entry.kind === 'other') warn(parts, 'Only files and folders can be uploaded');
			else parts.upload([entryPath(browser, entry)]);
		},
	};
};

/** What can be done with a path that is written. */
export type PickerPath = {
	/** Begins a path. */
	write: (value: string) => void;
	/** Begins one in this folder. */
	writeHere: (name: string) => void;
	complete: () => void;
	/** Goes into the folder that was written, or uploads the file. */
	goThere: () => void;
};

const asCandidate = ({name, kind}: FolderEntry) => ({name, isFolder: kind === 'folder'});

export const createPathMoves = (parts: PickerParts, {look}: PickerMoves): PickerPath => {
	const {browser, table, marks, state, hold} = parts;
	const {folders} = parts.console;
	const typed = () => state.written?.value() ?? '';

	/** The list below follows what is written. */
	const follow = () => {
		const {folder, name} = splitTyped(typed());
		const target = resolveTyped(folder, folders);
		if (target !== browser.path()) void browser.open(target);
		table.setFilter(name);
	};

	const write = (value: string) => {
		state.folderBefore = browser.path();
		state.written = createPathField(value, follow);
		follow();
	};

	return {
		write,
		writeHere: name => write(withSlash(shortPath(browser.path(), folders)) + name),
		complete: () =>
			hold.during(async () => {
				await browser.ready();
				const completed = completeTyped(typed() === '~' ? '~/' : typed(), browser.all().map(asCandidate));
				if (completed.count === 0) warn(parts, 'Nothing there begins so');
				else state.written?.set(completed.typed);
			}),
		goThere: () =>
			hold.during(async () => {
				const target = resolveTyped(typed(), folders);
				try {
					if ((await stat(target)).isDirectory()) await look(target);
					else parts.upload([...new Set([...marks.keys(), target])]);
				} catch (error) {
					warn(parts, diskWords(target, error));
				}
			}),
	};
};
