import type {Controller} from './controller.js';
import type {Description} from './view.js';

/** What was said last, so that only what is new is said. */
type Said = {who: string; title: string; selection: string; notice: string; connection: string};

const nothingSaid: Said = {who: '', title: '', selection: '', notice: '', connection: ''};

export type Reader = {
	/** The lines to say now; none where nothing is new. */
	next: () => string[];
	/** Everything about the place, again. */
	repeat: () => string[];
};

const wordsOf = (text: string) => text.toLowerCase().replace(/, next try.*| \d+ s\b/g, '');

/**
The console in lines that are only ever appended, for a screen reader: the place when it changes, the chosen row when another
one is chosen, notices, and the connection. Nothing is said twice, and nothing that merely ticks.
*/
export const createReader = (controller: Controller): Reader => {
	let said = nothingSaid;

	const placeLines = ({title, lines = []}: Description): string[] => [`${title}.`, ...lines];

	const next = (): string[] => {
		const description = controller.describe();
		const {title, selection = ''} = description;
		const {notice} = controller.shown();
		const {
			connection: {text: connection},
			whoSaid: who,
		} = controller.head(controller.console.size());
		const now: Said = {who, title, selection, notice: notice?.text ?? '', connection: wordsOf(connection)};
		const lines = [
			...(now.connection === said.connection ? [] : [`Connection: ${connection}.`]),
			...(now.who === said.who || who === '' ? [] : [`${who}.`]),
			...(now.title === said.title ? [] : placeLines(description)),
			...(now.selection === said.selection || now.selection === '' ? [] : [`Selected: ${selection}`]),
			...(now.notice === said.notice || now.notice === '' ? [] : [`Notice: ${now.notice}`]),
		];
		said = now;
		return lines;
	};

	return {
		next,
		repeat() {
			said = nothingSaid;
			return next();
		},
	};
};
