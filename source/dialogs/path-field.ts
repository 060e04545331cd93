import {createLineInput, type LineInput} from '../console/line-input.js';
import type {KeyEvent} from '../terminal/key.js';
import {pastedPath} from './path-input.js';

/** Whether a text that was pasted is a path as a whole. */
export const isPath = (pasted: string): boolean => /^["']?[/~]/.test(pasted.trim());

/** A line for a path. A path that is pasted whole takes the place of what is there. */
export const createPathField = (initial: string, onChange: () => void): LineInput => {
	const input = createLineInput(initial, onChange);
	return {
		...input,
		key(event: KeyEvent) {
			if (event.name !== 'paste' || !isPath(event.text)) return input.key(event);
			input.set(pastedPath(event.text));
			return true;
		},
	};
};
