import fuzzysort from 'fuzzysort';
import {fit} from '../console/table-layout.js';
import {createLineInput} from '../console/line-input.js';
import {type ActionId, bindingOf} from '../console/keymap.js';
import {keyName} from '../console/key-names.js';
import type {Action, BaseConsole, Console, View} from '../console/view.js';
import {chordOf, type KeyEvent} from '../terminal/key.js';
import {fieldLine} from '../components/field.js';
import {type Line, Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';

export type Entry = {
	/** What is typed. */
	name: string;
	note: string;
	keys: string;
	/** Whether it is only offered once something is typed. */
	isHidden?: boolean;
	run: () => void;
};

const MOST_NODES = 5_000;
const MOST_FILES = 2_000;
const MOST_SHOWN = 200;
const LONGEST_HISTORY = 50;

/** Moving about by name helps nobody. */
const isPointless = (id: ActionId) =>
	id === 'palette' || id === 'back' || /^list\.(up|down|left|right|first|last|page)/.test(id);

const actionEntry = (action: Action, console: BaseConsole): Entry => {
	const {label, help, keys} = bindingOf(action.id);
	return {name: label, note: help, keys: keyName(keys[0] ?? '', console.theme), run: () => console.run(action)};
};

/** The nodes and files of a network. */
export const networkPlaces = (console: Console): Entry[] => {
	const {nodes = [], files} = console.live.get();
	return [
		...nodes.slice(0, MOST_NODES).map(node => ({
			name: `node ${node.name}`,
			note: `${node.node_id}, ${node.status}`,
			keys: '',
			isHidden: true,
			run: () => console.go({screen: 'nodes', node: node.node_id}),
		})),
		...(files?.list ?? []).slice(0, MOST_FILES).map(file => ({
			name: `file ${file.filename}`,
			note: file.file_id,
			keys: '',
			isHidden: true,
			run: () => console.go({screen: 'files', file: file.file_id}),
		})),
	];
};

const matching = (entries: readonly Entry[], typed: string): readonly Entry[] => {
	if (typed === '') return entries.filter(({isHidden}) => isHidden !== true);
	return fuzzysort.go(typed, entries, {keys: ['name', 'note'], limit: MOST_SHOWN, threshold: 0.2}).map(({obj}) => obj);
};

/** Every action and screen by its name, and the places that a console has besides. Tab completes, the arrows choose, and back in the history. */
export const createPalette = (
	console: BaseConsole,
	about: View,
	everywhere: readonly Action[],
	history: string[],
	places: () => readonly Entry[] = () => [],
): View => {
	let chosen = 0;
	let recalled = history.length;
	const input = createLineInput('', () => {
		chosen = 0;
		console.changed();
	});

	const own = about.actions();
	const others = everywhere.filter(({id}) => !own.some(action => action.id === id));
	const actions = [...own, ...others].filter(
		({id}) => !isPointless(id) && (!console.isReadOnly || bindingOf(id).isChange !== true),
	);
	const isScreen = ({id}: Action) => id.startsWith('screen.') && id !== 'screen.next' && id !== 'screen.previous';
	const entries = [
		...actions.filter(action => !isScreen(action)).map(action => actionEntry(action, console)),
		...actions.filter(isScreen).map(action => actionEntry(action, console)),
		...places(),
	];
	let foundFor: string | undefined;
	let foundNow: readonly Entry[] = [];
	const found = () => {
		const typed = input.value().trim();
		if (typed !== foundFor) {
			foundFor = typed;
			foundNow = matching(entries, typed);
		}

		return foundNow;
	};

	const run = () => {
		const entry = found()[chosen];
		if (!entry) {
			console.notice({tone: 'warn', text: 'Nothing is called that. Esc closes the palette'});
			return;
		}

		history.push(entry.name);
		if (history.length > LONGEST_HISTORY) history.shift();
		console.close(view);
		entry.run();
	};

	const recall = (step: number) => {
		recalled = Math.max(0, Math.min(history.length, recalled + step));
		input.set(history[recalled] ?? '');
	};

	const choose = (step: number) => {
		chosen = Math.max(0, Math.min(found().length - 1, chosen + step));
		console.changed();
	};

	const keys: Record<string, () => void> = {
		enter: run,
		tab: () => input.set(found()[chosen]?.name ?? input.value()),
		down: () => choose(1),
		'ctrl-n': () => choose(1),
		up: () => choose(-1),
		'ctrl-p': () => recall(-1),
		pageup: () => choose(-10),
		pagedown: () => choose(10),
	};

	const key = (event: KeyEvent): boolean => {
		const chord = chordOf(event);
		const act =
			chord === 'up' && chosen === 0 && input.value() === (history[recalled] ?? '') ? () => recall(-1) : keys[chord];
		if (!act) return input.key(event);
		act();
		return true;
	};

	const lineOf = (entry: Entry, isChosen: boolean, width: number): Line => {
		const {ellipsis, pointer} = console.theme.glyphs;
		const keysWidth = 9;
		const nameWidth = Math.min(28, Math.max(10, Math.floor(width / 3)));
		return {
			isInverse: isChosen,
			pieces: [
				{text: isChosen ? `${pointer} ` : '  '},
				...fit({text: entry.name, isBold: true}, nameWidth, ellipsis),
				{text: '  '},
				...fit({text: entry.note, tone: 'muted'}, Math.max(1, width - nameWidth - keysWidth - 5), ellipsis),
				{text: ' '},
				...fit({text: entry.keys, tone: 'accent'}, keysWidth, ellipsis, 'right'),
			],
		};
	};

	const view: View = {
		title: () => 'Palette',
		isModal: true,
		actions: () => [],
		isTyping: () => true,
		key,
		render(area) {
			const inside = insideOf(area);
			const list = found();
			const height = Math.max(1, inside.rows - 2);
			const start = Math.max(0, Math.min(chosen - Math.floor(height / 2), list.length - height));
			const shown = list
				.slice(start, start + height)
				.map((entry, index) => lineOf(entry, start + index === chosen, inside.columns));
			const none: Line = {pieces: [{text: 'Nothing is called that.', tone: 'muted'}]};
			return (
				<Panel
					title="Palette"
					note="Enter does it, Tab completes, Esc closes"
					area={area}
					theme={console.theme}
					isFocused
				>
					<Lines
						theme={console.theme}
						rows={inside.rows}
						lines={[
							fieldLine(':', input, '', inside.columns),
							{pieces: [{text: ' '}]},
							...(shown.length === 0 ? [none] : shown),
						]}
					/>
				</Panel>
			);
		},
		describe() {
			const entry = found()[chosen];
			return {title: 'Palette', selection: entry ? `${entry.name}: ${entry.note}` : 'Nothing is called that'};
		},
	};
	return view;
};
