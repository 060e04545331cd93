import {join} from 'node:path';
import type {Digest} from '../../source/protocol/ids.js';
import {type DiskFiles, syncFolder, unlinkIfThere, writeAll} from './disk-shards-files.js';
import type {Space} from './disk-shards-space.js';

type Kept = {name: string; sizeBytes: number};

const MOST_FILES = 64;
const MOST_OF_ALLOCATION = 0.05;

/** Where shards go that are not what their names say, so that somebody can look at them. The oldest make room. */
export class Quarantine {
	readonly #files: DiskFiles;
	readonly #path: string;
	readonly #space: Space;
	#kept: Kept[] = [];
	#keptBytes = 0;
	#drawn = 0;

	constructor(files: DiskFiles, path: string, space: Space) {
		this.#files = files;
		this.#path = path;
		this.#space = space;
	}

	get count(): number {
		return this.#kept.length;
	}

	/** Looks at what is there from before. */
	async load(): Promise<void> {
		const names = await this.#files.readdir(this.#path);
		const found = await Promise.all(
			names.map(async name => {
				const {size, mtimeMs} = await this.#files.stat(join(this.#path, name));
				return {name, sizeBytes: size, mtimeMs};
			}),
		);
		for (const {name, sizeBytes} of found.sort((one, other) => one.mtimeMs - other.mtimeMs))
			this.#note({name, sizeBytes});
		await this.#makeRoom();
	}

	/** Moves a file here, of a shard or a pack. The folder that it leaves is its caller's to flush. */
	async take(path: string, of: string, sizeBytes: number, nowMs: number): Promise<void> {
		const name = this.#draw(of, nowMs);
		this.#files.rename(path, join(this.#path, name));
		await this.#took(name, sizeBytes);
	}

	/** Puts a shard's bytes here. */
	async keep(bytes: Uint8Array, digest: Digest, nowMs: number): Promise<void> {
		const name = this.#draw(digest, nowMs);
		const path = join(this.#path, name);
		const file = this.#files.openAtOnce(path, 'w', 0o600);
		try {
			await writeAll(file, bytes);
		} catch (error) {
			await unlinkIfThere(this.#files, path);
			throw error;
		} finally {
			file.close();
		}

		await this.#took(name, bytes.length);
	}

	#draw(of: string, nowMs: number): string {
		return `${of}.${nowMs}-${this.#drawn++}`;
	}

	async #took(name: string, sizeBytes: number): Promise<void> {
		this.#note({name, sizeBytes});
		await this.#makeRoom();
		await syncFolder(this.#files, this.#path);
	}

	#note(kept: Kept): void {
		this.#kept.push(kept);
		this.#keptBytes += kept.sizeBytes;
		this.#space.add(kept.sizeBytes);
	}

	async #makeRoom(): Promise<void> {
		const mostBytes = this.#space.allocatedBytes * MOST_OF_ALLOCATION;
		while (this.#kept.length > MOST_FILES || (this.#keptBytes > mostBytes && this.#kept.length > 0)) {
			const oldest = this.#kept.shift() as Kept;
			this.#keptBytes -= oldest.sizeBytes;
			this.#space.subtract(oldest.sizeBytes);
			await unlinkIfThere(this.#files, join(this.#path, oldest.name));
		}
	}
}
