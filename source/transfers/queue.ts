import path from 'node:path';
import type {Api} from '../client/api.js';
import type {Clock} from '../client/clock.js';
import {PjasError} from '../protocol/errors.js';
import {createEntries} from './entries.js';
import {createEntry, type Entry, hasEnded} from './entry.js';
import {expandPaths, type FoundFile} from './expand-paths.js';
import {createNotifier} from './notifier.js';
import {createRunner, type RunnerOptions} from './runner.js';
import type {Transfer, Transfers} from './transfer.js';
import {shown, TransferError} from './transfer-error.js';
import {createMemoryNotes} from './upload-notes.js';

export type TransfersOptions = {
	api: Pick<Api, 'upload' | 'cancelUpload' | 'download'>;
	/** The uploads that seal end to end. */
	sealed?: Pick<Api, 'upload'>;
	/** Where uploads that go on are remembered; without it, as long as this queue is there. */
	notes?: RunnerOptions['notes'];
	clock: Clock;
	/** From 0 up to, not including, 1. */
	random: () => number;
	/** How many go at once; 3 unless told. */
	atOnce?: number;
};

const DEFAULT_AT_ONCE = 3;

/** Nothing goes out in the open that was to be sealed. */
const unsealable: Pick<Api, 'upload'> = {
	upload: async () => Promise.reject(new PjasError('PASSPHRASE_NEEDED', 'There is no keyring here to seal with')),
};

/** Refuses paths of which not one file can be uploaded. */
const assertUseful = (paths: readonly string[], found: readonly FoundFile[]): void => {
	const [first] = found;
	if (!first) {
		const named = paths.map(each => shown(each)).join(', ');
		throw new TransferError(
			'FILE_MISSING',
			`There is no file in ${named}: choose files, or folders with files in them`,
		);
	}

	if (!first.problem || found.some(({problem}) => !problem)) return;
	if (found.length === 1) throw first.problem;
	const {code, message} = first.problem;
	throw new TransferError(code, `None of the ${found.length} files can be uploaded. The first one: ${message}`);
};

/** The queue of uploads and downloads, empty at first. */
export const createTransfers = (options: TransfersOptions): Required<Transfers> => {
	const {api, sealed = unsealable, clock, random, atOnce = DEFAULT_AT_ONCE} = options;
	const {notes = {plain: createMemoryNotes(), sealed: createMemoryNotes()}} = options;
	const entries = createEntries();
	const notifier = createNotifier(clock);
	const runner = createRunner({api, sealed, notes, clock, random, atOnce, entries, notifier});
	const closing = new AbortController();
	const expansions = new Set<Promise<FoundFile[]>>();
	let lastId = 0;

	const assertOpen = () => {
		if (closing.signal.aborted) throw new TransferError('QUEUE_CLOSED', 'The transfers were stopped: start again');
	};

	const add = (about: Omit<Parameters<typeof createEntry>[0], 'id' | 'queuedAtMs'>): Entry => {
		const entry = createEntry({...about, id: ++lastId, queuedAtMs: clock.now()});
		entries.add(entry);
		return entry;
	};

	const expand = async (paths: readonly string[]): Promise<FoundFile[]> => {
		const found: FoundFile[] = [];
		for await (const file of expandPaths(paths, {signal: closing.signal})) found.push(file);
		return found;
	};

	const upload: Transfers['upload'] = async (paths, {isSealed = false} = {}) => {
		assertOpen();
		const expansion = expand(paths);
		expansions.add(expansion);
		let found: FoundFile[];
		try {
			found = await expansion;
		} finally {
			expansions.delete(expansion);
		}

		assertOpen();
		assertUseful(paths, found);
		entries.assertRoom(found.length);
		for (const {path: at, name, sizeBytes, problem} of found) {
			const about = {name, path: at, overwrite: false, isSealed, fileId: undefined, sizeBytes};
			const entry = add({kind: 'upload', ...about});
			if (!problem) continue;
			Object.assign(entry, {state: 'failed', problem: problem.message, endedAtMs: clock.now()});
			entries.touch(entry);
		}

		runner.pump();
		notifier.changedNow();
	};

	const queueAgain = (entry: Entry) => {
		Object.assign(entry, {state: 'queued', problem: undefined, endedAtMs: undefined, failedTries: 0});
		entries.touch(entry);
		runner.pump();
	};

	/** A verb for one transfer in one of these states; where there is no such one it does nothing. */
	const verb = (states: readonly Transfer['state'][], act: (entry: Entry) => void) => (id: number) => {
		const entry = entries.find(id);
		if (!entry || !states.includes(entry.state) || closing.signal.aborted) return;
		act(entry);
		notifier.changedNow();
	};

	return {
		get: entries.snapshots,
		subscribe: notifier.subscribe,
		upload,
		download({id, name, sizeBytes}, target, {overwrite = false} = {}) {
			assertOpen();
			entries.assertRoom(1);
			// A separator at the end says that a folder is meant, and resolving takes it off.
			const isFolder = target.endsWith('/') || target.endsWith(path.sep);
			const resolved = path.resolve(target) + (isFolder ? path.sep : '');
			add({kind: 'download', name, path: resolved, overwrite, isSealed: false, fileId: id, sizeBytes});
			runner.pump();
			notifier.changedNow();
		},
		pause: verb(['queued', 'active', 'waiting'], entry => runner.stop(entry, 'paused')),
		resume: verb(['paused', 'waiting'], entry => {
			if (entry.state === 'waiting') runner.wake(entry);
			else queueAgain(entry);
		}),
		cancel: verb(['queued', 'active', 'waiting', 'paused', 'failed'], entry => runner.stop(entry, 'cancelled')),
		retry: verb(['failed', 'cancelled'], entry => {
			entries.assertRoom(1);
			queueAgain(entry);
		}),
		clear(id) {
			for (const entry of [...entries.all()]) {
				if ((id !== undefined && entry.id !== id) || !hasEnded(entry)) continue;
				entries.remove(entry);
				notifier.changedNow();
			}
		},
		wake() {
			for (const entry of [...entries.all()]) {
				if (entry.state !== 'waiting' || entry.wait?.isFixed !== false) continue;
				runner.wake(entry);
				notifier.changedNow();
			}
		},
		isBusy: () => entries.pending() > 0 || expansions.size > 0,
		async close() {
			closing.abort();
			notifier.close();
			await Promise.allSettled([runner.close(), ...expansions]);
		},
	};
};
