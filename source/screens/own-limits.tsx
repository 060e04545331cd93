import {insideOf, Panel} from '../components/panel.js';
import {TableView} from '../components/table-view.js';
import {type Column, createTable} from '../console/table.js';
import type {Action, MemberConsole, View} from '../console/view.js';
import {createOneLimitForm} from '../dialogs/own-node.js';
import {type LimitName, limitNames, limitText, limitTitle} from '../protocol/member-limits.js';
import {ownActions} from './own-actions.js';
import {unreached} from './own-reached.js';
import {waitingForNode} from './own-waiting.js';

type Row = {name: LimitName; value: number | string; configured: number | string};

const meanings: Record<LimitName, string> = {
	space: 'what its folder may take',
	up: 'sent in a second',
	down: 'taken in in a second',
	schedule: 'rates by the hour',
	monthly_cap: 'both ways, in a month',
	hours: 'when it takes part',
	remote_limits: 'limits set from afar',
};

const columns: Column<Row>[] = [
	{id: 'name', title: 'LIMIT', min: 13, priority: 0, cell: ({name}) => ({text: limitTitle(name), isBold: true})},
	{id: 'now', title: 'NOW', min: 14, max: 60, grow: 3, priority: 0, cell: ({name, value}) => limitText(name, value)},
	{
		id: 'configured',
		title: 'CONFIGURED',
		min: 10,
		max: 40,
		grow: 1,
		priority: 2,
		cell: ({name, value, configured}) =>
			value === configured ? {text: 'the same', tone: 'muted'} : {text: limitText(name, configured), tone: 'warn'},
	},
	{
		id: 'meaning',
		title: 'WHAT IT LIMITS',
		min: 24,
		max: 30,
		grow: 2,
		priority: 3,
		cell: ({name}) => ({text: meanings[name], tone: 'muted'}),
	},
];

const nothing: readonly Row[] = [];

/** What the own node may take of machine and line, now and as it is configured. */
export const createOwnLimitsScreen = (console: MemberConsole): View => {
	let madeOf: object | undefined;
	let made = nothing;
	const rows = (): readonly Row[] => {
		const limits = console.node.get().status?.limits;
		if (limits !== madeOf) {
			madeOf = limits;
			made = limits ? limitNames.map(name => ({name, ...limits[name]})) : nothing;
		}

		return made;
	};

	const table = createTable<Row>({
		columns,
		rows,
		keyOf: ({name}) => name,
		textOf: ({name}) => `${limitTitle(name)} ${meanings[name]}`,
		changed: console.changed,
	});

	const change: Action = {
		id: 'own.limit',
		problem: () => unreached(console) ?? (table.rows().length > 0 ? undefined : 'Nothing is chosen here'),
		run() {
			const {status} = console.node.get();
			const row = table.selected();
			if (status && row) console.open(createOneLimitForm(console, row.name, status));
		},
	};

	return {
		title: () => 'Limits',
		actions: () => [change, ...table.actions(), ...ownActions(console).filter(({id}) => id !== 'list.copy')],
		isTyping: table.isTyping,
		key: table.key,
		back: table.reset,
		render: area => (
			<Panel
				title="What it may take of machine and line"
				note="kept over restarts"
				area={area}
				theme={console.theme}
				isFocused
			>
				<TableView
					table={table}
					area={insideOf(area)}
					theme={console.theme}
					empty={waitingForNode(console, 'its limits')}
				/>
			</Panel>
		),
		describe() {
			const row = table.selected();
			const selection = row && `${limitTitle(row.name)}, ${meanings[row.name]}: ${limitText(row.name, row.value)}`;
			return {
				title: 'Limits',
				lines: rows().length === 0 ? waitingForNode(console, 'its limits') : [],
				...(selection !== undefined && {selection}),
			};
		},
	};
};
