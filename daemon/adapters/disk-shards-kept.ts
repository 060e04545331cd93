import {join} from 'node:path';
import {PjasError} from '../../source/protocol/errors.js';
import type {Digest} from '../../source/protocol/ids.js';
import type {Log} from '../ports/log.js';
import type {DiskFile} from './disk-shards-file.js';
import {codeOf, type DiskFiles, isMissing, toDiskError} from './disk-shards-files.js';
import {ShardIndex} from './disk-shards-index.js';
import type {Place, ShardPacks} from './disk-shards-packs.js';
import {fileNameOf} from './disk-shards-scan.js';
import type {Space} from './disk-shards-space.js';
import type {DiskTroubles} from './disk-shards-troubles.js';

type Options = {
	files: DiskFiles;
	/** The folder `chunks/`. */
	path: string;
	packs: ShardPacks;
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

/** A shard's bytes in its file, from its first on. */
export type ShardFile = Pick<DiskFile, 'read'>;

/** Those of a pack end where the next shard begins. */
const within = (file: DiskFile, {offset, sizeBytes}: Place): ShardFile => ({
	read: async (bytes, at, length, position) =>
		position >= sizeBytes ? 0 : file.read(bytes, at, Math.min(length, sizeBytes - position), offset + position),
});

/** What lies in `chunks/`, and what is known of it: where the two differ, the files are right. */
export class KeptShards {
	readonly index = new ShardIndex();
	readonly #options: Options;

	constructor(options: Options) {
		this.#options = options;
	}

	/** The file that a shard has where it has its own. */
	pathOf(digest: Digest): string {
		return join(this.#options.path, fileNameOf(digest));
	}

	/** @throws {PjasError} `SHARD_NOT_FOUND` */
	sizeOf(digest: Digest): number {
		const sizeBytes = this.index.sizeOf(digest);
		if (sizeBytes === undefined) throw notFound();
		return sizeBytes;
	}

	/** Takes note of a shard with a file of its own. */
	note(digest: Digest, sizeBytes: number): void {
		this.index.set(digest, sizeBytes);
		this.#options.space.add(sizeBytes);
	}

	/** Gives what takes note of it again, if it was known. The room of one in a pack is the pack's matter. */
	forget(digest: Digest): (() => void) | undefined {
		const sizeBytes = this.index.sizeOf(digest);
		if (sizeBytes === undefined) return undefined;
		this.index.delete(digest);
		if (this.#options.packs.has(digest)) return () => this.index.set(digest, sizeBytes);
		this.#options.space.subtract(sizeBytes);
		return () => this.note(digest, sizeBytes);
	}

	/** Whether the file of a shard is there, as large as it should be. A pack may have grown meanwhile. */
	async isThere(digest: Digest): Promise<boolean> {
		const sizeBytes = this.index.sizeOf(digest);
		if (sizeBytes === undefined) return false;
		const {files} = this.#options;
		const isAsLong = await this.#inItsFile(digest, async (path, place) => {
			const {size: fileBytes} = await files.stat(path);
			return place ? fileBytes >= place.fileBytes : fileBytes === sizeBytes;
		});
		if (isAsLong) return true;
		await this.#noteGone(digest);
		return false;
	}

	/**
	Opens a shard's file for `read`, and closes it.

	@throws {PjasError} `SHARD_NOT_FOUND`, `SHARD_UNREADABLE`, `NODE_FAILED`
	*/
	async reading<T>(digest: Digest, read: (file: ShardFile) => Promise<T>): Promise<T> {
		const {file, place} = await this.#open(digest);
		try {
			return await read(place ? within(file, place) : file);
		} catch (error) {
			throw codeOf(error) === 'EIO' ? unreadable(error) : toDiskError(error);
		} finally {
			file.close();
		}
	}

	async #open(digest: Digest): Promise<{file: DiskFile; place: Place | undefined}> {
		const {files, troubles} = this.#options;
		try {
			const opened = await this.#inItsFile(digest, async (path, place) => ({file: await files.open(path, 'r'), place}));
			if (opened) return opened;
		} catch (error) {
			throw codeOf(error) === 'EIO' ? unreadable(error) : toDiskError(error);
		}

		await troubles.around(async () => this.#noteGone(digest));
		throw notFound();
	}

	/** Does something with the file that a shard is in, also where it moves to another meanwhile; not where that is gone. */
	async #inItsFile<T>(
		digest: Digest,
		act: (path: string, place: Place | undefined) => Promise<T>,
	): Promise<T | undefined> {
		const {packs} = this.#options;
		for (let place = packs.placeOf(digest); ;) {
			try {
				return await act(place?.path ?? this.pathOf(digest), place);
			} catch (error) {
				if (!isMissing(error)) throw error;
				const now = packs.placeOf(digest);
				if (now?.path === place?.path) return undefined;
				place = now;
			}
		}
	}

	/** Somebody took a file away, or cut it short. Unless it is the whole folder that is gone: then nothing is known. */
	async #noteGone(digest: Digest): Promise<void> {
		const {files, packs, path, log} = this.#options;
		await files.stat(path);
		const packed = packs.forgetPackOf(digest);
		for (const each of packed) this.index.delete(each.digest);
		if (packed.length === 0 && !this.forget(digest)) return;
		const shards = Math.max(packed.length, 1);
		log.warn("a shard's file is gone or cut short, and nobody told this node", {digest, shards});
	}
}
