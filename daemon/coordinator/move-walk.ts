import type {Errand} from '../core/moves.js';
import type {ChunkRecord} from '../core/model.js';
import type {Obstacle} from '../core/repair.js';
import type {Catalog} from '../ports/catalog.js';

/** How a move ended; see `Outcome` in `repair-work.ts`. */
type Ended = 'copied' | 'failed' | 'stale';

/** A way through the chunks of a node that is to be relieved, from the first to the last, again and again. */
export type MoveWalk = {
	readonly errand: Errand;
	/** The chunk that is to be looked at; `undefined` at the end of a pass. */
	look: () => Promise<ChunkRecord | undefined>;
	/** Goes on to the next one. */
	pass: () => void;
	/** What was looked at can't be moved now. */
	block: (reason: Obstacle) => void;
	noteEnd: (ended: Ended) => void;
	/** Rests before the next pass, for longer each time that one moved nothing. Times are monotonic milliseconds. */
	endPass: (nowMs: number) => void;
	isResting: (nowMs: number) => boolean;
	/** Something changed: what could not be moved may be. */
	retry: () => void;
	/** How many can't be moved, and why one of them can't: of this pass, or of the last one as long as that knew more. */
	blocked: () => {count: number; obstacle: Obstacle | undefined};
};

type Rests = {firstMs: number; longestMs: number};

/** What somebody waits for is tried again sooner than what nobody would miss. */
const forcedRests: Rests = {firstMs: 5_000, longestMs: 300_000};
const otherRests: Rests = {firstMs: 60_000, longestMs: 3_600_000};

export const isForced = ({reason}: Pick<Errand, 'reason'>): boolean => reason === 'drain' || reason === 'shrink';

type Pass = {blocked: number; obstacle: Obstacle | undefined; moved: number};
const emptyPass: Pass = {blocked: 0, obstacle: undefined, moved: 0};

export const createMoveWalk = (catalog: Pick<Catalog, 'chunksOn'>, errand: Errand): MoveWalk => {
	const {firstMs, longestMs} = isForced(errand) ? forcedRests : otherRests;
	let chunks: AsyncIterator<ChunkRecord> | undefined;
	let head: ChunkRecord | undefined;
	let isEnded = false;
	let present = emptyPass;
	let last = emptyPass;
	let tries = 0;
	let restsUntilMs = -Infinity;

	return {
		errand,
		async look() {
			if (head || isEnded) return head;
			chunks ??= catalog.chunksOn(errand.from)[Symbol.asyncIterator]();
			const next = await chunks.next();
			isEnded = next.done === true;
			head = next.done ? undefined : next.value;
			return head;
		},
		pass: () => (head = undefined),
		block(obstacle) {
			head = undefined;
			present = {...present, blocked: present.blocked + 1, obstacle};
		},
		noteEnd(ended) {
			if (ended === 'copied') present = {...present, moved: present.moved + 1};
		},
		endPass(nowMs) {
			tries = present.moved > 0 ? 0 : tries + 1;
			restsUntilMs = nowMs + Math.min(longestMs, firstMs * 2 ** Math.max(0, Math.min(tries, 12) - 1));
			last = present;
			present = emptyPass;
			chunks = undefined;
			isEnded = false;
		},
		isResting: nowMs => nowMs < restsUntilMs,
		retry() {
			tries = 0;
			restsUntilMs = -Infinity;
		},
		blocked() {
			const {blocked: count, obstacle} = present.blocked >= last.blocked ? present : last;
			return {count, obstacle};
		},
	};
};
