import {Box} from 'ink';
import type {ReactElement} from 'react';
import {type Line, Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';
import {TableView} from '../components/table-view.js';
import {createLineInput} from '../console/line-input.js';
import {fit} from '../console/table-layout.js';
import type {Action, Area, Console, Description, View} from '../console/view.js';
import {wrapWords} from '../screens/transfer-details.js';
import {chordOf, type KeyEvent} from '../terminal/key.js';
import {createFolderBrowser} from './folder-browser.js';
import {createFactsReader} from './folder-listing.js';
import {createKeyHold} from './key-hold.js';
import {isPath} from './path-field.js';
import {shortPath} from './path-input.js';
import {inputLine, pathLine} from './path-line.js';
import {createMoves, createPathMoves, type PickerMoves, type PickerPath} from './picker-moves.js';
import type {PickerParts} from './picker-parts.js';
import {createPickerTable, entryPath, entrySentence} from './picker-table.js';
import {type Places, placesOf} from './places.js';
import {withKeyring} from './passphrase.js';
import {queueUploads} from './queue-uploads.js';

/** These are the frame's, even while keys wait. */
const passed = new Set(['escape', 'ctrl-c', 'ctrl-l', 'ctrl-z', 'f1']);

const marksText = (marks: PickerParts['marks']): string => {
	const folders = [...marks.values()].filter(kind => kind === 'folder').length;
	const files = marks.size - folders;
	const text = (count: number, noun: string) => (count === 0 ? [] : [`${count} ${noun}${count === 1 ? '' : 's'}`]);
	return [...text(files, 'file'), ...text(folders, 'folder')].join(' and ');
};

/** Whether Enter goes into a folder; else it uploads. */
const isOpening = ({marks, table}: PickerParts): boolean => marks.size === 0 && table.selected()?.kind === 'folder';

/** What Enter does now. */
const noteOf = (parts: PickerParts): string => {
	if (parts.state.written) return '';
	const uploads = parts.state.isSealed ? 'seals and uploads' : 'uploads';
	if (parts.marks.size > 0) return `Enter ${uploads} ${marksText(parts.marks)}`;
	return isOpening(parts) ? 'Enter opens it, Space marks it' : `Enter ${uploads} it`;
};

const headLines = ({console, browser, narrow, state}: PickerParts, width: number): Line[] => {
	const {theme, folders} = console;
	const {written} = state;
	const hint = (text: string): Line => ({pieces: fit({text, tone: 'muted'}, width, theme.glyphs.ellipsis)});
	if (written)
		return [inputLine('Path ', written, width, theme), hint('Tab completes, Enter goes there, Esc leaves it')];
	const typed = narrow.value() !== '' || browser.isCut();
	const cut = browser.isCut() ? 'Only a part of this folder is shown: type a path' : '';
	return [
		pathLine('In ', shortPath(browser.path(), folders), width, theme),
		narrow.value() !== ''
			? inputLine('Only ', narrow, width, theme)
			: hint(typed ? cut : 'Type to narrow; / ~ or Tab for a path; Space marks files and folders'),
	];
};

const titleOf = ({state}: PickerParts): string => (state.isSealed ? 'Upload, sealed end to end' : 'Upload');

const render = (parts: PickerParts, area: Area): ReactElement => {
	const {console, browser, table} = parts;
	const {theme} = console;
	const inside = insideOf(area);
	const head = headLines(parts, inside.columns);
	return (
		<Panel title={titleOf(parts)} note={noteOf(parts)} area={area} theme={theme} isFocused>
			<Box flexDirection="column" height={inside.rows}>
				<Lines theme={theme} lines={head} />
				<TableView
					table={table}
					area={{columns: inside.columns, rows: inside.rows - head.length}}
					theme={theme}
					empty={wrapWords(browser.words(), inside.columns - 2)}
				/>
			</Box>
		</Panel>
	);
};

const describe = ({console, browser, table, marks, facts, narrow, state}: PickerParts): Description => {
	const entry = table.selected();
	const {written} = state;
	const count = table.rows().length;
	return {
		title: `${state.isSealed ? 'Upload, sealed end to end,' : 'Upload'} from ${shortPath(browser.path(), console.folders)}`,
		...(entry && {selection: entrySentence(entry, facts.of(entryPath(browser, entry)), table.isMarked(entry))}),
		lines: [
			...(written ? [`Path: ${written.value()}`] : []),
			browser.rows().length === 0 ? browser.words() : `${count} of ${browser.rows().length} entries`,
			...(narrow.value() === '' ? [] : [`Only: ${narrow.value()}`]),
			...(marks.size === 0 ? [] : [`Marked: ${marksText(marks)}. Enter uploads them`]),
		],
	};
};

type Keys = Record<string, () => void>;

const createListKeys = ({browser, narrow}: PickerParts, moves: PickerMoves, paths: PickerPath): Keys => ({
	enter: moves.confirm,
	space: moves.toggleMark,
	left: moves.goUp,
	right: moves.openChosen,
	up: moves.move('list.up'),
	down: moves.move('list.down'),
	home: moves.move('list.first'),
	end: moves.move('list.last'),
	pageup: moves.move('list.page-up'),
	pagedown: moves.move('list.page-down'),
	'ctrl-d': moves.move('list.page-down'),
	'ctrl-h': browser.toggleHidden,
	'ctrl-e': moves.toggleSeal,
	'/'() {
		if (narrow.value() === '') paths.write('/');
		else paths.writeHere(`${narrow.value()}/`);
	},
	tab() {
		const name = narrow.value();
		paths.writeHere(name);
		if (name !== '') paths.complete();
	},
});

const createPathKeys = ({browser}: PickerParts, moves: PickerMoves, paths: PickerPath): Keys => ({
	enter: paths.goThere,
	tab: paths.complete,
	up: moves.move('list.up'),
	down: moves.move('list.down'),
	'ctrl-h': browser.toggleHidden,
	'ctrl-e': moves.toggleSeal,
});

/** What each key does: in the list, or in the path that is written. Keys wait while the disk is asked. */
const createKeys = (parts: PickerParts, moves: PickerMoves) => {
	const {narrow, state, hold} = parts;
	const paths = createPathMoves(parts, moves);
	const listKeys = createListKeys(parts, moves, paths);
	const pathKeys = createPathKeys(parts, moves, paths);

	const narrowKey = (event: KeyEvent, chord: string): boolean => {
		const isEmpty = narrow.value() === '';
		if (isEmpty && chord === '~') paths.write('~');
		else if (isEmpty && chord === 'backspace') moves.goUp();
		else if (isEmpty && chord === 'ctrl-u') moves.move('list.page-up')();
		else if (event.name === 'paste' && isPath(event.text)) {
			paths.write('');
			state.written?.key(event);
		} else return narrow.key(event);
		return true;
	};

	return (event: KeyEvent): boolean => {
		const chord = chordOf(event);
		if (passed.has(chord)) return false;
		if (hold.take(event)) return true;
		parts.console.changed();
		const act = (state.written ? pathKeys : listKeys)[chord];
		if (!act) return state.written ? state.written.key(event) : narrowKey(event, chord);
		act();
		return true;
	};
};

/** Takes back one thing: the path that is written, what narrows the list, or the marks. */
const takeBack = ({state, narrow, marks, console}: PickerParts, moves: PickerMoves): boolean => {
	if (state.written) moves.goInto(state.folderBefore);
	else if (narrow.value() !== '') narrow.set('');
	else if (marks.size > 0) marks.clear();
	else return false;
	console.changed();
	return true;
};

/**
Chooses files and folders of this machine, and queues them as uploads.

@param places - Where it begins, and what it remembers.
*/
export const createPicker = (console: Console, places: Places = placesOf(console)): View => {
	const {changed} = console;
	const marks: PickerParts['marks'] = new Map();
	const browser = createFolderBrowser(places.uploadedFrom ?? console.folders.working, changed);
	const facts = createFactsReader(changed);
	const table = createPickerTable({browser, facts, marks, changed});
	const narrow = createLineInput('', () => table.setFilter(narrow.value()));
	const hold = createKeyHold(event => void key(event));
	let isClosed = false;
	const parts: PickerParts = {
		...{console, browser, facts, table, marks, narrow, hold, places},
		state: {written: undefined, folderBefore: browser.path(), isSealed: false},
		upload(paths) {
			if (isClosed) return;
			isClosed = true;
			console.close(view);
			const {isSealed} = parts.state;
			if (isSealed) withKeyring(console, () => queueUploads(console, paths, {isSealed}));
			else queueUploads(console, paths);
		},
	};
	const moves = createMoves(parts);
	const key = createKeys(parts, moves);
	const actions: readonly Action[] = [
		{id: 'list.open', run: moves.confirm, problem: () => (isOpening(parts) ? undefined : 'No folder is chosen')},
		{id: 'picker.upload', run: moves.confirm, problem: () => (isOpening(parts) ? 'A folder is chosen' : undefined)},
		{id: 'list.mark', run: moves.toggleMark},
		{id: 'picker.e2e', run: moves.toggleSeal},
		{id: 'picker.hidden', run: browser.toggleHidden},
		{id: 'list.left', run: moves.goUp},
		{id: 'list.right', run: moves.openChosen},
	];

	const view: View = {
		title: () => 'Upload',
		isModal: true,
		actions: () => actions,
		isTyping: () => true,
		key,
		back: () => takeBack(parts, moves),
		render: area => render(parts, area),
		describe: () => describe(parts),
		dispose() {
			isClosed = true;
			browser.close();
			facts.clear();
			hold.close();
		},
	};
	moves.goInto(browser.path());
	return view;
};
