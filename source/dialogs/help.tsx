import type {Piece} from '../console/table.js';
import {fit} from '../console/table-layout.js';
import {type ActionId, bindingOf} from '../console/keymap.js';
import {keyName} from '../console/key-names.js';
import type {Action, Console, View} from '../console/view.js';
import {type Line, Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';

/** The longest is `Ctrl-d, PgDn`. */
const KEYS_WIDTH = 12;

const keysOf = (id: ActionId, console: Console) =>
	bindingOf(id)
		.keys.map(chord => keyName(chord, console.theme))
		.join(', ');

const lineOf = (id: ActionId, console: Console): Line => {
	const keys: Piece = {text: keysOf(id, console), tone: 'accent', isBold: true};
	return {
		pieces: [...fit(keys, KEYS_WIDTH, console.theme.glyphs.ellipsis), {text: '  '}, {text: bindingOf(id).help}],
	};
};

const headLine = (text: string): Line => ({pieces: [{text, isBold: true}]});
const blank: Line = {pieces: [{text: ' '}]};

/** What the keys do on the view below, and everywhere. */
export const createHelp = (console: Console, about: View, everywhere: readonly Action[]): View => {
	const own = about.actions().filter(({id}) => !console.isReadOnly || bindingOf(id).isChange !== true);
	const section = (head: string, actions: readonly Action[]): Line[] =>
		actions.length === 0 ? [] : [headLine(head), ...actions.map(({id}) => lineOf(id, console)), blank];
	const fitted = ({pieces}: Line, columns: number): Line => ({
		pieces: fit(pieces, columns, console.theme.glyphs.ellipsis),
	});
	const others = everywhere.filter(({id}) => !own.some(action => action.id === id));
	const legend = about.legend?.() ?? [];
	const signs: Line[] =
		legend.length === 0 ? [] : [headLine('Signs'), ...legend.map(text => ({pieces: [{text}]})), blank];
	const lines = [...section(about.title(), own), ...signs, ...section('Everywhere', others)].slice(0, -1);
	let top = 0;
	let height = 10;
	const scroll = (by: number) => {
		top = Math.max(0, Math.min(lines.length - height, top + by));
		console.changed();
	};

	return {
		title: () => `Help: ${about.title()}`,
		isAside: true,
		actions: () => [
			{id: 'list.up', run: () => scroll(-1)},
			{id: 'list.down', run: () => scroll(1)},
			{id: 'list.page-up', run: () => scroll(-height)},
			{id: 'list.page-down', run: () => scroll(height)},
			{id: 'list.first', run: () => scroll(-lines.length)},
			{id: 'list.last', run: () => scroll(lines.length)},
		],
		render(area) {
			const inside = insideOf(area);
			height = inside.rows;
			top = Math.max(0, Math.min(lines.length - height, top));
			const shown = lines.slice(top, top + height).map(line => fitted(line, inside.columns));
			const note =
				lines.length > height ? `${top + 1} to ${Math.min(lines.length, top + height)} of ${lines.length}` : '';
			return (
				<Panel title={`Help: ${about.title()}`} note={note} area={area} theme={console.theme} isFocused>
					<Lines theme={console.theme} lines={shown} rows={height} />
				</Panel>
			);
		},
		describe: () => ({
			title: `Help: ${about.title()}`,
			lines: lines.map(({pieces}) => pieces.map(({text}) => text).join('')).filter(text => text.trim() !== ''),
		}),
	};
};
