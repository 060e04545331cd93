import {Box} from 'ink';
import {type Line, Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';
import {fit} from '../console/table-layout.js';
import type {BaseConsole, View} from '../console/view.js';
import {wrap} from '../console/wrap.js';
import {wrap as cut} from '../screens/file-facts.js';
import {chordOf} from '../terminal/key.js';
import {printable} from '../terminal/text.js';

type ToldOnceOptions = {
	title: string;
	/** What it is good for, a line each. */
	lines: readonly string[];
	/** What nobody can be told again. */
	secret: string;
};

const WIDTH = 84;

/** Shows a secret, until it is said that it was taken down: Enter alone closes it, so that no slip loses it. */
export const createToldOnce = (console: BaseConsole, {title, lines, secret}: ToldOnceOptions): View => {
	const hints: Line['pieces'] = [
		...[{text: 'y', tone: 'accent' as const, isBold: true}, {text: ' copies it   '}],
		...[{text: 'Enter', tone: 'accent' as const, isBold: true}, {text: ' closes; it is not shown again'}],
	];

	const view: View = {
		title: () => title,
		isModal: true,
		actions: () => [],
		key(event) {
			const chord = chordOf(event);
			if (chord === 'y') console.copy(secret);
			else if (chord === 'enter') console.close(view);
			else return false;
			return true;
		},
		// Esc is pressed by habit.
		back() {
			console.notice({tone: 'info', text: 'Enter closes this: it is not shown again'});
			return true;
		},
		render(area) {
			const columns = Math.min(area.columns, WIDTH);
			const {columns: width} = insideOf({columns, rows: area.rows});
			const blank: Line = {pieces: [{text: ' '}]};
			const said = lines.flatMap(text => wrap(printable(text), width)).map((text): Line => ({pieces: [{text}]}));
			const shown = cut(secret, width).map((text): Line => ({pieces: [{text, isBold: true, tone: 'accent'}]}));
			const all = [...said, blank, ...shown, blank, {pieces: fit(hints, width, console.theme.glyphs.ellipsis)}];
			const box = {columns, rows: Math.min(area.rows, all.length + 2)};
			return (
				<Box width={area.columns} height={area.rows} alignItems="center" justifyContent="center">
					<Panel title={title} area={box} theme={console.theme} isFocused>
						<Lines theme={console.theme} lines={all} rows={insideOf(box).rows} />
					</Panel>
				</Box>
			);
		},
		describe: () => ({title, lines: [...lines, secret, 'y copies it. Enter closes; it is not shown again']}),
	};
	return view;
};
