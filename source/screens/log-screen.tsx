import type {LogEntry} from '../client/api.js';
import {insideOf, Panel} from '../components/panel.js';
import {TableView} from '../components/table-view.js';
import {dateTime, timeOfDay} from '../console/age.js';
import {createTable, type Column} from '../console/table.js';
import type {Action, BaseConsole, View} from '../console/view.js';
import {wrap} from '../console/wrap.js';
import {chordOf} from '../terminal/key.js';
import {printable} from '../terminal/text.js';
import type {History} from './activity-history.js';
import {levelTone} from './log-line.js';

/** An entry, or one line of an entry whose message takes several. */
type Row = {entry: LogEntry; line: number; text: string};

const levels = ['all', 'warnings', 'errors'] as const;
type Level = (typeof levels)[number];

const passes: Record<Level, (entry: LogEntry) => boolean> = {
	all: () => true,
	warnings: ({level}) => level !== 'INFO',
	errors: ({level}) => level === 'ERROR',
};

/** All columns but the message, and what stands between them. */
const FIXED_COLUMNS = 19;

const columns: Column<Row>[] = [
	{
		id: 'time',
		title: 'TIME',
		min: 8,
		priority: 0,
		cell: ({entry, line}) => (line > 0 ? '' : {text: timeOfDay(entry.timestamp_ms), tone: 'muted'}),
	},
	{
		id: 'level',
		title: 'LEVEL',
		min: 5,
		priority: 1,
		cell: ({entry, line}) => (line > 0 ? '' : {text: entry.level, tone: levelTone[entry.level]}),
	},
	{id: 'message', title: 'MESSAGE', min: 20, grow: 1, priority: 0, cell: ({text}) => text},
];

const rowsOf = (entry: LogEntry, width: number | undefined): Row[] => {
	const text = printable(entry.message);
	return (width === undefined ? [text] : wrap(text, width)).map((part, line) => ({entry, line, text: part}));
};

/** What a log is shown of. */
export type LogSource = {
	title: string;
	/** What is known of it, and what came before. */
	history: History;
	/** Whether new entries come. */
	isLive: () => boolean;
	/** Whom it is waited for where none do. */
	whom: string;
	/** What is said while nothing has come yet; `undefined` once something could have. */
	waiting: () => readonly string[] | undefined;
	/** Where an entry leads to; without it, it is only said. */
	open?: (entry: LogEntry) => void;
	retry: Action;
};

/** A log: live, or back to the oldest entry that is kept. */
export const createLogScreen = (console: BaseConsole, source: LogSource): View => {
	const {history, title} = source;
	let isFollowing = true;
	let isWide = false;
	let level: Level = 'all';
	let width = 80;

	let isPainting = false;

	let madeFrom: readonly unknown[] = [];
	let made: readonly Row[] = [];
	let rowsByEntry = new WeakMap<LogEntry, Row[]>();
	/** Made once for each entry, so that a new one does not cost the work of all. */
	const rowsFor = (entry: LogEntry): Row[] => {
		const known = rowsByEntry.get(entry);
		if (known) return known;
		const fresh = rowsOf(entry, isWide ? width : undefined);
		rowsByEntry.set(entry, fresh);
		return fresh;
	};

	const rows = () => {
		const entries = history.get();
		const from = [entries, level, isWide ? width : undefined];
		if (from.some((value, index) => value !== madeFrom[index])) {
			if (from[2] !== madeFrom[2]) rowsByEntry = new WeakMap();
			madeFrom = from;
			made = entries.filter(passes[level]).flatMap(entry => rowsFor(entry));
		}

		return made;
	};

	const table = createTable<Row>({
		columns,
		rows,
		keyOf: ({entry, line}) => `${entry.id} ${line}`,
		textOf: ({entry}) => `${entry.level} ${entry.message} ${entry.node_id ?? ''} ${entry.file_id ?? ''}`,
		// To go to the newest while it is painted asks for no other frame.
		changed() {
			if (!isPainting) console.changed();
		},
		open({entry}) {
			if (source.open) source.open(entry);
			else console.notice({tone: 'info', text: entry.message});
		},
		copy: ({entry}) => console.copy(entry.message),
	});

	const actions: readonly Action[] = [
		{
			id: 'activity.follow',
			run() {
				isFollowing = !isFollowing;
				console.changed();
			},
		},
		{
			id: 'activity.level',
			run() {
				level = levels[(levels.indexOf(level) + 1) % levels.length] ?? 'all';
				console.changed();
			},
		},
		{
			id: 'activity.wide',
			run() {
				isWide = !isWide;
				console.changed();
			},
		},
		{
			...source.retry,
			run() {
				history.retry();
				console.changed();
				return source.retry.run();
			},
		},
		// Whoever moves up wants to read, not to be carried away.
		...table.actions().map((action): Action => ({
			...action,
			run() {
				if (/^list\.(up|page-up|first)$/.test(action.id)) isFollowing = false;
				if (action.id === 'list.last') isFollowing = true;
				return action.run();
			},
		})),
	];

	const goToNewest = () => {
		if (!isFollowing) return;
		isPainting = true;
		const newest = table.rows().at(-1);
		if (newest && table.selected() !== newest) table.select(`${newest.entry.id} ${newest.line}`);
		isPainting = false;
	};

	const note = () => {
		const oldest = history.get()[0];
		return [
			...(history.problem() === undefined ? [] : ['older entries did not come: Ctrl-r tries again']),
			isFollowing ? (source.isLive() ? 'following' : `waiting for ${source.whom}`) : 'held: f follows',
			level === 'all' ? 'all levels' : level,
			...(history.isComplete() ? ['all is here'] : oldest ? [`since ${dateTime(oldest.timestamp_ms)}`] : []),
		].join(', ');
	};

	const empty = () => {
		const waiting = source.waiting();
		if (waiting) return waiting;
		return level === 'all' ? ['Nothing has happened yet.'] : [`No ${level} so far. v shows all levels.`];
	};

	return {
		title: () => title,
		actions: () => actions,
		isTyping: table.isTyping,
		key(event) {
			const isUsed = table.key(event);
			if (isUsed && chordOf(event) === 'up') isFollowing = false;
			return isUsed;
		},
		back: table.reset,
		render(area) {
			const inside = insideOf(area);
			width = Math.max(20, inside.columns - FIXED_COLUMNS);
			goToNewest();
			const view = (
				<TableView
					table={table}
					area={inside}
					theme={console.theme}
					empty={empty()}
					toneOf={({entry}) => levelTone[entry.level]}
				/>
			);
			const {start} = table.window(inside.rows - 2);
			if (start === 0) history.fetchOlder();
			return (
				<Panel title={title} note={note()} area={area} theme={console.theme} isFocused>
					{view}
				</Panel>
			);
		},
		describe() {
			goToNewest();
			const row = table.selected();
			const selection = row && `${timeOfDay(row.entry.timestamp_ms)} ${row.entry.level} ${row.entry.message}`;
			const problem = history.problem();
			const lines = [note(), ...(problem === undefined ? [] : [problem])];
			return {title, lines, ...(selection !== undefined && {selection})};
		},
	};
};
