import {isPjasError, PjasError} from '../../source/protocol/errors.js';
import type {NodeInvitationRecord} from '../core/model.js';
import type {Catalog} from '../ports/catalog.js';
import type {Clock, Random} from '../ports/clock.js';
import {JOIN_SECRET_BYTES, type JoinCode, joinCodeOf} from '../trust/join-code.js';
import type {NetworkKeys} from './network-keys.js';

export type NewInvitation = {
	/** The member whose nodes they are. */
	owner: string;
	zone?: string | undefined;
	/** How many nodes may join with it. */
	uses: number;
	lifeMs: number;
	createdBy: string;
};

export type NodeInvitations = {
	/** The code is told once: only its hash is kept. */
	create: (invitation: NewInvitation) => Promise<{code: JoinCode; record: NodeInvitationRecord}>;
	/**
	Takes one use. Of two at once that want the last, one gets it.

	@throws {PjasError} `JOIN_CODE_INVALID`: unknown, expired or used up.
	*/
	redeem: (id: string, node: string) => Promise<{owner: string; zone?: string}>;
	/**
	Whether `redeem` would work. Takes no use.

	@throws {PjasError} `JOIN_CODE_INVALID`, as `redeem` does.
	*/
	check: (id: string) => Promise<void>;
	list: () => Promise<NodeInvitationRecord[]>;
	/** Says whether it was there. */
	revoke: (id: string) => Promise<boolean>;
};

type InvitationOptions = {
	catalog: Pick<Catalog, 'getSmall' | 'putSmall' | 'removeSmall' | 'allSmall'>;
	keys: Pick<NetworkKeys, 'newestOf'>;
	clock: Pick<Clock, 'now'>;
	random: Random;
};

/** How long one that is of no use any more is still told apart from one that never was. */
const KEPT_AFTER_MS = 7 * 24 * 60 * 60 * 1000;
const MOST_OPEN = 1_000;

const invalid = (problem: string) => new PjasError('JOIN_CODE_INVALID', `${problem}: ask for another one`);

export const createNodeInvitations = ({catalog, keys, clock, random}: InvitationOptions): NodeInvitations => {
	const sweep = async (): Promise<number> => {
		const records = await catalog.allSmall('nodeInvitation');
		const old = records.filter(({expiresAt}) => expiresAt + KEPT_AFTER_MS < clock.now());
		for (const {_id} of old) await catalog.removeSmall('nodeInvitation', _id);
		return records.length - old.length;
	};

	const findUsable = async (id: string): Promise<NodeInvitationRecord> => {
		const record = await catalog.getSmall('nodeInvitation', id);
		if (!record) throw invalid('This join code is not known here');
		if (record.expiresAt <= clock.now()) throw invalid('This join code has expired');
		if (record.usesLeft < 1) throw invalid('This join code is used up');
		return record;
	};

	const redeem: NodeInvitations['redeem'] = async (id, node) => {
		for (;;) {
			const record = await findUsable(id);
			try {
				await catalog.putSmall('nodeInvitation', {
					...record,
					usesLeft: record.usesLeft - 1,
					usedBy: [...record.usedBy, node],
				});
				return {owner: record.owner, ...(record.zone !== undefined && {zone: record.zone})};
			} catch (error) {
				// Whoever was first has changed it: each round one gets through.
				if (!isPjasError(error, 'CONFLICT')) throw error;
			}
		}
	};

	return {
		async create({owner, zone, uses, lifeMs, createdBy}) {
			if ((await sweep()) >= MOST_OPEN) {
				throw new PjasError('TOO_MANY_REQUESTS', `There are ${MOST_OPEN} join codes already: take some back`);
			}

			const code = joinCodeOf(random.bytes(JOIN_SECRET_BYTES), keys.newestOf([]).kid);
			const record = await catalog.putSmall('nodeInvitation', {
				_id: code.id,
				owner,
				...(zone !== undefined && {zone}),
				usesLeft: uses,
				usedBy: [],
				expiresAt: clock.now() + lifeMs,
				createdBy,
				createdAt: clock.now(),
				revision: 0,
			});
			return {code, record};
		},
		redeem,
		async check(id) {
			await findUsable(id);
		},
		list: async () => catalog.allSmall('nodeInvitation'),
		revoke: async id => catalog.removeSmall('nodeInvitation', id),
	};
};
