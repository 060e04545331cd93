const BUCKET_IDS = 512;
const FEW_BUCKETS = 8;
const MOST_DRAWS = 64;

/** The first of `length` places at which `isBefore` no longer holds. */
const search = (length: number, isBefore: (place: number) => boolean): number => {
	let low = 0;
	let high = length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if (isBefore(middle)) low = middle + 1;
		else high = middle;
	}

	return low;
};

/** The first place whose value is `id` or comes after it. */
const placeOf = (sorted: readonly string[], id: string): number =>
	search(sorted.length, place => (sorted[place] ?? '') < id);

/** The first place whose value comes after `id`. */
const placeAfter = (sorted: readonly string[], id: string): number =>
	search(sorted.length, place => (sorted[place] ?? '') <= id);

/**
A set of ids that is always in order, in buckets of bounded size: a change moves one bucket's ids, a page reads only its
own, and ids that come in order fill their buckets.
*/
export class SortedIds<Id extends string> {
	readonly #buckets: Id[][] = [];
	#size = 0;

	get isEmpty(): boolean {
		return this.#buckets.length === 0;
	}

	add(id: Id): void {
		if (this.#append(id)) return;
		const at = this.#bucketOf(id);
		const bucket = this.#buckets[at];
		if (!bucket) {
			this.#buckets.push([id]);
			this.#size++;
			return;
		}

		const place = placeOf(bucket, id);
		if (bucket[place] === id) return;
		this.#size++;
		if (bucket.length < BUCKET_IDS) {
			bucket.splice(place, 0, id);
		} else {
			const upper = bucket.splice(BUCKET_IDS / 2);
			this.#buckets.splice(at + 1, 0, upper);
			const half = place < BUCKET_IDS / 2 ? bucket : upper;
			half.splice(placeOf(half, id), 0, id);
		}
	}

	/** Ids come in order more often than not: those behind all others need no search. */
	#append(id: Id): boolean {
		const bucket = this.#buckets.at(-1);
		if (!bucket || id <= (bucket.at(-1) ?? '')) return false;
		if (bucket.length < BUCKET_IDS) bucket.push(id);
		else this.#buckets.push([id]);
		this.#size++;
		return true;
	}

	delete(id: Id): void {
		const at = this.#bucketOf(id);
		const bucket = this.#buckets[at];
		if (!bucket) return;
		const place = placeOf(bucket, id);
		if (bucket[place] !== id) return;
		this.#size--;
		if (bucket.length === 1) this.#buckets.splice(at, 1);
		else bucket.splice(place, 1);
	}

	get size(): number {
		return this.#size;
	}

	has(id: Id): boolean {
		const bucket = this.bucketFor(id) ?? [];
		return bucket[placeOf(bucket, id)] === id;
	}

	/** The bucket that has an id, or would have it. It is the same one as long as its ids go together, and never empty. */
	bucketFor(id: Id): readonly Id[] | undefined {
		return this.#buckets[Math.min(this.#bucketOf(id), this.#buckets.length - 1)];
	}

	/** The bucket with the last id before `id`, and maybe others after it. Without `id`, the last one. */
	bucketBefore(id: Id | undefined): readonly Id[] | undefined {
		if (id === undefined) return this.#buckets.at(-1);
		const at = this.#bucketOf(id);
		const bucket = this.#buckets[at];
		return bucket && (bucket[0] ?? id) < id ? bucket : this.#buckets[at - 1];
	}

	/**
	One id by chance, each as likely as another; `undefined` where there is none. A bucket is drawn, and taken as often as it
	is full, so that this costs the same however many ids there are.
	*/
	draw(random: () => number): Id | undefined {
		const tries = this.#buckets.length > FEW_BUCKETS ? MOST_DRAWS : 0;
		for (let count = 0; count < tries; count++) {
			const bucket = this.#buckets[Math.floor(random() * this.#buckets.length)];
			const drawn = bucket?.[Math.floor(random() * BUCKET_IDS)];
			if (drawn !== undefined) return drawn;
		}

		// Few buckets; or many with little in them, which deletions left.
		let place = Math.floor(random() * this.#size);
		for (const bucket of this.#buckets) {
			if (place < bucket.length) return bucket[place];
			place -= bucket.length;
		}

		return undefined;
	}

	/** The first `limit` ids after `id`, ascending. Without `id`, from the start. */
	after(id: string | undefined, limit: number): Id[] {
		const page: Id[] = [];
		const first = id === undefined ? 0 : this.#bucketOf(id);
		for (let at = first; page.length < limit; at++) {
			const bucket = this.#buckets[at];
			if (!bucket) break;
			const from = id === undefined || at > first ? 0 : placeAfter(bucket, id);
			page.push(...bucket.slice(from, from + limit - page.length));
		}

		return page;
	}

	/** The first `limit` ids before `id`, descending. Without `id`, from the end. */
	before(id: string | undefined, limit: number): Id[] {
		const page: Id[] = [];
		const last = id === undefined ? this.#buckets.length - 1 : this.#bucketOf(id);
		for (let at = last; at >= 0 && page.length < limit; at--) {
			const bucket = this.#buckets[at] ?? [];
			const end = id === undefined || at < last ? bucket.length : placeOf(bucket, id);
			page.push(...bucket.slice(Math.max(0, end - limit + page.length), end).reverse());
		}

		return page;
	}

	/** The first bucket that ends with `id` or after it; past the last where there is none. */
	#bucketOf(id: string): number {
		return search(this.#buckets.length, at => (this.#buckets[at]?.at(-1) ?? '') < id);
	}
}

/** Sorted ids under keys; a key without ids is not kept. */
export class SortedGroups<Key, Id extends string> {
	readonly groups = new Map<Key, SortedIds<Id>>();

	add(key: Key, id: Id): void {
		let group = this.groups.get(key);
		if (!group) this.groups.set(key, (group = new SortedIds()));
		group.add(id);
	}

	delete(key: Key, id: Id): void {
		const group = this.groups.get(key);
		group?.delete(id);
		if (group?.isEmpty) this.groups.delete(key);
	}

	size(key: Key): number {
		return this.groups.get(key)?.size ?? 0;
	}

	has(key: Key, id: Id): boolean {
		return this.groups.get(key)?.has(id) ?? false;
	}

	draw(key: Key, random: () => number): Id | undefined {
		return this.groups.get(key)?.draw(random);
	}

	after(key: Key, id: string | undefined, limit: number): Id[] {
		return this.groups.get(key)?.after(id, limit) ?? [];
	}

	before(key: Key, id: string | undefined, limit: number): Id[] {
		return this.groups.get(key)?.before(id, limit) ?? [];
	}
}
