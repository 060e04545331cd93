import {Box} from 'ink';
import type {ReactElement} from 'react';
import {Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';
import {TableView} from '../components/table-view.js';
import {createTable, type Table} from '../console/table.js';
import type {Action, Area, Console, View} from '../console/view.js';
import {createConfirm} from '../dialogs/confirm.js';
import {createEditForm, createInviteForm, showLink} from '../dialogs/people-forms.js';
import {createAccountDetails} from './account-details.js';
import {peopleColumns} from './people-columns.js';
import {createPeopleData, type PeopleData, type Person} from './people-data.js';
import {accountProblem, inviteProblem, removeProblem} from './people-rights.js';
import {keyOf, nameOf, personFacts, personSentence, roleOf, statePiece} from './person-facts.js';
import {sentence, waiting} from './waiting.js';

type Account = Extract<Person, {kind: 'account'}>;

const SIDE_FROM_COLUMNS = 140;
const SIDE_COLUMNS = 48;

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

const titleOf = ({me, people}: ReturnType<PeopleData['get']>): string => {
	if (me?.open === true) return 'People: none, this network is OPEN';
	if (me?.role === 'member') return 'People: your own account';
	const accounts = people.filter(({kind}) => kind === 'account').length;
	const open = people.length - accounts;
	if (accounts === 0) return 'People';
	return `People: ${plural(accounts, 'account')}${open === 0 ? '' : `, ${plural(open, 'open invitation')}`}`;
};

/** Said beside the title: why not everything is here, or that it is not the newest. */
const noteOf = ({me, people, problem}: ReturnType<PeopleData['get']>): string => {
	if (problem !== undefined && people.length > 0) return `not the newest: ${problem}`;
	return me?.role === 'member' && !me.open ? 'members see no others' : '';
};

const emptyLines = (console: Console, {me, problem}: ReturnType<PeopleData['get']>): readonly string[] => {
	if (me?.open === true) {
		return [
			'This coordinator runs with --open: there are no accounts, and everybody who reaches it may do everything.',
			'Started without --open, it makes an admin, and has people.',
		];
	}

	if (problem !== undefined) return [sentence(problem), 'r tries again.'];
	return waiting(console, 'its people');
};

type Parts = {console: Console; data: PeopleData; table: Table<Person>};

const disable = ({console, data}: Parts, {name, known}: Account): View => {
	const isDisabled = typeof known?.disabled_at === 'number';
	const self = data.get().me?.name === name ? ['That is you: you lock yourself out.'] : [];
	return createConfirm(console, {
		title: isDisabled ? `Let ${name} in again` : `Disable ${name}`,
		lines: isDisabled
			? [`${name} may sign in again, and the tokens work again.`]
			: [`${name} may not sign in any more, and no token works. The files stay.`, ...self],
		yes: isDisabled ? 'let in' : 'disable',
		async run() {
			await console.api.changeAccount(name, {disabled: !isDisabled});
			console.notice({tone: 'ok', text: `${name} is ${isDisabled ? 'let in again' : 'disabled'}`});
			await data.reload();
		},
	});
};

const takeBack = ({console, data}: Parts, person: Extract<Person, {kind: 'invitation'}>): View =>
	createConfirm(console, {
		title: 'Take an invitation back',
		lines: [`${nameOf(person)}, ${roleOf(person)}: its link no longer works.`],
		yes: 'take it back',
		async run() {
			await console.api.revokeInvitation(person.invitation.id);
			console.notice({tone: 'ok', text: 'The invitation is taken back'});
			await data.reload();
		},
	});

const reset = ({console, data}: Parts, {name}: Account): View =>
	createConfirm(console, {
		title: 'A link for a new password',
		lines: [`Whoever has the link sets a new password for ${name}, and signs in with it. It works once, for a day.`],
		yes: 'make it',
		async run() {
			showLink(console, await console.api.resetPassword(name));
			await data.reload();
		},
	});

const createActions = (parts: Parts): readonly Action[] => {
	const {console, data, table} = parts;
	const me = () => data.get().me;
	const done = () => void data.reload();
	const withAccount = (run: (account: Account) => void) => () => {
		const person = table.selected();
		if (person?.kind === 'account') run(person);
	};

	return [
		{
			id: 'people.invite',
			run: () => console.open(createInviteForm(console, me()?.role === 'admin', done)),
			problem: () => inviteProblem(me()),
		},
		{
			id: 'people.edit',
			run: withAccount(account => console.open(createEditForm(console, account, done))),
			problem: () => accountProblem(me(), table.selected()),
		},
		{
			id: 'people.disable',
			run() {
				const person = table.selected();
				if (person) console.open(person.kind === 'account' ? disable(parts, person) : takeBack(parts, person));
			},
			problem: () => removeProblem(me(), table.selected()),
		},
		{
			id: 'people.reset',
			run: withAccount(account => console.open(reset(parts, account))),
			problem: () => accountProblem(me(), table.selected()),
		},
		{id: 'people.reload', run: async () => data.reload()},
	];
};

const render = ({console, data, table}: Parts, area: Area): ReactElement => {
	const {theme} = console;
	const state = data.get();
	const person = area.columns >= SIDE_FROM_COLUMNS ? table.selected() : undefined;
	const side = {columns: SIDE_COLUMNS, rows: area.rows};
	const list = {columns: area.columns - (person ? SIDE_COLUMNS : 0), rows: area.rows};
	return (
		<Box width={area.columns} height={area.rows}>
			<Panel title={titleOf(state)} note={noteOf(state)} area={list} theme={theme} isFocused>
				<TableView table={table} area={insideOf(list)} theme={theme} empty={emptyLines(console, state)} />
			</Panel>
			{person && (
				<Panel title={nameOf(person)} area={side} theme={theme}>
					<Lines theme={theme} lines={personFacts(person, theme, insideOf(side).columns)} rows={insideOf(side).rows} />
				</Panel>
			)}
		</Box>
	);
};

/** Who has an account here, what they may do and how much they keep, and who is invited. */
export const createPeopleScreen = (console: Console): View => {
	const data = createPeopleData(console);
	const open = (person: Person) => {
		if (person.kind === 'invitation') {
			console.notice({tone: 'info', text: 'An invitation is open. Its link was shown once; x takes it back'});
			return;
		}

		const {name} = person;
		const find = () => data.get().people.find((each): each is Account => each.kind === 'account' && each.name === name);
		console.open(createAccountDetails({console, name, find, me: () => data.get().me}));
	};

	const table = createTable<Person>({
		columns: peopleColumns(console.theme),
		rows: () => data.get().people,
		keyOf,
		textOf: person => `${nameOf(person)} ${roleOf(person)} ${statePiece(person).text}`,
		changed: console.changed,
		open,
		copy: person => console.copy(nameOf(person)),
	});
	const parts: Parts = {console, data, table};
	const [first, ...others] = table.actions();
	const actions = [...(first ? [first] : []), ...createActions(parts), ...others];
	return {
		title: () => 'People',
		actions: () => actions,
		isTyping: table.isTyping,
		key: table.key,
		back: table.reset,
		render: area => render(parts, area),
		describe() {
			const person = table.selected();
			const state = data.get();
			return {
				title: titleOf(state),
				...(person && {selection: personSentence(person)}),
				lines: [...(person ? [] : emptyLines(console, state)), ...[noteOf(state)].filter(text => text !== '')],
			};
		},
		show: data.start,
		hide: data.stop,
		dispose: data.stop,
	};
};
