import {fdatasync, fstatSync, writeSync} from 'node:fs';
import {mkdir, open, rename, rm, type FileHandle} from 'node:fs/promises';
import path from 'node:path';

/** The catalogue's file in the data folder. */
export const CATALOG_FILE = 'catalog.db';

export const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;
const BLOCK_BYTES = 1024 * 1024;

/** Up to this size, lines are put into the system's memory at once: another thread costs more, and has no less to wait for. */
const WRITTEN_AT_ONCE_BYTES = 256 * 1024;

export type OpenFile = Pick<FileHandle, 'close' | 'datasync' | 'read' | 'sync' | 'truncate'> & {
	appendFile: (data: string | Uint8Array) => Promise<void>;
	stat: () => Promise<{size: number}>;
};

/** The file operations whose failures the catalogue has an answer for. A test passes others that fail. */
export type CatalogFiles = {
	open: (file: string, flags: string | number) => Promise<OpenFile>;
	rename: (from: string, to: string) => Promise<void>;
	/** A file that isn't there is a success. */
	remove: (file: string) => Promise<void>;
	/** Makes what was created, renamed or removed in a folder durable. */
	syncFolder: (folder: string) => Promise<void>;
};

const syncFolder = async (folder: string): Promise<void> => {
	const handle = await open(folder);
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
};

/** A commit's calls go past the `FileHandle`, and only its flush to another thread: each such way costs as much as NeDB. */
const withQuickCommits = (handle: FileHandle): OpenFile => ({
	async appendFile(data) {
		const bytes = typeof data === 'string' ? Buffer.from(data) : data;
		if (bytes.length > WRITTEN_AT_ONCE_BYTES) return handle.appendFile(bytes);
		for (let written = 0; written < bytes.length;) written += writeSync(handle.fd, bytes, written);
	},
	stat: async () => Promise.resolve(fstatSync(handle.fd)),
	datasync: async () =>
		new Promise((resolve, reject) => {
			fdatasync(handle.fd, error => {
				if (error) reject(error);
				else resolve();
			});
		}),
	close: async () => handle.close(),
	read: handle.read.bind(handle),
	sync: async () => handle.sync(),
	truncate: async sizeBytes => handle.truncate(sizeBytes),
});

export const diskFiles: CatalogFiles = {
	open: async (file, flags) => withQuickCommits(await open(file, flags, PRIVATE_FILE)),
	rename,
	remove: async file => rm(file, {force: true}),
	syncFolder,
};

/** Makes a folder and those above it where they are missing, durably. */
export const makeFolder = async (folder: string): Promise<void> => {
	const first = await mkdir(folder, {recursive: true, mode: PRIVATE_FOLDER});
	if (first) await syncFolder(path.dirname(first));
};

/** The file's bytes from `from` up to, not including, `to`, in blocks; fewer where the file is shorter. */
export async function* blocksOf(file: OpenFile, from: number, to: number): AsyncGenerator<Buffer> {
	for (let position = from; position < to;) {
		const block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, to - position));
		const {bytesRead} = await file.read(block, 0, block.length, position);
		if (bytesRead === 0) return;
		position += bytesRead;
		yield block.subarray(0, bytesRead);
	}
}

export const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
