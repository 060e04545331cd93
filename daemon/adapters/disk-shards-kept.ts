import {join} from 'node:path';
import {PjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import type {Log} from '../ports/log.js';
import type {DiskFile} from './disk-shards-file.js';
import {codeOf, type DiskFiles, isMissing, toDiskError} from './disk-shards-files.js';
import {ShardIndex} from './disk-shards-index.js';
import {fileNameOf} from './disk-shards-scan.js';
import type {Space} from './disk-shards-space.js';
import type {DiskTroubles} from './disk-shards-troubles.js';

type Options = {
	files: DiskFiles;
	/** The folder `chunks/`. */
	path: string;
	space: Pick<Space, 'add' | 'subtract'>;
	troubles: DiskTroubles;
	log: Log;
};

const notFound = () => new PjasError('SHARD_NOT_FOUND', 'This node has no such shard');

/** A sector may be gone, or a cable loose: nothing is said of the bytes, so they stay where they are. */
const unreadable = (cause: unknown) =>
	new PjasError('SHARD_UNREADABLE', "The node's disk does not give this shard's bytes: look at the system's log", {
		cause,
	});

/** The files in `chunks/`, and what is known of them: where the two differ, the files are right. */
export class KeptShards {
	readonly index = new ShardIndex();
	readonly #options: Options;

	constructor(options: Options) {
		this.#options = options;
	}

	pathOf(digest: Digest): string {
		return join(this.#options.path, fileNameOf(digest));
	}

	/** @throws {PjasError} `SHARD_NOT_FOUND` */
	sizeOf(digest: Digest): number {
		const sizeBytes = this.index.sizeOf(digest);
		if (sizeBytes === undefined) throw notFound();
		return sizeBytes;
	}

	note(digest: Digest, sizeBytes: number): void {
		this.index.set(digest, sizeBytes);
		this.#options.space.add(sizeBytes);
	}

	/** Gives the size that it had, if it was known. */
	forget(digest: Digest): number | undefined {
		const sizeBytes = this.index.sizeOf(digest);
		if (sizeBytes === undefined) return undefined;
		this.index.delete(digest);
		this.#options.space.subtract(sizeBytes);
		return sizeBytes;
	}

	/** Whether the file of a shard is there, as large as it should be. */
	async isThere(digest: Digest): Promise<boolean> {
		const sizeBytes = this.index.sizeOf(digest);
		if (sizeBytes === undefined) return false;
		try {
			if ((await this.#options.files.stat(this.pathOf(digest))).size === sizeBytes) return true;
		} catch (error) {
			if (!isMissing(error)) throw error;
		}

		await this.#noteGone(digest);
		return false;
	}

	/**
	Opens a shard's file for `read`, and closes it.

	@throws {PjasError} `SHARD_NOT_FOUND`, `SHARD_UNREADABLE`, `NODE_FAILED`
	*/
	async reading<T>(digest: Digest, read: (file: DiskFile) => Promise<T>): Promise<T> {
		const file = await this.#open(digest);
		try {
			return await read(file);
		} catch (error) {
			throw codeOf(error) === 'EIO' ? unreadable(error) : toDiskError(error);
		} finally {
			file.close();
		}
	}

	async #open(digest: Digest): Promise<DiskFile> {
		const {files, troubles} = this.#options;
		try {
			return await files.open(this.pathOf(digest), 'r');
		} catch (error) {
			if (codeOf(error) === 'EIO') throw unreadable(error);
			if (!isMissing(error)) throw toDiskError(error);
			await troubles.around(async () => this.#noteGone(digest));
			throw notFound();
		}
	}

	/** Somebody took a shard away, or cut it short. Unless it is the whole folder that is gone: then nothing is known. */
	async #noteGone(digest: Digest): Promise<void> {
		const {files, path, log} = this.#options;
		await files.stat(path);
		if (this.forget(digest) === undefined) return;
		log.warn("a shard's file is gone or cut short, and nobody told this node", {digest});
	}
}
