import type {OpenedFile} from '../client/opened-files.js';
import {type FileView, filesSchema} from '../protocol/api.js';
import {SEALED_NAME} from '../protocol/sealed-details.js';
import {call} from './api.js';
import {on} from './live.js';
import {keyring, openAll} from './sealing.js';
import {createStore} from './store.js';

export type Files = {
	byId: ReadonlyMap<string, OpenedFile>;
	/** How many there are that match. */
	total: number;
	state: 'loading' | 'ready' | 'failed';
	error?: unknown;
	search: string;
	/** There are more than are fetched: a search finds them. */
	isCut: boolean;
};

const FIRST_PAGE = 200;
const NEXT_PAGES = 1000;
/** More are not fetched: a page that holds them all would be slow, and nobody looks through so many. */
const MOST_FILES = 10_000;

const nothing: Files = {byId: new Map(), total: 0, state: 'loading', search: '', isCut: false};

/** The files that somebody may see. They are fetched once; events keep them as they are. */
export const files = createStore<Files>(nothing);

let loading = new AbortController();
/** What is being fetched anew: what happens meanwhile happens to it as well. */
let fetched = new Map<string, OpenedFile>();

const matches = ({filename}: FileView, search: string) => filename.toLowerCase().includes(search.toLowerCase());

/** The coordinator does not know what sealed files are called: where they can be opened, all of them are looked through. */
async function* pagesOf(search: string, signal: AbortSignal) {
	const queries = search !== '' && keyring.get() ? [search, SEALED_NAME] : [search];
	let limit = FIRST_PAGE;
	for (const [index, q] of queries.entries()) {
		let before: string | undefined;
		do {
			const page = await call('files', filesSchema, {query: {limit, before, q}, signal});
			const opened = await openAll(page.files);
			limit = NEXT_PAGES;
			before = page.next_before ?? undefined;
			yield {
				files: queries.length === 1 ? opened : opened.filter(file => matches(file, search)),
				total: queries.length === 1 ? page.total : undefined,
				isLast: before === undefined && index === queries.length - 1,
			};
		} while (before !== undefined);
	}
}

/** Fetches page after page; what is there can be seen meanwhile. */
export const loadFiles = async (search = files.get().search): Promise<void> => {
	loading.abort();
	loading = new AbortController();
	const {signal} = loading;
	const isSame = search === files.get().search;
	files.set({...(isSame ? files.get() : nothing), search, state: 'loading'});
	const found = new Map<string, OpenedFile>();
	fetched = found;
	try {
		for await (const page of pagesOf(search, signal)) {
			if (signal.aborted) return;
			for (const file of page.files) found.set(file.file_id, file);
			const isCut = !page.isLast && found.size >= MOST_FILES;
			const state = page.isLast || isCut ? 'ready' : 'loading';
			files.set({byId: new Map(found), total: page.total ?? found.size, state, search, isCut});
			if (isCut) return;
		}
	} catch (error) {
		if (!signal.aborted) files.set({...files.get(), state: 'failed', error});
	}
};

const place = (file: OpenedFile): void => {
	const current = files.get();
	if (!matches(file, current.search)) return;
	fetched.set(file.file_id, file);
	const isNew = !current.byId.has(file.file_id);
	const byId = new Map(isNew ? [[file.file_id, file], ...current.byId] : current.byId).set(file.file_id, file);
	files.set({...current, byId, total: current.total + (isNew ? 1 : 0)});
};

/** The newest of what is told of a file, while that is being opened. */
const opening = new Map<string, FileView>();

/** Puts a file into the list, or anew, as events and answers tell. */
export const putFile = (file: FileView): void => {
	const {file_id: id} = file;
	if (!file.e2e || !keyring.get()) {
		place(file);
		return;
	}

	opening.set(id, file);
	void openAll([file]).then(([opened = file]) => {
		if (opening.get(id) !== file) return;
		opening.delete(id);
		place(opened);
	});
};

export const dropFile = (id: string): void => {
	opening.delete(id);
	fetched.delete(id);
	const current = files.get();
	if (!current.byId.has(id)) return;
	const byId = new Map(current.byId);
	byId.delete(id);
	files.set({...current, byId, total: current.total - 1});
};

const NODES_SETTLE_MS = 3_000;

/** How safe files are changes with the nodes that are there, of which there is one event and not one for each file. */
const followNodes = (): (() => void) => {
	const standing = new Map<string, string>();
	let timer: number | undefined;
	const end = on('node', ({node_id: id, status, suspended}) => {
		const now = `${status} ${suspended?.reason ?? ''}`;
		const before = standing.get(id);
		standing.set(id, now);
		if (before === now) return;
		window.clearTimeout(timer);
		timer = window.setTimeout(() => void loadFiles(), NODES_SETTLE_MS);
	});
	return () => {
		window.clearTimeout(timer);
		end();
	};
};

/** Keeps the list as it is at the coordinator, until it is ended. */
export const followFiles = (): (() => void) => {
	const ends = [
		on('file', putFile),
		on('file-removed', ({file_id: id}) => dropFile(id)),
		on('reset', () => void loadFiles()),
		followNodes(),
		keyring.subscribe(() => void loadFiles()),
	];
	void loadFiles();
	return () => {
		for (const end of ends) end();
		loading.abort();
		opening.clear();
		files.set(nothing);
	};
};
