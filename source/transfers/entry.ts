import {CHUNK_SIZE_BYTES, chunkCountOf} from '../protocol/chunking.js';
import type {Rate} from './rate.js';
import type {Transfer} from './transfer.js';

/** A transfer as the queue works on it. It changes; `snapshot` is what others see of it. */
export type Entry = {
	readonly id: number;
	readonly kind: Transfer['kind'];
	readonly name: string;
	readonly path: string;
	readonly queuedAtMs: number;
	readonly overwrite: boolean;
	/** Whether an upload is sealed end to end. */
	readonly isSealed: boolean;
	fileId: string | undefined;
	state: Transfer['state'];
	sizeBytes: number | undefined;
	doneBytes: number;
	problem: string | undefined;
	endedAtMs: number | undefined;
	/** How fast the try that runs is. */
	rate: Rate | undefined;
	/** What was last shown of its progress. */
	shown: {doneBytes: number; rate: number} | undefined;
	/** Tries in a row that failed without getting anywhere. */
	failedTries: number;
	/** Stops the try that runs; `undefined` where none does. It may be under way still when the state says otherwise. */
	controller: AbortController | undefined;
	/** Whether something is still being done with its files: nothing else may begin before that ends. */
	isOccupied: boolean;
	/** Where it waits: how to stop that, and whether the coordinator named the time. */
	wait: {cancel: () => void; isFixed: boolean} | undefined;
	/** `undefined` where it must be made anew. */
	snapshot: Transfer | undefined;
};

type New = Pick<
	Entry,
	'id' | 'kind' | 'name' | 'path' | 'queuedAtMs' | 'overwrite' | 'isSealed' | 'fileId' | 'sizeBytes'
>;

export const createEntry = (about: New): Entry => ({
	...about,
	state: 'queued',
	doneBytes: 0,
	problem: undefined,
	endedAtMs: undefined,
	rate: undefined,
	shown: undefined,
	failedTries: 0,
	controller: undefined,
	isOccupied: false,
	wait: undefined,
	snapshot: undefined,
});

export const hasEnded = ({state}: Pick<Entry, 'state'>): boolean =>
	state === 'done' || state === 'failed' || state === 'cancelled';

export const snapshotOf = (entry: Entry): Transfer => {
	const {id, kind, name, path, isSealed, state, sizeBytes, doneBytes, queuedAtMs, fileId, problem, endedAtMs} = entry;
	const chunks = sizeBytes === undefined ? undefined : chunkCountOf(sizeBytes);
	const isThrough = chunks !== undefined && doneBytes === sizeBytes;
	const rate = state === 'active' ? (entry.rate?.value() ?? 0) : 0;
	const isForeseeable = rate > 0 && sizeBytes !== undefined;
	return {
		...{id, kind, name, path, state, sizeBytes, doneBytes, queuedAtMs, chunks, rate},
		doneChunks: isThrough ? chunks : Math.floor(doneBytes / CHUNK_SIZE_BYTES),
		remainingMs: isForeseeable ? Math.round(((sizeBytes - doneBytes) * 1000) / rate) : undefined,
		...(isSealed && {isSealed}),
		...(fileId !== undefined && {fileId}),
		...(problem !== undefined && {problem}),
		...(endedAtMs !== undefined && {endedAtMs}),
	};
};
