import type {NodeRecord} from './model.js';
import {failureWeight} from './node-audit.js';

/**
A node's reputation, from 0 to 100: earned with the time since it joined and the audits that it passed, and halved by each
failure, which is forgiven in time. It says how many of the new shards come to it; what it has stays with it.
*/

/** What a node has that just joined. */
export const NEWCOMER_SCORE = 20;
const FULL_AGE_MS = 30 * 86_400_000;
const FULL_PASSES = 200;
/** What the least that a node can have counts beside the most. */
const LEAST_WEIGHT = 0.25;

type Judged = Pick<NodeRecord, 'registeredAt' | 'audits'>;

/** Time alone earns nothing, nor do many audits in a short time. */
export const scoreOf = ({registeredAt, audits}: Judged, now: number): number => {
	const age = Math.min(1, Math.max(0, now - registeredAt) / FULL_AGE_MS);
	const passes = Math.min(1, (audits?.passed ?? 0) / FULL_PASSES);
	const earned = NEWCOMER_SCORE + (100 - NEWCOMER_SCORE) * Math.min(age, passes);
	return earned * 0.5 ** (audits ? failureWeight(audits, now) : 0);
};

/** How much a node's room counts when nodes are chosen. */
export const placementWeight = (record: Judged, now: number): number =>
	LEAST_WEIGHT + (1 - LEAST_WEIGHT) * (scoreOf(record, now) / 100);
