import {
	type AccountView,
	changeAccountSchema,
	createTokenSchema,
	type InvitationView,
	type Invited,
	inviteSchema,
	tokensQuerySchema,
	type TokenView,
} from '../../../source/protocol/people-api.js';
import {PjasError} from '../../../source/protocol/errors.js';
import {isAdmin} from '../../core/access.js';
import type {AccountRecord, InvitationRecord, TokenRecord} from '../../core/model.js';
import {readJson, validate} from '../../http/body.js';
import {ownOriginOf} from '../own-origin.js';
import type {NewInvitation} from '../people/invitations.js';
import {shortIdOf} from '../people/secrets.js';
import type {Parts} from './parts.js';
import {noteDeed, type RouteContext, type Serve} from './serve.js';
import {accountOf, nameOf} from './session.js';

const DAY_MS = 24 * 3600 * 1000;
const RESET_MS = DAY_MS;

const invitationView = (record: InvitationRecord): InvitationView => ({
	id: shortIdOf(record._id),
	purpose: record.purpose,
	name: record.name ?? null,
	role: record.role,
	created_by: record.createdBy,
	created_at: record.createdAt,
	expires_at: record.expiresAt,
});

const tokenView = (record: TokenRecord): TokenView => ({
	id: shortIdOf(record._id),
	account: record.account,
	name: record.name,
	scope: record.scope,
	created_at: record.createdAt,
	expires_at: record.expiresAt ?? null,
	last_used_at: record.lastUsedAt ?? null,
});

const accountRoutes = (serve: Serve, {catalog, people, note}: Parts) => {
	const view = (account: AccountRecord): AccountView => ({
		name: account._id,
		role: account.role,
		quota_bytes: account.quotaBytes ?? null,
		used_bytes: catalog.ownedBytes(account._id),
		has_password: account.passwordHash !== undefined,
		created_at: account.createdAt,
		disabled_at: account.disabledAt ?? null,
	});

	serve('accounts', async ctx => {
		const accounts = (await people.accounts.all()).map(view);
		ctx.body = {success: true, accounts, count: accounts.length};
	});

	serve('changeAccount', async (ctx, principal) => {
		const name = ctx.params['id'] ?? '';
		const {role, quota_bytes: quotaBytes, disabled: isDisabled} = await readJson(ctx.req, changeAccountSchema);
		noteDeed(ctx, `${name} ${JSON.stringify({role, quotaBytes, disabled: isDisabled})}`);
		const account = await people.accounts.change(name, {role, quotaBytes, isDisabled});
		if (isDisabled) await people.sessions.closeAll(name);
		note('INFO', `Account ${name} was changed by ${nameOf(principal)}`);
		ctx.body = {success: true, account: view(account)};
	});
};

const invitationRoutes = (serve: Serve, {people, note}: Parts) => {
	const answerInvited = async (ctx: RouteContext, invitation: NewInvitation) => {
		const {record, code} = await people.invitations.create(invitation);
		const link = `${ownOriginOf(ctx)}/welcome#${code}`;
		ctx.body = {success: true, invitation: invitationView(record), code, link} satisfies Invited;
	};

	serve('invite', async (ctx, principal) => {
		const createdBy = accountOf(principal).name;
		const asked = await readJson(ctx.req, inviteSchema);
		const {role, name, quota_bytes: quotaBytes} = asked;
		if (role !== 'member' && !isAdmin(principal)) throw new PjasError('FORBIDDEN', 'Operators invite members only');
		if (name !== undefined && (await people.accounts.all()).some(({_id}) => _id === name)) {
			throw new PjasError('ACCOUNT_EXISTS', `The name ${name} is taken, or was once. Choose another`);
		}

		noteDeed(ctx, `${name ?? 'anybody'}, ${role}`);
		note('INFO', `${createdBy} invited ${name ?? `a new ${role}`}`);
		await answerInvited(ctx, {
			purpose: 'account',
			role,
			...(name !== undefined && {name}),
			...(quotaBytes !== null && {quotaBytes}),
			createdBy,
			expiresInMs: asked.expires_in_s * 1000,
		});
	});

	serve('resetPassword', async (ctx, principal) => {
		const {_id: name, role} = await people.accounts.get(ctx.params['id'] ?? '');
		note('INFO', `${nameOf(principal)} made a link to set the password of ${name}`);
		await answerInvited(ctx, {purpose: 'reset', name, role, createdBy: nameOf(principal), expiresInMs: RESET_MS});
	});

	serve('invitations', async (ctx, principal) => {
		const open = await people.invitations.open();
		const shown = open.filter(({createdBy}) => isAdmin(principal) || createdBy === nameOf(principal));
		ctx.body = {success: true, invitations: shown.map(invitationView)};
	});

	serve('revokeInvitation', async (ctx, principal) => {
		await people.invitations.revoke(ctx.params['id'] ?? '', isAdmin(principal) ? undefined : nameOf(principal));
		ctx.body = {success: true};
	});
};

const tokenRoutes = (serve: Serve, {people}: Parts) => {
	serve('tokens', async (ctx, principal) => {
		const {account = accountOf(principal).name} = validate(tokensQuerySchema, ctx.query, 'query');
		if (account !== nameOf(principal) && !isAdmin(principal)) {
			throw new PjasError('FORBIDDEN', 'Only admins list the tokens of others');
		}

		ctx.body = {success: true, tokens: (await people.tokens.of(account)).map(tokenView)};
	});

	serve('createToken', async (ctx, principal) => {
		const {name, scope, expires_in_s: expiresInS} = await readJson(ctx.req, createTokenSchema);
		const {record, secret} = await people.tokens.create({
			account: accountOf(principal).name,
			name,
			scope,
			expiresInMs: expiresInS === null ? undefined : expiresInS * 1000,
		});
		noteDeed(ctx, `${shortIdOf(record._id)} ${JSON.stringify(name)}, ${scope}`);
		ctx.body = {success: true, token: tokenView(record), secret};
	});

	serve('revokeToken', async (ctx, principal) => {
		await people.tokens.revoke(ctx.params['id'] ?? '', isAdmin(principal) ? undefined : nameOf(principal));
		ctx.body = {success: true};
	});
};

/** Accounts, invitations and tokens. */
export const peopleRoutes = (serve: Serve, parts: Parts): void => {
	accountRoutes(serve, parts);
	invitationRoutes(serve, parts);
	tokenRoutes(serve, parts);
};
