import {Box} from 'ink';
import {fieldLine} from '../components/field.js';
import {type Line, Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';
import {createLineInput, type LineInput} from '../console/line-input.js';
import {fit} from '../console/table-layout.js';
import type {Piece} from '../console/table.js';
import type {Area, BaseConsole, View} from '../console/view.js';
import {wrap} from '../console/wrap.js';
import {chordOf, type KeyEvent} from '../terminal/key.js';
import {displayWidth, printable} from '../terminal/text.js';

/** A line to write, or one of a few words to choose. */
export type FormField = {
	name: string;
	label: string;
	initial: string;
	/** What can be chosen; without it, anything can be written. */
	choices?: readonly string[];
	/** What is said behind it. */
	hint?: string;
};

export type FormOptions = {
	title: string;
	/** What is said above the fields, a line each. */
	lines?: readonly string[];
	fields: readonly FormField[];
	/** What Enter does, in a word or two. */
	yes: string;
	/** Why it can't be done with these values, in words. The form then stays open. */
	problem?: (values: Readonly<Record<string, string>>) => string | undefined;
	run: (values: Readonly<Record<string, string>>) => void | Promise<void>;
};

type Field = FormField & {input: LineInput | undefined; value: () => string; turn: (step: number) => void};

const WIDTH = 72;
/** These are the frame's, also while something is written. */
const passed = new Set(['escape', 'ctrl-c', 'ctrl-l', 'ctrl-z', 'f1']);

const createField = (field: FormField, changed: () => void): Field => {
	const {choices, initial} = field;
	let at = Math.max(0, choices?.indexOf(initial) ?? 0);
	const input = choices ? undefined : createLineInput(initial, changed);
	return {
		...field,
		input,
		value: () => input?.value().trim() ?? choices?.[at] ?? '',
		turn(step) {
			const count = choices?.length ?? 1;
			at = (at + step + count) % count;
			changed();
		},
	};
};

const labelOf = ({label}: FormField, width: number) => `${label.padEnd(width)}  `;

const choicePieces = (field: Field, isFocused: boolean): Piece[] =>
	(field.choices ?? []).flatMap((choice): Piece[] => {
		const isChosen = choice === field.value();
		// Brackets tell the chosen one where there are no colours.
		const text = isChosen ? `[${choice}]` : ` ${choice} `;
		return [{text, isBold: isChosen, isInverse: isChosen && isFocused, ...(!isChosen && {tone: 'muted' as const})}];
	});

const lineOf = (field: Field, isFocused: boolean, labelWidth: number, console: BaseConsole, width: number): Line => {
	const {theme} = console;
	const pointer = `${isFocused ? theme.glyphs.pointer : ' '} `;
	const label = pointer + labelOf(field, labelWidth);
	const hint: Piece = {text: field.hint === undefined ? '' : `  ${field.hint}`, tone: 'muted'};
	if (field.input && isFocused) {
		const room = width - displayWidth(hint.text);
		const {pieces} = fieldLine(label, field.input, '', Math.max(Math.floor(width / 2), room));
		return {pieces: fit([...pieces, hint], width, theme.glyphs.ellipsis)};
	}

	const shown = field.input ? [{text: field.value() === '' ? '-' : field.value()}] : choicePieces(field, isFocused);
	const head: Piece = {text: label, ...(isFocused && {tone: 'accent' as const, isBold: true})};
	return {pieces: fit([head, ...shown, hint], width, theme.glyphs.ellipsis)};
};

/** A few fields in a box: up and down go between them, Enter does what they say, Esc leaves it. */
export const createForm = (
	console: BaseConsole,
	{title, lines = [], fields: given, yes, problem, run}: FormOptions,
): View => {
	const fields = given.map(field => createField(field, console.changed));
	const labelWidth = Math.max(...fields.map(({label}) => label.length));
	let at = 0;
	const valuesOf = () => Object.fromEntries(fields.map(field => [field.name, field.value()]));

	const move = (step: number) => {
		at = (at + step + fields.length) % fields.length;
		console.changed();
	};

	const submit = () => {
		const values = valuesOf();
		const text = problem?.(values);
		if (text !== undefined) {
			console.notice({tone: 'warn', text});
			return;
		}

		console.close(view);
		console.run({id: 'back', run: async () => run(values)});
	};

	const keys: Record<string, () => void> = {
		enter: submit,
		up: () => move(-1),
		down: () => move(1),
		tab: () => move(1),
		'shift-tab': () => move(-1),
	};

	const key = (event: KeyEvent): boolean => {
		const chord = chordOf(event);
		if (passed.has(chord)) return false;
		const act = keys[chord];
		const field = fields[at];
		if (act) act();
		else if (field?.input) return field.input.key(event);
		else if (chord === 'left' || chord === 'h') field?.turn(-1);
		else if (chord === 'right' || chord === 'l' || chord === 'space') field?.turn(1);
		return true;
	};

	const hints = (width: number): Line => {
		const hint = (chord: string, text: string): Piece[] => [
			{text: chord, tone: 'accent', isBold: true},
			{text: ` ${text}  `},
		];
		const {up, down} = console.theme.glyphs;
		const turn = fields[at]?.choices ? hint('Space', 'chooses') : [];
		const pieces = [...hint('Enter', yes), ...hint(`${up} ${down}`, 'move'), ...turn, ...hint('Esc', 'closes')];
		return {pieces: fit(pieces, width, console.theme.glyphs.ellipsis)};
	};

	const bodyLines = (width: number): Line[] => {
		const said = lines.flatMap(text => wrap(printable(text), width)).map((text): Line => ({pieces: [{text}]}));
		const blank: Line = {pieces: [{text: ' '}]};
		return [
			...said,
			...(said.length === 0 ? [] : [blank]),
			...fields.map((field, index) => lineOf(field, index === at, labelWidth, console, width)),
			blank,
			hints(width),
		];
	};

	const view: View = {
		title: () => title,
		isModal: true,
		actions: () => [],
		isTyping: () => true,
		key,
		render(area: Area) {
			const columns = Math.min(area.columns, WIDTH);
			const shown = bodyLines(insideOf({columns, rows: area.rows}).columns);
			const box = {columns, rows: Math.min(area.rows, shown.length + 2)};
			return (
				<Box width={area.columns} height={area.rows} alignItems="center" justifyContent="center">
					<Panel title={title} area={box} theme={console.theme} isFocused>
						<Lines theme={console.theme} lines={shown} rows={insideOf(box).rows} />
					</Panel>
				</Box>
			);
		},
		describe() {
			const field = fields[at];
			return {
				title,
				...(field && {selection: `${field.label}: ${field.value() === '' ? 'empty' : field.value()}`}),
				lines: [...lines, ...fields.map(each => `${each.label}: ${each.value()}`), `Enter ${yes}, Esc closes`],
			};
		},
	};
	return view;
};
