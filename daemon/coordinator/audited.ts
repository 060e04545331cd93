import {isPjasError} from '../../source/protocol/errors.js';
import {type Route, type RouteName, routes} from '../../source/protocol/routes.js';
import type {AppContext} from '../http/app.js';
import type {Audit, AuditEntry} from './audit.js';

type Changing = {
	[Name in RouteName]: (typeof routes)[Name]['method'] extends 'GET' | 'HEAD' ? never : Name;
}[RouteName];

/** What the audit log calls what a call does; `undefined` where it is none of its matters. A new route must say so. */
const deeds: Record<Changing, string | undefined> & Partial<Record<RouteName, string | undefined>> = {
	acceptInvitation: 'invitation.accept',
	askSafeToStop: undefined,
	auditNode: 'node.audit',
	banNode: 'node.ban',
	cancelDrain: 'node.drain-cancel',
	cancelUpload: 'file.upload-cancel',
	changeAccount: 'account.change',
	changeFile: 'file.change',
	check: undefined,
	checkJoinCode: undefined,
	createLink: 'link.create',
	createToken: 'token.create',
	createUpload: 'file.upload',
	deleteFile: 'file.delete',
	download: 'file.download',
	downloadZip: 'file.download',
	emptyTrash: 'trash.empty',
	drainNode: 'node.drain',
	endMaintenance: 'node.maintenance-end',
	heartbeat: undefined,
	invite: 'invitation.create',
	inviteNode: 'join-code.create',
	login: 'sign-in',
	logout: 'sign-out',
	maintainNode: 'node.maintenance',
	setNodeLimits: 'node.limits',
	endNodeWishes: 'node.limits-end',
	password: 'password.change',
	pauseRepair: 'repair.pause',
	putKeyring: 'keyring.change',
	purgeFile: 'file.purge',
	register: 'node.join',
	repairFile: 'file.repair',
	resetPassword: 'password.reset',
	restoreFile: 'file.restore',
	resumeRepair: 'repair.resume',
	resumeUpload: 'file.upload',
	revokeInvitation: 'invitation.revoke',
	revokeLink: 'link.revoke',
	revokeNodeInvitation: 'join-code.revoke',
	revokeToken: 'token.revoke',
	testLine: undefined,
	sharedDownload: 'link.download',
	testAlerts: 'alerts.test',
	unbanNode: 'node.unban',
	upload: 'file.upload',
	uploadOptions: undefined,
};

const refusals = ['FORBIDDEN', 'INVALID_CREDENTIALS', 'INVITATION_NOT_FOUND', 'UNAUTHENTICATED'] as const;

/** Strangers could fill the log with refusals: theirs count only where somebody tries to become somebody. */
const isNotable = (ctx: AppContext, {access}: Route, result: AuditEntry['result']): boolean =>
	ctx.state.deed?.isIdle !== true &&
	(result === 'ok' || ctx.state.account !== undefined || (access === 'anyone' && ctx.method === 'POST'));

export type Audited = (
	ctx: AppContext & {params: Record<string, string>},
	name: RouteName,
	work: () => Promise<void>,
) => Promise<void>;

/**
Does what a call asks for, and writes down who did it. What concerns people is on disk before it is answered; files are read
and written too often for that, and follow within a moment. A log that can't be written keeps nobody from anything.
*/
export const createAudited =
	(audit: Audit | undefined): Audited =>
	async (ctx, name, work) => {
		const did = deeds[name];
		if (!audit || did === undefined) return work();
		ctx.state.deed = {};

		const tell = async (result: AuditEntry['result']) => {
			if (!isNotable(ctx, routes[name], result)) return;
			const {account = '', client, deed} = ctx.state;
			const what = deed?.what ?? ctx.params['id'];
			const isUrgent = !did.startsWith('file.');
			const told = audit
				.add({who: account, did, what, from: client.address, result}, {isUrgent})
				.catch((error: unknown) => {
					ctx.state.log.error('a deed is missing in the audit log', {did, error});
				});
			if (isUrgent) await told;
		};

		try {
			await work();
		} catch (error) {
			if (refusals.some(code => isPjasError(error, code))) await tell('refused');
			throw error;
		}

		await tell('ok');
	};
