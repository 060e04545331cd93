import type {KeyEvent} from '../terminal/key.js';
import {chordOf} from '../terminal/key.js';

/** A line that is being written, with the cursor before the grapheme of that number. */
export type LineInput = {
	value: () => string;
	/** The line in three parts: before the cursor, under it ('' at the end), and after it. */
	parts: () => {before: string; under: string; after: string};
	set: (value: string) => void;
	/** Says whether the key was one for a line. */
	key: (event: KeyEvent) => boolean;
};

const segmenter = new Intl.Segmenter(undefined, {granularity: 'grapheme'});
const graphemesOf = (text: string) => Array.from(segmenter.segment(text), ({segment}) => segment);
const MAX_GRAPHEMES = 4096;

/** Where the word before the cursor begins. */
const wordStart = (graphemes: readonly string[], cursor: number): number => {
	let at = cursor;
	while (at > 0 && graphemes[at - 1] === ' ') at--;
	while (at > 0 && graphemes[at - 1] !== ' ' && graphemes[at - 1] !== '/') at--;
	return at === cursor && at > 0 ? at - 1 : at;
};

/** @param onChange - Called after the text changed; not where only the cursor moved. */
export const createLineInput = (initial = '', onChange: () => void = () => undefined): LineInput => {
	let graphemes = graphemesOf(initial);
	let cursor = graphemes.length;

	const replace = (from: number, to: number, text: string) => {
		const before = [...graphemes.slice(0, from), ...graphemesOf(text)].slice(0, MAX_GRAPHEMES);
		graphemes = [...before, ...graphemes.slice(to)].slice(0, MAX_GRAPHEMES);
		cursor = Math.min(before.length, graphemes.length);
		onChange();
	};

	const moveTo = (place: number) => {
		cursor = Math.max(0, Math.min(graphemes.length, place));
	};

	const edits: Record<string, () => void> = {
		left: () => moveTo(cursor - 1),
		right: () => moveTo(cursor + 1),
		'ctrl-b': () => moveTo(cursor - 1),
		'ctrl-f': () => moveTo(cursor + 1),
		'ctrl-left': () => moveTo(wordStart(graphemes, cursor)),
		home: () => moveTo(0),
		'ctrl-a': () => moveTo(0),
		end: () => moveTo(graphemes.length),
		'ctrl-e': () => moveTo(graphemes.length),
		backspace: () => cursor > 0 && replace(cursor - 1, cursor, ''),
		delete: () => cursor < graphemes.length && removeUnder(),
		'ctrl-w': () => replace(wordStart(graphemes, cursor), cursor, ''),
		'alt-backspace': () => replace(wordStart(graphemes, cursor), cursor, ''),
		'ctrl-u': () => replace(0, cursor, ''),
		'ctrl-k': () => removeRest(),
	};

	const removeUnder = () => replace(cursor, cursor + 1, '');
	const removeRest = () => replace(cursor, graphemes.length, '');

	return {
		value: () => graphemes.join(''),
		parts: () => ({
			before: graphemes.slice(0, cursor).join(''),
			under: graphemes[cursor] ?? '',
			after: graphemes.slice(cursor + 1).join(''),
		}),
		set(value) {
			graphemes = graphemesOf(value).slice(0, MAX_GRAPHEMES);
			cursor = graphemes.length;
			onChange();
		},
		key(event) {
			const edit = edits[chordOf(event)];
			if (edit) {
				edit();
				return true;
			}

			if (event.ctrl || event.alt || event.text === '' || event.name === 'enter' || event.name === 'tab') return false;
			replace(cursor, cursor, event.text.replace(/[\n\t]+/g, ' '));
			return true;
		},
	};
};
