import type {Random} from '../../ports/clock.js';
import type {Catalog} from '../../ports/catalog.js';
import type {People} from './people.js';
import {newSecret} from './secrets.js';

export type FirstAdmin = {
	/** A token that may do everything. */
	token: string;
	/** With it, the admin's password is set once. */
	code: string;
};

export const FIRST_ADMIN = 'admin';

const CODE_LASTS_MS = 7 * 24 * 3600 * 1000;

/**
Makes the account `admin`, where there is none: at a coordinator's first start, and at the next one where the first was
cut off.

@param keepToken - Keeps the token where the programs of this machine find it. It is durable before the account is made.
*/
export const makeFirstAdmin = async (
	{catalog, people, random}: {catalog: Catalog; people: People; random: Random},
	keepToken: (token: string) => Promise<void>,
): Promise<FirstAdmin | undefined> => {
	if (await catalog.getSmall('account', FIRST_ADMIN)) return undefined;
	const token = newSecret('token', random);
	await keepToken(token);
	await people.tokens.keep(token, {account: FIRST_ADMIN, name: 'first start', scope: 'full'});
	const {code} = await people.invitations.create({
		...{purpose: 'reset', name: FIRST_ADMIN, role: 'admin', createdBy: FIRST_ADMIN},
		expiresInMs: CODE_LASTS_MS,
	});
	await people.accounts.create({_id: FIRST_ADMIN, role: 'admin'});
	return {token, code};
};
