/**
Control characters, and those that turn the direction of text or end a line elsewhere: a terminal obeys the former, and
the latter make a line look like another.
*/
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]|\p{Surrogate}/gu;

/** Text from elsewhere, fit for a terminal or a line of a log: what could be obeyed is made visible. */
export const escapeControls = (text: string): string =>
	text.replace(unprintable, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
