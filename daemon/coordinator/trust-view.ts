import type {NodeView} from '../../source/protocol/api.js';
import type {NodeRecord} from '../core/model.js';
import {scoreOf} from '../core/standing.js';

/**
How far a node is trusted, and how far its scrub is, as the API shows it. Its standing is that of when it was last heard of: a
node that is away earns nothing.
*/
export const trustView = (record: NodeRecord): Pick<NodeView, 'suspended' | 'standing' | 'scrub'> => {
	const {suspension, audits, scrub, lastSeenAt} = record;
	return {
		...(suspension && {
			suspended: {since: suspension.since, reason: suspension.reason, passes_left: suspension.passesLeft},
		}),
		standing: {
			score: Math.round(scoreOf(record, lastSeenAt) * 10) / 10,
			audits_passed: audits?.passed ?? 0,
			audits_failed: audits?.failed ?? 0,
			last_audit_at: audits?.lastAt ?? null,
			last_passed_at: audits?.lastPassedAt ?? null,
		},
		...(scrub && {
			scrub: {
				started_at: scrub.startedAt,
				progress: scrub.progress,
				completed_at: scrub.completed?.endedAt ?? null,
			},
		}),
	};
};
