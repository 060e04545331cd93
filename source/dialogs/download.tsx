import {mkdir} from 'node:fs/promises';
import {Box} from 'ink';
import type {ReactElement} from 'react';
import {type Line, Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';
import type {LineInput} from '../console/line-input.js';
import {fit} from '../console/table-layout.js';
import type {Area, Console, View} from '../console/view.js';
import {formatSize} from '../format.js';
import type {FileView} from '../protocol/api.js';
import {wrapWords} from '../screens/transfer-details.js';
import {chordOf, type KeyEvent} from '../terminal/key.js';
import {safeFileName} from '../transfers/safe-name.js';
import {createLooker, firstFolder, type Looker} from './download-looker.js';
import {sizeOf, targetWords, type Words} from './download-words.js';
import {diskWords, readFolder} from './folder-listing.js';
import {createKeyHold} from './key-hold.js';
import {createPathField} from './path-field.js';
import {completeTyped, resolveTyped, shortPath, splitTyped, withSlash} from './path-input.js';
import {inputLine} from './path-line.js';
import {type Places, placesOf} from './places.js';
import {queueDownloads} from './queue-downloads.js';

const WIDTH = 90;
/** What is said of the target, at most. */
const WORD_ROWS = 4;

const blank: Line = {pieces: [{text: ' '}]};
const looking: Words = {text: 'Looking at the disk.', tone: 'muted'};
const passed = new Set(['escape', 'ctrl-c', 'ctrl-l', 'ctrl-z', 'f1']);

const whatOf = (files: readonly FileView[]): string => {
	const [first, ...others] = files;
	const size = formatSize(sizeOf(files));
	if (!first) return 'Nothing is chosen';
	return others.length === 0
		? `${first.filename}, ${size}`
		: `${files.length} files, ${size}: ${files
				.slice(0, 20)
				.map(({filename}) => filename)
				.join(', ')}`;
};

type Shown = {console: Console; files: readonly FileView[]; input: LineInput | undefined; words: readonly Words[]};

const keysLine = (width: number, ellipsis: string): Line => {
	const hint = (key: string, text: string) => [
		{text: key, tone: 'accent' as const, isBold: true},
		{text: ` ${text}  `},
	];
	const pieces = [...hint('Enter', 'downloads'), ...hint('Tab', 'completes'), ...hint('Esc', 'closes')];
	return {pieces: fit(pieces, width, ellipsis)};
};

const render = ({console, files, input, words}: Shown, area: Area): ReactElement => {
	const {theme} = console;
	const {ellipsis} = theme.glyphs;
	const columns = Math.min(area.columns, WIDTH);
	const {columns: width} = insideOf({columns, rows: area.rows});
	const said = words
		.flatMap(({text, tone}) => wrapWords(text, width).map((part): Line => ({pieces: [{text: part, tone}]})))
		.slice(0, WORD_ROWS);
	const lines: Line[] = [
		{pieces: fit(whatOf(files), width, ellipsis)},
		blank,
		input ? inputLine('To ', input, width, theme) : blank,
		...said,
		blank,
		keysLine(width, ellipsis),
	];
	const box = {columns, rows: Math.min(area.rows, lines.length + 2)};
	return (
		<Box width={area.columns} height={area.rows} alignItems="center" justifyContent="center">
			<Panel title="Download" area={box} theme={theme} isFocused>
				<Lines theme={theme} lines={lines} rows={insideOf(box).rows} />
			</Panel>
		</Box>
	);
};

type Parts = {
	console: Console;
	files: readonly FileView[];
	input: LineInput;
	looker: Looker;
	places: Places;
	state: {
		/** Whether what is there is to be overwritten. */
		isOverwriting: boolean;
		/** Whether the next Enter makes the folder that is missing. */
		isMaking: boolean;
		/** Whether the path that is offered first is known. */
		isReady: boolean;
	};
	isClosed: () => boolean;
	close: () => void;
};

const warn = ({console}: Parts, text: string) => console.notice({tone: 'warn', text});

/** Offers the place that was used last, under a name that fits this disk. */
const offer = async ({console, files, input, looker, places, state}: Parts): Promise<void> => {
	const folder = await firstFolder(console, places);
	const [only] = files;
	const name = only && files.length === 1 ? safeFileName(only.filename) : '';
	input.set(withSlash(shortPath(folder, console.folders)) + name);
	state.isReady = true;
	await looker.look();
};

const confirm = async (parts: Parts): Promise<void> => {
	const {console, looker, places, state} = parts;
	await looker.look();
	const target = looker.get();
	if (!target || parts.isClosed()) return;
	console.changed();
	if (target.problem !== undefined) {
		warn(parts, target.problem);
		return;
	}

	if (target.isFolderMissing && !state.isMaking) {
		state.isMaking = true;
		return;
	}

	try {
		if (target.isFolderMissing) await mkdir(target.folder, {recursive: true});
	} catch (error) {
		warn(parts, diskWords(target.folder, error));
		return;
	}

	if (parts.isClosed()) return;
	places.downloadedTo = target.folder;
	parts.close();
	queueDownloads(console, target, state.isOverwriting);
};

const complete = async (parts: Parts): Promise<void> => {
	const {console, files, input} = parts;
	const typed = input.value() === '~' ? '~/' : input.value();
	const folder = resolveTyped(splitTyped(typed).folder, console.folders);
	const {entries, problem} = await readFolder(folder, new AbortController().signal);
	const candidates = entries
		.filter(({kind}) => files.length === 1 || kind === 'folder')
		.map(({name, kind}) => ({name, isFolder: kind === 'folder'}));
	const completed = completeTyped(typed, candidates);
	if (completed.count === 0) warn(parts, problem ?? 'Nothing there begins so');
	else if (completed.typed !== input.value()) input.set(completed.typed);
};

const toggleOverwriting = async (parts: Parts): Promise<void> => {
	const {console, looker, state} = parts;
	await looker.look();
	const canOverwrite = looker.get()?.placed.some(each => each.canOverwrite) === true;
	if (canOverwrite) state.isOverwriting = !state.isOverwriting;
	else warn(parts, 'There is nothing to overwrite');
	console.changed();
};

const actsByKey: Record<string, (parts: Parts) => Promise<void>> = {
	enter: confirm,
	tab: complete,
	'ctrl-o': toggleOverwriting,
};

/** What each key does. Keys wait while the disk is asked. */
const createKey = (parts: Parts) => {
	const {console, input} = parts;
	const key = (event: KeyEvent): boolean => {
		const chord = chordOf(event);
		if (passed.has(chord)) return false;
		if (hold.take(event)) return true;
		console.changed();
		const act = actsByKey[chord];
		if (!act) return input.key(event);
		hold.during(async () => act(parts));
		return true;
	};

	const hold = createKeyHold(event => void key(event));
	hold.during(async () => offer(parts));
	return {key, close: hold.close};
};

/**
Asks where files go, and queues their downloads. What is there already is overwritten only where that was asked for.

@param places - Where it begins, and what it remembers.
*/
export const createDownloadDialog = (
	console: Console,
	files: readonly FileView[],
	places: Places = placesOf(console),
): View => {
	const state = {isOverwriting: false, isMaking: false, isReady: false};
	let isClosed = false;
	const input = createPathField('', () => {
		state.isOverwriting = false;
		state.isMaking = false;
		void looker.look();
	});
	const looker = createLooker(console, input, files);
	const parts: Parts = {
		console,
		files,
		input,
		looker,
		places,
		state,
		isClosed: () => isClosed,
		close: () => console.close(view),
	};
	const keys = createKey(parts);
	const words = (): readonly Words[] => {
		const target = looker.get();
		return target ? targetWords({target, ...state, home: console.folders.home}) : [looking];
	};

	const view: View = {
		title: () => 'Download',
		isModal: true,
		actions: () => [],
		isTyping: () => true,
		key: keys.key,
		render: area => render({console, files, input: state.isReady ? input : undefined, words: words()}, area),
		describe: () => ({
			title: 'Download',
			selection: whatOf(files),
			lines: [
				`To ${input.value()}`,
				...words().map(({text}) => text),
				'Enter downloads. Tab completes. Ctrl-o overwrites. Esc closes',
			],
		}),
		dispose() {
			isClosed = true;
			keys.close();
		},
	};
	return view;
};
