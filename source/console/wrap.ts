import {displayWidth, truncate} from '../terminal/text.js';

/** A word in pieces that fit. */
const breakWord = (word: string, width: number): string[] => {
	const pieces: string[] = [];
	let rest = word;
	while (displayWidth(rest) > width) {
		const piece = truncate(rest, width, '');
		// One letter that is wider than the room: it is for the line to cut it off.
		if (piece === '') break;
		pieces.push(piece);
		rest = rest.slice(piece.length);
	}

	return rest === '' ? pieces : [...pieces, rest];
};

/** A printable text in lines of that width, broken between words where it can be. At least one line. */
export const wrap = (text: string, width: number): string[] => {
	if (displayWidth(text) <= width) return [text];
	const lines: string[] = [];
	let line = '';
	for (const word of text.split(/(?<=\s)/)) {
		if (displayWidth(line) + displayWidth(word.trimEnd()) <= width) {
			line += word;
			continue;
		}

		if (line !== '') lines.push(line.trimEnd());
		const pieces = breakWord(word, width);
		line = pieces.pop() ?? '';
		lines.push(...pieces);
	}

	return [...lines, line.trimEnd()];
};
