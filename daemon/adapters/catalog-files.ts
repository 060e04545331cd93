import {mkdir, open, rename, rm, type FileHandle} from 'node:fs/promises';
import path from 'node:path';

/** The catalogue's file in the data folder. */
export const CATALOG_FILE = 'catalog.db';

export const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;
const BLOCK_BYTES = 1024 * 1024;

export type OpenFile = Pick<FileHandle, 'appendFile' | 'close' | 'datasync' | 'read' | 'stat' | 'sync' | 'truncate'>;

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

export const diskFiles: CatalogFiles = {
	open: async (file, flags) => open(file, flags, PRIVATE_FILE),
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
