import * as fs from 'node:fs';

type Done = (error: Error | null) => void;
type DoneWith<T> = (error: Error | null, value: T) => void;

/** Runs a call of Node's that tells how it went by a callback. */
export const called = async (call: (done: Done) => void): Promise<void> =>
	new Promise((resolve, reject) => {
		call(error => {
			if (error) reject(error);
			else resolve();
		});
	});

const asked = async <T>(call: (done: DoneWith<T>) => void): Promise<T> =>
	new Promise((resolve, reject) => {
		call((error, value) => {
			if (error) reject(error);
			else resolve(value);
		});
	});

/**
An open file. A `FileHandle` does the same and takes several times the CPU time for each call, which counts where shards
are small.
*/
export class DiskFile {
	readonly #fd: number;

	private constructor(fd: number) {
		this.#fd = fd;
	}

	static async open(path: string, flags: string | number, mode?: number): Promise<DiskFile> {
		return new DiskFile(await asked<number>(done => fs.open(path, flags, mode, done)));
	}

	/** At once, for what is not waited for: a new file, whose folder is in memory, or a folder. */
	static openAtOnce(path: string, flags: string | number, mode?: number): DiskFile {
		return new DiskFile(fs.openSync(path, flags, mode));
	}

	/** How many bytes were read: 0 at the end. */
	async read(bytes: Uint8Array, offset: number, length: number, position: number): Promise<number> {
		return asked<number>(done => fs.read(this.#fd, bytes, offset, length, position, done));
	}

	/** How many bytes were written. */
	async write(bytes: Uint8Array, offset: number, length: number, position: number): Promise<number> {
		return asked<number>(done => fs.write(this.#fd, bytes, offset, length, position, done));
	}

	/** The same for several pieces, one after the other. */
	async writeTogether(pieces: readonly Uint8Array[], position: number): Promise<number> {
		return asked<number>(done => fs.writev(this.#fd, pieces, position, done));
	}

	async truncate(sizeBytes: number): Promise<void> {
		return called(done => fs.ftruncate(this.#fd, sizeBytes, done));
	}

	async datasync(): Promise<void> {
		return called(done => fs.fdatasync(this.#fd, done));
	}

	async sync(): Promise<void> {
		return called(done => fs.fsync(this.#fd, done));
	}

	/** At once: what was read or flushed leaves nothing to wait for, and to wait costs more than to close. */
	close(): void {
		fs.closeSync(this.#fd);
	}
}
