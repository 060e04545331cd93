import type {z} from 'zod';
import {
	changeFileSchema,
	checkLineSchema,
	deletedSchema,
	errorSchema,
	fileAnswerSchema,
	filesQuerySchema,
	filesSchema,
	healthSchema,
	heartbeatSchema,
	keyringSchema,
	keyringStoredSchema,
	logsQuerySchema,
	logsSchema,
	nodeAnswerSchema,
	nodeShardsQuerySchema,
	nodeShardsSchema,
	inviteNodeSchema,
	nodeInvitationsSchema,
	nodeInvitedSchema,
	nodesSchema,
	okSchema,
	heardSchema,
	putKeyringSchema,
	registerSchema,
	registeredSchema,
	replicationQuerySchema,
	replicationSchema,
	rootSchema,
	statsSchema,
	uploadedSchema,
} from './api.js';
import {auditQuerySchema, auditSchema} from './audit-api.js';
import {
	acceptSchema,
	accountAnswerSchema,
	accountsSchema,
	changeAccountSchema,
	createdLinkSchema,
	createdTokenSchema,
	createLinkSchema,
	createTokenSchema,
	linksQuerySchema,
	linksSchema,
	sharedFileSchema,
	invitationsSchema,
	invitedSchema,
	inviteSchema,
	loginSchema,
	passwordSchema,
	tokensQuerySchema,
	tokensSchema,
	whoamiSchema,
} from './people-api.js';

type Answer = {description: string; type: string; schema?: z.ZodType};

/**
Who may make a call. `anyone`; `node`: nodes, who say themselves who they are; `classic`: who is signed in, and the
prototype's clients where they are let in; `signed-in`; `operator`: operators and admins; `admin`; `file`: whoever may
see, read or change the file that the call is about, which its handler decides.
*/
export type AccessRule = 'anyone' | 'node' | 'classic' | 'signed-in' | 'operator' | 'admin' | 'file';

export type Route = {
	method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
	/** With `{id}` for what varies, as OpenAPI writes it. */
	path: string;
	access: AccessRule;
	summary: string;
	query?: z.ZodObject;
	body?: {type: string; schema?: z.ZodType};
	answers: Record<number, Answer>;
};

const json = (description: string, schema: z.ZodType): Answer => ({description, type: 'application/json', schema});
const bytesAnswer = (description: string): Answer => ({description, type: 'application/octet-stream'});
const failure = (description: string): Answer => json(description, errorSchema);
const noFile = {404: failure('`FILE_NOT_FOUND`')};
const noNode = {404: failure('`NODE_NOT_FOUND`')};

