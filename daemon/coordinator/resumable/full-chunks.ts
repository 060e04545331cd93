import type {ChunkRecord} from '../../core/model.js';
import type {CountedUpload} from './counting.js';
import type {Filling} from './filling.js';

/** Two on their way while a third fills, as where a file comes at once. */
const CHUNKS_AT_ONCE = 3;

export type FullChunks = {
	/** Stores a full chunk while the next one fills; waits where too many are on their way. */
	send: (full: Filling) => Promise<void>;
	/** Resolves once none is on its way; with why not all of them are counted, where one failed. */
	settled: () => Promise<Error | undefined>;
	/** Where there is a checksum: what the catalogue is told at the end only. */
	held: readonly ChunkRecord[];
};

type FullChunkOptions = {
	place: (full: Filling, signal: AbortSignal) => Promise<ChunkRecord>;
	counted: CountedUpload;
	isHeld: boolean;
	/** Told once where one can't be stored or counted: then nothing more is to be read. */
	onFail: (error: unknown) => void;
};

/** Full chunks on their way to nodes, several at once; they are counted in their order. */
export const createFullChunks = ({place, counted, isHeld, onFail}: FullChunkOptions): FullChunks => {
	const storing = new AbortController();
	const inFlight = new Set<Promise<void>>();
	const held: ChunkRecord[] = [];
	let order: Promise<void> = Promise.resolve();

	const store = async (full: Filling, before: Promise<void>): Promise<void> => {
		let chunk: ChunkRecord | undefined;
		try {
			chunk = await place(full, storing.signal).finally(full.lease.release);
			await before;
			storing.signal.throwIfAborted();
			if (isHeld) held.push(chunk);
			else await counted.add([chunk]);
		} catch (error) {
			storing.abort(error);
			onFail(error);
			if (chunk) await counted.forget([chunk]);
		}
	};

	return {
		held,
		async send(full) {
			const work = store(full, order);
			order = work;
			inFlight.add(work);
			void work.finally(() => inFlight.delete(work));
			if (inFlight.size >= CHUNKS_AT_ONCE) await Promise.race(inFlight);
		},
		async settled() {
			await Promise.allSettled(inFlight);
			await order;
			return storing.signal.aborted ? (storing.signal.reason as Error) : undefined;
		},
	};
};
