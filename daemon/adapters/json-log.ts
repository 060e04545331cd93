import {escapeControls} from '../../source/protocol/escape.js';
import type {Clock} from '../ports/clock.js';
import type {Log, LogFields, LogLevel} from '../ports/log.js';

export type LogFormat = 'json' | 'text';

type JsonLogOptions = {
	format: LogFormat;
	/** The least that is written. */
	level: LogLevel;
	clock: Pick<Clock, 'now'>;
	/** Takes a line, with its end. */
	write: (line: string) => void;
};

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

// A log line is bounded, whatever a program puts into it.
const MAX_TEXT_LENGTH = 8192;
const MAX_ENTRIES = 100;
const MAX_DEPTH = 6;
const MAX_CAUSES = 8;

const cut = (text: string) => (text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}…` : text);

/** An error as data: its causes, and the errors that an `AggregateError` gathers, are inside it. */
const plainError = (error: Error, depth: number, causes: number): LogFields => {
	const {code, stack, cause} = error as Error & {code?: unknown};
	const nested = (value: unknown) =>
		value instanceof Error ? plainError(value, depth + 1, causes + 1) : plain(value, depth + 1);
	const isDeep = causes >= MAX_CAUSES;
	return {
		...(typeof code === 'string' || typeof code === 'number' ? {code} : {}),
		name: error.name,
		message: cut(error.message),
		...(stack === undefined ? {} : {stack: cut(stack)}),
		...(cause === undefined ? {} : {cause: isDeep ? '…' : nested(cause)}),
		...(error instanceof AggregateError && !isDeep
			? {errors: error.errors.slice(0, MAX_CAUSES).map(each => nested(each))}
			: {}),
	};
};

/** Any value as what JSON can hold, of bounded size. */
const plain = (value: unknown, depth: number): unknown => {
	if (typeof value === 'string') return cut(value);
	if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
	if (typeof value === 'function') return `function ${value.name}`;
	if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
	if (typeof value !== 'object' || value === null) return value;
	if (value instanceof Error) return plainError(value, depth, 0);
	if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
	if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
	if (depth >= MAX_DEPTH) return '…';
	if (value instanceof Map) return plain(Object.fromEntries(value), depth);
	const isList = Array.isArray(value) || value instanceof Set;
	if (isList) return [...value].slice(0, MAX_ENTRIES).map(each => plain(each, depth + 1));
	const entries = Object.entries(value).slice(0, MAX_ENTRIES);
	return Object.fromEntries(entries.map(([key, each]) => [key, plain(each, depth + 1)]));
};

/** What an entry says must get out, even where a field of it can't be read. */
const plainFields = (inherited: LogFields, fields: LogFields): LogFields => {
	try {
		return plain({...inherited, ...fields}, 0) as LogFields;
	} catch (error) {
		return {unreadable: String(error)};
	}
};

const toJson = (value: unknown) => escapeControls(JSON.stringify(value));

const bareText = /^[^\s"=\\{}[\]\p{C}]+$/u;

/** A value of the text format: bare where nothing in it can be misread. */
const textOf = (value: unknown): string =>
	typeof value === 'string' && bareText.test(value) && !value.includes('…') ? value : toJson(value);

const formats: Record<LogFormat, (time: string, level: LogLevel, message: string, fields: LogFields) => string> = {
	json: (time, level, message, fields) => {
		const entries = Object.entries(fields).map(([key, value]) =>
			key === 'time' || key === 'level' || key === 'message' ? [`${key}_`, value] : [key, value],
		);
		return toJson({time, level, message, ...Object.fromEntries(entries)});
	},
	text: (time, level, message, fields) =>
		[
			time,
			level.toUpperCase().padEnd(5),
			escapeControls(message),
			...Object.entries(fields)
				.filter(([, value]) => value !== undefined)
				.map(([key, value]) => `${bareText.test(key) ? key : toJson(key)}=${textOf(value)}`),
		].join(' '),
};

/** The process's log: an entry a line, whatever is in it, as JSON or as text for people. */
export const jsonLog = ({format, level, clock, write}: JsonLogOptions): Log => {
	const least = levels.indexOf(level);
	const logWith = (inherited: LogFields): Log => {
		const at =
			(entryLevel: LogLevel) =>
			(message: string, fields: LogFields = {}) => {
				if (levels.indexOf(entryLevel) < least) return;
				const all = plainFields(inherited, fields);
				write(`${formats[format](new Date(clock.now()).toISOString(), entryLevel, cut(message), all)}\n`);
			};
		return {
			debug: at('debug'),
			info: at('info'),
			warn: at('warn'),
			error: at('error'),
			child: fields => logWith({...inherited, ...fields}),
		};
	};

	return logWith({});
};
