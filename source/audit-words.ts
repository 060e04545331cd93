import type {NodeAuditView} from './protocol/api.js';

/** What came of having a node prove what it holds, after its name. */
export const auditWords: Record<NodeAuditView['outcome'], string> = {
	passed: 'has proved that it holds what it was asked for',
	missing: 'lacks a shard that it should hold, and is suspended',
	corrupt: 'holds other bytes than it should, and is suspended',
	'no-proof': 'did not prove what it holds again and again, and is suspended',
	unreadable: 'cannot read a shard off its disk: it is replaced',
	silent: 'gave no answer',
	'nothing-held': 'holds nothing that it could be asked for',
	stale: 'was asked for a shard that changed meanwhile: try again',
};
