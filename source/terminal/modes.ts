import {writeSync} from 'node:fs';
import {printable} from './text.js';

/**
Alternate screen, no cursor, no wrapping, pastes marked as such, and no reordering of right-to-left text (`CSI 8 l`): a terminal
that turns it would mix up the columns of a table.
*/
export const enterSequence = (title: string | undefined): string =>
	`\u001B[?1049h\u001B[?25l\u001B[?7l\u001B[?2004h\u001B[8l${
		title === undefined ? '' : `\u001B[22;2t\u001B]2;${printable(title)}\u0007`
	}`;

/** All of it back; the frame that may have been cut off is ended first. */
export const leaveSequence = (title: string | undefined): string =>
	`\u001B[?2026l\u001B[m${title === undefined ? '' : '\u001B[23;2t'}\u001B[8h\u001B[?2004l\u001B[?1049l\u001B[?7h\u001B[?25h`;

const MAX_TRIES = 1000;

/**
Writes before it returns, where that can be done, so that it works in a handler of `exit` too. A terminal that is gone, or takes
nothing more, is left alone.
*/
export const writeNow = (output: NodeJS.WritableStream & {fd?: number}, text: string): void => {
	if (output.fd === undefined) {
		output.write(text);
		return;
	}

	let rest = Buffer.from(text);
	for (let tries = 0; rest.length > 0 && tries < MAX_TRIES; tries++) {
		try {
			rest = rest.subarray(writeSync(output.fd, rest));
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
		}
	}
};

/**
Node writes to a terminal in a blocking way, so that one that stands still would stop everything else too. There is no public
switch for it; where this one is missing, it stays so.
*/
export const setBlocking = (output: NodeJS.WritableStream, isBlocking: boolean): void => {
	const {_handle: handle} = output as {_handle?: {setBlocking?: (isBlocking: boolean) => void}};
	handle?.setBlocking?.(isBlocking);
};
