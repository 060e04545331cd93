import type {Digest} from '../../source/protocol/ids.js';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';
import {type DiskFiles, type FolderSync, readFully, unlinkIfThere} from './disk-shards-files.js';
import type {KeptShards} from './disk-shards-kept.js';
import type {Arrived} from './disk-shards-pack-file.js';
import type {ShardPacks} from './disk-shards-packs.js';
import type {Quarantine} from './disk-shards-quarantine.js';
import type {Reservation} from './disk-shards-space.js';
import {SMALL_SHARD_BYTES, type TemporaryFiles} from './disk-shards-temporary.js';
import {keepTogether} from './disk-shards-together.js';
import {Turns} from './turns.js';

type Options = {
	files: DiskFiles;
	/** The folder `chunks/`. */
	folder: FolderSync;
	temporary: TemporaryFiles;
	kept: KeptShards;
	packs: ShardPacks;
	quarantine: Quarantine;
	log: Log;
	clock: Pick<Clock, 'now'>;
};

/** `exists`: it was there already. */
export type Outcome = 'created' | 'exists';

/** A shard that is to be written, with the room that it has. */
type Written = Arrived & {reservation: Reservation};

/**
What changes the folder `chunks/`: each shard's changes one after the other. A shard is flushed under a temporary name,
renamed, and its folder flushed. Small ones that come together go into a pack.
*/
export class ShardChanges {
	readonly #options: Options;
	readonly #turns = new Turns<Digest>();
	readonly #keepSmall = keepTogether<Written>(async group => this.#write(group));

	constructor(options: Options) {
		this.#options = options;
	}

	/**
	Keeps a shard, of which it is known that the bytes are right; large ones must be a pooled buffer's.

	@param pooled - The bytes, and in their buffer some room behind `sizeBytes`.
	*/
	async keep(
		digest: Digest,
		pooled: Uint8Array,
		sizeBytes: number,
		{reservation, signal}: {reservation: Reservation; signal: AbortSignal | undefined},
	): Promise<Outcome> {
		if (sizeBytes > SMALL_SHARD_BYTES) return this.#keepLarge(digest, pooled, sizeBytes, {reservation, signal});
		return this.#turns.take(digest, async () => {
			signal?.throwIfAborted();
			if (await this.#options.kept.isThere(digest)) return 'exists';
			await this.#keepSmall({digest, bytes: pooled.subarray(0, sizeBytes), reservation});
			return 'created';
		});
	}

	/** Removes a shard durably. One that is not there is a success. */
	async remove(digest: Digest): Promise<void> {
		const {files, folder, kept, packs} = this.#options;
		await this.#turns.take(digest, async () => {
			const undo = kept.forget(digest);
			try {
				if (packs.has(digest)) await packs.remove(digest);
				else if (await unlinkIfThere(files, kept.pathOf(digest))) await folder.sync();
			} catch (error) {
				undo?.();
				throw error;
			}
		});
	}

	/** Takes a shard out of the store for which `isRight` says again, while nobody else changes it, that it is wrong. */
	async putAsideUnless(digest: Digest, isRight: () => Promise<boolean>): Promise<boolean> {
		return this.#turns.take(digest, async () => {
			if (await isRight()) return true;
			await this.#putAside(digest);
			return false;
		});
	}

	async #keepLarge(
		digest: Digest,
		pooled: Uint8Array,
		sizeBytes: number,
		{reservation, signal}: {reservation: Reservation; signal: AbortSignal | undefined},
	): Promise<Outcome> {
		const {files, kept, temporary} = this.#options;
		const written = await temporary.write(pooled, sizeBytes);
		try {
			signal?.throwIfAborted();
			return await this.#turns.take(digest, async () => {
				if (await kept.isThere(digest)) {
					await files.unlink(written);
					return 'exists';
				}

				await this.#putInPlace(digest, written, sizeBytes, reservation);
				return 'created';
			});
		} catch (error) {
			await temporary.discard(written);
			throw error;
		}
	}

	async #write(group: readonly Written[]): Promise<void> {
		const {kept, packs, temporary} = this.#options;
		const [first] = group;
		if (group.length > 1) {
			await packs.write(group);
			for (const {digest, bytes, reservation} of group) {
				reservation.release();
				kept.index.set(digest, bytes.length);
			}
		} else if (first) {
			const {digest, bytes, reservation} = first;
			await this.#putInPlace(digest, await temporary.write(bytes, bytes.length), bytes.length, reservation);
		}
	}

	async #putInPlace(digest: Digest, written: string, sizeBytes: number, reservation: Reservation): Promise<void> {
		const {folder, kept, temporary} = this.#options;
		await temporary.putInPlace(written, kept.pathOf(digest), folder);
		reservation.keep(sizeBytes);
		kept.index.set(digest, sizeBytes);
	}

	/** Takes a shard that is wrong out of the store, even where it can't be moved. */
	async #putAside(digest: Digest): Promise<void> {
		const {folder, kept, packs, quarantine, log, clock} = this.#options;
		const sizeBytes = kept.sizeOf(digest);
		try {
			if (packs.has(digest)) {
				const into = Buffer.allocUnsafeSlow(sizeBytes);
				const bytes = await kept.reading(digest, async file => readFully(file, into));
				kept.forget(digest);
				await quarantine.keep(bytes, digest, clock.now());
				await packs.remove(digest);
			} else {
				kept.forget(digest);
				await quarantine.take(kept.pathOf(digest), digest, sizeBytes, clock.now());
				await folder.sync();
			}

			log.error('a shard is not what its name says: it is in quarantine/ now', {digest});
		} catch (error) {
			kept.forget(digest);
			packs.disown(digest);
			log.error('a shard is not what its name says, and could not be moved to quarantine/', {digest, error});
		}
	}
}
