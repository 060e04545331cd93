import type {Calls} from './calls.js';
import {type Clock, systemClock} from './clock.js';
import type {Api} from './contract.js';
import {defaultLimits, type Limits} from './limits.js';

export type * from './contract.js';

export type ApiOptions = {
	/** Says who calls; a function where that may change. Without one, nobody who is known. */
	token?: string | (() => string | undefined) | undefined;
	clock?: Pick<Clock, 'timer' | 'now'>;
	limits?: Partial<Limits>;
};

/**
The coordinator's API. Got and the schemas take a quarter of a second to load, which is when a first frame should be
there already: so they are loaded with the first call.
*/
export const createApi = (url: string, {token, clock = systemClock, limits = {}}: ApiOptions = {}): Api => {
	let loading: Promise<Calls> | undefined;
	const load = async (): Promise<Calls> => {
		const {createCalls} = await import('./calls.js');
		const current = typeof token === 'function' ? token : () => token;
		return createCalls({url, token: current, clock, limits: {...defaultLimits, ...limits}});
	};
	const calls = async () => (loading ??= load());

	return {
		url,
		stats: async () => (await calls()).stats(),
		nodes: async () => (await calls()).nodes(),
		node: async id => (await calls()).node(id),
		nodeShards: async (id, page) => (await calls()).nodeShards(id, page),
		files: async page => (await calls()).files(page),
		file: async id => (await calls()).file(id),
		removeFile: async (id, options) => (await calls()).removeFile(id, options),
		trash: async page => (await calls()).trash(page),
		restoreFile: async id => (await calls()).restoreFile(id),
		purgeFile: async id => (await calls()).purgeFile(id),
		emptyTrash: async signal => (await calls()).emptyTrash(signal),
		repair: async () => (await calls()).repair(),
		pauseRepair: async isPaused => (await calls()).pauseRepair(isPaused),
		repairFile: async id => (await calls()).repairFile(id),
		drainNode: async (id, options) => (await calls()).drainNode(id, options),
		cancelDrain: async id => (await calls()).cancelDrain(id),
		maintainNode: async (id, window) => (await calls()).maintainNode(id, window),
		setNodeLimits: async (id, limits) => (await calls()).setNodeLimits(id, limits),
		endNodeWishes: async id => (await calls()).endNodeWishes(id),
		endMaintenance: async id => (await calls()).endMaintenance(id),
		safeToStop: async id => (await calls()).safeToStop(id),
		moves: async () => (await calls()).moves(),
		alerts: async () => (await calls()).alerts(),
		testAlerts: async () => (await calls()).testAlerts(),
		logs: async page => (await calls()).logs(page),
		replication: async (id, page) => (await calls()).replication(id, page),
		async *check(id, signal) {
			yield* (await calls()).check(id, signal);
		},
		async *events(options) {
			yield* (await calls()).events(options);
		},
		whoami: async () => (await calls()).whoami(),
		logout: async () => (await calls()).logout(),
		accounts: async () => (await calls()).accounts(),
		changeAccount: async (name, change) => (await calls()).changeAccount(name, change),
		resetPassword: async name => (await calls()).resetPassword(name),
		invite: async invitation => (await calls()).invite(invitation),
		invitations: async () => (await calls()).invitations(),
		revokeInvitation: async id => (await calls()).revokeInvitation(id),
		inviteNode: async invitation => (await calls()).inviteNode(invitation),
		nodeInvitations: async () => (await calls()).nodeInvitations(),
		revokeNodeInvitation: async id => (await calls()).revokeNodeInvitation(id),
		auditNode: async id => (await calls()).auditNode(id),
		banNode: async id => (await calls()).banNode(id),
		unbanNode: async id => (await calls()).unbanNode(id),
		links: async () => (await calls()).links(),
		createLink: async (file, link) => (await calls()).createLink(file, link),
		revokeLink: async id => (await calls()).revokeLink(id),
		tokens: async account => (await calls()).tokens(account),
		createToken: async token => (await calls()).createToken(token),
		revokeToken: async id => (await calls()).revokeToken(id),
		changeFile: async (id, change) => (await calls()).changeFile(id, change),
		upload: async file => (await calls()).upload(file),
		cancelUpload: async id => (await calls()).cancelUpload(id),
		keyring: async () => (await calls()).keyring(),
		putKeyring: async keyring => (await calls()).putKeyring(keyring),
		sharedFile: async (link, password) => (await calls()).sharedFile(link, password),
		sharedDownload: async (link, options) => (await calls()).sharedDownload(link, options),
		download: async (id, options) => (await calls()).download(id, options),
	};
};
