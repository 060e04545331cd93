import {constants} from 'node:fs';
import {join} from 'node:path';
import type {Digest} from '../../source/protocol/ids.js';
import {
	MOST_PACKED_SHARDS,
	packHead,
	packHeadBytes,
	type PackedShard,
	parsePackHead,
	REMOVED,
	removedAt,
} from '../core/shard-pack.js';
import type {Log} from '../ports/log.js';
import {type DiskFiles, type FolderSync, isMissing, unlinkIfThere, writeAll} from './disk-shards-files.js';
import type {Space} from './disk-shards-space.js';
import {O_DSYNC, type TemporaryFiles} from './disk-shards-temporary.js';
import {Turns} from './turns.js';

/** A shard that is to be kept with others. */
export type Arrived = {digest: Digest; bytes: Uint8Array};

/** Where a shard's bytes stand. */
export type Place = {path: string; /** How long that file is. */ fileBytes: number; offset: number; sizeBytes: number};

type Pack = {path: string; sizeBytes: number; shards: PackedShard[]};

type Options = {
	files: DiskFiles;
	/** The folder `chunks/`. */
	path: string;
	folder: Pick<FolderSync, 'sync'>;
	temporary: TemporaryFiles;
	space: Pick<Space, 'add' | 'subtract'>;
	log: Log;
};

const packName = /^\d{10}\.pack$/;

export const isPackName = (name: string): boolean => packName.test(name);

const keptIn = ({shards}: Pack): PackedShard[] => shards.filter(({isRemoved}) => !isRemoved);

const bytesOf = (shards: readonly PackedShard[]): number => shards.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0);

/**
The files `chunks/<number>.pack`, each of which keeps several small shards (`core/shard-pack.ts`). A pack is written as a
shard's own file is, and is never added to. A shard is removed by one byte; where more than half of a pack is removed, what is
left moves to a new one. No shard is kept twice: a crash between the two is mended at the next start.
*/
export class ShardPacks {
	readonly #options: Options;
	readonly #packs = new Map<Digest, Pack>();
	/** One change at a time, so that what is left of a pack stays as it is while it moves. */
	readonly #changes = new Turns<'change'>();
	#lastNumber = 0;

	constructor(options: Options) {
		this.#options = options;
	}

	has(digest: Digest): boolean {
		return this.#packs.has(digest);
	}

	placeOf(digest: Digest): Place | undefined {
		const pack = this.#packs.get(digest);
		const shard = pack?.shards.find(each => each.digest === digest && !each.isRemoved);
		return pack && shard && {path: pack.path, fileBytes: pack.sizeBytes, ...shard};
	}

	/**
	Reads the heads of packs that are there, the newest first. A shard that is kept elsewhere already, or in a newer one, is
	removed from the pack.

	@param tell - Told of each shard.
	@returns The names of those that can't be read as packs.
	*/
	async load(
		names: readonly string[],
		isKept: (digest: Digest) => boolean,
		tell: (shard: PackedShard) => void,
	): Promise<string[]> {
		const strange: string[] = [];
		for (const name of names.toSorted().reverse()) {
			this.#lastNumber = Math.max(this.#lastNumber, parseInt(name, 10));
			const pack = await this.#read(name);
			if (pack) await this.#takeIn(pack, isKept, tell);
			else strange.push(name);
		}

		return strange;
	}

	/** Keeps shards in a new pack; durable when it returns. None of them may be kept already. */
	async write(arrived: readonly Arrived[]): Promise<void> {
		this.#note(await this.#writePack(arrived));
	}

