import {AnswerError} from '../client/errors.js';
import {formatTable} from '../format.js';
import type {roles} from '../protocol/people.js';
import type {inviteActions} from './commands.js';
import {type CommandContext, isOn, jsonLine, refuseReadOnly, type RunCommand, valueOf} from './context.js';
import {exitCodes} from './failures.js';
import {inviteNode, listNodeInvitations} from './invite-node.js';
import {expiresOf, invitationRow, invitationsHead, quotaOf, refuseFlags, wordAfter} from './people-words.js';
import {jsonList} from './show.js';
import {printLink} from './told-once.js';

const nodeFlags = ['owner', 'zone', 'uses'];
const personFlags = ['role', 'name', 'quota', 'expires', ...nodeFlags];

const invitePerson = async (context: CommandContext) => {
	const role = valueOf(context, 'role') as (typeof roles)[number] | undefined;
	const name = valueOf(context, 'name');
	const quota = quotaOf(context);
	const expires = expiresOf(context);
	refuseFlags(context, nodeFlags, 'invite: it is for invite node');
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
	await context.api.revokeInvitation(id).catch(async (error: unknown) => {
		// It may be a node's: members have no others.
		const code = error instanceof AnswerError ? error.code : undefined;
		if (code !== 'INVITATION_NOT_FOUND' && code !== 'FORBIDDEN') throw error;
		await context.api.revokeNodeInvitation(id);
	});
	await context.stdout.write(isOn(context, 'json') ? jsonLine({id, revoked: true}) : `Took ${id} back\n`);
};

const actions: Record<(typeof inviteActions)[number], (context: CommandContext) => Promise<void>> = {
	list,
	revoke,
	node: inviteNode,
	nodes: listNodeInvitations,
};

export const invite: RunCommand = async context => {
	const [action] = context.words;
	await (action === undefined ? invitePerson : actions[action as keyof typeof actions])(context);
	return exitCodes.done;
};
