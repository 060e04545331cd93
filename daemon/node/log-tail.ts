import type {MemberLog} from '../../source/protocol/member-api.js';
import type {Clock} from '../ports/clock.js';
import type {Log, LogFields} from '../ports/log.js';

const MOST_ENTRIES = 500;
const LONGEST_MESSAGE = 1000;

/** The newest entries, of those after a number where one is given. */
export type LogTail = (limit: number, after?: number) => MemberLog['entries'];

/** A log that also keeps its newest entries, for whoever has no access to where it goes. */
export const tailLog = (log: Log, clock: Pick<Clock, 'now'>): {log: Log; tail: LogTail} => {
	let newest = 0;
	const entries: MemberLog['entries'] = [];
	const around = (inner: Log): Log => {
		const at = (level: 'info' | 'warn' | 'error') => (message: string, fields?: LogFields) => {
			entries.push({id: ++newest, at: clock.now(), level, message: message.slice(0, LONGEST_MESSAGE)});
			if (entries.length > MOST_ENTRIES) entries.shift();
			inner[level](message, fields);
		};
		return {
			debug: inner.debug,
			info: at('info'),
			warn: at('warn'),
			error: at('error'),
			child: fields => around(inner.child(fields)),
		};
	};

	return {log: around(log), tail: (limit, after = 0) => entries.filter(({id}) => id > after).slice(-limit)};
};
