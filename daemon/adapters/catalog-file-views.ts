import type {FileId} from '../../source/protocol/ids.js';
import type {FileRecord} from '../core/model.js';
import {SortedGroups, SortedIds} from './catalog-sorted-ids.js';

/** `open`: what everybody who is signed in may read. `open of`: the part of it that is one account's. */
type Group = 'open' | 'public' | `${'own' | 'open of' | 'shared with'} ${string}`;

/** The groups that a file stands in: none in the trash. */
const groupsOf = ({owner, visibility = 'network', sharedWith = [], trashed}: FileRecord): Group[] => {
	if (trashed) return [];
	const groups: Group[] = owner === undefined ? [] : [`own ${owner}`];
	if (visibility === 'private') {
		for (const reader of new Set(sharedWith)) if (reader !== owner) groups.push(`shared with ${reader}`);
		return groups;
	}

	groups.push('open');
	if (owner !== undefined) groups.push(`open of ${owner}`);
	if (visibility === 'public') groups.push('public');
	return groups;
};

/** The groups whose union a viewer may read; those of an account may overlap in what is its own and open. */
const readableBy = (viewer: string): Group[] =>
	viewer === '' ? ['public'] : [`own ${viewer}`, 'open', `shared with ${viewer}`];

/** Which files somebody may read, in order, without a look at any record. */
export class FileViews {
	/** All that are not in the trash. */
	readonly listed = new SortedIds<FileId>();
	readonly #groups = new SortedGroups<Group, FileId>();
	readonly #ownedBytes = new Map<string, number>();

	/** A file came (no `before`), changed, or went (no `after`). */
	change(before: FileRecord | undefined, after: FileRecord | undefined): void {
		if (before) {
			for (const group of groupsOf(before)) this.#groups.delete(group, before._id);
			this.#own(before, -before.sizeBytes);
			if (!after || after.trashed) this.listed.delete(before._id);
		}

		if (after) {
			for (const group of groupsOf(after)) this.#groups.add(group, after._id);
			this.#own(after, after.sizeBytes);
			if (!after.trashed) this.listed.add(after._id);
		}
	}

	/** The first `limit` files before `before` that the viewer may read, the newest first; without a viewer, of all. */
	before(before: FileId | undefined, viewer: string | undefined, limit: number): FileId[] {
		if (viewer === undefined) return this.listed.before(before, limit);
		const groups = readableBy(viewer).map(group => this.#groups.before(group, before, limit));
		const together = groups.length === 1 ? groups.flat() : [...new Set(groups.flat())].sort().reverse();
		return together.slice(0, limit);
	}

	mayRead(id: FileId, viewer: string | undefined): boolean {
		return viewer === undefined ? this.listed.has(id) : readableBy(viewer).some(group => this.#groups.has(group, id));
	}

	count(viewer: string | undefined): number {
		if (viewer === undefined) return this.listed.size;
		const size = readableBy(viewer).reduce((sum, group) => sum + this.#groups.size(group), 0);
		return viewer === '' ? size : size - this.#groups.size(`open of ${viewer}`);
	}

	ownedBytes(owner: string): number {
		return this.#ownedBytes.get(owner) ?? 0;
	}

	#own({owner}: FileRecord, byBytes: number): void {
		if (owner === undefined) return;
		const bytes = this.ownedBytes(owner) + byBytes;
		if (bytes === 0) this.#ownedBytes.delete(owner);
		else this.#ownedBytes.set(owner, bytes);
	}
}
