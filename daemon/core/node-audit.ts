import type {NodeId} from '../../source/protocol/ids.js';
import type {suspensionReasons} from '../../source/protocol/node-care.js';
import {isExcused} from './condition.js';
import type {Audits, NodeRecord} from './model.js';

/**
Audits of nodes: each must prove again and again that it holds a shard chosen by chance among those that the catalogue counts
on. Not to be taken for the audit log, which says what people did.
*/

/** What a node's answer to a challenge is. `silent`: none came in time, or none that is one. */
export type Answer =
	{kind: 'proof'; proof: string} | {kind: 'missing'} | {kind: 'corrupt'} | {kind: 'unreadable'} | {kind: 'silent'};

/** A node that was asked: the one that the audit is of, or another that has the same shard. */
export type Witness = {node: NodeId; owner: string; answer: Answer};

export type Failure = (typeof suspensionReasons)[number];

/** Each node that is there is audited this often at least, and somewhat oftener, so that no hour is missed. */
export const AUDIT_EVERY_MS = 3_600_000;
/** While it is suspended; and where it did not answer. */
export const AUDIT_AGAIN_MS = 240_000;
/** How many audits in a row a suspended node must pass to be back. */
export const PASSES_NEEDED = 3;
/** How often in a row a node that is online may leave an audit without an answer. */
export const SILENCES_ALLOWED = 5;
/** How often a shard is read although nobody is doubted: all who hold it may tell the same lie. */
const WHOLE_READ_SHARE = 1 / 8;
/** Audits that were asked for in between say nothing new of a node. */
const LEAST_SPACING_MS = 180_000;
const EARLIEST_SHARE = 0.6;
const LATEST_SHARE = 0.95;
/** Those that are overdue when the coordinator starts come spread over so long. */
const CATCH_UP_MS = 600_000;
export const FAILURE_HALF_LIFE_MS = 30 * 86_400_000;

/**
When a node's next audit is due. `chance` is from 0 up to 1. A node that is suspended is asked again after minutes.
*/
export const nextAuditAt = (
	{audits, suspension}: Pick<NodeRecord, 'audits' | 'suspension'>,
	now: number,
	chance: number,
): number => {
	if (suspension) {
		const last = Math.min(now, audits?.lastAt ?? suspension.since);
		return Math.max(now, last + AUDIT_AGAIN_MS);
	}

	const share = EARLIEST_SHARE + chance * (LATEST_SHARE - EARLIEST_SHARE);
	const dueAt = (audits?.lastAt ?? -Infinity) + share * AUDIT_EVERY_MS;
	// A clock that was set back must not put it off.
	return Math.max(now + chance * CATCH_UP_MS, Math.min(dueAt, now + AUDIT_EVERY_MS));
};

/** Whether a node can be audited now. What one in maintenance does not answer is not held against it. */
export const mayAudit = (record: NodeRecord, now: number): boolean =>
	record.bannedAt === undefined && !isExcused(record, now);

/**
Whose shards are to be read whole after all were asked the same: nothing that a node says of itself is believed for its own
sake. Answers that agree, of nodes that are not all one owner's, bear each other out; but for one time in eight.
*/
export const doubted = (subject: NodeId, witnesses: readonly Witness[], chance: number): NodeId[] => {
	const proofs = witnesses.flatMap(({node, owner, answer}) =>
		answer.kind === 'proof' ? [{node, owner, proof: answer.proof}] : [],
	);
	const isAnswered = proofs.some(({node}) => node === subject);
	if (new Set(proofs.map(({proof}) => proof)).size > 1) return proofs.map(({node}) => node);
	if (!isAnswered) return [];
	if (new Set(proofs.map(({owner}) => owner)).size < 2) return proofs.map(({node}) => node);
	return chance < WHOLE_READ_SHARE ? [subject] : [];
};

const noAudits: Omit<Audits, 'lastAt'> = {passed: 0, failed: 0, inARow: 0};

/** What its failures still weigh: each half as much every 30 days. */
export const failureWeight = ({failures}: Pick<Audits, 'failures'>, now: number): number =>
	failures === undefined ? 0 : failures.weight * 0.5 ** (Math.max(0, now - failures.at) / FAILURE_HALF_LIFE_MS);

const afterPass = (record: NodeRecord, now: number): NodeRecord => {
	const before = record.audits ?? {...noAudits, lastAt: -Infinity};
	const isSoon = before.lastAt <= now && now - before.lastAt < LEAST_SPACING_MS;
	if (isSoon) return {...record, audits: {...before, lastPassedAt: now}};
	const {suspension, ...rest} = record;
	const {passed, inARow} = before;
	const audits = {...before, passed: passed + 1, inARow: inARow + 1, lastAt: now, lastPassedAt: now};
	const passesLeft = (suspension?.passesLeft ?? 0) - 1;
	return suspension && passesLeft > 0 ? {...rest, audits, suspension: {...suspension, passesLeft}} : {...rest, audits};
};

/** A node that fails while it is suspended begins its way back anew. */
const afterFailure = (record: NodeRecord, reason: Failure, now: number): NodeRecord => {
	const before = record.audits ?? {...noAudits, lastAt: now};
	const failures = {weight: failureWeight(before, now) + 1, at: now};
	const since = record.suspension?.since ?? now;
	return {
		...record,
		audits: {...before, failed: before.failed + 1, inARow: 0, lastAt: now, failures},
		suspension: {since, reason, passesLeft: PASSES_NEEDED},
	};
};

/** A node's record after an audit. */
export const afterAudit = (record: NodeRecord, outcome: 'passed' | Failure, now: number): NodeRecord =>
	outcome === 'passed' ? afterPass(record, now) : afterFailure(record, outcome, now);
