import type {z} from 'zod';
import type {
	changeFileSchema,
	FileView,
	inviteNodeSchema,
	NodeAuditView,
	NodeInvitationView,
	NodeView,
} from '../protocol/api.js';
import type {
	AccountView,
	changeAccountSchema,
	CreatedToken,
	createLinkSchema,
	createTokenSchema,
	LinkView,
	InvitationView,
	Invited,
	inviteSchema,
	TokenView,
	Whoami,
} from '../protocol/people-api.js';

export type {
	AccountView,
	CreatedToken,
	InvitationView,
	Invited,
	LinkView,
	NodeAuditView,
	NodeInvitationView,
	TokenView,
	Whoami,
};

/** What of a file's readers is to be another; what is left out stays. */
export type FileChange = z.input<typeof changeFileSchema>;
/** What of an account is to be another; what is left out stays. */
export type AccountChange = z.input<typeof changeAccountSchema>;

/** The calls about people: who they are, what they may do, and the secrets by which they are known. */
export type PeopleApi = {
	/** Throws `UNAUTHENTICATED` where whoever calls is not known. */
	whoami: () => Promise<Whoami>;
	/** Ends the token that is called with. */
	logout: () => Promise<void>;
	/** All, by name. For operators. */
	accounts: () => Promise<AccountView[]>;
	changeAccount: (name: string, change: AccountChange) => Promise<AccountView>;
	/** A link with which somebody sets a new password, told this once. */
	resetPassword: (name: string) => Promise<Invited>;
	/** A link with which somebody makes an account, told this once. */
	invite: (invitation: z.input<typeof inviteSchema>) => Promise<Invited>;
	/** Those that are open, the oldest first. */
	invitations: () => Promise<InvitationView[]>;
	revokeInvitation: (id: string) => Promise<void>;
	/** One's own, or those of another account. */
	tokens: (account?: string) => Promise<TokenView[]>;
	/** The token, told this once. */
	createToken: (token: z.input<typeof createTokenSchema>) => Promise<CreatedToken>;
	revokeToken: (id: string) => Promise<void>;
	/** A code with which nodes join, told this once. */
	inviteNode: (invitation: z.input<typeof inviteNodeSchema>) => Promise<{code: string; invitation: NodeInvitationView}>;
	/** Those that are open. */
	nodeInvitations: () => Promise<NodeInvitationView[]>;
	revokeNodeInvitation: (id: string) => Promise<void>;
	/** Keeps a node out. */
	auditNode: (id: string) => Promise<NodeAuditView>;
	banNode: (id: string) => Promise<NodeView>;
	unbanNode: (id: string) => Promise<NodeView>;
	/** Those that still lead somewhere. */
	links: () => Promise<LinkView[]>;
	/** A link to a file, told this once. */
	createLink: (file: string, link: z.input<typeof createLinkSchema>) => Promise<{link: LinkView; url: string}>;
	revokeLink: (id: string) => Promise<void>;
	/** Says who may read a file. */
	changeFile: (id: string, change: FileChange) => Promise<FileView>;
};
