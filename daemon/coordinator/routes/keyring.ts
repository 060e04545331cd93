import {putKeyringSchema} from '../../../source/protocol/api.js';
import {MOST_KEYRING_LENGTH} from '../../../source/protocol/keyring-limit.js';
import type {Principal} from '../../core/access.js';
import {readJson} from '../../http/body.js';
import type {Parts} from './parts.js';
import type {Serve} from './serve.js';

/** The blob, with a backslash before each of its quotes, and what stands around it. */
const LIMITS = {limitBytes: MOST_KEYRING_LENGTH + 64 * 1024, timeoutMs: 120_000};

/** Where there are no accounts, all have one keyring. No account is called so. */
const EVERYBODY = '-';

/** Everybody has one, and reaches no other: an id is nowhere in the call. */
const ownerOf = (principal: Principal): string => (principal.kind === 'account' ? principal.name : EVERYBODY);

/** The keyrings of accounts, which the coordinator keeps and can't open. */
export const keyringRoutes = (serve: Serve, {catalog}: Parts): void => {
	serve('keyring', async (ctx, principal) => {
		const found = await catalog.getSmall('keyring', ownerOf(principal));
		ctx.set('Cache-Control', 'no-store');
		ctx.body = {success: true, blob: found?.blob ?? null, revision: found?.revision ?? 0};
	});

	serve('putKeyring', async (ctx, principal) => {
		const {blob, revision} = await readJson(ctx.req, putKeyringSchema, LIMITS);
		const stored = await catalog.putSmall('keyring', {_id: ownerOf(principal), blob, revision});
		ctx.body = {success: true, revision: stored.revision};
	});
};
