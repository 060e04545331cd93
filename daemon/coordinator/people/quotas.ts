import {PjasError} from '../../../source/protocol/errors.js';
import type {Catalog} from '../../ports/catalog.js';
import type {Accounts} from './accounts.js';

/** What an upload takes of its account's quota while it is under way. */
export type Reservation = {
	/** Throws `QUOTA_EXCEEDED` where the account's files, and its uploads under way, would have more than they may. */
	add: (sizeBytes: number) => void;
	/** Of what was added, so much is in the catalogue now, which counts it from then on. */
	settle: (sizeBytes: number) => void;
	/** To be called when the upload's file is in the catalogue, or won't be. */
	close: () => void;
};

export type Quotas = {open: (account: string) => Promise<Reservation>};

/**
Uploads of one account together stay within its quota, however many there are at once. Unfinished ones count with what
they have, and what is in the trash counts: nobody
passes the quota by deleting.
*/
export const createQuotas = ({catalog, accounts}: {catalog: Catalog; accounts: Accounts}): Quotas => {
	const underWay = new Map<string, number>();

	const change = (account: string, byBytes: number) => {
		const bytes = (underWay.get(account) ?? 0) + byBytes;
		if (bytes === 0) underWay.delete(account);
		else underWay.set(account, bytes);
		return bytes;
	};

	return {
		async open(account) {
			const {quotaBytes} = await accounts.get(account);
			let own = 0;
			const settle = (sizeBytes: number) => {
				const bytes = Math.min(own, sizeBytes);
				change(account, -bytes);
				own -= bytes;
			};

			return {
				add(sizeBytes) {
					own += sizeBytes;
					const all = catalog.ownedBytes(account) + change(account, sizeBytes);
					if (quotaBytes === undefined || all <= quotaBytes) return;
					const problem = `Your files may have ${quotaBytes} bytes together, and this one is too much`;
					const {bytes} = catalog.trashTotals(account);
					const remedy = bytes > 0 ? `Empty the trash, which has ${bytes} of them` : 'Delete some for good';
					throw new PjasError('QUOTA_EXCEEDED', `${problem}. ${remedy}, or ask an admin for more`);
				},
				settle,
				close: () => settle(own),
			};
		},
	};
};
