import {chordOf, type KeyEvent} from '../terminal/key.js';
import {createFiltering} from './filtering.js';
import {createLineInput, type LineInput} from './line-input.js';
import {createSorter} from './sorting.js';
import type {Tone} from './theme.js';
import type {Action} from './view.js';

/** A piece of a cell, in one tone. */
export type Piece = {text: string; tone?: Tone; isBold?: boolean; isInverse?: boolean};

export type Column<Row> = {
	id: string;
	title: string;
	/** Columns of the terminal. A column with `grow` takes a share of what is left, up to `max`. */
	min: number;
	max?: number;
	grow?: number;
	align?: 'left' | 'right';
	/** Which column leaves first where there is no room: the one with the highest number. 0 never leaves. */
	priority: number;
	/** @param width - The room that it has. Longer texts are cut off; only pictures need to know. */
	cell: (row: Row, width: number) => string | Piece | readonly Piece[];
	/** What the column is sorted by; without it, it can't be. */
	sortBy?: (row: Row) => string | number;
	/** Whether the first press of `s` puts the highest first. */
	isDescending?: boolean;
};

export type Sort = {column: string; isDescending: boolean};

export type TableOptions<Row extends object> = {
	columns: readonly Column<Row>[];
	/** Another array whenever anything in it changed. */
	rows: () => readonly Row[];
	keyOf: (row: Row) => string;
	/** What the filter looks at. */
	textOf: (row: Row) => string;
	/** Whether that is in lower case already and quickly had, so that the table need not keep it. */
	isTextLowerCase?: boolean;
	/** `undefined` keeps the order of `rows`. */
	sort?: Sort;
	changed: () => void;
	/** Called when another row is chosen, by whatever. */
	onSelect?: () => void;
	copy?: (row: Row) => void;
	open?: (row: Row) => void;
	canMark?: boolean;
};

/** What is to be painted of a table in a certain number of lines. */
export type TableWindow<Row> = {rows: readonly Row[]; start: number; total: number; selectedIndex: number};

export type Table<Row extends object> = {
	options: TableOptions<Row>;
	/** All rows that the filter lets through, in order. */
	rows: () => readonly Row[];
	window: (lines: number) => TableWindow<Row>;
	selected: () => Row | undefined;
	select: (key: string) => void;
	/** The marked rows, or the chosen one where none is marked. */
	chosen: () => readonly Row[];
	isMarked: (row: Row) => boolean;
	markedCount: () => number;
	clearMarks: () => void;
	sort: () => Sort | undefined;
	/** How many of the columns after the first are scrolled out to the left. */
	columnOffset: () => number;
	filter: () => string;
	setFilter: (text: string) => void;
	/** The line that is being written, while it is. */
	filterInput: () => LineInput | undefined;
	/** Takes the filter or the marks away. Says whether there was one. */
	reset: () => boolean;
	actions: () => readonly Action[];
	isTyping: () => boolean;
	key: (event: KeyEvent) => boolean;
};

/** Rows in order and filtered; each step is done again only where what it rests on is another. */
const createPipeline = <Row extends object>({rows, textOf, isTextLowerCase, columns}: TableOptions<Row>) => {
	const sorted = createSorter(columns);
	const filtered = createFiltering<Row>(isTextLowerCase === true ? textOf : row => textOf(row).toLowerCase());
	return (sort: Sort | undefined, line: string): readonly Row[] => filtered(sorted(rows(), sort), line);
};

