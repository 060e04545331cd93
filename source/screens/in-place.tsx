import {Box} from 'ink';
import {type Line, Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';
import type {BaseConsole, View} from '../console/view.js';
import {wrap} from '../console/wrap.js';
import {printable} from '../terminal/text.js';

const WIDTH = 76;

type InPlaceOptions = {
	title: () => string;
	/** What is said, a sentence or more each; a command stands by itself. */
	texts: () => readonly (string | {command: string})[];
};

/** What stands in place of every screen while there is nothing to show: why, and what to do about it. */
export const createInPlace = (console: BaseConsole, {title, texts}: InPlaceOptions): View => ({
	title,
	actions: () => [],
	render(area) {
		const box = {columns: Math.min(area.columns, WIDTH), rows: 0};
		const {columns: width} = insideOf({...box, rows: area.rows});
		const lines = texts().flatMap((text): Line[] =>
			typeof text === 'string'
				? wrap(printable(text), width).map(part => ({pieces: [{text: part}]}))
				: [
						{pieces: [{text: ' '}]},
						...wrap(printable(text.command), width - 2).map((part): Line => ({
							pieces: [{text: `  ${part}`, tone: 'accent', isBold: true}],
						})),
						{pieces: [{text: ' '}]},
					],
		);
		box.rows = Math.min(area.rows, lines.length + 2);
		return (
			<Box width={area.columns} height={area.rows} alignItems="center" justifyContent="center">
				<Panel title={title()} area={box} theme={console.theme} isFocused>
					<Lines theme={console.theme} lines={lines} rows={insideOf(box).rows} />
				</Panel>
			</Box>
		);
	},
	describe: () => ({
		title: title(),
		lines: texts().map(text => (typeof text === 'string' ? text : text.command)),
	}),
});
