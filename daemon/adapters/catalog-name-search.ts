import {setImmediate as nextTurn} from 'node:timers/promises';
import type {FileId} from '../../source/protocol/ids.js';
import type {SortedIds} from './catalog-sorted-ids.js';

/** Eight times as many as a bucket of usual names has different ones. */
const MARKS = 2 ** 15;
const GRAM_LENGTH = 3;
/** What may be done at once, in names that are looked at. */
const NAMES_A_TURN = 5000;
/** To mark a name costs as much as to look at so many. */
const MARKING_COSTS = 8;

/** Names are compared as a reader sees them: whatever their case, however their accents are encoded. */
export const fold = (name: string): string => name.toLowerCase().normalize('NFC');

/** The mark of the one, two or three characters up to and with that at `end`. */
const markOf = (text: string, end: number, length: number): number => {
	let hash = length;
	for (let at = end - length + 1; at <= end; at++)
		hash = Math.imul(hash ^ text.charCodeAt(at), 0x9e3779b1) ^ (hash >>> 15);
	return (hash >>> 8) % MARKS;
};

/** Which short runs of characters occur in some names, or maybe do: a Bloom filter of their trigrams, and of what is shorter. */
class Marks {
	readonly #bits = new Uint32Array(MARKS / 32);

	add(name: string): void {
		for (let end = 0; end < name.length; end++) {
			for (let length = 1; length <= Math.min(GRAM_LENGTH, end + 1); length++) {
				const mark = markOf(name, end, length);
				const word = mark >>> 5;
				this.#bits[word] = (this.#bits[word] ?? 0) | (1 << (mark & 31));
			}
		}
	}

	/** Whether one of the names may contain a text; where not, none does. */
	mayContain(marks: readonly number[]): boolean {
		return marks.every(mark => ((this.#bits[mark >>> 5] ?? 0) & (1 << (mark & 31))) !== 0);
	}

	/** The marks that all names have which contain a text. */
	static of(text: string): number[] {
		const length = Math.min(GRAM_LENGTH, text.length);
		return Array.from({length: text.length - length + 1}, (_, at) => markOf(text, at + length - 1, length));
	}
}

type Options = {
	/** The files that are listed. */
	listed: SortedIds<FileId>;
	/** A file's name, folded. */
	nameOf: (id: FileId) => string;
};

/**
Finds files by a part of their names. Each bucket of ids has marks of what occurs in its names, so that those without the
text are passed over: what few names contain costs little however many there are.
*/
export class NameSearch {
	readonly #listed: SortedIds<FileId>;
	readonly #nameOf: (id: FileId) => string;
	/** Made when they are first wanted. They may have marks of names that went to another bucket. */
	readonly #marks = new WeakMap<readonly FileId[], Marks>();

	constructor({listed, nameOf}: Options) {
		this.#listed = listed;
		this.#nameOf = nameOf;
	}

	/** A file is listed now, or has another name. */
	noteListed(id: FileId): void {
		const bucket = this.#listed.bucketFor(id);
		if (bucket) this.#marks.get(bucket)?.add(this.#nameOf(id));
	}

	/** A file is listed no more: marks can't be taken back one by one. */
	noteGone(id: FileId): void {
		const bucket = this.#listed.bucketFor(id);
		if (bucket) this.#marks.delete(bucket);
	}

	/**
	The files before `before` whose names contain a text that is folded, the newest first, in pages. Yields the event loop
	while it looks.
	*/
	async *find(text: string, before: FileId | undefined): AsyncGenerator<FileId[]> {
		const wanted = Marks.of(text);
		let spent = 0;
		for (let from = before; ;) {
			const bucket = this.#listed.bucketBefore(from);
			const [oldest] = bucket ?? [];
			if (!bucket || oldest === undefined) return;
			spent += this.#marks.has(bucket) ? 1 : MARKING_COSTS * bucket.length;
			if (this.#marksOf(bucket).mayContain(wanted)) {
				spent += bucket.length;
				const found = bucket.filter(id => (from === undefined || id < from) && this.#nameOf(id).includes(text));
				if (found.length > 0) yield found.reverse();
			}

			from = oldest;
			if (spent < NAMES_A_TURN) continue;
			spent = 0;
			await nextTurn();
		}
	}

	#marksOf(bucket: readonly FileId[]): Marks {
		const known = this.#marks.get(bucket);
		if (known) return known;
		const marks = new Marks();
		for (const id of bucket) marks.add(this.#nameOf(id));
		this.#marks.set(bucket, marks);
		return marks;
	}
}
