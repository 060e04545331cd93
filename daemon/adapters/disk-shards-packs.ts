import {join} from 'node:path';
import type {Digest} from '../../source/protocol/ids.js';
import type {BatchedShard} from '../core/shard-batch.js';
import {
	MOST_PACKED_SHARDS,
	packHead,
	packHeadBytes,
	packName,
	type PackName,
	type PackedShard,
	parsePackHead,
	parsePackName,
	placedInPack,
} from '../core/shard-pack.js';
import type {Log} from '../ports/log.js';
import {codeOf, type DiskFiles, type FolderSync, isMissing, readFully, unlinkIfThere} from './disk-shards-files.js';
import type {Space} from './disk-shards-space.js';
import type {TemporaryFiles} from './disk-shards-temporary.js';
import {Turns} from './turns.js';

/** A shard that is to be kept with others. */
export type Arrived = {digest: Digest; bytes: Uint8Array};

/** Where a shard's bytes stand. */
export type Place = {
	path: string;
	/** How long that file is. */
	fileBytes: number;
	offset: number;
	sizeBytes: number;
};

/** What packs have in them, by their ids, also what was removed from them. */
export type PackContents = ReadonlyMap<string, readonly BatchedShard[]>;

type Pack = {
	id: string;
	/** Its file's name at present. */
	name: string;
	sizeBytes: number;
	shards: readonly PackedShard[];
	/** The places of those that were removed, or are no longer whole. */
	removed: ReadonlySet<number>;
};

type Options = {
	files: DiskFiles;
	/** The folder `chunks/`. */
	path: string;
	folder: Pick<FolderSync, 'sync'>;
	temporary: TemporaryFiles;
	space: Pick<Space, 'add' | 'subtract'>;
	log: Log;
};

type LoadOptions = {
	/** As it was once known, so that no head of these need be read: a pack never changes. */
	known: PackContents;
	/** Whether the shard is kept elsewhere, and right there. */
	isKept: (digest: Digest) => Promise<boolean>;
	/** Told of each shard. */
	tell: (shard: BatchedShard) => void;
};

const HEADS_AT_ONCE = 64;

const bytesOf = (shards: readonly BatchedShard[]): number => shards.reduce((sum, {sizeBytes}) => sum + sizeBytes, 0);

const packOf = ({id, removed}: PackName, shards: readonly BatchedShard[]): Pack => ({
	id,
	name: packName({id, removed}),
	sizeBytes: packHeadBytes(shards.length) + bytesOf(shards),
	shards: placedInPack(shards),
	removed,
});

const keptIn = ({shards, removed}: Pack): PackedShard[] => shards.filter((_, place) => !removed.has(place));

/**
The files `chunks/<id>.pack`, each of which keeps several small shards (`core/shard-pack.ts`). A pack is written as a
shard's own file is, and stays as it is. A shard is removed from it by its name; where more than half of a pack is removed, what
is left moves to a new one. No shard is kept twice: a crash between the two is mended at the next start.
*/
export class ShardPacks {
	readonly #options: Options;
	/** By the digest of each shard that is kept. */
	readonly #packs = new Map<Digest, Pack>();
	/** One change at a time of each pack, so that what is left of it stays as it is while it moves. */
	readonly #turns = new Turns<Pack>();

	constructor(options: Options) {
		this.#options = options;
	}

