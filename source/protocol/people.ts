/** Words about people that the API, the catalogue and the programs share. */

/** `admin`: everything. `operator`: nodes and all metadata. `member`: own files and nodes, and what is shared. */
export const roles = ['admin', 'operator', 'member'] as const;

/** Who may read a file beside its owner: those whom it is shared with, everybody who is signed in, or everybody. */
export const visibilities = ['private', 'network', 'public'] as const;
export type Visibility = (typeof visibilities)[number];

/** What a token may do: all that its account may, only read, or only upload. */
export const scopes = ['full', 'read', 'upload'] as const;

/** The secrets that are handed out begin with their kind, so that one that leaked is told by sight and found by search. */
export const secretPrefixes = {token: 'pjas_', invitation: 'pjas-invite_', link: 'pjas-link_'} as const;

/** 32 random bytes in base64url. */
export const SECRET_BYTES = 32;
const secretPattern = /^[\w-]{43}$/;

export const isSecret = (kind: keyof typeof secretPrefixes, text: string): boolean =>
	text.startsWith(secretPrefixes[kind]) && secretPattern.test(text.slice(secretPrefixes[kind].length));

export const SESSION_COOKIE = 'pjas_session';

export const accountNamePattern = /^[a-z0-9][a-z0-9._-]{0,31}$/;
export const accountNameAllowed = '1 to 32 of a–z, 0–9, ".", "_" and "-", the first a letter or digit';

export const SHORTEST_PASSWORD = 10;
/** Argon2 takes longer ones; nobody types them, and they cost a server time to hash. */
export const LONGEST_PASSWORD = 256;
