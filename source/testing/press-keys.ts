import {bindingOf} from '../console/keymap.js';
import type {BaseConsole, View} from '../console/view.js';
import type {KeyEvent} from '../terminal/key.js';

const keyOf = (name: string): KeyEvent => ({
	...{name, text: name.length === 1 ? name : '', ctrl: false, alt: false, shift: false},
});

/** Presses keys in a view: what they are bound to is done, unless the view is being typed into. */
export const pressKeys = (console: Pick<BaseConsole, 'run'>, view: View, ...names: string[]): void => {
	for (const name of names) {
		const action = view.actions().find(({id}) => view.isTyping?.() !== true && bindingOf(id).keys.includes(name));
		if (action) console.run(action);
		else view.key?.(keyOf(name));
	}
};
