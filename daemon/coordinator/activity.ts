import {escapeControls} from '../../source/protocol/escape.js';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {ActivityEntry, ActivityLevel} from './activity-entry.js';
import {type ActivityFiles, openSegments, systemActivityFiles} from './activity-segments.js';

export type ActivityFilter = {
	level?: ActivityLevel;
	/** Only messages that contain this text, whatever its case. */
	text?: string;
	/** Only what is about this node, or about this file. */
	node?: string;
	file?: string;
	/** Only what is about this account's nodes and files. */
	owner?: string;
};

export type Activity = {
	/** Writes an entry down. It is there at once, and on disk soon after. */
	add: (
		level: ActivityLevel,
		message: string,
		about?: {node?: string | undefined; file?: string | undefined; owner?: string | undefined},
	) => ActivityEntry;
	/** The newest entries, the oldest of them first. */
	newest: (limit: number, filter?: ActivityFilter) => ActivityEntry[];
	/** The newest entries that are older than the one with this id, the oldest of them first. */
	before: (id: number, limit: number, filter?: ActivityFilter) => ActivityEntry[];
	/** Writes what is not on disk yet. What is added later is only kept in memory. */
	close: () => Promise<void>;
};

export type ActivityOptions = {
	folder: string;
	clock: Pick<Clock, 'now' | 'monotonicMs' | 'timer'>;
	log: Log;
	/** How many entries are kept. The disk holds at most twice as many. */
	capacity?: number;
	files?: ActivityFiles;
};

const DEFAULT_CAPACITY = 10_000;
const MAX_MESSAGE_LENGTH = 1_000;
const MAX_SUBJECT_LENGTH = 100;

/** Text that nothing obeys, no longer than `most` UTF-16 units. */
const bounded = (text: string, most: number): string => {
	const escaped = escapeControls(text.slice(0, most + 1));
	if (escaped.length <= most) return escaped;
	// Half of a surrogate pair is no character.
	return `${escaped.slice(0, most - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
};

const matches = (
	{level, message, node, file, owner}: ActivityEntry,
	filter: ActivityFilter,
	text: string | undefined,
): boolean =>
	(filter.level === undefined || level === filter.level) &&
	(filter.node === undefined || node === filter.node) &&
	(filter.file === undefined || file === filter.file) &&
	(filter.owner === undefined || owner === filter.owner) &&
	(text === undefined || message.toLowerCase().includes(text));

/**
The log of what happened in the network, for people to read. Its newest entries are in memory and, as JSON lines, in two
files that take turns. They are written in the background and not flushed to the disk: they are no promise to anybody. On
a disk that refuses, memory goes on.
*/
export const openActivity = async (options: ActivityOptions): Promise<Activity> => {
	const {folder, clock, log, capacity = DEFAULT_CAPACITY, files = systemActivityFiles} = options;
	const {entries, segments} = await openSegments({folder, capacity, clock, log, files});
	let nextId = (entries.at(-1)?.id ?? 0) + 1;

	/** The position of the first entry whose id is `id` or more. */
	const positionOf = (id: number): number => {
		let low = 0;
		let high = entries.length;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if ((entries[middle]?.id ?? Infinity) < id) low = middle + 1;
			else high = middle;
		}

		return low;
	};

	const before: Activity['before'] = (id, limit, filter = {}) => {
		const text = filter.text?.toLowerCase();
		const found: ActivityEntry[] = [];
		for (let at = positionOf(id) - 1; at >= 0 && found.length < limit; at--) {
			const entry = entries[at];
			if (entry && matches(entry, filter, text)) found.push(entry);
		}

		return found.reverse();
	};

	return {
		add(level, message, {node, file, owner} = {}) {
			const entry: ActivityEntry = {
				id: nextId++,
				timestampMs: clock.now(),
				level,
				message: bounded(message, MAX_MESSAGE_LENGTH),
				...(node !== undefined && {node: bounded(node, MAX_SUBJECT_LENGTH)}),
				...(file !== undefined && {file: bounded(file, MAX_SUBJECT_LENGTH)}),
				...(owner !== undefined && owner !== '' && {owner}),
			};
			entries.push(entry);
			if (entries.length > capacity) entries.shift();
			segments.append(entry);
			return entry;
		},
		newest: (limit, filter) => before(Infinity, limit, filter),
		before,
		close: async () => segments.close(),
	};
};
