import {formatSize} from '../../source/protocol/units.js';
import type {Obstacle} from '../core/repair.js';
import type {Clock} from '../ports/clock.js';
import type {Note} from './note.js';
import {createRate} from './rate.js';
import type {Outcome} from './repair-work.js';

type Totals = {chunks: number; copies: number; bytes: number; trimmed: number};

export type RepairDiary = {
	/** Counts what was done. */
	add: (outcome: Outcome) => void;
	/** Writes into the activity log what there is to say by now: what many chunks have in common, in a line. */
	tell: (now: {isBusy: boolean; blocked: number; obstacle: Obstacle | undefined}) => void;
	/** Since the coordinator started. */
	totals: () => Totals;
	/** Of late. */
	bytesPerSecond: () => number;
};

/** How long a storm may go on before the log hears of it again. */
const LINE_EVERY_MS = 300_000;
/** How soon after the last line a new one may come where all is done. */
const LINE_AT_REST_MS = 30_000;
const RATE_OVER_MS = 15_000;

export const many = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

export const obstacleTexts: Record<Obstacle, string> = {
	'no-source': 'no node with a sound copy is online',
	'too-few-nodes': 'too few nodes are online that lack a copy',
	'no-space': 'no other node has the room',
};

const none: Totals = {chunks: 0, copies: 0, bytes: 0, trimmed: 0};

export const createRepairDiary = ({clock, note}: {clock: Pick<Clock, 'monotonicMs'>; note: Note}): RepairDiary => {
	let totals = none;
	/** What the log knows nothing of yet. */
	let untold = none;
	let toldAt = -Infinity;
	let blockedToldAt = -Infinity;
	const rate = createRate(clock, RATE_OVER_MS);

	const plus = (sum: Totals, outcome: Outcome): Totals => {
		if (outcome.kind === 'trimmed') return {...sum, trimmed: sum.trimmed + outcome.shards};
		if (outcome.kind !== 'copied') return sum;
		const {chunks, copies, bytes} = sum;
		return {...sum, chunks: chunks + 1, copies: copies + outcome.copies, bytes: bytes + outcome.bytes};
	};

	const tellDone = () => {
		const {chunks, copies, bytes, trimmed} = untold;
		if (chunks > 0) {
			note('INFO', `Repaired ${many(chunks, 'chunk')}: ${many(copies, 'new shard')}, ${formatSize(bytes)}`);
		}

		if (trimmed > 0) note('INFO', `Forgot ${many(trimmed, 'shard')} that chunks no longer need`);
		untold = none;
		toldAt = clock.monotonicMs();
	};

	return {
		add(outcome) {
			totals = plus(totals, outcome);
			untold = plus(untold, outcome);
			if (outcome.kind === 'copied') rate.add(outcome.bytes);
		},
		tell({isBusy, blocked, obstacle}) {
			const now = clock.monotonicMs();
			const restMs = isBusy ? LINE_EVERY_MS : LINE_AT_REST_MS;
			if (untold.chunks + untold.trimmed > 0 && now >= toldAt + restMs) tellDone();
			if (blocked === 0 || !obstacle || now < blockedToldAt + LINE_EVERY_MS) return;
			note('WARN', `${many(blocked, 'chunk')} can't be repaired now: ${obstacleTexts[obstacle]}`);
			blockedToldAt = now;
		},
		totals: () => totals,
		bytesPerSecond: rate.perSecond,
	};
};
