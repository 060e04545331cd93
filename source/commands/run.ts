import type {CommandName} from './commands.js';
import type {RunCommand} from './context.js';

type RemoteCommand = Exclude<CommandName, 'completion'>;

/** How each command is carried out. Its code, and all that it needs, is loaded when it is wanted. */
export const loadCommand: Record<RemoteCommand, () => Promise<RunCommand>> = {
	upload: async () => (await import('./upload.js')).upload,
	download: async () => (await import('./download.js')).download,
	files: async () => (await import('./show.js')).showFiles,
	nodes: async () => (await import('./nodes.js')).nodes,
	stats: async () => (await import('./show.js')).showStats,
	logs: async () => (await import('./logs.js')).showLogs,
	check: async () => (await import('./check.js')).check,
	repair: async () => (await import('./repair.js')).repair,
	alerts: async () => (await import('./alerts.js')).alerts,
	share: async () => (await import('./share.js')).share,
	login: async () => (await import('./sign-in.js')).login,
	logout: async () => (await import('./sign-out.js')).logout,
	whoami: async () => (await import('./whoami.js')).whoami,
	accept: async () => (await import('./sign-in.js')).accept,
	users: async () => (await import('./users.js')).users,
	invite: async () => (await import('./invite.js')).invite,
	links: async () => (await import('./links.js')).links,
	tokens: async () => (await import('./tokens.js')).tokens,
	keyring: async () => (await import('./keyring.js')).keyring,
	rm: async () => (await import('./remove.js')).remove,
	trash: async () => (await import('./trash.js')).trash,
};