/** A list in which one row is chosen and several can be marked: sorted, filtered, and scrolled, whatever its length. */
export const createTable = <Row extends object>(options: TableOptions<Row>): Table<Row> => {
	const {columns, keyOf, changed, onSelect = () => undefined} = options;
	const pipeline = createPipeline(options);
	const marks = new Set<string>();
	let sort = options.sort;
	let filterLine = '';
	let filterBefore = '';
	let input: LineInput | undefined;
	let selectedKey: string | undefined;
	let selectedIndex = 0;
	let start = 0;
	let height = 10;
	let columnOffset = 0;

	const rows = () => pipeline(sort, filterLine);

	/** Where the chosen row is now; where it is gone, its place is what stays chosen. */
	const locate = (): number => {
		const list = rows();
		const row = list[selectedIndex];
		if (row && (selectedKey === undefined || keyOf(row) === selectedKey)) return selectedIndex;
		const found = selectedKey === undefined ? -1 : list.findIndex(each => keyOf(each) === selectedKey);
		selectedIndex = found === -1 ? Math.max(0, Math.min(selectedIndex, list.length - 1)) : found;
		return selectedIndex;
	};

	const moveTo = (index: number) => {
		const list = rows();
		selectedIndex = Math.max(0, Math.min(list.length - 1, index));
		const row = list[selectedIndex];
		selectedKey = row && keyOf(row);
		onSelect();
		changed();
	};

	const selected = () => {
		const row = rows()[locate()];
		selectedKey = row && keyOf(row);
		return row;
	};

	const setFilter = (text: string) => {
		filterLine = text;
		locate();
		onSelect();
		changed();
	};

	const toggleMark = () => {
		const row = selected();
		if (!row) return;
		const key = keyOf(row);
		if (!marks.delete(key)) marks.add(key);
		moveTo(locate() + 1);
	};

	const sortable = columns.filter(({sortBy}) => sortBy);

	const sortByNext = () => {
		const at = sortable.findIndex(({id}) => id === sort?.column);
		const next = sortable[(at + 1) % sortable.length];
		sort = next && {column: next.id, isDescending: next.isDescending ?? false};
		selectedKey = undefined;
		moveTo(0);
	};

	const scrollColumns = (by: number) => {
		columnOffset = Math.max(0, Math.min(columns.length - 2, columnOffset + by));
		changed();
	};

	const actions: Action[] = [
		{id: 'list.up', run: () => moveTo(locate() - 1)},
		{id: 'list.down', run: () => moveTo(locate() + 1)},
		{id: 'list.left', run: () => scrollColumns(-1)},
		{id: 'list.right', run: () => scrollColumns(1)},
		{id: 'list.first', run: () => moveTo(0)},
		{id: 'list.last', run: () => moveTo(rows().length - 1)},
		{id: 'list.page-up', run: () => moveTo(locate() - height)},
		{id: 'list.page-down', run: () => moveTo(locate() + height)},
	];
	const {open, copy} = options;
	const withSelected = (run: (row: Row) => void) => () => {
		const row = selected();
		if (row) run(row);
	};
	// It is asked with each frame, and must not hold on to a row: before the first key the cursor stays on top.
	const nothing = () => (rows().length > 0 ? undefined : 'Nothing is chosen here');
	if (open) actions.unshift({id: 'list.open', run: withSelected(open), problem: nothing});
	actions.push({
		id: 'list.filter',
		run() {
			filterBefore = filterLine;
			input = createLineInput(filterLine, () => setFilter(input?.value() ?? ''));
			changed();
		},
	});
	if (sortable.length > 0) {
		actions.push(
			{id: 'list.sort', run: sortByNext},
			{
				id: 'list.reverse',
				run() {
					const [first] = sortable;
					const current = sort ?? (first && {column: first.id, isDescending: false});
					sort = current && {column: current.column, isDescending: !current.isDescending};
					changed();
				},
			},
		);
	}

	if (options.canMark === true) actions.push({id: 'list.mark', run: toggleMark, problem: nothing});
	if (copy) actions.push({id: 'list.copy', run: withSelected(copy), problem: nothing});

	const endTyping = (line: string) => {
		input = undefined;
		setFilter(line);
	};

	return {
		options,
		rows,
		window(lines) {
			height = Math.max(1, lines);
			const list = rows();
			const at = locate();
			start = Math.max(0, Math.min(start, at, list.length - height));
			if (at >= start + height) start = at - height + 1;
			return {rows: list.slice(start, start + height), start, total: list.length, selectedIndex: at};
		},
		selected,
		select(key) {
			const index = rows().findIndex(row => keyOf(row) === key);
			if (index === -1) return;
			selectedKey = key;
			moveTo(index);
		},
		chosen() {
			if (marks.size > 0) return options.rows().filter(row => marks.has(keyOf(row)));
			const row = selected();
			return row ? [row] : [];
		},
		isMarked: row => marks.size > 0 && marks.has(keyOf(row)),
		markedCount: () => (marks.size === 0 ? 0 : options.rows().filter(row => marks.has(keyOf(row))).length),
		clearMarks() {
			marks.clear();
			changed();
		},
		sort: () => sort,
		columnOffset: () => columnOffset,
		filter: () => filterLine,
		setFilter,
		filterInput: () => input,
		reset() {
			if (marks.size === 0 && filterLine === '' && columnOffset === 0) return false;
			if (filterLine === '') marks.clear();
			columnOffset = 0;
			setFilter('');
			return true;
		},
		actions: () => actions,
		isTyping: () => input !== undefined,
		key(event) {
			if (!input) return false;
			const chord = chordOf(event);
			if (chord === 'enter') endTyping(input.value());
			else if (chord === 'escape') endTyping(filterBefore);
			else if (chord === 'up' || chord === 'down') moveTo(locate() + (chord === 'up' ? -1 : 1));
			else if (!input.key(event)) return false;
			changed();
			return true;
		},
	};
};
