import type {AccountChange, Invited, TokenView} from '../client/people-contract.js';
import {dateTime} from '../console/age.js';
import type {Console, View} from '../console/view.js';
import {editableSize} from '../format.js';
import type {roles} from '../protocol/people.js';
import {accountNameAllowed, accountNamePattern, scopes} from '../protocol/people.js';
import {parseDuration, parseSize} from '../protocol/units.js';
import {createForm, type FormField} from './form.js';
import {createToldOnce} from './told-once.js';

type Role = (typeof roles)[number];
type Scope = (typeof scopes)[number];

const NO_LIMIT = 'none';

const quotaField = (initial: string): FormField => ({
	...{name: 'quota', label: 'Quota', initial},
	hint: '10GB, or none',
});

/** Bytes, null for no limit, `undefined` where the text says neither. */
const quotaOf = (text = ''): number | null | undefined =>
	text === '' || text === NO_LIMIT ? null : parseSize(text, 'B');

const quotaProblem = ({quota}: Readonly<Record<string, string>>) =>
	quotaOf(quota) === undefined ? 'A quota is a size such as 500MB or 10GB, or none' : undefined;

/** Shows a link, under the address by which this console reaches the coordinator. */
export const showLink = (console: Console, {invitation, code}: Invited): void => {
	const {purpose, name, role, expires_at: expiresAt} = invitation;
	const what = purpose === 'reset' ? `sets a new password for ${name ?? ''}` : `makes ${name ?? 'a new'} ${role}`;
	console.open(
		createToldOnce(console, {
			title: purpose === 'reset' ? 'A link for a new password' : 'An invitation',
			lines: [
				`Whoever has this link ${what}, until ${dateTime(expiresAt)}. It works once: give it to that person alone.`,
			],
			secret: `${console.api.url}/welcome#${code}`,
		}),
	);
};

/** @param isAdmin - Operators invite members only. */
export const createInviteForm = (console: Console, isAdmin: boolean, done: () => void): View =>
	createForm(console, {
		title: 'Invite a person',
		fields: [
			{name: 'role', label: 'Role', initial: 'member', choices: isAdmin ? ['member', 'operator', 'admin'] : ['member']},
			{name: 'name', label: 'Name', initial: '', hint: 'empty: the person chooses'},
			quotaField(NO_LIMIT),
		],
		yes: 'makes the link',
		problem(values) {
			const {name = ''} = values;
			if (name !== '' && !accountNamePattern.test(name)) return `That is no name. Allowed: ${accountNameAllowed}`;
			return quotaProblem(values);
		},
		async run({role, name = '', quota}) {
			const invited = await console.api.invite({
				role: role as Role,
				...(name !== '' && {name}),
				quota_bytes: quotaOf(quota) ?? null,
			});
			showLink(console, invited);
			done();
		},
	});

type Edited = {name: string; role: Role; quotaBytes: number | null};

const editable = (bytes: number | null): string => (bytes === null ? NO_LIMIT : editableSize(bytes));

export const createEditForm = (console: Console, {name, role, quotaBytes}: Edited, done: () => void): View =>
	createForm(console, {
		title: `Change ${name}`,
		fields: [
			{name: 'role', label: 'Role', initial: role, choices: ['member', 'operator', 'admin']},
			quotaField(editable(quotaBytes)),
		],
		yes: 'changes it',
		problem: quotaProblem,
		async run(values) {
			const change: AccountChange = {role: values['role'] as Role, quota_bytes: quotaOf(values['quota']) ?? null};
			await console.api.changeAccount(name, change);
			console.notice({tone: 'ok', text: `${name} is ${values['role'] ?? ''}, quota ${values['quota'] ?? ''}`});
			done();
		},
	});

const FOR_EVER = 'never';

const lastsOf = (text = ''): number | null | undefined => {
	if (text === '' || text === FOR_EVER) return null;
	const ms = parseDuration(text);
	return ms !== undefined && ms >= 60_000 ? Math.round(ms / 1000) : undefined;
};

export const createTokenForm = (console: Console, done: (token: TokenView) => void): View =>
	createForm(console, {
		title: 'A new token',
		fields: [
			{name: 'name', label: 'Name', initial: '', hint: 'what it is for'},
			{name: 'scope', label: 'Scope', initial: 'full', choices: scopes},
			{name: 'expires', label: 'Expires', initial: FOR_EVER, hint: '30d, or never'},
		],
		yes: 'makes it',
		problem({name = '', expires}) {
			if (name === '') return 'Say what the token is for: it is known by that name';
			return lastsOf(expires) === undefined
				? 'A token lasts a minute or more, such as 12h or 30d, or never'
				: undefined;
		},
		async run({name = '', scope, expires}) {
			const created = await console.api.createToken({
				name,
				scope: scope as Scope,
				expires_in_s: lastsOf(expires) ?? null,
			});
			console.open(
				createToldOnce(console, {
					title: 'A new token',
					lines: [
						`Programs send it as "Authorization: Bearer ...". Whoever has it is you, scope ${created.token.scope}.`,
					],
					secret: created.secret,
				}),
			);
			done(created.token);
		},
	});
