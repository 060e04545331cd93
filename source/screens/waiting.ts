import type {Connection} from '../client/live-state.js';
import type {Line} from '../components/lines.js';
import type {Console} from '../console/view.js';
import {wrap} from '../console/wrap.js';
import {printable} from '../terminal/text.js';

/** A text with a full stop, unless it ends with some mark of its own. */
export const sentence = (text: string): string => (/[.?!]$/.test(text) ? text : `${text}.`);

/** What is said in place of what has not come yet: that it was asked for, or why it does not come and what to do. */
export const waitingFor = (connection: Connection, whom: string, what: string): string[] => {
	if (connection.state !== 'stale') return [`Asking ${whom} for ${what}.`];
	return [sentence(connection.error), 'Ctrl-r tries again at once.'];
};

export const waiting = ({live}: Pick<Console, 'live'>, what: string): string[] =>
	waitingFor(live.get().connection, 'the coordinator', what);

/** Sentences in as many lines as they take. */
export const mutedLines = (texts: readonly string[], width: number): Line[] =>
	texts.flatMap(text => wrap(printable(text), width)).map(text => ({pieces: [{text, tone: 'muted'}]}));
