import {Box} from 'ink';
import {chordOf} from '../terminal/key.js';
import {createLineInput} from '../console/line-input.js';
import {wrap} from '../console/wrap.js';
import {printable} from '../terminal/text.js';
import type {BaseConsole, Console, View} from '../console/view.js';
import {fieldLine} from '../components/field.js';
import {type Line, Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';

type ConfirmOptions = {
	title: string;
	/** What will happen, a line each. */
	lines: readonly string[];
	/** What y does, in a word or two: "delete it". */
	yes: string;
	/** What n does, where that is not plain. */
	no?: string;
	/** Where much is at stake: what must be typed, in place of y. */
	typed?: string;
	run: () => void | Promise<void>;
};

const WIDTH = 72;

/** Asks before something is done. `y` does it, or the word that must be typed and Enter; anything else doesn't. */
export const createConfirm = (
	console: BaseConsole,
	{title, lines, yes, no = 'leave it', typed, run}: ConfirmOptions,
): View => {
	const input = typed === undefined ? undefined : createLineInput('', console.changed);

	const finish = () => {
		console.close(view);
		console.run({id: 'back', run});
	};

	const question = (width: number): Line =>
		input
			? fieldLine(`Type ${typed ?? ''} to ${yes}: `, input, '', width)
			: {
					pieces: [
						{text: 'y', tone: 'accent', isBold: true},
						{text: ` ${yes}   `},
						{text: 'n', tone: 'accent', isBold: true},
						{text: ` ${no}`},
					],
				};

	const view: View = {
		title: () => title,
		isModal: true,
		actions: () => [],
		isTyping: () => input !== undefined,
		key(event) {
			const chord = chordOf(event);
			if (input) {
				if (chord === 'enter' && input.value() === typed) finish();
				else if (chord === 'enter')
					console.notice({tone: 'warn', text: `That is not ${typed ?? ''}. Esc leaves everything as it is`});
				else return input.key(event);
				return true;
			}

			if (chord === 'y' || chord === 'Y') finish();
			else if (chord === 'n' || chord === 'N' || chord === 'enter') console.close(view);
			else return false;
			return true;
		},
		render(area) {
			const columns = Math.min(area.columns, WIDTH);
			const {columns: width} = insideOf({columns, rows: area.rows});
			const wrapped = lines.flatMap(text => wrap(printable(text), width));
			const box = {columns, rows: Math.min(area.rows, wrapped.length + 4)};
			const inside = insideOf(box);
			const shown: Line[] = wrapped.slice(0, inside.rows - 2).map(text => ({pieces: [{text}]}));
			return (
				<Box width={area.columns} height={area.rows} alignItems="center" justifyContent="center">
					<Panel title={title} area={box} theme={console.theme} isFocused>
						<Lines theme={console.theme} lines={[...shown, {pieces: [{text: ' '}]}, question(width)]} />
					</Panel>
				</Box>
			);
		},
		describe: () => ({
			title,
			lines: [...lines, input ? `Type ${typed ?? ''} and Enter to ${yes}` : `y: ${yes}. n: ${no}`],
		}),
	};
	return view;
};

/** Asks before work under way is given up. */
export const createQuit = (console: Console, quit: () => void): View => {
	const busy = console.transfers.get().filter(({state}) => ['queued', 'active', 'waiting', 'paused'].includes(state));
	const uploads = busy.filter(({kind}) => kind === 'upload').length;
	const downloads = busy.length - uploads;
	return createConfirm(console, {
		title: 'Transfers are under way',
		lines: [
			...(uploads === 0 ? [] : [`Uploads: ${uploads}. They are given up and leave nothing behind.`]),
			...(downloads === 0 ? [] : [`Downloads: ${downloads}. What they have is kept; the next try goes on from there.`]),
		],
		yes: 'quit',
		run: quit,
	});
};
