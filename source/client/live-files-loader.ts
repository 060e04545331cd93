import type {Clock} from './clock.js';
import type {Api} from './contract.js';
import {AnswerError} from './errors.js';
import type {LiveFiles} from './live-files.js';

/** Gets the list of files, page by page, one after another in the background. */
export type FilesLoader = {
	/** Starts from the newest, in place of what is under way. Rejects where the first page can't be had. */
	load: () => Promise<void>;
	/** Goes on where `pause` or a failure cut it off. */
	resume: () => void;
	pause: () => void;
	/** Soon, and not more often than is good, starts from the newest again. */
	reloadSoon: () => void;
	/** Starts from the newest again at once, in the background. */
	reload: () => void;
	/** Soon gets one file anew. */
	refresh: (id: string) => void;
	/** Something newer is known of a file, or it is no more: what is still on its way is old. */
	forget: (id: string) => void;
};

export type FilesLoaderOptions = {api: Api; clock: Clock; files: LiveFiles; pageSize: number; onChange: () => void};

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
const REFRESH_AFTER_MS = 1_000;
const RELOAD_EVERY_MS = 5_000;
/** Reloading takes at most this share of the time. */
const RELOAD_SHARE = 1 / 10;
const MOST_REFRESHED = 20;

/** Where the loading is. Another loading makes it stale. */
type Walk = {before: string | undefined; failures: number; startedAtMs: number};

export const createFilesLoader = ({api, clock, files, pageSize, onChange}: FilesLoaderOptions): FilesLoader => {
	let walk: Walk | undefined;
	let isPaused = false;
	let isDueAgain = false;
	let reloadAtMs = 0;
	let cancelRetry: (() => void) | undefined;
	let cancelReload: (() => void) | undefined;
	let cancelRefresh: (() => void) | undefined;
	const stale = new Set<string>();

	/** Whether this loading is still the one that counts. */
	const isCurrent = (mine: Walk) => walk === mine && !isPaused;

	const finish = (mine: Walk) => {
		walk = undefined;
		const tookMs = clock.now() - mine.startedAtMs;
		reloadAtMs = clock.now() + Math.max(RELOAD_EVERY_MS - tookMs, tookMs / RELOAD_SHARE);
		if (isDueAgain) reloadSoon();
	};

	/** Gets the next page. Says whether there is one after it. */
	const step = async (mine: Walk): Promise<boolean> => {
		const {before} = mine;
		files.beginPage();
		const page = await api.files({limit: pageSize, ...(before !== undefined && {before})});
		if (!isCurrent(mine)) return false;
		const next = page.next_before;
		if (next !== null && before !== undefined && next >= before) {
			throw new AnswerError('The pages of the list of files do not come in order');
		}

		if (files.takePage(page, before)) onChange();
		mine.failures = 0;
		if (next === null) finish(mine);
		else mine.before = next;
		return next !== null;
	};

	const goOn = async (mine: Walk): Promise<void> => {
		try {
			while (isCurrent(mine) && (await step(mine)));
		} catch {
			if (!isCurrent(mine)) return;
			const delayMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** mine.failures++);
			cancelRetry = clock.timer(delayMs, () => void goOn(mine));
		}
	};

	const start = (): Walk => {
		cancelRetry?.();
		cancelReload?.();
		cancelReload = undefined;
		isDueAgain = false;
		return (walk = {before: undefined, failures: 0, startedAtMs: clock.now()});
	};

	const reload = () => void goOn(start());

	const reloadSoon = () => {
		isDueAgain = true;
		if (walk || cancelReload || isPaused) return;
		cancelReload = clock.timer(Math.max(REFRESH_AFTER_MS, reloadAtMs - clock.now()), reload);
	};

	const refreshOne = async (id: string) => {
		try {
			const file = await api.file(id);
			if (stale.delete(id) && files.put(file)) onChange();
		} catch (error) {
			const isGone = error instanceof AnswerError && error.code === 'FILE_NOT_FOUND';
			if (stale.delete(id) && isGone && files.remove(id)) onChange();
		}
	};

	const refreshStale = async () => {
		cancelRefresh = undefined;
		if (isPaused) return;
		if (stale.size > MOST_REFRESHED) {
			stale.clear();
			reloadSoon();
			return;
		}

		for (const id of [...stale]) await refreshOne(id);
	};

	return {
		async load() {
			isPaused = false;
			const mine = start();
			if (await step(mine)) void goOn(mine);
		},
		resume() {
			isPaused = false;
			if (walk) void goOn(walk);
			else if (isDueAgain) reloadSoon();
			if (stale.size > 0) cancelRefresh ??= clock.timer(REFRESH_AFTER_MS, () => void refreshStale());
		},
		pause() {
			isPaused = true;
			for (const cancel of [cancelRetry, cancelReload, cancelRefresh]) cancel?.();
			cancelReload = undefined;
			cancelRefresh = undefined;
			// Whoever still waits for a page must not take it for one of the next loading.
			if (walk) walk = {...walk};
		},
		reloadSoon,
		reload() {
			if (isPaused) isDueAgain = true;
			else reload();
		},
		refresh(id) {
			stale.add(id);
			if (!isPaused) cancelRefresh ??= clock.timer(REFRESH_AFTER_MS, () => void refreshStale());
		},
		forget: id => void stale.delete(id),
	};
};
