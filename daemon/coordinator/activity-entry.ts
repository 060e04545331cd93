import type {LogEntry} from '../../source/protocol/api.js';

export type ActivityLevel = LogEntry['level'];

/** What is known of the network's past, a line each. Ids grow with every entry, over restarts too. */
export type ActivityEntry = {
	id: number;
	timestampMs: number;
	level: ActivityLevel;
	message: string;
	node?: string;
	file?: string;
	/** The account whose node or file it is about. */
	owner?: string;
};
