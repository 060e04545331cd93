import type {Piece} from '../console/table.js';
import {fit} from '../console/table-layout.js';
import {type ActionId, bindingOf} from '../console/keymap.js';
import {keyName} from '../console/key-names.js';
import {createScroll} from '../console/scroll.js';
import type {Action, BaseConsole, View} from '../console/view.js';
import {type Line, Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';

/** The longest is `Ctrl-d, PgDn`. */
const KEYS_WIDTH = 12;

const keysOf = (id: ActionId, console: BaseConsole) =>
	bindingOf(id)
		.keys.map(chord => keyName(chord, console.theme))
		.join(', ');

const lineOf = (id: ActionId, console: BaseConsole): Line => {
	const keys: Piece = {text: keysOf(id, console), tone: 'accent', isBold: true};
	return {
		pieces: [...fit(keys, KEYS_WIDTH, console.theme.glyphs.ellipsis), {text: '  '}, {text: bindingOf(id).help}],
	};
};

const headLine = (text: string): Line => ({pieces: [{text, isBold: true}]});
const blank: Line = {pieces: [{text: ' '}]};

/** What the keys do on the view below, and everywhere. */
export const createHelp = (console: BaseConsole, about: View, everywhere: readonly Action[]): View => {
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
	const scroll = createScroll(console.changed);

	return {
		title: () => `Help: ${about.title()}`,
		isAside: true,
		actions: scroll.actions,
		render(area) {
			const inside = insideOf(area);
			const top = scroll.top(lines.length, inside.rows);
			const shown = lines.slice(top, top + inside.rows).map(line => fitted(line, inside.columns));
			return (
				<Panel title={`Help: ${about.title()}`} note={scroll.note()} area={area} theme={console.theme} isFocused>
					<Lines theme={console.theme} lines={shown} rows={inside.rows} />
				</Panel>
			);
		},
		describe: () => ({
			title: `Help: ${about.title()}`,
			lines: lines.map(({pieces}) => pieces.map(({text}) => text).join('')).filter(text => text.trim() !== ''),
		}),
	};
};
