import {z} from 'zod';
import {fileIdSchema} from './api.js';
import {accountNameAllowed, accountNamePattern, LONGEST_PASSWORD, roles, scopes, SHORTEST_PASSWORD} from './people.js';
import {e2eSchema} from './sealed-details.js';

/** Schemas of what the API takes and tells of people. Times are milliseconds since the epoch. */

const timeMs = z.number().int().nonnegative();
const success = z.literal(true);
const role = z.enum(roles);
const seconds = z
	.number()
	.int()
	.min(60)
	.max(10 * 365 * 24 * 3600);

const accountName = z.string().regex(accountNamePattern, {error: `allowed: ${accountNameAllowed}`});
const newPassword = z
	.string()
	.min(SHORTEST_PASSWORD, {error: `a password has at least ${SHORTEST_PASSWORD} characters`})
	.max(LONGEST_PASSWORD, {error: `a password has at most ${LONGEST_PASSWORD} characters`});
const label = z.string().trim().min(1).max(100);
const quotaBytes = z.number().int().nonnegative().nullable().meta({description: 'Null for no limit'});

/** A password that is tried is bounded and nothing else: what is wrong with it is nobody's business. */
const triedPassword = z.string().max(LONGEST_PASSWORD);

export const loginSchema = z.object({name: z.string().max(100), password: triedPassword});

export const whoamiSchema = z.object({
	success,
	open: z.boolean().meta({description: 'There are no accounts here: everybody may do everything'}),
	name: z.string().meta({description: 'Empty where there are no accounts'}),
	role,
	scope: z.enum(scopes),
	via: z.enum(['token', 'session', 'none']),
	quota_bytes: quotaBytes,
	used_bytes: z.number().int().nonnegative(),
});
export type Whoami = z.infer<typeof whoamiSchema>;

export const passwordSchema = z.object({
	old_password: triedPassword.optional().meta({description: 'Needed with a session, not with a full token'}),
	password: newPassword,
});

export const accountSchema = z.object({
	name: accountName,
	role,
	quota_bytes: quotaBytes,
	used_bytes: z.number().int().nonnegative(),
	has_password: z.boolean(),
	created_at: timeMs,
	disabled_at: timeMs.nullable(),
});
export type AccountView = z.infer<typeof accountSchema>;

export const accountsSchema = z.object({success, accounts: z.array(accountSchema), count: z.number().int()});
export const accountAnswerSchema = z.object({success, account: accountSchema});

export const changeAccountSchema = z.object({role, quota_bytes: quotaBytes, disabled: z.boolean()}).partial();

export const inviteSchema = z.object({
	role: role.default('member'),
	name: accountName.optional().meta({description: 'Without it, the person chooses one'}),
	quota_bytes: quotaBytes.default(null),
	expires_in_s: seconds.default(7 * 24 * 3600),
});

export const invitationSchema = z.object({
	id: z.string(),
	purpose: z.enum(['account', 'reset']),
	name: z.string().nullable(),
	role,
	created_by: z.string(),
	created_at: timeMs,
	expires_at: timeMs,
});
export type InvitationView = z.infer<typeof invitationSchema>;

export const invitationsSchema = z.object({success, invitations: z.array(invitationSchema)});

export const invitedSchema = z.object({
	success,
	invitation: invitationSchema,
	code: z.string().meta({description: 'Told this once; only its hash is kept'}),
	link: z.string(),
});
export type Invited = z.infer<typeof invitedSchema>;

export const acceptSchema = z.object({
	code: z.string().max(200),
	name: accountName.optional(),
	password: newPassword,
});

export const tokenSchema = z.object({
	id: z.string().meta({description: 'The first digits of its hash'}),
	account: z.string(),
	name: z.string(),
	scope: z.enum(scopes),
	created_at: timeMs,
	expires_at: timeMs.nullable(),
	last_used_at: timeMs.nullable().meta({description: 'To the minute'}),
});
export type TokenView = z.infer<typeof tokenSchema>;

export const tokensQuerySchema = z.object({account: z.string().max(32).optional()});
export const tokensSchema = z.object({success, tokens: z.array(tokenSchema)});

export const createTokenSchema = z.object({
	name: label,
	scope: z.enum(scopes).default('full'),
	expires_in_s: seconds.nullable().default(null),
});

export const createdTokenSchema = z.object({
	success,
	token: tokenSchema,
	secret: z.string().meta({description: 'Told this once; only its hash is kept'}),
});
export type CreatedToken = z.infer<typeof createdTokenSchema>;

export const createLinkSchema = z.object({
	expires_in_s: seconds.default(7 * 24 * 3600),
	password: z.string().min(1).max(LONGEST_PASSWORD).optional(),
	max_downloads: z.number().int().min(1).max(1_000_000).optional(),
});

export const linkSchema = z.object({
	id: z.string().meta({description: 'The first digits of its hash'}),
	file_id: fileIdSchema,
	filename: z.string(),
	created_by: z.string(),
	created_at: timeMs,
	expires_at: timeMs,
	has_password: z.boolean(),
	max_downloads: z.number().int().nullable(),
	downloads: z.number().int().nullable().meta({description: 'Whole ones, where they are limited'}),
});
export type LinkView = z.infer<typeof linkSchema>;

export const createdLinkSchema = z.object({
	success,
	link: linkSchema,
	url: z.string().meta({description: 'Told this once; only its hash is kept'}),
});
export const linksQuerySchema = z.object({file: fileIdSchema.optional()});
export const linksSchema = z.object({success, links: z.array(linkSchema)});

/** What somebody who follows a link is told. */
export const sharedFileSchema = z.object({
	success,
	filename: z.string(),
	size: z.number().int().nonnegative(),
	type: z.string(),
	expires_at: timeMs,
	e2e: e2eSchema
		.optional()
		.meta({description: 'Where it is sealed end to end; its key stands behind the `#` of the link'}),
});
export type SharedFile = z.infer<typeof sharedFileSchema>;
