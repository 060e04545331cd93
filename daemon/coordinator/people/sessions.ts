import type {SessionRecord} from '../../core/model.js';
import type {Catalog} from '../../ports/catalog.js';
import type {Clock, Random} from '../../ports/clock.js';
import {hashOf, newSecret} from './secrets.js';

export const SESSION_MS = 14 * 24 * 3600 * 1000;

export type Sessions = {
	/** The secret goes into a cookie that lasts as long. */
	open: (account: string) => Promise<{secret: string; record: SessionRecord}>;
	find: (secret: string) => Promise<SessionRecord | undefined>;
	close: (secret: string) => Promise<void>;
	closeAll: (account: string) => Promise<void>;
	/** Removes those that expired. */
	sweep: () => Promise<void>;
};

type SessionsOptions = {catalog: Catalog; clock: Pick<Clock, 'now'>; random: Random};

/** An account that signs in more often than this loses its oldest session. */
const MOST_SESSIONS = 50;

export const createSessions = ({catalog, clock, random}: SessionsOptions): Sessions => {
	const of = async (account: string) =>
		(await catalog.allSmall('session')).filter(session => session.account === account);

	const remove = async (sessions: readonly SessionRecord[]) => {
		for (const {_id} of sessions) await catalog.removeSmall('session', _id);
	};

	return {
		async open(account) {
			const oldestFirst = (await of(account)).sort((a, b) => a.createdAt - b.createdAt);
			await remove(oldestFirst.slice(0, Math.max(0, oldestFirst.length - MOST_SESSIONS + 1)));
			const secret = newSecret('session', random);
			const now = clock.now();
			const session = {_id: hashOf(secret), account, createdAt: now, expiresAt: now + SESSION_MS, revision: 0};
			return {secret, record: await catalog.putSmall('session', session)};
		},
		async find(secret) {
			const session = await catalog.getSmall('session', hashOf(secret));
			return session && session.expiresAt > clock.now() ? session : undefined;
		},
		async close(secret) {
			await catalog.removeSmall('session', hashOf(secret));
		},
		closeAll: async account => remove(await of(account)),
		async sweep() {
			const now = clock.now();
			await remove((await catalog.allSmall('session')).filter(({expiresAt}) => expiresAt <= now));
		},
	};
};
