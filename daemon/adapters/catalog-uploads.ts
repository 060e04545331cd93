import type {FileId} from '../../source/protocol/ids.js';
import type {UploadRecord} from '../core/model.js';

type Sums = {count: number; bytes: number};

/** The unfinished uploads by their owners, in numbers, without a look at any record. */
export class UploadIndex {
	readonly #ids = new Set<FileId>();
	readonly #sums = new Map<string | undefined, Sums>();

	/** An upload began (no `before`), got further, or ended (no `after`). */
	change(before: UploadRecord | undefined, after: UploadRecord | undefined): void {
		this.#count(before, -1);
		this.#count(after, 1);
		if (after) this.#ids.add(after._id);
		else if (before) this.#ids.delete(before._id);
	}

	has(id: FileId): boolean {
		return this.#ids.has(id);
	}

	of(owner: string | undefined): Sums {
		return this.#sums.get(owner) ?? {count: 0, bytes: 0};
	}

	#count(upload: UploadRecord | undefined, by: 1 | -1): void {
		if (!upload) return;
		const {count, bytes} = this.of(upload.owner);
		if (count + by === 0) this.#sums.delete(upload.owner);
		else this.#sums.set(upload.owner, {count: count + by, bytes: bytes + by * upload.offsetBytes});
	}
}
