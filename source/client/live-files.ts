import type {FileView} from '../protocol/api.js';
import type {FilesPage} from './contract.js';
import type {OpenedFile} from './opened-files.js';
import type {FilesState} from './live-state.js';

/**
The list of files, put together from pages and events. A page says everything about a range of ids, so taking one in
replaces that range: what is not on it is gone, unless an event told of it after the page was asked for.
*/
export type LiveFiles = {
	get: () => FilesState | undefined;
	/** Call when a page is asked for: what events say from then on is newer than what it says. */
	beginPage: () => void;
	/** Takes in the page of the files older than `before`. Says whether anything changed. */
	takePage: (page: FilesPage, before: string | undefined) => boolean;
	put: (file: OpenedFile) => boolean;
	remove: (id: string) => boolean;
};

const MOST_SHARED = 10_000;

/** Makes views small: the same key order for all, and one copy of what many have alike. */
const createCompactor = () => {
	const words = new Map<string, string>();
	const redundancies = new Map<string, FileView['redundancy']>();

	const share = <Value>(shared: Map<string, Value>, key: string, value: Value): Value => {
		const known = shared.get(key);
		if (known !== undefined) return known;
		if (shared.size < MOST_SHARED) shared.set(key, value);
		return value;
	};

	const nobody: string[] = [];
	return (file: OpenedFile): OpenedFile => {
		const {full, partly, none} = file.redundancy;
		return {
			file_id: file.file_id,
			filename: file.filename,
			size: file.size,
			uploaded_at: file.uploaded_at,
			status: file.status === 'completed' ? 'completed' : 'processing',
			chunks_count: file.chunks_count,
			type: share(words, file.type, file.type),
			owner: share(words, file.owner, file.owner),
			visibility: file.visibility,
			shared_with: file.shared_with.length === 0 ? nobody : file.shared_with,
			redundancy: share(redundancies, `${full} ${partly} ${none}`, {full, partly, none}),
			...(file.seal !== undefined && {seal: file.seal}),
		};
	};
};

const isSame = (one: OpenedFile, other: OpenedFile): boolean =>
	one.filename === other.filename &&
	one.size === other.size &&
	one.uploaded_at === other.uploaded_at &&
	one.status === other.status &&
	one.chunks_count === other.chunks_count &&
	one.type === other.type &&
	one.owner === other.owner &&
	one.visibility === other.visibility &&
	one.shared_with.join() === other.shared_with.join() &&
	one.seal === other.seal &&
	one.redundancy.full === other.redundancy.full &&
	one.redundancy.partly === other.redundancy.partly &&
	one.redundancy.none === other.redundancy.none;

/** Where a file of this id stands, or would stand, in a list that has the newest first: ids sort by time. */
const placeOf = (list: readonly OpenedFile[], id: string): number => {
	let low = 0;
	let high = list.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if ((list[middle]?.file_id ?? '') > id) low = middle + 1;
		else high = middle;
	}

	return low;
};

export const createLiveFiles = (): LiveFiles => {
	const compact = createCompactor();
	let list: OpenedFile[] = [];
	let total = 0;
	/** The list has every file above this id; '' once it has all. `undefined` before the first page. */
	let loadedDownTo: string | undefined;
	/** What events said since a page was asked for that is not here yet; `undefined` for a file that was deleted. */
	const touched = new Map<string, OpenedFile | undefined>();
	let isAsked = false;
	let snapshot: FilesState | undefined;

	const at = (id: string): {index: number; known: OpenedFile | undefined} => {
		const index = placeOf(list, id);
		const found = list[index];
		return {index, known: found?.file_id === id ? found : undefined};
	};

	const isLoaded = (id: string) => loadedDownTo !== undefined && id >= loadedDownTo;

	/** What a page and the events since make of its range. Views that did not change stay the same objects. */
	const merge = (page: FilesPage, before: string | undefined, lowest: string): OpenedFile[] => {
		const byId = new Map<string, OpenedFile>(page.files.map(file => [file.file_id, file]));
		for (const [id, file] of touched) {
			const isInRange = id >= lowest && (before === undefined || id < before);
			if (file === undefined) byId.delete(id);
			else if (isInRange) byId.set(id, file);
		}

		return [...byId.values()]
			.map(file => {
				const {known} = at(file.file_id);
				return known && isSame(known, file) ? known : compact(file);
			})
			.sort((one, other) => (one.file_id > other.file_id ? -1 : 1));
	};

	return {
		get() {
			if (loadedDownTo === undefined) return undefined;
			return (snapshot ??= {list: [...list], total, isComplete: loadedDownTo === ''});
		},
		beginPage() {
			isAsked = true;
			touched.clear();
		},
		takePage(page, before) {
			const lowest = page.next_before ?? '';
			const start = before === undefined ? 0 : placeOf(list, before) + (at(before).known ? 1 : 0);
			const last = at(lowest);
			const end = Math.max(start, lowest === '' ? list.length : last.index + (last.known ? 1 : 0));
			const merged = merge(page, before, lowest);
			isAsked = false;
			touched.clear();
			const isListSame = merged.length === end - start && merged.every((file, index) => file === list[start + index]);
			if (!isListSame) list = [...list.slice(0, start), ...merged, ...list.slice(end)];

			const wasDownTo = loadedDownTo;
			if (loadedDownTo === undefined || lowest < loadedDownTo) loadedDownTo = lowest;
			const oldTotal = total;
			total = loadedDownTo === '' ? list.length : Math.max(page.total, list.length);
			const isChanged = !isListSame || wasDownTo !== loadedDownTo || oldTotal !== total;
			if (isChanged) snapshot = undefined;
			return isChanged;
		},
		put(file) {
			const {file_id: id} = file;
			if (isAsked) touched.set(id, file);
			if (!isLoaded(id)) return false;
			const {index, known} = at(id);
			if (known && isSame(known, file)) return false;
			list.splice(index, known ? 1 : 0, compact(file));
			if (!known) total++;
			snapshot = undefined;
			return true;
		},
		remove(id) {
			if (isAsked) touched.set(id, undefined);
			const {index, known} = at(id);
			if (!known && (loadedDownTo === undefined || isLoaded(id))) return false;
			if (known) list.splice(index, 1);
			total = Math.max(list.length, total - 1);
			snapshot = undefined;
			return true;
		},
	};
};
