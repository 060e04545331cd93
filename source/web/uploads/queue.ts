import {isApiError, isPassing} from '../api.js';
import {isSealing} from '../sealing.js';
import {ask} from '../session.js';
import {createStore} from '../store.js';
import {wait} from '../wait.js';
import {findLeftovers} from './leftovers.js';
import {stopForGood} from './sending.js';
import {send} from './transport.js';

export type Upload = {
	id: number;
	file: File;
	name: string;
	/** Whether it is sealed end to end before it goes out. */
	isSealed: boolean;
	state: 'waiting' | 'sending' | 'paused' | 'failed' | 'done';
	sentBytes: number;
	error?: unknown;
	/** How often it has failed in a row. */
	failures: number;
};

/** All uploads since the page was opened, the first first. */
export const uploads = createStore<readonly Upload[]>([]);

const MOST_AT_ONCE = 2;
const MOST_FAILURES = 5;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

const stops = new Map<number, AbortController>();
let lastId = 0;

const change = (id: number, changes: Partial<Upload>): void => {
	uploads.set(uploads.get().map(upload => (upload.id === id ? {...upload, ...changes} : upload)));
};

const find = (id: number): Upload | undefined => uploads.get().find(upload => upload.id === id);

const sendOne = async ({id, file, name, isSealed}: Upload): Promise<void> => {
	const stop = new AbortController();
	const isStopped = () => stop.signal.aborted;
	stops.set(id, stop);
	change(id, {state: 'sending', error: undefined});
	try {
		await send({file, name, isSealed, signal: stop.signal, onSent: sentBytes => change(id, {sentBytes})});
		change(id, {state: 'done', sentBytes: file.size, failures: 0});
	} catch (error) {
		if (isStopped()) return;
		const failures = (find(id)?.failures ?? 0) + 1;
		change(id, {error, failures});
		// A line that is cut is waited for, however long.
		if (!isPassing(error) || (failures >= MOST_FAILURES && !isApiError(error, 'OFFLINE'))) {
			change(id, {state: 'failed'});
			return;
		}

		await wait(Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1)), stop.signal);
		if (!isStopped()) change(id, {state: 'waiting'});
	} finally {
		if (stops.get(id) === stop) stops.delete(id);
		next();
		// The space that is used is known again once nothing is under way.
		if (stops.size === 0) void ask().then(findLeftovers);
	}
};

const next = (): void => {
	for (const upload of uploads.get()) {
		if (stops.size >= MOST_AT_ONCE) return;
		if (upload.state === 'waiting' && !stops.has(upload.id)) void sendOne(upload);
	}
};

export type Chosen = {
	file: File;
	name: string;
	/** As it was begun; without it, as new ones are now. */
	isSealed?: boolean;
};

export const addUploads = (chosen: readonly Chosen[]): void => {
	const added = chosen.map(({file, name, isSealed = isSealing.get()}): Upload => {
		lastId++;
		return {id: lastId, file, name, isSealed, state: 'waiting', sentBytes: 0, failures: 0};
	});
	uploads.set([...uploads.get(), ...added]);
	next();
};

export const pauseUpload = (id: number): void => {
	change(id, {state: 'paused'});
	stops.get(id)?.abort();
};

/** Goes on with what is paused, and tries again what failed. */
export const resumeUpload = (id: number): void => {
	change(id, {state: 'waiting', failures: 0, error: undefined});
	next();
};

export const removeUpload = (id: number): void => {
	uploads.set(uploads.get().filter(upload => upload.id !== id));
	stopForGood(stops.get(id));
};

const isOver = ({state}: Upload): boolean => state === 'done';

export const clearUploads = (): void => uploads.set(uploads.get().filter(upload => !isOver(upload)));

/** Ends them all, as when somebody signs out. */
export const endUploads = (): void => {
	uploads.set([]);
	for (const stop of stops.values()) stop.abort();
};

/** Whether leaving the page would cut something off. */
export const isUploading = (): boolean => uploads.get().some(({state}) => state === 'sending' || state === 'waiting');
