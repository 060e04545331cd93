import {join} from 'node:path';
import type {Digest} from '../../source/protocol/ids.js';
import type {BatchedShard} from '../core/shard-batch.js';
import {packName, type PackedShard} from '../core/shard-pack.js';
import type {Random} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {codeOf, type DiskFiles, type FolderSync, isMissing, unlinkIfThere} from './disk-shards-files.js';
import {
	addToPack,
	type Arrived,
	findIn,
	type FoundPack,
	hasRoomFor,
	isMostlyGone,
	keptIn,
	lookAtPack,
	type Pack,
	type PackContent,
	readFromPack,
	withRemoved,
	writePack,
} from './disk-shards-pack-file.js';
import type {Space} from './disk-shards-space.js';
import type {TemporaryFiles} from './disk-shards-temporary.js';
import {Turns} from './turns.js';

/** Where a shard's bytes stand. */
export type Place = {
	path: string;
	/** How long that file is at least. */
	fileBytes: number;
	offset: number;
	sizeBytes: number;
};

/** What packs have in them, by their ids. */
export type PackContents = ReadonlyMap<string, PackContent>;

type Options = {
	files: DiskFiles;
	/** The folder `chunks/`. */
	path: string;
	folder: Pick<FolderSync, 'sync'>;
	temporary: TemporaryFiles;
	space: Pick<Space, 'add' | 'subtract'>;
	log: Log;
	random: Random;
};

type LoadOptions = {
	/** As it was once known, so that those that are as long need not be read. */
	known: PackContents;
	/** Whether the shard is kept elsewhere, and right there. */
	isKept: (digest: Digest) => Promise<boolean>;
	/** Told of each shard. */
	tell: (shard: BatchedShard) => void;
};

const LOOKED_AT_ONCE = 64;

/**
The files `chunks/<id>.pack`, each of which keeps several small shards (`core/shard-pack.ts`). A pack begins as a shard's own
file does; what comes next is added to it until it is full, one that an earlier run has left gets nothing more. A shard is
removed from a pack by its name; where more than half of it is removed, what is left moves to a new one. No shard is kept
twice: a crash between the two is mended at the next start.
*/
export class ShardPacks {
	readonly #options: Options;
	/** By the digest of each shard that is kept. */
	readonly #packs = new Map<Digest, Pack>();
	/** One change at a time of each pack, so that what is left of it stays as it is while it moves. */
	readonly #turns = new Turns<Pack>();
	/** Those that are to be removed from a pack, all at its next turn. */
	readonly #leaving = new Map<Pack, Set<Digest>>();
	/** The one that is added to. */
	#open: Pack | undefined;

	constructor(options: Options) {
		this.#options = options;
	}

