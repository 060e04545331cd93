import {appendFile, mkdir, readFile, rename, stat, truncate} from 'node:fs/promises';
import {join} from 'node:path';
import {z} from 'zod';
import {logEntrySchema} from '../../source/protocol/api.js';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import type {ActivityEntry} from './activity-entry.js';

/** What of the file system is used; a test may pass one that refuses. */
export type ActivityFiles = {
	mkdir: (path: string) => Promise<unknown>;
	readFile: (path: string) => Promise<Buffer>;
	appendFile: (path: string, text: string) => Promise<void>;
	truncate: (path: string, sizeBytes: number) => Promise<void>;
	rename: (from: string, to: string) => Promise<void>;
	stat: (path: string) => Promise<{size: number}>;
};

export const systemActivityFiles: ActivityFiles = {
	mkdir: async path => mkdir(path, {recursive: true}),
	readFile: async path => readFile(path),
	appendFile: async (path, text) => appendFile(path, text),
	truncate,
	rename,
	stat: async path => stat(path),
};

export type Segments = {
	/** Queues an entry for the disk. */
	append: (entry: ActivityEntry) => void;
	close: () => Promise<void>;
};

type SegmentsOptions = {
	folder: string;
	/** How many entries a file takes before the other's turn comes. */
	capacity: number;
	clock: Pick<Clock, 'monotonicMs' | 'timer'>;
	log: Log;
	files: ActivityFiles;
};

type Loaded = {entries: ActivityEntry[]; lines: number; sizeBytes: number; isTorn: boolean};

const CURRENT = 'activity.jsonl';
const PREVIOUS = 'activity.1.jsonl';
const RETRY_AFTER_MS = 5_000;
/** What comes so soon after a write waits, and makes up the next one: each opens the file anew. */
const REST_MS = 250;
const NEWLINE = 10;

const entrySchema = z.object({
	id: z.number().int().positive(),
	timestampMs: z.number().int(),
	level: logEntrySchema.shape.level,
	message: z.string(),
	node: z.string().optional(),
	owner: z.string().optional(),
	file: z.string().optional(),
});

const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT';

const parseEntry = (line: string): ActivityEntry | undefined => {
	try {
		return entrySchema.safeParse(JSON.parse(line)).data as ActivityEntry | undefined;
	} catch {
		return undefined;
	}
};

/** Loads one file. Lines that are none of ours, or out of order, are passed over; what follows the last newline is torn. */
const load = async (path: string, afterId: number, {log, files}: SegmentsOptions): Promise<Loaded> => {
	const loaded: Loaded = {entries: [], lines: 0, sizeBytes: 0, isTorn: false};
	let bytes: Buffer;
	try {
		bytes = await files.readFile(path);
	} catch (error) {
		if (!isMissing(error)) log.warn('the activity log of before cannot be read; it is left out', {error});
		return loaded;
	}

	loaded.sizeBytes = bytes.lastIndexOf(NEWLINE) + 1;
	loaded.isTorn = loaded.sizeBytes < bytes.length;
	const lines = bytes.toString('utf8', 0, loaded.sizeBytes).split('\n').slice(0, -1);
	loaded.lines = lines.length;
	for (const line of lines) {
		const entry = parseEntry(line);
		if (entry && entry.id > (loaded.entries.at(-1)?.id ?? afterId)) loaded.entries.push(entry);
	}

	const strangeLines = lines.length - loaded.entries.length;
	if (strangeLines > 0) log.warn('the activity log has lines that are none of its own', {lines: strangeLines});
	return loaded;
};

/**
The two files of the activity log: one is written until it is full, then takes the place of the other. Entries are written
in the order of `append`, all that wait in one write, and a few writes a second.
*/
export const openSegments = async (
	options: SegmentsOptions,
): Promise<{entries: ActivityEntry[]; segments: Segments}> => {
	const {folder, capacity, clock, log, files} = options;
	const current = join(folder, CURRENT);
	let isRefusing = false;
	let triedMs = 0;

	const noteRefusal = (error: unknown) => {
		if (!isRefusing) log.error('the activity log cannot be written: its newest entries are only in memory', {error});
		isRefusing = true;
		triedMs = clock.monotonicMs();
	};

	await files.mkdir(folder).catch(noteRefusal);
	const older = await load(join(folder, PREVIOUS), 0, options);
	const newer = await load(current, older.entries.at(-1)?.id ?? 0, options);
	let {lines, sizeBytes} = newer;
	/** More than `sizeBytes` may be in the file: a line that is not whole. */
	let isTorn = newer.isTorn;

	const mend = async () => {
		try {
			const {size} = await files.stat(current);
			if (size > sizeBytes) await files.truncate(current, sizeBytes);
		} catch (error) {
			if (!isMissing(error)) throw error;
			lines = 0;
			sizeBytes = 0;
		}

		isTorn = false;
	};

	if (isTorn) {
		log.info('the last line of the activity log was not whole and is dropped');
		await mend().catch(noteRefusal);
	}

	const rotate = async () => {
		try {
			await files.rename(current, join(folder, PREVIOUS));
		} catch (error) {
			if (!isMissing(error)) throw error;
		}

		lines = 0;
		sizeBytes = 0;
	};

	let waiting: string[] = [];
	let isClosed = false;

	const writeSome = async () => {
		if (isTorn) await mend();
		if (lines >= capacity) await rotate();
		const batch = waiting.splice(0, capacity - lines);
		const text = batch.join('');
		try {
			isTorn = true;
			await files.appendFile(current, text);
			isTorn = false;
		} catch (error) {
			waiting = [...batch, ...waiting].slice(-capacity);
			throw error;
		}

		lines += batch.length;
		sizeBytes += Buffer.byteLength(text);
	};

	let isWriting = false;
	let isResting = false;
	let writing: Promise<void> | undefined;

	const writeAll = async () => {
		if (isWriting) return;
		isWriting = true;
		try {
			while (waiting.length > 0) {
				await writeSome();
				if (isRefusing) log.info('the activity log is written again');
				isRefusing = false;
			}
		} catch (error) {
			noteRefusal(error);
		} finally {
			isWriting = false;
		}
	};

	const write = () => {
		const isRefused = isRefusing && clock.monotonicMs() - triedMs < RETRY_AFTER_MS;
		if (isWriting || isResting || isRefused || isClosed || waiting.length === 0) return;
		isResting = true;
		writing = writeAll();
		clock.timer(REST_MS, () => {
			isResting = false;
			write();
		});
	};

	return {
		entries: [...older.entries, ...newer.entries].slice(-capacity),
		segments: {
			append(entry) {
				if (isClosed) return;
				waiting.push(`${JSON.stringify(entry)}\n`);
				if (waiting.length > capacity) waiting.shift();
				queueMicrotask(write);
			},
			async close() {
				isClosed = true;
				while (isWriting) await writing;
				await writeAll();
			},
		},
	};
};
