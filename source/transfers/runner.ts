import type {Api} from '../client/api.js';
import type {Clock} from '../client/clock.js';
import {discardPartial, downloadFile} from './download-file.js';
import type {Entries} from './entries.js';
import type {Entry} from './entry.js';
import {type Notifier, NOTIFY_EVERY_MS} from './notifier.js';
import {createRate} from './rate.js';
import {judge} from './retry.js';
import {discardUpload, uploadFile} from './upload-file.js';
import type {UploadNotes} from './upload-notes.js';

export type RunnerOptions = {
	api: Pick<Api, 'upload' | 'cancelUpload' | 'download'>;
	/** The uploads that seal end to end. */
	sealed: Pick<Api, 'upload'>;
	clock: Clock;
	random: () => number;
	/** Where uploads that go on are remembered: those as they are, and those that are sealed. */
	notes: Record<'plain' | 'sealed', UploadNotes>;
	/** How many go at once. One that waits for the coordinator counts: the others would fare no better. */
	atOnce: number;
	entries: Entries;
	notifier: Notifier;
};

export type Runner = {
	/** Starts what may start. To be called when something was queued. */
	pump: () => void;
	/** Ends what is being done or waited for; the entry then is in this state. */
	stop: (entry: Entry, state: 'paused' | 'cancelled') => void;
	/** Tries one that waits at once. */
	wake: (entry: Entry) => void;
	close: () => Promise<void>;
};

/** Carries out transfers, a few at once, in the order in which they were queued. */
export const createRunner = (options: RunnerOptions): Runner => {
	const {api, sealed, notes, clock, random, atOnce, entries, notifier} = options;
	const notesOf = ({isSealed}: Entry) => (isSealed ? notes.sealed : notes.plain);
	const running = new Set<Entry>();
	const waiting = new Set<Entry>();
	const tasks = new Set<Promise<void>>();
	let cancelTick: (() => void) | undefined;
	let isClosed = false;

	const changed = (entry: Entry, change: Partial<Entry>) => {
		Object.assign(entry, change);
		entries.touch(entry);
		notifier.changed();
	};

	/** Shows how far everything is; goes on as long as that changes. */
	const tick = () => {
		cancelTick = undefined;
		const nowMs = clock.now();
		for (const entry of running) {
			if (entry.state !== 'active') continue;
			entry.rate?.add(nowMs, entry.doneBytes);
			const shown = {doneBytes: entry.doneBytes, rate: entry.rate?.value() ?? 0};
			if (shown.doneBytes === entry.shown?.doneBytes && shown.rate === entry.shown.rate) continue;
			changed(entry, {shown});
			armTick();
		}
	};

	const armTick = () => {
		if (!isClosed) cancelTick ??= clock.timer(NOTIFY_EVERY_MS, tick);
	};

	const attempt = async (entry: Entry, signal: AbortSignal): Promise<void> => {
		const {path, name, fileId = '', sizeBytes = 0, overwrite} = entry;
		let startByte: number | undefined;
		const onProgress = (doneBytes: number, wholeBytes: number) => {
			if (signal.aborted) return;
			if (startByte === undefined) {
				startByte = doneBytes;
				// What an earlier try brought is no speed of this one.
				entry.rate = createRate();
				entry.rate.add(clock.now(), doneBytes);
			}

			entry.doneBytes = doneBytes;
			entry.sizeBytes = wholeBytes;
			// Where a coordinator can't go on with an upload, each try begins anew and gets nowhere.
			const isGoingOn = entry.kind === 'download' || startByte > 0;
			if (isGoingOn && doneBytes > startByte) entry.failedTries = 0;
			armTick();
		};

		if (entry.kind === 'upload') {
			const target = entry.isSealed ? sealed : api;
			const uploaded = await uploadFile({api: target, path, name, notes: notesOf(entry), signal, onProgress});
			entry.fileId = uploaded.file_id;
		} else {
			await downloadFile({api, file: {id: fileId, name, sizeBytes}, path, overwrite, signal, onProgress});
		}
	};

	const end = (entry: Entry, state: 'done' | 'failed', problem?: string) => {
		const doneBytes = state === 'done' ? (entry.sizeBytes ?? entry.doneBytes) : entry.doneBytes;
		changed(entry, {state, problem, doneBytes, endedAtMs: clock.now()});
	};

	const stopWaiting = (entry: Entry) => {
		entry.wait?.cancel();
		entry.wait = undefined;
		waiting.delete(entry);
	};

	const wake = (entry: Entry) => {
		stopWaiting(entry);
		changed(entry, {state: 'queued'});
		pump();
	};

	const onFailure = (entry: Entry, error: unknown) => {
		entry.failedTries++;
		const problem = error instanceof Error ? error.message : String(error);
		const verdict = judge(error, entry.failedTries, random);
		if (verdict.kind === 'failed') {
			end(entry, 'failed', problem);
			return;
		}

		waiting.add(entry);
		const wait = {cancel: clock.timer(verdict.afterMs, () => wake(entry)), isFixed: verdict.isFixed};
		changed(entry, {state: 'waiting', problem, wait});
	};

	/** Does one thing with an entry's files, and nothing else meanwhile. */
	const occupy = (entry: Entry, act: () => Promise<void>) => {
		entry.isOccupied = true;
		running.add(entry);
		const task = act().finally(() => {
			entry.isOccupied = false;
			running.delete(entry);
			tasks.delete(task);
			pump();
		});
		tasks.add(task);
	};

	const discard = async (entry: Entry): Promise<void> => {
		const {kind, path, name, fileId, state} = entry;
		if (state !== 'cancelled') return;
		// What can't be removed harms nobody: the next transfer of the file goes on with it, and the coordinator gives it up.
		if (kind === 'upload') await discardUpload(api, {path, name, notes: notesOf(entry)}).catch(() => undefined);
		else if (fileId !== undefined) await discardPartial(path, fileId).catch(() => undefined);
	};

	const start = (entry: Entry) => {
		const controller = new AbortController();
		const {signal} = controller;
		changed(entry, {state: 'active', problem: undefined, controller});
		occupy(entry, async () => {
			try {
				await attempt(entry, signal);
				// Even where somebody stopped it in the last moment: it is done.
				end(entry, 'done');
			} catch (error) {
				if (!signal.aborted) onFailure(entry, error);
				await discard(entry);
			} finally {
				entry.controller = undefined;
			}
		});
	};

	const pump = () => {
		if (isClosed) return;
		for (const entry of entries.all()) {
			if (running.size + waiting.size >= atOnce) return;
			if (entry.state === 'queued' && !entry.isOccupied) start(entry);
		}
	};

	const stop: Runner['stop'] = (entry, state) => {
		stopWaiting(entry);
		const endedAtMs = state === 'cancelled' ? clock.now() : undefined;
		changed(entry, {state, problem: undefined, endedAtMs, ...(state === 'cancelled' && {doneBytes: 0})});
		entry.controller?.abort();
		if (state === 'cancelled' && !entry.isOccupied) occupy(entry, async () => discard(entry));
	};

	return {
		pump,
		stop,
		wake,
		async close() {
			isClosed = true;
			for (const entry of [...running, ...waiting]) {
				if (entry.state === 'active' || entry.state === 'waiting') stop(entry, 'paused');
			}

			cancelTick?.();
			await Promise.allSettled(tasks);
		},
	};
};