	/** What there is, for the next start; but for packs that have more in them than they are known for: those are looked at again. */
	contents(): PackContents {
		const packs = [...new Set(this.#packs.values())];
		const sure = packs.filter(pack => this.#keptBy(pack).length === keptIn(pack).length);
		return new Map(sure.map(({id, parts, sum}) => [id, {parts, sum}]));
	}

	has(digest: Digest): boolean {
		return this.#packs.has(digest);
	}

	placeOf(digest: Digest): Place | undefined {
		const pack = this.#packs.get(digest);
		const shard = pack && findIn(pack, digest);
		return shard && {...shard, path: this.#pathOf(pack), fileBytes: pack.sizeBytes};
	}

	/**
	Takes in the packs that are there. A shard that is kept elsewhere already is removed from its pack.

	@returns The names of those that can't be read as packs.
	*/
	async load(names: readonly string[], options: LoadOptions): Promise<string[]> {
		const strange: string[] = [];
		for (let at = 0; at < names.length; at += LOOKED_AT_ONCE) {
			const next = names.slice(at, at + LOOKED_AT_ONCE);
			const found = await Promise.all(next.map(async name => this.#lookOrLeave(name, options.known)));
			for (const [index, each] of found.entries()) {
				if (each) await this.#takeIn(each, options);
				else if (each === undefined) strange.push(next[index] ?? '');
			}
		}

		return strange;
	}

	/** Keeps shards, of which none may be kept already; durable when it returns. One call after the other. */
	async write(arrived: readonly Arrived[]): Promise<void> {
		const open = this.#open;
		if (open && (await this.#turns.take(open, async () => this.#add(open, arrived)))) return;
		this.#open = undefined;
		const pack = await writePack(arrived, this.#options);
		this.#open = pack;
		this.#note(pack);
	}

	/** Removes a shard durably. Those of one pack that are removed at once are so together. */
	async remove(digest: Digest): Promise<void> {
		for (let pack = this.#packs.get(digest); pack; pack = this.#packs.get(digest)) {
			const from = pack;
			const leaving = this.#leaving.get(from) ?? new Set();
			this.#leaving.set(from, leaving.add(digest));
			await this.#turns.take(from, async () => {
				try {
					await this.#removeLeaving(from, leaving);
				} catch (error) {
					leaving.delete(digest);
					throw error;
				}
			});
		}
	}

	/** Forgets a shard that can't be removed: it stays in its file, and is never given again. */
	disown(digest: Digest): void {
		const pack = this.#packs.get(digest);
		this.#packs.delete(digest);
		// The same shard must not come into the same pack once more.
		if (pack) this.#close(pack);
	}

	/** Forgets the pack of a shard, whose file somebody took away. Gives what was in it. */
	forgetPackOf(digest: Digest): PackedShard[] {
		const pack = this.#packs.get(digest);
		if (!pack) return [];
		this.#close(pack);
		const kept = this.#keptBy(pack);
		for (const each of kept) this.#packs.delete(each.digest);
		this.#options.space.subtract(pack.sizeBytes);
		return kept;
	}

	#pathOf({name}: Pick<Pack, 'name'>): string {
		return join(this.#options.path, name);
	}

	/** Nothing more is added to it. */
	#close(pack: Pack): void {
		if (this.#open === pack) this.#open = undefined;
	}

	/** Those that this pack is known for: one that could not be removed from it may be kept by another meanwhile. */
	#keptBy(pack: Pack): PackedShard[] {
		return keptIn(pack).filter(({digest}) => this.#packs.get(digest) === pack);
	}

	/** `null` where the disk does not give its head: nothing is said of its shards, so it stays where it is. */
	async #lookOrLeave(name: string, known: PackContents): Promise<FoundPack | null | undefined> {
		try {
			return await lookAtPack(name, known.get(name.slice(0, name.indexOf('.'))), this.#options);
		} catch (error) {
			if (codeOf(error) === undefined) throw error;
			const problem = "the disk does not give the head of a pack: its shards are missing, look at the system's log";
			this.#options.log.error(problem, {name, error});
			return null;
		}
	}

	async #takeIn({pack, torn, strangeBytes}: FoundPack, {isKept, tell}: LoadOptions): Promise<void> {
		const {log, space} = this.#options;
		const {name} = pack;
		space.add(pack.sizeBytes);
		if (torn.length > 0 || strangeBytes > 0) {
			const problem =
				'a pack of shards is not whole: it was cut short, or the last run was ended while it was added to';
			log.warn(`${problem}. What is lost is made again from other copies`, {name, lost: torn.length, strangeBytes});
		}

		const gone = [...torn];
		for (const shard of keptIn(pack)) {
			if (torn.includes(shard)) continue;
			if (await isKept(shard.digest)) {
				gone.push(shard);
			} else {
				this.#packs.set(shard.digest, pack);
				tell(shard);
			}
		}

		if (gone.length === 0 && keptIn(pack).length > 0) return;
		await this.#removeFrom(pack, gone).catch((error: unknown) => {
			log.warn('what is kept twice or torn could not be removed from a pack', {name, error});
		});
	}

	#note(pack: Pack): void {
		for (const {digest} of pack.shards) this.#packs.set(digest, pack);
		this.#options.space.add(pack.sizeBytes);
	}

	/** Whether there was room in an open pack, and it could be found. */
	async #add(pack: Pack, arrived: readonly Arrived[]): Promise<boolean> {
		const {space} = this.#options;
		if (this.#open !== pack || !hasRoomFor(pack, arrived)) return false;
		const {sizeBytes} = pack;
		try {
			await addToPack(pack, arrived, this.#options);
		} catch (error) {
			this.#close(pack);
			if (isMissing(error)) return false;
			throw error;
		}

		for (const {digest} of arrived) this.#packs.set(digest, pack);
		space.subtract(sizeBytes);
		space.add(pack.sizeBytes);
		return true;
	}

	async #removeLeaving(pack: Pack, leaving: Set<Digest>): Promise<void> {
		// They may have moved while they waited their turn, or been removed by another's.
		const gone = this.#keptBy(pack).filter(({digest}) => leaving.has(digest));
		if (this.#leaving.get(pack) === leaving) this.#leaving.delete(pack);
		if (gone.length === 0) return;
		await this.#removeFrom(pack, gone);
		for (const {digest} of gone) if (this.#packs.get(digest) === pack) this.#packs.delete(digest);
	}

	async #removeFrom(pack: Pack, gone: readonly PackedShard[]): Promise<void> {
		const left = this.#keptBy(pack).filter(shard => !gone.includes(shard));
		if (left.length === 0) await this.#removeFile(pack);
		else if (isMostlyGone(pack, left)) await this.#moveOrMark(pack, left, gone);
		else await this.#markRemoved(pack, gone);
	}

	/** There may be no room to move what is left, or it may be unreadable. */
	async #moveOrMark(pack: Pack, left: readonly PackedShard[], gone: readonly PackedShard[]): Promise<void> {
		this.#close(pack);
		try {
			this.#note(await writePack(await readFromPack(pack, left, this.#options), this.#options));
			await this.#removeFile(pack);
		} catch (error) {
			this.#options.log.warn('what is left of a pack of shards could not be moved to a smaller one', {error});
			await this.#markRemoved(pack, gone);
		}
	}

	/** Where somebody took the file away, the shards are gone as well. */
	async #markRemoved(pack: Pack, gone: readonly PackedShard[]): Promise<void> {
		const {files, folder} = this.#options;
		const {name, removed} = pack;
		const path = this.#pathOf(pack);
		pack.removed = withRemoved(pack, gone);
		pack.name = packName(pack);
		try {
			files.rename(path, this.#pathOf(pack));
			await folder.sync();
		} catch (error) {
			this.#renameBack(pack, path);
			Object.assign(pack, {name, removed});
			if (!isMissing(error)) throw error;
			// Unless it is the whole folder that is gone.
			await files.stat(this.#options.path);
		}
	}

	#renameBack(pack: Pack, path: string): void {
		try {
			this.#options.files.rename(this.#pathOf(pack), path);
		} catch {
			// It had not been renamed, or the disk refuses that as well.
		}
	}

	async #removeFile(pack: Pack): Promise<void> {
		const {files, folder, space} = this.#options;
		this.#close(pack);
		await unlinkIfThere(files, this.#pathOf(pack));
		await folder.sync();
		space.subtract(pack.sizeBytes);
	}
}
