import type {Digest} from '../../source/protocol/ids.js';
import type {Scrub, ShardRecord} from './model.js';

/**
How a node re-reads its shards: in the order of their digests, which are as good as evenly spread, so that one digest says how
far a pass is, and each shard has its moment in it.
*/

/** What share of its time a pass aims at: the rest is for nodes that are busy or off now and then. */
const AIM_SHARE = 0.8;
const DIGITS = 8;

/** How far along all digests this one is: from 0 up to 1. */
export const placeOf = (digest: Digest): number => Number.parseInt(digest.slice(0, DIGITS), 16) / 16 ** DIGITS;

/** When a shard's turn comes in a pass that began at `startedAt` and may take `periodMs`. */
export const dueAtOf = (digest: Digest, startedAt: number, periodMs: number): number =>
	startedAt + placeOf(digest) * AIM_SHARE * periodMs;

/** When a pass is over at the earliest: the next one begins then. */
export const earliestEndOf = (startedAt: number, periodMs: number): number => startedAt + AIM_SHARE * periodMs;

export type Pass = {
	startedAt: number;
	/** From 0 to 1. */
	progress: number;
	/** What the node stores. */
	storedBytes: number;
	periodMs: number;
	/** 0 for any. */
	bytesPerSecond: number;
};

/** Whether a pass can't end in time any more, at the rate that it may go at. */
export const isBehind = ({startedAt, progress, storedBytes, periodMs, bytesPerSecond}: Pass, now: number): boolean => {
	const leftBytes = (1 - progress) * storedBytes;
	if (leftBytes === 0) return false;
	const leftMs = startedAt + periodMs - now;
	if (leftMs <= 0) return true;
	return bytesPerSecond > 0 && leftBytes / (leftMs / 1000) > bytesPerSecond;
};

/**
When a copy was last verified: what its record says, or what its node's scrub does where that is later. So a pass over a
million shards changes no record but the node's.
*/
export const verifiedAtOf = ({digest, verifiedAt, fault}: ShardRecord, scrub: Scrub | undefined): number => {
	if (fault || !scrub) return verifiedAt;
	const {startedAt, upTo, completed} = scrub;
	const isPassed = upTo !== undefined && digest <= upTo;
	return Math.max(verifiedAt, isPassed ? startedAt : (completed?.startedAt ?? 0));
};
