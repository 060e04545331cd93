import {AnswerError, UnreachableError} from '../client/errors.js';
import type {ReplicationPage} from '../client/api.js';
import type {Console} from '../console/view.js';
import type {ChunkView} from '../protocol/api.js';
import {chunkStateOf} from './redundancy.js';
import {type ChunkStates, createChunkStates} from './replication-map.js';

/** Where the shards of a file's chunks are, as far as it was asked for. */
export type Replication = {
	/** `undefined` until the first answer. */
	states: () => ChunkStates | undefined;
	/** A chunk with its shards; `undefined` where it must be asked for, see `want`. */
	chunk: (index: number) => ChunkView | undefined;
	/** The nodes that hold, or should hold, something of it. */
	holders: () => ReadonlySet<string>;
	isLoading: () => boolean;
	/** Why the last answer is not here, and what to do about it. */
	problem: () => string | undefined;
	/** Whether it failed because the coordinator could not be reached: then it helps to ask again once it can. */
	isCutOff: () => boolean;
	/** Asks for all of it anew, page by page. What is here stays until the answer comes. */
	load: () => void;
	/** The same, soon: many calls are one, and it is never asked for all the time. */
	loadSoon: () => void;
	/** Asks for the shards of one chunk, unless they are here, once it was wanted for a moment. */
	want: (index: number) => void;
	close: () => void;
};

type Options = {
	console: Console;
	fileId: string;
	/** At most so many chunks are asked for. */
	mostChunks?: number;
};

// A page takes some 10 ms to read and check: keys are not to wait longer.
const PAGE_CHUNKS = 500;
/** Chunks whose shards are kept. Others are asked for again when they are chosen. */
const MOST_DETAILED = 2000;
const NEIGHBOURS = 20;
const WANT_AFTER_MS = 100;
const SHORTEST_PAUSE_MS = 1000;
/** Of the time, asking takes at most a fifth. */
const PAUSE_FACTOR = 4;

const MOST_HOLDERS = 10_000;

const reasonOf = (error: unknown): string => {
	if (error instanceof AnswerError && error.code === 'FILE_NOT_FOUND')
		return 'The file is no longer stored. Esc goes back.';
	return `${error instanceof Error ? error.message : String(error)} (r asks again)`;
};

/** What came in pages, in bounded room. */
const createKeeper = () => {
	let states: ChunkStates | undefined;
	const details = new Map<number, ChunkView>();
	const holders = new Set<string>();
	return {
		states: () => states,
		chunk: (index: number) => details.get(index),
		holders,
		take: ({chunks, chunks_count: count}: ReplicationPage): void => {
			states ??= createChunkStates(count);
			for (const chunk of chunks) {
				states.put(chunk.index, chunkStateOf(chunk));
				details.delete(chunk.index);
				details.set(chunk.index, chunk);
				for (const {node_id: id} of chunk.shards) if (holders.size < MOST_HOLDERS) holders.add(id);
			}

			for (const index of details.keys()) {
				if (details.size <= MOST_DETAILED) break;
				details.delete(index);
			}
		},
	};
};

type Loader = {console: Console; isClosed: () => boolean; take: (page: ReplicationPage) => void; mostChunks: number};

/** Every page after another. Ends early where nobody waits for it any more. */
const loadPages = async (fileId: string, {console, isClosed, take, mostChunks}: Loader): Promise<void> => {
	let after: number | undefined;
	for (;;) {
		const limit = Math.min(PAGE_CHUNKS, mostChunks);
		const page = await console.api.replication(fileId, {limit, ...(after !== undefined && {after})});
		if (isClosed()) return;
		take(page);
		console.changed();
		const next = page.next_after;
		if (next === null || next <= (after ?? -1) || next + 1 >= mostChunks) return;
		after = next;
	}
};

/** Does something once after a while, however often it is asked for. Another call can begin the while anew. */
const createDelay = ({clock}: Console) => {
	let cancel: (() => void) | undefined;
	const stop = () => {
		cancel?.();
		cancel = undefined;
	};

	return {
		stop,
		isWaiting: () => cancel !== undefined,
		start(afterMs: number, run: () => void) {
			stop();
			cancel = clock.timer(afterMs, () => {
				cancel = undefined;
				run();
			});
		},
	};
};

export const createReplication = ({console, fileId, mostChunks = Infinity}: Options): Replication => {
	const {api, clock, changed} = console;
	const keeper = createKeeper();
	const again = createDelay(console);
	const wanting = createDelay(console);
	let failure: {error: unknown} | undefined;
	let isLoading = false;
	let isOutdated = false;
	const isAskedMeanwhile = () => isOutdated;
	let isClosed = false;
	let pauseMs = SHORTEST_PAUSE_MS;

	const load = async () => {
		isLoading = true;
		isOutdated = false;
		again.stop();
		const startedMs = clock.now();
		try {
			await loadPages(fileId, {console, isClosed: () => isClosed, take: keeper.take, mostChunks});
			failure = undefined;
		} catch (error) {
			failure = {error};
		}

		isLoading = false;
		pauseMs = Math.max(SHORTEST_PAUSE_MS, PAUSE_FACTOR * (clock.now() - startedMs));
		if (isClosed) return;
		if (isAskedMeanwhile()) loadSoon();
		changed();
	};

	const loadSoon = () => {
		isOutdated = true;
		if (!isLoading && !again.isWaiting()) again.start(pauseMs, () => void load());
	};

	const fetchAround = async (index: number) => {
		const before = Math.max(0, index - NEIGHBOURS) - 1;
		try {
			const page = await api.replication(fileId, {limit: 2 * NEIGHBOURS + 1, ...(before >= 0 && {after: before})});
			if (isClosed) return;
			keeper.take(page);
		} catch (error) {
			failure = {error};
		}

		changed();
	};

	return {
		states: keeper.states,
		chunk: keeper.chunk,
		holders: () => keeper.holders,
		isLoading: () => isLoading,
		problem: () => failure && reasonOf(failure.error),
		isCutOff: () => failure?.error instanceof UnreachableError,
		load() {
			if (isLoading) isOutdated = true;
			else void load();
		},
		loadSoon,
		want(index) {
			wanting.stop();
			if (keeper.states()?.get(index) === undefined || keeper.chunk(index) !== undefined) return;
			wanting.start(WANT_AFTER_MS, () => void fetchAround(index));
		},
		close() {
			isClosed = true;
			again.stop();
			wanting.stop();
		},
	};
};
