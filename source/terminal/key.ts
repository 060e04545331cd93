/** A key that was pressed, or a text that was pasted: what the console reacts to. */
export type KeyEvent = {
	/**
	What was pressed. A character that can be written is its own name (`a`, `G`, `/`, `é`, ` ` is `space`). Others: `up`,
	`down`, `left`, `right`, `home`, `end`, `pageup`, `pagedown`, `insert`, `delete`, `backspace`, `tab`, `enter`, `escape`,
	`f1` to `f12`, and `paste` for a bracketed paste as a whole.
	*/
	name: string;
	/** What it would write into a field; '' for a key that writes nothing. Of a paste the whole text, without control characters but newline and tab. */
	text: string;
	ctrl: boolean;
	alt: boolean;
	/** Only where the terminal says so: Shift-Tab, Shift-Up. A capital letter is its own name. */
	shift: boolean;
};

/** How a binding names a key: `c`, `G`, `ctrl-d`, `shift-tab`, `alt-enter`, `space`. */
export const chordOf = ({name, ctrl, alt, shift}: KeyEvent): string =>
	`${ctrl ? 'ctrl-' : ''}${alt ? 'alt-' : ''}${shift ? 'shift-' : ''}${name}`;
