import {Box} from 'ink';
import type {TokenView, Whoami} from '../client/people-contract.js';
import {Lines} from '../components/lines.js';
import {insideOf, Panel} from '../components/panel.js';
import {TableView} from '../components/table-view.js';
import {age, dateTime} from '../console/age.js';
import {type Column, createTable} from '../console/table.js';
import type {Action, Console, View} from '../console/view.js';
import {createConfirm} from '../dialogs/confirm.js';
import {createTokenForm} from '../dialogs/people-forms.js';
import type {Person} from './people-data.js';
import {newTokenProblem, tokensProblem} from './people-rights.js';
import {personFacts, personSentence} from './person-facts.js';
import {sentence, waiting} from './waiting.js';

type Account = Extract<Person, {kind: 'account'}>;

export type AccountDetailsOptions = {
	console: Console;
	name: string;
	/** The account as it is known now; `undefined` where it is no more. */
	find: () => Account | undefined;
	me: () => Whoami | undefined;
};

const FACT_ROWS = 7;
const LEAST_ROWS_FOR_FACTS = 14;

const tokenColumns = (now: () => number): readonly Column<TokenView>[] => [
	{
		id: 'name',
		title: 'NAME',
		min: 14,
		max: 60,
		grow: 3,
		priority: 0,
		cell: token => token.name,
		sortBy: token => token.name,
	},
	{id: 'scope', title: 'SCOPE', min: 6, priority: 1, cell: token => token.scope, sortBy: token => token.scope},
	{
		id: 'used',
		title: 'LAST USED',
		min: 10,
		priority: 2,
		isDescending: true,
		cell({last_used_at: at}) {
			if (at === null) return {text: 'never', tone: 'muted'};
			const ago = age(now() - at);
			return ago === 'now' ? 'just now' : `${ago} ago`;
		},
		sortBy: token => token.last_used_at ?? 0,
	},
	{
		id: 'expires',
		title: 'EXPIRES',
		min: 16,
		priority: 3,
		cell: ({expires_at: at}) => (at === null ? 'never' : dateTime(at)),
		sortBy: token => token.expires_at ?? Number.MAX_SAFE_INTEGER,
	},
	{
		id: 'created',
		title: 'CREATED',
		min: 16,
		priority: 4,
		cell: token => dateTime(token.created_at),
		sortBy: token => token.created_at,
	},
	{id: 'id', title: 'ID', min: 12, priority: 5, cell: ({id}) => ({text: id, tone: 'muted'})},
];

/** The tokens of an account, asked for anew after each change. */
const createTokens = ({api, changed}: Console, account: string) => {
	let tokens: readonly TokenView[] | undefined;
	let problem: string | undefined;
	let asked = 0;
	return {
		get: () => tokens,
		problem: () => problem,
		async reload() {
			const mine = ++asked;
			try {
				const next = await api.tokens(account);
				if (mine !== asked) return;
				[tokens, problem] = [next, undefined];
			} catch (error) {
				if (mine !== asked) return;
				problem = error instanceof Error ? error.message : String(error);
			}

			changed();
		},
	};
};

/** An account, and the tokens of its programs. */
export const createAccountDetails = ({console, name, find, me}: AccountDetailsOptions): View => {
	const tokens = createTokens(console, name);
	const refusal = () => tokensProblem(me(), name);
	const table = createTable<TokenView>({
		columns: tokenColumns(console.clock.now),
		rows: () => tokens.get() ?? [],
		keyOf: ({id}) => id,
		textOf: token => `${token.name} ${token.scope} ${token.id}`,
		sort: {column: 'name', isDescending: false},
		changed: console.changed,
		copy: ({id}) => console.copy(id),
	});
	const reload = async () => {
		if (refusal() === undefined) await tokens.reload();
	};

	const revoke = (token: TokenView) =>
		console.open(
			createConfirm(console, {
				title: 'End a token',
				lines: [`${token.name}, scope ${token.scope}: whatever uses it is no longer let in.`],
				yes: 'end it',
				async run() {
					await console.api.revokeToken(token.id);
					console.notice({tone: 'ok', text: `${token.name} is ended`});
					await reload();
				},
			}),
		);

	const actions: readonly Action[] = [
		{
			id: 'token.create',
			run: () => console.open(createTokenForm(console, () => void reload())),
			problem: () => newTokenProblem(me(), name),
		},
		{
			id: 'token.revoke',
			run() {
				const token = table.selected();
				if (token) revoke(token);
			},
			problem: () => refusal() ?? (table.selected() ? undefined : 'No token is chosen'),
		},
		{id: 'people.reload', run: reload},
		...table.actions(),
	];

	const empty = (): readonly string[] => {
		const refused = refusal();
		if (refused !== undefined) return [sentence(refused)];
		const problem = tokens.problem();
		if (problem !== undefined) return [sentence(problem), 'r tries again.'];
		if (!tokens.get()) return waiting(console, 'its tokens');
		return [
			newTokenProblem(me(), name) === undefined ? 'There is no token. Press n to make one.' : 'There is no token.',
		];
	};

	return {
		title: () => `Account ${name}`,
		actions: () => actions,
		isTyping: table.isTyping,
		key: table.key,
		back: table.reset,
		render(area) {
			const {theme} = console;
			const account = find();
			const factRows = area.rows >= LEAST_ROWS_FOR_FACTS ? FACT_ROWS + 2 : 0;
			const above = {columns: area.columns, rows: factRows};
			const below = {columns: area.columns, rows: area.rows - factRows};
			const inside = insideOf(above);
			const facts = account ? personFacts(account, theme, inside.columns) : [{pieces: [{text: 'It is no more.'}]}];
			const problem = tokens.get() ? tokens.problem() : undefined;
			return (
				<Box flexDirection="column">
					{factRows > 0 && (
						<Panel title={`Account ${name}`} area={above} theme={theme}>
							<Lines theme={theme} lines={facts} rows={inside.rows} />
						</Panel>
					)}
					<Panel title={`Tokens of ${name}`} note={problem ?? ''} area={below} theme={theme} isFocused>
						<TableView table={table} area={insideOf(below)} theme={theme} empty={empty()} />
					</Panel>
				</Box>
			);
		},
		describe() {
			const account = find();
			const token = table.selected();
			return {
				title: `Account ${name}`,
				...(token && {selection: `${token.name}, scope ${token.scope}`}),
				lines: [
					...(account ? [personSentence(account)] : []),
					...(table.rows().length === 0 ? empty() : [`${table.rows().length} tokens`]),
				],
			};
		},
		show: () => void reload(),
	};
};
