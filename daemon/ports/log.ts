export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type LogFields = Record<string, unknown>;

/** A process's own log: one line an entry. `error` fields are written with their causes; nothing secret goes in. */
export type Log = Record<LogLevel, (message: string, fields?: LogFields) => void> & {
	/** The same log, with these fields in every entry. */
	child: (fields: LogFields) => Log;
};
