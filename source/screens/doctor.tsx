import {Box} from 'ink';
import {type Line, Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';
import {TableView} from '../components/table-view.js';
import {age} from '../console/age.js';
import {type Column, createTable} from '../console/table.js';
import type {Tone} from '../console/theme.js';
import type {Action, BaseConsole, View} from '../console/view.js';
import {wrap} from '../console/wrap.js';
import type {DoctorCheck, Finding} from '../protocol/doctor.js';
import type {Examination} from '../protocol/member-api.js';
import {printable} from '../terminal/text.js';

/** What a look for troubles came to so far. */
export type Look = Pick<Examination, 'started_at' | 'ended_at' | 'planned' | 'findings' | 'problem'>;

export type DoctorSource = {
	title: string;
	/** `undefined` until that is known; then `waiting` says so. */
	look: () => Look | undefined;
	waiting: () => readonly string[];
	/** What is said before the first look. */
	never: readonly string[];
	/** What begins one. */
	examine: Action;
	/** What can be done there besides. */
	actions?: () => readonly Action[];
};

type Outcome = Finding['outcome'] | 'looking' | 'waits';
type Row = {check: DoctorCheck; outcome: Outcome; finding: Finding | undefined};

/** Below the list there is room for what is chosen, or there is none and Enter shows it. */
const BESIDE_FROM_ROWS = 19;
const LEAST_LIST_ROWS = 10;
const LABEL_WIDTH = 7;

const words: Record<Outcome, {text: string; tone: Tone}> = {
	fine: {text: 'ok', tone: 'ok'},
	warning: {text: 'WARNING', tone: 'warn'},
	wrong: {text: 'WRONG', tone: 'bad'},
	skipped: {text: 'skipped', tone: 'muted'},
	looking: {text: 'looking', tone: 'accent'},
	waits: {text: 'waits', tone: 'muted'},
};

const columns: Column<Row>[] = [
	{
		id: 'outcome',
		title: 'IS',
		min: 8,
		priority: 0,
		cell: ({outcome}) => ({...words[outcome], isBold: outcome === 'wrong'}),
	},
	{id: 'check', title: 'CHECK', min: 13, priority: 0, cell: ({check}) => check},
	{
		id: 'seen',
		title: 'WHAT WAS SEEN',
		min: 20,
		grow: 1,
		priority: 0,
		cell: ({finding}) => finding?.seen ?? '',
	},
];

const isRunning = ({started_at: startedAt, ended_at: endedAt}: Look) => startedAt !== null && endedAt === null;

/** What was found, and while it is looked, what is still to come. */
const rowsOf = (look: Look): Row[] => {
	const found = look.findings.map((finding): Row => ({check: finding.check, outcome: finding.outcome, finding}));
	if (!isRunning(look)) return found;
	const left = look.planned.filter(check => !look.findings.some(finding => finding.check === check));
	return [
		...found,
		...left.map((check, index): Row => ({check, outcome: index === 0 ? 'looking' : 'waits', finding: undefined})),
	];
};

const countOf = ({findings}: Look, outcome: Finding['outcome']) =>
	findings.filter(finding => finding.outcome === outcome).length;

const verdictOf = (look: Look): string => {
	const [wrong, warnings] = [countOf(look, 'wrong'), countOf(look, 'warning')];
	const also = warnings === 0 ? '' : `, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`;
	return wrong === 0 ? `nothing is wrong${also}` : `${wrong} wrong${also}`;
};

const noteOf = (look: Look | undefined, nowMs: number): string => {
	if (!look || look.started_at === null) return '';
	if (isRunning(look)) return `looking: ${look.findings.length} of ${look.planned.length}`;
	const ago = age(nowMs - (look.ended_at ?? nowMs));
	return `${verdictOf(look)}, ${ago === 'now' ? 'just now' : `${ago} ago`}`;
};

/** What was tried, what was seen and what is to be done, for whoever listens too. */
const textsOf = ({finding, outcome}: Row): [label: string, text: string][] => {
	if (!finding) return [['', outcome === 'looking' ? 'It is looked at now.' : 'It waits for its turn.']];
	const {seen, tried, remedy} = finding;
	return [['seen', seen], ['tried', tried], ...(remedy === null ? [] : [['to do', remedy] satisfies [string, string]])];
};

const detailLines = (row: Row, width: number): Line[] =>
	textsOf(row).flatMap(([label, text]) =>
		wrap(printable(text), Math.max(1, width - LABEL_WIDTH)).map((part, index): Line => ({
			pieces: [
				{text: (index === 0 ? label : '').padEnd(LABEL_WIDTH), tone: 'muted'},
				{text: part, ...(label === 'to do' && {tone: 'accent' as const})},
			],
		})),
	);

/** One finding, whole. */
const createFindingView = (console: BaseConsole, row: Row): View => {
	const title = `${row.check}: ${words[row.outcome].text}`;
	return {
		title: () => title,
		// As what it was opened from may be.
		isAside: true,
		actions: () => [],
		render(area) {
			const {columns: width, rows} = insideOf(area);
			return (
				<Panel title={title} note="Esc back" area={area} theme={console.theme} isFocused>
					<Lines theme={console.theme} lines={detailLines(row, width)} rows={rows} />
				</Panel>
			);
		},
		describe: () => ({title, lines: textsOf(row).map(([label, text]) => `${label}: ${text}`)}),
	};
};

const nothing: readonly Row[] = [];

/** What may be wrong: each check with what was tried, what was seen and what is to be done, as it is looked. */
export const createDoctorView = (console: BaseConsole, source: DoctorSource): View => {
	const {theme, clock} = console;
	let madeOf: object | undefined;
	let made = nothing;
	const rows = (): readonly Row[] => {
		const look = source.look();
		if (look !== madeOf) {
			madeOf = look;
			made = look ? rowsOf(look) : nothing;
		}

		return made;
	};

	const table = createTable<Row>({
		columns,
		rows,
		// A check may find more than one thing.
		keyOf: row => `${row.check} ${row.finding?.tried ?? ''}`,
		textOf: ({check, outcome, finding}) => `${words[outcome].text} ${check} ${finding?.seen ?? ''}`,
		changed: console.changed,
		open: row => console.open(createFindingView(console, row)),
	});

	const empty = (): readonly string[] => {
		const look = source.look();
		if (!look) return source.waiting();
		return look.started_at === null ? source.never : ['It is looked.'];
	};

	const problem = () => source.look()?.problem ?? undefined;

	return {
		title: () => source.title,
		actions: () => [source.examine, ...table.actions(), ...(source.actions?.() ?? [])],
		isTyping: table.isTyping,
		key: table.key,
		back: table.reset,
		render(area) {
			const row = table.selected();
			const isBeside = area.rows >= BESIDE_FROM_ROWS && row !== undefined;
			const wanted = row ? detailLines(row, insideOf(area).columns).length + 2 : 0;
			const below = {columns: area.columns, rows: isBeside ? Math.min(wanted, area.rows - LEAST_LIST_ROWS) : 0};
			const list = {columns: area.columns, rows: area.rows - below.rows};
			const note = problem() === undefined ? noteOf(source.look(), clock.now()) : `stopped: ${problem() ?? ''}`;
			return (
				<Box flexDirection="column">
					<Panel title={source.title} note={note} area={list} theme={theme} isFocused>
						<TableView table={table} area={insideOf(list)} theme={theme} empty={empty()} />
					</Panel>
					{row && below.rows > 0 && (
						<Panel title={row.check} area={below} theme={theme}>
							<Lines theme={theme} lines={detailLines(row, insideOf(below).columns)} rows={insideOf(below).rows} />
						</Panel>
					)}
				</Box>
			);
		},
		describe() {
			const row = rows().length === 0 ? undefined : table.selected();
			const said = problem();
			const selection =
				row &&
				`${words[row.outcome].text}: ${row.check}. ${textsOf(row)
					.map(([, text]) => text)
					.join('. ')}`;
			const look = source.look();
			// Once it is done that is read out; not each step on the way.
			const state = !look || look.started_at === null ? '' : isRunning(look) ? ', looking' : `, ${verdictOf(look)}`;
			return {
				title: `${source.title}${state}`,
				lines: [...(said === undefined ? [] : [said]), ...(rows().length === 0 ? empty() : [])],
				...(selection !== undefined && {selection}),
			};
		},
	};
};
