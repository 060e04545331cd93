import type {Digest} from '../../source/protocol/ids.js';
import {listingDigest} from '../core/listing.js';
import {SortedIds} from './catalog-sorted-ids.js';

const PAGE_DIGESTS = 1000;

/** The shards that are there: their sizes, their order, and the digest of their listing until something changes. */
export class ShardIndex {
	readonly #sizes = new Map<Digest, number>();
	readonly #sorted = new SortedIds<Digest>();
	#listingDigest: string | undefined;

	get count(): number {
		return this.#sizes.size;
	}

	sizeOf(digest: Digest): number | undefined {
		return this.#sizes.get(digest);
	}

	/** In order. */
	*entries(): Generator<[Digest, number]> {
		for (const digest of this.after()) {
			const sizeBytes = this.#sizes.get(digest);
			if (sizeBytes !== undefined) yield [digest, sizeBytes];
		}
	}

	set(digest: Digest, sizeBytes: number): void {
		if (!this.#sizes.has(digest)) {
			this.#sorted.add(digest);
			this.#listingDigest = undefined;
		}

		this.#sizes.set(digest, sizeBytes);
	}

	delete(digest: Digest): void {
		if (!this.#sizes.delete(digest)) return;
		this.#sorted.delete(digest);
		this.#listingDigest = undefined;
	}

	/** The digests after `after`, ascending. */
	*after(after?: Digest): Generator<Digest> {
		for (let last = after; ;) {
			const page = this.#sorted.after(last, PAGE_DIGESTS);
			yield* page;
			if (page.length < PAGE_DIGESTS) return;
			last = page.at(-1);
		}
	}

	listingDigest(): string {
		return (this.#listingDigest ??= listingDigest(this.after()));
	}
}