/** Every call of the coordinator's API. The router, the OpenAPI description and the clients are made from it. */
export const routes = {
	root: {
		method: 'GET',
		path: '/',
		access: 'anyone',
		summary: 'Whether the coordinator is there, in one line',
		answers: {200: json('It is', rootSchema)},
	},
	health: {
		method: 'GET',
		path: '/health',
		access: 'anyone',
		summary: 'Health check',
		answers: {200: json('Healthy', healthSchema)},
	},
	register: {
		method: 'POST',
		path: '/api/nodes/register',
		access: 'node',
		summary: 'Register a storage node',
		body: {type: 'application/json', schema: registerSchema},
		answers: {
			200: json('Registered', registeredSchema),
			400: failure('`INVALID_REQUEST`'),
			401: failure('`UNAUTHENTICATED`: not signed by the node’s key, or another node has this id'),
			403: failure('`JOIN_CODE_INVALID`, `CLASSIC_NOT_ALLOWED`, `NODE_BANNED`'),
		},
	},
	heartbeat: {
		method: 'POST',
		path: '/api/nodes/heartbeat',
		access: 'node',
		summary: 'Say that a node is there',
		body: {type: 'application/json', schema: heartbeatSchema},
		answers: {
			200: json('Noted', heardSchema),
			400: failure('`INVALID_REQUEST`'),
			401: failure('`UNAUTHENTICATED`: not signed by the node’s key'),
			403: failure('`CLASSIC_NOT_ALLOWED`, `NODE_BANNED`'),
			404: failure('`NODE_NOT_FOUND`: register first'),
		},
	},
	nodes: {
		method: 'GET',
		path: '/api/nodes',
		access: 'classic',
		summary: 'List the nodes',
		answers: {200: json('All that ever joined', nodesSchema)},
	},
	inviteNode: {
		method: 'POST',
		path: '/api/nodes/invitations',
		access: 'signed-in',
		summary: 'Make a code with which nodes join; members for nodes of their own',
		body: {type: 'application/json', schema: inviteNodeSchema},
		answers: {200: json('The code, told once', nodeInvitedSchema), 400: failure('`INVALID_REQUEST`')},
	},
	nodeInvitations: {
		method: 'GET',
		path: '/api/nodes/invitations',
		access: 'signed-in',
		summary: 'List the join codes; members those that they made',
		answers: {200: json('All', nodeInvitationsSchema)},
	},
	revokeNodeInvitation: {
		method: 'DELETE',
		path: '/api/nodes/invitations/{id}',
		access: 'signed-in',
		summary: 'Take a join code back',
		answers: {200: json('Taken back', okSchema), 404: failure('`INVITATION_NOT_FOUND`')},
	},
	banNode: {
		method: 'POST',
		path: '/api/nodes/{id}/ban',
		access: 'operator',
		summary: 'Keep a node out: it is asked for nothing, and what it holds does not count',
		answers: {200: json('Its record', nodeAnswerSchema), ...noNode},
	},
	unbanNode: {
		method: 'POST',
		path: '/api/nodes/{id}/unban',
		access: 'operator',
		summary: 'Let a banned node in again',
		answers: {200: json('Its record', nodeAnswerSchema), ...noNode},
	},
	node: {
		method: 'GET',
		path: '/api/nodes/{id}',
		access: 'signed-in',
		summary: 'Describe a node, and count its shards by state',
		answers: {200: json('Its record', nodeAnswerSchema), ...noNode},
	},
	nodeShards: {
		method: 'GET',
		path: '/api/nodes/{id}/shards',
		access: 'signed-in',
		summary: 'List the shards that a node should hold',
		query: nodeShardsQuerySchema,
		answers: {200: json('A page of shards', nodeShardsSchema), ...noNode},
	},
	stats: {
		method: 'GET',
		path: '/api/stats',
		access: 'classic',
		summary: 'Network statistics',
		answers: {200: json('Figures', statsSchema)},
	},
	logs: {
		method: 'GET',
		path: '/api/logs',
		access: 'classic',
		summary: 'Activity log',
		query: logsQuerySchema,
		answers: {200: json('The newest entries, or the newest before one', logsSchema)},
	},
	files: {
		method: 'GET',
		path: '/api/files',
		access: 'classic',
		summary: 'List and search files',
		query: filesQuerySchema,
		answers: {200: json('A page', filesSchema)},
	},
	upload: {
		method: 'POST',
		path: '/api/files/upload',
		access: 'classic',
		summary: 'Upload a file',
		body: {type: 'multipart/form-data'},
		answers: {
			200: json('Stored on enough nodes, durably', uploadedSchema),
			400: failure('`NO_FILE_UPLOADED`, `INVALID_REQUEST`, `UPLOAD_INCOMPLETE`'),
			415: failure('`UNSUPPORTED_MEDIA_TYPE`'),
			503: failure('`NO_NODES_AVAILABLE`, `NOT_ENOUGH_NODES`, `CATALOG_UNAVAILABLE`'),
			507: failure('`INSUFFICIENT_STORAGE`'),
		},
	},
	file: {
		method: 'GET',
		path: '/api/files/{id}',
		access: 'file',
		summary: 'Describe a file',
		answers: {200: json('Its record', fileAnswerSchema), ...noFile},
	},
	deleteFile: {
		method: 'DELETE',
		path: '/api/files/{id}',
		access: 'file',
		summary: 'Delete a file, and its shards from their nodes',
		answers: {200: json('Deleted', deletedSchema), ...noFile},
	},
	download: {
		method: 'GET',
		path: '/api/files/download/{id}',
		access: 'file',
		summary: 'Download a file, or ranges of it',
		answers: {
			200: bytesAnswer('The file'),
			206: bytesAnswer('The ranges asked for'),
			...noFile,
			416: failure('`RANGE_NOT_SATISFIABLE`'),
			500: failure('`FILE_UNAVAILABLE`'),
		},
	},
	replication: {
		method: 'GET',
		path: '/api/files/{id}/replication',
		access: 'file',
		summary: 'Where the shards of each chunk are, and when each was last verified',
		query: replicationQuerySchema,
		answers: {200: json('A page of chunks', replicationSchema), ...noFile},
	},
	check: {
		method: 'POST',
		path: '/api/files/{id}/check',
		access: 'file',
		summary: 'Have every node re-hash its shards of a file',
		answers: {
			200: {
				description: 'One JSON line a chunk, then one at the end',
				type: 'application/x-ndjson',
				schema: checkLineSchema,
			},
			...noFile,
		},
	},
	changeFile: {
		method: 'PATCH',
		path: '/api/files/{id}',
		access: 'file',
		summary: 'Say who may read a file',
		body: {type: 'application/json', schema: changeFileSchema},
		answers: {200: json('Its record', fileAnswerSchema), 400: failure('`INVALID_REQUEST`'), ...noFile},
	},
	createLink: {
		method: 'POST',
		path: '/api/files/{id}/links',
		access: 'file',
		summary: 'Make a link by which anybody who has it gets a file',
		body: {type: 'application/json', schema: createLinkSchema},
		answers: {200: json('The link, told once', createdLinkSchema), ...noFile},
	},
	links: {
		method: 'GET',
		path: '/api/links',
		access: 'signed-in',
		summary: 'List one’s own links; admins see all',
		query: linksQuerySchema,
		answers: {200: json('Those that still lead somewhere', linksSchema)},
	},
	revokeLink: {
		method: 'DELETE',
		path: '/api/links/{id}',
		access: 'signed-in',
		summary: 'Take a link back',
		answers: {200: json('Taken back', okSchema), 404: failure('`LINK_NOT_FOUND`')},
	},
	sharedFile: {
		method: 'GET',
		path: '/api/shared/{id}',
		access: 'anyone',
		summary: 'What a link leads to; its password goes into `X-PJAS-Link-Password`',
		answers: {
			200: json('The file', sharedFileSchema),
			401: failure('`LINK_PASSWORD_NEEDED`'),
			404: failure('`LINK_NOT_FOUND`'),
			410: failure('`LINK_EXHAUSTED`'),
		},
	},
	sharedDownload: {
		method: 'GET',
		path: '/api/shared/{id}/download',
		access: 'anyone',
		summary: 'Download what a link leads to, or ranges of it',
		answers: {
			200: bytesAnswer('The file'),
			206: bytesAnswer('The ranges asked for'),
			401: failure('`LINK_PASSWORD_NEEDED`'),
			404: failure('`LINK_NOT_FOUND`'),
			410: failure('`LINK_EXHAUSTED`'),
		},
	},
	login: {
		method: 'POST',
		path: '/api/session',
		access: 'anyone',
		summary: 'Sign in with a name and a password; the answer sets a cookie',
		body: {type: 'application/json', schema: loginSchema},
		answers: {
			200: json('Signed in', whoamiSchema),
			401: failure('`INVALID_CREDENTIALS`'),
			429: failure('`TOO_MANY_REQUESTS`'),
		},
	},
	whoami: {
		method: 'GET',
		path: '/api/session',
		access: 'signed-in',
		summary: 'Who calls',
		answers: {200: json('The account', whoamiSchema)},
	},
	logout: {
		method: 'DELETE',
		path: '/api/session',
		access: 'signed-in',
		summary: 'Sign out: the session, or the token that was called with, ends',
		answers: {200: json('Signed out', okSchema)},
	},
	password: {
		method: 'PUT',
		path: '/api/account/password',
		access: 'signed-in',
		summary: 'Set one’s own password; every session ends',
		body: {type: 'application/json', schema: passwordSchema},
		answers: {200: json('Set', okSchema), 401: failure('`INVALID_CREDENTIALS`')},
	},
	accounts: {
		method: 'GET',
		path: '/api/accounts',
		access: 'operator',
		summary: 'List the accounts',
		answers: {200: json('All, by name', accountsSchema)},
	},
	changeAccount: {
		method: 'PATCH',
		path: '/api/accounts/{id}',
		access: 'admin',
		summary: 'Change an account’s role or quota, disable it or let it in again',
		body: {type: 'application/json', schema: changeAccountSchema},
		answers: {200: json('Changed', accountAnswerSchema), 404: failure('`ACCOUNT_NOT_FOUND`')},
	},
	resetPassword: {
		method: 'POST',
		path: '/api/accounts/{id}/reset',
		access: 'admin',
		summary: 'Make a link with which somebody who lost a password sets a new one',
		answers: {200: json('The link, told once', invitedSchema), 404: failure('`ACCOUNT_NOT_FOUND`')},
	},
	invite: {
		method: 'POST',
		path: '/api/invitations',
		access: 'operator',
		summary: 'Invite a person; operators invite members only',
		body: {type: 'application/json', schema: inviteSchema},
		answers: {200: json('The link, told once', invitedSchema), 409: failure('`ACCOUNT_EXISTS`')},
	},
	invitations: {
		method: 'GET',
		path: '/api/invitations',
		access: 'operator',
		summary: 'List the invitations that are open',
		answers: {200: json('All', invitationsSchema)},
	},
	revokeInvitation: {
		method: 'DELETE',
		path: '/api/invitations/{id}',
		access: 'operator',
		summary: 'Take an invitation back',
		answers: {200: json('Taken back', okSchema), 404: failure('`INVITATION_NOT_FOUND`')},
	},
	acceptInvitation: {
		method: 'POST',
		path: '/api/invitations/accept',
		access: 'anyone',
		summary: 'Make the account that an invitation is for, or set its password',
		body: {type: 'application/json', schema: acceptSchema},
		answers: {
			200: json('Signed in', whoamiSchema),
			404: failure('`INVITATION_NOT_FOUND`'),
			409: failure('`ACCOUNT_EXISTS`'),
		},
	},
	tokens: {
		method: 'GET',
		path: '/api/tokens',
		access: 'signed-in',
		summary: 'List one’s own tokens',
		query: tokensQuerySchema,
		answers: {200: json('All; admins may ask for another account’s', tokensSchema)},
	},
	createToken: {
		method: 'POST',
		path: '/api/tokens',
		access: 'signed-in',
		summary: 'Make a token for a program',
		body: {type: 'application/json', schema: createTokenSchema},
		answers: {200: json('The token, told once', createdTokenSchema)},
	},
	revokeToken: {
		method: 'DELETE',
		path: '/api/tokens/{id}',
		access: 'signed-in',
		summary: 'End a token',
		answers: {200: json('Ended', okSchema), 404: failure('`TOKEN_NOT_FOUND`')},
	},
	audit: {
		method: 'GET',
		path: '/api/audit',
		access: 'admin',
		summary: 'Audit log: who did what to what, from where',
		query: auditQuerySchema,
		answers: {200: json('The newest entries, or the newest before one', auditSchema)},
	},
	keyring: {
		method: 'GET',
		path: '/api/keyring',
		access: 'signed-in',
		summary: "The account's keyring, which only its passphrase opens",
		answers: {200: json('What was last stored', keyringSchema)},
	},
	putKeyring: {
		method: 'PUT',
		path: '/api/keyring',
		access: 'signed-in',
		summary: "Store the account's keyring in place of the revision that is named",
		body: {type: 'application/json', schema: putKeyringSchema},
		answers: {
			200: json('Stored', keyringStoredSchema),
			400: failure('`INVALID_REQUEST`'),
			409: failure('`CONFLICT`: another revision is there; get it and try again'),
			413: failure('`BODY_TOO_LARGE`'),
		},
	},
	events: {
		method: 'GET',
		path: '/api/events',
		access: 'signed-in',
		summary: 'Server-sent events of all that changes; resumable by `Last-Event-ID`',
		answers: {200: {description: 'Events', type: 'text/event-stream'}},
	},
	openapi: {
		method: 'GET',
		path: '/api/openapi.json',
		access: 'anyone',
		summary: 'This description',
		answers: {200: {description: 'OpenAPI 3.1', type: 'application/json'}},
	},
} as const satisfies Record<string, Route>;
export type RouteName = keyof typeof routes;

/** A route's path with its id filled in, for clients. */
export const pathOf = (name: RouteName, id = ''): string => routes[name].path.replace('{id}', encodeURIComponent(id));
