import {isApiError, loadPart} from './api.js';
import type {FileSource} from './fetch-file.js';
import {createStore} from './store.js';

/** A download that is opened in this page. */
export type Saving = {
	/** The file's id, or the link's. */
	id: string;
	name: string;
	source: FileSource;
	doneBytes: number;
	sizeBytes: number;
	error?: unknown;
};

export const savings = createStore<readonly Saving[]>([]);

const stops = new Map<string, AbortController>();

const change = (id: string, changes: Partial<Saving>): void =>
	savings.set(savings.get().map(saving => (saving.id === id ? {...saving, ...changes} : saving)));

const drop = (id: string): void => savings.set(savings.get().filter(saving => saving.id !== id));

/** Begins a download of what is sealed end to end; does nothing where it is under way already. */
export const startSaving = async ({
	id,
	name,
	source,
	sizeBytes,
}: Omit<Saving, 'doneBytes' | 'error'>): Promise<void> => {
	const {seal} = source;
	if (!seal || stops.has(id)) return;
	const stop = new AbortController();
	stops.set(id, stop);
	drop(id);
	savings.set([...savings.get(), {id, name, source, sizeBytes, doneBytes: 0}]);
	try {
		const {saveSealed} = await loadPart(async () => import('./sealed/save.js'));
		const onBytes = (doneBytes: number) => change(id, {doneBytes});
		await saveSealed(source, seal, {name, onBytes, signal: stop.signal});
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
