import type {HeartbeatBody} from '../../source/protocol/api.js';
import type {Digest} from '../../source/protocol/ids.js';
import type {ScrubFault} from '../../source/protocol/node-care.js';
import type {Catalog} from '../ports/catalog.js';
import type {NodeState} from './fleet.js';
import {nameInText} from './name-in-text.js';
import type {Note} from './note.js';
import type {ShardHealth} from './shard-health.js';

type Report = NonNullable<HeartbeatBody['scrub']>;

type ScrubReportsOptions = {
	catalog: Pick<Catalog, 'chunkWith'>;
	health: ShardHealth;
	note: Note;
};

export type ScrubReports = {
	/** Takes in how far a node's scrub is, and writes down the bad shards that it found: durably when it returns. */
	takeIn: (state: NodeState, report: Report) => Promise<void>;
};

const words: Record<ScrubFault, string> = {
	corrupt: 'went bad',
	unreadable: 'cannot be read off its disk',
	missing: 'is gone',
};

/** A node that finds a bad shard itself is honest: the shard is replaced, and nothing is held against its node. */
export const createScrubReports = ({catalog, health, note}: ScrubReportsOptions): ScrubReports => ({
	async takeIn(state, {started_at: startedAt, up_to: upTo, progress, completed, faults}) {
		const {_id: node, name, owner} = state.record;
		for (const {digest, kind} of faults as {digest: Digest; kind: ScrubFault}[]) {
			const chunk = await catalog.chunkWith(digest);
			const isCounted = chunk?.shards.some(shard => shard.node === node && shard.digest === digest && !shard.fault);
			if (!chunk || !isCounted) continue;
			note('WARN', `Node ${nameInText(name)} found by itself that a shard ${words[kind]}: it is replaced`, {
				node,
				owner,
			});
			await health.record(chunk._id, [{node, digest, result: kind === 'missing' ? 'missing' : 'corrupt'}]);
		}

		state.record = {
			...state.record,
			scrub: {
				startedAt,
				progress,
				...(upTo !== undefined && {upTo: upTo as Digest}),
				...(completed && {completed: {startedAt: completed.started_at, endedAt: completed.ended_at}}),
			},
		};
	},
});