	/** Removes a shard durably. */
	async remove(digest: Digest): Promise<void> {
		await this.#changes.take('change', async () => {
			const pack = this.#packs.get(digest);
			if (pack) await this.#removeFrom(pack, digest);
		});
	}

	/** Forgets the pack of a shard, whose file somebody took away. Gives what was in it. */
	forgetPackOf(digest: Digest): PackedShard[] {
		const pack = this.#packs.get(digest);
		if (!pack) return [];
		const kept = keptIn(pack);
		for (const each of kept) this.#packs.delete(each.digest);
		this.#options.space.subtract(pack.sizeBytes);
		return kept;
	}

	/** `undefined` where it is no pack. What is not whole any more counts as removed. */
	async #read(name: string): Promise<Pack | undefined> {
		const {files, log} = this.#options;
		const path = join(this.#options.path, name);
		const {size} = await files.stat(path);
		const file = await files.open(path, 'r');
		try {
			const head = Buffer.alloc(packHeadBytes(MOST_PACKED_SHARDS));
			const shards = parsePackHead(head.subarray(0, await file.read(head, 0, head.length, 0)));
			const cut = shards?.filter(({offset, sizeBytes}) => offset + sizeBytes > size) ?? [];
			for (const shard of cut) shard.isRemoved = true;
			if (cut.length > 0) log.warn('a pack of shards was cut short', {name, lost: cut.length});
			return shards && {path, sizeBytes: size, shards};
		} finally {
			file.close();
		}
	}

	async #takeIn(pack: Pack, isKept: (digest: Digest) => boolean, tell: (shard: PackedShard) => void): Promise<void> {
		const {log} = this.#options;
		for (const shard of keptIn(pack)) {
			if (!isKept(shard.digest)) {
				tell(shard);
				continue;
			}

			await this.#markRemoved(pack, shard).catch((error: unknown) => {
				log.warn('a shard that is kept twice could not be removed from its pack', {digest: shard.digest, error});
				shard.isRemoved = true;
			});
		}

		this.#note(pack);
		if (keptIn(pack).length === 0) await this.#removeFile(pack);
	}

	#note(pack: Pack): void {
		for (const {digest} of keptIn(pack)) this.#packs.set(digest, pack);
		this.#options.space.add(pack.sizeBytes);
	}

	async #removeFrom(pack: Pack, digest: Digest): Promise<void> {
		const removed = pack.shards.find(each => each.digest === digest);
		const left = keptIn(pack).filter(each => each !== removed);
		if (left.length === 0) await this.#removeFile(pack);
		else if (!removed) return;
		else if (2 * bytesOf(left) >= pack.sizeBytes) await this.#markRemoved(pack, removed);
		else await this.#moveOrMark(pack, left, removed);
		this.#packs.delete(digest);
	}

	/** There may be no room to move what is left, or it may be unreadable. */
	async #moveOrMark(pack: Pack, left: readonly PackedShard[], removed: PackedShard): Promise<void> {
		try {
			await this.#move(pack, left);
		} catch (error) {
			this.#options.log.warn('what is left of a pack of shards could not be moved to a smaller one', {error});
			await this.#markRemoved(pack, removed);
		}
	}

	async #move(pack: Pack, left: readonly PackedShard[]): Promise<void> {
		const moved = await this.#writePack(await this.#readShards(pack, left));
		this.#note(moved);
		await this.#removeFile(pack);
	}

	async #readShards({path}: Pack, shards: readonly PackedShard[]): Promise<Arrived[]> {
		const file = await this.#options.files.open(path, 'r');
		try {
			const arrived: Arrived[] = [];
			for (const {digest, sizeBytes, offset} of shards) {
				const bytes = Buffer.allocUnsafeSlow(sizeBytes);
				for (let filled = 0; filled < sizeBytes;) {
					const bytesRead = await file.read(bytes, filled, sizeBytes - filled, offset + filled);
					if (bytesRead === 0) throw new Error('The pack is shorter than it was');
					filled += bytesRead;
				}

				arrived.push({digest, bytes});
			}

			return arrived;
		} finally {
			file.close();
		}
	}

	/** Where somebody took the file away, the shard is gone as well. */
	async #markRemoved({path, shards}: Pack, shard: PackedShard): Promise<void> {
		try {
			const file = this.#options.files.openAtOnce(path, constants.O_WRONLY | O_DSYNC);
			try {
				await writeAll(file, REMOVED, removedAt(shards.length, shards.indexOf(shard)));
				if (O_DSYNC === 0) await file.datasync();
			} finally {
				file.close();
			}
		} catch (error) {
			if (!isMissing(error)) throw error;
		}

		shard.isRemoved = true;
	}

	async #removeFile({path, sizeBytes}: Pack): Promise<void> {
		const {files, folder, space} = this.#options;
		await unlinkIfThere(files, path);
		await folder.sync();
		space.subtract(sizeBytes);
	}

	async #writePack(arrived: readonly Arrived[]): Promise<Pack> {
		const {files, folder, temporary} = this.#options;
		const head = packHead(arrived.map(({digest, bytes}) => ({digest, sizeBytes: bytes.length})));
		const written = await temporary.writePieces([head, ...arrived.map(({bytes}) => bytes)]);
		const path = join(this.#options.path, `${String(++this.#lastNumber).padStart(10, '0')}.pack`);
		try {
			files.rename(written, path);
		} catch (error) {
			await temporary.discard(written);
			throw error;
		}

		try {
			await folder.sync();
		} catch (error) {
			await files.unlink(path).catch(() => undefined);
			throw error;
		}

		const shards = parsePackHead(head) ?? [];
		return {path, sizeBytes: head.length + bytesOf(shards), shards};
	}
}
