import {isPjasError, PjasError} from '../../../source/protocol/errors.js';
import type {AccountRecord} from '../../core/model.js';
import type {Catalog} from '../../ports/catalog.js';
import type {Clock} from '../../ports/clock.js';
import type {Passwords} from '../../ports/passwords.js';
import {changeSmall} from './change-small.js';

export type AccountChange = {
	role?: AccountRecord['role'] | undefined;
	/** Null takes the limit away. */
	quotaBytes?: number | null | undefined;
	isDisabled?: boolean | undefined;
};

export type Accounts = {
	/** An account that may sign in. */
	active: (name: string) => Promise<AccountRecord | undefined>;
	/** Throws `ACCOUNT_NOT_FOUND`. */
	get: (name: string) => Promise<AccountRecord>;
	all: () => Promise<AccountRecord[]>;
	/** Throws `ACCOUNT_EXISTS`: a name is never used again. */
	create: (account: Pick<AccountRecord, '_id' | 'role' | 'quotaBytes' | 'passwordHash'>) => Promise<AccountRecord>;
	/** Throws `INVALID_REQUEST` where no admin would be left. */
	change: (name: string, change: AccountChange) => Promise<AccountRecord>;
	setPassword: (name: string, password: string) => Promise<void>;
	/** The account, where it is active and this is its password. Takes as long where there is none of that name. */
	signIn: (name: string, password: string) => Promise<AccountRecord | undefined>;
};

type AccountsOptions = {catalog: Catalog; passwords: Passwords; clock: Pick<Clock, 'now'>};

const notFound = (name: string) => new PjasError('ACCOUNT_NOT_FOUND', `There is no account ${name}`);

const withChange = (account: AccountRecord, {role, quotaBytes, isDisabled}: AccountChange, now: number) => {
	const changed = {...account, ...(role && {role})};
	if (quotaBytes === null) delete changed.quotaBytes;
	else if (quotaBytes !== undefined) changed.quotaBytes = quotaBytes;
	if (isDisabled === false) delete changed.disabledAt;
	else if (isDisabled === true) changed.disabledAt ??= now;
	return changed;
};

export const createAccounts = ({catalog, passwords, clock}: AccountsOptions): Accounts => {
	const isActiveAdmin = (account: AccountRecord) => account.role === 'admin' && account.disabledAt === undefined;

	/** Of two admins who disable each other at once, both may win; the next start makes a way in again. */
	const assertAdminLeft = async (changed: AccountRecord) => {
		if (isActiveAdmin(changed)) return;
		const others = (await catalog.allSmall('account')).filter(({_id}) => _id !== changed._id);
		if (others.some(isActiveAdmin)) return;
		throw new PjasError('INVALID_REQUEST', `${changed._id} is the last admin. Make another account admin first`);
	};

	return {
		async active(name) {
			const account = await catalog.getSmall('account', name);
			return account?.disabledAt === undefined ? account : undefined;
		},
		async get(name) {
			const account = await catalog.getSmall('account', name);
			if (!account) throw notFound(name);
			return account;
		},
		all: async () => catalog.allSmall('account'),
		async create(account) {
			try {
				return await catalog.putSmall('account', {...account, createdAt: clock.now(), revision: 0});
			} catch (error) {
				if (!isPjasError(error, 'CONFLICT')) throw error;
				throw new PjasError('ACCOUNT_EXISTS', `The name ${account._id} is taken, or was once. Choose another`);
			}
		},
		async change(name, change) {
			const stored = await catalog.getSmall('account', name);
			if (!stored) throw notFound(name);
			if (isActiveAdmin(stored)) await assertAdminLeft(withChange(stored, change, clock.now()));
			const changed = await changeSmall(catalog, 'account', name, account => withChange(account, change, clock.now()));
			if (!changed) throw notFound(name);
			return changed;
		},
		async setPassword(name, password) {
			const passwordHash = await passwords.hash(password);
			if (!(await changeSmall(catalog, 'account', name, account => ({...account, passwordHash})))) throw notFound(name);
		},
		async signIn(name, password) {
			const account = await catalog.getSmall('account', name);
			const isRight = await passwords.verify(account?.passwordHash, password);
			return isRight && account?.disabledAt === undefined ? account : undefined;
		},
	};
};
