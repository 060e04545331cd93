import {constants} from 'node:fs';
import {join} from 'node:path';
import type {Log} from '../ports/log.js';
import {roundUp, SECTOR_BYTES} from './aligned-pool.js';
import {codeOf, type DiskFiles, type FolderSync, unlinkIfThere, writeAll, writeFlushed} from './disk-shards-files.js';

/** Up to this size O_DIRECT gains nothing (measured at 64 and 256 KiB; at 10 MiB it takes a tenth of the CPU time). */
export const SMALL_SHARD_BYTES = 256 * 1024;

// Absent where the platform has no such thing.
const O_DIRECT = (constants as Partial<typeof constants>).O_DIRECT ?? 0;
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC;

/** Where shards are written before they are put in place. What a crash leaves here is of no use to anybody. */
export class TemporaryFiles {
	readonly #files: DiskFiles;
	readonly #path: string;
	readonly #log: Log;
	#isDirect = O_DIRECT !== 0;
	#drawn = 0;

	constructor(files: DiskFiles, path: string, log: Log) {
		this.#files = files;
		this.#path = path;
		this.#log = log;
	}

	/** Removes what is left of an earlier run. */
	async clear(): Promise<void> {
		const names = await this.#files.readdir(this.#path);
		for (const name of names) await unlinkIfThere(this.#files, join(this.#path, name));
		if (names.length === 0) return;
		this.#log.warn('removed temporary files: the last run was ended in the middle of writing', {files: names.length});
	}

	/**
	Writes and flushes a new file, and gives its path. The bytes are a pooled buffer, in which there is room behind the
	first `sizeBytes` up to the next sector.
	*/
	async write(bytes: Uint8Array, sizeBytes: number): Promise<string> {
		return this.#writeNew(async path => this.#write(path, bytes, sizeBytes));
	}

	/** The same for a small file that is made of pieces, in any buffers. */
	async writePieces(pieces: readonly Uint8Array[]): Promise<string> {
		return this.#writeNew(async path => writeFlushed(this.#files, path, CREATE, {pieces}));
	}

	/** Puts a written file in its place, durably; where that fails, it is nowhere. */
	async putInPlace(written: string, path: string, folder: Pick<FolderSync, 'sync'>): Promise<void> {
		try {
			this.#files.rename(written, path);
		} catch (error) {
			await this.discard(written);
			throw error;
		}

		try {
			await folder.sync();
		} catch (error) {
			await this.discard(path);
			throw error;
		}
	}

	async discard(path: string): Promise<void> {
		await this.#files.unlink(path).catch(() => undefined);
	}

	async #writeNew(write: (path: string) => Promise<void>): Promise<string> {
		const path = join(this.#path, `${this.#drawn++}.part`);
		try {
			await write(path);
			return path;
		} catch (error) {
			await this.discard(path);
			throw error;
		}
	}

	async #write(path: string, bytes: Uint8Array, sizeBytes: number): Promise<void> {
		if (sizeBytes <= SMALL_SHARD_BYTES) {
			await writeFlushed(this.#files, path, CREATE, {pieces: [bytes.subarray(0, sizeBytes)]});
			return;
		}

		if (this.#isDirect) {
			try {
				await this.#writeLarge(O_DIRECT, path, bytes, sizeBytes);
				return;
			} catch (error) {
				if (codeOf(error) !== 'EINVAL') throw error;
				this.#isDirect = false;
				this.#log.info('this file system refuses direct writing: shards are written through its cache', {error});
			}
		}

		await this.#writeLarge(0, path, bytes, sizeBytes);
	}

	async #writeLarge(direct: number, path: string, bytes: Uint8Array, sizeBytes: number): Promise<void> {
		const file = this.#files.openAtOnce(path, CREATE | direct, 0o600);
		try {
			const writeBytes = direct ? roundUp(sizeBytes, SECTOR_BYTES) : sizeBytes;
			bytes.fill(0, sizeBytes, writeBytes);
			await writeAll(file, bytes.subarray(0, writeBytes));
			if (writeBytes !== sizeBytes) await file.truncate(sizeBytes);
			await file.datasync();
		} finally {
			file.close();
		}
	}
}
