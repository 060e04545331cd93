import {
	fileAnswerSchema,
	nodeAnswerSchema,
	nodeAuditSchema,
	nodeInvitationsSchema,
	nodeInvitedSchema,
	okSchema,
} from '../protocol/api.js';
import {
	accountAnswerSchema,
	accountsSchema,
	createdLinkSchema,
	createdTokenSchema,
	invitationsSchema,
	invitedSchema,
	linksSchema,
	tokensSchema,
	whoamiSchema,
} from '../protocol/people-api.js';
import type {Http} from './http.js';
import {jsonBody} from './json-body.js';
import type {PeopleApi} from './people-contract.js';
import {callJson} from './read-answer.js';

/** The calls about people, over got. */
export const createPeopleCalls = (http: Http): PeopleApi => ({
	whoami: async () => callJson(http, {name: 'whoami'}, whoamiSchema),
	async logout() {
		await callJson(http, {name: 'logout'}, okSchema);
	},
	accounts: async () => (await callJson(http, {name: 'accounts'}, accountsSchema)).accounts,
	async changeAccount(id, change) {
		const {account} = await callJson(http, {name: 'changeAccount', id, ...jsonBody(change)}, accountAnswerSchema);
		return account;
	},
	resetPassword: async id => callJson(http, {name: 'resetPassword', id}, invitedSchema),
	invite: async invitation => callJson(http, {name: 'invite', ...jsonBody(invitation)}, invitedSchema),
	async invitations() {
		const {invitations} = await callJson(http, {name: 'invitations'}, invitationsSchema);
		return invitations.sort((one, other) => one.created_at - other.created_at);
	},
	async revokeInvitation(id) {
		await callJson(http, {name: 'revokeInvitation', id}, okSchema);
	},
	tokens: async account => (await callJson(http, {name: 'tokens', query: {account}}, tokensSchema)).tokens,
	createToken: async token => callJson(http, {name: 'createToken', ...jsonBody(token)}, createdTokenSchema),
	async revokeToken(id) {
		await callJson(http, {name: 'revokeToken', id}, okSchema);
	},
	inviteNode: async invitation => callJson(http, {name: 'inviteNode', ...jsonBody(invitation)}, nodeInvitedSchema),
	nodeInvitations: async () => (await callJson(http, {name: 'nodeInvitations'}, nodeInvitationsSchema)).invitations,
	async revokeNodeInvitation(id) {
		await callJson(http, {name: 'revokeNodeInvitation', id}, okSchema);
	},
	auditNode: async id => callJson(http, {name: 'auditNode', id}, nodeAuditSchema),
	banNode: async id => (await callJson(http, {name: 'banNode', id}, nodeAnswerSchema)).node,
	unbanNode: async id => (await callJson(http, {name: 'unbanNode', id}, nodeAnswerSchema)).node,
	links: async () => (await callJson(http, {name: 'links'}, linksSchema)).links,
	createLink: async (id, link) => callJson(http, {name: 'createLink', id, ...jsonBody(link)}, createdLinkSchema),
	async revokeLink(id) {
		await callJson(http, {name: 'revokeLink', id}, okSchema);
	},
	async changeFile(id, change) {
		return (await callJson(http, {name: 'changeFile', id, ...jsonBody(change)}, fileAnswerSchema)).file;
	},
});
