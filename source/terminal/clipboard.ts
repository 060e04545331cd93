import type {Environment} from './environment.js';

/** What fits into the 100,000 bytes that xterm takes of a sequence. */
const MAX_BYTES = 74_994;
/** Screen takes strings in short pieces. */
const SCREEN_PIECE = 240;

const ESCAPE = '\u001B';
const STRING_END = `${ESCAPE}\\`;

/**
The sequence that puts a text on the clipboard of whoever sits at the terminal (OSC 52); `undefined` where it is too long.
Tmux gets it twice, for itself and to hand on, since its settings decide which of the two it takes.
*/
export const clipboardSequence = (text: string, environment: Environment): string | undefined => {
	const bytes = Buffer.from(text);
	if (bytes.length > MAX_BYTES) return undefined;
	const sequence = `${ESCAPE}]52;c;${bytes.toString('base64')}\u0007`;
	if (environment['TMUX']) {
		return `${sequence}${ESCAPE}Ptmux;${sequence.replaceAll(ESCAPE, ESCAPE + ESCAPE)}${STRING_END}`;
	}

	if (!environment['STY']) return sequence;
	const pieces = sequence.match(new RegExp(`.{1,${SCREEN_PIECE}}`, 'gs')) ?? [];
	return pieces.map(piece => `${ESCAPE}P${piece}${STRING_END}`).join('');
};
