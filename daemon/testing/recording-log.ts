import type {Log, LogFields, LogLevel} from '../ports/log.js';

export type RecordingLog = Log & {
	entries: {level: LogLevel; message: string; fields: LogFields}[];
	/** The messages of these levels. */
	messages: (...levels: LogLevel[]) => string[];
};

/** A log that a test looks at. */
export const recordingLog = (entries: RecordingLog['entries'] = [], inherited: LogFields = {}): RecordingLog => {
	const at =
		(level: LogLevel) =>
		(message: string, fields: LogFields = {}) => {
			entries.push({level, message, fields: {...inherited, ...fields}});
		};

	return {
		entries,
		messages: (...levels) => entries.filter(({level}) => levels.includes(level)).map(({message}) => message),
		debug: at('debug'),
		info: at('info'),
		warn: at('warn'),
		error: at('error'),
		child: fields => recordingLog(entries, {...inherited, ...fields}),
	};
};
