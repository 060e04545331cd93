import {AnswerError, UnreachableError} from '../client/errors.js';
import {errorKinds, isErrorCode} from '../protocol/errors.js';

/** What comes of a try that failed. */
export type Verdict =
	| {kind: 'failed'}
	/** Tried again after `afterMs`; sooner where there is a sign that it may work, unless the coordinator named that time. */
	| {kind: 'waiting'; afterMs: number; isFixed: boolean};

/** So often in a row may the coordinator answer with an error that may pass. One that is not reached is tried for ever. */
export const MAX_ANSWERED_TRIES = 5;

const SHORTEST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
/** The longest that the coordinator can make us wait. */
const LONGEST_ASKED_WAIT_MS = 300_000;

const passingStatuses = new Set([408, 429, 502, 503, 504]);

/** How long to wait before a try: doubled each time, from 1 to 30 s, and different for everybody. */
export const backoffMs = (failedTries: number, random: () => number): number => {
	const upTo = Math.min(LONGEST_WAIT_MS, SHORTEST_WAIT_MS * 2 ** Math.min(failedTries, 10));
	return Math.max(SHORTEST_WAIT_MS, Math.round(upTo / 2 + (upTo / 2) * random()));
};

const mayPass = ({code, status, retryAfterMs}: AnswerError): boolean => {
	// Room on the nodes does not come back by itself.
	if (code === 'INSUFFICIENT_STORAGE') return false;
	if (retryAfterMs !== undefined || (status !== undefined && passingStatuses.has(status))) return true;
	return isErrorCode(code) && errorKinds[code].retryable;
};

/**
Whether a transfer goes on by itself after an error.

@param failedTries - How many tries in a row failed, this one included.
*/
export const judge = (error: unknown, failedTries: number, random: () => number): Verdict => {
	if (error instanceof UnreachableError) {
		return {kind: 'waiting', afterMs: backoffMs(failedTries - 1, random), isFixed: false};
	}

	if (!(error instanceof AnswerError) || !mayPass(error) || failedTries >= MAX_ANSWERED_TRIES) return {kind: 'failed'};
	const ownMs = backoffMs(failedTries - 1, random);
	const {retryAfterMs} = error;
	if (retryAfterMs === undefined) return {kind: 'waiting', afterMs: ownMs, isFixed: false};
	const askedMs = Math.min(LONGEST_ASKED_WAIT_MS, retryAfterMs);
	return {kind: 'waiting', afterMs: Math.max(askedMs, SHORTEST_WAIT_MS), isFixed: true};
};
