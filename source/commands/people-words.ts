import {quoted} from '../command-line.js';
import type {AccountView, InvitationView, TokenView} from '../client/people-contract.js';
import {formatSize, formatTime} from '../format.js';
import {PjasError} from '../protocol/errors.js';
import {parseDuration, parseSize} from '../protocol/units.js';
import {type CommandContext, valueOf} from './context.js';

/** What the commands about people read from their flags, and how they show people. */

const wrong = (problem: string) => new PjasError('INVALID_CONFIGURATION', problem);

/** What `--quota` says: bytes, null for no limit, `undefined` where it says nothing. */
export const quotaOf = (context: CommandContext): number | null | undefined => {
	const text = valueOf(context, 'quota');
	if (text === undefined) return undefined;
	if (text === 'none') return null;
	const bytes = parseSize(text, 'B');
	if (bytes === undefined) throw wrong(`--quota is ${quoted(text)}. Allowed: a size such as 500MB or 10GB, or none`);
	return bytes;
};

/** What `--expires` says, in seconds; `undefined` where it says nothing. */
export const expiresOf = (context: CommandContext): number | undefined => {
	const text = valueOf(context, 'expires');
	if (text === undefined) return undefined;
	const ms = parseDuration(text);
	if (ms !== undefined && ms >= 60_000) return Math.round(ms / 1000);
	throw wrong(`--expires is ${quoted(text)}. Allowed: a minute and more, such as 12h or 30d`);
};

/**
The word after an action.

@param usage - How it is written, for whoever left it out: `users set NAME`.
*/
export const wordAfter = ({words}: CommandContext, usage: string): string => {
	const [, word, extra] = words;
	if (word === undefined) throw wrong(`Say which one: pjas-tui ${usage}`);
	if (extra !== undefined) throw wrong(`${quoted(extra)} is one word too many: pjas-tui ${usage}`);
	return word;
};

/** Flags that belong to another action are refused rather than passed over. */
export const refuseFlags = ({flags}: CommandContext, names: readonly string[], action: string): void => {
	const given = names.find(name => flags.has(name));
	if (given !== undefined) throw wrong(`--${given} is not for ${action}`);
};

const timeOr = (ms: number | null, other: string) => (ms === null ? other : formatTime(ms));

export const quotaText = (bytes: number | null): string => (bytes === null ? 'no limit' : formatSize(bytes));

export const accountsHead = ['NAME', 'ROLE', 'USED', 'QUOTA', 'PASSWORD', 'STATE', 'CREATED (UTC)'];
export const accountRow = (account: AccountView): string[] => [
	account.name,
	account.role,
	formatSize(account.used_bytes),
	quotaText(account.quota_bytes),
	account.has_password ? 'set' : 'none',
	account.disabled_at === null ? 'active' : 'disabled',
	formatTime(account.created_at),
];

export const invitationsHead = ['ID', 'FOR', 'NAME', 'ROLE', 'BY', 'OPEN UNTIL (UTC)'];
export const invitationRow = (invitation: InvitationView): string[] => [
	invitation.id,
	invitation.purpose === 'reset' ? 'a password' : 'an account',
	invitation.name ?? '(free)',
	invitation.role,
	invitation.created_by,
	formatTime(invitation.expires_at),
];

export const tokensHead = ['ID', 'SCOPE', 'CREATED (UTC)', 'EXPIRES (UTC)', 'LAST USED (UTC)', 'NAME'];
export const tokenRow = (token: TokenView): string[] => [
	token.id,
	token.scope,
	formatTime(token.created_at),
	timeOr(token.expires_at, 'never'),
	timeOr(token.last_used_at, 'never'),
	token.name,
];
