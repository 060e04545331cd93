import {Box} from 'ink';
import type {ReactElement} from 'react';
import {type Line, Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';
import {createLineInput, type LineInput} from '../console/line-input.js';
import {fit} from '../console/table-layout.js';
import type {Area, Console, View} from '../console/view.js';
import {wrap} from '../console/wrap.js';
import {isPjasError} from '../protocol/errors.js';
import {SHORTEST_PASSPHRASE} from '../protocol/keyring-limit.js';
import {graphemes} from '../terminal/text.js';
import {chordOf} from '../terminal/key.js';
import {inputLine} from './path-line.js';

const WIDTH = 72;
const blank: Line = {pieces: [{text: ' '}]};

/** What the dialog is about now. */
type State =
	| {kind: 'looking'}
	| {kind: 'old'}
	/** A keyring is to be made: with `first` once the passphrase was typed for the first time. */
	| {kind: 'new'; first: string | undefined}
	| {kind: 'opening'};

const wordsOf = (state: State): string => {
	switch (state.kind) {
		case 'looking':
			return 'Asking the coordinator for your keyring.';
		case 'opening':
			return 'Opening the keyring.';
		case 'old':
			return 'The passphrase of your keyring opens what you sealed end to end.';
		case 'new':
			return state.first === undefined
				? 'This makes your keyring. Its passphrase opens what you seal, on every machine. Nobody can set another one.'
				: 'The same once more.';
	}
};

/** What was typed, as it is shown. */
const hidden = (input: LineInput, glyph: string): LineInput => {
	const cover = (text: string) => glyph.repeat([...graphemes(text)].length);
	const {before, under, after} = input.parts();
	return {...input, parts: () => ({before: cover(before), under: cover(under), after: cover(after)})};
};

type Shown = {console: Console; state: State; input: LineInput; problem: string | undefined};

const render = ({console, state, input, problem}: Shown, area: Area): ReactElement => {
	const {theme} = console;
	const columns = Math.min(area.columns, WIDTH);
	const {columns: width} = insideOf({columns, rows: area.rows});
	const isTyped = state.kind === 'old' || state.kind === 'new';
	const said = wrap(problem ?? wordsOf(state), width);
	const keys = isTyped ? 'Enter goes on, Esc leaves everything as it is' : 'Esc leaves everything as it is';
	const lines: Line[] = [
		...said.map((text): Line => ({pieces: [{text, tone: problem === undefined ? 'plain' : 'warn'}]})),
		blank,
		isTyped ? inputLine('Passphrase ', hidden(input, theme.glyphs.dot), width, theme) : blank,
		blank,
		{pieces: fit({text: keys, tone: 'muted'}, width, theme.glyphs.ellipsis)},
	];
	const box = {columns, rows: Math.min(area.rows, lines.length + 2)};
	return (
		<Box width={area.columns} height={area.rows} alignItems="center" justifyContent="center">
			<Panel title="End to end" area={box} theme={theme} isFocused>
				<Lines theme={theme} lines={lines} rows={insideOf(box).rows} />
			</Panel>
		</Box>
	);
};

/** Asks for the passphrase of the keyring, twice where it makes one, opens it, and goes on. */
export const createPassphraseDialog = (console: Console, goOn: () => void): View => {
	const {keyring, live} = console;
	let state: State = {kind: 'looking'};
	let problem: string | undefined;
	let isClosed = false;
	const input = createLineInput();

	const become = (next: State, why?: string) => {
		state = next;
		problem = why;
		input.set('');
		console.changed();
	};

	const fail = (error: unknown) => {
		if (isClosed) return;
		console.close(view);
		console.notice({tone: 'bad', text: error instanceof Error ? error.message : String(error)});
	};

	const look = async () => {
		const isThere = await keyring.exists();
		if (!isClosed) become(isThere ? {kind: 'old'} : {kind: 'new', first: undefined});
	};

	const open = async (passphrase: string) => {
		become({kind: 'opening'});
		try {
			await keyring.open(passphrase);
		} catch (error) {
			if (isClosed || !isPjasError(error, 'WRONG_PASSPHRASE')) throw error;
			become({kind: 'old'}, error.message);
			return;
		}

		// What was sealed has names now.
		live.reloadFiles();
		if (isClosed) return;
		console.close(view);
		goOn();
	};

	const enter = () => {
		const typed = input.value();
		if (state.kind === 'old') open(typed).catch(fail);
		else if (state.kind !== 'new') return;
		else if (Array.from(typed).length < SHORTEST_PASSPHRASE) {
			become(state, `A passphrase has at least ${SHORTEST_PASSPHRASE} characters.`);
		} else if (state.first === undefined) become({kind: 'new', first: typed});
		else if (state.first === typed) open(typed).catch(fail);
		else become({kind: 'new', first: undefined}, 'These are two passphrases. Type the first one again.');
	};

	const view: View = {
		title: () => 'End to end',
		isModal: true,
		actions: () => [],
		isTyping: () => true,
		key(event) {
			console.changed();
			if (chordOf(event) === 'enter') enter();
			else if (state.kind === 'old' || state.kind === 'new') return input.key(event);
			else return false;
			return true;
		},
		render: area => render({console, state, input, problem}, area),
		describe: () => ({
			title: 'End to end',
			selection: state.kind === 'old' || state.kind === 'new' ? 'Passphrase' : wordsOf(state),
			lines: [
				...(problem === undefined ? [] : [problem]),
				wordsOf(state),
				'Enter goes on. Esc leaves everything as it is',
			],
		}),
		dispose() {
			isClosed = true;
			input.set('');
		},
	};
	look().catch(fail);
	return view;
};

/** Does what needs the keyring, once that is open: its passphrase is asked for once while the console runs. */
export const withKeyring = (console: Console, goOn: () => void): void => {
	if (console.keyring.vault()) goOn();
	else console.open(createPassphraseDialog(console, goOn));
};
