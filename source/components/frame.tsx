import {Box} from 'ink';
import type {ReactNode} from 'react';
import {type ActionId, bindingOf} from '../console/keymap.js';
import {keyName} from '../console/key-names.js';
import {fit} from '../console/table-layout.js';
import type {Piece} from '../console/table.js';
import type {Theme} from '../console/theme.js';
import {wrap} from '../console/wrap.js';
import type {Action, Area, Head, Notice, Tab} from '../console/view.js';
import {displayWidth, printable} from '../terminal/text.js';
import {type Line, Lines, LineText} from './lines.js';

export type FrameProps = {
	area: Area;
	theme: Theme;
	head: Head;
	isReadOnly: boolean;
	tabs: readonly Tab[];
	screen: string;
	notice: Notice | undefined;
	actions: readonly Action[];
	everywhere: readonly Action[];
	/** Whether a field takes what is typed, so that letters do nothing else. */
	isTyping: boolean;
	children: ReactNode;
};

export const MINIMUM: Area = {columns: 60, rows: 15};

/** Lines of the frame around the body: head, screens, foot. */
export const FRAME_ROWS = 3;

const MOST_NOTICE_ROWS = 3;

const widthOf = (pieces: readonly Piece[]) => pieces.reduce((sum, {text}) => sum + displayWidth(text), 0);

/** What the head always has room for. */
const LEAST_WHO = 24;
const WHO_SHARE = 1 / 3;

const headPieces = ({area, theme, head, isReadOnly}: FrameProps): Piece[] => {
	const {url, who, connection, figures} = head;
	const {ellipsis} = theme.glyphs;
	const whoWidth = Math.min(Math.max(LEAST_WHO, Math.floor(area.columns * WHO_SHARE)), widthOf(who));
	const person: Piece[] = whoWidth === 0 ? [] : [{text: '  '}, ...fit(who, whoWidth, ellipsis)];
	const tag: Piece[] = isReadOnly ? [{text: '  read-only', tone: 'warn'}] : [];
	const right: Piece[] = [{text: connection.text, tone: connection.tone, isBold: true}, ...figures];
	const needed: Piece[] = [{text: 'PJAS', tone: 'accent', isBold: true}, ...person, ...tag];
	const left: Piece[] = [...needed, {text: `  ${url}`, tone: 'muted'}];
	const rightWidth = Math.min(widthOf(right), area.columns - widthOf(needed) - 2);
	return [...fit(left, area.columns - rightWidth - 2, ellipsis), {text: '  '}, ...fit(right, rightWidth, ellipsis)];
};

const longName = ({title}: Tab) => title;
const shortName = ({title, short = title}: Tab) => short;
const shortestName = (tab: Tab) => tab.shortest ?? shortName(tab);

const tabPieces = ({area, theme, tabs, screen, head: {badges}}: FrameProps): Piece[] => {
	const named = (margin: string, nameOf: (tab: Tab) => string) =>
		tabs.flatMap((tab, index): Piece[] => {
			const badge = badges[tab.id] === undefined ? '' : ` ${badges[tab.id]}`;
			const text = `${margin}${index + 1} ${nameOf(tab)}${badge}${margin}`;
			return [tab.id === screen ? {text, isBold: true, isInverse: true} : {text, tone: 'muted'}, {text: ' '}];
		});
	const forms = [named(' ', longName), named('', longName), named('', shortName)];
	const shown = forms.find(form => widthOf(form) <= area.columns + 1) ?? named('', shortestName);
	return fit(shown, area.columns, theme.glyphs.ellipsis);
};

const noticePrefix: Record<Notice['tone'], string> = {info: '', ok: 'Done: ', warn: 'Note: ', bad: 'Failed: '};

/** What the bottom line names in any case. */
const always: readonly ActionId[] = ['upload', 'palette', 'help', 'quit'];

/** Whether a key writes something. */
const isLetter = (chord: string) => Array.from(chord).length === 1;

/** What the keys do here and now, as many as fit: the place's own first, then the way back and what works everywhere. */
const keyPieces = ({area, theme, actions: all, everywhere, isTyping}: FrameProps): Piece[] => {
	const actions = all.filter(({id, problem}) => id !== 'back' && problem?.() === undefined);
	const last = [
		...all.filter(({id}) => id === 'back'),
		...always.flatMap(id => everywhere.filter(action => action.id === id && action.problem?.() === undefined)),
	];
	const isMovement = ({id}: Action) => /^list\.(up|down|left|right|first|last|page)/.test(id);
	const hint = ({id}: Action): Piece[] => {
		const {keys, label} = bindingOf(id);
		const key = isTyping ? keys.find(chord => !isLetter(chord)) : keys[0];
		if (key === undefined) return [];
		return [{text: keyName(key, theme), tone: 'accent', isBold: true}, {text: ` ${label}  `}];
	};

	const ending = last.flatMap(hint);
	let room = area.columns - widthOf(ending);
	const beginning: Piece[] = [];
	for (const pieces of actions.filter(action => !isMovement(action)).map(hint)) {
		room -= widthOf(pieces);
		if (room < 0) break;
		beginning.push(...pieces);
	}

	return fit([...beginning, ...ending], area.columns, theme.glyphs.ellipsis);
};

/** What the keys do, or a notice: whole, over the last lines of the body where it takes several. */
const footLines = (props: FrameProps): Line[] => {
	const {notice, area, theme} = props;
	if (!notice) return [{pieces: keyPieces(props)}];
	const tone = notice.tone === 'info' ? 'plain' : notice.tone;
	const lines = wrap(printable(noticePrefix[notice.tone] + notice.text), area.columns);
	const shown = [...lines.slice(0, MOST_NOTICE_ROWS - 1), lines.slice(MOST_NOTICE_ROWS - 1).join(' ')];
	return shown
		.filter(text => text !== '')
		.map(text => ({pieces: fit({text, tone, isBold: true}, area.columns, theme.glyphs.ellipsis)}));
};

/** What stands around every screen: where one is, how the network does, and what the keys do. */
export const Frame = (props: FrameProps): ReactNode => {
	const {area, theme, children} = props;
	const foot = footLines(props);
	return (
		<Box flexDirection="column" width={area.columns} height={area.rows}>
			<LineText theme={theme} line={{pieces: headPieces(props)}} />
			<LineText theme={theme} line={{pieces: tabPieces(props)}} />
			<Box height={area.rows - FRAME_ROWS + 1 - foot.length} width={area.columns} overflowY="hidden">
				{children}
			</Box>
			<Lines theme={theme} lines={foot} />
		</Box>
	);
};

/** What is said where the terminal is too small for anything else. */
export const TooSmall = ({area, theme}: {area: Area; theme: Theme}): ReactNode => (
	<Box flexDirection="column" width={area.columns} height={area.rows} overflowY="hidden">
		<LineText theme={theme} line={{pieces: [{text: `PJAS needs ${MINIMUM.columns}x${MINIMUM.rows}`, isBold: true}]}} />
		<LineText theme={theme} line={{pieces: [{text: `This is ${area.columns}x${area.rows}: make it larger`}]}} />
		<LineText theme={theme} line={{pieces: [{text: 'q quits', tone: 'muted'}]}} />
	</Box>
);
