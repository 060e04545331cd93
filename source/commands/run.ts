import type {CommandName} from './commands.js';
import type {RunCommand} from './context.js';

type RemoteCommand = Exclude<CommandName, 'completion'>;

/** How each command is carried out. Its code, and all that it needs, is loaded when it is wanted. */
export const loadCommand: Record<RemoteCommand, () => Promise<RunCommand>> = {
	upload: async () => (await import('./upload.js')).upload,
	download: async () => (await import('./download.js')).download,
	files: async () => (await import('./show.js')).showFiles,
	nodes: async () => (await import('./show.js')).showNodes,
	stats: async () => (await import('./show.js')).showStats,
	logs: async () => (await import('./logs.js')).showLogs,
	check: async () => (await import('./check.js')).check,
	rm: async () => (await import('./remove.js')).remove,
};
