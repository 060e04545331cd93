import type {NodeInvitationView} from '../client/people-contract.js';
import {isLoopbackUrl} from '../base-url.js';
import {quoted} from '../command-line.js';
import {formatTable, formatTime} from '../format.js';
import {escapeControls} from '../protocol/escape.js';
import {PjasError} from '../protocol/errors.js';
import {joinCommandOf, joinInvitationOf} from '../protocol/join-command.js';
import {type CommandContext, isOn, jsonLine, refuseReadOnly, valueOf} from './context.js';
import {expiresOf, refuseFlags} from './people-words.js';
import {jsonList} from './show.js';

const MOST_USES = 100;
const listHead = ['ID', 'OWNER', 'ZONE', 'LEFT', 'JOINED', 'BY', 'OPEN UNTIL (UTC)'];
const row = (invitation: NodeInvitationView): string[] => [
	invitation.id,
	invitation.owner,
	invitation.zone ?? '(the node says)',
	String(invitation.uses_left),
	String(invitation.used_by.length),
	invitation.created_by,
	formatTime(invitation.expires_at),
];

const usesOf = (context: CommandContext): number | undefined => {
	const text = valueOf(context, 'uses');
	if (text === undefined) return undefined;
	const uses = /^\d{1,3}$/.test(text) ? Number(text) : 0;
	if (uses >= 1 && uses <= MOST_USES) return uses;
	throw new PjasError(
		'INVALID_CONFIGURATION',
		`--uses is ${quoted(text)}. Allowed: a whole number from 1 to ${MOST_USES}`,
	);
};

/** Prints a code with which nodes join, with the address to join at, and for people the command that joins with it. */
export const inviteNode = async (context: CommandContext): Promise<void> => {
	refuseFlags(context, ['role', 'name', 'quota'], 'invite node');
	const [owner, zone, uses, expires] = [
		valueOf(context, 'owner'),
		valueOf(context, 'zone'),
		usesOf(context),
		expiresOf(context),
	];
	refuseReadOnly(context, 'invite node');
	const {code, invitation} = await context.api.inviteNode({
		...(owner !== undefined && {owner}),
		...(zone !== undefined && {zone}),
		...(uses !== undefined && {uses}),
		...(expires !== undefined && {expires_in_s: expires}),
	});
	if (isOn(context, 'json')) {
		await context.stdout.write(jsonLine({...invitation, code, join: joinInvitationOf(code, context.api.url)}));
		return;
	}

	const nodes = invitation.uses_left === 1 ? 'one node' : `${invitation.uses_left} nodes`;
	const until = `until ${formatTime(invitation.expires_at)} UTC`;
	const words = [
		`Lets ${nodes} of ${invitation.owner} join ${until}. It is not shown again. On the member's machine:`,
		`  ${joinCommandOf(code, context.api.url)}`,
		...(isLoopbackUrl(context.api.url)
			? [`From other machines ${context.api.url} leads elsewhere: put the address behind the @ by which they get here.`]
			: []),
	];
	await context.stdout.write(`${escapeControls(joinInvitationOf(code, context.api.url))}\n`);
	await context.stderr.write(words.map(line => `${escapeControls(line)}\n`).join(''));
};

/** The codes that are open. */
export const listNodeInvitations = async (context: CommandContext): Promise<void> => {
	refuseFlags(context, ['role', 'name', 'quota', 'expires', 'owner', 'zone', 'uses'], 'invite nodes');
	const invitations = await context.api.nodeInvitations();
	const table = formatTable(listHead, invitations.map(row));
	if (isOn(context, 'json')) await context.stdout.write(jsonList(invitations));
	else await context.stdout.write(invitations.length === 0 ? 'No join code is open\n' : `${table}\n`);
};
