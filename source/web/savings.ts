import {isApiError, loadPart} from './api.js';
import type {FileSource} from './fetch-file.js';
import type {SaveOptions} from './sealed/save.js';
import {createStore} from './store.js';

/** A file that a download is made of. */
export type SavingPart = {
	name: string;
	sizeBytes: number;
	/** Milliseconds since the epoch. */
	changedAt?: number;
	source: FileSource;
};

/** A download that is opened in this page. */
export type Saving = {
	/** The file's id, or the link's, or its own where it is of several files. */
	id: string;
	name: string;
	/** One that is sealed end to end; where it is a zip, any. */
	parts: readonly SavingPart[];
	isZip?: boolean;
	doneBytes: number;
	/** Of all its files. */
	sizeBytes: number;
	error?: unknown;
};

export const savings = createStore<readonly Saving[]>([]);

type Begun = Omit<Saving, 'doneBytes' | 'error'>;

const stops = new Map<string, AbortController>();

const change = (id: string, changes: Partial<Saving>): void =>
	savings.set(savings.get().map(saving => (saving.id === id ? {...saving, ...changes} : saving)));

const drop = (id: string): void => savings.set(savings.get().filter(saving => saving.id !== id));

const saveAll = async ({name, parts, isZip = false}: Begun, options: Omit<SaveOptions, 'name'>): Promise<void> => {
	if (isZip) {
		const {saveZip} = await loadPart(async () => import('./sealed/save-zip.js'));
		await saveZip(parts, {name, ...options});
		return;
	}

	const {saveSealed} = await loadPart(async () => import('./sealed/save.js'));
	for (const {source} of parts) await saveSealed(source, {name, ...options});
};

/** Begins a download that is opened in this page; does nothing where it is under way already. */
export const startSaving = async ({id, name, parts, isZip = false, sizeBytes}: Begun): Promise<void> => {
	if (stops.has(id)) return;
	const stop = new AbortController();
	stops.set(id, stop);
	drop(id);
	const begun: Begun = {id, name, parts, isZip, sizeBytes};
	savings.set([...savings.get(), {...begun, doneBytes: 0}]);
	try {
		await saveAll(begun, {onBytes: doneBytes => change(id, {doneBytes}), signal: stop.signal});
		drop(id);
	} catch (error) {
		if (stop.signal.aborted || isApiError(error, 'STOPPED')) drop(id);
		else change(id, {error});
	} finally {
		stops.delete(id);
		stop.abort();
	}
};

/** Ends one that is under way, and forgets one that failed. */
export const endSaving = (id: string): void => {
	stops.get(id)?.abort();
	drop(id);
};

export const endSavings = (): void => {
	for (const {id} of savings.get()) endSaving(id);
};

/** Whether leaving the page would break something off. */
export const isSaving = (): boolean => stops.size > 0;
