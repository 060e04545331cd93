import type {FileId} from '../../source/protocol/ids.js';
import {type FileRecord, type TrashPlace, trashPlaceOf} from '../core/model.js';
import type {TrashTotals} from '../ports/catalog.js';
import {SortedGroups} from './catalog-sorted-ids.js';

/** Whose files are counted; `undefined`: everybody's. */
type Owner = string | undefined;

const ID_LENGTH = 32;
const idAt = (place: TrashPlace) => place.slice(-ID_LENGTH) as FileId;

/** What is in the trash, by when it was put there, for each owner and for all, without a look at any record. */
export class TrashIndex {
	readonly #places = new SortedGroups<Owner, TrashPlace>();
	readonly #bytes = new Map<Owner, number>();

	/** A file came (no `before`), changed, or went (no `after`). */
	change(before: FileRecord | undefined, after: FileRecord | undefined): void {
		this.#count(before, -1);
		this.#count(after, 1);
	}

	/** The first `limit` files that were put there before `before`, the last first. */
	before(before: TrashPlace | undefined, owner: Owner, limit: number): FileId[] {
		return this.#places.before(owner, before, limit).map(idAt);
	}

	/** The first `limit` files, those that were put there first first. */
	oldest(limit: number): FileId[] {
		return this.#places.after(undefined, undefined, limit).map(idAt);
	}

	totals(owner: Owner): TrashTotals {
		return {files: this.#places.size(owner), bytes: this.#bytes.get(owner) ?? 0};
	}

	#count(file: FileRecord | undefined, by: 1 | -1): void {
		const place = file && trashPlaceOf(file);
		if (!place) return;
		for (const owner of new Set([undefined, file.owner])) {
			if (by === 1) this.#places.add(owner, place);
			else this.#places.delete(owner, place);
			const bytes = (this.#bytes.get(owner) ?? 0) + by * file.sizeBytes;
			if (bytes === 0) this.#bytes.delete(owner);
			else this.#bytes.set(owner, bytes);
		}
	}
}