	/** What there is, for the next start. */
	contents(): PackContents {
		return new Map([...new Set(this.#packs.values())].map(({id, shards}) => [id, shards]));
	}

	has(digest: Digest): boolean {
		return this.#packs.has(digest);
	}

	placeOf(digest: Digest): Place | undefined {
		const pack = this.#packs.get(digest);
		const shard = pack && keptIn(pack).find(each => each.digest === digest);
		return shard && {...shard, path: this.#pathOf(pack), fileBytes: pack.sizeBytes};
	}

	/**
	Takes in the packs that are there. A shard that is kept elsewhere already is removed from its pack.

	@returns The names of those that can't be read as packs.
	*/
	async load(names: readonly string[], options: LoadOptions): Promise<string[]> {
		const strange: string[] = [];
		for (let at = 0; at < names.length; at += HEADS_AT_ONCE) {
			const next = names.slice(at, at + HEADS_AT_ONCE);
			const packs = await Promise.all(next.map(async name => this.#lookOrLeave(name, options.known)));
			for (const [index, pack] of packs.entries()) {
				if (pack) await this.#takeIn(pack, options);
				else if (pack === undefined) strange.push(next[index] ?? '');
			}
		}

		return strange;
	}

	/** Keeps shards in a new pack; durable when it returns. None of them may be kept already. */
	async write(arrived: readonly Arrived[]): Promise<void> {
		this.#note(await this.#writePack(arrived));
	}

	/** Removes a shard durably. */
	async remove(digest: Digest): Promise<void> {
		for (let pack = this.#packs.get(digest); pack; pack = this.#packs.get(digest)) {
			await this.#turns.take(pack, async () => {
				// It may have moved while it waited its turn.
				if (this.#packs.get(digest) !== pack) return;
				await this.#removeFrom(pack, [digest]);
				this.#packs.delete(digest);
			});
		}
	}

	/** Forgets a shard that can't be removed: it stays in its file, and is never given again. */
	disown(digest: Digest): void {
		this.#packs.delete(digest);
	}

	/** Forgets the pack of a shard, whose file somebody took away. Gives what was in it. */
	forgetPackOf(digest: Digest): PackedShard[] {
		const pack = this.#packs.get(digest);
		if (!pack) return [];
		const kept = this.#keptBy(pack);
		for (const each of kept) this.#packs.delete(each.digest);
		this.#options.space.subtract(pack.sizeBytes);
		return kept;
	}

	#pathOf({name}: Pick<Pack, 'name'>): string {
		return join(this.#options.path, name);
	}

	/** Those that this pack is known for: one that could not be removed from it may be kept by another meanwhile. */
	#keptBy(pack: Pack): PackedShard[] {
		return keptIn(pack).filter(({digest}) => this.#packs.get(digest) === pack);
	}

	/** `null` where the disk does not give its head: nothing is said of its shards, so it stays where it is. */
	async #lookOrLeave(name: string, known: PackContents): Promise<Pack | null | undefined> {
		try {
			return await this.#look(name, known);
		} catch (error) {
			if (codeOf(error) === undefined) throw error;
			const problem = "the disk does not give the head of a pack: its shards are missing, look at the system's log";
			this.#options.log.error(problem, {name, error});
			return null;
		}
	}

	async #look(name: string, known: PackContents): Promise<Pack | undefined> {
		const parsed = parsePackName(name);
		const shards = parsed && (known.get(parsed.id) ?? (await this.#readHead(name, parsed)));
		if (!shards) return undefined;
		const pack = packOf(parsed, shards);
		return known.has(parsed.id) ? pack : this.#asLongAsItIs(pack);
	}

	async #readHead(name: string, {id}: PackName): Promise<BatchedShard[] | undefined> {
		const file = await this.#options.files.open(this.#pathOf({name}), 'r');
		try {
			const head = Buffer.alloc(packHeadBytes(MOST_PACKED_SHARDS));
			return parsePackHead(id, head.subarray(0, await file.read(head, 0, head.length, 0)));
		} finally {
			file.close();
		}
	}

	/** What is not whole any more counts as removed. */
	async #asLongAsItIs(pack: Pack): Promise<Pack> {
		const {size: sizeBytes} = await this.#options.files.stat(this.#pathOf(pack));
		const cut = keptIn(pack).filter(shard => shard.offset + shard.sizeBytes > sizeBytes);
		if (cut.length > 0) this.#options.log.warn('a pack of shards was cut short', {name: pack.name, lost: cut.length});
		return {...pack, sizeBytes, removed: this.#withRemoved(pack, cut)};
	}

	async #takeIn(pack: Pack, {isKept, tell}: LoadOptions): Promise<void> {
		this.#options.space.add(pack.sizeBytes);
		const twice: Digest[] = [];
		for (const shard of keptIn(pack)) {
			if (await isKept(shard.digest)) {
				twice.push(shard.digest);
			} else {
				this.#packs.set(shard.digest, pack);
				tell(shard);
			}
		}

		if (twice.length === 0 && keptIn(pack).length > 0) return;
		await this.#removeFrom(pack, twice).catch((error: unknown) => {
			this.#options.log.warn('what is kept twice could not be removed from a pack', {name: pack.name, error});
		});
	}

	#note(pack: Pack): void {
		for (const {digest} of pack.shards) this.#packs.set(digest, pack);
		this.#options.space.add(pack.sizeBytes);
	}

	#withRemoved({shards, removed}: Pack, more: readonly PackedShard[]): ReadonlySet<number> {
		return new Set([...removed, ...more.map(shard => shards.indexOf(shard))]);
	}

	async #removeFrom(pack: Pack, digests: readonly Digest[]): Promise<void> {
		const gone = keptIn(pack).filter(({digest}) => digests.includes(digest));
		const left = this.#keptBy(pack).filter(shard => !gone.includes(shard));
		if (left.length === 0) await this.#removeFile(pack);
		else if (2 * bytesOf(left) < pack.sizeBytes) await this.#moveOrMark(pack, left, gone);
		else await this.#markRemoved(pack, gone);
	}

	/** There may be no room to move what is left, or it may be unreadable. */
	async #moveOrMark(pack: Pack, left: readonly PackedShard[], gone: readonly PackedShard[]): Promise<void> {
		try {
			this.#note(await this.#writePack(await this.#readShards(pack, left)));
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
		pack.removed = this.#withRemoved(pack, gone);
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
		await unlinkIfThere(files, this.#pathOf(pack));
		await folder.sync();
		space.subtract(pack.sizeBytes);
	}

	async #readShards(pack: Pack, shards: readonly PackedShard[]): Promise<Arrived[]> {
		const file = await this.#options.files.open(this.#pathOf(pack), 'r');
		try {
			const arrived: Arrived[] = [];
			for (const {digest, sizeBytes, offset} of shards) {
				const bytes = await readFully(file, Buffer.allocUnsafeSlow(sizeBytes), offset);
				if (bytes.length < sizeBytes) throw new Error('The pack is shorter than it was');
				arrived.push({digest, bytes});
			}

			return arrived;
		} finally {
			file.close();
		}
	}

	async #writePack(arrived: readonly Arrived[]): Promise<Pack> {
		const {folder, temporary} = this.#options;
		const shards = arrived.map(({digest, bytes}) => ({digest, sizeBytes: bytes.length}));
		const {id, head} = packHead(shards);
		const pack = packOf({id, removed: new Set()}, shards);
		const written = await temporary.writePieces([head, ...arrived.map(({bytes}) => bytes)]);
		await temporary.putInPlace(written, this.#pathOf(pack), folder);
		return pack;
	}
}
