import {AnswerError} from '../client/errors.js';
import type {LiveState} from '../client/live-state.js';
import type {OpenedFile} from '../client/opened-files.js';
import type {Console} from '../console/view.js';
import type {ChunkView} from '../protocol/api.js';
import type {ChunkPlace} from './healing-rows.js';
import {sentence} from './waiting.js';

/** One chunk and its file, asked for anew when something changes that may concern it. */
export type ChunkWatch = {
	/** `undefined` until the first answer. */
	chunk: () => ChunkView | undefined;
	file: () => OpenedFile | undefined;
	/** Why it is not here, or not the newest, and what to do. */
	problem: () => string | undefined;
	refresh: () => void;
	/** Follows the network from now on, until `stop`. */
	start: () => void;
	stop: () => void;
};

/** However often something changes, it is asked for once in so long. */
const REFRESH_AFTER_MS = 2_000;

const problemOf = (error: unknown): string => {
	if (error instanceof AnswerError && error.code === 'FILE_NOT_FOUND')
		return 'The file is no longer stored. Esc goes back.';
	return `${sentence(error instanceof Error ? error.message : String(error))} r asks again`;
};

export const createChunkWatch = (console: Console, {file: id, index}: ChunkPlace): ChunkWatch => {
	const {api, live, clock, changed} = console;
	let chunk: ChunkView | undefined;
	let fetched: OpenedFile | undefined;
	let problem: string | undefined;
	let round = 0;
	let cancel: (() => void) | undefined;
	let unsubscribe: (() => void) | undefined;
	let seen: readonly unknown[] = [];

	const listed = () => live.get().files?.list.find(each => each.file_id === id);

	const fetch = async () => {
		const page = await api.replication(id, {limit: 1, ...(index > 0 && {after: index - 1})});
		const found = page.chunks.find(each => each.index === index);
		if (!found) throw new Error(`The file has ${page.chunks_count} chunks, and no chunk ${index}`);
		return {found, about: listed() ?? (await api.file(id))};
	};

	const refresh = async () => {
		cancel?.();
		cancel = undefined;
		const mine = ++round;
		try {
			const {found, about} = await fetch();
			if (mine !== round) return;
			chunk = found;
			fetched = about;
			problem = undefined;
		} catch (error) {
			if (mine !== round) return;
			problem = problemOf(error);
		}

		changed();
	};

	const partsOf = ({repair, moves, nodes, faults, stats, connection}: LiveState) => [
		repair?.active,
		repair?.done.chunks,
		moves?.done.shards,
		nodes,
		faults,
		stats?.redundancy,
		connection.state,
	];

	const look = () => {
		const now = partsOf(live.get());
		const isOther = now.some((part, at) => part !== seen[at]);
		seen = now;
		if (isOther) cancel ??= clock.timer(REFRESH_AFTER_MS, () => void refresh());
	};

	return {
		chunk: () => chunk,
		file: () => fetched,
		problem: () => problem,
		refresh: () => void refresh(),
		start() {
			if (unsubscribe) return;
			seen = partsOf(live.get());
			unsubscribe = live.subscribe(look);
			void refresh();
		},
		stop() {
			round++;
			cancel?.();
			cancel = undefined;
			unsubscribe?.();
			unsubscribe = undefined;
		},
	};
};
