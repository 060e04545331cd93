import {checkJoinCodeSchema, type NodeInvitationView, inviteNodeSchema} from '../../../source/protocol/api.js';
import {PjasError} from '../../../source/protocol/errors.js';
import {isOperator, type Principal} from '../../core/access.js';
import type {NodeInvitationRecord} from '../../core/model.js';
import {readJson} from '../../http/body.js';
import type {NodeInvitations} from '../node-invitations.js';
import {shortIdOf} from '../people/secrets.js';
import type {Parts} from './parts.js';
import type {Serve} from './serve.js';
import {nameOf} from './session.js';

const viewOf = (record: NodeInvitationRecord): NodeInvitationView => ({
	id: shortIdOf(record._id),
	owner: record.owner,
	zone: record.zone ?? null,
	uses_left: record.usesLeft,
	used_by: record.usedBy,
	created_by: record.createdBy,
	created_at: record.createdAt,
	expires_at: record.expiresAt,
});

/** The codes that somebody may know of: operators of all, members of those that they made. */
const seenBy = async (principal: Principal, invitations: NodeInvitations): Promise<NodeInvitationRecord[]> =>
	(await invitations.list()).filter(({createdBy}) => isOperator(principal) || createdBy === nameOf(principal));

/** Members invite nodes of their own, operators those of anybody. */
const ownerFor = (principal: Principal, wanted: string | undefined): string => {
	const own = nameOf(principal);
	if (wanted !== undefined && wanted !== own && !isOperator(principal)) {
		throw new PjasError('FORBIDDEN', 'You can invite nodes of your own only: leave the owner out');
	}

	const owner = wanted ?? own;
	if (owner === '') throw new PjasError('INVALID_REQUEST', 'Say whose node it is to be: "owner"');
	return owner;
};

export const nodeInvitationRoutes = (serve: Serve, {admission, nodeInvitations: invitations, note}: Parts): void => {
	serve('inviteNode', async (ctx, principal) => {
		const {owner, zone, uses, expires_in_s: seconds} = await readJson(ctx.req, inviteNodeSchema);
		const {code, record} = await invitations.create({
			owner: ownerFor(principal, owner),
			zone,
			uses,
			lifeMs: seconds * 1000,
			createdBy: nameOf(principal),
		});
		note('INFO', `A join code for ${uses} ${uses === 1 ? 'node' : 'nodes'} of ${record.owner} was made`);
		ctx.body = {success: true, code: code.text, invitation: viewOf(record)};
	});

	serve('nodeInvitations', async (ctx, principal) => {
		ctx.body = {success: true, invitations: (await seenBy(principal, invitations)).map(viewOf)};
	});

	serve('checkJoinCode', async ctx => {
		const {id, coordinator} = await readJson(ctx.req, checkJoinCodeSchema);
		if (!admission.isOurs(coordinator)) {
			throw new PjasError('JOIN_CODE_INVALID', 'This join code is of another network: check the address');
		}

		await invitations.check(id);
		ctx.body = {success: true};
	});

	serve('revokeNodeInvitation', async (ctx, principal) => {
		const records = await seenBy(principal, invitations);
		const found = records.find(({_id}) => shortIdOf(_id) === ctx.params['id']);
		if (!found || !(await invitations.revoke(found._id))) {
			throw new PjasError('INVITATION_NOT_FOUND', 'This join code is not known, or was taken back already');
		}

		ctx.body = {success: true};
	});
};
