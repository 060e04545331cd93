import {PjasError} from '../../../source/protocol/errors.js';
import {isSecret} from '../../../source/protocol/people.js';
import type {AccountRecord, InvitationRecord} from '../../core/model.js';
import type {Catalog} from '../../ports/catalog.js';
import type {Clock, Random} from '../../ports/clock.js';
import type {Passwords} from '../../ports/passwords.js';
import type {Accounts} from './accounts.js';
import {hashOf, newSecret, shortIdOf} from './secrets.js';
import type {Sessions} from './sessions.js';

export type NewInvitation = Pick<InvitationRecord, 'purpose' | 'name' | 'role' | 'quotaBytes' | 'createdBy'> & {
	expiresInMs: number;
};

export type Invitations = {
	create: (invitation: NewInvitation) => Promise<{record: InvitationRecord; code: string}>;
	/** Those that can still be accepted. */
	open: () => Promise<InvitationRecord[]>;
	/** Throws `INVITATION_NOT_FOUND` where `by` made none of this short id. Without `by`, whoever made it. */
	revoke: (shortId: string, by?: string) => Promise<void>;
	/**
	Makes the account, or sets its password. Of several who accept one invitation at once, one is let in.

	@throws {PjasError} `INVITATION_NOT_FOUND` where it is unknown, expired or used; `ACCOUNT_EXISTS` where the name is
	taken: the invitation can then be tried with another.
	*/
	accept: (code: string, wantedName: string | undefined, password: string) => Promise<AccountRecord>;
};

type InvitationsOptions = {
	catalog: Catalog;
	accounts: Accounts;
	sessions: Sessions;
	passwords: Passwords;
	clock: Pick<Clock, 'now'>;
	random: Random;
};

const MOST_OPEN = 1000;
const notFound = () =>
	new PjasError('INVITATION_NOT_FOUND', 'This invitation is not known, was used, or is too old. Ask for another');

export const createInvitations = (options: InvitationsOptions): Invitations => {
	const {catalog, accounts, sessions, passwords, clock, random} = options;

	const isOpen = ({expiresAt}: InvitationRecord) => expiresAt > clock.now();

	const open = async () => {
		const all = await catalog.allSmall('invitation');
		for (const {_id} of all.filter(invitation => !isOpen(invitation))) await catalog.removeSmall('invitation', _id);
		return all.filter(isOpen);
	};

	const makeAccount = async (invitation: InvitationRecord, wantedName: string | undefined, password: string) => {
		const name = invitation.name ?? wantedName;
		if (name === undefined) throw new PjasError('INVALID_REQUEST', 'Choose a name for the account');
		const {role, quotaBytes} = invitation;
		const passwordHash = await passwords.hash(password);
		if (!(await catalog.removeSmall('invitation', invitation._id))) throw notFound();
		try {
			return await accounts.create({_id: name, role, passwordHash, ...(quotaBytes !== undefined && {quotaBytes})});
		} catch (error) {
			await catalog.putSmall('invitation', {...invitation, revision: 0});
			throw error;
		}
	};

	const reset = async (invitation: InvitationRecord, password: string) => {
		const {name = ''} = invitation;
		if (!(await catalog.removeSmall('invitation', invitation._id))) throw notFound();
		await accounts.setPassword(name, password);
		await sessions.closeAll(name);
		return accounts.get(name);
	};

	return {
		async create({expiresInMs, ...invitation}) {
			if ((await open()).length >= MOST_OPEN) {
				throw new PjasError('INVALID_REQUEST', `${MOST_OPEN} invitations are open: take some back first`);
			}

			const code = newSecret('invitation', random);
			const createdAt = clock.now();
			const times = {createdAt, expiresAt: createdAt + expiresInMs, revision: 0};
			return {record: await catalog.putSmall('invitation', {_id: hashOf(code), ...invitation, ...times}), code};
		},
		open,
		async revoke(shortId, by) {
			const found = (await open()).find(
				({_id, createdBy}) => shortIdOf(_id) === shortId && (by === undefined || createdBy === by),
			);
			if (!found || !(await catalog.removeSmall('invitation', found._id))) throw notFound();
		},
		async accept(code, wantedName, password) {
			const invitation = isSecret('invitation', code) && (await catalog.getSmall('invitation', hashOf(code)));
			if (!invitation || !isOpen(invitation)) throw notFound();
			return invitation.purpose === 'reset'
				? reset(invitation, password)
				: makeAccount(invitation, wantedName, password);
		},
	};
};
