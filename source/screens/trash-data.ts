import type {TrashedFile, TrashPage} from '../client/contract.js';
import type {OpenedFile} from '../client/opened-files.js';
import type {Console} from '../console/view.js';
import {sentence} from './waiting.js';

export type Trashed = OpenedFile<TrashedFile>;

export type TrashState = {
	/** What was deleted last first, as far as it was asked for; `undefined` until the first answer. */
	files: readonly Trashed[] | undefined;
	total: number;
	totalSize: number;
	/** Why the newest could not be had, and what to do. */
	problem: string | undefined;
};

export type TrashData = {
	get: () => TrashState;
	reload: () => Promise<void>;
	/** Asks for the page after those that are here, where there is one. */
	fetchNext: () => void;
	/** Follows the network: what others delete and bring back is seen too. */
	start: () => void;
	stop: () => void;
};

const PAGE_FILES = 500;
const MOST_FILES = 20_000;
const RELOAD_AFTER_MS = 1_000;

export const createTrashData = ({api, live, clock, changed}: Console): TrashData => {
	let state: TrashState = {files: undefined, total: 0, totalSize: 0, problem: undefined};
	let next: string | undefined;
	/** How often it was asked anew: what was asked before is old. */
	let round = 0;
	let isPaging = false;
	let cancel: (() => void) | undefined;
	let unsubscribe: (() => void) | undefined;
	let seen: readonly unknown[] = [];

	const take = (page: TrashPage, before: readonly Trashed[]) => {
		const files = [...before, ...page.files];
		next = files.length >= MOST_FILES ? undefined : (page.next_before ?? undefined);
		state = {files, total: page.total, totalSize: page.total_size, problem: undefined};
		changed();
	};

	const ask = async (mine: number, before: string | undefined, kept: readonly Trashed[]) => {
		isPaging = true;
		try {
			const page = await api.trash({limit: PAGE_FILES, ...(before !== undefined && {before})});
			if (mine === round) take(page, kept);
		} catch (error) {
			if (mine !== round) return;
			state = {...state, problem: sentence(error instanceof Error ? error.message : String(error))};
			changed();
		} finally {
			if (mine === round) isPaging = false;
		}
	};

	const reload = async () => {
		cancel?.();
		cancel = undefined;
		await ask(++round, undefined, []);
	};

	/** Whether anything is another than when it was looked at last. */
	const isOther = (): boolean => {
		const {stats, connection} = live.get();
		const before = seen;
		seen = [stats?.trash.files, stats?.trash.bytes, connection.state];
		return seen.some((part, at) => part !== before[at]);
	};

	const look = () => {
		if (isOther()) cancel ??= clock.timer(RELOAD_AFTER_MS, () => void reload());
	};

	return {
		get: () => state,
		reload,
		fetchNext() {
			if (!isPaging && next !== undefined && state.problem === undefined) void ask(round, next, state.files ?? []);
		},
		start() {
			if (unsubscribe) return;
			unsubscribe = live.subscribe(look);
			if (isOther() || state.files === undefined) void reload();
		},
		stop() {
			round++;
			isPaging = false;
			cancel?.();
			cancel = undefined;
			unsubscribe?.();
			unsubscribe = undefined;
		},
	};
};
