import type {MemberLog} from '../../source/protocol/member-api.js';
import type {Clock} from '../ports/clock.js';
import type {Log, LogFields} from '../ports/log.js';

const MOST_ENTRIES = 500;
const LONGEST_MESSAGE = 1000;

/** A log that also keeps its newest entries, for whoever has no access to where it goes. */
export const tailLog = (
	log: Log,
	clock: Pick<Clock, 'now'>,
): {log: Log; tail: (limit: number) => MemberLog['entries']} => {
	const entries: MemberLog['entries'] = [];
	const around = (inner: Log): Log => {
		const at = (level: 'info' | 'warn' | 'error') => (message: string, fields?: LogFields) => {
			entries.push({at: clock.now(), level, message: message.slice(0, LONGEST_MESSAGE)});
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

	return {log: around(log), tail: limit => entries.slice(-limit)};
};
