import {formatTable} from '../format.js';
import type {roles} from '../protocol/people.js';
import type {inviteActions} from './commands.js';
import {type CommandContext, isOn, jsonLine, refuseReadOnly, type RunCommand, valueOf} from './context.js';
import {exitCodes} from './failures.js';
import {expiresOf, invitationRow, invitationsHead, quotaOf, refuseFlags, wordAfter} from './people-words.js';
import {jsonList} from './show.js';
import {printLink} from './told-once.js';

const personFlags = ['role', 'name', 'quota', 'expires'];

const invitePerson = async (context: CommandContext) => {
	const role = valueOf(context, 'role') as (typeof roles)[number] | undefined;
	const name = valueOf(context, 'name');
	const quota = quotaOf(context);
	const expires = expiresOf(context);
	refuseReadOnly(context, 'invite');
	const invited = await context.api.invite({
		...(role && {role}),
		...(name !== undefined && {name}),
		...(quota !== undefined && {quota_bytes: quota}),
		...(expires !== undefined && {expires_in_s: expires}),
	});
	await printLink(context, invited);
};

const list = async (context: CommandContext) => {
	refuseFlags(context, personFlags, 'invite list');
	const invitations = await context.api.invitations();
	const table = formatTable(invitationsHead, invitations.map(invitationRow));
	if (isOn(context, 'json')) await context.stdout.write(jsonList(invitations));
	else await context.stdout.write(invitations.length === 0 ? 'No invitation is open\n' : `${table}\n`);
};

const revoke = async (context: CommandContext) => {
	const id = wordAfter(context, 'invite revoke ID');
	refuseFlags(context, personFlags, 'invite revoke');
	refuseReadOnly(context, 'invite revoke');
	await context.api.revokeInvitation(id);
	await context.stdout.write(isOn(context, 'json') ? jsonLine({id, revoked: true}) : `Took ${id} back\n`);
};

const actions: Record<(typeof inviteActions)[number], (context: CommandContext) => Promise<void>> = {list, revoke};

export const invite: RunCommand = async context => {
	const [action] = context.words;
	await (action === undefined ? invitePerson : actions[action as keyof typeof actions])(context);
	return exitCodes.done;
};
