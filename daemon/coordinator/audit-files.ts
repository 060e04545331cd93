import {type FileHandle, open, readdir, readFile, rename, rm, stat} from 'node:fs/promises';
import path from 'node:path';
import {z} from 'zod';
import {type AuditPlace, type AuditRecord, hashSchema, MAX_LINE_BYTES, parseLine} from './audit-line.js';

/** The file that is written; full ones are called `audit.<number of their first entry>.jsonl`. */
export const CURRENT_SEGMENT = 'audit.jsonl';
export const HEAD_FILE = 'audit.head';

/** Where the log ends, and where what is kept of it begins. Kept apart from the log, so that a missing end is seen. */
export type AuditHead = {
	/** The last entry. */
	seq: number;
	hash: string;
	/** What stands before the first entry that is kept. */
	before: AuditPlace;
};

export type OpenAuditFile = Pick<FileHandle, 'appendFile' | 'close' | 'datasync' | 'stat' | 'sync' | 'truncate'>;

/** The file operations whose failures the log has an answer for. A test passes others that fail. */
export type AuditFiles = {
	open: (file: string, flags: string) => Promise<OpenAuditFile>;
	rename: (from: string, to: string) => Promise<void>;
	/** A file that isn't there is a success. */
	remove: (file: string) => Promise<void>;
	/** Makes what was created, renamed or removed in a folder durable. */
	syncFolder: (folder: string) => Promise<void>;
};

const PRIVATE_FILE = 0o600;
const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 10;
const SEQ_DIGITS = 12;

export const diskAuditFiles: AuditFiles = {
	open: async (file, flags) => open(file, flags, PRIVATE_FILE),
	rename,
	remove: async file => rm(file, {force: true}),
	async syncFolder(folder) {
		const handle = await open(folder);
		try {
			await handle.sync();
		} finally {
			await handle.close();
		}
	},
};

export const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT';

export const fullSegmentName = (firstSeq: number): string =>
	`audit.${String(firstSeq).padStart(SEQ_DIGITS, '0')}.jsonl`;

export type Segment = {name: string; firstSeq: number; sizeBytes: number};

/** The full segments of a folder, in order. */
export const fullSegmentsIn = async (folder: string): Promise<Segment[]> => {
	const segments: Segment[] = [];
	for (const name of (await readdir(folder)).sort()) {
		const firstSeq = /^audit\.(\d{12})\.jsonl$/.exec(name)?.[1];
		if (firstSeq === undefined) continue;
		const {size} = await stat(path.join(folder, name));
		segments.push({name, firstSeq: Number(firstSeq), sizeBytes: size});
	}

	return segments;
};

const placeSchema = z.strictObject({seq: z.int().nonnegative(), hash: hashSchema});
const headSchema = placeSchema.extend({before: placeSchema});

/** A head as it was written; `undefined` where there is none, `unreadable` where it is none of ours. */
export const readHead = async (file: string): Promise<AuditHead | 'unreadable' | undefined> => {
	try {
		return headSchema.safeParse(JSON.parse(await readFile(file, 'utf8'))).data ?? 'unreadable';
	} catch (error) {
		if (isMissing(error)) return undefined;
		if (error instanceof SyntaxError) return 'unreadable';
		throw error;
	}
};

/** Replaces the head, durably. */
export const writeHead = async (folder: string, head: AuditHead, files: AuditFiles): Promise<void> => {
	const file = path.join(folder, HEAD_FILE);
	const temporary = `${file}.new`;
	const handle = await files.open(temporary, 'w');
	try {
		await handle.appendFile(`${JSON.stringify(head)}\n`);
		await handle.datasync();
	} finally {
		await handle.close();
	}

	await files.rename(temporary, file);
	await files.syncFolder(folder);
};

/**
The lines of a file from its end to its beginning, without their ends. What follows the last line's end is left out. It
ends early at a line that is longer than any of ours.
*/
export async function* linesBackwards(file: string): AsyncGenerator<Buffer> {
	const handle = await open(file);
	try {
		let {size: at} = await handle.stat();
		let rest: Buffer = Buffer.alloc(0);
		let isWhole = false;
		while (at > 0) {
			const block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, at));
			at -= block.length;
			await handle.read(block, 0, block.length, at);
			const bytes = Buffer.concat([block, rest]);
			let end = bytes.length;
			for (
				let newline = bytes.lastIndexOf(NEWLINE);
				newline >= 0;
				newline = bytes.subarray(0, end).lastIndexOf(NEWLINE)
			) {
				if (isWhole) yield bytes.subarray(newline + 1, end);
				isWhole = true;
				end = newline;
			}

			rest = bytes.subarray(0, end);
			if (rest.length > MAX_LINE_BYTES) return;
		}

		if (isWhole) yield rest;
	} finally {
		await handle.close();
	}
}

export type ForwardLine = {line: Buffer; isWhole: boolean};

/** The lines of a file in order, without their ends. One that has no end, or is longer than any of ours, isn't whole. */
export async function* linesForwards(file: string): AsyncGenerator<ForwardLine> {
	const handle = await open(file);
	try {
		let rest: Buffer = Buffer.alloc(0);
		for (let at = 0; ;) {
			const block = Buffer.allocUnsafe(BLOCK_BYTES);
			const {bytesRead} = await handle.read(block, 0, block.length, at);
			if (bytesRead === 0) break;
			at += bytesRead;
			const bytes = Buffer.concat([rest, block.subarray(0, bytesRead)]);
			let start = 0;
			for (let newline = bytes.indexOf(NEWLINE); newline >= 0; newline = bytes.indexOf(NEWLINE, start)) {
				yield {line: bytes.subarray(start, newline), isWhole: true};
				start = newline + 1;
			}

			rest = bytes.subarray(start);
			if (rest.length <= MAX_LINE_BYTES) continue;
			yield {line: rest, isWhole: false};
			return;
		}

		if (rest.length > 0) yield {line: rest, isWhole: false};
	} finally {
		await handle.close();
	}
}

/** What the first line of a file says; `undefined` where there is none, or none of ours. */
export const firstRecordOf = async (file: string): Promise<AuditRecord | undefined> => {
	try {
		for await (const {line} of linesForwards(file)) return parseLine(line);
	} catch (error) {
		if (!isMissing(error)) throw error;
	}

	return undefined;
};

/** The size up to the end of a file's last line: less than the file has where its last line was torn. */
export const wholeBytesOf = async (file: string): Promise<{wholeBytes: number; sizeBytes: number}> => {
	const handle = await open(file);
	try {
		const {size: sizeBytes} = await handle.stat();
		for (let at = sizeBytes; at > 0;) {
			const block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, at));
			at -= block.length;
			await handle.read(block, 0, block.length, at);
			const newline = block.lastIndexOf(NEWLINE);
			if (newline >= 0) return {wholeBytes: at + newline + 1, sizeBytes};
		}

		return {wholeBytes: 0, sizeBytes};
	} finally {
		await handle.close();
	}
};
